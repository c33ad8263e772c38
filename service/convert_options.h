/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CONVERT_OPTIONS_H
#define SERVICE_CONVERT_OPTIONS_H

#include "docparse/pipeline.h"
#include "docparse/sandbox.h"
#include "output/writer.h"
#include "service/inputs.h"
#include "service/outputs.h"
#include "service/progress.h"

/* The command line of `docparse convert`, parsed and checked. */

#define SVC_MAX_RANGES 64

struct svc_convert_options {
    struct svc_inputs inputs;
    const char *out_dir;
    const struct out_format *formats[SVC_MAX_FORMATS];
    size_t n_formats;
    struct out_options output;
    const char *models_dir;     /* NULL: search */
    const char *formulas_dir;   /* checkpoint that reads formulas of scans; NULL: none */
    bool large;                 /* the reader is qwen25vl */
    const char *checkpoint_dir; /* given then, NULL otherwise */
    struct dp_qwen_options qwen;
    bool seconds_given;
    enum dp_text_layer text_layer;
    enum dp_layout layout;
    struct dp_page_range ranges[SVC_MAX_RANGES];
    size_t n_ranges;
    double dpi;
    int jobs;
    bool resume;
    char *password; /* owned; NULL when none */
    enum svc_progress_mode progress;
    struct dp_limits limits;
    enum dp_sandbox_use sandbox;
};

/* Returns -1 to go on, otherwise the exit code (0 after --help). */
int svc_convert_options_parse(int argc, char **argv, struct svc_convert_options *out);
void svc_convert_options_free(struct svc_convert_options *options);

#endif
