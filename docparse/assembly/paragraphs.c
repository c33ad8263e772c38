/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that follow each other make a chain (usually a column's worth of text); chains are split into
 * paragraphs by indents, gaps, short ends, list markers, weight and size. When in doubt it splits: pieces
 * of a paragraph are easily joined by whoever reads on, grown-together paragraphs are not taken apart. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"
#include "engine/base/utf8.h"

#define LINK_GAP 0.9f      /* heights between linked rows */
#define LINK_REGULAR 2.0f  /* heights, when the pitch of the rows is regular (double spacing) */
#define LINK_OVERLAP 0.25f /* of the narrower row */
#define LINK_SIZE 1.35f
#define LEADING_ROWS 8 /* that tell the page's usual gap */
#define LARGE_TYPE 1.2f /* over body: lines of one title stand close, */
#define LARGE_GAP 0.6f  /* closer than so many heights */
#define NUMBER_CHARS 8    /* of a clause's number */
#define FEW_ROWS 3     /* of a chain that has no usual gap of its own */
#define LABEL_CHARS 12 /* of a word that stands for itself beside a column ("Name:", a speaker) */
#define LABELS_MOST 400
#define LABEL_GAP 6.0f /* heights between it and its text */
#define GAP_MORE 0.45f /* heights above the chain's usual gap */
#define INDENT_LEAST 0.7f
#define INDENT_MOST 6.0f
#define SHORT_HEIGHTS 1.5f
#define SHORT_SHARE 0.08f
#define SHORT_ENDED 0.12f
#define SHORT_CJK 1.8f /* heights: CJK text is justified, so a short line ends a paragraph */
#define SHORT_ALONE 0.35f
#define SIZE_CHANGE 1.22f
#define LOOK 512

static float gap_between(const struct dp_row *a, const struct dp_row *b)
{
    return b->box.y0 - a->box.y1;
}

static bool under(const struct dp_row *a, const struct dp_row *b)
{
    const float narrow = fminf(a->box.x1 - a->box.x0, b->box.x1 - b->box.x0);
    return dp_overlap(a->box.x0, a->box.x1, b->box.x0, b->box.x1) > LINK_OVERLAP * narrow;
}

static bool beside(const struct dp_row *a, const struct dp_row *b)
{
    return dp_overlap(a->box.y0, a->box.y1, b->box.y0, b->box.y1) >
           0.5f * fminf(a->box.y1 - a->box.y0, b->box.y1 - b->box.y0);
}

static int direction_of(const struct dp_assembly *a, const struct dp_row *row)
{
    return a->items[row->head].direction;
}

static bool vertical_of(const struct dp_assembly *a, const struct dp_row *row)
{
    return a->items[row->head].vertical;
}

struct by_top {
    float y;
    int32_t row;
};

static int by_top(const void *p, const void *q)
{
    const struct by_top *a = p, *b = q;
    if (a->y != b->y)
        return a->y < b->y ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static float middle_y(const struct dp_row *r)
{
    return (r->box.y0 + r->box.y1) * 0.5f;
}

/* Nearest row below (step 1) or above (step -1) that overlaps `at` across; *crowded when two such rows
 * stand side by side there. */
static int32_t neighbour(const struct dp_assembly *a, const struct by_top *s, int32_t n, int32_t at, int step,
                         bool *crowded)
{
    const struct dp_row *r = &a->rows[s[at].row];
    int32_t best = DP_NONE;
    float best_gap = LINK_REGULAR * r->height;
    *crowded = false;
    for (int pass = 0; pass < 2; pass++)
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK; k += step, seen++) {
            const struct dp_row *c = &a->rows[s[k].row];
            const float far = step > 0 ? s[k].y - r->box.y1 : r->box.y0 - s[k].y;
            if (far > (LINK_REGULAR + 2.0f) * r->height)
                break;
            if (direction_of(a, c) != direction_of(a, r) || !under(r, c) || beside(r, c))
                continue;
            const float gap = step > 0 ? gap_between(r, c) : gap_between(c, r);
            if (pass == 0 && gap < best_gap && gap > -0.6f * r->height) {
                best_gap = gap;
                best = s[k].row;
            } else if (pass == 1 && best != DP_NONE && s[k].row != best && gap < LINK_GAP * r->height &&
                       beside(c, &a->rows[best])) {
                *crowded = true;
            }
        }
    return best;
}

static bool rule_between(const struct dp_assembly *a, const struct dp_row *up, const struct dp_row *low)
{
    if (direction_of(a, up) != a->main_direction)
        return false;
    const float x0 = fmaxf(up->box.x0, low->box.x0), x1 = fminf(up->box.x1, low->box.x1);
    for (int32_t i = a->n_vertical; i < a->n_rules; i++) {
        const struct dp_rect r = a->rules[i];
        const float y = (r.y0 + r.y1) * 0.5f;
        if (y > middle_y(up) && y < middle_y(low) && dp_overlap(r.x0, r.x1, x0, x1) > 0.8f * (x1 - x0) &&
            y > up->box.y1 - 0.1f * up->height)
            return true;
    }
    return false;
}

static void link_rows(struct dp_assembly *a, const struct by_top *s, int32_t n, int32_t *below, int32_t *above)
{
    for (int32_t i = 0; i < n; i++) {
        bool crowded_below, crowded_above;
        const int32_t row = s[i].row;
        below[row] = neighbour(a, s, n, i, 1, &crowded_below);
        above[row] = neighbour(a, s, n, i, -1, &crowded_above);
        if (crowded_below)
            below[row] = DP_NONE;
        if (crowded_above)
            above[row] = DP_NONE;
    }
    for (int32_t i = 0; i < n; i++) {
        struct dp_row *up = &a->rows[s[i].row];
        const int32_t b = below[s[i].row];
        if (b == DP_NONE || above[b] != s[i].row)
            continue;
        struct dp_row *low = &a->rows[b];
        const float ratio = fmaxf(up->size, low->size) / fmaxf(fminf(up->size, low->size), 1.0f);
        if (ratio > LINK_SIZE || vertical_of(a, up) != vertical_of(a, low) || rule_between(a, up, low))
            continue;
        up->below = b;
        low->above = s[i].row;
    }
}

/* Wide gaps hold only where the pitch is regular: three rows or more at equal distances. */
static void cut_wide_gaps(struct dp_assembly *a)
{
    for (int32_t i = 0; i < a->n_rows; i++) {
        struct dp_row *up = &a->rows[i];
        if (up->below == DP_NONE)
            continue;
        struct dp_row *low = &a->rows[up->below];
        const float gap = gap_between(up, low), h = fmaxf(up->height, low->height);
        if (gap < LINK_GAP * fmaxf(up->height, low->height))
            continue;
        const float pitch = middle_y(low) - middle_y(up);
        bool regular = false;
        if (up->above != DP_NONE)
            regular = fabsf(middle_y(up) - middle_y(&a->rows[up->above]) - pitch) < 0.15f * h;
        if (low->below != DP_NONE)
            regular = regular || fabsf(middle_y(&a->rows[low->below]) - middle_y(low) - pitch) < 0.15f * h;
        if (regular && fabsf(up->box.x0 - low->box.x0) < h && up->chars > 20 && low->chars > 2)
            continue;
        low->above = DP_NONE;
        up->below = DP_NONE;
    }
}

/* Gap of the page's lines over their height, from chains that are long enough to have one. */
static void measure_leading(struct dp_assembly *a, float *scratch)
{
    int32_t n = 0;
    for (int32_t i = 0; i < a->n_rows; i++) {
        const struct dp_row *r = &a->rows[i];
        if (r->above == DP_NONE || r->below == DP_NONE || a->rows[r->below].below == DP_NONE)
            continue;
        scratch[n++] = gap_between(r, &a->rows[r->below]) / fmaxf(r->height, 1.0f);
    }
    a->leading = n >= LEADING_ROWS ? fmaxf(dp_median(scratch, n), 0.0f) : 0.0f;
}

/* What a chain's rows have in common. */
struct chain {
    const int32_t *rows;
    int32_t n;
    float left, right, gap, height;
    bool rtl, hanging, marked, labelled;
};

/* Left and right edge in reading direction. */
static float lead(const struct chain *c, const struct dp_row *r)
{
    return c->rtl ? -r->box.x1 : r->box.x0;
}

static float trail(const struct chain *c, const struct dp_row *r)
{
    return c->rtl ? -r->box.x0 : r->box.x1;
}

static float indent(const struct chain *c, const struct dp_row *r)
{
    return (lead(c, r) - c->left) / c->height;
}

/* Whether the row begins with a list marker: in its first piece, as a piece of its own, or drawn. */
static bool marked(const struct dp_assembly *a, const struct dp_row *r)
{
    const struct dp_item *head = &a->items[r->head];
    return head->marker > 0 || head->drawn || (head->lone_marker && r->count > 1);
}

/* A number alone in front of its text, "2.3" as well. */
static bool numbered(const struct dp_assembly *a, const struct dp_row *r)
{
    const struct dp_item *head = &a->items[r->head];
    return r->count > 1 && head->digits > 0 && head->letters == 0 && head->chars <= NUMBER_CHARS;
}

static float quantile(float *values, int32_t n, float q)
{
    (void)dp_median(values, n); /* sorts */
    return values[(int32_t)(q * (float)(n - 1) + 0.5f)];
}

/* A word on its own, level with row r and to its left, that is no number (lines may be counted in the margin). */
static bool is_label_of(const struct dp_row *label, const struct dp_row *r)
{
    const float gap = r->box.x0 - label->box.x1, h = r->height;
    return label != r && label->above == DP_NONE && label->below == DP_NONE && label->chars <= LABEL_CHARS &&
           label->digits < label->chars && gap > 0 && gap < LABEL_GAP * h &&
           fabsf(middle_y(label) - middle_y(r)) < 0.5f * h;
}

static const struct dp_row *label_of(const struct dp_assembly *a, const struct dp_row *r)
{
    for (int32_t i = 0; i < a->n_rows && a->n_rows <= LABELS_MOST; i++)
        if (is_label_of(&a->rows[i], r))
            return &a->rows[i];
    return NULL;
}

/* Several rows of the chain have a word of one column of words beside them: terms and what is said of each. */
static bool is_labelled(const struct dp_assembly *a, const int32_t *rows, int32_t n)
{
    const struct dp_row *first = NULL;
    int32_t labels = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_row *label = label_of(a, &a->rows[rows[i]]);
        if (!label)
            continue;
        first = first ? first : label;
        labels += fabsf(label->box.x0 - first->box.x0) < 0.6f * label->height;
    }
    return labels >= 2 && labels * 2 <= n;
}

