/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CLI_H
#define SERVICE_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/base/cancel.h"
#include "engine/base/err.h"

/* The command line: one function per command, exit codes, and how errors are shown. */

enum svc_exit {
    SVC_EXIT_OK = 0,
    SVC_EXIT_FAILED = 1, /* some inputs failed; each is listed on standard error */
    SVC_EXIT_USAGE = 2,  /* the command line makes no sense */
    SVC_EXIT_SETUP = 3,  /* a model is missing or damaged */
    SVC_EXIT_INTERRUPTED = 130
};

/* argv[0] is the command's name. */
int svc_cmd_bench(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_convert(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_ask(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_extract(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_locate(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_info(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_models(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_call(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_serve(int argc, char **argv, struct b_cancel *cancel);
int svc_cmd_version(int argc, char **argv, struct b_cancel *cancel);

/* "docparse: WHERE: message [code]" and, on a second line, the advice. page 0: none. */
void svc_print_error(const char *where, int page, const struct b_err *err);

/* Prints "docparse: <message>" and a hint at `docparse COMMAND --help`; returns SVC_EXIT_USAGE. */
int svc_usage_error(const char *command, const char *fmt, ...) B_PRINTF(2, 3);

/* What is wrong with the option that getopt_long refused (with opterr 0 and a ':' before the short options):
 * `returned` is its result, '?' or ':'. Names the closest option; returns SVC_EXIT_USAGE. */
struct option;
int svc_option_error(const char *command, char **argv, const struct option *options, int returned);

/* Whole decimal number in [low, high], and nothing behind it. */
bool svc_parse_number(const char *text, long long low, long long high, long long *out);

/* First line of a small file (a password), without its line end; free it. */
enum b_code svc_read_first_line(const char *path, char **out, struct b_err *err) B_MUST_CHECK;

#endif
