/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that go on on the next page: the last thing in the flow of one page and the first thing on the next one, with
 * the same columns at the same places, and either the same head again or rows like those above. A line that says so
 * ("Table 3, continued") may stand between. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/across_private.h"
#include "engine/base/utf8.h"

#define LOW_ON_PAGE 0.6f  /* share of the page: a table that is cut ends below this, */
#define HIGH_ON_PAGE 0.4f /* and goes on above this */
#define SAME_PLACE 0.03f  /* of the page width, by the middles of columns */
#define HEAD_MOST 4       /* rows that are looked at for a repeated head */
#define LINE_MOST 80      /* bytes of a line that says that the table goes on */

static bool is_furniture(enum dp_block_type type)
{
    return type == DP_HEADER || type == DP_FOOTER || type == DP_PAGE_NUMBER || type == DP_FOOTNOTE || type == DP_OTHER;
}

static bool says_continued(const struct dp_block *b)
{
    static const char *const words[] = {"ontinued", "ONTINUED", "(cont", "Fortsetzung", "suite)", "续", "繼", "続"};
    if (strlen(b->text) > LINE_MOST)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(b->text, words[i]))
            return true;
    return false;
}

static struct dp_block *last_table(const struct dp_page *page)
{
    for (int32_t i = page->n_blocks - 1; i >= 0; i--) {
        struct dp_block *b = &page->blocks[i];
        if (b->type == DP_TABLE && b->table != DP_NONE)
            return b->bbox.y1 > LOW_ON_PAGE * (float)page->height ? b : NULL;
        if (!is_furniture(b->type) && !says_continued(b))
            return NULL;
    }
    return NULL;
}

static struct dp_block *first_table(const struct dp_page *page)
{
    for (int32_t i = 0; i < page->n_blocks; i++) {
        struct dp_block *b = &page->blocks[i];
        if (b->type == DP_TABLE && b->table != DP_NONE)
            return b->bbox.y0 < HIGH_ON_PAGE * (float)page->height ? b : NULL;
        if (!is_furniture(b->type) && !says_continued(b))
            return NULL;
    }
    return NULL;
}

static const struct dp_cell *cell_at(const struct dp_page *page, const struct dp_table *t, int32_t row, int32_t col)
{
    for (int32_t i = 0; i < t->n_cells; i++) {
        const struct dp_cell *c = &page->cells[t->first_cell + i];
        if (c->row == row && c->col == col)
            return c;
    }
    return NULL;
}

/* Middle of a column in shares of the page width, over cells of this column alone; -1 when none has a place. */
static float column_middle(const struct dp_page *page, const struct dp_table *t, int32_t col)
{
    float x0 = 1e30f, x1 = -1e30f;
    for (int32_t i = 0; i < t->n_cells; i++) {
        const struct dp_cell *c = &page->cells[t->first_cell + i];
        if (c->col != col || c->col_span != 1 || c->bbox.x1 <= c->bbox.x0)
            continue;
        x0 = fminf(x0, c->bbox.x0);
        x1 = fmaxf(x1, c->bbox.x1);
    }
    return x1 > x0 && page->width > 0 ? (x0 + x1) * 0.5f / (float)page->width : -1.0f;
}

static bool same_columns(const struct dp_page *a, const struct dp_table *s, const struct dp_page *b,
                         const struct dp_table *t)
{
    if (s->cols != t->cols)
        return false;
    for (int32_t c = 0; c < s->cols; c++) {
        const float x = column_middle(a, s, c), y = column_middle(b, t, c);
        if (x >= 0 && y >= 0 && fabsf(x - y) > SAME_PLACE)
            return false;
    }
    return true;
}

/* Texts are the same but for spaces. */
static bool same_text(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        if (*a != *b)
            return false;
        if (!*a)
            return true;
        a++;
        b++;
    }
}

/* Rows at the start of both tables that say the same in all cells but one in five. */
static int32_t same_rows(const struct dp_page *a, const struct dp_table *s, const struct dp_page *b,
                         const struct dp_table *t)
{
    int32_t row = 0;
    for (; row < HEAD_MOST && row + 1 < s->rows && row + 1 < t->rows; row++) {
        int32_t same = 0, all = 0;
        for (int32_t c = 0; c < s->cols; c++) {
            const struct dp_cell *p = cell_at(a, s, row, c), *q = cell_at(b, t, row, c);
            if ((!p || !p->text[0]) && (!q || !q->text[0]))
                continue;
            all++;
            same += p && q && same_text(p->text, q->text);
        }
        if (all == 0 || same * 5 < all * 4)
            break;
    }
    return row;
}

static bool is_number(const char *text)
{
    int32_t digits = 0, all = 0;
    for (size_t pos = 0, len = strlen(text); pos < len; all++)
        digits += b_cp_is_digit(b_utf8_next(text, len, &pos));
    return digits > 0 && digits * 2 >= all;
}

/* The first row of `t` holds numbers where the last rows of `s` do, and nowhere else. */
static bool goes_on(const struct dp_page *a, const struct dp_table *s, const struct dp_page *b,
                    const struct dp_table *t)
{
    int32_t numbers = 0;
    for (int32_t c = 0; c < s->cols; c++) {
        const struct dp_cell *p = cell_at(a, s, s->rows - 1, c), *q = cell_at(b, t, 0, c);
        if (!p || !q || !p->text[0] || !q->text[0])
            continue;
        if (is_number(p->text) != is_number(q->text))
            return false;
        numbers += is_number(p->text);
    }
    return numbers > 0;
}

void dp_across_tables(struct dp_page *page, struct dp_page *next)
{
    struct dp_block *last = last_table(page), *first = first_table(next);
    if (!last || !first || next->number != page->number + 1)
        return;
    const struct dp_table *s = &page->tables[last->table];
    struct dp_table *t = &next->tables[first->table];
    if (!same_columns(page, s, next, t))
        return;
    const int32_t repeated = same_rows(page, s, next, t);
    if (repeated == 0 && !goes_on(page, s, next, t))
        return;
    last->joined = true;
    t->continues = true;
    t->repeated_rows = repeated;
    for (int32_t i = 0; i < t->n_cells && repeated == 0; i++) { /* what was taken for a head is a row like others */
        struct dp_cell *c = &next->cells[t->first_cell + i];
        if (c->header == DP_COLUMN_HEADER)
            c->header = DP_NOT_HEADER;
    }
}
