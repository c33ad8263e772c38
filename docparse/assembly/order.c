/* SPDX-License-Identifier: Apache-2.0 */
/* Reading order by recursive cuts: columns first, wherever a gutter shows (boxes of recognised text are
 * padded, so gutters of dense pages measure zero or less); where something crosses the gutter, what
 * crosses it separates the columns above from those below; else the widest horizontal gap; what cannot be
 * cut is ordered by who stands before whom. Invariant: every block is emitted exactly once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"

#define GUTTER -0.25f     /* heights: gaps down to this are gutters */
#define CROSSING 0.4f     /* heights a block reaches over a cut to count as crossing it */
#define PADDED -0.3f      /* heights that a recognised line may reach over its text */
#define PADDED_ROWS 3     /* rows of a block in which one may do so unnoticed */
#define BINS 256          /* of the set's height, to measure where columns stand side by side */
#define CANDIDATES 192    /* positions tried for a cut with crossings */
#define SIDE_BY_SIDE 2.0f /* heights that two columns must share */
#define DEPTH_MAX 48
#define TERMS_MANY 5    /* terms of which a few may lack a text of their own */
#define TERM_CHARS 12   /* of a word with what is said of it beside it */
#define TERM_MOST 30    /* of a term among many */
#define TERM_HIGH 1.8f  /* heights of its line: words that stand on end in a margin are no terms */
#define TERM_LEVEL 0.6f /* heights between their tops */
#define GRAPH_MAX 400   /* blocks ordered pairwise; more fall back to top-left order */
#define CUTS_MAX 62
#define COLUMN_SHARE 0.6f  /* of the set's width: a block this narrow is in a column, not over several */
#define PART_GAP 1.5f      /* heights of free space that part a page with different columns above and below */
#define SECTION_SIZE 1.12f /* over body: a heading that starts a section */
#define RULED_SHARE 0.9f   /* of the set's width, by a rule that parts what stands above from what stands below */
#define RULED_MOST 6       /* such rules: more are the lines of ruled paper or of a form */
#define RULED_PAD 0.5f     /* heights that boxes may reach over such a rule */
#define NUMBERS_MAX 4      /* levels of a heading's number */
#define SECTION_GAP 1.2f   /* heights of free space above it */

struct ordering {
    struct dp_assembly *a;
    int32_t *spare; /* [n_blocks] */
    float *values;  /* [n_blocks] */
    float height;   /* median row height of the set in work */
    struct b_err *err;
    enum b_code code;
};

static const struct dp_rect *box_of(const struct ordering *o, int32_t block)
{
    return &o->a->blocks[block].box;
}

static int32_t key_compare(float a, float b, int32_t i, int32_t j)
{
    if (a != b)
        return a < b ? -1 : 1;
    return i < j ? -1 : i > j;
}

struct keyed {
    float key;
    int32_t block;
};

static int by_key(const void *p, const void *q)
{
    const struct keyed *a = p, *b = q;
    return key_compare(a->key, b->key, a->block, b->block);
}

/* Sorts set by a coordinate of its boxes. */
static bool sort_by(struct ordering *o, int32_t *set, int32_t n, float (*key)(const struct dp_rect *))
{
    struct keyed *k = B_ARENA_ARRAY(o->a->arena, (size_t)n, struct keyed);
    if (!k) {
        o->code = b_arena_refused(o->a->arena, "assembly", o->err);
        return false;
    }
    for (int32_t i = 0; i < n; i++)
        k[i] = (struct keyed){key(box_of(o, set[i])), set[i]};
    qsort(k, (size_t)n, sizeof *k, by_key);
    for (int32_t i = 0; i < n; i++)
        set[i] = k[i].block;
    return true;
}

static float key_left(const struct dp_rect *b)
{
    return b->x0;
}

static float key_top(const struct dp_rect *b)
{
    return b->y0;
}

static float key_middle(const struct dp_rect *b)
{
    return (b->y0 + b->y1) * 0.5f;
}

static void order_set(struct ordering *o, int32_t *set, int32_t n, int depth);

