/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the directories of a TIFF or BigTIFF file. Invariant: every read is checked against the file, every
 * offset is visited once (a hash set of offsets), so the walk ends on any input. */
#include "docparse/tiff_chain.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG_NEW_SUBFILE 254
#define TAG_SUBFILE 255
#define TAG_WIDTH 256
#define TAG_HEIGHT 257
#define TAG_ORIENTATION 274
#define SUBFILE_REDUCED 1u
#define SUBFILE_MASK 4u
#define OLD_SUBFILE_REDUCED 2u
/* Entries looked at in a directory: real ones have below 100; bounds the work of overlapping directories. */
#define ENTRIES_MAX 4096u
/* Directories that are no pages (thumbnails, masks) a page may bring along. */
#define EXTRAS_PER_PAGE 4

struct file {
    const uint8_t *data;
    size_t size;
    bool big_endian, big_tiff;
};

struct directory {
    struct dp_tiff_page page;
    bool reduced, mask;
};

struct set {
    uint64_t *slots; /* 0 is free: no directory stands at offset 0 */
    size_t size, used;
};

static uint64_t number_at(const struct file *f, uint64_t at, unsigned bytes)
{
    uint64_t value = 0;
    if (at > f->size || f->size - at < bytes)
        return 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | f->data[at + (f->big_endian ? i : bytes - 1 - i)];
    return value;
}

/* Adds offset; false when it was there already. *grew is false when memory ran out. */
static bool set_add(struct set *set, uint64_t offset, bool *grew)
{
    *grew = true;
    if ((set->used + 1) * 2 > set->size) {
        size_t size = set->size ? set->size * 2 : 64;
        uint64_t *slots = calloc(size, sizeof *slots);
        if (!slots) {
            *grew = false;
            return false;
        }
        struct set bigger = {slots, size, 0};
        for (size_t i = 0; i < set->size; i++)
            if (set->slots[i])
                (void)set_add(&bigger, set->slots[i], grew);
        free(set->slots);
        *set = bigger;
    }
    size_t at = (size_t)((offset * 0x9e3779b97f4a7c15u) >> 20) & (set->size - 1);
    for (; set->slots[at]; at = (at + 1) & (set->size - 1))
        if (set->slots[at] == offset)
            return false;
    set->slots[at] = offset;
    set->used++;
    return true;
}

static uint64_t value_of(const struct file *f, uint64_t entry)
{
    uint64_t type = number_at(f, entry + 2, 2), at = entry + (f->big_tiff ? 12 : 8);
    switch (type) {
    case 3: /* SHORT */
        return number_at(f, at, 2);
    case 4: /* LONG */
        return number_at(f, at, 4);
    case 16: /* LONG8 */
        return f->big_tiff ? number_at(f, at, 8) : 0;
    default:
        return 0;
    }
}

static void take_entry(const struct file *f, uint64_t at, struct directory *out)
{
    uint64_t value = value_of(f, at);
    switch (number_at(f, at, 2)) {
    case TAG_NEW_SUBFILE:
        out->reduced = (value & SUBFILE_REDUCED) != 0;
        out->mask = (value & SUBFILE_MASK) != 0;
        break;
    case TAG_SUBFILE:
        out->reduced = value == OLD_SUBFILE_REDUCED;
        break;
    case TAG_WIDTH:
        out->page.width = value;
        break;
    case TAG_HEIGHT:
        out->page.height = value;
        break;
    case TAG_ORIENTATION:
        out->page.orientation = value <= 8 ? (int)value : 0;
        break;
    default:
        break;
    }
}

/* Reads the directory at `offset`; *next is the following one. False when it lies outside the file. */
static bool read_directory(const struct file *f, uint64_t offset, struct directory *out, uint64_t *next)
{
    unsigned count_bytes = f->big_tiff ? 8 : 2, entry_bytes = f->big_tiff ? 20 : 12;
    *out = (struct directory){.page.offset = offset};
    *next = 0;
    if (offset < 8 || offset > f->size || f->size - offset < count_bytes)
        return false;
    uint64_t count = number_at(f, offset, count_bytes), at = offset + count_bytes;
    if (count == 0 || count > (f->size - at) / entry_bytes)
        return false;
    for (uint64_t i = 0; i < count && i < ENTRIES_MAX; i++)
        take_entry(f, at + i * entry_bytes, out);
    *next = number_at(f, at + count * entry_bytes, f->big_tiff ? 8 : 4);
    return true;
}

