/* SPDX-License-Identifier: Apache-2.0 */
/* Strip -> line image -> network -> glyphs. A line that is too long for one run is cut in gaps and its
 * parts are read one after the other: their steps join without loss or repetition. Invariant: a worker
 * touches nothing but its own runner and buffers. */
#include "engine/compact/recogniser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/compact/ctc.h"
#include "engine/compact/glyphs.h"
#include "engine/compact/line_image.h"
#include "engine/compact/quotes.h"
#include "engine/compact/recogniser_private.h"
#include "engine/compact/spaces.h"
#include "engine/compact/strip_sample.h"

#define DOMAIN "recogniser"
#define MAX_WORKERS 256
#define MAX_PLANS 40   /* widths kept planned: 32, 64, .. 1280 without a miss */
#define PART_MAX 2560  /* columns read in one run; the longest line of 18 real pages has 2592 */
#define CUT_WINDOW 640 /* columns before the end of a part in which a gap is looked for */
#define WIDTH_STEP 32

struct worker {
    struct eng_runner *runner;
    struct eng_line_image image;
    struct eng_ctc_item *items;
    size_t n_items, item_cap;
};

struct eng_recogniser {
    struct eng_alphabet alphabet;
    struct worker *workers;
    int n_workers;
};

enum b_code eng_recogniser_new(const struct eng_graph *graph, int workers, struct eng_recogniser **out,
                               struct b_err *err)
{
    *out = NULL;
    if (workers < 1 || workers > MAX_WORKERS)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%d workers", workers);
    size_t len = 0;
    const char *characters = eng_graph_metadata(graph, "character", &len);
    if (!characters)
        return b_fail(err, B_FORMAT, DOMAIN, "the recogniser's file has no character list");
    struct eng_recogniser *r = calloc(1, sizeof *r);
    if (!r)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    enum b_code code = eng_alphabet_parse(characters, len, &r->alphabet, err);
    if (code == B_OK && !(r->workers = calloc((size_t)workers, sizeof *r->workers)))
        code = b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    for (; code == B_OK && r->n_workers < workers; r->n_workers++) {
        const struct eng_runner_options options = {.threads = 1, .max_plans = MAX_PLANS};
        code = eng_runner_new(graph, &options, &r->workers[r->n_workers].runner, err);
        if (code != B_OK)
            break;
    }
    if (code != B_OK) {
        eng_recogniser_drop(r);
        return code;
    }
    *out = r;
    return B_OK;
}

void eng_recogniser_drop(struct eng_recogniser *recogniser)
{
    if (!recogniser)
        return;
    for (int i = 0; i < recogniser->n_workers; i++) {
        eng_runner_drop(recogniser->workers[i].runner);
        eng_line_image_free(&recogniser->workers[i].image);
        free(recogniser->workers[i].items);
    }
    free(recogniser->workers);
    eng_alphabet_free(&recogniser->alphabet);
    free(recogniser);
}

/* Where the part that begins at `from` ends: the middle of the widest gap near its largest extent, on a
 * time step's boundary. */
static int part_end(const struct eng_line_image *image, float level, int from)
{
    if (image->content - from <= PART_MAX)
        return image->content;
    const int hi = from + PART_MAX;
    int best = hi, widest = 0, run = 0;
    for (int x = hi - CUT_WINDOW; x < hi; x++) {
        run = image->ink[x] < level ? run + 1 : 0;
        if (run > widest) {
            widest = run;
            best = x + 1 - run / 2;
        }
    }
    return best / ENG_STEP_PIXELS * ENG_STEP_PIXELS;
}

/* Columns [from, to) of the image as the network's planar input of `width` columns; columns behind the
 * line's end are mid-grey, as in training. */
static void fill_input(const struct eng_line_image *image, int from, int to, int width, float *input)
{
    const size_t plane = (size_t)ENG_LINE_PIXELS * (size_t)width;
    for (int y = 0; y < ENG_LINE_PIXELS; y++) {
        const float *row = image->bgr + ((size_t)y * (size_t)image->width + (size_t)from) * 3;
        float *line = input + (size_t)y * (size_t)width;
        for (int x = 0; x < to - from; x++)
            for (size_t c = 0; c < 3; c++)
                line[plane * c + (size_t)x] = row[3 * x + (int)c] * (1.0f / 127.5f) - 1.0f;
        for (int x = to - from; x < width; x++)
            for (size_t c = 0; c < 3; c++)
                line[plane * c + (size_t)x] = 0.0f;
    }
}

static enum b_code reserve_items(struct worker *w, size_t more, struct b_err *err)
{
    if (w->n_items + more <= w->item_cap)
        return B_OK;
    const size_t cap = (w->n_items + more) * 2;
    struct eng_ctc_item *items = realloc(w->items, cap * sizeof *items);
    if (!items)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %zu steps", cap);
    w->items = items;
    w->item_cap = cap;
    return B_OK;
}