static struct chain chain_of(const struct dp_assembly *a, const int32_t *rows, int32_t n, float *scratch)
{
    struct chain c = {.rows = rows, .n = n};
    int32_t rtl = 0, chars = 0, indented = 0;
    for (int32_t i = 0; i < n; i++) {
        rtl += a->rows[rows[i]].rtl ? a->rows[rows[i]].chars : 0;
        chars += a->rows[rows[i]].chars;
        scratch[i] = a->rows[rows[i]].height;
    }
    c.rtl = rtl * 2 > chars;
    c.height = fmaxf(dp_median(scratch, n), 1.0f);
    for (int32_t i = 0; i < n; i++)
        scratch[i] = lead(&c, &a->rows[rows[i]]);
    c.left = quantile(scratch, n, n > 8 ? 0.1f : 0.0f);
    for (int32_t i = 0; i < n; i++)
        scratch[i] = trail(&c, &a->rows[rows[i]]);
    c.right = quantile(scratch, n, n > 8 ? 0.9f : 1.0f);
    for (int32_t i = 0; i + 1 < n; i++)
        scratch[i] = gap_between(&a->rows[rows[i]], &a->rows[rows[i + 1]]);
    c.gap = dp_median(scratch, n - 1);
    if (n <= FEW_ROWS && a->leading > 0)
        c.gap = fminf(c.gap, a->leading * c.height);
    for (int32_t i = 0; i < n; i++)
        indented += indent(&c, &a->rows[rows[i]]) > INDENT_LEAST && indent(&c, &a->rows[rows[i]]) < INDENT_MOST;
    c.hanging = n >= 3 && indented * 2 >= n && indent(&c, &a->rows[rows[0]]) < 0.4f &&
                indent(&c, &a->rows[rows[1]]) > INDENT_LEAST;
    c.labelled = is_labelled(a, rows, n);
    c.marked = marked(a, &a->rows[rows[0]]);
    return c;
}