/* A picture is followed by the text that lies over it. */
static void emit(struct ordering *o, int32_t block)
{
    struct dp_assembly *a = o->a;
    const int32_t picture = a->blocks[block].picture, known = a->n_blocks;
    int32_t n = 0;
    a->order[a->n_order++] = block;
    for (int32_t i = 0; i < known && picture != DP_NONE; i++)
        n += a->blocks[i].inside == picture && a->blocks[i].count > 0;
    if (n == 0)
        return;
    int32_t *set = B_ARENA_ARRAY(a->arena, (size_t)n, int32_t);
    if (!set) {
        o->code = b_arena_refused(a->arena, "assembly", o->err);
        return;
    }
    n = 0;
    for (int32_t i = 0; i < known; i++)
        if (a->blocks[i].inside == picture && a->blocks[i].count > 0)
            set[n++] = i;
    order_set(o, set, n, 0);
}

/* Lines of text that the block is as high as. */
static int32_t lines_of(const struct ordering *o, const struct dp_draft_block *b)
{
    return b->picture != DP_NONE ? (int32_t)((b->box.y1 - b->box.y0) / o->height) : b->count;
}

static float median_height(struct ordering *o, const int32_t *set, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        o->values[i] = o->a->blocks[set[i]].height;
    return fmaxf(dp_median(o->values, n), 1.0f);
}

/* Gutters of a set sorted by left edges: positions of the cuts. */
static int32_t find_gutters(const struct ordering *o, const int32_t *set, int32_t n, float *cuts)
{
    int32_t found = 0;
    float reach = box_of(o, set[0])->x1;
    for (int32_t i = 1; i < n; i++) {
        const struct dp_rect *b = box_of(o, set[i]);
        if (b->x0 - reach > GUTTER * o->height && found < CUTS_MAX)
            cuts[found++] = (b->x0 + reach) * 0.5f;
        reach = fmaxf(reach, b->x1);
    }
    return found;
}

/* A horizontal gap that goes through the whole set (sorted by top): position of the widest. */
static bool widest_gap(const struct ordering *o, const int32_t *set, int32_t n, float *width, float *at)
{
    float reach = box_of(o, set[0])->y1;
    *width = GUTTER * o->height;
    bool found = false;
    for (int32_t i = 1; i < n; i++) {
        const struct dp_rect *b = box_of(o, set[i]);
        if (b->y0 - reach > *width) {
            *width = b->y0 - reach;
            *at = (b->y0 + reach) * 0.5f;
            found = true;
        }
        reach = fmaxf(reach, b->y1);
    }
    return found;
}

/* Moves the blocks whose centre lies before the cut to the front; their number. */
static int32_t partition(struct ordering *o, int32_t *set, int32_t n, float cut, bool horizontal)
{
    int32_t front = 0, back = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_rect *b = box_of(o, set[i]);
        const float centre = horizontal ? (b->y0 + b->y1) * 0.5f : (b->x0 + b->x1) * 0.5f;
        if (centre < cut)
            set[front++] = set[i];
        else
            o->spare[back++] = set[i];
    }
    memcpy(set + front, o->spare, (size_t)back * sizeof *set);
    return front;
}

static bool all_vertical(const struct ordering *o, const int32_t *set, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (o->a->blocks[set[i]].direction == o->a->main_direction || o->a->blocks[set[i]].aside)
            return false;
    return o->a->main_direction == 0;
}

static void order_columns(struct ordering *o, int32_t *set, int32_t n, const float *cuts, int32_t n_cuts, int depth)
{
    const bool backwards = o->a->rtl || all_vertical(o, set, n);
    int32_t starts[CUTS_MAX + 2], done = 0;
    for (int32_t c = 0; c < n_cuts; c++) {
        starts[c] = done;
        done += partition(o, set + done, n - done, cuts[c], false);
    }
    starts[n_cuts] = done;
    starts[n_cuts + 1] = n;
    for (int32_t k = 0; k <= n_cuts; k++) {
        const int32_t c = backwards ? n_cuts - k : k;
        order_set(o, set + starts[c], starts[c + 1] - starts[c], depth + 1);
    }
}

