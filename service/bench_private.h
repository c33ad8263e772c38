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

/* Reads documents for scoring; one reader serves many calls, one thread at a time. */
struct svc_bench_reader;
enum b_code svc_bench_reader_new(const char *models, const char *formulas, int jobs, struct svc_bench_reader **out,
                                 struct b_err *err) B_MUST_CHECK;
void svc_bench_reader_drop(struct svc_bench_reader *reader);

struct svc_bench_want {
    bool text_layer; /* trust the text layer of a PDF; otherwise pages are read from their images */
    bool overlay;    /* the first page's picture with what was found drawn over it */
};

struct svc_bench_page {
    char *markdown; /* tables as HTML; ends with a NUL that len does not count */
    size_t len;
    char *overlay; /* SVG; NULL when not wanted */
    size_t overlay_len;
};
enum b_code svc_bench_read(struct svc_bench_reader *reader, const char *path, const struct svc_bench_want *want,
                           struct svc_bench_page *out, struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;
void svc_bench_page_free(struct svc_bench_page *page);

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

/* Path of the overlay beside a page's prediction: written with it when a report is asked for. */
bool svc_bench_overlay(const char *dir, const char *image, char *path, size_t size);

#endif
