/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint directory: its shards mapped, its tensors in one list in the order of their names. Invariant: every
 * tensor in the list lies inside a mapping (or a copy) that lives as long as the checkpoint, and no name occurs twice.
 */
#include "engine/qwen25vl/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/qwen25vl/checkpoint_private.h"
#include "engine/qwen25vl/json_read.h"

#define DOMAIN "checkpoint"
/* The largest published checkpoint (72B, bf16) has 38 shards of 4 GB. */
#define MAX_SHARDS 1024
#define MAX_SHARD_BYTES ((uint64_t)1 << 40)
#define INDEX_FILE "model.safetensors.index.json"
#define SINGLE_FILE "model.safetensors"

/* Published names; saved again by newer tools they carry another prefix. */
static void canonical_name(char *name)
{
    static const struct {
        const char *from, *to;
    } prefixes[] = {
        {"model.language_model.", "model."},
        {"model.visual.", "visual."},
        {"language_model.", ""},
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        const size_t from = strlen(prefixes[i].from), to = strlen(prefixes[i].to);
        if (strncmp(name, prefixes[i].from, from) != 0)
            continue;
        memcpy(name, prefixes[i].to, to);
        memmove(name + to, name + from, strlen(name + from) + 1);
        return;
    }
}

static int by_name(const void *a, const void *b)
{
    const struct eng_weight *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Tensors that lie off their alignment (old writers did not pad the header) are copied to where they do not. */
static enum b_code align(struct eng_checkpoint *cp, struct b_err *err)
{
    for (size_t i = 0; i < cp->list.count; i++) {
        struct eng_weight *w = &cp->list.items[i];
        const size_t element = st_dtype_size(w->dtype);
        if (element < 2 || (uintptr_t)w->data % element == 0 || w->bytes == 0)
            continue;
        if (!cp->copies)
            cp->copies = calloc(cp->list.count, sizeof *cp->copies);
        void *copy = cp->copies ? malloc(w->bytes) : NULL;
        if (!copy)
            return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory to align tensor %.80s", w->name);
        cp->copies[cp->n_copies++] = copy;
        memcpy(copy, w->data, w->bytes);
        w->data = copy;
    }
    return B_OK;
}

static enum b_code finish(struct eng_checkpoint *cp, struct b_err *err)
{
    struct st_list *list = &cp->list;
    for (size_t i = 0; i < list->count; i++) {
        canonical_name((char *)(uintptr_t)list->items[i].name); /* our own copy, only ever shortened */
        cp->bytes += list->items[i].bytes;
    }
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, by_name);
    for (size_t i = 1; i < list->count; i++)
        if (by_name(&list->items[i - 1], &list->items[i]) == 0)
            return b_fail(err, B_FORMAT, DOMAIN, "tensor %.80s stands in the checkpoint twice", list->items[i].name);
    return align(cp, err);
}

static enum b_code add_shard(struct eng_checkpoint *cp, const char *dir, const char *name, struct b_err *err)
{
    char path[QJ_PATH_MAX];
    enum b_code code = qj_path(dir, name, path, sizeof path, err);
    if (code)
        return code;
    struct b_bytes *shards = realloc(cp->shards, (cp->n_shards + 1) * sizeof *shards);
    if (!shards)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %zu files", cp->n_shards + 1);
    cp->shards = shards;
    code = b_bytes_map(path, MAX_SHARD_BYTES, &shards[cp->n_shards], err);
    if (code)
        return code;
    const struct b_bytes *shard = &shards[cp->n_shards++];
    return st_parse(shard->data, shard->size, path, &cp->list, err);
}

/* A shard is a file of the checkpoint's folder itself: an index must not reach elsewhere. */
static bool plain_file_name(const char *name)
{
    return name && *name && *name != '.' && !strchr(name, '/') && !strchr(name, '\\') && strlen(name) < 256;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct file names of a weight_map in order; borrowed from it. *names is freed by the caller. */
static enum b_code shard_names(json_t *map, const char ***names, size_t *count, struct b_err *err)
{
    size_t n = 0;
    *count = 0;
    *names = calloc(json_object_size(map) + 1, sizeof **names);
    if (!*names)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for the index");
    for (void *it = json_object_iter(map); it; it = json_object_iter_next(map, it)) {
        const char *name = json_string_value(json_object_iter_value(it));
        if (!plain_file_name(name))
            return b_fail(err, B_FORMAT, DOMAIN, "%s: tensor %.80s is in no file of the folder", INDEX_FILE,
                          json_object_iter_key(it));
        (*names)[n++] = name;
    }
    if (n)
        qsort(*names, n, sizeof **names, by_text);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp((*names)[i], (*names)[i - 1]) != 0)
            (*names)[(*count)++] = (*names)[i];
    if (*count == 0 || *count > MAX_SHARDS)
        return b_fail(err, B_FORMAT, DOMAIN, "%s names %zu files", INDEX_FILE, *count);
    return B_OK;
}

