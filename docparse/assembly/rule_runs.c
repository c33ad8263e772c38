/* SPDX-License-Identifier: Apache-2.0 */
/* Straight runs of pixels that differ from both of their sides. All pixels are compared, many at a time; the few places
 * where a run of the least length can be are walked one by one. Invariant: what is passed over cannot hold a run, so
 * the runs are those of a walk over all pixels: a run holds pixels of one kind only, and nowhere pauses for long. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/image_private.h"

#define CONTRAST 22      /* grey levels between a line and both sides */
#define EDGE_CONTRAST 30 /* grey levels across the edge of a band */
#define SOLID_FILL 0.85f
#define DASHED_FILL 0.5f
#define SOLID_LEAST 2.5f /* line heights */
#define DASHED_LEAST 6.0f
#define UPRIGHT_LEAST 1.5f
#define EDGE_LEAST 10.0f
#define NEVER 1e9f
#define EIGHT 8       /* pixels whose marks are looked at in one word */
#define TILE_MOST 127 /* rows: two tiles are counted in a byte */

enum { NOTHING, DARK, LIGHT };

static void add_run(struct dp_runs *r, int32_t at, int32_t from, int32_t to)
{
    if (r->n >= DP_RUNS_MAX)
        return;
    if (r->n == r->cap) {
        size_t cap = r->cap ? (size_t)r->cap : 256;
        struct dp_run *bigger = r->cap ? b_arena_grow(r->arena, r->list, (size_t)r->n, &cap, sizeof *bigger)
                                       : B_ARENA_ARRAY(r->arena, cap, struct dp_run);
        if (!bigger) {
            r->starved = true;
            return;
        }
        r->list = bigger;
        r->cap = (int32_t)cap;
    }
    r->list[r->n++] = (struct dp_run){at, from, to};
}

/* Bounds kept within a byte, so that the compiler compares sixteen at a time: nothing lies outside of them. */
static uint8_t brighter(uint8_t grey, uint8_t by)
{
    return grey > 255 - by ? 255 : (uint8_t)(grey + by);
}

static uint8_t darker(uint8_t grey, uint8_t by)
{
    return grey < by ? 0 : (uint8_t)(grey - by);
}

static uint8_t is_dark(uint8_t mid, uint8_t one, uint8_t other)
{
    return (one < other ? one : other) > brighter(mid, CONTRAST);
}

static uint8_t is_light(uint8_t mid, uint8_t one, uint8_t other)
{
    return (one > other ? one : other) < darker(mid, CONTRAST);
}

/* mask[i] = DARK or LIGHT where mid[i] differs from both sides by the contrast, in the same sense. */
static void mark_lines(const uint8_t *restrict mid, const uint8_t *restrict one, const uint8_t *restrict other,
                       int32_t n, uint8_t *restrict mask)
{
    for (int32_t i = 0; i < n; i++) {
        const uint8_t dark = is_dark(mid[i], one[i], other[i]) ? DARK : 0;
        const uint8_t light = is_light(mid[i], one[i], other[i]) ? LIGHT : 0;
        mask[i] = dark | light;
    }
}

static void mark_edges(const uint8_t *restrict above, const uint8_t *restrict below, int32_t n, uint8_t *restrict mask)
{
    for (int32_t i = 0; i < n; i++) {
        const uint8_t dark = above[i] > brighter(below[i], EDGE_CONTRAST) ? DARK : 0;
        const uint8_t light = above[i] < darker(below[i], EDGE_CONTRAST) ? LIGHT : 0;
        mask[i] = dark | light;
    }
}

static bool is_long(const struct dp_pixels *p, int32_t length, int32_t count, float solid, float dashed)
{
    const float len = (float)length, fill = (float)count / len;
    return (fill >= SOLID_FILL && len >= solid * p->height) || (fill >= DASHED_FILL && len >= dashed * p->height);
}

/* --- level --- */

