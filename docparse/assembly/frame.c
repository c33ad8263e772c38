/* SPDX-License-Identifier: Apache-2.0 */
/* The flattened page. Centre lines of all recognised lines say how far paper, camera and scanner bent what
 * was straight: y' = y - down(x, y), where down is the polynomial under which every line is level; x' = x -
 * across(x, y), under which the ends of neighbouring lines stand below each other. Invariant: a page
 * whose lines are straight to a small part of their height keeps its coordinates exactly. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"

#define DOWN 15  /* X^i Y^j, i = 1..5, j = 0..2 */
#define ACROSS 6 /* X^i Y^j, i = 0..2, j = 1..2 */
#define TERMS_MAX 15
#define ROUNDS 4          /* of re-weighting against outliers */
#define RIDGE 1e-4        /* of the mean diagonal: fields stay small where there is no text */
#define FLAT 0.18         /* line heights: bends below this are left alone */
#define LEVEL_RISE 0.08   /* line heights: a line that rises less is level, */
#define LEVEL_SLOPE 0.003 /* or one that rises less than this share of its length */
#define LEVEL_SHARE 0.85  /* of the printed length that must be level for the page to be flat */
#define TILT_SPAN 0.35    /* of the page width, to both sides of its middle */
#define STRAY 0.05        /* of half the page: how far the second field may leave the first */
#define BENDS_LEAST 10    /* steps along rules that are worth another fit */
#define RULES_LEAST 2.0   /* page widths of rules that may say that the page is bent */
#define RULE_WEIGHT 20.0f /* of such a step; a step along text counts 1 */
#define MOVES_LEAST 0.04f /* line heights: a frame that differs by less is the same */
#define LONG_LINE 4.0f    /* line heights: shorter lines have no direction of their own */

struct dp_point dp_frame_upright(const struct dp_flat_frame *f, struct dp_point p)
{
    switch (f->turns) {
    case 1:
        return (struct dp_point){f->page_h - p.y, p.x};
    case 2:
        return (struct dp_point){f->page_w - p.x, f->page_h - p.y};
    case 3:
        return (struct dp_point){p.y, f->page_w - p.x};
    default:
        return p;
    }
}

static void down_terms(const struct dp_flat_frame *f, struct dp_point p, double t[TERMS_MAX])
{
    const double x = (p.x - f->cx) / f->scale, y = (p.y - f->cy) / f->scale;
    double power = x;
    for (int i = 0; i < 5; i++, power *= x)
        for (int j = 0; j < 3; j++)
            t[i * 3 + j] = j == 0 ? power : j == 1 ? power * y : power * y * y;
}

static void across_terms(const struct dp_flat_frame *f, struct dp_point p, double t[TERMS_MAX])
{
    const double x = (p.x - f->cx) / f->scale, y = (p.y - f->cy) / f->scale;
    double power = 1.0;
    for (int i = 0; i < 3; i++, power *= x)
        for (int j = 0; j < 2; j++)
            t[i * 2 + j] = j == 0 ? power * y : power * y * y;
}

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

struct dp_point dp_frame_flatten(const struct dp_flat_frame *f, struct dp_point p)
{
    if (!f->warped)
        return p;
    double t[TERMS_MAX];
    down_terms(f, p, t);
    const double y = p.y - dot(f->down, t, DOWN);
    across_terms(f, p, t);
    return (struct dp_point){(float)(p.x - dot(f->across, t, ACROSS)), (float)y};
}

struct dp_point dp_frame_unflatten(const struct dp_flat_frame *f, struct dp_point flat)
{
    struct dp_point p = flat;
    for (int step = 0; step < 3; step++) { /* flattening moves points by little and smoothly: this converges */
        const struct dp_point q = dp_frame_flatten(f, p);
        p.x += flat.x - q.x;
        p.y += flat.y - q.y;
    }
    return p;
}

