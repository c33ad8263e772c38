/* SPDX-License-Identifier: Apache-2.0 */
/* The grid of a table region. Column positions come from vertical rules, and from gutters where there are none or
 * where a ruled column plainly holds two; row positions from horizontal rules, and from rows of text where rules
 * hold several. Neighbours that no rule parts are one cell. Invariant: cells are rectangles that cover the grid
 * exactly once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"
#include "docparse/assembly/table_private.h"
#include "engine/base/utf8.h"

#define COVER_UPRIGHT 0.35f  /* of the height, by a vertical rule that bounds a column */
#define COVER_LEVEL 0.12f    /* of the width, by a horizontal rule that bounds rows */
#define THROUGH 0.6f         /* of the other side: a rule that goes through */
#define FORM_RULES 3         /* level rules between the rows of a form */
#define CROWDED 4.0f         /* lines of text for a ruled cell; more may be columns of prose with rules between */
#define SAME_RULE 0.35f      /* heights between rules that are one */
#define GUTTER 0.45f         /* heights: narrowest gutter */
#define CROSSED 0.12f        /* share of rows that may cross a gutter */
#define ROWS_OF_HEAD 5       /* rows of text from which one may cross a gutter */
#define BOTH_SIDES 0.6f      /* share of rows with text on both sides that splits a ruled column */
#define BESIDE 0.6f          /* heights between texts of cells beside each other */
#define BELOW 0.35f          /* heights between texts of cells under each other */
#define TOTALS_LEAST 3       /* rows of a label and a number */
#define HEADING_ROWS 2       /* rows of text of a heading that stands beside its column */
#define PARTED_LINE 0.5f     /* share of a cell's side that a rule must cover to part it from its neighbour */
#define NEARER 0.85f         /* of the distance between rows: lines of one cell */
#define OVERLAPPING 0.35f    /* heights by which lines of one row of cells overlap */
#define REMARKS_PARTED 0.35f /* share of rows of text with several cells, where a column holds sentences */
#define TIGHT 0.68f          /* heights between the middles of rows; nearer ones are parts of formulas */
#define STROKE_LEAST 0.08f   /* heights from the end of a piece to its last stroke */
#define STROKE_MOST 0.45f
#define OVER 0.4f         /* heights that a piece reaches over a gutter to span it */
#define PROSE_FILL 0.75f    /* of the column's width, by a line of prose */
#define PROSE_LATIN 18       /* characters of it, at least */
#define PROSE_CJK 9
#define LINES_A_CELL 5.0f /* more on average: columns of text in a frame */

static float mid_y(struct dp_rect r)
{
    return (r.y0 + r.y1) * 0.5f;
}

static float mid_x(struct dp_rect r)
{
    return (r.x0 + r.x1) * 0.5f;
}

/* --- positions of rules --- */

struct mark {
    float at, from, to;
};