static bool is_cjk(const struct dp_row *r)
{
    return r->cjk * 2 > r->chars;
}

static bool indented(const struct chain *c, const struct dp_row *r)
{
    const float i = indent(c, r);
    return i > INDENT_LEAST && i < INDENT_MOST;
}

/* The sentence goes on from p to r, whatever they are set in (a bold opening): a comma, a hyphen or a small letter;
 * asked only where p fills its line. */
static bool runs_on(const struct dp_assembly *a, const struct dp_row *p, const struct dp_row *r)
{
    const struct dp_item *end = &a->items[p->tail];
    if (p->cjk * 2 > p->chars && r->cjk * 2 > r->chars)
        return true; /* no letter is small there */
    return end->last == ',' || (end->ends & DP_PUNCT_HYPHEN) || b_cp_is_small(a->items[r->head].first);
}

/* An earlier row of the chain begins with a marker as well, at the same indent as row i: both are items of a list,
 * though the first row of the chain introduces it and the row above fills its line. */
static bool follows_item(const struct dp_assembly *a, const struct chain *c, int32_t i)
{
    const float at = indent(c, &a->rows[c->rows[i]]);
    for (int32_t k = i - 1; k >= 0; k--)
        if (marked(a, &a->rows[c->rows[k]]) && fabsf(indent(c, &a->rows[c->rows[k]]) - at) < INDENT_LEAST)
            return true;
    return false;
}

