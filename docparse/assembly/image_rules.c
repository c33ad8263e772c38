/* SPDX-License-Identifier: Apache-2.0 */
/* Rules in the page image: thin lines darker or lighter than what lies on both sides of them, dashed ones among
 * them, and long straight edges of filled bands. Works on brightness differences across a line's thickness, so
 * that coloured cells and shaded photographs do not matter. What lies inside of a line of text is text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"

#define CONTRAST 22      /* grey levels between a line and both sides */
#define EDGE_CONTRAST 30 /* grey levels across the edge of a band */
#define THICK 0.22f      /* line heights: half of the window across a line */
#define GAP 0.4f         /* line heights that a dashed line may pause */
#define SOLID_FILL 0.85f
#define DASHED_FILL 0.5f
#define SOLID_LEAST 2.5f /* line heights */
#define DASHED_LEAST 6.0f
#define UPRIGHT_LEAST 1.5f
#define EDGE_LEAST 10.0f
#define BEND_LEAST 10.0f /* line heights: rules that say how the page is bent */
#define BEND_STEP 2.0f   /* line heights between points of such a rule */
#define BEND_SLOPE 0.03f /* of its length, by its rise */
#define TEXT_CORE 0.22f  /* of a line's box, above and below, where a rule may touch it */
#define RUNS_MAX 60000   /* a page of ruled paper has 5000; halftone photographs have more and no tables */

enum { NOTHING, DARK, LIGHT };

struct run {
    int32_t at, from, to; /* row (or column) and extent along it */
};

struct runs {
    struct run *list;
    int32_t n, cap;
    struct b_arena *arena;
};

struct pixels {
    const uint8_t *grey;
    int32_t w, h, reach, gap;
    float height;
};