/* Columns of at most two lines each that a horizontal cut separates are rows of something. */
static bool short_columns(const struct ordering *o, const int32_t *set, int32_t n, const float *cuts, int32_t n_cuts)
{
    int32_t lines[CUTS_MAX + 1] = {0};
    for (int32_t i = 0; i < n; i++) {
        const struct dp_rect *b = box_of(o, set[i]);
        int32_t c = 0;
        while (c < n_cuts && (b->x0 + b->x1) * 0.5f > cuts[c])
            c++;
        lines[c] += lines_of(o, &o->a->blocks[set[i]]);
        if (lines[c] > 2)
            return false;
    }
    return true;
}

/* One of the columns is nothing but a line or two beside the top of the others, and the gap passes below it: a row that
 * heads the rest (a running head of several pieces, a title with its key). */
static bool heads_rest(const struct ordering *o, const int32_t *set, int32_t n, const float *cuts, int32_t n_cuts,
                       float at)
{
    int32_t lines[CUTS_MAX + 1] = {0}, below[CUTS_MAX + 1] = {0}, heads = 0, rest = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_draft_block *b = &o->a->blocks[set[i]];
        int32_t c = 0;
        while (c < n_cuts && (b->box.x0 + b->box.x1) * 0.5f > cuts[c])
            c++;
        lines[c] += lines_of(o, b);
        below[c] += b->box.y0 > at ? lines_of(o, b) : 0;
    }
    for (int32_t c = 0; c <= n_cuts; c++) {
        heads += lines[c] > 0 && lines[c] <= 2 && below[c] == 0;
        rest += below[c] > 2;
    }
    return heads > 0 && rest > 0;
}

/* "2.1 Results" begins with 2, 1: numbers of the text's start; how many there are. */
static int leading_numbers(const struct ordering *o, const struct dp_draft_block *b, long numbers[NUMBERS_MAX])
{
    const struct dp_assembly *a = o->a;
    int n = 0;
    if (b->count == 0)
        return 0;
    const struct dp_row *row = &a->rows[a->block_rows[b->first]];
    const char *text = a->page->lines[a->items[a->row_items[row->first]].line].text;
    while (text && *text >= '0' && *text <= '9' && n < NUMBERS_MAX) {
        numbers[n] = 0;
        for (; *text >= '0' && *text <= '9'; text++)
            numbers[n] = numbers[n] < 10000 ? numbers[n] * 10 + (*text - '0') : numbers[n];
        n++;
        text += *text == '.';
    }
    return n;
}

/* The second of two numbered headings follows the first: 2.1 and 2.2. Headings without numbers do. */
static bool follows(const struct ordering *o, const struct dp_draft_block *one, const struct dp_draft_block *two)
{
    long p[NUMBERS_MAX], q[NUMBERS_MAX];
    const int n = leading_numbers(o, one, p), m = leading_numbers(o, two, q);
    if (n == 0 || m == 0)
        return true;
    for (int i = 0; i + 1 < n; i++)
        if (i >= m || p[i] != q[i])
            return false;
    return n == m && q[n - 1] == p[n - 1] + 1;
}

/* The first column is nothing but words of their own, each level with the first line of a block beside it: terms and
 * what is said of each are read in turn. The set is sorted by top. */
