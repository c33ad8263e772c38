/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_ONEDNN_DNN_H
#define ENGINE_ONEDNN_DNN_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

/* With matmul.h the only door to oneDNN: fp32 convolutions on the CPU. Activations travel in blocked
 * layout nChw{b}c, channels padded with zeros to a multiple of b = eng_dnn_block(). Hides the
 * version of the library. */

/* Engine, stream and scratch memory of one runner. One thread at a time. */
struct eng_dnn;
enum b_code eng_dnn_new(struct eng_dnn **out, struct b_err *err) B_MUST_CHECK;
void eng_dnn_drop(struct eng_dnn *dnn);

/* Channels in a block: 16 where the library uses AVX-512, otherwise 8. */
size_t eng_dnn_block(void);

/* OpenMP threads of later calls made from this thread. No result depends on it. */
void eng_dnn_set_threads(int threads);

/* Ends the threads that the calling thread's runs have used. Left alone they spin for some 10 ms of processor
 * time after every run, which other workers need; starting them again costs below 0.1 ms. */
void eng_dnn_rest(void);

/* Calls work(context, begin, end) for ranges that cover 0..count, on as many threads as were set. Ranges must
 * not depend on each other. */
void eng_dnn_parallel(size_t count, void (*work)(void *context, size_t begin, size_t end), void *context);

enum eng_act {
    ENG_ACT_NONE,
    ENG_ACT_RELU,
    ENG_ACT_GELU, /* exact, by erf */
    ENG_ACT_HARDSWISH,
    ENG_ACT_SWISH,
    ENG_ACT_SIGMOID,
    ENG_ACT_HARDSIGMOID
};

/* Weights of one layer in the formats that primitives asked for; made once, shared by all runners of a
 * network. Thread-safe. `weights` and `bias` are borrowed and must outlive it. */
struct eng_packed;
struct eng_packed *eng_packed_new(const float *weights, const float *bias);
void eng_packed_drop(struct eng_packed *packed);

struct eng_conv_shape {
    int n, c_in, h_in, w_in, c_out, h_out, w_out;
    int kh, kw, sh, sw;
    int top, left, bottom, right; /* padding */
    bool depthwise;               /* c_in == c_out, one filter a channel */
    bool plain_source;            /* source is nchw (the network's input), not blocked */
    bool add;                     /* dst += result instead of dst = result */
    enum eng_act act;             /* NONE, RELU, GELU, HARDSWISH, SWISH or SIGMOID; applied before `add` */
};

/* One planned convolution; weights OIHW (depthwise: C,1,KH,KW), bias may be NULL. */
struct eng_conv;
enum b_code eng_conv_new(struct eng_dnn *dnn, const struct eng_conv_shape *shape, struct eng_packed *packed,
                         struct eng_conv **out, struct b_err *err) B_MUST_CHECK;
enum b_code eng_conv_run(struct eng_conv *conv, struct eng_dnn *dnn, const float *src, float *dst,
                         struct b_err *err) B_MUST_CHECK;
void eng_conv_drop(struct eng_conv *conv);

#endif
