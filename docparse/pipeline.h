/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_PIPELINE_H
#define DOCPARSE_PIPELINE_H

#include "docparse/document.h"
#include "docparse/loader.h"
#include "docparse/reader.h"
#include "docparse/source.h"

/* Source -> pages. Pages are read by `jobs` workers and handed out in page order, each as soon as it and
 * its predecessors are ready; at most jobs + 2 pages are in memory. A page that fails is handed out with its
 * status and error: the document goes on. */

struct dp_page_range {
    int32_t first, last; /* 1-based, inclusive; last may be INT32_MAX */
};

struct dp_parse_options {
    struct dp_limits limits;
    enum dp_text_layer text_layer;
    double dpi;           /* 0: native */
    const char *password; /* NULL: none */
    const struct dp_page_range *ranges; /* NULL: all pages; handed out in ascending order, once each */
    size_t n_ranges;
    int jobs;             /* threads in all; >= 1 */
    bool keep_images;     /* hand out page images (overlay, figures, searchable PDF) */
};

struct dp_parse_events {
    void *ctx;
    /* Called once, before the first page. */
    enum b_code (*begin)(void *ctx, const struct dp_document_info *info, int32_t pages_to_read, struct b_err *err);
    /* Called in page order from one thread at a time. `sheet` is NULL unless keep_images or when loading
     * failed. Page and sheet are borrowed for the call. An error ends the parse. */
    enum b_code (*page)(void *ctx, const struct dp_page *page, const struct dp_sheet *sheet, struct b_err *err);
};

/* Returns B_OK when every page was handed out, whatever its status; *status says the worst of it. An error
 * means that the document could not be read at all, was cancelled, or that a callback failed. */
enum b_code dp_parse(const struct dp_source *source, const struct dp_model *model,
                     const struct dp_parse_options *options, const struct dp_parse_events *events,
                     enum dp_status *status, struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* Hex sha256 over the options that change results (not jobs). */
void dp_parse_options_sha256(const struct dp_parse_options *options, char out[65]);

#endif
