/* SPDX-License-Identifier: Apache-2.0 */
/* The way from lines to ordered blocks, step by step. */
#include "docparse/assembly/assembly_private.h"

#define SCRATCH_BYTES ((size_t)1 << 30) /* bound of intermediate results; a dense page needs about 1 MiB */

static enum b_code run(struct dp_assembly *a, struct b_err *err)
{
    enum b_code code = dp_frame_make(a, err);
    if (code == B_OK)
        code = dp_items_make(a, err);
    if (code == B_OK)
        code = dp_drawings_find(a, err);
    if (code == B_OK)
        code = dp_drawn_marks_find(a, err);
    if (code == B_OK)
        code = dp_formulas_find(a, err);
    if (code == B_OK)
        code = dp_tables_find(a, err);
    if (code == B_OK)
        code = dp_rows_make(a, err);
    if (code == B_OK)
        code = dp_paragraphs_make(a, err);
    if (code == B_OK)
        code = dp_tables_make_blocks(a, err);
    if (code == B_OK)
        code = dp_formulas_make_blocks(a, err);
    if (code == B_OK)
        code = dp_pictures_find(a, err);
    if (code != B_OK)
        return code;
    dp_classify_furniture(a);
    code = dp_order_blocks(a, err);
    if (code != B_OK)
        return code;
    dp_classify_blocks(a);
    dp_code_join(a);
    dp_chapters_join(a);
    code = dp_references_name(a, err);
    if (code != B_OK)
        return code;
    code = dp_figures_gather(a, err);
    if (code != B_OK)
        return code;
    code = dp_emit_blocks(a, err);
    if (code == B_OK)
        code = dp_inline_formulas_find(a, err);
    return code == B_OK ? dp_scripts_find(a, err) : code;
}

enum b_code dp_assemble(const struct dp_sheet *sheet, struct dp_page *page, struct b_err *err)
{
    return dp_assemble_seen(sheet, NULL, page, err);
}

enum b_code dp_assemble_seen(const struct dp_sheet *sheet, const struct dp_regions *regions, struct dp_page *page,
                             struct b_err *err)
{
    page->n_blocks = page->n_tables = page->n_cells = page->n_spans = 0;
    page->spans = NULL;
    page->blocks = NULL;
    page->tables = NULL;
    page->cells = NULL;
    if (page->n_lines == 0)
        return B_OK;
    struct dp_assembly a = {.page = page, .sheet = sheet, .regions = regions, .arena = b_arena_new(SCRATCH_BYTES)};
    if (!a.arena)
        return b_fail(err, B_NO_MEMORY, "assembly", "out of memory");
    const enum b_code code = run(&a, err);
    b_arena_drop(a.arena);
    return code;
}