/* How runs are looked for in a row. */
struct way {
    int32_t gap;
    float solid, dashed; /* line heights */
    int32_t words;       /* eights of pixels in a row that a run fills at least */
};

static struct way way_of(const struct dp_pixels *p, int32_t gap, float solid, float dashed)
{
    const int32_t least = (int32_t)fminf(solid * p->height, 1e6f);
    return (struct way){gap, solid, dashed, (least + 1) / EIGHT - 1 - 2 * (gap / EIGHT)};
}

/* Runs of one row's mask in [x0, x1). */
static void scan_span(const struct dp_pixels *p, const uint8_t *mask, int32_t y, int32_t x0, int32_t x1,
                      const struct way *way, struct dp_runs *out)
{
    int32_t from = -1, last = -1, count = 0;
    uint8_t kind = NOTHING;
    for (int32_t x = x0; x < x1; x++) {
        if (mask[x] == NOTHING)
            continue;
        if (from >= 0 && (x - last > way->gap || mask[x] != kind)) {
            if (is_long(p, last - from + 1, count, way->solid, way->dashed))
                add_run(out, y, from, last + 1);
            from = -1;
        }
        if (from < 0) {
            from = x;
            count = 0;
            kind = mask[x];
        }
        last = x;
        count++;
    }
    if (from >= 0 && is_long(p, last - from + 1, count, way->solid, way->dashed))
        add_run(out, y, from, last + 1);
}

/* Runs of one row's mask, which is zero up to the next full eight. Eights with marks of one kind only that follow each
 * other may hold a run; its ends lie in them, or in an eight beside them or behind a pause. */
static void scan_row(const struct dp_pixels *p, const uint8_t *mask, int32_t y, const struct way *way,
                     struct dp_runs *out)
{
    const uint64_t dark = 0x0101010101010101u, light = 0x0202020202020202u;
    const int32_t pause = way->gap / EIGHT + 2, n = (p->w + EIGHT - 1) / EIGHT;
    int32_t first = 0, last = -1, kind = NOTHING;
    if (way->words < 1) {
        scan_span(p, mask, y, 0, p->w, way, out);
        return;
    }
    for (int32_t i = 0; i <= n; i++) {
        uint64_t eight = dark | light; /* behind the last: ends what is open */
        if (i < n)
            memcpy(&eight, mask + (size_t)i * EIGHT, EIGHT);
        if (eight == 0)
            continue;
        const int32_t here = (eight & dark ? DARK : 0) | (eight & light ? LIGHT : 0);
        if (here == kind && i - last <= pause) {
            last = i;
            continue;
        }
        if (kind != NOTHING && last - first + 1 >= way->words) {
            const int32_t x0 = (first - pause + 1) * EIGHT, x1 = (last + pause) * EIGHT;
            scan_span(p, mask, y, x0 < 0 ? 0 : x0, x1 > p->w ? p->w : x1, way, out);
        }
        kind = here == (DARK | LIGHT) ? NOTHING : here;
        first = last = i;
    }
}

bool dp_runs_level(const struct dp_pixels *p, struct dp_runs *out)
{
    const size_t w = (size_t)p->w;
    const struct way way = way_of(p, p->gap, SOLID_LEAST, DASHED_LEAST);
    uint8_t *mask = b_arena_array(out->arena, w + EIGHT, 1);
    for (int32_t y = p->reach; mask && y + p->reach < p->h; y++) {
        const uint8_t *mid = p->grey + (size_t)y * w;
        mark_lines(mid, mid - (size_t)p->reach * w, mid + (size_t)p->reach * w, p->w, mask);
        scan_row(p, mask, y, &way, out);
    }
    return mask && !out->starved;
}

