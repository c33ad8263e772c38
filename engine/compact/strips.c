/* SPDX-License-Identifier: Apache-2.0 */
/* Probability map -> strips: threshold, components, split of touching lines, direction, centre line,
 * widening. Long lines decide their own direction; short ones (one or two characters, a lone "I") take the
 * direction of the long lines around them. Order: raster order of the components' first pixels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/compact/components.h"
#include "engine/compact/detector.h"
#include "engine/compact/direction_grid.h"
#include "engine/compact/strip_fit.h"
#include "engine/compact/strip_list.h"
#include "engine/compact/strip_split.h"

#define DEFAULT_MASK_LEVEL 0.3f /* compact-models.md 2.3, step 1 */
#define DEFAULT_MIN_SCORE 0.5f  /* step 4 */
#define MIN_SIDE 3.0            /* step 3: shorter side before widening, map pixels */
#define MIN_WIDE_SIDE 5.0       /* step 5: after widening */
#define MIN_PAGE_SIDE 4.0       /* step 6: page pixels */
#define MIN_MARK_AREA 4         /* pixels: fewer cannot have two sides of MIN_SIDE */
#define MAX_MAP_PIXELS ((size_t)1 << 24)
#define MAX_STRIPS 16384 /* five times a broadsheet newspaper page; more are not text but noise */
#define MAX_MAP_SIDE 32768

/* A line knows its direction from three characters on: their shrunken outline is longer than 5 times its
 * thickness, and its box longer than 2.5 boxes of the page's usual line (compact-models.md 6, vertical
 * text), which is 6 thicknesses. */
#define ANCHOR_RATIO 5.0
#define ANCHOR_LINES 6.0
#define TURNED_BOXES 2.5

struct line {
    struct eng_piece piece;
    struct eng_line_fit fit;
    bool anchor;
};

struct finder {
    struct eng_map map;
    double scale_x, aspect; /* network pixels per page pixel; see strip_fit.h */
    float level, min_score;
    int page_w, page_h;
    struct eng_components components;
    struct eng_split_pieces pieces;
    struct line *lines;
    size_t n_lines, dropped;
    struct eng_direction_grid grid;
    struct eng_fit_space space;
};

static double ratio_of(const struct eng_piece *p)
{
    return p->length * p->length / p->area;
}

