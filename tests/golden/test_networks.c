/* SPDX-License-Identifier: Apache-2.0 */
/* The five compact networks against vectors of another engine: outputs and inner values of small inputs, and
 * whole pages. Tolerances: README.md of the golden folder. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/graph/graph.h"
#include "tests/support/tensors.h"

#define MAX_TAP (16u << 20)

static const char det_file[] = "PP-OCRv6_det_small.onnx";
static const char rec_file[] = "PP-OCRv6_rec_small.onnx";
static const char cls_file[] = "ch_ppocr_mobile_v2.0_cls_mobile.onnx";
static const char layout_file[] = "layout_cdla.onnx";
static const char table_file[] = "slanet-plus.onnx";

static void path_of(char *out, size_t size, const char *variable, const char *folder, const char *name)
{
    const char *base = getenv(variable);
    assert_true(snprintf(out, size, "%s%s/%s", base ? base : ".", folder, name) < (int)size);
}

static struct eng_graph *load(const char *file, struct eng_graph_options options)
{
    char path[4096];
    struct b_err err = {0};
    struct eng_graph *g = NULL;
    path_of(path, sizeof path, "DOCPARSE_MODELS", "", file);
    if (eng_graph_load(path, &options, &g, &err) != B_OK)
        fail_msg("%s: %s", file, err.message);
    return g;
}

static struct eng_runner *runner_of(const struct eng_graph *g, int threads)
{
    struct eng_runner_options options = {.threads = threads};
    struct eng_runner *r = NULL;
    struct b_err err = {0};
    if (eng_runner_new(g, &options, &r, &err) != B_OK)
        fail_msg("%s", err.message);
    return r;
}

static void run(struct eng_runner *r, const int64_t dims[4], const float *input, struct eng_tensor *outputs)
{
    struct b_err err = {0};
    float *to = NULL;
    size_t n = (size_t)(dims[0] * dims[1] * dims[2] * dims[3]);
    if (eng_runner_input(r, dims, &to, &err) != B_OK)
        fail_msg("%s", err.message);
    memcpy(to, input, n * sizeof *to);
    if (eng_runner_run(r, outputs, NULL, &err) != B_OK)
        fail_msg("%s", err.message);
}

static size_t count_of(const struct eng_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->n_dims; i++)
        n *= (size_t)t->dims[i];
    return n;
}

static double largest_difference(const float *a, const float *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) /* also NaN */
            worst = d;
    }
    return worst;
}

static double magnitude(const float *a, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++)
        m = fmax(m, fabs((double)a[i]));
    return m;
}

/* ---- small inputs with inner values ---- */

struct bound {
    const char *name; /* beginning of the value's name */
    double allowed;
};

struct network {
    const char *file, *golden;
    struct bound outputs[3]; /* values with a tolerance of their own; the others are inner ones */
};

static double allowed_for(const struct network *net, const struct t_tensor *want)
{
    for (size_t i = 0; i < 3 && net->outputs[i].name; i++)
        if (strncmp(want->name, net->outputs[i].name, strlen(net->outputs[i].name)) == 0)
            return net->outputs[i].allowed;
    return 1e-4 + 1e-4 * magnitude(want->data, want->count);
}

/* A key "NAME[:,:3]" keeps the first elements of axis 1; with a batch of 1 that is a prefix. */
static void check_value(const struct network *net, struct eng_runner *r, const struct t_tensor *want, float *got)
{
    char name[256];
    size_t count = 0, len = strcspn(want->name, "[");
    struct b_err err = {0};
    assert_true(len < sizeof name);
    memcpy(name, want->name, len);
    name[len] = 0;
    if (eng_runner_tap(r, name, got, MAX_TAP, &count, &err) != B_OK)
        fail_msg("%s: %s", net->file, err.message);
    assert_true(want->name[len] ? count > want->count : true);
    double allowed = allowed_for(net, want), worst = largest_difference(got, want->data, want->count);
    print_message("  %-32s largest difference %.2g, allowed %.2g\n", want->name, worst, allowed);
    if (!(worst <= allowed))
        fail_msg("%s: '%s' differs by %g, allowed %g", net->file, want->name, worst, allowed);
}

