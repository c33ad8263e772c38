/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of a Qwen2.5-VL checkpoint on this machine, next to the memory bandwidth that the same threads reach.
 *
 *   bench_qwen DIR [--precision exact|bf16|int8|int4] [--threads N] [--width W --height H] [--text N] [--answer N]
 *              [--draft N] [--isa N] [--large N] [--no-vision]
 *   bench_qwen [DIR] --serve [--precision P] [--isa N] [--large N]
 *
 * Reads one picture of W x H pixels (noise) with N tokens of text, then decodes. Prints one JSON object: seconds and
 * rates of the tower, the prompt and the answer, bytes read per token, peak resident memory. --draft N offers drafts
 * that are always wrong, N tokens long: what verifying costs. Run it alone on the machine.
 *
 * --serve opens the model once, says "ready" and answers every line with an object, for benchmarks that take turns:
 * "prompt THREADS TOKENS ANSWER", "answer THREADS TOKENS" (of the last prompt), "tower THREADS WIDTH HEIGHT" and
 * "read THREADS SECONDS", the memory's bandwidth, for which DIR may be missing. */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "engine/base/cancel.h"
#include "engine/qwen25vl/qwen25vl.h"
#include "engine/qwen25vl/vision.h"

struct settings {
    const char *dir;
    enum eng_qwen_precision precision;
    int threads, width, height, isa, large;
    size_t text, answer, draft;
    bool no_vision, serve;
};

/* --- bandwidth: every thread sums its part of a buffer far larger than any cache --- */

enum { PART = 384 << 20, PASSES = 3, THREADS_MAX = 64, TOWER_ROWS = 384 };

struct reader {
    const float *part;
    double seconds, cpu;
    float sum;
};

static double thread_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *sum_part(void *context)
{
    struct reader *r = context;
    float s[64] = {0};
    double cpu = thread_seconds();
    int64_t begin = b_now_ns();
    for (size_t at = 0; at < PART / sizeof(float); at += 64)
        for (size_t i = 0; i < 64; i++)
            s[i] += r->part[at + i];
    r->seconds = (double)(b_now_ns() - begin) * 1e-9;
    r->cpu = thread_seconds() - cpu;
    for (size_t i = 0; i < 64; i++)
        r->sum += s[i];
    return NULL;
}

/* Bytes a second, and bytes a second of processor time (what others on the machine take does not count there). */
struct rate {
    double wall, cpu;
};

/* Memory to read, in large pages; NULL: there is none. */
static float *reading_memory(int threads)
{
    size_t bytes = (size_t)threads * PART;
    float *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 0, bytes);
    return memory;
}

/* The best of PASSES, and of more until `seconds` have gone by. */
static struct rate bandwidth(int threads, const float *memory, double seconds)
{
    struct rate best = {0};
    int64_t begin = b_now_ns();
    for (int pass = 0; memory && (pass < PASSES || (double)(b_now_ns() - begin) * 1e-9 < seconds); pass++) {
        pthread_t handles[THREADS_MAX];
        struct reader readers[THREADS_MAX];
        double slowest = 0, cpu = 0, bytes = (double)threads * PART;
        for (int i = 0; i < threads; i++) {
            readers[i] = (struct reader){.part = memory + (size_t)i * (PART / sizeof(float))};
            if (pthread_create(&handles[i], NULL, sum_part, &readers[i]) != 0)
                abort();
        }
        for (int i = 0; i < threads; i++) {
            (void)pthread_join(handles[i], NULL);
            slowest = readers[i].seconds > slowest ? readers[i].seconds : slowest;
            cpu += readers[i].cpu;
        }
        best.wall = bytes / slowest > best.wall ? bytes / slowest : best.wall;
        best.cpu = bytes / cpu > best.cpu ? bytes / cpu : best.cpu;
    }
    return best;
}

static long peak_kib(const char *field)
{
    char line[256];
    long value = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            value = strtol(line + strlen(field) + 1, NULL, 10);
    if (f)
        (void)fclose(f);
    return value;
}

/* --- the model --- */

static size_t always_wrong(void *context, const int32_t *ids, size_t count, int32_t *out, size_t max)
{
    size_t n = *(const size_t *)context < max ? *(const size_t *)context : max;
    for (size_t i = 0; i < n; i++)
        out[i] = (ids[count - 1] + 17 + (int32_t)i) % 1000;
    return n;
}

