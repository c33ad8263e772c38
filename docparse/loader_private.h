/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_LOADER_PRIVATE_H
#define DOCPARSE_LOADER_PRIVATE_H

#include "docparse/loader.h"

/* Private to the loaders: one format a file, each the sole user of its library. */
struct dp_loader_ops {
    void (*close)(void *state);
    enum b_code (*page)(void *state, int32_t number, struct b_cancel *cancel, struct dp_sheet *out, struct b_err *err);
    enum b_code (*page_size)(void *state, int32_t number, double *width, double *height, struct b_err *err);
};

struct dp_loader {
    const struct dp_loader_ops *ops;
    void *state;
    struct dp_file_info info; /* strings owned by state */
};

/* Each fills ops, state and info; the caller frees through ops->close. */
enum b_code dp_load_pdf_open(const struct dp_source *source, const struct dp_loader_options *options,
                             struct dp_loader *out, struct b_err *err) B_MUST_CHECK;
enum b_code dp_load_tiff_open(const struct dp_source *source, const struct dp_loader_options *options,
                              struct dp_loader *out, struct b_err *err) B_MUST_CHECK;
enum b_code dp_load_png_open(const struct dp_source *source, const struct dp_loader_options *options,
                             struct dp_loader *out, struct b_err *err) B_MUST_CHECK;
enum b_code dp_load_jpeg_open(const struct dp_source *source, const struct dp_loader_options *options,
                              struct dp_loader *out, struct b_err *err) B_MUST_CHECK;
enum b_code dp_load_webp_open(const struct dp_source *source, const struct dp_loader_options *options,
                              struct dp_loader *out, struct b_err *err) B_MUST_CHECK;

#define DP_WARNINGS_MAX 64 /* per sheet: more say nothing new to a reader */

/* Starts an empty sheet with its arena. */
enum b_code dp_sheet_begin(struct dp_sheet *sheet, int32_t number, const struct dp_limits *limits, struct b_err *err)
    B_MUST_CHECK;
void dp_sheet_warn(struct dp_sheet *sheet, const char *fmt, ...) B_PRINTF(2, 3);

#endif
