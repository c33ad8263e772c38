/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of the document model, checked one by one; the first broken one is named together with
 * the place where it broke. Writers and readers of pages rely on exactly what is checked here. The work is
 * linear in the page's size (grids: in the number of grid positions that cells cover). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/document.h"
#include "engine/base/utf8.h"

#define DOMAIN "document"

#define SIDE_MAX 1.0e7f       /* coordinates, px: far beyond any page; keeps fixed-point output in range */
#define NESTING_MAX 64        /* depth of parents: the default of dp_limits.nesting */
#define GRID_SIDE_MAX 1000000 /* rows or columns of one table: ten times the default of dp_limits.table_cells */
#define FLAGS_ALL ((DP_FLAG_BOX_GUESSED << 1) - 1u)
#define STYLES_ALL ((DP_SUBSCRIPT << 1) - 1u)

#define BROKEN(...) b_fail(err, B_INTERNAL, DOMAIN, __VA_ARGS__)
/* `what` and `i` name the place in messages: "line 7". */
static enum b_code check_text(const struct dp_page *page, const char *text, bool may_be_null, const char *what,
                              int32_t i, struct b_err *err)
{
    if (!text)
        return may_be_null ? B_OK : BROKEN("page %d: %s %d has no text (NULL)", page->number, what, i);
    const size_t len = strlen(text);
    if (!b_utf8_valid(text, len))
        return BROKEN("page %d: the text of %s %d is not UTF-8", page->number, what, i);
    for (size_t pos = 0; pos < len;) {
        uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_control(cp) || cp == '\r')
            return BROKEN("page %d: the text of %s %d holds the control character U+%04" PRIX32, page->number, what, i,
                          cp);
    }
    return B_OK;
}

static bool rect_fine(struct dp_rect r)
{
    /* Written so that NaN fails. */
    return r.x0 <= r.x1 && r.y0 <= r.y1 && r.x0 >= -SIDE_MAX && r.y0 >= -SIDE_MAX && r.x1 <= SIDE_MAX &&
           r.y1 <= SIDE_MAX;
}

static bool confidence_fine(float c)
{
    return c == DP_NO_CONFIDENCE || (c >= 0.0f && c <= 1.0f);
}

static bool range_fine(int32_t first, int32_t n, int32_t total)
{
    return first >= 0 && n >= 0 && first <= total && n <= total - first;
}

static bool size_fine(float points)
{
    return points >= 0.0f && points <= SIDE_MAX;
}

