/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_READER_H
#define DOCPARSE_READER_H

#include "docparse/document.h"
#include "docparse/loader.h"
#include "engine/base/cancel.h"

/* A reader fills a page from a sheet: lines with words (compact) or finished blocks (qwen25vl). Weights
 * are in the reader's model and shared; a reader itself serves one thread at a time. */
struct dp_reader;

enum dp_text_layer { DP_TEXT_TRUST, DP_TEXT_DRAFT, DP_TEXT_OFF };

/* The loaded model, immutable, shared by the readers of all threads. */
struct dp_model;

/* The embedded default: networks from `models_dir`. Missing or damaged files: B_NOT_FOUND / B_FORMAT. */
enum b_code dp_model_open_compact(const char *models_dir, struct dp_model **out, struct b_err *err) B_MUST_CHECK;
void dp_model_drop(struct dp_model *model);
const char *dp_model_name(const struct dp_model *model);
const char *dp_model_sha256(const struct dp_model *model); /* over the files that were loaded */

/* threads: how many threads one page may use. */
enum b_code dp_reader_new(const struct dp_model *model, enum dp_text_layer text_layer, int threads,
                          struct dp_reader **out, struct b_err *err) B_MUST_CHECK;
void dp_reader_drop(struct dp_reader *reader);

/* Fills page->lines, page->words, rotation, skew (blocks stay empty: dp_assemble makes them). The bytes of
 * the result do not depend on the number of threads. */
enum b_code dp_reader_read(struct dp_reader *reader, const struct dp_sheet *sheet, struct dp_page *page,
                           struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

#endif
