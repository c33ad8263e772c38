/* SPDX-License-Identifier: Apache-2.0 */
/* Takes components apart that hold several lines of text: neighbours that touch, or a line that runs into
 * another column. Seeds are what stays when the threshold rises, or when the columns and rows that bridge
 * two lines are taken out; every other pixel of the component then joins the seed it is nearest to, so that
 * no pixel is lost. Invariant: the pieces of a component are a partition of its pixels. */
#include "engine/compact/strip_split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SUSPECT_AREA 48 /* pixels: smaller ones are one or two characters */
#define MAX_GAP_SHARE 0.12  /* columns with a hole or two segments: more is no single line */
#define MAX_THICKEST 1.8    /* thickest columns over the median: a touching neighbour doubles it... */
#define MIN_RESIDUAL 0.15   /* ...and moves the columns' middles; a line of small and large print does not */
#define MAX_RESIDUAL 0.3    /* of the thickness: the columns' middles jump between lines */
#define MIN_SEED_SHARE 0.08 /* of the component's area: smaller seeds are fringes */
#define MAX_SEEDS 64
#define LEVEL_STEPS 5
#define TOP_LEVEL 0.9f
#define MAX_DEPTH 2
#define MAX_WINDOWS 8 /* maps' worth of windows: nested rings or stripes would cost the square of a map */
#define MAX_CUT 4.0   /* thicknesses: a wider bridge is a block of its own */

struct splitter {
    struct eng_map map;
    float level;
    double aspect;
    struct eng_fit_space *space;
    struct eng_split_pieces *out;
    size_t capacity, owned_capacity;
    size_t budget; /* window pixels that may still be looked at */
};

static enum b_code push_piece(struct splitter *s, const struct eng_component *item, const struct eng_run *runs,
                              struct b_err *err)
{
    struct eng_split_pieces *out = s->out;
    if (out->count == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 256;
        struct eng_component *items = realloc(out->items, capacity * sizeof *items);
        if (items)
            out->items = items;
        const struct eng_run **lists = items ? realloc(out->runs, capacity * sizeof *lists) : NULL;
        if (!lists)
            return b_fail(err, B_NO_MEMORY, "detector", "no memory for %zu lines", capacity);
        out->runs = lists;
        s->capacity = capacity;
    }
    out->items[out->count] = *item;
    out->runs[out->count++] = runs;
    return B_OK;
}

/* Keeps `runs` alive until the pieces are freed. */
static enum b_code own_runs(struct splitter *s, struct eng_run *runs, struct b_err *err)
{
    struct eng_split_pieces *out = s->out;
    if (out->n_owned == s->owned_capacity) {
        size_t capacity = s->owned_capacity ? s->owned_capacity * 2 : 16;
        struct eng_run **owned = realloc(out->owned, capacity * sizeof *owned);
        if (!owned) {
            free(runs);
            return b_fail(err, B_NO_MEMORY, "detector", "no memory for %zu split components", capacity);
        }
        out->owned = owned;
        s->owned_capacity = capacity;
    }
    out->owned[out->n_owned++] = runs;
    return B_OK;
}

/* Does the component look like more than one line? */
static enum b_code suspect(struct splitter *s, const struct eng_component *c, const struct eng_run *runs, bool *is,
                           double *thickness, struct b_err *err)
{
    struct eng_piece piece;
    struct eng_line_fit fit;
    *is = false;
    if (c->area < MIN_SUSPECT_AREA)
        return B_OK;
    enum b_code code = eng_piece_measure(runs, c->count, s->aspect, s->space, &piece, err);
    if (code == B_OK)
        code = eng_piece_fit(&piece, piece.axis, s->aspect, s->space, &fit, err);
    if (code != B_OK)
        return code;
    double usual = piece.area / fmax(piece.length, 1.0);
    *is = fit.gap_share > MAX_GAP_SHARE || fit.residual > MAX_RESIDUAL * usual ||
          (fit.thickest > MAX_THICKEST && fit.residual > MIN_RESIDUAL * usual);
    *thickness = usual;
    return B_OK;
}

/* Copy of the component's window of the map, 0 outside the component. */
static void fill_window(const struct splitter *s, const struct eng_component *c, const struct eng_run *runs,
                        float *window, size_t width)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct eng_run *r = &runs[i];
        memcpy(window + (size_t)(r->y - c->y0) * width + (size_t)(r->x0 - c->x0),
               s->map.prob + (size_t)r->y * s->map.stride + (size_t)r->x0, (size_t)(r->x1 - r->x0) * sizeof *window);
    }
}