static bool order_labelled(struct ordering *o, int32_t *set, int32_t n, float cut, int depth)
{
    const struct dp_draft_block *blocks = o->a->blocks;
    int32_t *labels = B_ARENA_ARRAY(o->a->arena, (size_t)n, int32_t), n_labels = 0, level = 0;
    const float near = TERM_LEVEL * o->height; /* the order of a part changes o->height */
    bool brief = true;
    if (!labels) {
        o->code = b_arena_refused(o->a->arena, "assembly", o->err);
        return true;
    }
    for (int32_t i = 0; i < n; i++) {
        const struct dp_draft_block *b = &blocks[set[i]];
        if ((b->box.x0 + b->box.x1) * 0.5f > cut)
            continue;
        if (b->count != 1 || b->chars > TERM_MOST || b->direction != o->a->main_direction ||
            b->box.y1 - b->box.y0 > TERM_HIGH * o->height)
            return false;
        brief = brief && b->chars <= TERM_CHARS;
        labels[n_labels++] = i;
    }
    for (int32_t k = 0; k < n_labels; k++)
        for (int32_t i = 0; i < n; i++) {
            const struct dp_rect *a = box_of(o, set[labels[k]]), *b = box_of(o, set[i]);
            if ((b->x0 + b->x1) * 0.5f > cut && fabsf(b->y0 - a->y0) < near) {
                level++;
                break;
            }
        }
    const bool all = brief && level == n_labels && n >= 2 * n_labels;
    const bool most = n_labels >= TERMS_MANY && level * 10 >= n_labels * 8 && (n - n_labels) * 10 >= n_labels * 7;
    if (n_labels < 2 || labels[0] > (most ? 3 : 1) || !(all || most))
        return false;
    for (int32_t k = -1; k < n_labels; k++) { /* -1: texts that go on from before */
        const float end = k + 1 < n_labels ? box_of(o, set[labels[k + 1]])->y0 - near : 1e30f;
        const float start = k >= 0 ? box_of(o, set[labels[k]])->y0 - near : -1e30f;
        int32_t own = 0;
        if (k >= 0)
            emit(o, set[labels[k]]);
        for (int32_t i = 0; i < n; i++) {
            const struct dp_rect *b = box_of(o, set[i]);
            if ((b->x0 + b->x1) * 0.5f > cut && b->y0 >= start && b->y0 < end)
                o->spare[own++] = set[i];
        }
        int32_t *part = B_ARENA_ARRAY(o->a->arena, (size_t)own, int32_t);
        if (!part) {
            o->code = b_arena_refused(o->a->arena, "assembly", o->err);
            return true;
        }
        memcpy(part, o->spare, (size_t)own * sizeof *part);
        order_set(o, part, own, depth + 1);
    }
    return true;
}

/* Below a gap through the whole set every column goes on with a heading of its own: the parts above and below
 * are rows of sections (cards, steps, offers), each read before the next row. Numbers that do not run on from column to
 * column say that two columns of text only happen to start sections at one height. */
static bool sections_start(const struct ordering *o, const int32_t *set, int32_t n, const float *cuts, int32_t n_cuts,
                           float at)
{
    const struct dp_draft_block *first[CUTS_MAX + 1] = {NULL}, *last = NULL;
    bool above[CUTS_MAX + 1] = {false};
    int32_t columns = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_draft_block *b = &o->a->blocks[set[i]];
        int32_t c = 0;
        while (c < n_cuts && (b->box.x0 + b->box.x1) * 0.5f > cuts[c])
            c++;
        if (b->box.y0 < at)
            above[c] = true;
        else if (!first[c] || b->box.y0 < first[c]->box.y0)
            first[c] = b;
    }
    for (int32_t c = 0; c <= n_cuts; c++) {
        if (!first[c])
            continue;
        if (!above[c] || !(first[c]->bold || first[c]->size > SECTION_SIZE * o->a->body) || first[c]->count > 3)
            return false;
        if (last && !o->a->rtl && !follows(o, last, first[c]))
            return false;
        last = first[c];
        columns++;
    }
    return columns >= 2;
}

/* How far columns stand side by side at x, less what crosses: in bins of the set's height. */
static int32_t side_by_side(const struct ordering *o, const int32_t *set, int32_t n, float x, float top, float bin)
{
    uint8_t side[BINS] = {0};
    const float over = CROSSING * o->height;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_rect *b = box_of(o, set[i]);
        const bool crosses = b->x0 < x - over && b->x1 > x + over;
        const uint8_t bit = crosses ? 4 : (b->x0 + b->x1) * 0.5f < x ? 1 : 2;
        int from = (int)((b->y0 - top) / bin), to = (int)((b->y1 + o->height - top) / bin);
        from = from < 0 ? 0 : from;
        to = to >= BINS ? BINS - 1 : to;
        for (int k = from; k <= to; k++)
            side[k] |= bit;
    }
    int32_t score = 0;
    for (int k = 0; k < BINS; k++)
        score += (side[k] & 4) ? -1 : (side[k] == 3);
    return score;
}