static void add_run(struct runs *r, int32_t at, int32_t from, int32_t to)
{
    if (r->n >= RUNS_MAX)
        return;
    if (r->n == r->cap) {
        size_t cap = r->cap ? (size_t)r->cap : 256;
        struct run *bigger = r->cap ? b_arena_grow(r->arena, r->list, (size_t)r->n, &cap, sizeof *bigger)
                                    : B_ARENA_ARRAY(r->arena, cap, struct run);
        if (!bigger)
            return;
        r->list = bigger;
        r->cap = (int32_t)cap;
    }
    r->list[r->n++] = (struct run){at, from, to};
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

/* mask[i] = DARK or LIGHT where mid[i] differs from both sides by the contrast, in the same sense. */
static void mark_lines(const uint8_t *restrict mid, const uint8_t *restrict one, const uint8_t *restrict other,
                       int32_t n, uint8_t *restrict mask)
{
    for (int32_t i = 0; i < n; i++) {
        const uint8_t low = one[i] < other[i] ? one[i] : other[i], high = one[i] > other[i] ? one[i] : other[i];
        const uint8_t dark = low > brighter(mid[i], CONTRAST) ? DARK : 0;
        const uint8_t light = high < darker(mid[i], CONTRAST) ? LIGHT : 0;
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

static bool is_long(const struct pixels *p, int32_t length, int32_t count, float solid, float dashed)
{
    const float len = (float)length, fill = (float)count / len;
    return (fill >= SOLID_FILL && len >= solid * p->height) || (fill >= DASHED_FILL && len >= dashed * p->height);
}

/* Runs of one row's mask. */
static void scan_row(const struct pixels *p, const uint8_t *mask, int32_t y, int32_t gap, float solid, float dashed,
                     struct runs *out)
{
    int32_t from = -1, last = -1, count = 0;
    uint8_t kind = NOTHING;
    for (int32_t x = 0; x < p->w; x++) {
        uint64_t eight;
        if (x + 8 <= p->w && (memcpy(&eight, mask + x, 8), eight == 0)) {
            x += 7;
            continue;
        }
        if (mask[x] == NOTHING)
            continue;
        if (from >= 0 && (x - last > gap || mask[x] != kind)) {
            if (mask[x] != kind && x - last <= gap && last - from < gap) {
                from = -1; /* a speck of the other kind: start over */
            } else {
                if (is_long(p, last - from + 1, count, solid, dashed))
                    add_run(out, y, from, last + 1);
                from = -1;
            }
        }
        if (from < 0) {
            from = x;
            count = 0;
            kind = mask[x];
        }
        last = x;
        count++;
    }
    if (from >= 0 && is_long(p, last - from + 1, count, solid, dashed))
        add_run(out, y, from, last + 1);
}

static void find_level(const struct pixels *p, uint8_t *mask, struct runs *lines, struct runs *edges)
{
    const size_t w = (size_t)p->w;
    for (int32_t y = p->reach; y + p->reach < p->h; y++) {
        const uint8_t *mid = p->grey + (size_t)y * w;
        mark_lines(mid, mid - (size_t)p->reach * w, mid + (size_t)p->reach * w, p->w, mask);
        scan_row(p, mask, y, p->gap, SOLID_LEAST, DASHED_LEAST, lines);
        if (y % 2 == 0) { /* an edge shows in two rows of four */
            mark_edges(mid - 2 * w, mid + 2 * w, p->w, mask);
            scan_row(p, mask, y, 2, EDGE_LEAST, 1e9f, edges);
        }
    }
}

struct tracker {
    int32_t from, last, count;
    uint8_t kind;
};

static void find_upright(const struct pixels *p, uint8_t *mask, struct tracker *t, struct runs *out)
{
    const size_t w = (size_t)p->w;
    const int32_t n = p->w - 2 * p->reach;
    for (int32_t x = 0; x < p->w; x++)
        t[x].from = -1;
    for (int32_t y = 0; y <= p->h && n > 0; y++) {
        if (y < p->h) {
            const uint8_t *row = p->grey + (size_t)y * w;
            mark_lines(row + p->reach, row, row + 2 * p->reach, n, mask);
        }
        for (int32_t x = 0; x < n; x++) {
            uint64_t eight;
            if (y < p->h && x + 8 <= n && (memcpy(&eight, mask + x, 8), eight == 0)) {
                x += 7;
                continue;
            }
            struct tracker *c = &t[x];
            const bool hit = y < p->h && mask[x] != NOTHING;
            if (!hit && y < p->h)
                continue;
            if (c->from >= 0 && (y - c->last > p->gap || y == p->h || mask[x] != c->kind)) {
                if (is_long(p, c->last - c->from + 1, c->count, UPRIGHT_LEAST, DASHED_LEAST))
                    add_run(out, x + p->reach, c->from, c->last + 1);
                c->from = -1;
            }
            if (hit && c->from < 0)
                *c = (struct tracker){y, y, 0, mask[x]};
            if (hit) {
                c->last = y;
                c->count++;
            }
        }
    }
}

static int by_position(const void *p, const void *q)
{
    const struct run *a = p, *b = q;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

/* Runs that lie against each other become one line: along it [from, to), across it [at0, at1]. */
struct line {
    int32_t at0, at1, from, to;
};

/* Merges sorted runs; a slightly slanted line climbs from row to row. Returns the number of lines. */
static int32_t merge_runs(struct runs *runs, struct line *lines, int32_t max)
{
    int32_t n = 0, live = 0;
    if (runs->n > 1)
        qsort(runs->list, (size_t)runs->n, sizeof *runs->list, by_position);
    for (int32_t i = 0; i < runs->n; i++) {
        const struct run *r = &runs->list[i];
        while (live < n && lines[live].at1 < r->at - 4)
            live++;
        int32_t best = -1;
        for (int32_t k = live; k < n; k++) {
            const struct line *l = &lines[k];
            const int32_t both = (l->to < r->to ? l->to : r->to) - (l->from > r->from ? l->from : r->from);
            if (r->at - l->at1 <= 3 && both > -2) {
                best = k;
                break;
            }
        }
        if (best < 0) {
            if (n < max)
                lines[n++] = (struct line){r->at, r->at, r->from, r->to};
            continue;
        }
        struct line *l = &lines[best];
        l->at1 = r->at;
        l->from = r->from < l->from ? r->from : l->from;
        l->to = r->to > l->to ? r->to : l->to;
        for (int32_t k = best; k + 1 < n && lines[k].at1 > lines[k + 1].at1; k++) { /* keep the live ones behind */
            const struct line swap = lines[k];
            lines[k] = lines[k + 1];
            lines[k + 1] = swap;
        }
    }
    return n;
}

/* A rule whose greater part runs through the middle of text is a stroke of it. Main frame. */
static bool is_text(const struct dp_assembly *a, struct dp_rect r, bool upright)
{
    const float y = (r.y0 + r.y1) * 0.5f, x = (r.x0 + r.x1) * 0.5f;
    float covered = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_rect b = a->items[i].box;
        const float tall = b.y1 - b.y0;
        if (a->items[i].direction != a->main_direction)
            continue;
        if (upright) {
            if (x > b.x0 && x < b.x1 && r.y0 > b.y0 - 0.2f * tall && r.y1 < b.y1 + 0.2f * tall)
                return true;
        } else if (y > b.y0 && y < b.y1 && r.x0 > b.x0 - 0.3f * tall && r.x1 < b.x1 + 0.3f * tall) {
            return true; /* tops or feet of the letters in a row */
        } else if (y > b.y0 + TEXT_CORE * tall && y < b.y1 - TEXT_CORE * tall) {
            covered += fmaxf(dp_overlap(r.x0, r.x1, b.x0, b.x1), 0.0f);
        }
    }
    return covered > 0.5f * (r.x1 - r.x0);
}

struct found {
    struct dp_rect *box;
    bool *upright;
    int32_t n, max;
};

static void keep_lines(const struct dp_assembly *a, const struct line *lines, int32_t n, bool upright, float thickest,
                       struct found *out)
{
    for (int32_t i = 0; i < n && out->n < out->max; i++) {
        const struct line *l = &lines[i];
        const float length = (float)(l->to - l->from), thick = (float)(l->at1 - l->at0 + 1);
        struct dp_rect r = {(float)l->from, (float)l->at0, (float)l->to, (float)l->at1 + 1.0f};
        if (thick > thickest && thick > 0.06f * length)
            continue;
        if (upright)
            r = (struct dp_rect){(float)l->at0, (float)l->from, (float)l->at1 + 1.0f, (float)l->to};
        const bool up = a->main_direction & 1 ? !upright : upright;
        r = dp_frame_to_direction(&a->frame, r, a->main_direction);
        if (is_text(a, r, up))
            continue;
        out->box[out->n] = r;
        out->upright[out->n++] = up;
    }
}

/* Edges count only where no line was found: a line has two of them. */
static bool near_known(const struct found *f, int32_t n, struct dp_rect r, float within)
{
    for (int32_t i = 0; i < n; i++)
        if (!f->upright[i] && fabsf((f->box[i].y0 + f->box[i].y1 - r.y0 - r.y1) * 0.5f) < within &&
            dp_overlap(f->box[i].x0, f->box[i].x1, r.x0, r.x1) > 0.5f * (r.x1 - r.x0))
            return true;
    return false;
}

static void keep_edges(const struct dp_assembly *a, const struct line *lines, int32_t n, float thickest,
                       struct found *out)
{
    const int32_t known = out->n;
    keep_lines(a, lines, n, false, thickest, out);
    int32_t kept = known;
    for (int32_t i = known; i < out->n; i++)
        if (!out->upright[i] && !near_known(out, known, out->box[i], 0.4f * a->height)) {
            out->box[kept] = out->box[i];
            out->upright[kept++] = out->upright[i];
        }
    out->n = kept;
}

/* --- the flattened page --- */

#define MESH 16 /* pixels between the points where the flattening is computed exactly */

/* Where a point of the flattened upright page lies in the page image. */
static struct dp_point to_image(const struct dp_flat_frame *f, struct dp_point flat)
{
    const struct dp_point p = dp_frame_unflatten(f, flat);
    switch (f->turns) {
    case 1:
        return (struct dp_point){p.y, f->page_h - p.x};
    case 2:
        return (struct dp_point){f->page_w - p.x, f->page_h - p.y};
    case 3:
        return (struct dp_point){f->page_w - p.y, p.x};
    default:
        return p;
    }
}

static uint8_t pixel_at(const uint8_t *grey, int32_t w, int32_t h, float x, float y)
{
    const int32_t ix = (int32_t)x, iy = (int32_t)y;
    return x >= 0 && y >= 0 && ix < w && iy < h ? grey[(size_t)iy * (size_t)w + (size_t)ix] : 255;
}

/* One strip of the mesh, between the points of two mesh rows. */
static void sample_strip(const uint8_t *grey, int32_t w, int32_t h, const struct dp_point *top,
                         const struct dp_point *low, uint8_t *out, int32_t flat_w, int32_t rows)
{
    for (int32_t y = 0; y < rows; y++) {
        const float v = (float)y / MESH;
        for (int32_t x = 0; x < flat_w; x++) {
            const struct dp_point *t = top + x / MESH, *l = low + x / MESH;
            const float u = (float)(x % MESH) / MESH;
            const float x0 = t[0].x + (t[1].x - t[0].x) * u, x1 = l[0].x + (l[1].x - l[0].x) * u;
            const float y0 = t[0].y + (t[1].y - t[0].y) * u, y1 = l[0].y + (l[1].y - l[0].y) * u;
            out[(size_t)y * (size_t)flat_w + (size_t)x] = pixel_at(grey, w, h, x0 + (x1 - x0) * v, y0 + (y1 - y0) * v);
        }
    }
}

/* The page in grey as it would be flat and upright; the page itself where it is. */
static const uint8_t *flat_grey(struct dp_assembly *a, int32_t *width, int32_t *height)
{
    const struct dp_flat_frame *f = &a->frame;
    int32_t w = 0, h = 0;
    const uint8_t *grey = dp_page_grey(a, &w, &h);
    *width = w;
    *height = h;
    if (!grey || (!f->warped && f->turns == 0))
        return grey;
    *width = (int32_t)f->w;
    *height = (int32_t)f->h;
    const int32_t across = *width / MESH + 2;
    uint8_t *out = b_arena_alloc(a->arena, (size_t)*width * (size_t)*height, 64);
    struct dp_point *points = B_ARENA_ARRAY(a->arena, (size_t)across * 2, struct dp_point);
    if (!out || !points)
        return NULL;
    for (int32_t y = 0; y < *height; y += MESH) {
        for (int32_t row = 0; row < 2; row++)
            for (int32_t k = 0; k < across; k++)
                points[row * across + k] =
                    to_image(f, (struct dp_point){(float)(k * MESH) + 0.5f, (float)(y + row * MESH) + 0.5f});
        const int32_t rows = *height - y < MESH ? *height - y : MESH;
        sample_strip(grey, w, h, points, points + across, out + (size_t)y * (size_t)*width, *width, rows);
    }
    return out;
}

/* --- what rules say about the bend --- */

enum { BENDS_MAX = 4000, BEND_BINS = 64, BEND_WORK = 4000000 };

/* Steps along one rule: mean position of its runs in each stretch. */
static void note_rule(struct dp_assembly *a, const struct runs *runs, const struct line *l, int64_t *work)
{
    float sum[BEND_BINS] = {0};
    int32_t count[BEND_BINS] = {0}, low = 0, high = runs->n;
    const float step = fmaxf((float)(l->to - l->from) / BEND_BINS, BEND_STEP * a->height);
    while (low < high) { /* first run of the rule; runs are sorted */
        const int32_t m = low + (high - low) / 2;
        if (runs->list[m].at < l->at0)
            low = m + 1;
        else
            high = m;
    }
    for (int32_t i = low; i < runs->n && runs->list[i].at <= l->at1 && *work > 0; i++) {
        const struct run *r = &runs->list[i];
        (*work)--;
        if (r->from < l->from || r->to > l->to)
            continue;
        for (int k = (int)((float)(r->from - l->from) / step); k < BEND_BINS; k++) {
            const float x = (float)l->from + ((float)k + 0.5f) * step;
            if (x >= (float)r->to)
                break;
            if (x < (float)r->from)
                continue;
            sum[k] += (float)r->at;
            count[k]++;
            (*work)--;
        }
    }
    struct dp_point last = {0, 0};
    bool any = false;
    for (int k = 0; k < BEND_BINS; k++) {
        if (count[k] == 0)
            continue;
        const struct dp_point p = {(float)l->from + ((float)k + 0.5f) * step, sum[k] / (float)count[k] + 0.5f};
        if (any && a->n_bends < BENDS_MAX)
            a->bends[a->n_bends++] = (struct dp_rule_step){last, p};
        last = p;
        any = true;
    }
}

/* Long level rules, for another look at the page's frame. */
static void note_bends(struct dp_assembly *a, const struct runs *runs, const struct line *lines, int32_t n)
{
    int64_t work = BEND_WORK;
    if (a->main_direction != 0 || a->bends)
        return;
    a->bends = B_ARENA_ARRAY(a->arena, BENDS_MAX, struct dp_rule_step);
    for (int32_t i = 0; a->bends && i < n && work > 0; i++) {
        const struct line *l = &lines[i];
        const float length = (float)(l->to - l->from);
        const struct dp_rect box = {(float)l->from, (float)l->at0, (float)l->to, (float)l->at1 + 1.0f};
        if (length > BEND_LEAST * a->height && box.y1 - box.y0 < BEND_SLOPE * length && !is_text(a, box, false))
            note_rule(a, runs, l, &work);
    }
}

enum b_code dp_image_rules(struct dp_assembly *a, struct b_err *err)
{
    enum { LINES_MAX = 4000 };
    const struct dp_sheet *s = a->sheet;
    if (!s || !s->image.pixels || a->height < 4.0f)
        return B_OK;
    struct pixels p = {.height = a->height};
    p.grey = flat_grey(a, &p.w, &p.h);
    p.reach = (int32_t)(THICK * a->height + 0.5f);
    p.reach = p.reach < 3 ? 3 : p.reach > 16 ? 16 : p.reach;
    p.gap = (int32_t)(GAP * a->height);
    if (p.w < 4 * p.reach || p.h < 4 * p.reach)
        return B_OK;
    uint8_t *mask = b_arena_array(a->arena, (size_t)p.w + 8, 1);
    struct tracker *trackers = B_ARENA_ARRAY(a->arena, (size_t)p.w, struct tracker);
    struct runs level = {.arena = a->arena}, upright = level, edges = level;
    struct line *lines = B_ARENA_ARRAY(a->arena, LINES_MAX, struct line);
    struct found found = {B_ARENA_ARRAY(a->arena, LINES_MAX * 3, struct dp_rect),
                          B_ARENA_ARRAY(a->arena, LINES_MAX * 3, bool), 0, LINES_MAX * 3};
    a->rules = B_ARENA_ARRAY(a->arena, LINES_MAX * 3, struct dp_rect);
    if (!p.grey || !mask || !trackers || !lines || !found.box || !found.upright || !a->rules)
        return b_arena_refused(a->arena, "assembly", err);
    find_level(&p, mask, &level, &edges);
    find_upright(&p, mask, trackers, &upright);
    if (level.n >= RUNS_MAX || upright.n >= RUNS_MAX) /* a photograph all over the page */
        return B_OK;
    const float thickest = 2.0f * (float)p.reach;
    const int32_t n_level = merge_runs(&level, lines, LINES_MAX);
    note_bends(a, &level, lines, n_level);
    keep_lines(a, lines, n_level, false, thickest, &found);
    keep_lines(a, lines, merge_runs(&upright, lines, LINES_MAX), true, thickest, &found);
    keep_edges(a, lines, merge_runs(&edges, lines, LINES_MAX), thickest, &found);
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < found.n; i++)
            if (found.upright[i] == (pass == 0))
                a->rules[a->n_rules++] = found.box[i];
        if (pass == 0)
            a->n_vertical = a->n_rules;
    }
    return B_OK;
}
