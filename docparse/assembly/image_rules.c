/* SPDX-License-Identifier: Apache-2.0 */
/* Rules in the page image: thin lines darker or lighter than what lies on both sides of them, dashed ones among
 * them, and long straight edges of filled bands. Works on brightness differences across a line's thickness, so
 * that coloured cells and shaded photographs do not matter. What lies inside of a line of text is text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/image_private.h"

#define THICK 0.22f      /* line heights: half of the window across a line */
#define GAP 0.4f         /* line heights that a dashed line may pause */
#define BEND_LEAST 10.0f /* line heights: rules that say how the page is bent */
#define BEND_STEP 2.0f   /* line heights between points of such a rule */
#define BEND_SLOPE 0.03f /* of its length, by its rise */
#define TEXT_CORE 0.22f  /* of a line's box, above and below, where a rule may touch it */

static int by_position(const void *p, const void *q)
{
    const struct dp_run *a = p, *b = q;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

/* Runs that lie against each other become one line: along it [from, to), across it [at0, at1]. */
struct line {
    int32_t at0, at1, from, to;
};

/* Merges sorted runs; a slightly slanted line climbs from row to row. Returns the number of lines. */
static int32_t merge_runs(struct dp_runs *runs, struct line *lines, int32_t max)
{
    int32_t n = 0, live = 0;
    if (runs->n > 1)
        qsort(runs->list, (size_t)runs->n, sizeof *runs->list, by_position);
    for (int32_t i = 0; i < runs->n; i++) {
        const struct dp_run *r = &runs->list[i];
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

/* --- what rules say about the bend --- */

enum { BENDS_MAX = 4000, BEND_BINS = 64, BEND_WORK = 4000000 };

/* Steps along one rule: mean position of its runs in each stretch. */
static void note_rule(struct dp_assembly *a, const struct dp_runs *runs, const struct line *l, int64_t *work)
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
        const struct dp_run *r = &runs->list[i];
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
static enum b_code note_bends(struct dp_assembly *a, const struct dp_runs *runs, const struct line *lines, int32_t n,
                              struct b_err *err)
{
    int64_t work = BEND_WORK;
    if (a->main_direction != 0 || a->bends)
        return B_OK;
    a->bends = B_ARENA_ARRAY(a->arena, BENDS_MAX, struct dp_rule_step);
    if (!a->bends)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < n && work > 0; i++) {
        const struct line *l = &lines[i];
        const float length = (float)(l->to - l->from);
        const struct dp_rect box = {(float)l->from, (float)l->at0, (float)l->to, (float)l->at1 + 1.0f};
        if (length > BEND_LEAST * a->height && box.y1 - box.y0 < BEND_SLOPE * length && !is_text(a, box, false))
            note_rule(a, runs, l, &work);
    }
    return B_OK;
}

enum { LINES_MAX = 4000 };

/* What was seen in the page's pixels. */
struct dp_rule_search {
    struct dp_pixels pixels;
    struct line *level; /* sorted and merged */
    int32_t n_level;
};

enum b_code dp_image_look(struct dp_assembly *a, struct b_err *err)
{
    const struct dp_sheet *s = a->sheet;
    a->search = NULL;
    if (!s || !s->image.pixels || a->height < 4.0f)
        return B_OK;
    struct dp_pixels p = {.height = a->height};
    const enum b_code code = dp_flat_grey(a, &p.grey, &p.w, &p.h, err);
    if (code != B_OK)
        return code;
    p.reach = (int32_t)(THICK * a->height + 0.5f);
    p.reach = p.reach < 3 ? 3 : p.reach > 16 ? 16 : p.reach;
    p.gap = (int32_t)(GAP * a->height);
    if (p.w < 4 * p.reach || p.h < 4 * p.reach)
        return B_OK;
    struct dp_runs level = {.arena = a->arena};
    struct dp_rule_search *search = B_ARENA_ARRAY(a->arena, 1, struct dp_rule_search);
    struct line *lines = B_ARENA_ARRAY(a->arena, LINES_MAX, struct line);
    if (!search || !lines || !dp_runs_level(&p, &level))
        return b_arena_refused(a->arena, "assembly", err);
    if (level.n >= DP_RUNS_MAX) /* a photograph all over the page */
        return B_OK;
    *search = (struct dp_rule_search){p, lines, merge_runs(&level, lines, LINES_MAX)};
    a->search = search;
    return note_bends(a, &level, lines, search->n_level, err);
}

enum b_code dp_image_rules(struct dp_assembly *a, struct b_err *err)
{
    struct dp_rule_search *s = a->search;
    if (!s)
        return B_OK;
    struct dp_runs edges = {.arena = a->arena}, upright = edges;
    struct line *lines = B_ARENA_ARRAY(a->arena, LINES_MAX, struct line);
    struct found found = {B_ARENA_ARRAY(a->arena, LINES_MAX * 3, struct dp_rect),
                          B_ARENA_ARRAY(a->arena, LINES_MAX * 3, bool), 0, LINES_MAX * 3};
    a->rules = B_ARENA_ARRAY(a->arena, LINES_MAX * 3, struct dp_rect);
    if (!lines || !found.box || !found.upright || !a->rules || !dp_runs_upright(&s->pixels, &upright) ||
        !dp_runs_edges(&s->pixels, &edges))
        return b_arena_refused(a->arena, "assembly", err);
    if (upright.n >= DP_RUNS_MAX) /* as many as in a photograph all over the page */
        return B_OK;
    const float thickest = 2.0f * (float)s->pixels.reach;
    keep_lines(a, s->level, s->n_level, false, thickest, &found);
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