struct dp_rect dp_frame_to_direction(const struct dp_flat_frame *f, struct dp_rect b, int direction)
{
    switch (direction) {
    case 1:
        return (struct dp_rect){b.y0, f->w - b.x1, b.y1, f->w - b.x0};
    case 2:
        return (struct dp_rect){f->w - b.x1, f->h - b.y1, f->w - b.x0, f->h - b.y0};
    case 3:
        return (struct dp_rect){f->h - b.y1, b.x0, f->h - b.y0, b.x1};
    default:
        return b;
    }
}

struct dp_rect dp_frame_from_direction(const struct dp_flat_frame *f, struct dp_rect b, int direction)
{
    switch (direction) {
    case 1:
        return (struct dp_rect){f->w - b.y1, b.x0, f->w - b.y0, b.x1};
    case 2:
        return (struct dp_rect){f->w - b.x1, f->h - b.y1, f->w - b.x0, f->h - b.y0};
    case 3:
        return (struct dp_rect){b.y0, f->h - b.x1, b.y1, f->h - b.x0};
    default:
        return b;
    }
}

int dp_line_direction(const struct dp_flat_frame *f, const struct dp_line *line)
{
    const float dx = line->quad[1].x - line->quad[0].x, dy = line->quad[1].y - line->quad[0].y;
    const int d = fabsf(dx) >= fabsf(dy) ? (dx >= 0 ? 0 : 2) : (dy >= 0 ? 1 : 3);
    return (d + f->turns) & 3;
}

/* Least squares over differences: sum w (f(b) - f(a) - delta)^2, solved by Cholesky. */
struct system {
    int n;
    double m[TERMS_MAX][TERMS_MAX], v[TERMS_MAX], weight;
};

static void add_equation(struct system *s, const double *terms, double delta, double weight)
{
    for (int i = 0; i < s->n; i++) {
        for (int j = 0; j <= i; j++)
            s->m[i][j] += weight * terms[i] * terms[j];
        s->v[i] += weight * terms[i] * delta;
    }
    s->weight += weight;
}

static bool solve(struct system *s, double *out)
{
    double mean = 0;
    for (int i = 0; i < s->n; i++)
        mean += s->m[i][i] / s->n;
    if (!(mean > 0))
        return false;
    for (int i = 0; i < s->n; i++)
        s->m[i][i] += mean * RIDGE;
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j <= i; j++) {
            double sum = s->m[i][j];
            for (int k = 0; k < j; k++)
                sum -= s->m[i][k] * s->m[j][k];
            if (i == j) {
                if (!(sum > 0))
                    return false;
                s->m[i][i] = sqrt(sum);
            } else {
                s->m[i][j] = sum / s->m[j][j];
            }
        }
    for (int i = 0; i < s->n; i++) {
        for (int k = 0; k < i; k++)
            s->v[i] -= s->m[i][k] * s->v[k];
        s->v[i] /= s->m[i][i];
    }
    for (int i = s->n - 1; i >= 0; i--) {
        for (int k = i + 1; k < s->n; k++)
            s->v[i] -= s->m[k][i] * s->v[k];
        s->v[i] /= s->m[i][i];
    }
    memcpy(out, s->v, sizeof(double) * (size_t)s->n);
    return true;
}

/* A step from a to b under which the field changes by delta. */
struct step {
    struct dp_point a, b;
    float delta, height, weight;
};

static struct dp_point middle(struct dp_point a, struct dp_point b)
{
    return (struct dp_point){(a.x + b.x) * 0.5f, (a.y + b.y) * 0.5f};
}

static float thickness(const struct dp_line *l)
{
    return hypotf(l->quad[3].x - l->quad[0].x, l->quad[3].y - l->quad[0].y);
}

static float length_of(const struct dp_line *l)
{
    return hypotf(l->quad[1].x - l->quad[0].x, l->quad[1].y - l->quad[0].y);
}

/* Lines that say how the page is bent: recognised, upright, long enough. */
static bool tells_bend(const struct dp_assembly *a, const struct dp_line *l)
{
    return l->source == DP_FROM_COMPACT && dp_line_direction(&a->frame, l) == 0 && thickness(l) > 0 &&
           length_of(l) > LONG_LINE * thickness(l);
}

