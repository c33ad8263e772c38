/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/qwen_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/tensors.h"

enum { PATHS = 8, PATH_LEN = 512 };

const char *t_golden(const char *path)
{
    static char paths[PATHS][PATH_LEN];
    static int next;
    const char *shared = getenv("DP_SHARED");
    char *out = paths[next = (next + 1) % PATHS];
    (void)snprintf(out, PATH_LEN, "%s/data/golden/README.md", shared ? shared : "");
    FILE *f = fopen(out, "rb");
    if (!f) {
        printf("SKIP: no golden data in %s\n", out);
        exit(77);
    }
    (void)fclose(f);
    (void)snprintf(out, PATH_LEN, "%s/data/golden/%s", shared, path);
    return out;
}

static void ok(enum b_code code, const struct b_err *err)
{
    if (code != B_OK) {
        print_error("%s: %s\n", err->domain, err->message);
        fail();
    }
}

/* R G B pixels of a file. */
static uint8_t *load_rgb(const char *path, int *width, int *height)
{
    uint8_t *pixels = t_png_load(path, 3, width, height);
    assert_non_null(pixels);
    for (size_t i = 0; i < (size_t)*width * (size_t)*height * 3; i += 3) {
        uint8_t b = pixels[i];
        pixels[i] = pixels[i + 2];
        pixels[i + 2] = b;
    }
    return pixels;
}

void t_visual_load(const char *path, const struct eng_qwen_config *config, const struct eng_visual_limits *limits,
                   struct eng_visual *out)
{
    int width, height;
    struct b_err err = {0};
    uint8_t *pixels = load_rgb(path, &width, &height);
    struct b_image_view view = {pixels, (size_t)width * 3, width, height, 3};
    static const struct eng_visual_limits none = {0};
    ok(eng_visual_from_image(&config->preprocess, view, limits ? limits : &none, out, &err), &err);
    free(pixels);
}

static void load_video(const json_t *visual, const struct eng_qwen_config *config, struct eng_visual *out)
{
    struct b_image_view views[16];
    struct b_err err = {0};
    json_t *files = json_object_get(visual, "png");
    size_t n = json_array_size(files);
    static const struct eng_visual_limits none = {0};
    assert_true(n > 0 && n <= 16);
    for (size_t i = 0; i < n; i++) {
        char path[PATH_LEN];
        int width, height;
        (void)snprintf(path, sizeof path, "tiny/cases/%s", json_string_value(json_array_get(files, i)));
        views[i].pixels = load_rgb(t_golden(path), &width, &height);
        views[i] = (struct b_image_view){views[i].pixels, (size_t)width * 3, width, height, 3};
    }
    ok(eng_visual_from_frames(&config->preprocess, views, (int)n, json_number_value(json_object_get(visual, "fps")),
                              ENG_BICUBIC_PILLOW, &none, out, &err),
       &err);
    for (size_t i = 0; i < n; i++)
        free((uint8_t *)(uintptr_t)views[i].pixels);
}

static void load_files(const char *json, const char *tensors, struct t_case *out)
{
    struct b_err err = {0};
    *out = (struct t_case){.json = json_load_file(json, 0, NULL)};
    assert_non_null(out->json);
    ok(b_bytes_map(tensors, (uint64_t)1 << 30, &out->bytes, &err), &err);
    ok(eng_checkpoint_parse(out->bytes.data, out->bytes.size, &out->tensors, &err), &err);
    json_t *ids = json_object_get(out->json, "input_ids");
    out->count = json_array_size(ids);
    out->ids = calloc(out->count, sizeof *out->ids);
    for (size_t i = 0; i < out->count; i++)
        out->ids[i] = (int32_t)json_integer_value(json_array_get(ids, i));
}

void t_case_load(const char *name, const struct eng_qwen_config *config, struct t_case *out)
{
    char json[PATH_LEN], tensors[PATH_LEN], path[PATH_LEN];
    size_t i;
    json_t *visual;
    (void)snprintf(json, sizeof json, "tiny/cases/%s.json", name);
    (void)snprintf(tensors, sizeof tensors, "tiny/cases/%s.safetensors", name);
    load_files(t_golden(json), t_golden(tensors), out);
    json_array_foreach(json_object_get(out->json, "visuals"), i, visual)
    {
        struct eng_visual *to = &out->visuals[out->n_visuals++];
        if (strcmp(json_string_value(json_object_get(visual, "kind")), "video") == 0) {
            load_video(visual, config, to);
            continue;
        }
        struct eng_visual_limits limits = {.min_pixels = json_integer_value(json_object_get(visual, "min_pixels")),
                                           .max_pixels = json_integer_value(json_object_get(visual, "max_pixels"))};
        (void)snprintf(path, sizeof path, "tiny/cases/%s", json_string_value(json_object_get(visual, "png")));
        t_visual_load(t_golden(path), config, &limits, to);
    }
}

void t_case_load_single(const char *json, const char *tensors, const char *picture,
                        const struct eng_qwen_config *config, struct t_case *out)
{
    load_files(json, tensors, out);
    t_visual_load(picture, config, NULL, &out->visuals[0]);
    out->n_visuals = 1;
}