/* Best class and its probability of every step, in the order of the classifier mode. */
static void check_steps(struct eng_runner *r, const struct t_tensor *argmax, const struct t_tensor *maxprob, float *got)
{
    size_t count = 0, steps = argmax->count;
    struct b_err err = {0};
    assert_int_equal(eng_runner_tap(r, "fetch_name_0", got, MAX_TAP, &count, &err), B_OK);
    size_t classes = count / steps;
    for (size_t t = 0; t < steps; t++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            if (got[t * classes + c] > got[t * classes + best])
                best = c;
        assert_int_equal(best, (size_t)argmax->data[t]);
        assert_true(fabsf(got[t * classes + best] - maxprob->data[t]) <= 1e-5f);
    }
}

static void input_dims(const struct t_tensor *input, int64_t dims[4])
{
    assert_int_equal(input->n_dims, 4);
    memcpy(dims, input->dims, 4 * sizeof *dims);
}

/* The detector's golden input was written from a transposed view: its elements lie in the order row, column,
 * channel (read so, ONNX Runtime 1.32 gives the stored output within 5e-6; read as declared, it does not). */
static float *planar(const struct t_tensor *input)
{
    size_t n = input->count / 3;
    float *out = malloc(input->count * sizeof *out);
    assert_non_null(out);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            out[c * n + i] = input->data[3 * i + c];
    return out;
}

/* Every golden value with buffers kept; then the plan that reuses memory must give the same bytes. */
static void check_network(const struct network *net, const float *given, const int64_t given_dims[4])
{
    char path[4096];
    struct t_tensors golden;
    path_of(path, sizeof path, "DP_SHARED", "/data/golden-compact", net->golden);
    assert_int_equal(t_tensors_load(path, &golden), 0);
    const struct t_tensor *input = t_tensors_find(&golden, "input:x");
    int64_t dims[4];
    if (given)
        memcpy(dims, given_dims, sizeof dims);
    else
        input_dims(input, dims);
    struct eng_graph *kept = load(net->file, (struct eng_graph_options){.keep_inner = true});
    struct eng_graph *lean = load(net->file, (struct eng_graph_options){.keep_inner = false});
    struct eng_runner *a = runner_of(kept, 1), *b = runner_of(lean, 1);
    struct eng_tensor x[ENG_MAX_OUTPUTS], y[ENG_MAX_OUTPUTS];
    float *got = malloc(MAX_TAP * sizeof *got);
    assert_non_null(got);
    run(a, dims, given ? given : input->data, x);
    const struct t_tensor *argmax = t_tensors_find(&golden, "argmax");
    print_message("%s\n", net->file);
    for (size_t i = 0; i < golden.count; i++) {
        const char *name = golden.items[i].name;
        if (strncmp(name, "input:", 6) != 0 && strcmp(name, "argmax") != 0 && strcmp(name, "maxprob") != 0)
            check_value(net, a, &golden.items[i], got);
    }
    if (argmax)
        check_steps(a, argmax, t_tensors_find(&golden, "maxprob"), got);
    run(b, dims, given ? given : input->data, y);
    if (strcmp(net->file, table_file) == 0) /* rows that the decoder made */
        assert_int_equal(y[0].dims[1], t_tensors_find(&golden, "save_infer_model/scale_0.tmp_0")->dims[1]);
    assert_int_equal(eng_graph_output_count(kept), eng_graph_output_count(lean));
    for (int i = 0; i < eng_graph_output_count(lean); i++) {
        assert_int_equal(count_of(&x[i]), count_of(&y[i]));
        assert_memory_equal(x[i].data, y[i].data, count_of(&x[i]) * sizeof(float));
    }
    free(got);
    eng_runner_drop(a);
    eng_runner_drop(b);
    eng_graph_drop(kept);
    eng_graph_drop(lean);
    t_tensors_free(&golden);
}

static void test_detector_values(void **state)
{
    (void)state;
    const struct network net = {det_file, "det_96x192.safetensors", {{"fetch_name_0", 1e-4}}};
    char path[4096];
    struct t_tensors golden;
    int64_t dims[4];
    path_of(path, sizeof path, "DP_SHARED", "/data/golden-compact", net.golden);
    assert_int_equal(t_tensors_load(path, &golden), 0);
    const struct t_tensor *stored = t_tensors_find(&golden, "input:x");
    assert_non_null(stored);
    input_dims(stored, dims);
    float *input = planar(stored);
    check_network(&net, input, dims);
    free(input);
    t_tensors_free(&golden);
}