static int by_at(const void *p, const void *q)
{
    const struct mark *a = p, *b = q;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Rules of one sense inside the box, as positions across it. */
static int32_t take_marks(const struct dp_grid *g, bool upright, struct mark *out)
{
    const struct dp_rect box = g->t->box;
    const float t = 0.5f * g->a->height;
    int32_t n = 0;
    for (int32_t i = upright ? 0 : g->a->n_vertical; i < (upright ? g->a->n_vertical : g->a->n_rules); i++) {
        const struct dp_rect r = g->a->rules[i];
        const float across = upright ? mid_x(r) : mid_y(r);
        const float low = upright ? box.x0 : box.y0, high = upright ? box.x1 : box.y1;
        const float both = upright ? dp_overlap(r.y0, r.y1, box.y0, box.y1) : dp_overlap(r.x0, r.x1, box.x0, box.x1);
        if (across > low - t && across < high + t && both > 0)
            out[n++] = upright ? (struct mark){across, fmaxf(r.y0, box.y0), fminf(r.y1, box.y1)}
                               : (struct mark){across, fmaxf(r.x0, box.x0), fminf(r.x1, box.x1)};
    }
    if (n > 1)
        qsort(out, (size_t)n, sizeof *out, by_at);
    return n;
}

static void add_line(struct dp_grid_lines *l, float at, bool ruled)
{
    if (l->n >= DP_TABLE_ROWS + 2)
        return;
    int32_t k = l->n++;
    for (; k > 0 && l->at[k - 1] > at; k--) {
        l->at[k] = l->at[k - 1];
        l->ruled[k] = l->ruled[k - 1];
    }
    l->at[k] = at;
    l->ruled[k] = ruled;
}

/* Strokes of letters that stand below each other, as the last digits of a column do, look like a rule: most of it then
 * lies inside of pieces of text, near their ends. */
static bool is_strokes(const struct dp_grid *g, const struct mark *marks, int32_t n, float at)
{
    const float h = g->a->height;
    float inside = 0, all = 0;
    for (int32_t k = 0; k < n; k++)
        all += marks[k].to - marks[k].from;
    for (int32_t i = 0; i < g->n_pieces; i++) {
        const struct dp_rect b = g->pieces[i].box;
        const float deep = fminf(at - b.x0, b.x1 - at);
        if (deep < STROKE_LEAST * h || deep > STROKE_MOST * h)
            continue;
        for (int32_t k = 0; k < n; k++)
            inside += fmaxf(dp_overlap(b.y0, b.y1, marks[k].from, marks[k].to), 0.0f);
    }
    return inside > 0.6f * all;
}

/* Boundaries from rules that cover enough of the other side; the frame always is one. Returns the inner ones. */
static int32_t rule_lines(const struct dp_grid *g, bool upright, struct mark *marks, struct dp_grid_lines *out,
                          int32_t *through)
{
    const struct dp_rect box = g->t->box;
    const float low = upright ? box.x0 : box.y0, high = upright ? box.x1 : box.y1;
    const float along = upright ? box.y1 - box.y0 : box.x1 - box.x0, near = SAME_RULE * g->a->height;
    const float border = (upright ? 0.8f : 0.55f) * g->a->height; /* frames are often double or have a shadow */
    const int32_t n = take_marks(g, upright, marks);
    int32_t inner = 0;
    add_line(out, low, true);
    add_line(out, high, true);
    for (int32_t from = 0, i = 1; i <= n; i++) {
        if (i < n && marks[i].at - marks[i - 1].at < near)
            continue;
        float covered = 0, sum = 0;
        for (int32_t k = from; k < i; k++) {
            covered += marks[k].to - marks[k].from;
            sum += marks[k].at;
        }
        const float at = sum / (float)(i - from);
        const bool strokes = upright && covered < THROUGH * along && is_strokes(g, marks + from, i - from, at);
        from = i;
        if (strokes || covered < (upright ? COVER_UPRIGHT : COVER_LEVEL) * along || at - low < border ||
            high - at < border)
            continue;
        add_line(out, at, true);
        inner++;
        *through += covered >= THROUGH * along;
    }
    return inner;
}

int32_t dp_grid_index(const float *at, int32_t n, float value)
{
    int32_t k = 0;
    while (k + 2 < n && value > at[k + 1])
        k++;
    return k;
}

/* --- gutters --- */

enum { BINS = 1024 };

/* Adds boundaries in the gutters between from and to; sides: share of rows that must have text on both sides. */
static void add_gutters(struct dp_grid *g, float from, float to, float sides, struct dp_grid_lines *out)
{
    const float bin = fmaxf((to - from) / BINS, 1e-3f), h = g->a->height;
    int16_t cover[BINS] = {0};
    int32_t last_row[BINS];
    const int32_t share = (int32_t)(CROSSED * (float)g->text_rows);
    const int32_t allowed = share == 0 && g->text_rows >= ROWS_OF_HEAD ? 1 : share; /* a head over columns */
    for (int b = 0; b < BINS; b++)
        last_row[b] = -1;
    for (int32_t i = 0; i < g->n_pieces; i++) {
        const struct dp_piece *p = &g->pieces[i];
        int b0 = (int)((p->box.x0 - from) / bin), b1 = (int)((p->box.x1 - from) / bin);
        b0 = b0 < 0 ? 0 : b0;
        b1 = b1 >= BINS ? BINS - 1 : b1;
        for (int b = b0; b <= b1; b++) /* pieces are sorted by row: each row counts once a bin */
            if (last_row[b] != p->text_row) {
                last_row[b] = p->text_row;
                cover[b]++;
            }
    }
    int first = 0, end = BINS - 1;
    while (first < BINS && cover[first] == 0)
        first++;
    while (end > first && cover[end] == 0)
        end--;
    for (int b = first; b <= end; b++) {
        if (cover[b] > allowed)
            continue;
        int stop = b, best = b;
        for (; stop <= end && cover[stop] <= allowed; stop++)
            best = cover[stop] < cover[best] ? stop : best;
        int free_end = best; /* the emptiest stretch of the gutter */
        while (free_end + 1 < stop && cover[free_end + 1] == cover[best])
            free_end++;
        const float x = from + ((float)(best + free_end) * 0.5f + 0.5f) * bin;
        if ((float)(stop - b) * bin >= GUTTER * h && b > first && stop <= end) {
            int32_t both = 0;
            for (int32_t r = 0, i = 0; r < g->text_rows; r++) {
                bool left = false, right = false;
                for (; i < g->n_pieces && g->pieces[i].text_row == r; i++) {
                    left = left || (mid_x(g->pieces[i].box) < x && g->pieces[i].box.x0 > from - h);
                    right = right || (mid_x(g->pieces[i].box) > x && g->pieces[i].box.x1 < to + h);
                }
                both += left && right;
            }
            if ((float)both >= sides * (float)g->text_rows && both >= 1)
                add_line(out, x, false);
        }
        b = stop;
    }
}

/* A heading beside its numbers rather than above them has made two columns of one: no row has text in both, and one of
 * them holds little more than the heading. */
static void merge_columns(struct dp_grid *g)
{
    for (int32_t c = 1; c + 1 < g->x.n;) {
        int32_t both = 0, rows[2] = {0, 0};
        for (int32_t r = 0, i = 0; r < g->text_rows; r++) {
            bool in[2] = {false, false};
            for (; i < g->n_pieces && g->pieces[i].text_row == r; i++) {
                const int32_t at = dp_grid_index(g->x.at, g->x.n, mid_x(g->pieces[i].box));
                in[0] = in[0] || at == c - 1;
                in[1] = in[1] || at == c;
            }
            both += in[0] && in[1];
            rows[0] += in[0];
            rows[1] += in[1];
        }
        if (g->x.ruled[c] || both > 0 || (rows[0] > HEADING_ROWS && rows[1] > HEADING_ROWS)) {
            c++;
            continue;
        }
        memmove(&g->x.at[c], &g->x.at[c + 1], (size_t)(g->x.n - c - 1) * sizeof g->x.at[0]);
        memmove(&g->x.ruled[c], &g->x.ruled[c + 1], (size_t)(g->x.n - c - 1) * sizeof g->x.ruled[0]);
        g->x.n--;
    }
}

static void find_columns(struct dp_grid *g, struct mark *marks)
{
    g->inner_upright = rule_lines(g, true, marks, &g->x, &g->long_upright);
    struct dp_grid_lines extra = {.n = 0};
    for (int32_t c = 0; c + 1 < g->x.n; c++)
        add_gutters(g, g->x.at[c], g->x.at[c + 1], g->inner_upright ? BOTH_SIDES : 0.0f, &extra);
    for (int32_t i = 0; i < extra.n; i++)
        add_line(&g->x, extra.at[i], false);
    merge_columns(g);
}

/* --- rows --- */

/* What a row of text holds: occupied columns, where it stands, and how its text in the first column begins. */
struct text_row {
    float y0, y1;
    int32_t cells;
    bool first;        /* something in the first column */
    float x0, x1, ask; /* extent of that, and the width of its first word */
    bool small, cjk;   /* it begins with a small letter; it is of ideographs */
    uint64_t columns;  /* occupied ones; DP_TABLE_COLS fits */
    int32_t numbers;   /* pieces that are mostly digits, behind the first column */
    int32_t lower;     /* cells that begin with a small letter */
};

static bool begins_small(const char *text)
{
    size_t pos = 0;
    const uint32_t cp = *text ? b_utf8_next(text, strlen(text), &pos) : 0;
    return b_cp_is_small(cp) || (cp == '(' && pos > 0 && text[pos] >= 'a' && text[pos] <= 'z');
}

/* Text in the first column. */
static void measure_first(const struct dp_grid *g, const struct dp_piece *p, struct text_row *r)
{
    const struct dp_word *w = p->n_words > 0 ? &g->a->page->words[p->first_word] : NULL;
    if (!r->first) {
        r->x0 = p->box.x0;
        r->small = w && begins_small(w->text);
        r->cjk = p->cjk * 2 > p->chars;
        r->ask = w ? fabsf(w->bbox.x1 - w->bbox.x0) : p->box.x1 - p->box.x0;
    }
    r->x1 = fmaxf(r->first ? r->x1 : p->box.x1, p->box.x1);
    r->first = true;
}

static void measure_rows(const struct dp_grid *g, struct text_row *rows)
{
    for (int32_t i = 0; i < g->n_pieces; i++) {
        const struct dp_piece *p = &g->pieces[i];
        struct text_row *r = &rows[p->text_row];
        const int32_t at = dp_grid_index(g->x.at, g->x.n, mid_x(p->box)), col = g->t->rtl ? g->x.n - 2 - at : at;
        const bool same = i > 0 && g->pieces[i - 1].text_row == p->text_row &&
                          dp_grid_index(g->x.at, g->x.n, mid_x(g->pieces[i - 1].box)) == at;
        r->y0 = r->cells ? fminf(r->y0, p->box.y0) : p->box.y0;
        r->y1 = r->cells ? fmaxf(r->y1, p->box.y1) : p->box.y1;
        r->cells += !same;
        r->lower += !same && p->n_words > 0 && begins_small(g->a->page->words[p->first_word].text);
        r->columns |= (uint64_t)1 << col;
        r->numbers += col > 0 && p->chars > 0 && p->digits * 2 >= p->chars;
        if (col == 0)
            measure_first(g, p, r);
    }
}

/* How rows of a table follow each other. */
struct pace {
    int32_t usual; /* most cells in a row */
    float apart;   /* from middle to middle of rows with several cells, on average */
    float right;   /* where text in the first column ends at most */
};

static float middle(const struct text_row *r)
{
    return (r->y0 + r->y1) * 0.5f;
}

static bool would_fit(const struct text_row *above, const struct text_row *row, const struct pace *pace, float h)
{
    return above->x1 + row->ask + (row->cjk ? 0.0f : 0.3f * h) < pace->right - 0.2f * h;
}

/* A single cell in the first column under another row: does it go on with the text above it? Where it stands nearer
 * than rows do, yes. Otherwise its text says: a line breaks where the next word does not fit, and what begins with a
 * capital begins anew. */
static bool goes_on_first(const struct text_row *above, const struct text_row *row, const struct pace *pace, float h)
{
    if (!above->first)
        return false;
    if (middle(row) - middle(above) < NEARER * pace->apart)
        return true;
    const bool hangs = row->x0 > above->x0 + 0.4f * h;
    return row->small && (hangs || !would_fit(above, row, pace, h));
}

/* Does the row go on with the cells of the row above? */
static bool goes_on(const struct text_row *above, const struct text_row *row, const struct pace *pace, float h)
{
    const float gap = row->y0 - above->y1;
    if (gap >= 0.6f * h || pace->usual < 2)
        return false;
    if (gap < -OVERLAPPING * h && (above->columns & row->columns) == 0) /* cells of two lines beside cells of one */
        return true;
    if (!row->first) /* few cells, or most of them in the middle of a sentence */
        return row->cells * 2 <= pace->usual || row->lower * 2 > row->cells;
    if (row->cells == 1)
        return goes_on_first(above, row, pace, h);
    /* The numbers stand beside a label's last line. */
    return above->first && above->cells == 1 && row->small && !would_fit(above, row, pace, h);
}

static struct pace measure_pace(const struct text_row *rows, int32_t from, int32_t to)
{
    struct pace p = {0, 0, -1e30f};
    int32_t full = 0;
    for (int32_t r = from; r < to; r++) {
        p.usual = rows[r].cells > p.usual ? rows[r].cells : p.usual;
        p.right = rows[r].first ? fmaxf(p.right, rows[r].x1) : p.right;
        if (r > from && rows[r].cells > 1) {
            p.apart += middle(&rows[r]) - middle(&rows[r - 1]);
            full++;
        }
    }
    p.apart /= (float)(full > 0 ? full : 1);
    return p;
}

/* The rule between two rows of text, or 0. */
static int32_t rule_between(const struct dp_grid *g, const struct text_row *above, const struct text_row *row)
{
    for (int32_t k = 1; k + 1 < g->y.n; k++)
        if (g->y.at[k] > middle(above) && g->y.at[k] < middle(row))
            return k;
    return 0;
}

/* Boundaries between rows of text from..to (exclusive) that are rows of the table. A rule between them is one already,
 * and parts all columns, not only those that it covers. */
static void split_rows(struct dp_grid *g, const struct text_row *rows, int32_t from, int32_t to)
{
    const struct pace pace = measure_pace(rows, from, to);
    for (int32_t r = from + 1; r < to; r++)
        if (!goes_on(&rows[r - 1], &rows[r], &pace, g->a->height)) {
            const int32_t k = rule_between(g, &rows[r - 1], &rows[r]);
            if (k > 0)
                g->y.ruled[k] = false;
            else
                add_line(&g->y, (rows[r - 1].y1 + rows[r].y0) * 0.5f, false);
        }
}

/* Rows between two rules each of which has its label and its numbers (three rows or more: one number, as under the items
 * of an invoice), in the same columns: rules part groups of them.
 */
static bool all_full(const struct text_row *rows, int32_t from, int32_t to)
{
    for (int32_t r = from; r < to; r++)
        if (rows[r].columns != rows[from].columns || rows[r].cells < 2 ||
            !((rows[r].first && rows[r].numbers >= 2) || (to - from >= TOTALS_LEAST && rows[r].numbers == 1)))
            return false;
    return to - from >= 2;
}

static void find_rows(struct dp_grid *g, struct mark *marks, struct text_row *rows, bool borderless)
{
    g->inner_level = rule_lines(g, false, marks, &g->y, &g->long_level);
    if (borderless && g->inner_level * 2 < g->text_rows) {
        split_rows(g, rows, 0, g->text_rows);
        return;
    }
    const int32_t bands = g->y.n - 1;
    const float cuts[2] = {g->y.at[0], g->y.at[g->y.n - 1]};
    (void)cuts;
    const struct dp_grid_lines ruled = g->y;
    for (int32_t b = 0; b < bands; b++) {
        int32_t from = 0, parted = 0;
        while (from < g->text_rows && (rows[from].y0 + rows[from].y1) * 0.5f < ruled.at[b])
            from++;
        int32_t to = from;
        for (; to < g->text_rows && (rows[to].y0 + rows[to].y1) * 0.5f < ruled.at[b + 1]; to++)
            parted += rows[to].cells >= 2;
        const int32_t n = to - from, others = bands > 1 ? (g->text_rows - n) / (bands - 1) : 0;
        const int32_t least = g->inner_upright > 0 ? 4 : bands <= 3 ? 2 : 3;
        if ((n >= least && (float)parted >= 0.5f * (float)n && others * 2 <= n) || all_full(rows, from, to))
            split_rows(g, rows, from, to);
    }
}

/* --- cells --- */

/* Share of [from, to) along a boundary that rules near it cover. */
static float covered(const struct dp_grid *g, bool upright, float at, float from, float to)
{
    const float near = SAME_RULE * g->a->height;
    float sum = 0;
    for (int32_t i = upright ? 0 : g->a->n_vertical; i < (upright ? g->a->n_vertical : g->a->n_rules); i++) {
        const struct dp_rect r = g->a->rules[i];
        if (fabsf((upright ? mid_x(r) : mid_y(r)) - at) < near)
            sum += fmaxf(upright ? dp_overlap(r.y0, r.y1, from, to) : dp_overlap(r.x0, r.x1, from, to), 0.0f);
    }
    return sum / fmaxf(to - from, 1.0f);
}

/* A piece of text that stands in row r and reaches over the boundary x. */
static bool spanned(const struct dp_grid *g, int32_t r, float x)
{
    const float over = OVER * g->a->height;
    for (int32_t i = 0; i < g->n_pieces; i++) {
        const struct dp_piece *p = &g->pieces[i];
        if (p->box.x0 < x - over && p->box.x1 > x + over && dp_grid_index(g->y.at, g->y.n, mid_y(p->box)) == r)
            return true;
    }
    return false;
}

static bool has_text(struct dp_rect r)
{
    return r.x1 >= r.x0;
}

/* What stands at each position of the grid. */
static void locate_text(struct dp_grid *g)
{
    const int32_t cols = g->t->cols;
    for (int32_t i = 0; i < g->t->rows * cols; i++)
        g->text[i] = (struct dp_rect){1e30f, 1e30f, -1e30f, -1e30f};
    for (int32_t i = 0; i < g->n_pieces; i++) {
        const struct dp_rect b = g->pieces[i].box;
        struct dp_rect *at =
            &g->text[dp_grid_index(g->y.at, g->y.n, mid_y(b)) * cols + dp_grid_index(g->x.at, g->x.n, mid_x(b))];
        *at = dp_rect_union(*at, b);
    }
}

/* Faint and dotted rules are seen in part only: where both sides of one have text of their own, apart from each
 * other, they are two cells for all that. */
static bool own_texts(const struct dp_grid *g, int32_t at, int32_t other, bool beside)
{
    const struct dp_rect a = g->text[other], b = g->text[at];
    if (!has_text(a) || !has_text(b))
        return false;
    return beside ? b.x0 - a.x1 > BESIDE * g->a->height : b.y0 - a.y1 > BELOW * g->a->height;
}

/* Under row r runs a rule over x that is shorter than the table, and all above it in the row is one piece: the head
 * of the columns under the rule. */
static bool heads_over(const struct dp_grid *g, int32_t r, float x)
{
    const struct dp_rect box = g->t->box;
    const float h = g->a->height, near = SAME_RULE * h;
    for (int32_t i = g->a->n_vertical; i < g->a->n_rules; i++) {
        const struct dp_rect rule = g->a->rules[i];
        int32_t over = 0;
        if (fabsf(mid_y(rule) - g->y.at[r + 1]) >= near || rule.x0 > x - h || rule.x1 < x + h ||
            (rule.x0 < box.x0 + h && rule.x1 > box.x1 - h))
            continue;
        for (int32_t k = 0; k < g->n_pieces; k++) {
            const struct dp_piece *p = &g->pieces[k];
            over += mid_x(p->box) > rule.x0 && mid_x(p->box) < rule.x1 &&
                    dp_grid_index(g->y.at, g->y.n, mid_y(p->box)) == r;
        }
        if (over == 1)
            return true;
    }
    return false;
}

static int32_t root_of(int32_t *owner, int32_t i)
{
    while (owner[i] != i)
        i = owner[i];
    return i;
}

static void unite_cells(struct dp_grid *g)
{
    const int32_t rows = g->t->rows, cols = g->t->cols;
    int32_t *owner = g->t->owner;
    for (int32_t r = 0; r < rows; r++)
        for (int32_t c = 0; c < cols; c++) {
            const int32_t at = r * cols + c;
            bool left = false, up = false;
            if (c > 0)
                left = g->x.ruled[c] ? covered(g, true, g->x.at[c], g->y.at[r], g->y.at[r + 1]) < PARTED_LINE &&
                                           (spanned(g, r, g->x.at[c]) || !own_texts(g, at, at - 1, true))
                                     : spanned(g, r, g->x.at[c]) || heads_over(g, r, g->x.at[c]);
            if (r > 0 && g->y.ruled[r])
                up = covered(g, false, g->y.at[r], g->x.at[c], g->x.at[c + 1]) < PARTED_LINE &&
                     !own_texts(g, at, at - cols, false);
            const int32_t own = root_of(owner, at);
            if (left) {
                const int32_t other = root_of(owner, at - 1);
                owner[own > other ? own : other] = own < other ? own : other;
            }
            const int32_t now = root_of(owner, at);
            if (up) {
                const int32_t other = root_of(owner, at - cols);
                owner[now > other ? now : other] = now < other ? now : other;
            }
        }
    for (int32_t i = 0; i < rows * cols; i++)
        owner[i] = root_of(owner, i);
}

/* Cells from owners; a union that is no rectangle falls apart again. */
static void make_cells(struct dp_draft_table *t)
{
    for (int32_t i = 0; i < t->rows * t->cols; i++) {
        if (t->owner[i] != i)
            continue;
        const int32_t row = i / t->cols, col = i % t->cols;
        int32_t last_row = row, last_col = col, first_col = col, count = 0;
        for (int32_t k = i; k < t->rows * t->cols; k++)
            if (t->owner[k] == i) {
                last_row = k / t->cols > last_row ? k / t->cols : last_row;
                last_col = k % t->cols > last_col ? k % t->cols : last_col;
                first_col = k % t->cols < first_col ? k % t->cols : first_col;
                count++;
            }
        if (count == (last_row - row + 1) * (last_col - first_col + 1) && first_col == col)
            continue;
        for (int32_t k = i; k < t->rows * t->cols; k++)
            if (t->owner[k] == i)
                t->owner[k] = k;
    }
    for (int32_t i = 0; i < t->rows * t->cols; i++) {
        if (t->owner[i] != i)
            continue;
        struct dp_draft_cell cell = {i / t->cols, i % t->cols, 1, 1};
        while (cell.col + cell.col_span < t->cols && t->owner[i + cell.col_span] == i)
            cell.col_span++;
        while (cell.row + cell.row_span < t->rows && t->owner[i + cell.row_span * t->cols] == i)
            cell.row_span++;
        t->cells[t->n_cells++] = cell;
    }
}

/* --- is it a table? --- */

struct verdict {
    int32_t filled, parted, prose_columns, text_columns, numbers;
    bool label_column; /* the first column is not of numbers */
    int32_t tight;     /* rows of text nearer to the one above than lines are: fractions rather than cells */
    float lines_a_cell;
};

/* Lines of the column that look like prose: they fill most of it with a sentence's worth of characters. A justified line
 * with wide spaces, or one of several faces, is several pieces. */
static int32_t prose_lines(const struct dp_grid *g, int32_t c, int32_t *lines)
{
    const float width = g->x.at[c + 1] - g->x.at[c];
    int32_t prose = 0, row = DP_NONE, chars = 0, cjk = 0;
    float filled = 0;
    *lines = 0;
    for (int32_t i = 0; i <= g->n_pieces; i++) {
        const struct dp_piece *p = i < g->n_pieces ? &g->pieces[i] : NULL;
        if (p && dp_grid_index(g->x.at, g->x.n, mid_x(p->box)) != c)
            continue;
        if (!p || p->text_row != row) {
            prose += row != DP_NONE && filled > PROSE_FILL * width && chars > (cjk * 2 > chars ? PROSE_CJK : PROSE_LATIN);
            filled = 0;
            chars = cjk = 0;
            *lines += p != NULL;
        }
        if (p) {
            row = p->text_row;
            filled += p->leads ? 0 : p->box.x1 - p->box.x0;
            chars += p->chars;
            cjk += p->cjk;
        }
    }
    return prose;
}

static void look_at_columns(const struct dp_grid *g, struct verdict *v)
{
    for (int32_t c = 0; c < g->t->cols; c++) {
        int32_t pieces = 0, digits = 0, lines;
        const bool first = c == (g->t->rtl ? g->t->cols - 1 : 0);
        for (int32_t i = 0; i < g->n_pieces; i++) {
            const struct dp_piece *p = &g->pieces[i];
            if (dp_grid_index(g->x.at, g->x.n, mid_x(p->box)) != c)
                continue;
            pieces++;
            digits += p->digits * 2 >= p->chars && p->chars > 0;
        }
        const int32_t prose = prose_lines(g, c, &lines);
        v->text_columns += pieces > 0;
        v->prose_columns += lines >= 3 && prose * 2 > lines;
        v->label_column = v->label_column || (first && pieces > 0 && digits * 2 < pieces);
        v->numbers += !first && pieces > 0 && digits * 5 >= pieces * 3;
    }
}

static struct verdict judge(const struct dp_grid *g, const struct text_row *rows, bool *used)
{
    struct verdict v = {0};
    for (int32_t i = 0; i < g->n_pieces; i++) {
        const int32_t r = dp_grid_index(g->y.at, g->y.n, mid_y(g->pieces[i].box));
        const int32_t c = dp_grid_index(g->x.at, g->x.n, mid_x(g->pieces[i].box));
        used[g->t->owner[r * g->t->cols + c]] = true;
    }
    for (int32_t i = 0; i < g->t->rows * g->t->cols; i++)
        v.filled += used[i];
    for (int32_t r = 0; r < g->text_rows; r++) {
        v.parted += rows[r].cells >= 2;
        v.tight += r > 0 && middle(&rows[r]) - middle(&rows[r - 1]) < TIGHT * g->a->height;
    }
    v.lines_a_cell = v.filled ? (float)g->t->n_items / (float)v.filled : 0;
    look_at_columns(g, &v);
    return v;
}

/* Rules in both senses, most of them through the whole region: drawings have many short ones. Forms have level ones all
 * through, and upright ones where a row is parted. */
static bool is_lattice(const struct dp_grid *g)
{
    if (g->long_upright > 0 && g->inner_level >= FORM_RULES && g->long_level == g->inner_level)
        return true;
    return g->inner_upright > 0 && g->inner_level > 0 && g->long_upright * 2 >= g->inner_upright &&
           g->long_level * 2 >= g->inner_level;
}

static bool accept(const struct dp_grid *g, struct verdict v, bool borderless)
{
    const int32_t rows = g->t->rows, cols = g->t->cols;
    const float ruled = (float)((g->inner_upright + 1) * (g->inner_level + 1));
    const float fill = (float)v.filled / (float)(rows * cols);
    if (rows < 2 || cols < 2 || v.filled < 3 || v.text_columns < 2 || v.lines_a_cell > LINES_A_CELL)
        return false;
    if (g->inner_upright == 0 && dp_is_contents(g->a, g->pieces, g->n_pieces))
        return false;
    if (is_lattice(g) && (float)g->t->n_items <= CROWDED * ruled)
        return rows * cols >= 4;
    /* A column of sentences beside several of numbers: its further lines stand alone in their rows. */
    const bool remarks = cols >= 4 && v.numbers >= 2;
    if (v.prose_columns * 2 > v.text_columns ||
        (float)v.parted < (remarks ? REMARKS_PARTED : 0.45f) * (float)g->text_rows)
        return false;
    if (g->inner_upright > 0 && !is_lattice(g) && g->long_upright * 2 < g->inner_upright)
        return false;
    if (!borderless)
        return rows * cols >= 4 && fill >= 0.3f;
    return rows >= 3 && (g->inner_upright > 0 || v.tight * 4 <= g->text_rows) &&
           (float)v.parted >= (remarks ? REMARKS_PARTED : 0.6f) * (float)g->text_rows && v.prose_columns <= remarks &&
           fill >= 0.6f &&
           (cols >= 3 || dp_is_led(g->pieces, g->n_pieces, g->text_rows) ||
            (rows >= 5 && v.numbers > 0 && fill >= 0.8f));
}

/* Rows of the head: one, or as many as its tallest cell where others of its cells are over several columns. */
static int32_t head_rows(const struct dp_draft_table *t)
{
    int32_t tall = 1;
    bool wide = false;
    for (int32_t i = 0; i < t->n_cells && t->cells[i].row == 0; i++) {
        tall = t->cells[i].row_span > tall ? t->cells[i].row_span : tall;
        wide = wide || (t->cells[i].col_span > 1 && t->cells[i].col_span < t->cols);
    }
    return t->rows < 2 ? 0 : wide && tall < t->rows ? tall : 1;
}

static enum b_code build(struct dp_grid *g, bool borderless, bool *is_table, struct b_err *err)
{
    struct dp_assembly *a = g->a;
    struct dp_draft_table *t = g->t;
    struct mark *marks = B_ARENA_ARRAY(a->arena, (size_t)a->n_rules + 1, struct mark);
    struct text_row *rows = B_ARENA_ARRAY(a->arena, (size_t)g->text_rows, struct text_row);
    if (!marks || !rows)
        return b_arena_refused(a->arena, "assembly", err);
    find_columns(g, marks);
    if (g->x.n - 1 > DP_TABLE_COLS || g->text_rows > DP_TABLE_ROWS)
        return B_OK;
    measure_rows(g, rows);
    find_rows(g, marks, rows, borderless);
    t->cols = g->x.n - 1;
    t->rows = g->y.n - 1;
    const size_t cells = (size_t)t->rows * (size_t)t->cols;
    t->xs = B_ARENA_ARRAY(a->arena, (size_t)g->x.n, float);
    t->ys = B_ARENA_ARRAY(a->arena, (size_t)g->y.n, float);
    t->owner = B_ARENA_ARRAY(a->arena, cells, int32_t);
    t->cells = B_ARENA_ARRAY(a->arena, cells, struct dp_draft_cell);
    g->text = B_ARENA_ARRAY(a->arena, cells, struct dp_rect);
    bool *used = B_ARENA_ARRAY(a->arena, cells, bool);
    if (!g->text || !t->xs || !t->ys || !t->owner || !t->cells || !used)
        return b_arena_refused(a->arena, "assembly", err);
    memcpy(t->xs, g->x.at, (size_t)g->x.n * sizeof *t->xs);
    memcpy(t->ys, g->y.at, (size_t)g->y.n * sizeof *t->ys);
    for (size_t i = 0; i < cells; i++)
        t->owner[i] = (int32_t)i;
    locate_text(g);
    unite_cells(g);
    const struct verdict v = judge(g, rows, used);
    dp_table_heads(g);
    make_cells(t);
    *is_table = accept(g, v, borderless);
    t->header_rows = head_rows(t);
    t->header_column = v.label_column && v.numbers * 2 >= t->cols - 1;
    return B_OK;
}

enum b_code dp_table_grid(struct dp_assembly *a, struct dp_draft_table *table, bool borderless, bool *is_table,
                          struct b_err *err)
{
    struct dp_grid *g = B_ARENA_ARRAY(a->arena, 1, struct dp_grid);
    *is_table = false;
    if (!g)
        return b_arena_refused(a->arena, "assembly", err);
    g->a = a;
    g->t = table;
    int32_t letters = 0, rtl = 0;
    for (int32_t i = 0; i < table->n_items; i++) {
        letters += a->items[table->items[i]].letters;
        rtl += a->items[table->items[i]].rtl;
    }
    table->rtl = rtl * 2 > letters && rtl > 0;
    const enum b_code code = dp_pieces_make(a, table, &g->pieces, &g->n_pieces, &g->text_rows, err);
    return code == B_OK && g->n_pieces >= 3 ? build(g, borderless, is_table, err) : code;
}
