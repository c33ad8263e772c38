/* SPDX-License-Identifier: Apache-2.0 */
/* Tables without rules, before lines become rows of prose. A printed row whose short pieces stand side by side is a
 * seed; seeds under each other are a candidate, and its grid decides. Prose is long pieces, so that the text of a
 * neighbouring column parts seeds and never joins them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/table_private.h"

#define PROSE_LATIN 34 /* characters of a piece that is no cell */
#define PROSE_CJK 17
#define SEEDS_LEAST 3 /* rows */
#define NEXT_ROW 6.5f /* heights to the next row: lines of a cell and a group heading may stand between */
#define SHARED 0.5f   /* of the narrower of two rows, by which they stand under each other */
#define NEARBY 0.45f  /* heights between lines of a cell */
#define LED_END 3.0f  /* heights that the ends of rows with leaders may differ by: they are set to a margin */
#define EDGE_SHARE 5  /* one row in five may reach further than the table does */
#define INDENT 2.0f   /* heights: a line of a last cell that stands right of the first column */
#define PART_GAP 0.7f /* heights that the gap between two tables is wider than those between rows */
#define PARTS_DEEP 4
#define CANDIDATES_MAX 64
#define PIECES_MAX 20000 /* more words side by side are no page */

struct seed {
    struct dp_rect box;
    int32_t row, pieces, cluster;
    bool led;
};

struct cluster {
    struct dp_rect last; /* its lowest row */
    bool led;
};

struct search {
    struct dp_assembly *a;
    struct dp_piece *pieces;
    int32_t n_pieces;
    struct seed *seeds;
    int32_t n_seeds;
    struct cluster clusters[CANDIDATES_MAX];
    int32_t n_clusters;
    float *left, *right; /* scratch, one for each seed */
    dp_try_box try_box;
    void *context;
};

static bool is_prose(const struct dp_piece *p)
{
    return p->chars > (p->cjk * 2 > p->chars ? PROSE_CJK : PROSE_LATIN);
}

static bool is_number(const struct dp_piece *p)
{
    return p->digits > 0 && p->digits * 2 >= p->chars;
}

/* Seeds of one row: its pieces [from, to) from left to right. */
static void seeds_of_row(struct search *s, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to;) {
        int32_t end = i, numbers = 0;
        bool led = false;
        struct dp_rect box = s->pieces[i].box;
        for (; end < to && (s->pieces[end].leads || !is_prose(&s->pieces[end])); end++) {
            box = dp_rect_union(box, s->pieces[end].box);
            led = led || (end > i && s->pieces[end - 1].leads);
            numbers += end > i && is_number(&s->pieces[end]);
        }
        if (end - i >= 3 || (end - i == 2 && (numbers > 0 || led)))
            s->seeds[s->n_seeds++] = (struct seed){box, s->pieces[i].text_row, end - i, DP_NONE, led};
        i = end > i ? end : i + 1;
    }
}

/* Prose as wide as the seed stands between it and the row above. */
static bool prose_between(const struct search *s, const struct seed *seed, float from)
{
    const float wide = seed->box.x1 - seed->box.x0;
    for (int32_t i = 0; i < s->n_pieces; i++) {
        const struct dp_rect b = s->pieces[i].box;
        if (b.y0 > seed->box.y0)
            break;
        if (b.y0 > from && is_prose(&s->pieces[i]) && !s->pieces[i].leads &&
            dp_overlap(b.x0, b.x1, seed->box.x0, seed->box.x1) > SHARED * wide)
            return true;
    }
    return false;
}

/* Seeds under each other; they come downwards. */
static void gather(struct search *s)
{
    const float h = s->a->height;
    for (int32_t i = 0; i < s->n_seeds; i++) {
        struct seed *seed = &s->seeds[i];
        const float wide = seed->box.x1 - seed->box.x0;
        for (int32_t k = s->n_clusters - 1; k >= 0 && seed->cluster == DP_NONE; k--) {
            struct cluster *c = &s->clusters[k];
            const float both = dp_overlap(seed->box.x0, seed->box.x1, c->last.x0, c->last.x1);
            if (seed->box.y0 - c->last.y1 < NEXT_ROW * h && both > SHARED * fminf(wide, c->last.x1 - c->last.x0) &&
                !(seed->led && c->led && fabsf(seed->box.x1 - c->last.x1) > LED_END * h) &&
                !prose_between(s, seed, c->last.y0 + 0.5f * h))
                seed->cluster = k;
        }
        if (seed->cluster == DP_NONE && s->n_clusters < CANDIDATES_MAX) {
            seed->cluster = s->n_clusters++;
            s->clusters[seed->cluster] = (struct cluster){.last = seed->box};
        }
        if (seed->cluster == DP_NONE)
            continue;
        struct cluster *c = &s->clusters[seed->cluster];
        c->last = seed->box;
        c->led = seed->led;
    }
}

static int by_value(const void *p, const void *q)
{
    const float a = *(const float *)p, b = *(const float *)q;
    return (a > b) - (a < b);
}

