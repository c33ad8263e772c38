/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_PIPELINE_H
#define DOCPARSE_PIPELINE_H

#include "docparse/document.h"
#include "docparse/loader.h"
#include "docparse/page_ranges.h"
#include "docparse/reader.h"
#include "docparse/source.h"

/* Source -> pages. Pages are read by `jobs` workers and handed out in page order, each as soon as it,
 * its predecessors and the page behind it are ready (what only the document tells needs both); at most jobs + 3 pages
 * are in memory. A page that fails is handed out with its status and error: the document goes on. */

/* Readers that are kept from document to document (planned networks are costly to make again). One
 * document at a time, but see dp_parse_events.between; the model must outlive it. */
struct dp_pipeline;
enum b_code dp_pipeline_new(const struct dp_model *model, enum dp_text_layer text_layer, int jobs,
                            struct dp_pipeline **out, struct b_err *err) B_MUST_CHECK;
void dp_pipeline_drop(struct dp_pipeline *pipeline);

/* When the layout network looks at a page: where its text was read from pixels (a born-digital page says itself where
 * its parts are), always, or never. */
enum dp_layout { DP_LAYOUT_AUTO, DP_LAYOUT_ON, DP_LAYOUT_OFF };

struct dp_parse_options {
    struct dp_limits limits;
    double dpi;           /* 0: native */
    const char *password; /* NULL: none */
    struct dp_sandbox *sandbox; /* decode in processes of their own (sandbox.h); the source must be shared. NULL: here */
    const struct dp_page_range *ranges; /* NULL: all pages; read in ascending order, each once */
    size_t n_ranges;
    enum dp_layout layout;
    bool keep_images;     /* hand out page images (overlay, figures, searchable PDF) */
};

/* What a page's time goes to. */
enum dp_stage { DP_STAGE_LOAD, DP_STAGE_READ, DP_STAGE_ASSEMBLE, DP_STAGES };

struct dp_parse_events {
    void *ctx;
    /* May be NULL. A stage of some page took so long, whether it succeeded or not. Called on the threads that read
     * pages, several at a time. */
    void (*took)(void *ctx, enum dp_stage stage, int64_t ns);
    /* May be NULL. Called on a thread that reads, when it has read a page and is about to read another one. Reading goes
     * on when it returns. Its reader is at rest meanwhile: a pipeline of one job may parse another document in here. */
    void (*between)(void *ctx);
    /* Called once, before the first page. info and its strings live until dp_pipeline_parse returns. */
    enum b_code (*begin)(void *ctx, const struct dp_document_info *info, int32_t pages_to_read, struct b_err *err);
    /* Called in page order, on the thread that called dp_pipeline_parse. `image` is NULL unless keep_images,
     * and when loading failed. Page and image are borrowed for the call. An error ends the parse. */
    enum b_code (*page)(void *ctx, const struct dp_page *page, const struct b_image_view *image, struct b_err *err);
};

/* Returns B_OK when every page was handed out, whatever its status; *status says the worst of it: OK, PARTIAL
 * (some pages failed or are damaged), FAILED (no page could be read). An error means that the document could
 * not be read at all, was cancelled, or that a callback failed. */
enum b_code dp_pipeline_parse(struct dp_pipeline *pipeline, const struct dp_source *source,
                              const struct dp_parse_options *options, const struct dp_parse_events *events,
                              enum dp_status *status, struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

#endif
