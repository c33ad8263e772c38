/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_COMPACT_H
#define ENGINE_COMPACT_COMPACT_H

#include <stdbool.h>

#include "engine/base/arena.h"
#include "engine/base/cancel.h"
#include "engine/base/err.h"
#include "engine/base/image.h"
#include "engine/compact/layout.h"
#include "engine/compact/recogniser.h"
#include "engine/compact/strip.h"

/* The compact reader's engine: pixels in, read lines out. Detects, decides the page's direction,
 * recognises; and says, when asked, what the layout network sees. The networks are loaded once (eng_models, immutable, shared by all threads); each
 * page worker has an eng_page_engine of its own. */
struct eng_models;
struct eng_page_engine;

/* Loads detector, recogniser and layout network from `dir` (file names in models.c). B_NOT_FOUND names the file. */
enum b_code eng_models_load(const char *dir, struct eng_models **out, struct b_err *err) B_MUST_CHECK;
void eng_models_drop(struct eng_models *models);
/* The memory in which the networks of all engines run. Borrowed. */
struct eng_memory *eng_models_memory(const struct eng_models *models);

/* threads: how many threads one page may use (detector by OpenMP, lines dealt to threads). */
enum b_code eng_page_engine_new(const struct eng_models *models, int threads, struct eng_page_engine **out,
                                struct b_err *err) B_MUST_CHECK;
void eng_page_engine_drop(struct eng_page_engine *engine);

struct eng_line {
    struct eng_strip strip;   /* in pixels of the page image that was given, read in its text's direction */
    struct eng_reading reading;
    bool unreadable;          /* text was found but could not be read: the box stays */
};

/* What the page said. All arrays live in the arena given to eng_page_read. */
struct eng_page_lines {
    struct eng_line *lines; /* detector order; reading order is decided by docparse/assembly */
    size_t count;
    size_t dropped;    /* marks that were not looked at: only on pages with many thousands of them */
    int quarter_turns; /* clockwise quarter turns that bring the page upright, 0..3 */
    float skew;        /* remaining angle of the lines on the upright page, degrees, clockwise positive */
    float curl;        /* largest deviation of a line from straight, in line heights; 0 on flat pages */
};

struct eng_page_options {
    bool fixed_direction; /* the page is known to be upright (text layer says so): no direction test */
    /* Regions to read, page pixels; n_regions 0: the whole page. Strips whose centre lies outside all
     * regions are not recognised. */
    const float (*regions)[4]; /* x0, y0, x1, y1 */
    size_t n_regions;
};

/* Reads a page. Deterministic for any number of threads. One thread at a time per engine. */
enum b_code eng_page_read(struct eng_page_engine *engine, struct b_image_view page,
                          const struct eng_page_options *options, struct b_arena *arena, struct eng_page_lines *out,
                          struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* What the layout network sees on the page, which `quarter_turns` clockwise turns bring upright. Boxes in pixels of
 * the image that was given. options: NULL for the defaults. The network is made ready on first use; the page's text
 * need not have been read. */
enum b_code eng_page_regions(struct eng_page_engine *engine, struct b_image_view page, int quarter_turns,
                             const struct eng_layout_options *options, struct eng_layout_regions *out,
                             struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

#endif