static void test_recogniser_values(void **state)
{
    (void)state;
    const struct network net = {rec_file, "rec_48x160.safetensors", {{"fetch_name_0", 1e-5}}};
    check_network(&net, NULL, NULL);
}

static void test_direction_values(void **state)
{
    (void)state;
    const struct network net = {cls_file, "cls_48x192.safetensors", {{"save_infer_model", 1e-4}}};
    check_network(&net, NULL, NULL);
}

static void test_table_values(void **state)
{
    (void)state;
    const struct network net = {table_file, "table_192x192.safetensors", {{"save_infer_model", 2e-4}}};
    check_network(&net, NULL, NULL);
}

/* ---- pictures ---- */

static float *normalised(const uint8_t *bgr, int width, int height, const float mean[3], const float deviation[3])
{
    size_t n = (size_t)width * (size_t)height;
    float *out = malloc(3 * n * sizeof *out);
    assert_non_null(out);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            out[c * n + i] = ((float)bgr[3 * i + c] / 255.0f - mean[c]) / deviation[c];
    return out;
}

static void test_layout_values(void **state)
{
    (void)state;
    static const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
    const struct network net = {layout_file,
                                "layout_800x608.safetensors",
                                {{"transpose_0", 1e-4}, {"transpose_2", 1e-4}, {"transpose_", 1e-3}}};
    char path[4096];
    int width, height;
    path_of(path, sizeof path, "DP_SHARED", "/data/golden-compact", "layout_input_800x608.png");
    uint8_t *pixels = t_png_load(path, 3, &width, &height);
    assert_non_null(pixels);
    float *input = normalised(pixels, width, height, mean, deviation);
    const int64_t dims[4] = {1, 3, height, width};
    check_network(&net, input, dims);
    free(input);
    free(pixels);
}

/* Bilinear with half-pixel centres and 11-bit weights on 8-bit pixels, as the reference resizes. */
static uint8_t *resized(const uint8_t *src, int w, int h, int to_w, int to_h)
{
    uint8_t *dst = malloc((size_t)to_w * (size_t)to_h * 3);
    assert_non_null(dst);
    for (int y = 0; y < to_h; y++) {
        double fy = ((double)y + 0.5) * h / to_h - 0.5;
        int y0 = (int)floor(fy), wy = (int)lrint((fy - floor(fy)) * 2048);
        int ya = y0 < 0 ? 0 : y0 >= h ? h - 1 : y0, yb = y0 + 1 < 0 ? 0 : y0 + 1 >= h ? h - 1 : y0 + 1;
        for (int x = 0; x < to_w; x++) {
            double fx = ((double)x + 0.5) * w / to_w - 0.5;
            int x0 = (int)floor(fx), wx = (int)lrint((fx - floor(fx)) * 2048);
            int xa = x0 < 0 ? 0 : x0 >= w ? w - 1 : x0, xb = x0 + 1 < 0 ? 0 : x0 + 1 >= w ? w - 1 : x0 + 1;
            for (int c = 0; c < 3; c++) {
                int top = src[(ya * w + xa) * 3 + c] * (2048 - wx) + src[(ya * w + xb) * 3 + c] * wx;
                int low = src[(yb * w + xa) * 3 + c] * (2048 - wx) + src[(yb * w + xb) * 3 + c] * wx;
                int v = ((((2048 - wy) * (top >> 4)) >> 16) + ((wy * (low >> 4)) >> 16) + 2) >> 2;
                dst[(y * to_w + x) * 3 + c] = (uint8_t)v;
            }
        }
    }
    return dst;
}

