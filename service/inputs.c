/* SPDX-License-Identifier: Apache-2.0 */
/* Expands command-line arguments to files and names their outputs. Invariant: after svc_inputs_name all
 * stems are different, relative and free of "..", so that outputs stay inside the output folder. */
#include "service/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define DOMAIN "inputs"
#define MAX_DEPTH 64       /* nesting of folders: a loop of links ends here */
#define MAX_LIST_LINE 8192 /* longest path in a list file */

static enum b_code no_memory(struct b_err *err)
{
    return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
}

/* Takes a new item; path and stem are copied. */
static enum b_code push(struct svc_inputs *in, const char *path, const char *stem, const struct b_err *failed,
                        struct b_err *err)
{
    if (in->count == in->cap) {
        size_t cap = in->cap ? in->cap * 2 : 64;
        struct svc_input *items = realloc(in->items, cap * sizeof *items);
        if (!items)
            return no_memory(err);
        in->items = items;
        in->cap = cap;
    }
    struct svc_input item = {.path = strdup(path), .stem = strdup(stem)};
    if (failed) {
        item.failed = true;
        item.err = *failed;
    }
    if (!item.path || !item.stem) {
        free(item.path);
        free(item.stem);
        return no_memory(err);
    }
    in->items[in->count++] = item;
    return B_OK;
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool known_extension(const char *name)
{
    static const char *const known[] = {".pdf", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jpe", ".webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(dot, known[i]) == 0)
            return true;
    return false;
}

static enum b_code add_folder(struct svc_inputs *in, const char *path, const char *relative, int depth,
                              struct b_err *err);

static enum b_code add_entry(struct svc_inputs *in, const char *folder, const char *relative, const char *name,
                             int depth, struct b_err *err)
{
    char path[4096], stem[4096];
    int a = snprintf(path, sizeof path, "%s/%s", folder, name);
    int b = snprintf(stem, sizeof stem, "%s%s%s", relative, relative[0] ? "/" : "", name);
    if (a < 0 || b < 0 || (size_t)a >= sizeof path || (size_t)b >= sizeof stem) {
        struct b_err why = {0};
        (void)b_fail(&why, B_ARGUMENT, DOMAIN, "the path is longer than 4095 bytes");
        return push(in, folder, name, &why, err);
    }
    struct stat st;
    if (stat(path, &st) != 0)
        return B_OK; /* a dangling link: nothing to read */
    if (S_ISDIR(st.st_mode))
        return add_folder(in, path, stem, depth + 1, err);
    if (S_ISREG(st.st_mode) && known_extension(name))
        return push(in, path, stem, NULL, err);
    return B_OK;
}

static enum b_code add_folder(struct svc_inputs *in, const char *path, const char *relative, int depth,
                              struct b_err *err)
{
    struct dirent **names = NULL;
    int n = depth <= MAX_DEPTH ? scandir(path, &names, NULL, alphasort) : -1;
    if (n < 0) {
        struct b_err why = {0};
        (void)b_fail(&why, B_IO, DOMAIN, "the folder cannot be searched: %s",
                     depth > MAX_DEPTH ? "too deeply nested" : strerror(errno));
        return push(in, path, relative, &why, err);
    }
    enum b_code code = B_OK;
    for (int i = 0; i < n; i++) {
        if (code == B_OK && names[i]->d_name[0] != '.')
            code = add_entry(in, path, relative, names[i]->d_name, depth, err);
        free(names[i]);
    }
    free(names);
    return code;
}

static enum b_code add_list(struct svc_inputs *in, const char *list, struct b_err *err)
{
    FILE *f = strcmp(list, "-") == 0 ? stdin : fopen(list, "r");
    struct b_err why = {0};
    if (!f) {
        (void)b_fail(&why, errno == ENOENT ? B_NOT_FOUND : B_IO, DOMAIN, "the list cannot be read: %s", strerror(errno));
        return push(in, list, last_component(list), &why, err);
    }
    char line[MAX_LIST_LINE];
    enum b_code code = B_OK;
    while (code == B_OK && fgets(line, sizeof line, f)) {
        size_t len = strlen(line);
        if (len + 1 == sizeof line && line[len - 1] != '\n') {
            code = b_fail(err, B_LIMIT, DOMAIN, "%s: a line is longer than %d bytes", list, MAX_LIST_LINE - 2);
            break;
        }
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = '\0';
        if (len > 0 && line[0] != '@' && strcmp(line, "-") != 0)
            code = svc_inputs_add(in, line, err);
    }
    if (f != stdin)
        (void)fclose(f);
    return code;
}

enum b_code svc_inputs_add(struct svc_inputs *inputs, const char *argument, struct b_err *err)
{
    if (strcmp(argument, "-") == 0)
        return push(inputs, "-", "stdin", NULL, err);
    struct stat st;
    if (stat(argument, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return add_folder(inputs, argument, "", 0, err);
        return push(inputs, argument, last_component(argument), NULL, err);
    }
    if (argument[0] == '@')
        return add_list(inputs, argument + 1, err);
    struct b_err why = {0};
    (void)b_fail(&why, errno == ENOENT ? B_NOT_FOUND : B_IO, DOMAIN, "cannot be opened: %s", strerror(errno));
    b_advise(&why, "check the path");
    return push(inputs, argument, last_component(argument), &why, err);
}

/* Stem without extension; a leading dot is part of the name. */
static size_t bare_length(const char *stem)
{
    const char *name = last_component(stem), *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - stem) : strlen(stem);
}

struct named {
    const char *stem;
    size_t bare, index;
    bool shared;
};

static int by_bare(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    size_t n = x->bare < y->bare ? x->bare : y->bare;
    int order = memcmp(x->stem, y->stem, n);
    if (order == 0)
        order = x->bare < y->bare ? -1 : x->bare > y->bare;
    return order ? order : x->index < y->index ? -1 : 1;
}

static int by_stem(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->stem, y->stem);
    return order ? order : x->index < y->index ? -1 : 1;
}

