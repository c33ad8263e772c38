/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_READER_H
#define DOCPARSE_READER_H

#include "docparse/document.h"
#include "docparse/loader.h"
#include "docparse/regions.h"
#include "engine/base/cancel.h"

/* A reader fills a page from a sheet: lines with words (compact) or finished blocks (qwen25vl). Weights
 * are in the reader's model and shared; a reader itself serves one thread at a time. */
struct dp_reader;

enum dp_text_layer { DP_TEXT_TRUST, DP_TEXT_DRAFT, DP_TEXT_OFF };

/* The loaded model, immutable, shared by the readers of all threads. */
struct dp_model;

/* The embedded default: networks from `models_dir`. Missing or damaged files: B_NOT_FOUND / B_FORMAT. */
enum b_code dp_model_open_compact(const char *models_dir, struct dp_model **out, struct b_err *err) B_MUST_CHECK;

/* The large model: a checkpoint folder of Qwen2.5-VL. */
enum dp_precision { DP_PRECISION_EXACT, DP_PRECISION_BF16, DP_PRECISION_INT8, DP_PRECISION_INT4 };
/* By name: "exact", "bf16", "int8", "int4"; false when it is none of these. */
bool dp_precision_find(const char *name, enum dp_precision *out);
struct dp_qwen_options {
    enum dp_precision precision;
    const char *packed; /* folder of the file that `docparse models pack` made; NULL: the checkpoint's */
    int threads;        /* for making packed weights and for steps that decode several pages; 0: 1 */
    int64_t max_pixels; /* of the picture that the model sees; 0: 2048 tokens' worth, or the checkpoint's if smaller */
    int max_tokens;     /* of one page's answer; 0: 4096 */
};
enum b_code dp_model_open_qwen(const char *checkpoint_dir, const struct dp_qwen_options *options, struct dp_model **out,
                               struct b_err *err) B_MUST_CHECK;
/* Lets the readers of a compact model read displayed formulas from the picture (formula_reader.h), with the checkpoint
 * in `dir`. "on" is the one that comes with the program. Before the model is
 * shared. */
enum b_code dp_model_add_formulas(struct dp_model *model, const char *dir, struct b_err *err) B_MUST_CHECK;
void dp_model_drop(struct dp_model *model);
const char *dp_model_name(const struct dp_model *model);
const char *dp_model_sha256(const struct dp_model *model); /* over the files that were loaded */
/* What else about the model changes results, as text such as "precision=1 ..."; "" when nothing does. */
const char *dp_model_options(const struct dp_model *model);

/* threads: how many threads one page may use. */
enum b_code dp_reader_new(const struct dp_model *model, enum dp_text_layer text_layer, int threads,
                          struct dp_reader **out, struct b_err *err) B_MUST_CHECK;
void dp_reader_drop(struct dp_reader *reader);

/* The memory in which a compact model's networks run: blocks that all its readers take turns in, as many as ever worked
 * at the same time; none of a large model's. Any thread. */
struct dp_network_memory {
    size_t bytes, idle_bytes; /* of all blocks, of those that nobody uses now */
};
void dp_model_memory(const struct dp_model *model, struct dp_network_memory *state);
/* Gives what nobody has used for so long back to the system. */
void dp_model_trim(const struct dp_model *model, int64_t unused_ns);

/* Fills page->lines, page->words, rotation, skew (blocks stay empty: dp_assemble makes them). The large model
 * fills finished blocks instead, with their lines. The bytes of the result do not depend on the number of threads. */
enum b_code dp_reader_read(struct dp_reader *reader, const struct dp_sheet *sheet, struct dp_page *page,
                           struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* The parts of a page that was read before, as the layout network sees them; none for a large model, whose pages
 * come with their blocks. The array lives in `arena`. */
enum b_code dp_reader_regions(struct dp_reader *reader, const struct dp_sheet *sheet, const struct dp_page *page,
                              struct b_arena *arena, struct dp_regions *out, struct b_cancel *cancel,
                              struct b_err *err) B_MUST_CHECK;

/* Displayed formulas of an assembled page that is a picture, where the model reads them; otherwise nothing happens.
 * seen: what dp_reader_regions gave. */
enum b_code dp_reader_formulas(struct dp_reader *reader, const struct dp_sheet *sheet, const struct dp_regions *seen,
                               struct dp_page *page, struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

#endif
