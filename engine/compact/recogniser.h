/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_RECOGNISER_H
#define ENGINE_COMPACT_RECOGNISER_H

#include <stdbool.h>

#include "engine/base/arena.h"
#include "engine/base/cancel.h"
#include "engine/base/err.h"
#include "engine/base/image.h"
#include "engine/compact/strip.h"
#include "engine/graph/graph.h"

/* Text recognition: PP-OCRv6 small recogniser (CTC). Reads strips. A line's result depends on its own
 * pixels only: never on its neighbours in a batch, the number of threads or the order. */
struct eng_recogniser;

struct eng_glyph {
    uint32_t cp;      /* code point */
    float u0, u1;     /* extent along the strip's axis, page pixels (from the time steps) */
    float confidence; /* 0..1 */
};

/* One reading of a strip. Text and glyphs live in the arena given to eng_recogniser_read. */
struct eng_reading {
    const char *text; /* UTF-8, never NULL; "" when nothing could be read */
    struct eng_glyph *glyphs;
    size_t n_glyphs;  /* spaces included */
    float confidence; /* mean over the glyphs, 0 when there is none */
};

/* Borrows the graph (loaded with ctc_argmax). Immutable after creation apart from its runners: worker w
 * of `workers` uses runner w; one thread at a time per worker number. */
enum b_code eng_recogniser_new(const struct eng_graph *graph, int workers, struct eng_recogniser **out,
                               struct b_err *err) B_MUST_CHECK;
void eng_recogniser_drop(struct eng_recogniser *recogniser);

/* Reads one strip of the page on worker `worker`: what the network says, quotation marks straight as it was trained. */
enum b_code eng_recogniser_read(struct eng_recogniser *recogniser, int worker, struct b_image_view page,
                                const struct eng_strip *strip, struct b_arena *arena, struct eng_reading *out,
                                struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* A word of a reading: glyphs [first, first + count), none of them a space. */
struct eng_word {
    size_t first, count;
    float u0, u1;     /* extent along the strip's axis, page pixels */
    float confidence; /* mean over its glyphs */
    bool joined;      /* the next word follows without a space between them (script changes, CJK punctuation) */
};

/* Splits a reading at spaces, where CJK and other scripts meet, behind CJK punctuation and at gaps wider
 * than the strip is high. words[0..max) are filled; returns how many there are (at most n_glyphs). */
size_t eng_reading_words(const struct eng_reading *reading, float strip_height, struct eng_word *words, size_t max);

/* The strip resampled once, sub-pixel, to 48 px height: B,G,R interleaved floats in 0..255, width *width (a
 * multiple of 32; the columns behind ceil(48 * length / height) are mid-grey). Used by the recogniser itself, by tests and by pictures. Free with free(). */
enum b_code eng_strip_sample(struct b_image_view page, const struct eng_strip *strip, float **bgr, int *width,
                             struct b_err *err) B_MUST_CHECK;

#endif