static void check_page(struct eng_runner *r, const char *page)
{
    static const float half[] = {0.5f, 0.5f, 0.5f};
    char path[4096], name[64];
    int w, h, to_w, to_h;
    struct eng_tensor out[ENG_MAX_OUTPUTS];
    (void)snprintf(name, sizeof name, "%s.png", page);
    path_of(path, sizeof path, "DP_SHARED", "/data/golden-compact", name);
    uint8_t *pixels = t_png_load(path, 3, &w, &h);
    (void)snprintf(name, sizeof name, "%s_prob.png", page);
    path_of(path, sizeof path, "DP_SHARED", "/data/golden-compact", name);
    uint8_t *map = t_png_load(path, 1, &to_w, &to_h);
    assert_non_null(pixels);
    assert_non_null(map);
    uint8_t *small = resized(pixels, w, h, to_w, to_h);
    float *input = normalised(small, to_w, to_h, half, half);
    const int64_t dims[4] = {1, 3, to_h, to_w};
    run(r, dims, input, out);
    assert_int_equal(count_of(&out[0]), (size_t)to_w * (size_t)to_h);
    int worst = 0;
    size_t off = 0;
    for (size_t i = 0; i < count_of(&out[0]); i++) {
        int d = abs((int)lrintf(out[0].data[i] * 255.0f) - map[i]);
        worst = d > worst ? d : worst;
        off += d > 0;
    }
    print_message("%s %dx%d: largest difference %d levels, %zu of %zu pixels differ\n", page, to_w, to_h, worst, off,
                  count_of(&out[0]));
    assert_in_range(worst, 0, 1);
    free(pixels);
    free(map);
    free(small);
    free(input);
}

static void test_detector_pages(void **state)
{
    (void)state;
    struct eng_graph *g = load(det_file, (struct eng_graph_options){.keep_inner = false});
    struct eng_runner *r = runner_of(g, 1);
    check_page(r, "page_a");
    check_page(r, "page_b");
    check_page(r, "page_c");
    eng_runner_drop(r);
    eng_graph_drop(g);
}

/* ---- modes, threads, plans ---- */

static float *noise(const int64_t dims[4])
{
    size_t n = (size_t)(dims[0] * dims[1] * dims[2] * dims[3]);
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    uint32_t s = 12345;
    for (size_t i = 0; i < n; i++) {
        s = s * 1664525u + 1013904223u;
        x[i] = (float)(s >> 8) / (float)(1 << 23) - 1.0f;
    }
    return x;
}

static void test_classifier_mode(void **state)
{
    (void)state;
    const int64_t dims[4] = {2, 3, 48, 352};
    struct eng_graph *full = load(rec_file, (struct eng_graph_options){.ctc_argmax = false});
    struct eng_graph *lean = load(rec_file, (struct eng_graph_options){.ctc_argmax = true});
    struct eng_runner *a = runner_of(full, 1), *b = runner_of(lean, 1);
    struct eng_tensor x[ENG_MAX_OUTPUTS], y[ENG_MAX_OUTPUTS];
    float *input = noise(dims);
    run(a, dims, input, x);
    run(b, dims, input, y);
    assert_int_equal(y[0].n_dims, 3);
    assert_int_equal(y[0].dims[2], 2);
    assert_int_equal(y[0].dims[0] * y[0].dims[1], x[0].dims[0] * x[0].dims[1]);
    size_t rows = (size_t)(x[0].dims[0] * x[0].dims[1]), classes = (size_t)x[0].dims[2];
    assert_int_equal(rows, 2 * 44);
    assert_int_equal(classes, 18710);
    for (size_t r = 0; r < rows; r++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            if (x[0].data[r * classes + c] > x[0].data[r * classes + best])
                best = c;
        assert_int_equal((size_t)y[0].data[2 * r], best);
        assert_true(fabsf(y[0].data[2 * r + 1] - x[0].data[r * classes + best]) <= 1e-5f);
    }
    free(input);
    eng_runner_drop(a);
    eng_runner_drop(b);
    eng_graph_drop(full);
    eng_graph_drop(lean);
}

/* A batch gives every sample the bytes that it has alone. */
static void test_batch(void **state)
{
    (void)state;
    const int64_t three[4] = {3, 3, 48, 96}, one[4] = {1, 3, 48, 96};
    struct eng_graph *g = load(rec_file, (struct eng_graph_options){.ctc_argmax = true});
    struct eng_runner *r = runner_of(g, 1);
    struct eng_tensor y[ENG_MAX_OUTPUTS];
    float *input = noise(three), together[3 * 12 * 2];
    run(r, three, input, y);
    assert_int_equal(count_of(&y[0]), 3 * 12 * 2);
    memcpy(together, y[0].data, sizeof together);
    for (size_t i = 0; i < 3; i++) {
        run(r, one, input + i * 3 * 48 * 96, y);
        for (size_t k = 0; k < 12 * 2; k++)
            assert_true(fabsf(y[0].data[k] - together[i * 24 + k]) <= 1e-6f);
    }
    free(input);
    eng_runner_drop(r);
    eng_graph_drop(g);
}