/* Best position for a cut that something crosses; false when columns stand nowhere side by side. */
static bool best_cut(const struct ordering *o, const int32_t *set, int32_t n, float *cut)
{
    float top = 1e30f, bottom = -1e30f;
    for (int32_t i = 0; i < n; i++) {
        top = fminf(top, box_of(o, set[i])->y0);
        bottom = fmaxf(bottom, box_of(o, set[i])->y1);
    }
    const float bin = fmaxf((bottom - top + o->height) / BINS, 1e-3f);
    const int32_t stride = n * 4 / CANDIDATES + 1;
    int32_t best = (int32_t)ceilf(SIDE_BY_SIDE * o->height / bin) - 1;
    bool found = false;
    if (best < 0)
        best = 0;
    for (int32_t i = 0; i < n * 4; i += stride) {
        const struct dp_rect *b = box_of(o, set[i >> 2]);
        if ((i & 2) && o->a->blocks[set[i >> 2]].count < PADDED_ROWS)
            continue;
        const float away = (i & 2 ? PADDED : 0.1f) * o->height; /* beside the block, or inside its padding */
        const float x = i & 1 ? b->x1 + away : b->x0 - away;
        const int32_t score = side_by_side(o, set, n, x, top, bin);
        if (score > best) {
            best = score;
            *cut = x;
            found = true;
        }
    }
    return found;
}

/* Something stands beside the block on both sides, as in the middle one of three columns. */
static bool between_others(const struct ordering *o, const int32_t *set, int32_t n, const struct dp_rect *b)
{
    bool left = false, right = false;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_rect *c = box_of(o, set[i]);
        const float low = fminf(b->y1 - b->y0, c->y1 - c->y0);
        if (c == b || dp_overlap(b->y0, b->y1, c->y0, c->y1) < 0.5f * low)
            continue;
        left = left || c->x1 < b->x0 + CROSSING * o->height;
        right = right || c->x0 > b->x1 - CROSSING * o->height;
    }
    return left && right;
}

/* Blocks that cross the cut and are no wider than a column: the cut is right for one part of the set only. */
static bool cuts_columns(const struct ordering *o, const int32_t *set, int32_t n, float cut)
{
    const float over = CROSSING * o->height;
    float left = 1e30f, right = -1e30f;
    int32_t narrow = 0;
    for (int32_t i = 0; i < n; i++) {
        left = fminf(left, box_of(o, set[i])->x0);
        right = fmaxf(right, box_of(o, set[i])->x1);
    }
    for (int32_t i = 0; i < n; i++) {
        const struct dp_rect *b = box_of(o, set[i]);
        if (b->x0 < cut - over && b->x1 > cut + over && b->x1 - b->x0 < COLUMN_SHARE * (right - left))
            narrow += between_others(o, set, n, b) ? 2 : 1;
    }
    return narrow >= 2;
}

/* Crossing blocks, from top to bottom, separate bands that are ordered on their own. */
static bool order_bands(struct ordering *o, int32_t *set, int32_t n, float cut, int depth)
{
    const float over = CROSSING * o->height;
    if (!sort_by(o, set, n, key_middle))
        return true;
    int32_t crossing = 0;
    for (int32_t i = 0; i < n; i++)
        crossing += box_of(o, set[i])->x0 < cut - over && box_of(o, set[i])->x1 > cut + over;
    if (crossing == n)
        return false;
    if (crossing == 0) {
        const int32_t front = partition(o, set, n, cut, false);
        if (front == 0 || front == n)
            return false;
        order_set(o, o->a->rtl ? set + front : set, o->a->rtl ? n - front : front, depth + 1);
        order_set(o, o->a->rtl ? set : set + front, o->a->rtl ? front : n - front, depth + 1);
        return true;
    }
    int32_t start = 0;
    for (int32_t i = 0; i <= n; i++) {
        const struct dp_rect *b = i < n ? box_of(o, set[i]) : NULL;
        if (b && !(b->x0 < cut - over && b->x1 > cut + over))
            continue;
        if (i > start)
            order_set(o, set + start, i - start, depth + 1);
        if (b)
            emit(o, set[i]);
        start = i + 1;
    }
    return true;
}