/* Steps along the centre lines: ends of the strip and centres of the words in between. */
static int32_t collect_steps(const struct dp_assembly *a, struct step *steps, int32_t max)
{
    const struct dp_page *page = a->page;
    int32_t n = 0;
    for (int32_t i = 0; i < page->n_lines; i++) {
        const struct dp_line *l = &page->lines[i];
        if (!tells_bend(a, l))
            continue;
        struct dp_point last = dp_frame_upright(&a->frame, middle(l->quad[0], l->quad[3]));
        const struct dp_point end = dp_frame_upright(&a->frame, middle(l->quad[1], l->quad[2]));
        for (int32_t k = 0; k <= l->n_words && n < max; k++) {
            struct dp_point p = end;
            if (k < l->n_words) {
                const struct dp_rect b = page->words[l->first_word + k].bbox;
                p = dp_frame_upright(&a->frame, (struct dp_point){(b.x0 + b.x1) * 0.5f, (b.y0 + b.y1) * 0.5f});
                if (p.x - last.x < thickness(l) || end.x - p.x < thickness(l))
                    continue;
            }
            steps[n++] = (struct step){last, p, p.y - last.y, thickness(l), 1.0f};
            last = p;
        }
    }
    return n;
}

typedef void (*terms_fn)(const struct dp_flat_frame *f, struct dp_point p, double t[TERMS_MAX]);

/* Robust fit: steps that disagree by much count little in the next round. */
static bool fit(const struct dp_flat_frame *f, const struct step *steps, int32_t n, terms_fn terms, int n_terms,
                double *field)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct system s = {.n = n_terms};
        for (int32_t i = 0; i < n; i++) {
            double ta[TERMS_MAX], tb[TERMS_MAX];
            terms(f, steps[i].a, ta);
            terms(f, steps[i].b, tb);
            for (int k = 0; k < n_terms; k++)
                tb[k] -= ta[k];
            const double off = (dot(field, tb, n_terms) - steps[i].delta) / (0.3 * steps[i].height);
            add_equation(&s, tb, steps[i].delta, (double)steps[i].weight / (1.0 + (round ? off * off : 0.0)));
        }
        if (!solve(&s, field))
            return false;
    }
    return true;
}

static double down_at(const struct dp_flat_frame *f, struct dp_point p)
{
    double t[TERMS_MAX];
    down_terms(f, p, t);
    return dot(f->down, t, DOWN);
}

/* Largest change of the field along a line, in line heights: what flattening would do. */
static double largest_bend(const struct dp_assembly *a)
{
    double most = 0;
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_line *l = &a->page->lines[i];
        if (!tells_bend(a, l))
            continue;
        const struct dp_point p = dp_frame_upright(&a->frame, middle(l->quad[0], l->quad[3]));
        const struct dp_point q = dp_frame_upright(&a->frame, middle(l->quad[1], l->quad[2]));
        const double left = down_at(&a->frame, p);
        for (int k = 1; k <= 4; k++) {
            const float t = 0.25f * (float)k;
            const struct dp_point at = {p.x + (q.x - p.x) * t, p.y + (q.y - p.y) * t};
            most = fmax(most, fabs(down_at(&a->frame, at) - left) / thickness(l));
        }
    }
    return most;
}

/* Share of the printed length that is level, as it is or (flat) as the first field leaves it. Steps that follow each
 * other are one line, judged by the furthest that it leaves its start. */
static double share_level(const struct dp_flat_frame *f, bool flat, const struct step *steps, int32_t n)
{
    double level = 0, all = 0;
    for (int32_t from = 0, i = 0; i < n; from = i) {
        double off = 0, most = 0, length = 0;
        do {
            length += hypot((double)steps[i].b.x - (double)steps[i].a.x, (double)steps[i].b.y - (double)steps[i].a.y);
            off += (double)steps[i].delta - (flat ? down_at(f, steps[i].b) - down_at(f, steps[i].a) : 0.0);
            most = fmax(most, fabs(off));
            i++;
        } while (i < n && steps[i].a.x == steps[i - 1].b.x && steps[i].a.y == steps[i - 1].b.y);
        all += length;
        level += most < LEVEL_RISE * (double)steps[from].height || most < LEVEL_SLOPE * length ? length : 0;
    }
    return all > 0 ? level / all : 1.0;
}