bool dp_runs_edges(const struct dp_pixels *p, struct dp_runs *out)
{
    const size_t w = (size_t)p->w;
    const struct way way = way_of(p, 2, EDGE_LEAST, NEVER);
    uint8_t *mask = b_arena_array(out->arena, w + EIGHT, 1);
    for (int32_t y = p->reach + p->reach % 2; mask && y + p->reach < p->h;
         y += 2) { /* an edge shows in two rows of four */
        const uint8_t *mid = p->grey + (size_t)y * w;
        mark_edges(mid - 2 * w, mid + 2 * w, p->w, mask);
        scan_row(p, mask, y, &way, out);
    }
    return mask && !out->starved;
}

/* --- upright --- */

/* Marks of one kind in the columns of one tile, which is some rows high. An upright run is at least three tiles long:
 * it fills two whole tiles that follow each other by 5/8 (the rest of its 15 % is too little to spoil all pairs), or,
 * dashed, touches many in a row. */
struct column_counts {
    uint8_t *marks, *before; /* in this tile and the one above */
    uint8_t *streak;         /* tiles up to this one with marks of this kind only */
    uint8_t *hit;            /* a run may go through here */
    int32_t *done;           /* rows above this one are walked */
};

struct tiles {
    int32_t rows, n;               /* of a tile; columns */
    uint8_t least, pair, many;     /* marks in a tile, in two; tiles of a dashed run */
    struct column_counts kinds[2]; /* DARK, LIGHT */
};

static void count_row(const uint8_t *restrict mid, const uint8_t *restrict one, const uint8_t *restrict other,
                      int32_t n, uint8_t *restrict dark, uint8_t *restrict light)
{
    for (int32_t i = 0; i < n; i++) {
        const uint8_t low = one[i] < other[i] ? one[i] : other[i], high = one[i] > other[i] ? one[i] : other[i];
        const uint8_t is_dark = low > brighter(mid[i], CONTRAST) ? 1 : 0;
        const uint8_t is_light = high < darker(mid[i], CONTRAST) ? 1 : 0;
        dark[i] = (uint8_t)(dark[i] + is_dark);
        light[i] = (uint8_t)(light[i] + is_light);
    }
}

/* Ends a tile: which columns may hold a run of this kind. Truth is a byte of ones here, so that the compiler works on
 * sixteen columns at a time. */
static void judge_columns(const uint8_t *restrict marks, const uint8_t *restrict before, const uint8_t *restrict others,
                          const struct tiles *t, uint8_t *restrict streak, uint8_t *restrict hit)
{
    const uint8_t least = t->least, pair = t->pair, many = t->many;
    const int32_t n = t->n;
    for (int32_t i = 0; i < n; i++) {
        const uint8_t more = streak[i] < 255 ? (uint8_t)(streak[i] + 1) : (uint8_t)255;
        const uint8_t alone = others[i] == 0 ? 255 : 0, any = marks[i] >= least ? 255 : 0, now = more & alone & any;
        const uint8_t full = (uint8_t)(marks[i] + before[i]) >= pair ? 255 : 0, two = now >= 2 ? 255 : 0;
        const uint8_t dashed = now >= many ? 255 : 0;
        streak[i] = now;
        hit[i] = (uint8_t)((full & two) | dashed);
    }
}

static void judge_tile(const struct tiles *t, int kind)
{
    const struct column_counts *own = &t->kinds[kind - DARK], *other = &t->kinds[LIGHT - kind];
    judge_columns(own->marks, own->before, other->marks, t, own->streak, own->hit);
}

static uint8_t mark_at(const struct dp_pixels *p, int32_t x, int32_t y)
{
    const uint8_t *at = p->grey + (size_t)y * (size_t)p->w + x;
    const uint8_t mid = at[p->reach], one = at[0], other = at[2 * p->reach];
    return is_dark(mid, one, other) ? DARK : is_light(mid, one, other) ? LIGHT : NOTHING;
}

