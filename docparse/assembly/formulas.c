/* SPDX-License-Identifier: Apache-2.0 */
/* Displayed formulas of born-digital pages as blocks of their own. Their lines leave the text flow but stay the
 * block's lines, so that no character is lost, whether the LaTeX is sure or not. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/formula_private.h"

#define FORMULAS_MAX 400 /* of one page */
#define INSIDE_X 0.6f    /* of a line's box inside of its formula */
#define INSIDE_Y 0.35f

/* Lines that the region accounts for; their number. */
static int32_t take_items(struct dp_assembly *a, const enum dp_line_kind *kinds, const struct dp_glyph_region *r,
                          struct dp_draft_formula *out)
{
    out->n_items = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_line *line = &a->page->lines[a->items[i].line];
        const struct dp_rect b = line->bbox;
        /* Boxes of lines are as tall as their fonts say, which is more than the ink and not always around it. */
        const float low = fminf(b.y1 - b.y0, r->box.y1 - r->box.y0);
        if (a->items[i].table != DP_NONE || kinds[a->items[i].line] == DP_LINE_PROSE ||
            dp_overlap(b.x0, b.x1, r->box.x0, r->box.x1) < INSIDE_X * (b.x1 - b.x0) ||
            dp_overlap(b.y0, b.y1, r->box.y0, r->box.y1) < INSIDE_Y * low)
            continue;
        out->items[out->n_items++] = i;
    }
    return out->n_items;
}

static enum b_code read_region(struct dp_assembly *a, const enum dp_line_kind *kinds, const struct dp_glyph_region *r,
                               struct b_err *err)
{
    struct dp_draft_formula *draft = &a->formulas[a->n_formulas];
    struct dp_glyph *glyphs = B_ARENA_ARRAY(a->arena, (size_t)r->n_glyphs, struct dp_glyph);
    *draft = (struct dp_draft_formula){.items = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, int32_t), .box = r->box};
    if (!glyphs || !draft->items)
        return b_arena_refused(a->arena, "assembly", err);
    if (take_items(a, kinds, r, draft) == 0)
        return B_OK;
    for (int32_t i = 0; i < r->n_glyphs; i++)
        glyphs[i] = a->sheet->glyphs[r->glyphs[i]];
    struct dp_formula formula;
    const enum b_code code = dp_formula_read(glyphs, r->n_glyphs, a->sheet->glyph_fonts, a->arena, &formula, err);
    if (code != B_OK)
        return code;
    draft->latex = formula.latex;
    draft->tag = formula.tag;
    draft->confidence = formula.latex[0] ? formula.confidence : 0;
    for (int32_t i = 0; i < draft->n_items; i++) {
        a->items[draft->items[i]].table = DP_IN_FORMULA;
        draft->box = dp_rect_union(draft->box, a->items[draft->items[i]].box);
    }
    a->n_formulas++;
    return B_OK;
}

enum b_code dp_formulas_find(struct dp_assembly *a, struct b_err *err)
{
    struct dp_glyph_region *regions;
    int32_t n = 0;
    if (!a->sheet || a->sheet->n_glyphs == 0 || a->frame.warped || a->frame.turns || a->main_direction != 0)
        return B_OK;
    enum dp_line_kind *kinds = B_ARENA_ARRAY(a->arena, (size_t)a->page->n_lines, enum dp_line_kind);
    a->formulas = B_ARENA_ARRAY(a->arena, FORMULAS_MAX, struct dp_draft_formula);
    if (!kinds || !a->formulas)
        return b_arena_refused(a->arena, "assembly", err);
    dp_formula_line_kinds(a, kinds);
    enum b_code code = dp_formula_regions(a, kinds, &regions, &n, err);
    for (int32_t i = 0; i < n && code == B_OK && a->n_formulas < FORMULAS_MAX; i++)
        code = read_region(a, kinds, &regions[i], err);
    return code;
}

enum b_code dp_formulas_make_blocks(struct dp_assembly *a, struct b_err *err)
{
    for (int32_t i = 0; i < a->n_formulas; i++) {
        const struct dp_draft_formula *d = &a->formulas[i];
        struct dp_draft_block *b = &a->blocks[a->n_blocks++];
        *b = (struct dp_draft_block){.box = d->box,
                                     .type = DP_FORMULA,
                                     .table = DP_NONE,
                                     .picture = DP_NONE,
                                     .inside = DP_NONE,
                                     .formula = i + 1,
                                     .size = a->body,
                                     .height = a->height,
                                     .direction = (uint8_t)a->main_direction};
        const enum b_code code = dp_block_of_items(a, d->items, d->n_items, b, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

enum b_code dp_formula_emit(struct dp_assembly *a, const struct dp_draft_formula *d, struct dp_block *out,
                            struct b_err *err)
{
    out->display = true;
    out->confidence = d->confidence;
    if (d->confidence < DP_FORMULA_SURE) {
        out->flags |= DP_FLAG_LOW_CONFIDENCE;
        return B_OK;
    }
    const size_t len = strlen(d->latex), tag = d->tag ? strlen(d->tag) : 0;
    char *latex = b_arena_alloc(a->page->arena, len + tag + sizeof " \\tag{}", 1);
    if (!latex)
        return b_arena_refused(a->page->arena, "assembly", err);
    memcpy(latex, d->latex, len + 1);
    if (d->tag) {
        memcpy(latex + len, " \\tag{", 6);
        memcpy(latex + len + 6, d->tag, tag);
        memcpy(latex + len + 6 + tag, "}", 2);
    }
    out->latex = latex;
    return B_OK;
}