/* Most of what is printed is level as it is: a few slanted lines (labels, stamps, drawings) bend no page. */
static bool is_level(const struct dp_flat_frame *f, const struct step *steps, int32_t n)
{
    return share_level(f, false, steps, n) >= LEVEL_SHARE;
}

/* Whether the second field stays near the first on the whole page, also where no text holds it. */
static bool stays_near(const struct dp_flat_frame *f, const double *start)
{
    for (int k = 0; k < 9; k++) {
        double t[TERMS_MAX];
        const struct dp_point p = {f->w * 0.5f * (float)(k % 3), f->h * 0.5f * (float)(k / 3)};
        across_terms(f, p, t);
        if (fabs(dot(f->across, t, ACROSS) - dot(start, t, ACROSS)) > STRAY * f->scale)
            return false;
    }
    return true;
}

/* One end of a line that tells the bend. */
struct edge {
    struct dp_point at, flat;
    float height;
};

/* Pairs of line ends below each other: nearest line whose end stands under this one's, give or take the
 * slant of a turned page. */
static int32_t pair_edges(const struct edge *edges, int32_t n, double slant, struct step *steps, int32_t max)
{
    int32_t made = 0;
    for (int32_t i = 0; i < n && made < max; i++) {
        const struct edge *e = &edges[i];
        float best = 4.0f * e->height;
        const struct edge *found = NULL;
        for (int32_t j = 0; j < n; j++) {
            const float dy = edges[j].flat.y - e->flat.y;
            if (dy < 0.4f * e->height || dy >= best)
                continue;
            const float dx = edges[j].at.x - e->at.x - (float)slant * dy;
            if (fabsf(dx) > 0.8f * e->height)
                continue;
            best = dy;
            found = &edges[j];
        }
        if (found)
            steps[made++] = (struct step){e->at, found->at, found->at.x - e->at.x, e->height, 1.0f};
    }
    return made;
}

/* How far the page as a whole is turned: the first field's rise over most of the width, in the middle of the page.
 * The first coefficient alone is not it; higher ones take it back or add to it. */
static double tilt(const struct dp_flat_frame *f)
{
    const double x = TILT_SPAN * f->w / f->scale;
    return f->down[0] + f->down[6] * x * x + f->down[12] * x * x * x * x;
}

static int32_t collect_edges(const struct dp_assembly *a, struct edge *edges, struct step *steps, int32_t max)
{
    const struct dp_page *page = a->page;
    const double slant = -tilt(&a->frame) / a->frame.scale;
    int32_t made = 0;
    for (int side = 0; side < 2; side++) {
        int32_t n = 0;
        for (int32_t i = 0; i < page->n_lines; i++) {
            const struct dp_line *l = &page->lines[i];
            if (!tells_bend(a, l))
                continue;
            const struct dp_point p = dp_frame_upright(&a->frame, middle(l->quad[side], l->quad[3 - side]));
            edges[n++] = (struct edge){p, dp_frame_flatten(&a->frame, p), thickness(l)};
        }
        made += pair_edges(edges, n, slant, steps + made, max - made);
    }
    return made;
}

/* The second field; needs the first. */
static void fit_across(struct dp_assembly *a, struct edge *edges, struct step *steps, int32_t max)
{
    struct dp_flat_frame *f = &a->frame;
    double start[ACROSS] = {-tilt(f)}; /* a turned page */
    memcpy(f->across, start, sizeof start);
    /* Lines further apart than 2000 would make the search for edges slow; such pages are not photographs. */
    const int32_t pairs = a->page->n_lines <= 2000 ? collect_edges(a, edges, steps, max) : 0;
    if (pairs < 8 || !fit(f, steps, pairs, across_terms, ACROSS, f->across) || !stays_near(f, start))
        memcpy(f->across, start, sizeof start);
}

