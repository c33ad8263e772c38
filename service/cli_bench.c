/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse bench`: finds the benchmark and runs it; what the benchmarks share. */
#include <stdlib.h>
#include <string.h>

#include "docparse/model_files.h"
#include "docparse/pipeline.h"
#include "engine/base/buf.h"
#include "engine/base/file.h"
#include "output/writer.h"
#include "service/bench_private.h"
#include "service/suggest.h"

#define MAX_FILE ((uint64_t)64 << 20) /* a page of Markdown is a few kilobytes */
#define MAX_MARKDOWN ((size_t)256 << 20)

static const struct benchmark {
    const char *name, *summary;
    int (*run)(int argc, char **argv, struct b_cancel *cancel);
} benchmarks[] = {
    {"omnidocbench", "pages to Markdown: text, formulas, tables, reading order", svc_bench_omnidocbench},
    {"olmocr", "unit tests of pages: present, absent, order, tables", svc_bench_olmocr},
    {"docvqa", "questions about documents (ANLS)", svc_bench_answers},
    {"infovqa", "questions about infographics (ANLS)", svc_bench_answers},
    {"chartqa", "questions about charts (relaxed accuracy)", svc_bench_answers},
    {"textvqa", "questions about text in photos (accuracy)", svc_bench_answers},
    {"ocrbench", "short texts in pictures (points out of 1000)", svc_bench_answers},
    {"cer", "character and word errors against plain text", svc_bench_cer},
};
#define N_BENCHMARKS (sizeof benchmarks / sizeof benchmarks[0])

static void print_help(FILE *out)
{
    fputs("Usage: docparse bench BENCHMARK [OPTION]...\n"
          "Scores a run against a benchmark's own files, by the benchmark's own protocol, without its tools.\n\n"
          "Benchmarks:\n",
          out);
    for (size_t i = 0; i < N_BENCHMARKS; i++)
        fprintf(out, "  %-13s %s\n", benchmarks[i].name, benchmarks[i].summary);
    fputs(
        "\n'docparse bench BENCHMARK --help' tells what each needs. The data are the owners': nothing is downloaded.\n"
        "Exit status: 0 scored, 1 some inputs failed, 2 usage, 3 a model is missing, 130 interrupted.\n",
        out);
}

int svc_cmd_bench(int argc, char **argv, struct b_cancel *cancel)
{
    if (argc < 2) {
        print_help(stderr);
        return SVC_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return SVC_EXIT_OK;
    }
    struct svc_suggestion best = {0};
    for (size_t i = 0; i < N_BENCHMARKS; i++) {
        if (strcmp(argv[1], benchmarks[i].name) == 0)
            return benchmarks[i].run(argc - 1, argv + 1, cancel);
        svc_suggest(&best, argv[1], benchmarks[i].name);
    }
    if (best.name)
        return svc_usage_error("bench", "there is no benchmark '%s'; did you mean '%s'?", argv[1], best.name);
    return svc_usage_error("bench", "there is no benchmark '%s'", argv[1]);
}

char *svc_bench_load(const char *path, size_t *len)
{
    struct b_bytes bytes;
    struct b_err err = {0};
    if (b_bytes_map(path, MAX_FILE, &bytes, &err) != B_OK)
        return NULL;
    char *text = malloc(bytes.size + 1);
    if (text) {
        memcpy(text, bytes.data, bytes.size);
        text[bytes.size] = 0;
        *len = bytes.size;
    }
    b_bytes_close(&bytes);
    return text;
}

struct svc_bench_reader {
    struct dp_model *model;
    struct dp_pipeline *trusting, *seeing; /* with the text layer, and without it */
};

enum b_code svc_bench_reader_new(const char *models, int jobs, struct svc_bench_reader **out, struct b_err *err)
{
    char dir[4096];
    struct svc_bench_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return b_fail(err, B_NO_MEMORY, "bench", "out of memory");
    enum b_code code = dp_models_dir(models, dir, sizeof dir, err);
    if (code == B_OK)
        code = dp_model_open_compact(dir, &r->model, err);
    if (code == B_OK)
        code = dp_pipeline_new(r->model, DP_TEXT_TRUST, jobs, &r->trusting, err);
    if (code == B_OK)
        code = dp_pipeline_new(r->model, DP_TEXT_OFF, jobs, &r->seeing, err);
    if (code != B_OK) {
        svc_bench_reader_drop(r);
        return code;
    }
    *out = r;
    return B_OK;
}

void svc_bench_reader_drop(struct svc_bench_reader *reader)
{
    if (!reader)
        return;
    dp_pipeline_drop(reader->trusting);
    dp_pipeline_drop(reader->seeing);
    dp_model_drop(reader->model);
    free(reader);
}

struct markdown {
    struct b_buf buf;
    struct out_writer *writer;
};

static enum b_code sink_write(void *ctx, const void *data, size_t size, struct b_err *err)
{
    struct markdown *m = ctx;
    b_buf_append(&m->buf, data, size);
    return b_buf_check(&m->buf, "bench", err);
}

static enum b_code on_begin(void *ctx, const struct dp_document_info *info, int32_t pages, struct b_err *err)
{
    struct markdown *m = ctx;
    (void)pages;
    return out_begin(m->writer, info, NULL, 0, err);
}

static enum b_code on_page(void *ctx, const struct dp_page *page, const struct b_image_view *image, struct b_err *err)
{
    struct markdown *m = ctx;
    (void)image;
    return out_page(m->writer, page, NULL, err);
}

enum b_code svc_bench_read(struct svc_bench_reader *reader, const char *path, bool text_layer, char **out, size_t *len,
                           struct b_cancel *cancel, struct b_err *err)
{
    struct dp_source source = {0};
    struct markdown m = {0};
    struct dp_parse_options parse = {.limits = dp_limits_default()};
    struct out_options options = {.html_tables = true};
    struct out_sink sink = {.ctx = &m, .write = sink_write};
    struct dp_parse_events events = {.ctx = &m, .begin = on_begin, .page = on_page};
    enum dp_status status = DP_STATUS_FAILED;
    b_buf_init(&m.buf, MAX_MARKDOWN);
    enum b_code code = dp_source_open(path, &parse.limits, &source, err);
    if (code == B_OK)
        code = out_open(out_format_find("md"), &options, &sink, &m.writer, err);
    if (code == B_OK)
        code = dp_pipeline_parse(text_layer ? reader->trusting : reader->seeing, &source, &parse, &events, &status,
                                 cancel, err);
    if (code == B_OK)
        code = out_end(m.writer, status, err);
    if (code == B_OK) {
        b_buf_putc(&m.buf, 0);
        code = b_buf_check(&m.buf, "bench", err);
    }
    out_drop(m.writer);
    dp_source_close(&source);
    if (code != B_OK) {
        b_buf_free(&m.buf);
        return code;
    }
    *out = m.buf.data;
    *len = m.buf.len - 1;
    return B_OK;
}