static void check_threads(const char *file, bool ctc, const int64_t dims[4])
{
    struct eng_graph *g = load(file, (struct eng_graph_options){.ctc_argmax = ctc});
    struct eng_runner *r = runner_of(g, 1), *s = runner_of(g, 2);
    struct eng_tensor y[ENG_MAX_OUTPUTS], z[ENG_MAX_OUTPUTS];
    float *input = noise(dims);
    run(r, dims, input, y);
    run(s, dims, input, z);
    for (int i = 0; i < eng_graph_output_count(g); i++) {
        assert_int_equal(count_of(&y[i]), count_of(&z[i]));
        assert_memory_equal(y[i].data, z[i].data, count_of(&y[i]) * sizeof(float));
    }
    /* The same plan under another number of threads. */
    float *one = malloc(count_of(&y[0]) * sizeof *one);
    assert_non_null(one);
    memcpy(one, y[0].data, count_of(&y[0]) * sizeof *one);
    eng_runner_set_threads(r, 2);
    run(r, dims, input, y);
    assert_memory_equal(y[0].data, one, count_of(&y[0]) * sizeof *one);
    free(one);
    free(input);
    eng_runner_drop(r);
    eng_runner_drop(s);
    eng_graph_drop(g);
}

static void test_threads(void **state)
{
    (void)state;
    check_threads(det_file, false, (const int64_t[]){1, 3, 320, 416});
    check_threads(rec_file, true, (const int64_t[]){1, 3, 48, 416});
    check_threads(rec_file, true, (const int64_t[]){2, 3, 48, 96});
    check_threads(cls_file, false, (const int64_t[]){2, 3, 48, 192});
    check_threads(layout_file, false, (const int64_t[]){1, 3, 800, 608});
    check_threads(table_file, false, (const int64_t[]){1, 3, 192, 192});
}

struct worker {
    struct eng_runner *runner;
    float *input, result[10 * 2];
};

static void *read_lines(void *context)
{
    struct worker *w = context;
    const int64_t dims[4] = {1, 3, 48, 80};
    for (int round = 0; round < 5; round++) {
        struct eng_tensor y[ENG_MAX_OUTPUTS];
        float *to = NULL;
        if (eng_runner_input(w->runner, dims, &to, NULL) != B_OK)
            return NULL;
        memcpy(to, w->input, 3 * 48 * 80 * sizeof *to);
        if (eng_runner_run(w->runner, y, NULL, NULL) != B_OK)
            return NULL;
        memcpy(w->result, y[0].data, sizeof w->result);
    }
    return w;
}