enum b_code dp_frame_make(struct dp_assembly *a, struct b_err *err)
{
    const struct dp_page *page = a->page;
    struct dp_flat_frame *f = &a->frame;
    *f = (struct dp_flat_frame){.page_w = (float)page->width, .page_h = (float)page->height};
    f->turns = (int)lround(page->rotation / 90.0) & 3;
    f->w = f->turns & 1 ? f->page_h : f->page_w;
    f->h = f->turns & 1 ? f->page_w : f->page_h;
    f->cx = f->w * 0.5;
    f->cy = f->h * 0.5;
    f->scale = fmax(f->w, f->h) * 0.5 + 1.0;
    const int32_t max = page->n_words + page->n_lines * 2;
    struct step *steps = B_ARENA_ARRAY(a->arena, (size_t)max, struct step);
    struct edge *edges = B_ARENA_ARRAY(a->arena, (size_t)page->n_lines, struct edge);
    if (!steps || !edges)
        return b_arena_refused(a->arena, "assembly", err);
    const int32_t n = collect_steps(a, steps, max);
    if (n < 3 || is_level(f, steps, n) || !fit(f, steps, n, down_terms, DOWN, f->down))
        return B_OK;
    f->warped = largest_bend(a) > FLAT;
    if (f->warped)
        fit_across(a, edges, steps, max);
    return B_OK;
}

/* Rules show a bend that lines of text did not: their quads are straight and the words follow them. */
static bool rules_bend(const struct dp_assembly *a, const struct step *steps, int32_t n)
{
    double all = 0;
    for (int32_t i = 0; i < n; i++)
        all += fabs((double)steps[i].b.x - (double)steps[i].a.x);
    return all > RULES_LEAST * (double)a->frame.w && !is_level(&a->frame, steps, n);
}

/* Whether another field moves nothing that stands along these steps by enough to see, against where it begins: looking
 * at the page's pixels again would find the same rules. */
static bool moves_little(const struct dp_flat_frame *was, const struct dp_flat_frame *f, const struct step *steps,
                         int32_t n, float height)
{
    double least = 1e30, most = -1e30;
    for (int32_t i = 0; i < n; i++)
        for (int end = 0; end < 2; end++) {
            const struct dp_point p = end ? steps[i].b : steps[i].a;
            const double moved = down_at(f, p) - down_at(was, p);
            least = fmin(least, moved);
            most = fmax(most, moved);
        }
    return most - least < (double)(MOVES_LEAST * height);
}

enum b_code dp_frame_refine(struct dp_assembly *a, bool *changed, struct b_err *err)
{
    struct dp_flat_frame *f = &a->frame;
    const struct dp_page *page = a->page;
    const int32_t text = page->n_words + page->n_lines * 2, max = text + a->n_bends;
    *changed = false;
    if (a->n_bends < BENDS_LEAST)
        return B_OK;
    struct step *steps = B_ARENA_ARRAY(a->arena, (size_t)max, struct step);
    struct edge *edges = B_ARENA_ARRAY(a->arena, (size_t)page->n_lines, struct edge);
    if (!steps || !edges)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < a->n_bends; i++) {
        const struct dp_point p = dp_frame_unflatten(f, a->bends[i].a), q = dp_frame_unflatten(f, a->bends[i].b);
        steps[i] = (struct step){p, q, q.y - p.y, a->height, RULE_WEIGHT};
    }
    if (!f->warped && !rules_bend(a, steps, a->n_bends))
        return B_OK;
    const int32_t rules = a->n_bends, words = collect_steps(a, steps + rules, text);
    const struct dp_flat_frame was = *f;
    if (!fit(f, steps, rules + words, down_terms, DOWN, f->down) ||
        (!was.warped && share_level(f, true, steps, rules) < LEVEL_SHARE)) {
        *f = was;
        return B_OK;
    }
    if (was.warped && moves_little(&was, f, steps, rules + words, a->height)) {
        *f = was;
        return B_OK;
    }
    f->warped = true;
    fit_across(a, edges, steps, max);
    *changed = true;
    return B_OK;
}