static double thickness_of(const struct eng_piece *p)
{
    return p->area / p->length;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool is_mark(const struct finder *f, const struct eng_component *c)
{
    return c->area >= MIN_MARK_AREA && c->sum >= (double)f->min_score * (double)c->area;
}

/* Area from which marks are measured: such that there are at most MAX_STRIPS of them. */
static enum b_code least_area(const struct finder *f, uint64_t *least, struct b_err *err)
{
    size_t n = 0;
    *least = 0;
    for (size_t i = 0; i < f->pieces.count; i++)
        n += is_mark(f, &f->pieces.items[i]);
    if (n <= MAX_STRIPS)
        return B_OK;
    uint64_t *areas = malloc(n * sizeof *areas);
    if (!areas)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory for %zu lines", n);
    n = 0;
    for (size_t i = 0; i < f->pieces.count; i++)
        if (is_mark(f, &f->pieces.items[i]))
            areas[n++] = f->pieces.items[i].area;
    qsort(areas, n, sizeof *areas, by_size);
    *least = areas[n - MAX_STRIPS - 1] + 1;
    free(areas);
    return B_OK;
}

/* Measures every component and drops specks. */
static enum b_code measure_all(struct finder *f, struct b_err *err)
{
    uint64_t least = 0;
    enum b_code code = least_area(f, &least, err);
    if (code != B_OK)
        return code;
    f->lines = calloc(f->pieces.count ? f->pieces.count : 1, sizeof *f->lines);
    if (!f->lines)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory for %zu lines", f->pieces.count);
    for (size_t i = 0; i < f->pieces.count; i++) {
        const struct eng_component *c = &f->pieces.items[i];
        if (!is_mark(f, c))
            continue;
        if (c->area < least) {
            f->dropped++;
            continue;
        }
        struct line *l = &f->lines[f->n_lines];
        code = eng_piece_measure(f->pieces.runs[i], c->count, f->aspect, &f->space, &l->piece, err);
        if (code != B_OK)
            return code;
        double d = eng_unclip_distance(l->piece.length, l->piece.thickness), wide = l->piece.thickness + 2.0 * d;
        if (l->piece.thickness >= MIN_SIDE && wide >= MIN_WIDE_SIDE && wide / f->scale_x >= MIN_PAGE_SIDE)
            f->n_lines++;
    }
    return B_OK;
}

struct weighted {
    double value, weight;
};

static int by_weighted_value(const void *a, const void *b)
{
    double x = ((const struct weighted *)a)->value, y = ((const struct weighted *)b)->value;
    return (x > y) - (x < y);
}

/* Thickness of the page's usual line: median over the length of all lines; 0 without any. */
static enum b_code usual_thickness(const struct finder *f, double *thickness, struct b_err *err)
{
    struct weighted *w = malloc((f->n_lines ? f->n_lines : 1) * sizeof *w);
    double total = 0.0, seen = 0.0;
    size_t n = 0;
    *thickness = 0.0;
    if (!w)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory for %zu thicknesses", f->n_lines);
    for (size_t i = 0; i < f->n_lines; i++) {
        const struct eng_piece *p = &f->lines[i].piece;
        if (ratio_of(p) < ANCHOR_RATIO)
            continue;
        w[n++] = (struct weighted){thickness_of(p), p->length};
        total += p->length;
    }
    qsort(w, n, sizeof *w, by_weighted_value);
    for (size_t i = 0; i < n && seen * 2.0 <= total; i++) {
        seen += w[i].weight;
        *thickness = w[i].value;
    }
    free(w);
    return B_OK;
}

/* Canonical sense: rightwards, or downwards where a line is closer to the vertical. */
static struct eng_dpoint canonical(struct eng_dpoint axis)
{
    bool keep = fabs(axis.x) >= fabs(axis.y) ? axis.x >= 0.0 : axis.y >= 0.0;
    return keep ? axis : (struct eng_dpoint){-axis.x, -axis.y};
}

static struct eng_dpoint rectangle_axis(const struct eng_piece *p)
{
    return canonical(p->along);
}

/* Direction of a line that is too short to know its own. */
static struct eng_dpoint borrowed_axis(const struct finder *f, const struct eng_piece *p)
{
    struct eng_dpoint own = rectangle_axis(p), axis = own;
    double thickness = 0.0;
    if (!eng_direction_near(&f->grid, p->mean, &axis, &thickness))
        return own;
    double wide = p->length + 2.0 * eng_unclip_distance(p->length, p->thickness);
    double usual = thickness + 2.0 * eng_unclip_distance(100.0 * thickness, thickness);
    if (ratio_of(p) >= ANCHOR_RATIO && wide >= TURNED_BOXES * usual)
        return own;
    return canonical(axis);
}

static enum b_code fit_anchors(struct finder *f, struct b_err *err)
{
    double usual = 0.0;
    enum b_code code = usual_thickness(f, &usual, err);
    for (size_t i = 0; i < f->n_lines && code == B_OK; i++) {
        struct line *l = &f->lines[i];
        l->anchor = ratio_of(&l->piece) >= ANCHOR_RATIO && l->piece.length >= ANCHOR_LINES * usual;
        if (!l->anchor)
            continue;
        code = eng_piece_fit(&l->piece, canonical(l->piece.axis), f->aspect, &f->space, &l->fit, err);
        if (code == B_OK)
            eng_direction_add(&f->grid, &l->fit, thickness_of(&l->piece));
    }
    return code;
}

static enum b_code fit_rest(struct finder *f, struct b_err *err)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < f->n_lines && code == B_OK; i++) {
        struct line *l = &f->lines[i];
        if (!l->anchor)
            code = eng_piece_fit(&l->piece, borrowed_axis(f, &l->piece), f->aspect, &f->space, &l->fit, err);
    }
    return code;
}

/* Rounded: step 6. */
static float clip(double value, int top)
{
    return (float)fmin(fmax(floor(value + 0.5), 0.0), (double)top);
}

/* The widened rectangle, corners ordered as compact-models.md 2.3, step 3. Like the reference's it lies half a
 * pixel to the left and above, on the mean: corners are truncated before they are moved outwards (step 5). */
static void fill_quad(const struct finder *f, const struct eng_piece *p, struct eng_point quad[4])
{
    double d = eng_unclip_distance(p->length, p->thickness);
    struct eng_dpoint e = p->along, n = p->flipped ? (struct eng_dpoint){e.y, -e.x} : (struct eng_dpoint){-e.y, e.x};
    struct eng_point c[4];
    for (int i = 0; i < 4; i++) {
        double a = i & 1 ? p->length : 0.0, b = i & 2 ? p->thickness : 0.0, da = i & 1 ? d : -d, db = i & 2 ? d : -d;
        double x = floor(p->corner.x + a * e.x + b * n.x) + da * e.x + db * n.x;
        double y = floor((p->corner.y + a * e.y + b * n.y) / f->aspect) * f->aspect + da * e.y + db * n.y;
        c[i] = (struct eng_point){clip(x / f->scale_x, f->page_w), clip(y / f->scale_x, f->page_h)};
    }
    for (int i = 1; i < 4; i++) /* by x, stable */
        for (int j = i; j > 0 && c[j].x < c[j - 1].x; j--) {
            struct eng_point swap = c[j];
            c[j] = c[j - 1];
            c[j - 1] = swap;
        }
    int left = c[0].y <= c[1].y ? 0 : 1, right = c[2].y <= c[3].y ? 2 : 3;
    quad[0] = c[left];
    quad[1] = c[right];
    quad[2] = c[5 - right];
    quad[3] = c[1 - left];
}

