/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse bench`: finds the benchmark and runs it; what the benchmarks share. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "service/bench_private.h"
#include "service/suggest.h"

#define MAX_FILE ((uint64_t)64 << 20) /* a page of Markdown is a few kilobytes */

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