/* Every tensor of the index is where the index says (name not yet canonical: the list is in file order). */
static enum b_code check_index(const struct eng_checkpoint *cp, const json_t *map, struct b_err *err)
{
    size_t found = 0;
    for (size_t i = 0; i < cp->list.count; i++)
        found += json_object_get(map, cp->list.items[i].name) != NULL;
    if (found < json_object_size(map))
        return b_fail(err, B_FORMAT, DOMAIN, "%zu tensors of %s are in none of its files",
                      json_object_size(map) - found, INDEX_FILE);
    return B_OK;
}

static enum b_code open_shards(struct eng_checkpoint *cp, const char *dir, const json_t *index, struct b_err *err)
{
    json_t *map = json_object_get(index, "weight_map");
    if (!json_is_object(map))
        return b_fail(err, B_FORMAT, DOMAIN, "%s has no weight_map", INDEX_FILE);
    const char **names = NULL;
    size_t count = 0;
    enum b_code code = shard_names(map, &names, &count, err);
    for (size_t i = 0; i < count && !code; i++)
        code = add_shard(cp, dir, names[i], err);
    if (!code)
        code = check_index(cp, map, err);
    free(names);
    return code;
}

static enum b_code open_files(struct eng_checkpoint *cp, const char *dir, struct b_err *err)
{
    json_t *index = NULL;
    enum b_code code = qj_load(dir, INDEX_FILE, QJ_MAX_HEADER, &index, err);
    if (code == B_OK) {
        code = open_shards(cp, dir, index, err);
    } else if (code == B_NOT_FOUND) {
        code = add_shard(cp, dir, SINGLE_FILE, err);
        if (code == B_NOT_FOUND) {
            code = b_fail(err, B_NOT_FOUND, DOMAIN, "%.250s holds neither %s nor %s", dir, SINGLE_FILE, INDEX_FILE);
            b_advise(err, "name a folder that holds a checkpoint as published, its safetensors files included");
        }
    }
    json_decref(index);
    return code ? code : finish(cp, err);
}

enum b_code eng_checkpoint_open(const char *dir, struct eng_checkpoint **out, struct b_err *err)
{
    *out = NULL;
    struct eng_checkpoint *cp = calloc(1, sizeof *cp);
    if (!cp)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a checkpoint");
    enum b_code code = open_files(cp, dir, err);
    if (code)
        eng_checkpoint_drop(cp);
    else
        *out = cp;
    return code;
}

enum b_code eng_checkpoint_parse(const void *data, size_t size, struct eng_checkpoint **out, struct b_err *err)
{
    *out = NULL;
    struct eng_checkpoint *cp = calloc(1, sizeof *cp);
    struct b_bytes *shard = calloc(1, sizeof *shard);
    if (!cp || !shard) {
        free(cp);
        free(shard);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a checkpoint");
    }
    b_bytes_borrow(data, size, shard);
    cp->shards = shard;
    cp->n_shards = 1;
    enum b_code code = st_parse(shard->data, shard->size, "the file", &cp->list, err);
    if (!code)
        code = finish(cp, err);
    if (code)
        eng_checkpoint_drop(cp);
    else
        *out = cp;
    return code;
}

void eng_checkpoint_drop(struct eng_checkpoint *cp)
{
    if (!cp)
        return;
    st_list_free(&cp->list);
    for (size_t i = 0; i < cp->n_shards; i++)
        b_bytes_close(&cp->shards[i]);
    for (size_t i = 0; i < cp->n_copies; i++)
        free(cp->copies[i]);
    free(cp->shards);
    free(cp->copies);
    free(cp);
}

size_t eng_checkpoint_count(const struct eng_checkpoint *cp)
{
    return cp->list.count;
}

const struct eng_weight *eng_checkpoint_at(const struct eng_checkpoint *cp, size_t i)
{
    return &cp->list.items[i];
}

uint64_t eng_checkpoint_bytes(const struct eng_checkpoint *cp)
{
    return cp->bytes;
}

const struct eng_weight *eng_checkpoint_find(const struct eng_checkpoint *cp, const char *name)
{
    const struct eng_weight key = {.name = name};
    if (!cp->list.count)
        return NULL;
    return bsearch(&key, cp->list.items, cp->list.count, sizeof *cp->list.items, by_name);
}

void eng_checkpoint_release(const struct eng_checkpoint *cp, const void *data, size_t bytes)
{
    const uintptr_t at = (uintptr_t)data;
    for (size_t i = 0; i < cp->n_shards; i++) {
        const uintptr_t begin = (uintptr_t)cp->shards[i].data;
        if (at >= begin && at - begin <= cp->shards[i].size && bytes <= cp->shards[i].size - (at - begin))
            b_bytes_release(&cp->shards[i], data, bytes);
    }
}
