/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_LM_H
#define ENGINE_KERNELS_LM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Kernels of large transformer models: products with weights as a checkpoint keeps them (row-major, one row an
 * output), in every width that weights have, attention over a blocked cache, and what lies between. The rules of
 * kernels.h hold: single-threaded, no state, no allocation, no alignment beyond the element's.
 *
 * Each output of a product and each row of the attention is one fixed chain of operations: it depends neither on
 * how many rows are computed beside it nor on how outputs are dealt to threads. That is what makes decoding with
 * drafts, batches or any number of threads give the same bytes as decoding alone.
 *
 * Inner sizes: `k` is what the weights have; rows of activations are prepared with `eng_lm_padded(k)` elements,
 * zeros beyond k. */

enum eng_lm_isa {
    ENG_LM_PLAIN,
    ENG_LM_AVX2,
    ENG_LM_AVX512,
    ENG_LM_AVX512_VNNI, /* byte products */
    ENG_LM_AVX512_BF16, /* byte and bfloat16 products */
    ENG_LM_ISA_COUNT
};

enum {
    ENG_LM_PAD = 64,      /* rows of activations are padded to a multiple of it */
    ENG_LM_CHUNK = 1024,  /* inputs that are summed apart before they are added: keeps rounding and tiles small */
    ENG_LM_PANEL = 8,     /* rows of weights in a panel */
    ENG_LM_BLOCK = 64,    /* bytes of a row that lie together in a panel */
    ENG_LM_GROUP = 128,   /* inputs that share a scale in the 4-bit format */
    ENG_LM_SPREAD = 64,   /* outputs that lie side by side in weights for many rows */
    ENG_LM_KEYS = 64,     /* positions in a block of the cache */
    ENG_LM_QUERIES = 48,  /* most rows of one call of `attend` */
    ENG_LM_MAX_HEAD = 512 /* widest head */
};

static inline size_t eng_lm_padded(size_t k)
{
    return (k + ENG_LM_PAD - 1) / ENG_LM_PAD * ENG_LM_PAD;
}

/* Width of a row of values in the cache: whole pairs of the widest vectors. */
static inline size_t eng_lm_value_width(size_t d)
{
    return (d + 31) / 32 * 32;
}

/* y[i][j] for i < m, j < n; distances between rows in elements.
 * Weights lie row by row, or in panels: ENG_LM_PANEL rows (zeros beyond n), each a multiple of ENG_LM_BLOCK bytes,
 * first block 0 of every row, then block 1 of every row, and so on; w_row is the length of a row in either. One row of
 * activations reads panels as one run of memory, which is as fast as memory gets. */
struct eng_lm_shape {
    size_t m, n, k;
    size_t x_row, w_row, y_row;
    bool panels;
    size_t ahead; /* not in panels: from a weight to what is read after this call, in elements; 0: unknown */
};

/* 4-bit weights, two a byte: in each group of ENG_LM_GROUP inputs byte i holds inputs i (low half) and i + 64. Weight =
 * (q - zero) * scale. k is a multiple of the group. A scale's last four bits are 0 (eng_lm_q4_scale). */
struct eng_lm_q4_row {
    uint8_t *q;   /* [k / 2] */
    float *scale; /* [k / ENG_LM_GROUP] */
    uint8_t *zero;
};
/* Panels of them: ENG_LM_Q4_PANEL rows; of each group first bytes 0..3 of every row, then bytes 4..7 of every row and so
 * on, so that outputs are lanes, then a float for each row: its scale, whose last four bits are its zero. */
enum {
    ENG_LM_Q4_PANEL = 32,
    ENG_LM_Q4_LINE = ENG_LM_Q4_PANEL * 4,
    ENG_LM_Q4_SCALES = ENG_LM_GROUP / 8 * ENG_LM_Q4_LINE,
    ENG_LM_Q4_STEP = ENG_LM_Q4_SCALES + ENG_LM_Q4_LINE /* bytes of a group of a panel */
};
/* Bytes of a panel divided by its rows: their w_row. */
static inline size_t eng_lm_q4_bytes(size_t k)
{
    return k / ENG_LM_GROUP * (ENG_LM_Q4_STEP / ENG_LM_Q4_PANEL);
}
/* The scale without its last four bits; a half or a bfloat16 has none there. */
float eng_lm_q4_scale(float scale);

