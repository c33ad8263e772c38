/* SPDX-License-Identifier: Apache-2.0 */
/* Displayed formulas of pages that are pictures: the layout network says where they are, the formula model what they
 * say. Invariant: a page without such regions, a born-digital one and one on its side stay as they were assembled. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula_place.h"
#include "docparse/model_files.h"
#include "docparse/reader_private.h"

#define DOMAIN "formula"
#define EM_OF_LINE 0.72f /* font size over the height of a line's box, as reader_compact.c takes it of strips */
#define SCRATCH_BYTES ((size_t)16 << 20)

enum b_code dp_model_add_formulas(struct dp_model *model, const char *dir, struct b_err *err)
{
    if (!model->compact)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the large model reads formulas itself");
    struct dp_formula_model *formulas = NULL;
    char own[4096];
    enum b_code code = strcmp(dir, "on") == 0 ? dp_formula_dir(own, sizeof own, err) : B_OK;
    if (code == B_OK)
        code = dp_formula_model_open(strcmp(dir, "on") == 0 ? own : dir, &formulas, err);
    if (code != B_OK)
        return code;
    dp_formula_model_drop(model->formulas);
    model->formulas = formulas;
    (void)snprintf(model->options, sizeof model->options, "formulas=%.64s", dp_formula_model_sha256(formulas));
    return B_OK;
}

/* Most lines were read from the pixels; where the file gives the text, it gives the formulas' glyphs too. */
static bool is_picture(const struct dp_page *page)
{
    int32_t seen = 0;
    for (int32_t i = 0; i < page->n_lines; i++)
        seen += page->lines[i].source == DP_FROM_COMPACT;
    return seen * 2 > page->n_lines;
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The usual font size of the page's lines, pixels; 0 when there are none. */
static float usual_em(const struct dp_page *page, float *sizes)
{
    int32_t n = 0;
    for (int32_t i = 0; i < page->n_lines; i++) {
        const struct dp_line *l = &page->lines[i];
        const float height = fminf(l->bbox.y1 - l->bbox.y0, l->bbox.x1 - l->bbox.x0);
        const float em =
            l->font_size > 0 && page->dpi > 0 ? l->font_size * (float)page->dpi / 72.0f : height * EM_OF_LINE;
        if (em > 0 && strlen(l->text) >= 12) /* scraps of formulas have sizes of their own */
            sizes[n++] = em;
    }
    qsort(sizes, (size_t)n, sizeof *sizes, by_size);
    return n > 0 ? sizes[n / 2] : 0;
}

static enum b_code read_regions(struct dp_formula_reader *reader, const struct dp_sheet *sheet,
                                const struct dp_regions *seen, struct b_arena *scratch, struct dp_page *page,
                                struct b_cancel *cancel, struct b_err *err)
{
    float *sizes = B_ARENA_ARRAY(scratch, (size_t)page->n_lines + 1, float);
    struct dp_formula_region *regions = B_ARENA_ARRAY(scratch, (size_t)seen->n + 1, struct dp_formula_region);
    struct dp_formula_reading *readings = B_ARENA_ARRAY(scratch, (size_t)seen->n + 1, struct dp_formula_reading);
    int32_t placed;
    size_t n = 0;
    if (!sizes || !regions || !readings)
        return b_arena_refused(scratch, DOMAIN, err);
    const float em = usual_em(page, sizes);
    for (int32_t i = 0; i < seen->n; i++)
        if (seen->at[i].kind == DP_REGION_FORMULA)
            regions[n++] = (struct dp_formula_region){.box = seen->at[i].bbox, .em = em};
    if (n > DP_FORMULA_REGIONS)
        dp_page_warn(page, "%zu of %zu formulas were not read: more than %d on a page", n - DP_FORMULA_REGIONS, n,
                     (int)DP_FORMULA_REGIONS);
    enum b_code code = B_OK;
    if (n > 0)
        code = dp_formula_reader_read(reader, b_image_view_of(&sheet->image), regions, n, page->arena, readings, cancel,
                                      err);
    return code == B_OK ? dp_formula_place(page, regions, readings, n, &placed, err) : code;
}

enum b_code dp_reader_formulas(struct dp_reader *reader, const struct dp_sheet *sheet, const struct dp_regions *seen,
                               struct dp_page *page, struct b_cancel *cancel, struct b_err *err)
{
    struct dp_formula_reader **formulas = dp_reader_formula_slot(reader);
    const struct dp_formula_model *model = dp_reader_model(reader)->formulas;
    if (!model || !sheet->image.pixels || page->n_blocks == 0 || fabs(page->rotation) > 1.0 || !is_picture(page))
        return B_OK;
    struct b_arena *scratch = b_arena_new(SCRATCH_BYTES);
    if (!scratch)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    enum b_code code = *formulas ? B_OK : dp_formula_reader_new(model, dp_reader_threads(reader), formulas, err);
    if (code == B_OK)
        code = read_regions(*formulas, sheet, seen, scratch, page, cancel, err);
    b_arena_drop(scratch);
    return code;
}
