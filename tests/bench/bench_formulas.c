/* SPDX-License-Identifier: Apache-2.0 */
/* Reads pictures of formulas with a checkpoint: bench_formulas DIR exact|bf16|int8[:ISA] THREADS FILE.pgm...
 *
 * ISA: one more than an enum eng_lm_isa (2 is AVX2); the best of the processor without.
 * Pictures (binary PGM, sides multiples of 28) go to the engine as they stand, 16 decode together. A line each: name,
 * log-probability of the whole answer, ids, text. At the end: pictures, tokens, wall and processor time a picture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "engine/qwen25vl/qwen25vl.h"

enum { GROUP = 16, MOST = 160, PADS = 1024 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6;
}

/* A header in one line, "P5 WIDTH HEIGHT 255", as parity.py writes it. */
static bool load(const char *path, struct b_image *out, struct b_err *err)
{
    char line[64] = "", *end = line;
    FILE *f = fopen(path, "rb");
    bool fine = f && fgets(line, sizeof line, f) && strncmp(line, "P5 ", 3) == 0;
    const long w = fine ? strtol(line + 3, &end, 10) : 0, h = fine ? strtol(end, &end, 10) : 0;
    fine = fine && w > 0 && h > 0 && w < 65536 && h < 65536 && strtol(end, NULL, 10) == 255 &&
           b_image_new((int)w, (int)h, 1, 1 << 24, out, err) == B_OK &&
           fread(out->pixels, (size_t)w, (size_t)h, f) == (size_t)h;
    if (f)
        fclose(f);
    return fine;
}

static enum b_code begin(const struct eng_qwen *model, struct eng_session *session, const char *path, struct b_err *err)
{
    const struct eng_qwen_config *config = eng_qwen_config_of(model);
    struct b_image picture = {0};
    struct eng_visual visual = {0};
    int32_t ids[PADS + 2];
    size_t n = 0;
    if (!load(path, &picture, err))
        return b_fail(err, B_FORMAT, "bench", "%s is no picture", path);
    enum b_code code = eng_visual_from_image(&config->preprocess, b_image_view_of(&picture), NULL, &visual, err);
    const int64_t pads = code == B_OK ? eng_visual_tokens(&visual, config->vision.merge) : 0;
    if (code == B_OK && pads > PADS)
        code = b_fail(err, B_LIMIT, "bench", "%s is too large", path);
    ids[n++] = config->ids.vision_start;
    for (int64_t i = 0; i < pads && code == B_OK; i++)
        ids[n++] = config->ids.image_pad;
    ids[n++] = config->ids.vision_end;
    const struct eng_prompt prompt = {.ids = ids, .count = n, .visuals = &visual, .n_visuals = 1};
    const struct eng_generate how = {.max_tokens = MOST, .sampling = ENG_SAMPLE_GREEDY, .repetition_penalty = 1};
    if (code == B_OK)
        code = eng_session_prompt(session, &prompt, MOST, NULL, err);
    if (code == B_OK)
        code = eng_session_begin(session, &how, err);
    eng_visual_free(&visual);
    b_image_free(&picture);
    return code;
}

static size_t print_answer(const struct eng_qwen *model, const struct eng_session *session, const char *path)
{
    size_t n;
    const struct eng_token *answer = eng_session_answer(session, &n);
    int32_t ids[MOST];
    double sum = 0;
    struct b_buf text;
    b_buf_init(&text, 1 << 16);
    for (size_t i = 0; i < n && i < MOST; i++) {
        ids[i] = answer[i].id;
        sum += (double)answer[i].log_probability;
    }
    eng_tokenizer_decode(eng_qwen_tokenizer_of(model), ids, n, true, &text);
    printf("%s\t%.5f\t", path, sum);
    for (size_t i = 0; i < n; i++)
        printf("%s%d", i ? " " : "", ids[i]);
    printf("\t%s\n", text.data ? text.data : "");
    b_buf_free(&text);
    return n;
}

static enum b_code run(const struct eng_qwen *model, struct eng_session **sessions, char **paths, int n, size_t *tokens,
                       struct b_err *err)
{
    enum b_code code = B_OK;
    for (int at = 0; at < n && code == B_OK; at += GROUP) {
        const int m = n - at < GROUP ? n - at : GROUP;
        int left = 1;
        for (int i = 0; i < m && code == B_OK; i++)
            code = begin(model, sessions[i], paths[at + i], err);
        while (left && code == B_OK) {
            left = 0;
            for (int i = 0; i < m; i++)
                left += eng_session_finish(sessions[i]) == ENG_RUNNING;
            if (left)
                code = eng_sessions_step(sessions, (size_t)m, NULL, err);
        }
        for (int i = 0; i < m && code == B_OK; i++)
            *tokens += print_answer(model, sessions[i], paths[at + i]);
    }
    return code;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"exact", "bf16", "int8"};
    struct b_err err = {0};
    struct eng_qwen *model = NULL;
    struct eng_session *sessions[GROUP] = {NULL};
    size_t tokens = 0;
    if (argc < 5) {
        fprintf(stderr, "usage: bench_formulas DIR exact|bf16|int8 THREADS FILE.pgm...\n");
        return 2;
    }
    struct eng_qwen_options open = {.threads = 1};
    for (int i = 0; i < 3; i++)
        if (strncmp(argv[2], names[i], strlen(names[i])) == 0)
            open.precision = (enum eng_qwen_precision)i;
    const char *isa = strchr(argv[2], ':');
    open.isa = isa ? (int)strtol(isa + 1, NULL, 10) : 0;
    enum b_code code = eng_qwen_open(argv[1], &open, &model, &err);
    const struct eng_session_options options = {.threads = (int)strtol(argv[3], NULL, 10), .cache_bytes = 64 << 20};
    for (int i = 0; i < GROUP && code == B_OK; i++)
        code = eng_session_new(model, &options, &sessions[i], &err);
    const double began = now(), used = cpu();
    if (code == B_OK)
        code = run(model, sessions, argv + 4, argc - 4, &tokens, &err);
    if (code == B_OK)
        fprintf(stderr, "%d pictures, %zu tokens, %s, %s: %.1f ms wall, %.1f ms user CPU a picture\n", argc - 4, tokens,
                argv[2], eng_qwen_isa(model), (now() - began) * 1e3 / (argc - 4), (cpu() - used) * 1e3 / (argc - 4));
    else
        fprintf(stderr, "%s\n", err.message);
    for (int i = 0; i < GROUP; i++)
        eng_session_drop(sessions[i]);
    eng_qwen_drop(model);
    return code == B_OK ? 0 : 1;
}
