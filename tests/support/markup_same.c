/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two parses of one answer field by field. */
#include "tests/support/markup_same.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_rect(struct dp_rect a, struct dp_rect b)
{
    return a.x0 == b.x0 && a.y0 == b.y0 && a.x1 == b.x1 && a.y1 == b.y1;
}

static const char *block(const struct dp_block *a, const struct dp_block *b)
{
    if (a->type != b->type || a->level != b->level || a->order != b->order || a->parent != b->parent)
        return "type, level, order or parent of a block";
    if (a->has_bbox != b->has_bbox || !same_rect(a->bbox, b->bbox))
        return "box of a block";
    if (!same_text(a->text, b->text) || !same_text(a->latex, b->latex))
        return "text of a block";
    if (!same_text(a->chart_kind, b->chart_kind) || !same_text(a->marker, b->marker) ||
        !same_text(a->language, b->language))
        return "kind, marker or language of a block";
    if (a->confidence != b->confidence || a->source != b->source || a->flags != b->flags)
        return "confidence, source or flags of a block";
    if (a->first_line != b->first_line || a->n_lines != b->n_lines || a->table != b->table ||
        a->caption_of != b->caption_of || a->display != b->display || a->joined != b->joined)
        return "links of a block";
    return NULL;
}

const char *t_markup_difference(const struct dp_page *a, const struct dp_page *b)
{
    if (a->n_blocks != b->n_blocks || a->n_lines != b->n_lines || a->n_tables != b->n_tables ||
        a->n_cells != b->n_cells || a->n_warnings != b->n_warnings)
        return "counts";
    if (a->status != b->status || a->error.code != b->error.code || a->width != b->width || a->height != b->height ||
        a->dpi != b->dpi)
        return "the page";
    for (int32_t i = 0; i < a->n_blocks; i++) {
        const char *what = block(&a->blocks[i], &b->blocks[i]);
        if (what)
            return what;
    }
    for (int32_t i = 0; i < a->n_lines; i++)
        if (!same_text(a->lines[i].text, b->lines[i].text) || !same_rect(a->lines[i].bbox, b->lines[i].bbox) ||
            a->lines[i].block != b->lines[i].block)
            return "a line";
    for (int32_t i = 0; i < a->n_tables; i++)
        if (memcmp(&a->tables[i], &b->tables[i], offsetof(struct dp_table, caption)) != 0 ||
            !same_text(a->tables[i].caption, b->tables[i].caption))
            return "a table";
    for (int32_t i = 0; i < a->n_cells; i++) {
        const struct dp_cell *x = &a->cells[i], *y = &b->cells[i];
        if (x->row != y->row || x->col != y->col || x->row_span != y->row_span || x->col_span != y->col_span ||
            x->header != y->header || !same_rect(x->bbox, y->bbox) || x->confidence != y->confidence ||
            !same_text(x->text, y->text))
            return "a cell";
    }
    for (int32_t i = 0; i < a->n_warnings; i++)
        if (!same_text(a->warnings[i], b->warnings[i]))
            return "a warning";
    return NULL;
}

const char *t_markup_result_difference(const struct dp_markup_result *a, const struct dp_markup_result *b)
{
    if (a->kind != b->kind || a->complete != b->complete || a->truncated != b->truncated || a->looped != b->looped)
        return "kind or end of the answer";
    if (!same_text(a->preamble, b->preamble) || strcmp(a->sha256, b->sha256) != 0 || a->bytes != b->bytes)
        return "preamble, hash or length";
    if (a->n_warnings != b->n_warnings || memcmp(a->counts, b->counts, sizeof a->counts) != 0)
        return "counts of warnings";
    for (int32_t i = 0; i < a->n_warnings; i++)
        if (a->warnings[i].code != b->warnings[i].code || a->warnings[i].offset != b->warnings[i].offset)
            return "a warning's place";
    return NULL;
}