static enum b_code make_visual(const struct eng_qwen *model, const struct settings *s, struct eng_visual *out,
                               struct b_err *err)
{
    size_t bytes = (size_t)s->width * (size_t)s->height * 3;
    uint8_t *pixels = malloc(bytes);
    uint32_t state = 1;
    for (size_t i = 0; pixels && i < bytes; i++) {
        state = state * 1664525U + 1013904223U;
        pixels[i] = (uint8_t)(state >> 24);
    }
    struct b_image_view view = {pixels, (size_t)s->width * 3, s->width, s->height, 3};
    struct eng_visual_limits limits = {0};
    enum b_code code = eng_visual_from_image(&eng_qwen_config_of(model)->preprocess, view, &limits, out, err);
    free(pixels);
    return code;
}

/* Processor time of all threads: what others on the machine take does not count. */
static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static enum b_code run(const struct eng_qwen *model, const struct settings *s, struct b_err *err)
{
    const struct eng_qwen_config *config = eng_qwen_config_of(model);
    struct eng_visual visual = {0};
    struct eng_session *session = NULL;
    struct eng_session_options options = {.threads = s->threads, .max_patches = 1 << 20};
    struct eng_generate how = {.max_tokens = s->answer,
                               .ignore_stops = true,
                               .loop_tokens = SIZE_MAX,
                               .draft_max = s->draft,
                               .propose = s->draft ? always_wrong : NULL,
                               .propose_context = (void *)(uintptr_t)&s->draft};
    size_t pads = 0, count = 0;
    enum b_code code = eng_session_new(model, &options, &session, err);
    if (code == B_OK && !s->no_vision)
        code = make_visual(model, s, &visual, err);
    pads = s->no_vision || code != B_OK ? 0 : (size_t)eng_visual_tokens(&visual, config->vision.merge);
    int32_t *ids = calloc(pads + s->text + 2, sizeof *ids);
    if (pads) {
        ids[count++] = config->ids.vision_start;
        for (size_t i = 0; i < pads; i++)
            ids[count++] = config->ids.image_pad;
        ids[count++] = config->ids.vision_end;
    }
    for (size_t i = 0; i < s->text; i++)
        ids[count++] = (int32_t)(i * 37 % 900);
    struct eng_prompt prompt = {ids, count, &visual, pads ? 1 : 0};
    double begin = cpu_seconds(), middle = begin;
    if (code == B_OK)
        code = eng_session_prompt(session, &prompt, s->answer, NULL, err);
    middle = cpu_seconds();
    if (code == B_OK)
        code = eng_session_generate(session, &how, NULL, err);
    if (code == B_OK) {
        struct eng_session_counts c = eng_session_counts(session);
        size_t answered, patches = pads * (size_t)(config->vision.merge * config->vision.merge);
        (void)eng_session_answer(session, &answered);
        printf("\"patches\": %zu, \"vision_s\": %.3f, \"vision_s_per_1000_patches\": %.3f, \"prompt_tokens\": %zu, "
               "\"prefill_s\": %.3f, \"prefill_tokens_per_s\": %.2f, \"answer_tokens\": %zu, \"steps\": %zu, "
               "\"decode_s\": %.3f, \"steps_per_s\": %.3f",
               patches, c.vision_seconds, patches ? c.vision_seconds * 1000 / (double)patches : 0.0, count,
               c.prefill_seconds, (double)count / c.prefill_seconds, answered, c.steps, c.decode_seconds,
               c.decode_seconds > 0 ? (double)c.steps / c.decode_seconds : 0.0);
        double rate =
            c.decode_seconds > 0 ? (double)c.steps / c.decode_seconds * (double)eng_qwen_step_bytes(model) : 0;
        double busy = cpu_seconds() - middle;
        printf(", \"weights_gb_per_s\": %.2f, \"prompt_cpu_s\": %.2f, \"answer_cpu_s\": %.2f, "
               "\"weights_gb_per_cpu_s\": %.2f",
               rate * 1e-9, middle - begin, busy, (double)c.steps * (double)eng_qwen_step_bytes(model) * 1e-9 / busy);
    }
    free(ids);
    eng_visual_free(&visual);
    eng_session_drop(session);
    return code;
}

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: bench_qwen DIR [--precision exact|bf16|int8|int4] [--threads N] [--width W] [--height H] "
                  "[--text N] [--answer N] [--draft N] [--isa N] [--large N] [--no-vision]\n"
                  "       bench_qwen [DIR] --serve [--precision P] [--isa N] [--large N]\n");
    return 2;
}

