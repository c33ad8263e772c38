/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_FORMULA_READER_H
#define DOCPARSE_FORMULA_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "docparse/document.h"
#include "engine/base/arena.h"
#include "engine/base/cancel.h"
#include "engine/base/image.h"

/* Formulas as pictures to LaTeX: regions of a page are brought to one size of letters, put on white paper and read by
 * the small Qwen2.5-VL model of engine/models/formula, several at a time. What it was trained on and how often it is
 * right stands in the model card there. */

/* The loaded model, immutable, shared by all threads. */
struct dp_formula_model;
/* dir: a checkpoint folder as engine/training/export.py writes it. */
enum b_code dp_formula_model_open(const char *dir, struct dp_formula_model **out, struct b_err *err) B_MUST_CHECK;
void dp_formula_model_drop(struct dp_formula_model *model);
const char *dp_formula_model_sha256(const struct dp_formula_model *model); /* names the checkpoint */

struct dp_formula_region {
    struct dp_rect box; /* pixels of the page's picture, which is upright; white round the ink is taken off */
    float em;           /* font size of the text around it, pixels; 0: unknown, taken from the region's height */
};

struct dp_formula_reading {
    const char *latex; /* in the arena, without delimiters; NULL when the answer was no whole formula */
    float confidence;  /* 0..1: the model's own probability of the whole answer */
    int tokens;        /* of the answer */
};

/* The bound below which a reading is not to be shown as the formula: above it nine in ten were right on held-out fonts
 * (engine/models/formula/README.md). */
#define DP_FORMULA_READING_SURE 0.8f

enum {
    DP_FORMULA_REGIONS = 256, /* of one page; more are left unread: real pages have 60 at most */
    DP_FORMULA_TOKENS = 160   /* of one answer; longer ones were never trained */
};

struct dp_formula_reader;
/* threads: how many threads one call may use. One thread at a time per reader; the model must outlive it. */
enum b_code dp_formula_reader_new(const struct dp_formula_model *model, int threads, struct dp_formula_reader **out,
                                  struct b_err *err) B_MUST_CHECK;
void dp_formula_reader_drop(struct dp_formula_reader *reader);

/* Reads up to DP_FORMULA_REGIONS regions. out: one a region, those beyond the bound and those without ink with a
 * confidence of 0. The result does not depend on the threads, nor on which regions are read together. */
enum b_code dp_formula_reader_read(struct dp_formula_reader *reader, struct b_image_view page,
                                   const struct dp_formula_region *regions, size_t n, struct b_arena *arena,
                                   struct dp_formula_reading *out, struct b_cancel *cancel,
                                   struct b_err *err) B_MUST_CHECK;

/* The picture that the model gets of a region: grey, sides multiples of 28. B_NOT_FOUND: no ink. For tests and tools.
 */
enum b_code dp_formula_picture(struct b_image_view page, const struct dp_formula_region *region, struct b_image *out,
                               struct b_err *err) B_MUST_CHECK;

#endif