/* Two workers plan and pack the weights of one network at the same time. */
static void test_workers(void **state)
{
    (void)state;
    const int64_t dims[4] = {1, 3, 48, 80};
    struct eng_graph *g = load(rec_file, (struct eng_graph_options){.ctc_argmax = true});
    struct worker w[2] = {{.runner = runner_of(g, 1)}, {.runner = runner_of(g, 1)}};
    pthread_t threads[2];
    float *input = noise(dims);
    for (int i = 0; i < 2; i++) {
        w[i].input = input;
        assert_int_equal(pthread_create(&threads[i], NULL, read_lines, &w[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_ptr_equal(done, &w[i]);
    }
    assert_memory_equal(w[0].result, w[1].result, sizeof w[0].result);
    for (int i = 0; i < 2; i++)
        eng_runner_drop(w[i].runner);
    free(input);
    eng_graph_drop(g);
}

/* More shapes than plans, forwards and backwards: dropped plans come back with the same bytes. */
static void test_plan_cache(void **state)
{
    (void)state;
    struct eng_graph *g = load(rec_file, (struct eng_graph_options){.ctc_argmax = true});
    struct eng_runner_options options = {.threads = 1, .max_plans = 2};
    struct eng_runner *r = NULL;
    struct b_err err = {0};
    float first[5] = {0};
    assert_int_equal(eng_runner_new(g, &options, &r, &err), B_OK);
    for (int round = 0; round < 10; round++) {
        int i = round < 5 ? round : 9 - round;
        const int64_t dims[4] = {1, 3, 48, 32 * (5 - i)};
        struct eng_tensor y[ENG_MAX_OUTPUTS];
        float *input = noise(dims);
        run(r, dims, input, y);
        float sum = 0;
        for (size_t k = 0; k < count_of(&y[0]); k++)
            sum += y[0].data[k];
        if (round < 5)
            first[i] = sum;
        else
            assert_memory_equal(&first[i], &sum, sizeof sum);
        free(input);
    }
    eng_runner_drop(r);
    eng_graph_drop(g);
}

static void test_limits(void **state)
{
    (void)state;
    struct eng_graph *g = load(det_file, (struct eng_graph_options){.keep_inner = false});
    struct eng_runner_options options = {.threads = 1, .memory_bytes = 8u << 20};
    struct eng_runner *r = NULL;
    struct b_err err = {0};
    float *input;
    struct eng_tensor y[ENG_MAX_OUTPUTS];
    assert_int_equal(eng_runner_new(g, &options, &r, &err), B_OK);
    assert_int_equal(eng_runner_run(r, y, NULL, &err), B_ARGUMENT);
    assert_int_equal(eng_runner_input(r, (const int64_t[]){1, 3, 960, 960}, &input, &err), B_LIMIT);
    assert_int_equal(eng_runner_run(r, y, NULL, &err), B_ARGUMENT);
    assert_int_equal(eng_runner_input(r, (const int64_t[]){1, 4, 96, 96}, &input, &err), B_UNSUPPORTED);
    assert_int_equal(eng_runner_input(r, (const int64_t[]){1, 3, 0, 96}, &input, &err), B_ARGUMENT);
    assert_int_equal(eng_runner_input(r, (const int64_t[]){1, 3, 1, 1}, &input, &err), B_UNSUPPORTED);
    assert_int_equal(eng_runner_input(r, (const int64_t[]){1, 3, 96, 96}, &input, &err), B_OK);
    struct b_cancel cancel;
    b_cancel_init(&cancel);
    b_cancel_request(&cancel);
    memset(input, 0, 3 * 96 * 96 * sizeof *input);
    assert_int_equal(eng_runner_run(r, y, &cancel, &err), B_CANCELLED);
    assert_int_equal(eng_runner_run(r, y, NULL, &err), B_OK);
    eng_runner_drop(r);
    eng_graph_drop(g);
}

static void test_metadata(void **state)
{
    (void)state;
    struct eng_graph *g = load(rec_file, (struct eng_graph_options){.ctc_argmax = true});
    size_t len = 0, lines = 0;
    const char *text = eng_graph_metadata(g, "character", &len);
    assert_non_null(text);
    assert_null(eng_graph_metadata(g, "nothing", NULL));
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    lines += len > 0 && text[len - 1] != '\n';
    assert_int_equal(lines, 18708);
    eng_graph_drop(g);
}

static void test_missing(void **state)
{
    (void)state;
    struct b_err err = {0};
    struct eng_graph *g = NULL;
    assert_int_equal(eng_graph_load("no/such/network.onnx", NULL, &g, &err), B_NOT_FOUND);
    assert_null(g);
}

int main(void)
{
    char golden[4096], models[4096];
    path_of(golden, sizeof golden, "DP_SHARED", "/data/golden-compact", "det_96x192.safetensors");
    path_of(models, sizeof models, "DOCPARSE_MODELS", "", det_file);
    if (access(golden, R_OK) != 0 || access(models, R_OK) != 0) {
        printf("SKIP test_networks: %s absent\n", access(golden, R_OK) != 0 ? "../shared" : "models");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detector_values),  cmocka_unit_test(test_recogniser_values),
        cmocka_unit_test(test_direction_values), cmocka_unit_test(test_table_values),
        cmocka_unit_test(test_layout_values),    cmocka_unit_test(test_detector_pages),
        cmocka_unit_test(test_classifier_mode),  cmocka_unit_test(test_batch),
        cmocka_unit_test(test_workers),          cmocka_unit_test(test_threads),
        cmocka_unit_test(test_plan_cache),       cmocka_unit_test(test_limits),
        cmocka_unit_test(test_metadata),         cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