/* The run of this kind through rows [y0, y1) of a column; returns the row behind it. */
static int32_t walk_column(const struct dp_pixels *p, int32_t x, int32_t y0, int32_t y1, uint8_t kind,
                           struct dp_runs *out)
{
    int32_t last = y1 - 1, count = 1;
    while (last >= y0 && mark_at(p, x, last) != kind)
        last--;
    if (last < y0)
        return y1;
    int32_t from = last;
    for (int32_t y = from - 1; y >= 0 && from - y <= p->gap; y--) {
        const uint8_t mark = mark_at(p, x, y);
        if (mark != NOTHING && mark != kind)
            break;
        count += mark == kind;
        from = mark == kind ? y : from;
    }
    for (int32_t y = last + 1; y < p->h && y - last <= p->gap; y++) {
        const uint8_t mark = mark_at(p, x, y);
        if (mark != NOTHING && mark != kind)
            break;
        count += mark == kind;
        last = mark == kind ? y : last;
    }
    if (is_long(p, last - from + 1, count, UPRIGHT_LEAST, DASHED_LEAST))
        add_run(out, x + p->reach, from, last + 1);
    return last + 1;
}

static void walk_hits(const struct dp_pixels *p, const struct tiles *t, int kind, int32_t y1, struct dp_runs *out)
{
    const struct column_counts *c = &t->kinds[kind - DARK];
    const int32_t y0 = y1 - t->rows;
    for (int32_t x = 0; x < t->n; x++) {
        uint64_t eight;
        if (x + EIGHT <= t->n && (memcpy(&eight, c->hit + x, EIGHT), eight == 0)) {
            x += EIGHT - 1;
            continue;
        }
        if (c->hit[x] && c->done[x] <= y0)
            c->done[x] =
                walk_column(p, x, y0 - t->rows > c->done[x] ? y0 - t->rows : c->done[x], y1, (uint8_t)kind, out);
    }
}

static bool make_tiles(const struct dp_pixels *p, struct b_arena *arena, struct tiles *t)
{
    const float most = fminf(DASHED_LEAST * p->height, 1e6f);
    t->n = p->w - 2 * p->reach;
    t->rows = (int32_t)fminf(ceilf(UPRIGHT_LEAST * p->height) / 3.0f, TILE_MOST);
    t->least = p->gap < t->rows ? 1 : 0; /* a pause fills no tile */
    t->pair = (uint8_t)(t->rows + t->rows / 5);
    const int32_t many = ((int32_t)most + 1) / t->rows - 1;
    t->many = (uint8_t)(many < 1 ? 1 : many > 255 ? 255 : many);
    for (int k = 0; k < 2; k++) {
        struct column_counts *c = &t->kinds[k];
        const size_t n = (size_t)t->n;
        *c = (struct column_counts){b_arena_array(arena, n, 1), b_arena_array(arena, n, 1), b_arena_array(arena, n, 1),
                                    b_arena_array(arena, n, 1), B_ARENA_ARRAY(arena, n, int32_t)};
        if (!c->marks || !c->before || !c->streak || !c->hit || !c->done)
            return false;
    }
    return true;
}

bool dp_runs_upright(const struct dp_pixels *p, struct dp_runs *out)
{
    struct tiles t;
    if (p->w <= 2 * p->reach)
        return true;
    if (!make_tiles(p, out->arena, &t))
        return false;
    for (int32_t y = 0; y < p->h; y++) {
        const uint8_t *row = p->grey + (size_t)y * (size_t)p->w;
        count_row(row + p->reach, row, row + 2 * p->reach, t.n, t.kinds[0].marks, t.kinds[1].marks);
        if ((y + 1) % t.rows != 0)
            continue;
        judge_tile(&t, DARK);
        judge_tile(&t, LIGHT);
        for (int k = 0; k < 2; k++) {
            struct column_counts *c = &t.kinds[k];
            walk_hits(p, &t, k + DARK, y + 1, out);
            uint8_t *swap = c->before;
            c->before = c->marks;
            c->marks = swap;
            memset(c->marks, 0, (size_t)t.n);
        }
    }
    return !out->starved;
}