/* Seeds of one cut: components of the window that are large enough to be lines. Their runs get labels
 * 1.. in `labels`; returns their number, 0 when there are not at least two. */
static int mark_seeds(const struct eng_components *found, double min_area, uint8_t *labels, size_t width)
{
    int seeds = 0;
    for (size_t i = 0; i < found->count && seeds < MAX_SEEDS; i++)
        seeds += (double)found->items[i].area >= min_area;
    if (seeds < 2)
        return 0;
    seeds = 0;
    for (size_t i = 0; i < found->count && seeds < MAX_SEEDS; i++) {
        const struct eng_component *c = &found->items[i];
        if ((double)c->area < min_area)
            continue;
        seeds++;
        for (size_t k = 0; k < c->count; k++) {
            const struct eng_run *r = &found->runs[c->first + k];
            memset(labels + (size_t)r->y * width + (size_t)r->x0, seeds, (size_t)(r->x1 - r->x0));
        }
    }
    return seeds;
}

/* Breadth-first growth of the labels over the component's pixels (window > 0). */
static enum b_code grow_labels(const float *window, uint8_t *labels, size_t width, size_t height, struct b_err *err)
{
    size_t n = width * height, head = 0, tail = 0;
    uint32_t *queue = malloc(n * sizeof *queue);
    if (!queue)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory to split a component of %zux%zu", width, height);
    for (size_t i = 0; i < n; i++)
        if (labels[i])
            queue[tail++] = (uint32_t)i;
    while (head < tail) {
        size_t at = queue[head++], x = at % width, y = at / width;
        size_t x_from = x ? x - 1 : 0, x_to = x + 1 < width ? x + 1 : x;
        size_t y_from = y ? y - 1 : 0, y_to = y + 1 < height ? y + 1 : y;
        for (size_t yy = y_from; yy <= y_to; yy++)
            for (size_t xx = x_from; xx <= x_to; xx++) {
                size_t to = yy * width + xx;
                if (labels[to] || !(window[to] > 0.0f))
                    continue;
                labels[to] = labels[at];
                queue[tail++] = (uint32_t)to;
            }
    }
    free(queue);
    return B_OK;
}

/* Runs of one label in page order; returns their number. */
static size_t collect_runs(const struct eng_component *parent, const float *window, const uint8_t *labels, size_t width,
                           size_t height, int label, struct eng_run *runs, struct eng_component *item)
{
    size_t n = 0;
    *item = (struct eng_component){.x0 = INT32_MAX, .y0 = INT32_MAX};
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width;) {
            if (labels[y * width + x] != label) {
                x++;
                continue;
            }
            struct eng_run r = {parent->y0 + (int32_t)y, parent->x0 + (int32_t)x, 0, 0.0f};
            for (; x < width && labels[y * width + x] == label; x++)
                r.sum += fminf(window[y * width + x], 1.0f);
            r.x1 = parent->x0 + (int32_t)x;
            item->area += (uint64_t)(r.x1 - r.x0);
            item->sum += (double)r.sum;
            item->x0 = r.x0 < item->x0 ? r.x0 : item->x0;
            item->x1 = r.x1 > item->x1 ? r.x1 : item->x1;
            item->y0 = r.y < item->y0 ? r.y : item->y0;
            item->y1 = r.y + 1;
            runs[n++] = r;
        }
    item->count = n;
    return n;
}

/* Takes out columns whose solid vertical segment is much thicker than a line, and rows likewise for
 * vertical lines: what bridges two lines is thicker than either. */
static void cut_bridges(float *window, size_t width, size_t height, bool vertical, double thickness)
{
    size_t along = vertical ? height : width, across = vertical ? width : height;
    size_t step = vertical ? 1 : width, base = vertical ? width : 1;
    for (size_t u = 0; u < along; u++)
        for (size_t v = 0; v < across;) {
            size_t from = v;
            while (v < across && window[u * base + v * step] > 0.0f)
                v++;
            if ((double)(v - from) > thickness)
                for (size_t k = from; k < v; k++)
                    window[u * base + k * step] = 0.0f;
            v += v == from;
        }
}

/* Typical length of the window's solid segments across the lines: lower quartile, so that the bridges
 * themselves do not count. */