void t_case_free(struct t_case *c)
{
    for (size_t i = 0; i < c->n_visuals; i++)
        eng_visual_free(&c->visuals[i]);
    eng_checkpoint_drop(c->tensors);
    b_bytes_close(&c->bytes);
    json_decref(c->json);
    free(c->ids);
}

struct eng_prompt t_case_prompt(const struct t_case *c)
{
    return (struct eng_prompt){c->ids, c->count, c->visuals, c->n_visuals};
}

struct eng_qwen *t_qwen_open(const char *dir, const struct eng_qwen_options *options)
{
    struct b_err err = {0};
    struct eng_qwen *model = NULL;
    ok(eng_qwen_open(dir, options, &model, &err), &err);
    return model;
}

struct eng_session *t_session(const struct eng_qwen *model, int threads)
{
    struct b_err err = {0};
    struct eng_session *session = NULL;
    struct eng_session_options options = {.threads = threads};
    ok(eng_session_new(model, &options, &session, &err), &err);
    return session;
}

static void see(void *context, const char *name, int index, size_t first, const float *x, size_t rows, size_t width)
{
    struct t_trace *t = context;
    char full[32];
    bool tower = strcmp(name, "block") == 0 || strcmp(name, "merger") == 0 || strcmp(name, "patch_embed") == 0;
    const char *prefix = !tower ? "" : t->c->visuals[t->visual].video ? "video." : "image.";
    bool numbered = strcmp(name, "block") == 0 || strcmp(name, "layer") == 0;
    (void)first;
    if (numbered)
        (void)snprintf(full, sizeof full, "%s%s%d", prefix, name, index);
    else
        (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    struct t_seen *seen = (struct t_seen *)(uintptr_t)t_trace_find(t, full);
    if (!seen) {
        seen = &t->items[t->n_items++];
        *seen = (struct t_seen){.width = width};
        memcpy(seen->name, full, sizeof full);
    }
    seen->data = realloc(seen->data, (seen->count + rows * width) * sizeof *x);
    memcpy(seen->data + seen->count, x, rows * width * sizeof *x);
    seen->count += rows * width;
    if (strcmp(name, "merger") == 0)
        t->visual++;
}

struct eng_trace t_trace_of(struct t_trace *trace)
{
    return (struct eng_trace){see, trace};
}

void t_trace_free(struct t_trace *trace)
{
    for (size_t i = 0; i < trace->n_items; i++)
        free(trace->items[i].data);
    trace->n_items = 0;
}

const struct t_seen *t_trace_find(const struct t_trace *trace, const char *name)
{
    for (size_t i = 0; i < trace->n_items; i++)
        if (strcmp(trace->items[i].name, name) == 0)
            return &trace->items[i];
    return NULL;
}

void t_compare(const struct t_case *c, const char *name, const float *x, size_t count, struct t_bound bound)
{
    char other[64];
    const struct eng_weight *whole = eng_checkpoint_find(c->tensors, name), *index = NULL;
    if (!whole) {
        (void)snprintf(other, sizeof other, "%s.sub", name);
        whole = eng_checkpoint_find(c->tensors, other);
        (void)snprintf(other, sizeof other, "idx.%zu", count);
        index = eng_checkpoint_find(c->tensors, other);
        if (!whole || !index) {
            print_error("%s: not in the file, or its size is not %zu\n", name, count);
            fail();
        }
    } else if ((size_t)whole->count != count) {
        print_error("%s: %zu values, expected %lld\n", name, count, (long long)whole->count);
        fail();
    }
    const float *expected = whole->data;
    const int32_t *at = index ? index->data : NULL;
    double worst = 0, error = 0, size = 0;
    for (size_t i = 0; i < (size_t)whole->count; i++) {
        double value = (double)x[at ? (size_t)at[i] : i], difference = value - (double)expected[i];
        worst = fabs(difference) > worst || difference != difference ? fabs(difference) : worst;
        error += difference * difference;
        size += (double)expected[i] * (double)expected[i];
    }
    if (!(worst <= bound.max_abs) || (bound.rel_l2 > 0 && !(sqrt(error / size) <= bound.rel_l2))) {
        print_error("%s: largest error %g (bound %g), relative %g (bound %g)\n", name, worst, bound.max_abs,
                    sqrt(error / size), bound.rel_l2);
        fail();
    }
}

void t_greedy(struct eng_session *session, const struct eng_prompt *prompt, double penalty, size_t n, bool all,
              int32_t *ids, size_t *got)
{
    struct b_err err = {0};
    struct eng_generate how = {.max_tokens = n,
                               .sampling = ENG_SAMPLE_GREEDY,
                               .repetition_penalty = penalty,
                               .ignore_stops = all,
                               .loop_tokens = SIZE_MAX};
    ok(eng_session_prompt(session, prompt, n, NULL, &err), &err);
    ok(eng_session_generate(session, &how, NULL, &err), &err);
    const struct eng_token *answer = eng_session_answer(session, got);
    for (size_t i = 0; i < *got; i++)
        ids[i] = answer[i].id;
}