static int parse(int argc, char **argv, struct settings *s)
{
    static const struct option options[] = {
        {"precision", 1, NULL, 'p'}, {"threads", 1, NULL, 't'}, {"width", 1, NULL, 'w'}, {"height", 1, NULL, 'h'},
        {"text", 1, NULL, 'x'},      {"answer", 1, NULL, 'a'},  {"draft", 1, NULL, 'd'}, {"isa", 1, NULL, 'i'},
        {"no-vision", 0, NULL, 'n'}, {"serve", 0, NULL, 's'},   {"large", 1, NULL, 'l'},  {NULL, 0, NULL, 0}};
    static const char *const names[] = {"exact", "bf16", "int8", "int4"};
    int c, precision = 0;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int value = optarg ? (int)strtol(optarg, NULL, 10) : 0;
        switch (c) {
        case 'p':
            for (precision = 0; precision < 4 && strcmp(names[precision], optarg) != 0;)
                precision++;
            if (precision == 4)
                return usage();
            break;
        case 't':
            s->threads = value;
            break;
        case 'w':
            s->width = value;
            break;
        case 'h':
            s->height = value;
            break;
        case 'x':
            s->text = (size_t)value;
            break;
        case 'a':
            s->answer = (size_t)value;
            break;
        case 'd':
            s->draft = (size_t)value;
            break;
        case 'i':
            s->isa = value;
            break;
        case 'l':
            s->large = value;
            break;
        case 'n':
            s->no_vision = true;
            break;
        case 's':
            s->serve = true;
            break;
        default:
            return usage();
        }
    }
    s->precision = (enum eng_qwen_precision)precision;
    s->dir = optind < argc ? argv[optind] : NULL;
    return (s->dir || s->serve) && s->answer > 0 && s->text > 0 && s->threads > 0 && s->threads <= THREADS_MAX
               ? 0
               : usage();
}

/* One object. */
static enum b_code report(const struct eng_qwen *model, const struct settings *s, double opened, struct b_err *err)
{
    printf("{\"precision\": %d, \"isa\": \"%s\", \"threads\": %d, \"open_s\": %.2f, \"step_gb\": %.3f, "
           "\"position_kib\": %.1f, ",
           (int)s->precision, eng_qwen_isa(model), s->threads, opened, (double)eng_qwen_step_bytes(model) * 1e-9,
           (double)eng_qwen_position_bytes(model) / 1024.0);
    enum b_code code = run(model, s, err);
    long peak = peak_kib("VmHWM") / 1024;
    float *memory = reading_memory(s->threads); /* only now, so that the peak is the model's */
    struct rate rate = bandwidth(s->threads, memory, 0);
    if (memory)
        (void)munmap(memory, (size_t)s->threads * PART);
    printf(", \"peak_resident_mib\": %ld, \"bandwidth_gb_per_s\": %.2f, \"bandwidth_gb_per_cpu_s\": %.2f}\n", peak,
           rate.wall * 1e-9, rate.cpu * 1e-9);
    (void)fflush(stdout);
    return code;
}

/* --- turns --- */

enum { SERVED_THREADS = 2 };

struct server {
    const struct eng_qwen *model; /* NULL: memory is read only */
    struct eng_session *session;  /* has read a prompt */
    size_t prompt;
    float *memory;
};

/* Processor and wall seconds of the part that began at these times. */
static void print_times(const char *part, int64_t begin, double cpu)
{
    printf("{\"%s_s\": %.6f, \"%s_cpu_s\": %.6f", part, (double)(b_now_ns() - begin) * 1e-9, part, cpu_seconds() - cpu);
}

static enum b_code turn_prompt(struct server *sv, int threads, size_t count, size_t answer, struct b_err *err)
{
    struct eng_session_options options = {.threads = threads};
    int32_t *ids = calloc(count, sizeof *ids);
    eng_session_drop(sv->session);
    enum b_code code = eng_session_new(sv->model, &options, &sv->session, err);
    for (size_t i = 0; ids && i < count; i++)
        ids[i] = (int32_t)(i * 37 % 900);
    struct eng_prompt prompt = {ids, count, NULL, 0};
    double cpu = cpu_seconds();
    int64_t begin = b_now_ns();
    sv->prompt = count;
    if (code == B_OK)
        code = ids ? eng_session_prompt(sv->session, &prompt, answer, NULL, err) : B_NO_MEMORY;
    print_times("prefill", begin, cpu);
    free(ids);
    return code;
}

/* The first token comes with the prompt; positions grow by one a step. */
static enum b_code turn_answer(struct server *sv, size_t answer, struct b_err *err)
{
    struct eng_generate how = {.max_tokens = answer, .ignore_stops = true, .loop_tokens = SIZE_MAX};
    if (!sv->session)
        return b_fail(err, B_ARGUMENT, "serve", "an answer without a prompt");
    double cpu = cpu_seconds();
    int64_t begin = b_now_ns();
    enum b_code code = eng_session_generate(sv->session, &how, NULL, err);
    print_times("decode", begin, cpu);
    double cache = ((double)sv->prompt + (double)answer / 2) * (double)eng_qwen_position_bytes(sv->model);
    printf(", \"steps\": %zu, \"weights_gb\": %.6f, \"cache_gb\": %.6f", eng_session_counts(sv->session).steps,
           (double)eng_qwen_step_bytes(sv->model) * 1e-9, cache * 1e-9);
    return code;
}