static double segment_length(const float *window, size_t width, size_t height, bool vertical)
{
    size_t along = vertical ? height : width, across = vertical ? width : height;
    size_t step = vertical ? 1 : width, base = vertical ? width : 1;
    size_t counts[256] = {0}, total = 0, seen = 0;
    for (size_t u = 0; u < along; u++)
        for (size_t v = 0; v < across;) {
            size_t from = v;
            while (v < across && window[u * base + v * step] > 0.0f)
                v++;
            if (v > from) {
                counts[v - from < 255 ? v - from : 255]++;
                total++;
            }
            v += v == from;
        }
    for (size_t i = 1; i < 256; i++) {
        seen += counts[i];
        if (seen * 4 >= total)
            return (double)i;
    }
    return 1.0;
}

struct cut {
    float *window, *work;
    uint8_t *labels;
    size_t width, height;
    int seeds;
};

static enum b_code try_level(struct cut *cut, const float *from, float level, double min_area, struct b_err *err)
{
    struct eng_components found;
    struct eng_map map = {from, cut->width, (int)cut->width, (int)cut->height};
    enum b_code code = eng_components_find(map, level, &found, err);
    if (code != B_OK)
        return code;
    cut->seeds = mark_seeds(&found, min_area, cut->labels, cut->width);
    eng_components_free(&found);
    return B_OK;
}

/* A cut through several lines leaves each of them in two seeds. Two seeds that face each other across a cut over
 * at least half a line's thickness are one line: `to[label]` becomes the smaller label of its line. */
static enum b_code pair_halves(const struct cut *cut, bool vertical, double usual, uint8_t to[MAX_SEEDS + 1],
                               struct b_err *err)
{
    enum { SIDE = MAX_SEEDS + 1 };
    const size_t along = vertical ? cut->height : cut->width, across = vertical ? cut->width : cut->height;
    const size_t step = vertical ? 1 : cut->width, base = vertical ? cut->width : 1;
    uint32_t *facing = calloc(SIDE * SIDE, sizeof *facing);
    if (!facing)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory to split a component");
    for (size_t v = 0; v < across; v++) {
        size_t last = SIZE_MAX; /* position of the last labelled pixel, unbroken by pixels outside the component */
        for (size_t u = 0; u < along; u++) {
            const size_t at = u * base + v * step;
            if (!(cut->window[at] > 0.0f)) {
                last = SIZE_MAX;
            } else if (cut->labels[at]) {
                if (last != SIZE_MAX && u - last > 1 && (double)(u - last) <= MAX_CUT * usual)
                    facing[cut->labels[last * base + v * step] * SIDE + cut->labels[at]]++;
                last = u;
            }
        }
    }
    for (int i = 1; i <= cut->seeds; i++)
        to[i] = (uint8_t)i;
    for (int a = 1; a <= cut->seeds; a++)
        for (int b = 1; b <= cut->seeds; b++) {
            const uint8_t low = to[a] < to[b] ? to[a] : to[b], high = to[a] < to[b] ? to[b] : to[a];
            if (low == high || (double)facing[a * SIDE + b] < 0.5 * usual)
                continue;
            for (int i = 1; i <= cut->seeds; i++)
                to[i] = to[i] == high ? low : to[i];
        }
    free(facing);
    return B_OK;
}

/* Joins the halves of each line and numbers the lines 1.. without gaps. */
static enum b_code join_halves(struct cut *cut, bool vertical, double usual, struct b_err *err)
{
    uint8_t to[MAX_SEEDS + 1] = {0}, number[MAX_SEEDS + 1] = {0};
    int lines = 0;
    enum b_code code = pair_halves(cut, vertical, usual, to, err);
    if (code != B_OK)
        return code;
    for (int i = 1; i <= cut->seeds; i++)
        if (to[i] == i)
            number[i] = (uint8_t)++lines;
    if (lines < 2)
        memset(number, 0, sizeof number); /* one line after all: no seeds */
    for (size_t i = 0; i < cut->width * cut->height; i++)
        cut->labels[i] = number[to[cut->labels[i]]];
    cut->seeds = lines < 2 ? 0 : lines;
    return B_OK;
}