/* Polynomial of t over [u0, u1] rewritten for [u0 - grow, u1 + grow]: t_old = t_new * stretch. */
static void widen(const struct eng_line_fit *fit, double scale, struct eng_strip *s)
{
    double length = fit->u1 - fit->u0, grow = eng_unclip_distance(length, fit->height);
    double stretch = (length + 2.0 * grow) / length, power = 1.0;
    s->u0 = (float)((fit->u0 - grow) / scale);
    s->u1 = (float)((fit->u1 + grow) / scale);
    s->height = (float)((fit->height + 2.0 * grow) / scale);
    for (int i = 0; i <= ENG_STRIP_DEGREE; i++) {
        s->coef[i] = (float)(fit->coef[i] * power / scale);
        power *= stretch;
    }
}

static enum b_code emit(const struct finder *f, struct eng_strip_list *out, struct b_err *err)
{
    out->strips = calloc(f->n_lines ? f->n_lines : 1, sizeof *out->strips);
    if (!out->strips)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory for %zu strips", f->n_lines);
    for (size_t i = 0; i < f->n_lines; i++) {
        const struct line *l = &f->lines[i];
        struct eng_strip *s = &out->strips[out->count++];
        s->origin = (struct eng_point){(float)(l->fit.origin.x / f->scale_x), (float)(l->fit.origin.y / f->scale_x)};
        s->ux = (float)l->fit.axis.x;
        s->uy = (float)l->fit.axis.y;
        s->degree = l->fit.degree;
        s->score = (float)l->piece.score;
        widen(&l->fit, f->scale_x, s);
        fill_quad(f, &l->piece, s->quad);
    }
    return B_OK;
}

static enum b_code check_map(struct eng_map map, int page_w, int page_h, double scale_x, double scale_y,
                             struct b_err *err)
{
    if (!map.prob || map.width < 1 || map.height < 1 || map.stride < (size_t)map.width || page_w < 1 || page_h < 1)
        return b_fail(err, B_ARGUMENT, "detector", "map of %dx%d for a page of %dx%d", map.width, map.height, page_w,
                      page_h);
    if (map.width > MAX_MAP_SIDE || map.height > MAX_MAP_SIDE ||
        (size_t)map.width * (size_t)map.height > MAX_MAP_PIXELS)
        return b_fail(err, B_LIMIT, "detector", "map of %dx%d is larger than %zu pixels", map.width, map.height,
                      MAX_MAP_PIXELS);
    if (!(scale_x > 0.0 && scale_y > 0.0 && scale_x / scale_y < 100.0 && scale_y / scale_x < 100.0))
        return b_fail(err, B_ARGUMENT, "detector", "map scales %g and %g", scale_x, scale_y);
    return B_OK;
}

enum b_code eng_strips_from_window(struct eng_map map, double scale_x, double scale_y, int page_w, int page_h,
                                   const struct eng_detector_options *options, struct eng_strip_list *out,
                                   struct b_err *err)
{
    struct finder f = {.map = map, .scale_x = scale_x, .page_w = page_w, .page_h = page_h};
    memset(out, 0, sizeof *out);
    enum b_code code = check_map(map, page_w, page_h, scale_x, scale_y, err);
    if (code != B_OK)
        return code;
    f.aspect = scale_x / scale_y;
    f.level = options && options->mask_level > 0.0f ? options->mask_level : DEFAULT_MASK_LEVEL;
    f.min_score = options && options->min_score > 0.0f ? options->min_score : DEFAULT_MIN_SCORE;
    if ((code = eng_components_find(map, f.level, &f.components, err)) != B_OK)
        goto out;
    if ((code = eng_split_components(map, &f.components, f.level, f.aspect, &f.space, &f.pieces, err)) != B_OK)
        goto out;
    if ((code = eng_direction_grid_new(map.width, (int)(map.height * f.aspect) + 1, &f.grid, err)) != B_OK)
        goto out;
    if ((code = measure_all(&f, err)) != B_OK)
        goto out;
    if ((code = fit_anchors(&f, err)) != B_OK)
        goto out;
    if ((code = fit_rest(&f, err)) != B_OK)
        goto out;
    code = emit(&f, out, err);
    out->scale_x = (float)scale_x;
    out->scale_y = (float)scale_y;
    out->dropped = f.dropped;
out:
    eng_direction_grid_free(&f.grid);
    eng_fit_space_free(&f.space);
    eng_split_pieces_free(&f.pieces);
    eng_components_free(&f.components);
    free(f.lines);
    if (code != B_OK)
        eng_strip_list_free(out);
    return code;
}

enum b_code eng_strips_from_map(const float *prob, int map_w, int map_h, int page_w, int page_h,
                                const struct eng_detector_options *options, struct eng_strip_list *out,
                                struct b_err *err)
{
    struct eng_map map = {prob, map_w > 0 ? (size_t)map_w : 0, map_w, map_h};
    double scale_x = page_w > 0 ? (double)map_w / page_w : 0.0, scale_y = page_h > 0 ? (double)map_h / page_h : 0.0;
    return eng_strips_from_window(map, scale_x, scale_y, page_w, page_h, options, out, err);
}

void eng_strip_list_free(struct eng_strip_list *list)
{
    free(list->strips);
    memset(list, 0, sizeof *list);
}