/* Whether r is the second line of the entry of a table of contents that p begins. */
static bool continues_entry(const struct dp_assembly *a, const struct dp_row *p, const struct dp_row *r)
{
    const uint32_t first = a->items[r->head].first;
    return r->entry && !p->entry && (first == '.' || (b_cp_is_digit(a->items[p->head].first) && !b_cp_is_digit(first)));
}

/* Whether a paragraph begins with row i (i >= 1) of the chain. */
static bool breaks_before(const struct dp_assembly *a, const struct chain *c, int32_t i)
{
    const struct dp_row *p = &a->rows[c->rows[i - 1]], *r = &a->rows[c->rows[i]];
    const struct dp_row *next = i + 1 < c->n ? &a->rows[c->rows[i + 1]] : NULL;
    const struct dp_item *end = &a->items[p->tail];
    const float h = c->height, width = fmaxf(c->right - c->left, 1.0f);
    const float missing = c->right - trail(c, p);
    const bool brief = missing > fmaxf(SHORT_HEIGHTS * h, SHORT_SHARE * width);
    const bool ended = end->ends & DP_PUNCT_SENTENCE;
    const float ratio = fmaxf(p->size, r->size) / fmaxf(fminf(p->size, r->size), 1.0f);
    if (gap_between(p, r) > c->gap + GAP_MORE * h || ratio > SIZE_CHANGE || p->entry)
        return true;
    if (missing <= SHORT_ALONE * width && continues_entry(a, p, r))
        return false;
    if (r->size > LARGE_TYPE * a->body && gap_between(p, r) > LARGE_GAP * h)
        return true;
    if (c->labelled && label_of(a, r))
        return true;
    if (p->bold != r->bold && p->chars > 1 && r->chars > 1 && (brief || ended || !runs_on(a, p, r)))
        return true;
    if (marked(a, r) && (brief || ended || c->marked || follows_item(a, c, i)))
        return true;
    if (numbered(a, r) && strchr(a->page->lines[a->items[r->head].line].text, '.') && (brief || ended))
        return true;
    if (c->hanging)
        return !indented(c, r) && (brief || ended || indented(c, p));
    const bool hangs = (marked(a, p) || numbered(a, p)) && indented(c, r);
    if (indented(c, r) && !indented(c, p) && !hangs && (brief || !next || !indented(c, next)))
        return true;
    if (brief && ended && missing > SHORT_ENDED * width)
        return true;
    if (is_cjk(p) && is_cjk(r) && missing > SHORT_CJK * h)
        return true;
    return missing > SHORT_ALONE * width;
}

static void finish_block(struct dp_assembly *a, struct dp_draft_block *b, float *scratch)
{
    const struct dp_row *head = &a->rows[a->block_rows[b->first]];
    struct dp_rect box = head->box;
    int32_t bold = 0, rtl = 0;
    float size = 0;
    for (int32_t i = 0; i < b->count; i++) {
        const struct dp_row *r = &a->rows[a->block_rows[b->first + i]];
        box = dp_rect_union(box, r->box);
        b->chars += r->chars;
        b->lines += r->count;
        bold += r->bold ? r->chars : 0;
        rtl += r->rtl ? r->chars : 0;
        size += r->size * (float)r->chars;
        scratch[i] = r->height;
    }
    b->size = b->chars > 0 ? size / (float)b->chars : head->size;
    b->height = fmaxf(dp_median(scratch, b->count), 1.0f);
    b->bold = bold * 2 > b->chars && bold > 0;
    b->rtl = rtl * 2 > b->chars && rtl > 0;
    b->marker = a->items[head->head].marker;
    if (b->marker == 0 && a->items[head->head].lone_marker && head->count > 1)
        b->marker = (int32_t)strlen(a->page->lines[a->items[head->head].line].text);
    b->drawn = a->items[head->head].drawn;
    b->direction = (uint8_t)direction_of(a, head);
    b->aside = b->direction != a->main_direction && !vertical_of(a, head) && b->direction != 0;
    b->type = DP_PARAGRAPH;
    if (b->direction != a->main_direction)
        box =
            dp_frame_to_direction(&a->frame, dp_frame_from_direction(&a->frame, box, b->direction), a->main_direction);
    b->box = box;
}

