/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_PRIVATE_H
#define SERVICE_BENCH_PRIVATE_H

#include "service/bench/omnidocbench.h"
#include "service/cli.h"

/* Between the files of `docparse bench`. */

int svc_bench_omnidocbench(int argc, char **argv, struct b_cancel *cancel);
int svc_bench_olmocr(int argc, char **argv, struct b_cancel *cancel);
int svc_bench_answers(int argc, char **argv, struct b_cancel *cancel); /* argv[0]: docvqa, infovqa, chartqa... */
int svc_bench_cer(int argc, char **argv, struct b_cancel *cancel);

/* Reads the documents named by `path` and returns their Markdown, tables as HTML; free it. One reader serves
 * many calls. */
struct svc_bench_reader;
enum b_code svc_bench_reader_new(const char *models, int jobs, struct svc_bench_reader **out,
                                 struct b_err *err) B_MUST_CHECK;
void svc_bench_reader_drop(struct svc_bench_reader *reader);
enum b_code svc_bench_read(struct svc_bench_reader *reader, const char *path, bool text_layer, char **out, size_t *len,
                           struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* A whole small file; NULL when it cannot be read. Free it. */
char *svc_bench_load(const char *path, size_t *len);

struct svc_bench_report {
    struct bm_odb *odb;
    const char *version, *pred_dir, *image_dir; /* image_dir may be NULL */
    const struct bm_figure *figures;
    size_t n_figures;
};
void svc_bench_print(const struct svc_bench_report *report);
enum b_code svc_bench_write_json(const struct svc_bench_report *report, const char *path,
                                 struct b_err *err) B_MUST_CHECK;
enum b_code svc_bench_write_html(const struct svc_bench_report *report, const char *path,
                                 struct b_err *err) B_MUST_CHECK;
/* Prints what got better and worse since the JSON report `path`. */
enum b_code svc_bench_compare(const struct svc_bench_report *report, const char *path, struct b_err *err) B_MUST_CHECK;

/* Path of a page's prediction: the first that exists of the names that the protocol looks for. */
bool svc_bench_prediction(const char *dir, const char *image, char *path, size_t size);

#endif
