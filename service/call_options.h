/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CALL_OPTIONS_H
#define SERVICE_CALL_OPTIONS_H

#include "service/progress.h"
#include "service/rpc/client.h"

/* The command line of `docparse call`. Texts are borrowed from argv. */
enum { SVC_CALL_FORMATS = 16, SVC_CALL_DESCRIBE = SVC_CALL_METHODS };

struct svc_call_options {
    struct svc_client_options client;
    int method; /* enum svc_client_method, or SVC_CALL_DESCRIBE */
    const char *token_file, *password_file, *schema_file;
    const char *out_dir; /* NULL: not given */
    char formats_text[256];
    const char *formats[SVC_CALL_FORMATS];
    size_t n_formats;
    bool json; /* messages as JSON lines */
    enum svc_progress_mode progress;
    struct svc_client_params params; /* what goes with every request */
    char **rest;                     /* files, job ids or service names */
    int n_rest;
};

/* -1: go on; otherwise the exit code, after the help or what is wrong has been printed. */
int svc_call_options_parse(int argc, char **argv, struct svc_call_options *out);

#endif