/* A table as one block. Cells that make no table are read row by row, each a block of its own: whoever reads on
 * joins pieces more easily than he takes them apart. */
static void emit_grid(struct ordering *o, int32_t block)
{
    struct dp_assembly *a = o->a;
    struct dp_draft_block *whole = &a->blocks[block];
    emit(o, block);
    if (whole->table != DP_NONE)
        return;
    for (int32_t i = 1; i < whole->count; i++)
        emit(o, dp_block_of_row(a, whole->first + i));
    whole->grid = false;
    const struct dp_draft_block was = *whole; /* what says where it is placed stays, or it is placed again */
    dp_block_keep_row(a, whole);
    whole->aside = was.aside;
    whole->before = was.before;
    whole->after = was.after;
    whole->type = was.type;
}

/* Whether p is read before q when neither cut applies: above it, or beside and before it. */
static bool before(const struct ordering *o, int32_t p, int32_t q)
{
    const struct dp_rect *a = box_of(o, p), *b = box_of(o, q);
    const float wide = dp_overlap(a->x0, a->x1, b->x0, b->x1), tall = dp_overlap(a->y0, a->y1, b->y0, b->y1);
    const float narrow = fminf(a->x1 - a->x0, b->x1 - b->x0), low = fminf(a->y1 - a->y0, b->y1 - b->y0);
    if (wide > 0.1f * narrow && wide / fmaxf(narrow, 1.0f) >= tall / fmaxf(low, 1.0f))
        return a->y0 + a->y1 < b->y0 + b->y1;
    if (tall > 0.1f * low)
        return o->a->rtl ? a->x0 + a->x1 > b->x0 + b->x1 : a->x0 + a->x1 < b->x0 + b->x1;
    return a->y0 + a->y1 < b->y0 + b->y1;
}

/* Takes, again and again, the topmost block that no remaining block must precede. */
static void order_graph(struct ordering *o, int32_t *set, int32_t n)
{
    if (!sort_by(o, set, n, key_top))
        return;
    if (n > GRAPH_MAX) {
        for (int32_t i = 0; i < n; i++)
            emit(o, set[i]);
        return;
    }
    while (n > 0) {
        int32_t pick = 0;
        for (int32_t i = 0; i < n; i++) {
            bool free_to_go = true;
            for (int32_t j = 0; j < n && free_to_go; j++)
                free_to_go = j == i || !before(o, set[j], set[i]);
            if (free_to_go) {
                pick = i;
                break;
            }
        }
        emit(o, set[pick]);
        memmove(set + pick, set + pick + 1, (size_t)(n - pick - 1) * sizeof *set);
        n--;
    }
}

/* A level rule between blocks, through nearly all of the set: sections of a newspaper end there in all columns, also
 * where those below happen to begin at the same places. The uppermost one; false when there is none, or too many. */
static bool ruled_through(const struct ordering *o, const int32_t *set, int32_t n, float *at)
{
    const float pad = RULED_PAD * o->height;
    struct dp_rect all = *box_of(o, set[0]);
    int32_t rules = 0;
    for (int32_t i = 1; i < n; i++)
        all = dp_rect_union(all, *box_of(o, set[i]));
    for (int32_t k = o->a->n_vertical; k < o->a->n_rules; k++) {
        const struct dp_rect *r = &o->a->rules[k];
        const float y = (r->y0 + r->y1) * 0.5f;
        bool above = false, below = false, crossed = false;
        if (dp_overlap(r->x0, r->x1, all.x0, all.x1) < RULED_SHARE * (all.x1 - all.x0))
            continue;
        for (int32_t i = 0; i < n && !crossed; i++) {
            const struct dp_rect *b = box_of(o, set[i]);
            const bool over = (b->y0 + b->y1) * 0.5f < y;
            crossed = over ? b->y1 > y + pad : b->y0 < y - pad;
            above = above || over;
            below = below || !over;
        }
        if (crossed || !above || !below)
            continue;
        *at = rules == 0 || y < *at ? y : *at;
        rules++;
    }
    return rules > 0 && rules <= RULED_MOST;
}