static void add_block(struct dp_assembly *a, const int32_t *rows, int32_t n, int32_t *at, float *scratch)
{
    struct dp_draft_block *b = &a->blocks[a->n_blocks++];
    *b = (struct dp_draft_block){.first = *at, .count = n, .table = DP_NONE, .picture = DP_NONE, .inside = DP_NONE};
    for (int32_t i = 0; i < n; i++)
        a->block_rows[(*at)++] = rows[i];
    finish_block(a, b, scratch);
}

int32_t dp_block_of_row(struct dp_assembly *a, int32_t at)
{
    struct dp_draft_block *b = &a->blocks[a->n_blocks++];
    float scratch[1];
    *b = (struct dp_draft_block){.first = at, .count = 1, .table = DP_NONE, .picture = DP_NONE, .inside = DP_NONE};
    finish_block(a, b, scratch);
    return a->n_blocks - 1;
}

void dp_block_keep_row(struct dp_assembly *a, struct dp_draft_block *block)
{
    float scratch[1];
    *block = (struct dp_draft_block){
        .first = block->first, .count = 1, .table = DP_NONE, .picture = DP_NONE, .inside = DP_NONE};
    finish_block(a, block, scratch);
}

void dp_block_set_rows(struct dp_assembly *a, struct dp_draft_block *block, int32_t first, int32_t count, float *scratch)
{
    *block = (struct dp_draft_block){
        .first = first, .count = count, .table = DP_NONE, .picture = DP_NONE, .inside = DP_NONE};
    finish_block(a, block, scratch);
}

static void split_chain(struct dp_assembly *a, const int32_t *rows, int32_t n, int32_t *at, float *scratch)
{
    const struct chain c = chain_of(a, rows, n, scratch);
    int32_t start = 0;
    for (int32_t i = 1; i <= n; i++)
        if (i == n || breaks_before(a, &c, i)) {
            add_block(a, rows + start, i - start, at, scratch);
            start = i;
        }
}

enum b_code dp_paragraphs_make(struct dp_assembly *a, struct b_err *err)
{
    const size_t n = (size_t)a->n_items; /* rows of tables come later: at most one row a line in all */
    struct by_top *s = B_ARENA_ARRAY(a->arena, n, struct by_top);
    int32_t *below = B_ARENA_ARRAY(a->arena, n, int32_t), *above = B_ARENA_ARRAY(a->arena, n, int32_t);
    int32_t *list = B_ARENA_ARRAY(a->arena, n, int32_t);
    float *scratch = B_ARENA_ARRAY(a->arena, n, float);
    a->blocks_room = 2 * a->n_items + DP_PICTURES_MOST; /* rows of a grid may become blocks once more */
    a->blocks = B_ARENA_ARRAY(a->arena, (size_t)a->blocks_room, struct dp_draft_block);
    a->block_rows = B_ARENA_ARRAY(a->arena, n * 3, int32_t);
    if (!s || !below || !above || !list || !scratch || !a->blocks || !a->block_rows)
        return b_arena_refused(a->arena, "assembly", err);
    const int32_t count = a->n_rows;
    int32_t at = 0;
    for (int32_t i = 0; i < count; i++)
        s[i] = (struct by_top){a->rows[i].box.y0, i};
    qsort(s, (size_t)count, sizeof *s, by_top);
    link_rows(a, s, count, below, above);
    cut_wide_gaps(a);
    measure_leading(a, scratch);
    for (int32_t i = 0; i < count; i++) {
        if (a->rows[s[i].row].above != DP_NONE)
            continue;
        int32_t k = 0;
        for (int32_t row = s[i].row; row != DP_NONE; row = a->rows[row].below)
            list[k++] = row;
        split_chain(a, list, k, &at, scratch);
    }
    a->n_block_rows = at;
    return B_OK;
}
