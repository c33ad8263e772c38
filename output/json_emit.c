/* SPDX-License-Identifier: Apache-2.0 */
/* Token-wise JSON. Not built on jansson, because a page must be written without a tree of its values and
 * numbers need fixed decimals (jansson prints up to 17 digits). */
#include "output/json_emit.h"

#include <inttypes.h>

#include "output/escape.h"

static void new_line(struct out_json *json)
{
    if (!json->pretty || json->flat > 0)
        return;
    b_buf_putc(json->buf, '\n');
    for (int i = 0; i < json->depth; i++)
        b_buf_puts(json->buf, "  ");
}

/* What stands in front of a value: comma, line break, key. */
static void lead(struct out_json *json, const char *key)
{
    if (json->need_comma)
        b_buf_puts(json->buf, json->pretty && json->flat > 0 ? ", " : ",");
    if (json->depth > 0)
        new_line(json);
    if (key) {
        out_json_string(json->buf, key);
        b_buf_puts(json->buf, json->pretty ? ": " : ":");
    }
    json->need_comma = true;
}

static void open_nest(struct out_json *json, const char *key, char bracket)
{
    lead(json, key);
    b_buf_putc(json->buf, bracket);
    json->depth++;
    json->need_comma = false;
}

static void close_nest(struct out_json *json, char bracket)
{
    json->depth--;
    if (json->need_comma)
        new_line(json);
    b_buf_putc(json->buf, bracket);
    json->need_comma = true;
}

void out_json_open_object(struct out_json *json, const char *key)
{
    open_nest(json, key, '{');
}

void out_json_close_object(struct out_json *json)
{
    close_nest(json, '}');
}

void out_json_open_array(struct out_json *json, const char *key)
{
    open_nest(json, key, '[');
}

void out_json_close_array(struct out_json *json)
{
    close_nest(json, ']');
}

void out_json_text(struct out_json *json, const char *key, const char *value)
{
    lead(json, key);
    out_json_string(json->buf, value);
}

void out_json_textn(struct out_json *json, const char *key, const char *value, size_t len)
{
    lead(json, key);
    out_json_stringn(json->buf, value, len);
}

void out_json_int(struct out_json *json, const char *key, int64_t value)
{
    lead(json, key);
    b_buf_printf(json->buf, "%" PRId64, value);
}

void out_json_number(struct out_json *json, const char *key, double value, int decimals)
{
    lead(json, key);
    out_fixed(json->buf, value, decimals);
}

void out_json_bool(struct out_json *json, const char *key, bool value)
{
    lead(json, key);
    b_buf_puts(json->buf, value ? "true" : "false");
}
