/* SPDX-License-Identifier: Apache-2.0 */
/* A page from pixels to read lines: detect, decide the direction, read, look again, hand out. Invariant:
 * every strip the detector found inside the regions becomes a line of the result, read or not. */
#include "engine/compact/compact.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/cancel.h"
#include "engine/compact/models_private.h"
#include "engine/compact/page_private.h"

#define DOMAIN "page"
#define MAX_THREADS 64
#define READABLE 0.5f /* mean confidence of text; what the reference pipeline drops (compact-models.md 2.5) */

enum b_code eng_page_engine_new(const struct eng_models *models, int threads, struct eng_page_engine **out,
                                struct b_err *err)
{
    *out = NULL;
    if (threads < 1 || threads > MAX_THREADS)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%d threads", threads);
    struct eng_page_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    engine->models = models;
    engine->threads = threads;
    enum b_code code = eng_detector_new(models->detector, threads, &engine->detector, err);
    if (code == B_OK)
        code = eng_crew_new(models->recogniser, threads, &engine->crew, err);
    if (code != B_OK) {
        eng_page_engine_drop(engine);
        return code;
    }
    *out = engine;
    return B_OK;
}

void eng_page_engine_drop(struct eng_page_engine *engine)
{
    if (!engine)
        return;
    eng_detector_drop(engine->detector);
    eng_crew_free(&engine->crew);
    eng_layout_drop(engine->layout);
    free(engine);
}

static bool is_wanted(const struct eng_strip *strip, const struct eng_page_options *options)
{
    if (!options || options->n_regions == 0)
        return true;
    const struct eng_point c = eng_strip_at(strip, (strip->u0 + strip->u1) * 0.5f, 0.0f);
    for (size_t i = 0; i < options->n_regions; i++) {
        const float *r = options->regions[i];
        if (c.x >= r[0] && c.x <= r[2] && c.y >= r[1] && c.y <= r[3])
            return true;
    }
    return false;
}

/* A look at the page: its pixels, perhaps turned, and what was found and read on them. */
struct pass {
    struct eng_page_engine *engine;
    const struct eng_page_options *options;
    struct b_image_view page; /* the original turned clockwise by `turns` */
    int turns;
    int width, height; /* of the original */
    struct eng_strip_list found;
    bool *active;
    struct eng_page_line *lines;
    struct eng_page_job job;
};

static void end_pass(struct pass *pass)
{
    eng_strip_list_free(&pass->found);
    free(pass->active);
    free(pass->lines);
    pass->active = NULL;
    pass->lines = NULL;
}

/* Point of the turned page -> point of the original. */
static struct eng_point original_point(const struct pass *pass, struct eng_point p)
{
    const float w = (float)pass->width, h = (float)pass->height;
    switch (pass->turns & 3) {
    case 1:
        return (struct eng_point){p.y, h - p.x};
    case 2:
        return (struct eng_point){w - p.x, h - p.y};
    case 3:
        return (struct eng_point){w - p.y, p.x};
    default:
        return p;
    }
}

static struct eng_strip original_strip(const struct pass *pass, const struct eng_strip *strip)
{
    static const float cosine[4] = {1.0f, 0.0f, -1.0f, 0.0f}, sine[4] = {0.0f, 1.0f, 0.0f, -1.0f};
    const float c = cosine[pass->turns & 3], s = sine[pass->turns & 3];
    struct eng_strip out = *strip;
    out.origin = original_point(pass, strip->origin);
    out.ux = c * strip->ux + s * strip->uy;
    out.uy = c * strip->uy - s * strip->ux;
    for (int i = 0; i < 4; i++)
        out.quad[i] = original_point(pass, strip->quad[i]);
    return out;
}

/* A reading moved from the crew's scratch into the arena. */
static enum b_code keep_reading(const struct eng_reading *from, struct b_arena *arena, struct eng_reading *to,
                                struct b_err *err)
{
    *to = *from;
    to->text = b_arena_text(arena, from->text, strlen(from->text));
    to->glyphs = B_ARENA_ARRAY(arena, from->n_glyphs, struct eng_glyph);
    if (!to->text || !to->glyphs)
        return b_arena_refused(arena, DOMAIN, err);
    if (from->n_glyphs)
        memcpy(to->glyphs, from->glyphs, from->n_glyphs * sizeof *from->glyphs);
    return B_OK;
}