static enum b_code check_header(const struct dp_page *page, struct b_err *err)
{
    enum b_code code;
    const int32_t n = page->number;
    const struct {
        const char *name;
        int32_t count;
        const void *array;
    } arrays[] = {
        {"blocks", page->n_blocks, page->blocks}, {"lines", page->n_lines, page->lines},
        {"words", page->n_words, page->words},    {"tables", page->n_tables, page->tables},
        {"cells", page->n_cells, page->cells},    {"warnings", page->n_warnings, page->warnings},
        {"spans", page->n_spans, page->spans},
    };
    if (n < 1)
        return BROKEN("page number %d is below 1", n);
    if (page->width < 0 || page->height < 0)
        return BROKEN("page %d: size %dx%d is negative", n, page->width, page->height);
    if (!(page->dpi >= 0.0 && page->dpi <= 1.0e6))
        return BROKEN("page %d: the resolution is not a number of dots per inch", n);
    if (page->rotation != 0.0 && page->rotation != 90.0 && page->rotation != 180.0 && page->rotation != 270.0)
        return BROKEN("page %d: rotation is none of 0, 90, 180, 270", n);
    if (!(page->skew >= -360.0 && page->skew <= 360.0))
        return BROKEN("page %d: the skew is not an angle", n);
    if ((unsigned)page->status > DP_STATUS_FAILED)
        return BROKEN("page %d: unknown status %d", n, (int)page->status);
    if ((page->status == DP_STATUS_OK) != (page->error.code == B_OK))
        return BROKEN("page %d: status is %s, but its error is '%s'", n, dp_status_name(page->status),
                      b_code_name(page->error.code));
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        if (arrays[i].count < 0 || (arrays[i].count > 0 && !arrays[i].array))
            return BROKEN("page %d: %d %s without an array", n, arrays[i].count, arrays[i].name);
    for (int32_t i = 0; i < page->n_warnings; i++) {
        code = check_text(page, page->warnings[i], false, "warning", i, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

static enum b_code check_words(const struct dp_page *page, struct b_err *err)
{
    enum b_code code;
    for (int32_t i = 0; i < page->n_words; i++) {
        const struct dp_word *w = &page->words[i];
        code = check_text(page, w->text, false, "word", i, err);
        if (code != B_OK)
            return code;
        code = check_text(page, w->font, true, "the font of word", i, err);
        if (code != B_OK)
            return code;
        if (!rect_fine(w->bbox))
            return BROKEN("page %d: the box of word %d is not a box", page->number, i);
        if (!confidence_fine(w->confidence))
            return BROKEN("page %d: the confidence of word %d is outside 0..1", page->number, i);
        if (!size_fine(w->font_size) || (w->style & ~STYLES_ALL))
            return BROKEN("page %d: word %d has an impossible font size or style", page->number, i);
    }
    return B_OK;
}

static enum b_code check_line(const struct dp_page *page, int32_t i, struct b_err *err)
{
    enum b_code code;
    const struct dp_line *l = &page->lines[i];
    code = check_text(page, l->text, false, "line", i, err);
    if (code != B_OK)
        return code;
    if (!rect_fine(l->bbox))
        return BROKEN("page %d: the box of line %d is not a box", page->number, i);
    for (int k = 0; k < 4; k++)
        if (!(fabsf(l->quad[k].x) <= SIDE_MAX && fabsf(l->quad[k].y) <= SIDE_MAX))
            return BROKEN("page %d: corner %d of line %d is not a place", page->number, k, i);
    if (!confidence_fine(l->confidence))
        return BROKEN("page %d: the confidence of line %d is outside 0..1", page->number, i);
    if ((unsigned)l->source > DP_FROM_REPAIR || (l->flags & ~FLAGS_ALL))
        return BROKEN("page %d: line %d has an unknown source or flag", page->number, i);
    if (l->block < DP_NONE || l->block >= page->n_blocks)
        return BROKEN("page %d: line %d belongs to block %d of %d", page->number, i, l->block, page->n_blocks);
    if (!range_fine(l->first_word, l->n_words, page->n_words))
        return BROKEN("page %d: line %d holds words %d + %d of %d", page->number, i, l->first_word, l->n_words,
                      page->n_words);
    if (!size_fine(l->font_size))
        return BROKEN("page %d: line %d has an impossible font size", page->number, i);
    return B_OK;
}

/* Every grid position at most once, cells in row-major order. until[c] is the first row that column c is free in. */
static enum b_code check_grid(const struct dp_page *page, int32_t index, int32_t *until, struct b_err *err)
{
    const struct dp_table *t = &page->tables[index];
    int64_t last = -1;
    for (int32_t k = 0; k < t->n_cells; k++) {
        const struct dp_cell *c = &page->cells[t->first_cell + k];
        if (c->row < 0 || c->col < 0 || c->row_span < 1 || c->col_span < 1 || c->row >= t->rows || c->col >= t->cols ||
            c->row_span > t->rows - c->row || c->col_span > t->cols - c->col)
            return BROKEN("page %d: cell %d of table %d lies outside its %dx%d grid", page->number, k, index, t->rows,
                          t->cols);
        const int64_t at = (int64_t)c->row * t->cols + c->col;
        if (at <= last)
            return BROKEN("page %d: cell %d of table %d is not in row-major order", page->number, k, index);
        last = at;
        for (int32_t col = c->col; col < c->col + c->col_span; col++) {
            if (until[col] > c->row)
                return BROKEN("page %d: cell %d of table %d overlaps another one", page->number, k, index);
            until[col] = c->row + c->row_span;
        }
    }
    return B_OK;
}

static enum b_code check_table(const struct dp_page *page, int32_t i, struct b_err *err)
{
    const struct dp_table *t = &page->tables[i];
    enum b_code code = check_text(page, t->caption, true, "the caption of table", i, err);
    if (code != B_OK)
        return code;
    if (t->rows < 0 || t->cols < 0 || t->rows > GRID_SIDE_MAX || t->cols > GRID_SIDE_MAX)
        return BROKEN("page %d: table %d has a grid of %dx%d", page->number, i, t->rows, t->cols);
    if (t->repeated_rows < 0 || t->repeated_rows > t->rows || (t->repeated_rows > 0 && !t->continues))
        return BROKEN("page %d: table %d repeats %d of its %d rows", page->number, i, t->repeated_rows, t->rows);
    if (!range_fine(t->first_cell, t->n_cells, page->n_cells))
        return BROKEN("page %d: table %d holds cells %d + %d of %d", page->number, i, t->first_cell, t->n_cells,
                      page->n_cells);
    if (t->n_cells == 0)
        return B_OK;
    int32_t *until = calloc((size_t)t->cols + 1, sizeof *until);
    if (!until)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    code = check_grid(page, i, until, err);
    free(until);
    return code;
}

static enum b_code check_cells(const struct dp_page *page, struct b_err *err)
{
    enum b_code code;
    for (int32_t i = 0; i < page->n_cells; i++) {
        const struct dp_cell *c = &page->cells[i];
        code = check_text(page, c->text, false, "cell", i, err);
        if (code != B_OK)
            return code;
        if (!rect_fine(c->bbox) || !confidence_fine(c->confidence) || (unsigned)c->header > DP_ROW_HEADER)
            return BROKEN("page %d: cell %d has an impossible box, confidence or header kind", page->number, i);
    }
    return B_OK;
}

static enum b_code check_block_texts(const struct dp_page *page, int32_t i, struct b_err *err)
{
    enum b_code code;
    const struct dp_block *b = &page->blocks[i];
    code = check_text(page, b->text, false, "block", i, err);
    if (code != B_OK)
        return code;
    code = check_text(page, b->latex, true, "the formula of block", i, err);
    if (code != B_OK)
        return code;
    code = check_text(page, b->chart_kind, true, "the chart kind of block", i, err);
    if (code != B_OK)
        return code;
    code = check_text(page, b->marker, true, "the marker of block", i, err);
    if (code != B_OK)
        return code;
    code = check_text(page, b->language, true, "the language of block", i, err);
    if (code == B_OK)
        code = check_text(page, b->script, true, "the script of block", i, err);
    if (code != B_OK)
        return code;
    if (b->latex && b->type != DP_FORMULA)
        return BROKEN("page %d: block %d has a formula, but is a %s", page->number, i, dp_block_type_name(b->type));
    if (b->chart_kind && b->type != DP_CHART)
        return BROKEN("page %d: block %d has a chart kind, but is a %s", page->number, i, dp_block_type_name(b->type));
    if (b->marker && b->type != DP_LIST_ITEM)
        return BROKEN("page %d: block %d has a list marker, but is a %s", page->number, i, dp_block_type_name(b->type));
    return B_OK;
}

static enum b_code check_block_links(const struct dp_page *page, int32_t i, struct b_err *err)
{
    const struct dp_block *b = &page->blocks[i];
    if (b->table < DP_NONE || b->table >= page->n_tables ||
        (b->table != DP_NONE && b->type != DP_TABLE && b->type != DP_CHART))
        return BROKEN("page %d: block %d (%s) names table %d of %d", page->number, i, dp_block_type_name(b->type),
                      b->table, page->n_tables);
    if (b->caption_of < DP_NONE || b->caption_of >= page->n_blocks || b->caption_of == i ||
        (b->caption_of != DP_NONE && b->type != DP_CAPTION))
        return BROKEN("page %d: block %d (%s) is a caption of block %d", page->number, i, dp_block_type_name(b->type),
                      b->caption_of);
    int depth = 0;
    for (int32_t p = b->parent; p != DP_NONE; p = page->blocks[p].parent) {
        if (p < 0 || p >= page->n_blocks)
            return BROKEN("page %d: block %d has parent %d of %d", page->number, i, p, page->n_blocks);
        if (++depth > NESTING_MAX)
            return BROKEN("page %d: block %d is nested deeper than %d or in a circle", page->number, i, NESTING_MAX);
    }
    if (!range_fine(b->first_line, b->n_lines, page->n_lines))
        return BROKEN("page %d: block %d holds lines %d + %d of %d", page->number, i, b->first_line, b->n_lines,
                      page->n_lines);
    for (int32_t k = b->first_line; k < b->first_line + b->n_lines; k++)
        if (page->lines[k].block != i)
            return BROKEN("page %d: line %d lies in block %d, but names block %d", page->number, k, i,
                          page->lines[k].block);
    return B_OK;
}

static enum b_code check_block(const struct dp_page *page, int32_t i, struct b_err *err)
{
    enum b_code code;
    const struct dp_block *b = &page->blocks[i];
    if ((unsigned)b->type >= DP_BLOCK_TYPES || (unsigned)b->source > DP_FROM_REPAIR || (b->flags & ~FLAGS_ALL))
        return BROKEN("page %d: block %d has an unknown type, source or flag", page->number, i);
    if (b->type == DP_HEADING ? b->level < 1 || b->level > 6 : b->level < 0 || b->level > NESTING_MAX)
        return BROKEN("page %d: block %d (%s) has level %d", page->number, i, dp_block_type_name(b->type), b->level);
    if (b->order < 0 || (i > 0 && b->order <= page->blocks[i - 1].order))
        return BROKEN("page %d: block %d has place %d in the reading order, behind %d", page->number, i, b->order,
                      i > 0 ? page->blocks[i - 1].order : -1);
    if (!rect_fine(b->bbox) || !confidence_fine(b->confidence))
        return BROKEN("page %d: block %d has an impossible box or confidence", page->number, i);
    code = check_block_texts(page, i, err);
    if (code != B_OK)
        return code;
    return check_block_links(page, i, err);
}

/* Whether text[at] begins a character, or is the end. */
static bool at_border(const char *text, int32_t at)
{
    return ((unsigned char)text[at] & 0xC0) != 0x80;
}

/* `len`: bytes of the block's text, which the caller knows already for spans of one block. */
static enum b_code check_span(const struct dp_page *page, int32_t i, size_t len, struct b_err *err)
{
    const struct dp_span *s = &page->spans[i], *before = i > 0 ? s - 1 : NULL;
    const char *text = page->blocks[s->block].text;
    if ((unsigned)s->kind >= DP_SPAN_KINDS || (s->kind == DP_SPAN_FORMULA) != (s->latex != NULL))
        return BROKEN("page %d: span %d has an unknown kind, or a formula where there is none", page->number, i);
    if (s->begin < 0 || s->begin >= s->end || (size_t)s->end > len || !at_border(text, s->begin) ||
        !at_border(text, s->end))
        return BROKEN("page %d: span %d covers bytes %d to %d of the %zu of block %d", page->number, i, s->begin, s->end,
                      len, s->block);
    if (before && (before->block > s->block || (before->block == s->block && before->end > s->begin)))
        return BROKEN("page %d: span %d stands before the one in front of it, or overlaps it", page->number, i);
    if (!rect_fine(s->bbox) || !confidence_fine(s->confidence))
        return BROKEN("page %d: span %d has an impossible box or confidence", page->number, i);
    return check_text(page, s->latex, true, "the formula of span", i, err);
}

static enum b_code check_spans(const struct dp_page *page, struct b_err *err)
{
    int32_t block = DP_NONE;
    size_t len = 0;
    for (int32_t i = 0; i < page->n_spans; i++) {
        const int32_t of = page->spans[i].block;
        if (of < 0 || of >= page->n_blocks)
            return BROKEN("page %d: span %d belongs to block %d of %d", page->number, i, of, page->n_blocks);
        if (of != block)
            len = strlen(page->blocks[of].text);
        block = of;
        const enum b_code code = check_span(page, i, len, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

enum b_code dp_page_check(const struct dp_page *page, struct b_err *err)
{
    enum b_code code;
    code = check_header(page, err);
    if (code != B_OK)
        return code;
    code = check_words(page, err);
    if (code != B_OK)
        return code;
    for (int32_t i = 0; i < page->n_lines; i++) {
        code = check_line(page, i, err);
        if (code != B_OK)
            return code;
    }
    code = check_cells(page, err);
    if (code != B_OK)
        return code;
    for (int32_t i = 0; i < page->n_tables; i++) {
        code = check_table(page, i, err);
        if (code != B_OK)
            return code;
    }
    int64_t held = 0, named = 0;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        code = check_block(page, i, err);
        if (code != B_OK)
            return code;
        held += page->blocks[i].n_lines;
    }
    for (int32_t i = 0; i < page->n_lines; i++)
        named += page->lines[i].block != DP_NONE;
    if (named != held)
        return BROKEN("page %d: %" PRId64 " lines name a block, but blocks hold %" PRId64, page->number, named, held);
    return check_spans(page, err);
}

enum b_code dp_document_check(const struct dp_document *document, struct b_err *err)
{
    enum b_code code;
    if (document->n_pages < 0 || (document->n_pages > 0 && !document->pages))
        return BROKEN("%d pages without an array", document->n_pages);
    if ((unsigned)document->status > DP_STATUS_FAILED)
        return BROKEN("unknown status %d of the document", (int)document->status);
    for (int32_t i = 0; i < document->n_pages; i++) {
        const struct dp_page *page = document->pages[i];
        if (!page)
            return BROKEN("page %d of the document is missing (NULL)", i);
        if (i > 0 && page->number <= document->pages[i - 1]->number)
            return BROKEN("page %d follows page %d", page->number, document->pages[i - 1]->number);
        code = dp_page_check(page, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}
