/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of an upload. Each has a bound of its own and may come once; whatever is not known is refused, so that a
 * misspelt field is not silently ignored. */
#include <stdlib.h>
#include <string.h>

#include "service/rpc/web_private.h"

#define DEFAULT_FORMATS "html,md,json,text"

void web_form_init(struct web_form *form)
{
    *form = (struct web_form){.has_file = false};
    b_buf_init(&form->file, (size_t)WEB_FILE_MAX);
}

void web_form_free(struct web_form *form)
{
    explicit_bzero(form->password, sizeof form->password);
    b_buf_free(&form->file);
}

static enum b_code add_text(char *field, size_t max, const char *key, const char *data, uint64_t offset, size_t size,
                            struct b_err *err)
{
    const size_t have = strlen(field);
    if (offset != have)
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "the field '%.20s' comes twice", key);
    if (size >= max - have)
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "the field '%.20s' is longer than %zu bytes", key, max - 1);
    if (memchr(data, '\0', size))
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "the field '%.20s' holds a zero byte", key);
    memcpy(field + have, data, size);
    field[have + size] = '\0';
    return B_OK;
}

static enum b_code add_file(struct web_form *form, const char *name, const char *data, uint64_t offset, size_t size,
                            struct b_err *err)
{
    if (offset == 0) {
        if (form->has_file)
            return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "one file at a time: there is a second one");
        form->has_file = true;
        const size_t len = name ? strnlen(name, sizeof form->name - 1) : 0;
        memcpy(form->name, name ? name : "", len);
        form->name[len] = '\0';
    }
    b_buf_append(&form->file, data, size);
    return b_buf_check(&form->file, WEB_DOMAIN, err);
}

enum b_code web_form_add(struct web_form *form, const char *key, const char *file_name, const char *data,
                         uint64_t offset, size_t size, struct b_err *err)
{
    if (strcmp(key, "file") == 0)
        return add_file(form, file_name, data, offset, size, err);
    const struct {
        const char *key;
        char *text;
        size_t max;
    } fields[] = {
        {"pages", form->pages, sizeof form->pages},
        {"text_layer", form->text_layer, sizeof form->text_layer},
        {"password", form->password, sizeof form->password},
        {"formats", form->formats, sizeof form->formats},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(key, fields[i].key) == 0)
            return add_text(fields[i].text, fields[i].max, key, data, offset, size, err);
    return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "there is no field '%.20s'", key);
}

static enum b_code parse_pages(struct web_form *form, struct b_err *err)
{
    form->n_ranges = dp_page_ranges_parse(form->pages, form->ranges, WEB_RANGES);
    if (form->n_ranges > WEB_RANGES)
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "more than %d page ranges", WEB_RANGES);
    if (form->n_ranges > 0 || !form->pages[0])
        return B_OK;
    (void)b_fail(err, B_ARGUMENT, WEB_DOMAIN, "'%.60s' names no pages", form->pages);
    b_advise(err, "write them like 1-3,9: they count from 1");
    return B_ARGUMENT;
}

static enum b_code add_format(struct web_form *form, const char *name, size_t len, struct b_err *err)
{
    char text[24] = "";
    if (len < sizeof text)
        memcpy(text, name, len);
    const struct out_format *f = out_format_find(text);
    if (!f || f->side_outputs)
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "this page gives no format '%.*s'", (int)(len < 40 ? len : 40),
                      name);
    if (form->n_wanted == WEB_FORMATS)
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "more than %d formats", WEB_FORMATS);
    for (size_t i = 0; i < form->n_wanted; i++)
        if (form->wanted[i] == f)
            return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "the format '%s' is asked for twice", f->name);
    form->wanted[form->n_wanted++] = f;
    return B_OK;
}

enum b_code web_form_check(struct web_form *form, struct b_err *err)
{
    if (!form->has_file || form->file.len == 0)
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN,
                      form->has_file ? "the file is empty" : "there is no file in the request");
    if (form->text_layer[0] && strcmp(form->text_layer, "trust") != 0 && strcmp(form->text_layer, "off") != 0)
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "text_layer is 'trust' or 'off', not '%s'", form->text_layer);
    enum b_code code = parse_pages(form, err);
    for (const char *at = form->formats[0] ? form->formats : DEFAULT_FORMATS; code == B_OK;) {
        const size_t len = strcspn(at, ",");
        code = add_format(form, at, len, err);
        if (at[len] == '\0')
            break;
        at += len + 1;
    }
    return code;
}
