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

#include "output/writer.h"

#define DOMAIN "inputs"
#define MAX_DEPTH 64       /* nesting of folders */
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

/* Results of an earlier run that lie among the inputs: searchable PDFs and the folders of side outputs. */
static bool is_result(const char *name)
{
    const size_t len = strlen(name);
    for (const struct out_format *f = out_formats(); f->name; f++) {
        const size_t tail = strlen(f->extension);
        const bool telling = f->side_outputs || strchr(f->extension + 1, '.'); /* not a plain ".pdf" */
        if (telling && len > tail && strcmp(name + len - tail, f->extension) == 0)
            return true;
    }
    return false;
}

static bool is_skipped_folder(const struct svc_inputs *in, const struct stat *st)
{
    return in->skip_known && in->skip_device == (uint64_t)st->st_dev && in->skip_inode == (uint64_t)st->st_ino;
}

/* A folder that is being searched, with those around it: a link to one of them is a loop. */
struct place {
    const struct place *above;
    dev_t device;
    ino_t inode;
    int depth;
};

static bool is_loop(const struct place *at, const struct stat *st)
{
    while (at && !(at->device == st->st_dev && at->inode == st->st_ino))
        at = at->above;
    return at != NULL;
}

static enum b_code add_folder(struct svc_inputs *in, const char *path, const char *relative, const struct place *above,
                              struct b_err *err);

static enum b_code add_entry(struct svc_inputs *in, const char *folder, const char *relative, const char *name,
                             const struct place *at, struct b_err *err)
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
    if (is_result(name))
        return B_OK;
    if (S_ISDIR(st.st_mode))
        return is_skipped_folder(in, &st) || is_loop(at, &st) ? B_OK : add_folder(in, path, stem, at, err);
    if (S_ISREG(st.st_mode) && known_extension(name))
        return push(in, path, stem, NULL, err);
    return B_OK;
}

static enum b_code folder_failed(struct svc_inputs *in, const char *path, const char *relative, const char *why,
                                 struct b_err *err)
{
    struct b_err failure = {0};
    (void)b_fail(&failure, B_IO, DOMAIN, "the folder cannot be searched: %s", why);
    return push(in, path, relative[0] ? relative : last_component(path), &failure, err);
}

static enum b_code add_folder(struct svc_inputs *in, const char *path, const char *relative, const struct place *above,
                              struct b_err *err)
{
    struct stat st;
    struct dirent **names = NULL;
    struct place here = {.above = above, .depth = above ? above->depth + 1 : 0};
    if (here.depth > MAX_DEPTH)
        return folder_failed(in, path, relative, "too deeply nested", err);
    int n = stat(path, &st) == 0 ? scandir(path, &names, NULL, alphasort) : -1;
    if (n < 0)
        return folder_failed(in, path, relative, strerror(errno), err);
    here.device = st.st_dev;
    here.inode = st.st_ino;
    enum b_code code = B_OK;
    for (int i = 0; i < n; i++) {
        if (code == B_OK && names[i]->d_name[0] != '.')
            code = add_entry(in, path, relative, names[i]->d_name, &here, err);
        free(names[i]);
    }
    free(names);
    return code;
}

/* The path as a relative one without "." and ".." to name outputs by; its last component where that fails. */
static void name_of_path(const char *path, char *out, size_t size)
{
    size_t len = 0;
    for (const char *at = path; *at;) {
        size_t part = strcspn(at, "/");
        const bool parent = part == 2 && at[0] == '.' && at[1] == '.';
        if (parent || len + part + 2 > size) {
            const char *last = last_component(path);
            (void)snprintf(out, size, "%s", strcmp(last, "..") == 0 || strcmp(last, ".") == 0 ? "" : last);
            return;
        }
        if (part > 0 && !(part == 1 && at[0] == '.')) {
            if (len > 0)
                out[len++] = '/';
            memcpy(out + len, at, part);
            len += part;
        }
        at += part + (at[part] == '/');
    }
    out[len] = '\0';
}

/* A line of a list: a file or folder whose outputs keep its whole path, so that names do not depend on
 * what else is in the list. */
static enum b_code add_listed(struct svc_inputs *in, const char *path, struct b_err *err)
{
    char name[MAX_LIST_LINE];
    struct stat st;
    if (stat(path, &st) != 0)
        return svc_inputs_add(in, path, err);
    name_of_path(path, name, sizeof name);
    return S_ISDIR(st.st_mode) ? add_folder(in, path, name, NULL, err) : push(in, path, name, NULL, err);
}

static enum b_code add_list(struct svc_inputs *in, const char *list, struct b_err *err)
{
    FILE *f = strcmp(list, "-") == 0 ? stdin : fopen(list, "r");
    struct b_err why = {0};
    if (!f) {
        (void)b_fail(&why, errno == ENOENT ? B_NOT_FOUND : B_IO, DOMAIN, "the list cannot be read: %s",
                     strerror(errno));
        b_advise(&why, "check the path: a name behind '@' is a list of inputs");
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
            code = add_listed(in, line, err);
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
            return add_folder(inputs, argument, "", NULL, err);
        return push(inputs, argument, last_component(argument), NULL, err);
    }
    if (argument[0] == '@')
        return add_list(inputs, argument + 1, err);
    struct b_err why = {0};
    (void)b_fail(&why, errno == ENOENT ? B_NOT_FOUND : B_IO, DOMAIN, "cannot be opened: %s", strerror(errno));
    b_advise(&why, "check the path");
    return push(inputs, argument, last_component(argument), &why, err);
}

/* Stem without extension; a leading dot is part of the name. A name such as "a.alto.tif" keeps its own
 * extension: its "a.alto.xml" would be the ALTO file of "a.pdf". */
static size_t bare_length(const char *stem)
{
    static const char *const middles[] = {".qwenvl", ".searchable", ".alto"};
    const char *name = last_component(stem), *dot = strrchr(name, '.');
    if (!dot || dot == name)
        return strlen(stem);
    for (size_t i = 0; i < sizeof middles / sizeof middles[0]; i++) {
        const size_t len = strlen(middles[i]);
        if ((size_t)(dot - name) > len && strncmp(dot - len, middles[i], len) == 0)
            return strlen(stem);
    }
    return (size_t)(dot - stem);
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

/* Appends ~2, ~3... to the later ones of equal stems. *renamed: new names may meet old ones. */
static enum b_code number_equal(struct svc_inputs *in, struct named *names, bool *renamed, struct b_err *err)
{
    *renamed = false;
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
        *renamed = true;
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
        names[i] =
            (struct named){.stem = inputs->items[i].stem, .bare = bare_length(inputs->items[i].stem), .index = i};
    cut_unique(inputs, names);
    enum b_code code = B_OK;
    /* Names only grow, so this ends: usually after one round that finds nothing. */
    for (bool renamed = true; renamed && code == B_OK;)
        code = number_equal(inputs, names, &renamed, err);
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

void svc_inputs_skip_folder(struct svc_inputs *inputs, const char *folder)
{
    struct stat st;
    inputs->skip_known = stat(folder, &st) == 0;
    inputs->skip_device = inputs->skip_known ? (uint64_t)st.st_dev : 0;
    inputs->skip_inode = inputs->skip_known ? (uint64_t)st.st_ino : 0;
}
