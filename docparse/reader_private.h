/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_READER_PRIVATE_H
#define DOCPARSE_READER_PRIVATE_H

#include "docparse/formula_reader.h"
#include "docparse/line_builder.h"
#include "docparse/reader.h"
#include "engine/compact/compact.h"

/* Private to the readers. */
struct dp_model {
    char name[64];
    char sha256[65];
    struct eng_models *compact; /* NULL in a model of the other kind */
    struct eng_qwen *qwen;
    struct eng_batch *batch; /* of all pages that the large model reads at a time */
    struct dp_formula_model *formulas; /* NULL: formulas of pictures are not read */
    struct dp_qwen_options qwen_options;
    char options[96]; /* see dp_model_options */
};

/* What reader_formulas.c needs of a reader. */
const struct dp_model *dp_reader_model(const struct dp_reader *reader);
struct dp_formula_reader **dp_reader_formula_slot(struct dp_reader *reader); /* NULL inside until first use */
int dp_reader_threads(const struct dp_reader *reader);

/* The large model's reader. */
struct dp_qwen_reader;
enum b_code dp_qwen_reader_new(const struct dp_model *model, enum dp_text_layer text_layer, int threads,
                               struct dp_qwen_reader **out, struct b_err *err) B_MUST_CHECK;
void dp_qwen_reader_drop(struct dp_qwen_reader *reader);
enum b_code dp_qwen_reader_read(struct dp_qwen_reader *reader, const struct dp_sheet *sheet, struct dp_page *page,
                                struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* What recognised lines must not repeat: boxes of words that the page already has. */
struct dp_taken {
    const struct dp_rect *boxes;
    size_t count;
};

/* Turns what the engine read into lines of the builder's page. Words that lie on `taken` boxes are left
 * out, and lines of which nothing remains. quarter_turns: of the page, decides the flags. */
enum b_code dp_lines_of_compact(const struct eng_page_lines *read, const struct dp_taken *taken,
                                struct dp_line_builder *builder, struct b_cancel *cancel,
                                struct b_err *err) B_MUST_CHECK;

/* The engine's regions as docparse names them; the array lives in `arena`. */
enum b_code dp_regions_of_compact(const struct eng_layout_regions *found, struct b_arena *arena,
                                  struct dp_regions *out, struct b_err *err) B_MUST_CHECK;

/* Share of the box that lies on taken boxes, 0..1. */
float dp_share_taken(struct dp_rect box, const struct dp_taken *taken);

#endif