/* The parts above and below a place, one after the other; false when one of them is empty. */
static bool order_parts(struct ordering *o, int32_t *set, int32_t n, float at, int depth)
{
    const int32_t front = partition(o, set, n, at, true);
    if (front == 0 || front == n)
        return false;
    order_set(o, set, front, depth + 1);
    order_set(o, set + front, n - front, depth + 1);
    return true;
}

static void order_set(struct ordering *o, int32_t *set, int32_t n, int depth)
{
    float cuts[CUTS_MAX], width, at = 0, cut = 0;
    if (n == 0 || o->code != B_OK)
        return;
    if (n == 1) {
        emit(o, set[0]);
        return;
    }
    o->height = median_height(o, set, n);
    if (depth > DEPTH_MAX) {
        order_graph(o, set, n);
        return;
    }
    if (!sort_by(o, set, n, key_left))
        return;
    const int32_t n_cuts = find_gutters(o, set, n, cuts);
    if (!sort_by(o, set, n, key_top))
        return;
    const bool gap = widest_gap(o, set, n, &width, &at);
    if (n_cuts > 0 && dp_is_grid(o->a, set, n, cuts, n_cuts)) {
        o->code = dp_grid_merge(o->a, set, n, o->err);
        if (o->code == B_OK)
            o->code = dp_tables_from_grid(o->a, &o->a->blocks[set[0]], o->err);
        emit_grid(o, set[0]);
        return;
    }
    float ruled = 0;
    if (n_cuts > 0 && ruled_through(o, set, n, &ruled) && order_parts(o, set, n, ruled, depth))
        return;
    const bool rows = gap && (short_columns(o, set, n, cuts, n_cuts) || heads_rest(o, set, n, cuts, n_cuts, at) ||
                              (width > SECTION_GAP * o->height && sections_start(o, set, n, cuts, n_cuts, at)));
    if (n_cuts > 0 && !o->a->rtl && order_labelled(o, set, n, cuts[0], depth))
        return;
    if (n_cuts > 0 && !rows) {
        order_columns(o, set, n, cuts, n_cuts, depth);
        return;
    }
    if (n_cuts == 0 && best_cut(o, set, n, &cut) &&
        !(gap && width > PART_GAP * o->height && cuts_columns(o, set, n, cut)) && order_bands(o, set, n, cut, depth))
        return;
    if (gap && order_parts(o, set, n, at, depth))
        return;
    order_graph(o, set, n);
}

enum b_code dp_order_blocks(struct dp_assembly *a, struct b_err *err)
{
    const size_t n = (size_t)a->n_blocks;
    const int32_t known = a->n_blocks;
    struct ordering o = {.a = a, .err = err, .code = B_OK};
    int32_t *set = B_ARENA_ARRAY(a->arena, n, int32_t);
    o.spare = B_ARENA_ARRAY(a->arena, n, int32_t);
    o.values = B_ARENA_ARRAY(a->arena, n, float);
    a->order = B_ARENA_ARRAY(a->arena, (size_t)a->blocks_room, int32_t);
    if (!set || !o.spare || !o.values || !a->order)
        return b_arena_refused(a->arena, "assembly", err);
    /* Page headers first, then the text, page footers, turned lines of the margin. */
    for (int part = 0; part < 4 && o.code == B_OK; part++) {
        int32_t count = 0;
        for (int32_t i = 0; i < known; i++) { /* blocks that ordering makes are in the order already */
            const struct dp_draft_block *b = &a->blocks[i];
            const int where = b->aside ? 3 : b->before ? 0 : b->after ? 2 : 1;
            if (where == part && (b->count > 0 || b->picture != DP_NONE) && b->inside == DP_NONE)
                set[count++] = i;
        }
        order_set(&o, set, count, 0);
    }
    return o.code;
}