/* The candidate's box: from its first to its last row, as wide as all but a few of its rows. */
static struct dp_rect box_of(struct search *s, const int32_t *seeds, int32_t n)
{
    struct dp_rect box = {0, 1e30f, 0, -1e30f};
    for (int32_t i = 0; i < n; i++) {
        const struct dp_rect b = s->seeds[seeds[i]].box;
        s->left[i] = b.x0;
        s->right[i] = b.x1;
        box.y0 = fminf(box.y0, b.y0);
        box.y1 = fmaxf(box.y1, b.y1);
    }
    qsort(s->left, (size_t)n, sizeof *s->left, by_value);
    qsort(s->right, (size_t)n, sizeof *s->right, by_value);
    box.x0 = s->left[n / EDGE_SHARE] - 0.3f * s->a->height;
    box.x1 = s->right[n - 1 - n / EDGE_SHARE] + 0.3f * s->a->height;
    return box;
}

/* Lines under the last row that go on with one of its cells. */
static void add_last_lines(const struct search *s, struct dp_rect *box)
{
    const float h = s->a->height;
    for (int32_t i = 0; i < s->n_pieces; i++) { /* downwards */
        const struct dp_rect b = s->pieces[i].box;
        if (b.y0 < box->y1 - 0.5f * h || b.x0 < box->x0 + INDENT * h || b.x1 > box->x1 + h)
            continue;
        if (b.y0 - box->y1 > NEARBY * h || is_prose(&s->pieces[i]))
            break;
        box->y1 = fmaxf(box->y1, b.y1);
    }
}

static enum b_code make_pieces(struct search *s, struct b_err *err)
{
    struct dp_assembly *a = s->a;
    struct dp_draft_table all = {.items = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, int32_t)};
    int32_t rows = 0;
    if (!all.items)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < a->n_items; i++)
        if (a->items[i].table == DP_NONE && a->items[i].direction == a->main_direction && a->items[i].chars > 0)
            all.items[all.n_items++] = i;
    return dp_pieces_make(a, &all, &s->pieces, &s->n_pieces, &rows, err);
}

/* Rows of the candidate above its widest gap between rows; 0 where the gaps are much the same. */
static int32_t widest_gap(struct search *s, const int32_t *seeds, int32_t n)
{
    float widest = 0;
    int32_t at = 0;
    for (int32_t i = 1; i < n; i++) {
        const float gap = s->seeds[seeds[i]].box.y0 - s->seeds[seeds[i - 1]].box.y1;
        s->left[i - 1] = gap;
        at = gap > widest ? i : at;
        widest = fmaxf(widest, gap);
    }
    return widest > dp_median(s->left, n - 1) + PART_GAP * s->a->height ? at : 0;
}

/* Offers the candidate of the seeds[0..n), which go downwards. */
static enum b_code offer(struct search *s, const int32_t *seeds, int32_t n, int parts)
{
    int32_t widest = 0, led = 0;
    bool taken = false;
    for (int32_t i = 0; i < n; i++) {
        widest = s->seeds[seeds[i]].pieces > widest ? s->seeds[seeds[i]].pieces : widest;
        led += s->seeds[seeds[i]].led;
    }
    if (n < SEEDS_LEAST + (widest < 3 && led < n))
        return B_OK;
    struct dp_rect box = box_of(s, seeds, n);
    add_last_lines(s, &box);
    enum b_code code = s->try_box(s->context, box, &taken);
    const int32_t cut = code == B_OK && !taken && led * 2 > n && parts > 0 ? widest_gap(s, seeds, n) : 0;
    if (cut == 0)
        return code;
    code = offer(s, seeds, cut, parts - 1);
    return code == B_OK ? offer(s, seeds + cut, n - cut, parts - 1) : code;
}

enum b_code dp_tables_bare(struct dp_assembly *a, dp_try_box try_box, void *context, struct b_err *err)
{
    struct search *s = B_ARENA_ARRAY(a->arena, 1, struct search);
    if (!s)
        return b_arena_refused(a->arena, "assembly", err);
    s->a = a;
    s->try_box = try_box;
    s->context = context;
    enum b_code code = make_pieces(s, err);
    if (code != B_OK || s->n_pieces > PIECES_MAX)
        return code;
    s->seeds = B_ARENA_ARRAY(a->arena, (size_t)s->n_pieces + 1, struct seed);
    s->left = B_ARENA_ARRAY(a->arena, (size_t)s->n_pieces + 1, float);
    s->right = B_ARENA_ARRAY(a->arena, (size_t)s->n_pieces + 1, float);
    int32_t *of_cluster = B_ARENA_ARRAY(a->arena, (size_t)s->n_pieces + 1, int32_t);
    if (!s->seeds || !s->left || !s->right || !of_cluster)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t from = 0, i = 1; i <= s->n_pieces; i++)
        if (i == s->n_pieces || s->pieces[i].text_row != s->pieces[from].text_row) {
            seeds_of_row(s, from, i);
            from = i;
        }
    gather(s);
    for (int32_t k = 0; k < s->n_clusters && code == B_OK; k++) {
        int32_t n = 0;
        for (int32_t i = 0; i < s->n_seeds; i++)
            if (s->seeds[i].cluster == k)
                of_cluster[n++] = i;
        code = offer(s, of_cluster, n, PARTS_DEEP);
    }
    return code;
}