/* A head's cache: keys [blocks][d][ENG_LM_KEYS], values [blocks][ENG_LM_KEYS][eng_lm_value_width(d)], as floats or
 * (half) as `narrow_f16` gives them, every one finite, also in places that no position has. The result is bit by bit
 * that of the widened cache. Query row i sees positions 0 .. first + i / group (causal, group rows a token), or 0 ..
 * first for all rows when group is 0. */
struct eng_lm_attention {
    const void *keys, *values;
    bool half;
    size_t d, rows; /* rows <= ENG_LM_QUERIES */
    size_t first, group;
    const float *q; /* [rows][d], already scaled */
    float *out;     /* [rows][eng_lm_value_width(d)] */
    float *scratch; /* ENG_LM_QUERIES * (ENG_LM_KEYS + 2) floats, with half eng_lm_half_scratch(d) more */
};

static inline size_t eng_lm_half_scratch(size_t d)
{
    return ENG_LM_KEYS * eng_lm_value_width(d);
}

static inline size_t eng_lm_rounded_width(size_t d)
{
    return (d + 15) / 16 * 16;
}

/* The same in bfloat16 where every row sees the n keys: keys [blocks][d / 2][ENG_LM_KEYS][2], values
 * [blocks][ENG_LM_KEYS / 2][eng_lm_rounded_width(d)][2], zeros where no key is; d is even. */
struct eng_lm_attention_rounded {
    const uint16_t *keys, *values, *q; /* q [rows][d], already scaled */
    size_t d, rows, n;                 /* rows <= ENG_LM_QUERIES, n >= 1 */
    float *out;                        /* [rows][eng_lm_rounded_width(d)] */
    float *scratch;                    /* ENG_LM_QUERIES * ENG_LM_KEYS floats */
};

/* y = part, + bias where there is one, + y with add, for n outputs of a row whose scale is `share`. part: of bytes
 * (sum - 128 shift) scale share, shift being whole; of 4 bits (sum - shift) share. */
struct eng_lm_finish {
    const float *shift, *scale, *bias;
    float share;
    bool add;
    size_t n;
    float *y;
};

/* Bytes for many rows: inputs 0 .. k-1 (a multiple of 4; in steps over all inputs of a layer) of ENG_LM_SPREAD outputs, w
 * as spread_s8 gives it. sums [m][ENG_LM_SPREAD] are gone on from when `more`, and left there when finish is NULL;
 * otherwise the first finish->n of a row are finished as finish_s8 does it, shares[row] being the share, y rows y_row
 * apart. */
struct eng_lm_many {
    size_t m, k, x_row, y_row;
    const uint8_t *x;
    const int8_t *w;
    int32_t *sums;
    bool more;
    const struct eng_lm_finish *finish;
    const float *shares;
};

struct eng_lm_kernels {
    enum eng_lm_isa isa;
    const char *name;

    /* Rows of k inputs to eng_lm_padded(k) elements.
     * split: each 32 inputs as the 16 of even index, then the 16 of odd index: the order of `dot_bf16`.
     * round_bf16: to bfloat16, nearest, ties to even. quantise: to round(x / s) + 128 with s = max|x| / 127, which
     * is returned (1 for a row of zeros); padding is 128. */
    void (*split)(const float *x, size_t k, float *out);
    void (*round_bf16)(const float *x, size_t k, uint16_t *out);
    float (*quantise)(const float *x, size_t k, uint8_t *out);

    /* n floats to halves, nearest, ties to even, at most 65504 in size: every result is finite, NaN becomes -65504. */
    void (*narrow_f16)(const float *x, size_t n, uint16_t *out);

    /* One row of weights to eng_lm_padded(k) floats, exactly. widen_bf16 gives the order of `split`. */
    void (*widen_bf16)(const uint16_t *w, size_t k, float *out);
    void (*widen_f16)(const uint16_t *w, size_t k, float *out);
    void (*widen_q4)(const uint8_t *w, size_t row, size_t w_row, size_t k, float *out);

