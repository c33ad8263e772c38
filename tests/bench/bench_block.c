/* SPDX-License-Identifier: Apache-2.0 */
/* bench_block: the fused block (engine/kernels, mlp) against the two convolutions with post-ops that it replaces,
 * at shapes of the detector (960 x 1344) and the recogniser (width 1280). The two take turns; CPU time of one
 * thread, best of ROUNDS. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/kernels/kernels.h"
#include "engine/onednn/dnn.h"

enum { ROUNDS = 41 };

struct setting {
    int c, h, w;
};
static const struct setting settings[] = {{48, 240, 336}, {96, 120, 168}, {192, 60, 84}, {384, 30, 42},
                                          {96, 12, 320},  {192, 6, 320},  {384, 3, 320}};

struct pair {
    struct eng_dnn *dnn;
    struct eng_packed *packed[2];
    struct eng_conv *conv[2];
    struct eng_mlp *mlp;
    float *w1, *w2, *b1, *b2, *x, *hidden, *y, *z, *scratch;
};

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static float *floats(size_t n, float size)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    for (size_t i = 0; x && i < n; i++)
        x[i] = size * ((float)(i * 2654435761U % 2001U) / 1000.0f - 1.0f);
    return x;
}

static enum b_code open_pair(struct pair *p, const struct setting *s, struct b_err *err)
{
    size_t c = (size_t)s->c, hw = (size_t)s->h * (size_t)s->w;
    p->w1 = floats(2 * c * c, 1.0f / (float)c);
    p->w2 = floats(2 * c * c, 1.0f / (float)c);
    p->b1 = floats(2 * c, 0.1f);
    p->b2 = floats(c, 0.1f);
    p->x = floats(c * hw, 1);
    p->y = floats(c * hw, 1);
    p->z = floats(c * hw, 1);
    p->hidden = floats(2 * c * hw, 1);
    if (!p->w1 || !p->w2 || !p->b1 || !p->b2 || !p->x || !p->y || !p->z || !p->hidden)
        return b_fail(err, B_NO_MEMORY, "bench", "out of memory");
    struct eng_conv_shape first = {.n = 1, .c_in = s->c, .h_in = s->h, .w_in = s->w, .c_out = 2 * s->c, .h_out = s->h,
                                   .w_out = s->w, .kh = 1, .kw = 1, .sh = 1, .sw = 1, .act = ENG_ACT_GELU};
    struct eng_conv_shape second = first;
    second.c_in = 2 * s->c;
    second.c_out = s->c;
    second.act = ENG_ACT_NONE;
    second.add = true;
    p->packed[0] = eng_packed_new(p->w1, p->b1);
    p->packed[1] = eng_packed_new(p->w2, p->b2);
    enum b_code code = eng_conv_new(p->dnn, &first, p->packed[0], &p->conv[0], err);
    if (code == B_OK)
        code = eng_conv_new(p->dnn, &second, p->packed[1], &p->conv[1], err);
    struct eng_mlp_shape shape = {c, 2 * c, c, 1};
    if (code == B_OK)
        code = eng_mlp_new(p->w1, p->b1, p->w2, p->b2, &shape, &p->mlp, err);
    if (code == B_OK) {
        p->scratch = floats(eng_mlp_scratch(p->mlp), 0);
        code = p->scratch ? B_OK : b_fail(err, B_NO_MEMORY, "bench", "out of memory");
    }
    return code;
}

static void close_pair(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        eng_conv_drop(p->conv[i]);
        eng_packed_drop(p->packed[i]);
    }
    eng_mlp_drop(p->mlp);
    float *all[] = {p->w1, p->w2, p->b1, p->b2, p->x, p->hidden, p->y, p->z, p->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static enum b_code measure(struct pair *p, const struct setting *s, struct b_err *err)
{
    const struct eng_kernels *k = eng_kernels_best();
    size_t c = (size_t)s->c, hw = (size_t)s->h * (size_t)s->w, n = c * hw;
    double convs = 1e9, fused = 1e9, worst = 0, flops = 8.0 * (double)c * (double)n;
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(p->y, p->x, n * sizeof *p->y);
        double start = cpu_now();
        enum b_code code = eng_conv_run(p->conv[0], p->dnn, p->y, p->hidden, err);
        if (code == B_OK)
            code = eng_conv_run(p->conv[1], p->dnn, p->hidden, p->y, err);
        if (code != B_OK)
            return code;
        double t = cpu_now() - start;
        convs = t < convs ? t : convs;
        memcpy(p->z, p->x, n * sizeof *p->z);
        start = cpu_now();
        k->mlp(p->mlp, NULL, 0, hw, hw, eng_dnn_block(), p->z, p->z, p->scratch);
        t = cpu_now() - start;
        fused = t < fused ? t : fused;
    }
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)p->y[i] - (double)p->z[i]));
    printf("%3d channels %3dx%3d: convolutions %7.2f ms (%3.0f GF/s), fused %7.2f ms (%3.0f GF/s), ratio %.3f, differ by %.1e\n",
           s->c, s->h, s->w, convs * 1e3, flops / convs * 1e-9, fused * 1e3, flops / fused * 1e-9, convs / fused, worst);
    return B_OK;
}

int main(void)
{
    struct b_err err;
    struct eng_dnn *dnn = NULL;
    enum b_code code = eng_dnn_new(&dnn, &err);
    eng_dnn_set_threads(1);
    for (size_t i = 0; code == B_OK && i < sizeof settings / sizeof *settings; i++) {
        struct pair p = {.dnn = dnn};
        code = open_pair(&p, &settings[i], &err);
        if (code == B_OK)
            code = measure(&p, &settings[i], &err);
        close_pair(&p);
    }
    eng_dnn_drop(dnn);
    if (code != B_OK)
        fprintf(stderr, "bench_block: %s\n", err.message);
    return code != B_OK;
}
