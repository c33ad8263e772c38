/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_OUTPUTS_H
#define SERVICE_OUTPUTS_H

#include "output/writer.h"

/* The output files of one document: every requested format into OUT/<stem><extension>, all of them or none.
 * Data goes to temporary neighbours until svc_outputs_commit. One thread at a time. */
struct svc_outputs;

#define SVC_MAX_FORMATS 16

struct svc_output_request {
    const char *folder; /* OUT */
    const char *stem;   /* from svc_input */
    const struct out_format *const *formats;
    size_t n_formats;
    struct out_options options;
    const void *source; /* bytes of the input, for formats that carry them on */
    size_t source_size;
};

/* Opens the files and writers; makes the folders. */
enum b_code svc_outputs_open(const struct svc_output_request *request, const struct dp_document_info *info,
                             struct svc_outputs **out, struct b_err *err) B_MUST_CHECK;
enum b_code svc_outputs_page(struct svc_outputs *outputs, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err) B_MUST_CHECK;
/* Puts all files in place and frees; on failure nothing of this run stays. */
enum b_code svc_outputs_commit(struct svc_outputs *outputs, enum dp_status status, struct b_err *err) B_MUST_CHECK;
/* Removes what was written and frees. NULL is allowed. */
void svc_outputs_abort(struct svc_outputs *outputs);

/* The path of one format's output, for messages; false when it does not fit. */
bool svc_output_path(const char *folder, const char *stem, const struct out_format *format, char *out, size_t size);

#endif