    /* y += x . w. In dot_f32 both are in one order and padded. In dot_bf16 x is split and k a multiple of 32;
     * the result is bit by bit that of widen_bf16 and dot_f32. k <= ENG_LM_CHUNK. */
    void (*dot_f32)(const struct eng_lm_shape *shape, const float *x, const float *w, float *y);
    void (*dot_bf16)(const struct eng_lm_shape *shape, const float *x, const uint16_t *w, float *y);
    size_t direct_rows; /* with more rows of activations widening and dot_f32 is faster */
    /* The same with activations rounded to bfloat16, of rows (k a multiple of 32) or panels (zeros beyond k); NULL in
     * sets without such an instruction. */
    void (*dot_bf16_bf16)(const struct eng_lm_shape *shape, const uint16_t *x, const uint16_t *w, float *y);
    /* y = x . w in integers, exact; w in panels, rows padded with zeros. k <= 2^15 * ENG_LM_PAD. */
    void (*dot_s8)(const struct eng_lm_shape *shape, const uint8_t *x, const int8_t *w, int32_t *y);
    /* The same for many rows: outputs are lanes, so that no sums across a vector are left. NULL in vector sets without
     * VNNI. spread_s8: k inputs (a multiple of ENG_LM_PAD) of n <= ENG_LM_SPREAD rows of panels, from the first of these
     * inputs on, to [k / 4][ENG_LM_SPREAD][4], zeros beyond n. */
    void (*spread_s8)(const int8_t *panels, size_t w_row, size_t n, size_t k, int8_t *out);
    void (*many_s8)(const struct eng_lm_many *p);
    /* y = sum over groups, one after the other, of scale * (x . (q - zero)), x as quantise gives it (with its 128). */
    void (*dot_q4)(const struct eng_lm_shape *shape, const uint8_t *x, const uint8_t *w, float *y);
    /* Weights to the narrow formats, row by row. s8: w[k] -> out[eng_lm_padded(k)], symmetric; returns the scale, *sum
     * gets the sum of the row. q4: k a multiple of ENG_LM_GROUP -> k / 2 bytes, k / ENG_LM_GROUP scales and zeros. */
    float (*pack_s8)(const float *w, size_t k, int8_t *out, int32_t *sum);
    void (*pack_q4)(const float *w, size_t k, const struct eng_lm_q4_row *out);

    /* y = x / sqrt(mean(x^2) + eps) * gamma over rows of `width`; y may be x. */
    void (*rmsnorm)(const float *x, size_t rows, size_t width, const float *gamma, float eps, float *y);
    /* Turns pairs (i, i + d/2) of each of `heads` heads of d by the angles of cosine[d/2], sine[d/2], in place. */
    void (*rotate)(float *x, size_t heads, size_t d, const float *cosine, const float *sine);
    /* gate = gate / (1 + exp(-gate)) * up. */
    void (*silu_mul)(float *gate, const float *up, size_t n);
    void (*gelu)(float *x, size_t n);
    /* x += y. */
    void (*add)(float *x, const float *y, size_t n);
    void (*attend)(const struct eng_lm_attention *a);
    void (*attend_rounded)(const struct eng_lm_attention_rounded *a); /* NULL in sets without bfloat16 */
    /* The keys or values of n rows of d (even), x_row apart, as attend_rounded wants them; NULL in the same sets. */
    void (*round_keys)(const float *x, size_t x_row, size_t n, size_t d, uint16_t *keys);
    void (*round_values)(const float *x, size_t x_row, size_t n, size_t d, uint16_t *values);
    /* What dot_s8 and dot_q4 leave to do with the sums of a row. */
    void (*finish_s8)(const struct eng_lm_finish *f, const int32_t *sums);
    void (*finish_q4)(const struct eng_lm_finish *f, const float *sums);
    /* Index of the largest of n values, the lowest on ties; n >= 1. NaN is below everything. */
    size_t (*argmax)(const float *x, size_t n);
};

/* The best set this processor runs, and the set of one kind or NULL. */
const struct eng_lm_kernels *eng_lm_best(void);
const struct eng_lm_kernels *eng_lm_for(enum eng_lm_isa isa);

/* Puts n <= ENG_LM_PANEL rows of `bytes` bytes, `distance` apart, into a panel of rows of `length` bytes (a multiple of
 * ENG_LM_BLOCK); the rest becomes zeros. */
void eng_lm_to_panel(const void *rows, size_t distance, size_t n, size_t bytes, size_t length, void *panel);
/* The ENG_LM_PANEL rows of a panel, one after the other. */
void eng_lm_from_panel(const void *panel, size_t length, void *rows);
/* Puts a row of 4-bit weights into its panel, at 0 .. ENG_LM_Q4_PANEL-1. */
void eng_lm_q4_to_panel(const struct eng_lm_q4_row *row, size_t k, size_t at, uint8_t *panel);

/* bfloat16 and half to float, exactly. */
float eng_lm_bf16(uint16_t bits);
float eng_lm_f16(uint16_t bits);

#endif