/* Keeps what is a page. Reduced images are pages only where nothing else is. */
static void drop_extras(struct directory *found, int *n)
{
    bool any_full = false;
    int kept = 0;
    for (int i = 0; i < *n; i++)
        any_full |= !found[i].reduced && !found[i].mask;
    for (int i = 0; i < *n; i++)
        if (!found[i].mask && !(any_full && found[i].reduced))
            found[kept++] = found[i];
    *n = kept;
}

struct walk {
    struct set seen;
    struct directory *found;
    int n, cap;
};

static enum b_code keep_directory(struct walk *walk, const struct directory *directory, struct b_err *err)
{
    if (walk->n == walk->cap) {
        int cap = walk->cap ? walk->cap * 2 : 16;
        struct directory *grown = realloc(walk->found, (size_t)cap * sizeof *grown);
        if (!grown)
            return b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
        walk->found = grown;
        walk->cap = cap;
    }
    walk->found[walk->n++] = *directory;
    return B_OK;
}

static enum b_code walk_chain(const struct file *f, int64_t max, struct walk *walk, struct dp_tiff_chain *out,
                              struct b_err *err)
{
    uint64_t offset = number_at(f, f->big_tiff ? 8 : 4, f->big_tiff ? 8 : 4);
    while (offset != 0) {
        bool grew;
        if (!set_add(&walk->seen, offset, &grew)) {
            if (!grew)
                return b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
            (void)snprintf(out->problem, sizeof out->problem, "the list of pages runs in a circle after directory %d",
                           walk->n);
            return B_OK;
        }
        struct directory directory;
        uint64_t next;
        if (!read_directory(f, offset, &directory, &next)) {
            (void)snprintf(out->problem, sizeof out->problem,
                           "directory %d lies outside the file or is empty: the file may be cut off", walk->n + 1);
            return B_OK;
        }
        if (walk->n >= max) {
            enum b_code code = b_fail(err, B_LIMIT, "tiff", "the file has more than %lld directories", (long long)max);
            b_advise(err, "split the file, or raise the page limit");
            return code;
        }
        enum b_code code = keep_directory(walk, &directory, err);
        if (code != B_OK)
            return code;
        offset = next;
    }
    return B_OK;
}

static enum b_code take_pages(struct walk *walk, int max, struct dp_tiff_chain *out, struct b_err *err)
{
    drop_extras(walk->found, &walk->n);
    if (walk->n == 0)
        return b_fail(err, B_FORMAT, "tiff", "the file has no page: %s", out->problem[0] ? out->problem : "no directory");
    if (walk->n > max) {
        enum b_code code = b_fail(err, B_LIMIT, "tiff", "the file has %d pages, the bound is %d", walk->n, max);
        b_advise(err, "split the file, or raise the page limit");
        return code;
    }
    out->pages = calloc((size_t)walk->n, sizeof *out->pages);
    if (!out->pages)
        return b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
    for (int i = 0; i < walk->n; i++)
        out->pages[i] = walk->found[i].page;
    out->n_pages = walk->n;
    return B_OK;
}

enum b_code dp_tiff_chain_read(const uint8_t *data, size_t size, int max, struct dp_tiff_chain *out, struct b_err *err)
{
    *out = (struct dp_tiff_chain){0};
    struct walk walk = {0};
    if (size < 8)
        return b_fail(err, B_FORMAT, "tiff", "the file is cut off inside its header");
    struct file f = {data, size, data[0] == 'M', data[2] == '+' || data[3] == '+'};
    enum b_code code = walk_chain(&f, (int64_t)max * EXTRAS_PER_PAGE, &walk, out, err);
    if (code == B_OK)
        code = take_pages(&walk, max, out, err);
    free(walk.seen.slots);
    free(walk.found);
    return code;
}

void dp_tiff_chain_free(struct dp_tiff_chain *chain)
{
    free(chain->pages);
    *chain = (struct dp_tiff_chain){0};
}