/* Looks for two or more seeds: rising levels first, then without bridges. */
static enum b_code find_seeds(const struct splitter *s, struct cut *cut, const struct eng_component *c,
                              double thickness, struct b_err *err)
{
    double min_area = fmax(MIN_SEED_SHARE * (double)c->area, 16.0);
    for (int i = 1; i <= LEVEL_STEPS && cut->seeds == 0; i++) {
        float level = s->level + (TOP_LEVEL - s->level) * (float)i / LEVEL_STEPS;
        enum b_code code = try_level(cut, cut->window, level, min_area, err);
        if (code != B_OK)
            return code;
    }
    for (int vertical = 0; vertical < 2 && cut->seeds == 0; vertical++) {
        size_t n = cut->width * cut->height;
        double usual = segment_length(cut->window, cut->width, cut->height, vertical);
        if (usual > 3.0 * thickness)
            continue;
        memcpy(cut->work, cut->window, n * sizeof *cut->work);
        cut_bridges(cut->work, cut->width, cut->height, vertical, 1.5 * usual + 1.0);
        enum b_code code = try_level(cut, cut->work, s->level, min_area, err);
        if (code == B_OK && cut->seeds > 0)
            code = join_halves(cut, vertical, usual, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

static enum b_code split(struct splitter *s, const struct eng_component *c, const struct eng_run *runs, int depth,
                         struct b_err *err);

/* Turns the labelled window into pieces; each may be split again. */
static enum b_code hand_out(struct splitter *s, const struct eng_component *c, const struct cut *cut, int depth,
                            struct b_err *err)
{
    enum b_code code = B_OK;
    for (int label = 1; label <= cut->seeds && code == B_OK; label++) {
        /* A label's runs are at most half its window, rounded up in every row. */
        struct eng_run *runs = malloc((cut->width / 2 + 1) * cut->height * sizeof *runs);
        struct eng_component item;
        if (!runs)
            return b_fail(err, B_NO_MEMORY, "detector", "no memory to split a component");
        size_t n = collect_runs(c, cut->window, cut->labels, cut->width, cut->height, label, runs, &item);
        struct eng_run *fitting = n ? realloc(runs, n * sizeof *runs) : runs;
        runs = fitting ? fitting : runs;
        code = own_runs(s, runs, err);
        if (code == B_OK && n > 0)
            code = split(s, &item, runs, depth + 1, err);
    }
    return code;
}

static enum b_code split(struct splitter *s, const struct eng_component *c, const struct eng_run *runs, int depth,
                         struct b_err *err)
{
    struct cut cut = {NULL, NULL, NULL, (size_t)(c->x1 - c->x0), (size_t)(c->y1 - c->y0), 0};
    bool several = false;
    double thickness = 0.0;
    enum b_code code = depth < MAX_DEPTH ? suspect(s, c, runs, &several, &thickness, err) : B_OK;
    const size_t n = cut.width * cut.height;
    if (code != B_OK || !several || n > s->budget)
        return code != B_OK ? code : push_piece(s, c, runs, err);
    s->budget -= n;
    cut.window = calloc(n, sizeof *cut.window);
    cut.work = malloc(n * sizeof *cut.work);
    cut.labels = calloc(n, 1);
    if (!cut.window || !cut.work || !cut.labels) {
        code = b_fail(err, B_NO_MEMORY, "detector", "no memory to split a component of %zu pixels", n);
        goto out;
    }
    fill_window(s, c, runs, cut.window, cut.width);
    if ((code = find_seeds(s, &cut, c, thickness, err)) != B_OK)
        goto out;
    if (cut.seeds < 2) {
        code = push_piece(s, c, runs, err);
        goto out;
    }
    if ((code = grow_labels(cut.window, cut.labels, cut.width, cut.height, err)) != B_OK)
        goto out;
    code = hand_out(s, c, &cut, depth, err);
out:
    free(cut.window);
    free(cut.work);
    free(cut.labels);
    return code;
}

enum b_code eng_split_components(struct eng_map map, const struct eng_components *components, float level,
                                 double aspect, struct eng_fit_space *space, struct eng_split_pieces *out,
                                 struct b_err *err)
{
    const size_t budget = (size_t)map.width * (size_t)map.height * MAX_WINDOWS;
    struct splitter s = {map, level, aspect, space, out, 0, 0, budget};
    enum b_code code = B_OK;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < components->count && code == B_OK; i++)
        code = split(&s, &components->items[i], components->runs + components->items[i].first, 0, err);
    return code;
}

void eng_split_pieces_free(struct eng_split_pieces *pieces)
{
    for (size_t i = 0; i < pieces->n_owned; i++)
        free(pieces->owned[i]);
    free(pieces->owned);
    free(pieces->items);
    free(pieces->runs);
    memset(pieces, 0, sizeof *pieces);
}