static enum b_code turn_tower(struct server *sv, int threads, int width, int height, struct b_err *err)
{
    const struct settings s = {.width = width, .height = height};
    struct eng_visual visual = {0};
    struct eng_ops ops = {0};
    float *out = NULL;
    enum b_code code = make_visual(sv->model, &s, &visual, err);
    if (code == B_OK)
        code = eng_ops_new(sv->model->kernels, threads, TOWER_ROWS, eng_qwen_widest(sv->model), &ops, err);
    if (code == B_OK)
        code = eng_ops_enlarge(&ops, sv->model->large, err);
    if (code == B_OK) {
        size_t tokens = (size_t)eng_visual_tokens(&visual, sv->model->config.vision.merge);
        out = calloc(tokens, (size_t)sv->model->config.vision.out_hidden * sizeof *out);
        double cpu = cpu_seconds();
        int64_t begin = b_now_ns();
        code = out ? eng_vision_run(sv->model, &ops, &visual, out, NULL, NULL, err) : B_NO_MEMORY;
        print_times("vision", begin, cpu);
    }
    free(out);
    eng_ops_free(&ops);
    eng_visual_free(&visual);
    return code;
}

static void turn_read(struct server *sv, int threads, double seconds)
{
    if (!sv->memory)
        sv->memory = reading_memory(SERVED_THREADS);
    struct rate rate = bandwidth(threads, sv->memory, seconds);
    printf("{\"gb_per_s\": %.3f, \"gb_per_cpu_s\": %.3f", rate.wall * 1e-9, rate.cpu * 1e-9);
}

static enum b_code turn(struct server *sv, const char *line, struct b_err *err)
{
    int threads = 0, width, height;
    size_t count, answer;
    double seconds;
    (void)sscanf(line, "%*s %d", &threads);
    if (threads < 1 || threads > SERVED_THREADS)
        return b_fail(err, B_ARGUMENT, "serve", "%d threads; 1 and 2 are served", threads);
    if (sscanf(line, "read %*d %lf", &seconds) == 1) {
        turn_read(sv, threads, seconds);
        return B_OK;
    }
    if (sv->model && sscanf(line, "prompt %*d %zu %zu", &count, &answer) == 2 && count > 0)
        return turn_prompt(sv, threads, count, answer, err);
    if (sv->model && sscanf(line, "answer %*d %zu", &answer) == 1)
        return turn_answer(sv, answer, err);
    if (sv->model && sscanf(line, "tower %*d %d %d", &width, &height) == 2)
        return turn_tower(sv, threads, width, height, err);
    return b_fail(err, B_ARGUMENT, "serve", "what is asked: %s", line);
}

static enum b_code serve(const struct eng_qwen *model, struct b_err *err)
{
    struct server sv = {.model = model};
    char line[128];
    enum b_code code = B_OK;
    printf("ready\n");
    (void)fflush(stdout);
    while (code == B_OK && fgets(line, sizeof line, stdin)) {
        code = turn(&sv, line, err);
        printf("}\n");
        (void)fflush(stdout);
    }
    eng_session_drop(sv.session);
    if (sv.memory)
        (void)munmap(sv.memory, (size_t)SERVED_THREADS * PART);
    return code;
}

static enum b_code once(const char *dir, const struct eng_qwen_options *options, struct settings *s,
                        struct eng_qwen **model, struct b_err *err)
{
    int64_t begin = b_now_ns();
    enum b_code code = dir ? eng_qwen_open(dir, options, model, err) : B_OK;
    double opened = (double)(b_now_ns() - begin) * 1e-9;
    if (code == B_OK && s->serve)
        return serve(*model, err);
    return code == B_OK ? report(*model, s, opened, err) : code;
}

int main(int argc, char **argv)
{
    struct settings s = {.threads = 1, .width = 1120, .height = 1008, .text = 60, .answer = 16};
    struct b_err err = {0};
    struct eng_qwen *model = NULL;
    if (parse(argc, argv, &s) != 0)
        return 2;
    struct eng_qwen_options options = {.precision = s.precision, .threads = s.threads, .isa = s.isa, .large = s.large};
    enum b_code code = once(s.dir, &options, &s, &model, &err);
    if (code != B_OK)
        (void)fprintf(stderr, "bench_qwen: %s: %s\n", err.domain, err.message);
    eng_qwen_drop(model);
    return code == B_OK ? 0 : 1;
}
