/* SPDX-License-Identifier: Apache-2.0 */
/* Times of whole networks: bench_networks [threads [rounds]]. Prints the best and the median of the rounds and
 * the largest resident size so far. For comparisons run engines in turn in one session. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cancel.h"
#include "engine/graph/graph.h"

struct work {
    const char *file;
    int64_t dims[4];
    bool ctc;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static long peak_kb(void)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static enum b_code measure(struct eng_runner *r, const struct work *w, int rounds, double *times, struct b_err *err)
{
    size_t n = (size_t)(w->dims[0] * w->dims[1] * w->dims[2] * w->dims[3]);
    struct eng_tensor out[ENG_MAX_OUTPUTS];
    for (int i = -1; i < rounds; i++) { /* the first run warms up */
        float *input;
        enum b_code code = eng_runner_input(r, w->dims, &input, err);
        if (code != B_OK)
            return code;
        for (size_t k = 0; k < n; k++)
            input[k] = (float)(k * 2654435761u % 2048) / 1024.0f - 1.0f;
        int64_t begin = b_now_ns();
        code = eng_runner_run(r, out, NULL, err);
        if (code != B_OK)
            return code;
        if (i >= 0)
            times[i] = (double)(b_now_ns() - begin) / 1e6;
    }
    return B_OK;
}

static enum b_code bench(const struct work *w, int threads, int rounds, double *times, struct b_err *err)
{
    char path[4096];
    const char *dir = getenv("DOCPARSE_MODELS");
    const struct eng_graph_options options = {.ctc_argmax = w->ctc};
    const struct eng_runner_options runner = {.threads = threads};
    struct eng_graph *g = NULL;
    struct eng_runner *r = NULL;
    if (snprintf(path, sizeof path, "%s/%s", dir ? dir : "models", w->file) >= (int)sizeof path)
        return b_fail(err, B_ARGUMENT, "bench", "the models folder's name is too long");
    int64_t begin = b_now_ns();
    enum b_code code = eng_graph_load(path, &options, &g, err);
    int64_t loaded = b_now_ns();
    if (code == B_OK)
        code = eng_runner_new(g, &runner, &r, err);
    if (code == B_OK)
        code = measure(r, w, rounds, times, err);
    if (code == B_OK) {
        qsort(times, (size_t)rounds, sizeof *times, by_value);
        printf("%-40s %4lldx%-4lld threads %d  load %6.1f  best %8.2f  median %8.2f ms  peak %ld MB\n", w->file,
               (long long)w->dims[2], (long long)w->dims[3], threads, (double)(loaded - begin) / 1e6, times[0],
               times[rounds / 2], peak_kb() / 1024);
    }
    eng_runner_drop(r);
    eng_graph_drop(g);
    return code;
}

int main(int argc, char **argv)
{
    static const struct work works[] = {
        {"ch_ppocr_mobile_v2.0_cls_mobile.onnx", {6, 3, 48, 192}, false},
        {"PP-OCRv6_rec_small.onnx", {1, 3, 48, 320}, true},
        {"PP-OCRv6_rec_small.onnx", {1, 3, 48, 640}, true},
        {"PP-OCRv6_rec_small.onnx", {1, 3, 48, 1280}, true},
        {"layout_cdla.onnx", {1, 3, 800, 608}, false},
        {"slanet-plus.onnx", {1, 3, 488, 488}, false},
        {"PP-OCRv6_det_small.onnx", {1, 3, 960, 1344}, false},
        {"PP-OCRv6_det_small.onnx", {1, 3, 1984, 1440}, false},
    };
    int threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1, rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;
    rounds = rounds < 1 ? 1 : rounds > 1000 ? 1000 : rounds;
    double *times = calloc((size_t)rounds, sizeof *times);
    struct b_err err = {0};
    int status = times ? 0 : 1;
    for (size_t i = 0; i < sizeof works / sizeof works[0] && status == 0; i++)
        if (bench(&works[i], threads, rounds, times, &err) != B_OK) {
            fprintf(stderr, "%s: %s\n", works[i].file, err.message);
            status = 1;
        }
    free(times);
    return status;
}