static bool same_bare(const struct named *a, const struct named *b)
{
    return a->bare == b->bare && memcmp(a->stem, b->stem, a->bare) == 0;
}

/* Cuts the extension of every stem whose bare form is used once. */
static void cut_unique(struct svc_inputs *in, struct named *names)
{
    qsort(names, in->count, sizeof *names, by_bare);
    for (size_t i = 1; i < in->count; i++)
        if (same_bare(&names[i - 1], &names[i]))
            names[i - 1].shared = names[i].shared = true;
    for (size_t i = 0; i < in->count; i++)
        if (!names[i].shared)
            in->items[names[i].index].stem[names[i].bare] = '\0';
}

/* Appends ~2, ~3... to the later ones of equal stems. */
static enum b_code number_equal(struct svc_inputs *in, struct named *names, struct b_err *err)
{
    for (size_t i = 0; i < in->count; i++)
        names[i] = (struct named){.stem = in->items[i].stem, .index = i};
    qsort(names, in->count, sizeof *names, by_stem);
    size_t first = 0;
    for (size_t i = 1; i < in->count; i++) {
        if (strcmp(names[i].stem, names[first].stem) != 0) {
            first = i;
            continue;
        }
        size_t size = strlen(names[i].stem) + 24;
        char *fresh = malloc(size);
        if (!fresh)
            return no_memory(err);
        (void)snprintf(fresh, size, "%s~%zu", names[i].stem, i - first + 1);
        /* names[first].stem stays: only later ones are renamed. */
        char **stem = &in->items[names[i].index].stem;
        free(*stem);
        *stem = fresh;
        names[i].stem = names[first].stem;
    }
    return B_OK;
}

enum b_code svc_inputs_name(struct svc_inputs *inputs, struct b_err *err)
{
    if (inputs->count == 0)
        return B_OK;
    struct named *names = calloc(inputs->count, sizeof *names);
    if (!names)
        return no_memory(err);
    for (size_t i = 0; i < inputs->count; i++)
        names[i] = (struct named){.stem = inputs->items[i].stem, .bare = bare_length(inputs->items[i].stem), .index = i};
    cut_unique(inputs, names);
    enum b_code code = number_equal(inputs, names, err);
    free(names);
    return code;
}

static void item_free(struct svc_input *item)
{
    free(item->path);
    free(item->stem);
}

void svc_inputs_shard(struct svc_inputs *inputs, size_t index, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        if (i % count == index - 1)
            inputs->items[kept++] = inputs->items[i];
        else
            item_free(&inputs->items[i]);
    }
    inputs->count = kept;
}

void svc_inputs_free(struct svc_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        item_free(&inputs->items[i]);
    free(inputs->items);
    *inputs = (struct svc_inputs){0};
}