/* Appends what columns [from, to) say to the worker's items. */
static enum b_code read_part(const struct eng_recogniser *r, struct worker *w, int from, int to,
                             struct b_cancel *cancel, struct b_err *err)
{
    const int width = (to - from + WIDTH_STEP - 1) / WIDTH_STEP * WIDTH_STEP;
    const int64_t dims[4] = {1, 3, ENG_LINE_PIXELS, width};
    float *input = NULL;
    enum b_code code = eng_runner_input(w->runner, dims, &input, err);
    if (code != B_OK)
        return code;
    fill_input(&w->image, from, to, width, input);
    struct eng_tensor outputs[ENG_MAX_OUTPUTS];
    if ((code = eng_runner_run(w->runner, outputs, cancel, err)) != B_OK)
        return code;
    const struct eng_tensor *t = &outputs[0];
    if (t->n_dims != 3 || t->dims[0] != 1 || t->dims[1] != width / ENG_STEP_PIXELS || t->dims[2] != 2)
        return b_fail(err, B_UNSUPPORTED, DOMAIN, "the recogniser's output has an unexpected shape");
    /* Steps over nothing but padding say nothing. */
    const size_t steps = (size_t)(to - from + ENG_STEP_PIXELS - 1) / ENG_STEP_PIXELS;
    if ((code = reserve_items(w, steps, err)) != B_OK)
        return code;
    struct eng_ctc_item *items = w->items + w->n_items;
    const size_t n = eng_ctc_collapse(&r->alphabet, t->data, steps, items);
    for (size_t i = 0; i < n; i++) {
        items[i].first += from / ENG_STEP_PIXELS;
        items[i].last += from / ENG_STEP_PIXELS;
    }
    w->n_items += n;
    return B_OK;
}

static float column_width(const struct eng_line_image *image)
{
    return fabsf(image->u[image->content] - image->u[0]) / (float)image->content;
}

/* Items -> reading in the arena, without spaces at the ends. */
static enum b_code finish(struct worker *w, bool settle_quotes, struct b_arena *arena, struct eng_reading *out,
                          struct b_err *err)
{
    const struct eng_ctc_item *items = w->items;
    size_t n = w->n_items;
    while (n > 0 && b_cp_is_space(items[n - 1].cp))
        n--;
    while (n > 0 && b_cp_is_space(items->cp)) {
        items++;
        n--;
    }
    /* Room for a space behind every glyph: eng_spaces_restore. */
    struct eng_glyph *glyphs = n < SIZE_MAX / 8 ? B_ARENA_ARRAY(arena, 2 * n, struct eng_glyph) : NULL;
    if (!glyphs)
        return b_arena_refused(arena, DOMAIN, err);
    eng_glyphs_place(&w->image, items, n, glyphs);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)glyphs[i].confidence;
    const float confidence = n ? (float)(sum / (double)n) : 0.0f;
    enum b_code code = eng_spaces_restore(glyphs, n, column_width(&w->image), &n, err);
    if (code != B_OK)
        return code;
    if (settle_quotes)
        eng_quotes_settle(&w->image, glyphs, n);
    char *text = b_arena_alloc(arena, n * 4 + 1, 1);
    if (!text)
        return b_arena_refused(arena, DOMAIN, err);
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += b_utf8_put(glyphs[i].cp, text + len);
    text[len] = '\0';
    *out = (struct eng_reading){text, glyphs, n, confidence};
    return B_OK;
}

/* Fills the worker's image and items. */
static enum b_code read_items(struct eng_recogniser *recogniser, struct worker *w, struct b_image_view page,
                              const struct eng_strip *strip, enum eng_line_look look, struct b_cancel *cancel,
                              struct b_err *err)
{
    enum b_code code = eng_line_image_make(&w->image, page, strip, look, err);
    if (code != B_OK)
        return code;
    const float level = eng_line_gap_level(&w->image);
    w->n_items = 0;
    for (int from = 0, to; from < w->image.content; from = to) {
        to = part_end(&w->image, level, from);
        code = b_cancel_check(cancel, err);
        if (code == B_OK)
            code = read_part(recogniser, w, from, to, cancel, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

static enum b_code read_strip(struct eng_recogniser *recogniser, int worker, struct b_image_view page,
                              const struct eng_strip *strip, enum eng_line_look look, bool settle_quotes,
                              struct b_arena *arena, struct eng_reading *out, struct b_cancel *cancel,
                              struct b_err *err)
{
    *out = (struct eng_reading){.text = ""};
    if (worker < 0 || worker >= recogniser->n_workers)
        return b_fail(err, B_ARGUMENT, DOMAIN, "worker %d of %d", worker, recogniser->n_workers);
    struct worker *w = &recogniser->workers[worker];
    enum b_code code = read_items(recogniser, w, page, strip, look, cancel, err);
    return code == B_OK ? finish(w, settle_quotes, arena, out, err) : code;
}

enum b_code eng_recogniser_read_as(struct eng_recogniser *recogniser, int worker, struct b_image_view page,
                                   const struct eng_strip *strip, enum eng_line_look look, struct b_arena *arena,
                                   struct eng_reading *out, struct b_cancel *cancel, struct b_err *err)
{
    return read_strip(recogniser, worker, page, strip, look, look != ENG_LOOK_STACKED, arena, out, cancel, err);
}

void eng_recogniser_rest(struct eng_recogniser *recogniser)
{
    for (int i = 0; i < recogniser->n_workers; i++)
        eng_runner_rest(recogniser->workers[i].runner);
}

enum b_code eng_recogniser_read(struct eng_recogniser *recogniser, int worker, struct b_image_view page,
                                const struct eng_strip *strip, struct b_arena *arena, struct eng_reading *out,
                                struct b_cancel *cancel, struct b_err *err)
{
    return read_strip(recogniser, worker, page, strip, ENG_LOOK_PLAIN, false, arena, out, cancel, err);
}

enum b_code eng_strip_sample(struct b_image_view page, const struct eng_strip *strip, float **bgr, int *width,
                             struct b_err *err)
{
    *bgr = NULL;
    *width = 0;
    struct eng_line_image image = {0};
    enum b_code code = eng_line_image_make(&image, page, strip, ENG_LOOK_PLAIN, err);
    if (code == B_OK) {
        *bgr = image.bgr;
        *width = image.width;
        image.bgr = NULL;
    }
    eng_line_image_free(&image);
    return code;
}