static enum b_code hand_out(const struct pass *pass, struct b_arena *arena, struct eng_page_lines *out,
                            struct b_err *err)
{
    const struct eng_page_job *job = &pass->job;
    out->dropped = pass->found.dropped;
    out->quarter_turns = (pass->turns + job->quarter_turns) & 3;
    eng_page_figures(job, &out->skew, &out->curl);
    out->lines = B_ARENA_ARRAY(arena, job->n, struct eng_line);
    if (!out->lines)
        return b_arena_refused(arena, DOMAIN, err);
    for (size_t i = 0; i < job->n; i++) {
        const struct eng_page_line *l = &job->lines[i];
        if (!l->read)
            continue;
        struct eng_line *line = &out->lines[out->count++];
        line->strip = original_strip(pass, &job->strips[i]);
        if (l->sense.reversed)
            line->strip = eng_strip_reversed(&line->strip);
        line->unreadable = l->reading.n_glyphs == 0 || l->reading.confidence < READABLE;
        enum b_code code = keep_reading(&l->reading, arena, &line->reading, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

/* Adds the time since *since to *sum and moves *since on. */
static void clock_stage(int64_t *since, double *sum)
{
    const int64_t now = b_now_ns();
    *sum += (double)(now - *since) * 1e-9;
    *since = now;
}

/* Finds the strips and decides which way they are read. */
static enum b_code begin_pass(struct pass *pass, struct b_cancel *cancel, struct b_err *err)
{
    const bool upright = pass->options && pass->options->fixed_direction;
    int64_t since = b_now_ns();
    enum b_code code = eng_detector_find(pass->engine->detector, pass->page, NULL, &pass->found, cancel, err);
    if (code != B_OK)
        return code;
    clock_stage(&since, &pass->engine->times.detect);
    const size_t n = pass->found.count, room = n ? n : 1;
    pass->active = calloc(room, sizeof *pass->active);
    pass->lines = calloc(room, sizeof *pass->lines);
    if (!pass->active || !pass->lines)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %zu lines", n);
    for (size_t i = 0; i < n; i++) {
        const struct eng_strip strip = original_strip(pass, &pass->found.strips[i]);
        pass->active[i] = is_wanted(&strip, pass->options);
    }
    pass->job = (struct eng_page_job){.crew = &pass->engine->crew,
                                      .page = pass->page,
                                      .strips = pass->found.strips,
                                      .active = pass->active,
                                      .lines = pass->lines,
                                      .n = n,
                                      .cancel = cancel};
    eng_crew_forget(&pass->engine->crew);
    code = eng_page_decide_direction(&pass->job, upright, err);
    clock_stage(&since, &pass->engine->times.direction);
    return code;
}

/* A page that is not upright is turned and looked at again: the detector was trained on upright text, and
 * the result becomes that of the upright page, strips mapped back. */
static enum b_code turn_page(struct pass *pass, struct b_image *turned, struct b_cancel *cancel, struct b_err *err)
{
    const int turns = pass->job.quarter_turns;
    enum b_code code = b_image_turn(pass->page, turns, turned, err);
    if (code != B_OK)
        return code;
    end_pass(pass);
    pass->page = b_image_view_of(turned);
    pass->turns = turns;
    return begin_pass(pass, cancel, err);
}

enum b_code eng_page_read(struct eng_page_engine *engine, struct b_image_view page,
                          const struct eng_page_options *options, struct b_arena *arena, struct eng_page_lines *out,
                          struct b_cancel *cancel, struct b_err *err)
{
    *out = (struct eng_page_lines){.lines = NULL};
    if (!page.pixels || page.width < 1 || page.height < 1 || (page.channels != 1 && page.channels != 3))
        return b_fail(err, B_ARGUMENT, DOMAIN, "a page of %dx%d pixels with %d channels", page.width, page.height,
                      page.channels);
    struct b_image turned = {.pixels = NULL};
    struct pass pass = {.engine = engine, .options = options, .page = page, .width = page.width, .height = page.height};
    engine->times = (struct eng_page_times){.detect = 0.0};
    enum b_code code = begin_pass(&pass, cancel, err);
    if (code == B_OK && pass.job.quarter_turns != 0)
        code = turn_page(&pass, &turned, cancel, err);
    int64_t since = b_now_ns();
    if (code == B_OK)
        code = eng_page_read_rest(&pass.job, err);
    clock_stage(&since, &engine->times.read);
    if (code == B_OK)
        code = eng_page_second_look(&pass.job, err);
    clock_stage(&since, &engine->times.again);
    if (code == B_OK)
        code = hand_out(&pass, arena, out, err);
    end_pass(&pass);
    b_image_free(&turned);
    return code;
}
