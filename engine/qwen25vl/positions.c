/* SPDX-License-Identifier: Apache-2.0 */
/* Windows and positions as integer arithmetic. Invariant: `index` is a permutation of the units, and both
 * cu_ lists rise strictly from 0 to the number of patches. */
#include "engine/qwen25vl/positions.h"

#include <stdlib.h>
#include <string.h>

#define DOMAIN "positions"
/* 2^28 patches are 4096 times the largest published picture; int32 indices stay far from overflow. */
#define MAX_PATCHES ((int64_t)1 << 28)

static enum b_code check_grids(int merge, const struct eng_grid *grids, size_t n, int64_t *patches, int64_t *frames,
                               struct b_err *err)
{
    *patches = *frames = 0;
    for (size_t i = 0; i < n; i++) {
        const struct eng_grid *g = &grids[i];
        if (g->t < 1 || g->h < 1 || g->w < 1 || g->h % merge || g->w % merge)
            return b_fail(err, B_ARGUMENT, DOMAIN, "grid %d x %d x %d is not in units of %d", g->t, g->h, g->w, merge);
        int64_t area = (int64_t)g->h * g->w;
        if (area > MAX_PATCHES || g->t > (MAX_PATCHES - *patches) / area)
            return b_fail(err, B_LIMIT, DOMAIN, "more than %lld patches", (long long)MAX_PATCHES);
        *patches += area * g->t;
        *frames += g->t;
    }
    return B_OK;
}

/* Where the next unit, patch, window and frame go. */
struct fill {
    struct eng_windows *out;
    int merge, side; /* side of a window in units */
    int32_t unit0;   /* units of the frames before */
    size_t unit, patch;
};

static void fill_windows(struct fill *f, const struct eng_grid *g)
{
    const int lh = g->h / f->merge, lw = g->w / f->merge;
    const int32_t per_unit = f->merge * f->merge;
    for (int wy = 0; wy < lh; wy += f->side) {
        for (int wx = 0; wx < lw; wx += f->side) {
            const int y1 = wy + f->side < lh ? wy + f->side : lh, x1 = wx + f->side < lw ? wx + f->side : lw;
            for (int y = wy; y < y1; y++)
                for (int x = wx; x < x1; x++)
                    f->out->index[f->unit++] = f->unit0 + y * lw + x;
            f->out->cu_windows[++f->out->n_windows] = (int32_t)f->unit * per_unit;
        }
    }
    f->unit0 += lh * lw;
}

static void fill_rows(struct fill *f, const struct eng_grid *g)
{
    for (int by = 0; by < g->h; by += f->merge)
        for (int bx = 0; bx < g->w; bx += f->merge)
            for (int y = by; y < by + f->merge; y++)
                for (int x = bx; x < bx + f->merge; x++) {
                    f->out->rows[f->patch] = y;
                    f->out->cols[f->patch++] = x;
                }
}

static int64_t count_windows(const struct eng_grid *g, int merge, int side)
{
    const int64_t lh = g->h / merge, lw = g->w / merge;
    return g->t * ((lh + side - 1) / side) * ((lw + side - 1) / side);
}

enum b_code eng_windows_new(const struct eng_qwen_vision *vision, const struct eng_grid *grids, size_t n_grids,
                            struct eng_windows *out, struct b_err *err)
{
    memset(out, 0, sizeof *out);
    const int merge = vision->merge, side = vision->window / vision->patch / merge;
    if (side < 1)
        return b_fail(err, B_ARGUMENT, DOMAIN, "window of %d pixels is smaller than a unit", vision->window);
    int64_t patches, frames, windows = 0;
    enum b_code code = check_grids(merge, grids, n_grids, &patches, &frames, err);
    if (code)
        return code;
    for (size_t i = 0; i < n_grids; i++)
        windows += count_windows(&grids[i], merge, side);
    out->patches = (size_t)patches;
    out->units = (size_t)(patches / (merge * merge));
    out->index = calloc(out->units + 1, sizeof *out->index);
    out->cu_windows = calloc((size_t)windows + 1, sizeof *out->cu_windows);
    out->cu_frames = calloc((size_t)frames + 1, sizeof *out->cu_frames);
    out->rows = calloc(out->patches + 1, sizeof *out->rows);
    out->cols = calloc(out->patches + 1, sizeof *out->cols);
    if (!out->index || !out->cu_windows || !out->cu_frames || !out->rows || !out->cols) {
        eng_windows_free(out);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for the windows of %lld patches", (long long)patches);
    }
    struct fill f = {.out = out, .merge = merge, .side = side};
    for (size_t i = 0; i < n_grids; i++) {
        for (int t = 0; t < grids[i].t; t++) {
            fill_windows(&f, &grids[i]);
            fill_rows(&f, &grids[i]);
            out->cu_frames[++out->n_frames] = (int32_t)f.patch;
        }
    }
    return B_OK;
}

void eng_windows_free(struct eng_windows *windows)
{
    if (!windows)
        return;
    free(windows->index);
    free(windows->cu_windows);
    free(windows->cu_frames);
    free(windows->rows);
    free(windows->cols);
    memset(windows, 0, sizeof *windows);
}

/* A walk over the prompt: `next` is the position of the next text token, `at` the next place in the sequence. */
struct walk {
    const struct eng_qwen_config *config;
    const int32_t *ids;
    int32_t *out;
    size_t count, at;
    int64_t next;
};

static void put(struct walk *w, int64_t t, int64_t h, int64_t x)
{
    w->out[w->at] = (int32_t)t;
    w->out[w->count + w->at] = (int32_t)h;
    w->out[2 * w->count + w->at] = (int32_t)x;
    w->at++;
}

static enum b_code place_grid(struct walk *w, const struct eng_grid *g, int32_t pad, double time_step,
                              struct b_err *err)
{
    const int merge = w->config->vision.merge, lh = g->h / merge, lw = g->w / merge;
    const int64_t units = (int64_t)g->t * lh * lw;
    if (units > (int64_t)(w->count - w->at))
        return b_fail(err, B_ARGUMENT, DOMAIN, "the prompt has fewer pad tokens than the picture's %lld units",
                      (long long)units);
    int64_t last = 0;
    for (int64_t i = 0; i < units; i++) {
        if (w->ids[w->at] != pad)
            return b_fail(err, B_ARGUMENT, DOMAIN, "pad token %lld of %lld is missing", (long long)i, (long long)units);
        const int64_t frame = i / ((int64_t)lh * lw), r = i / lw % lh, c = i % lw;
        const double time = (double)frame * time_step;
        if (!(time >= 0 && time < (double)(1 << 30)))
            return b_fail(err, B_LIMIT, DOMAIN, "a video's time position %g is out of range", time);
        const int64_t t = (int64_t)time;
        put(w, w->next + t, w->next + r, w->next + c);
        last = last > t ? last : t;
        last = last > r ? last : r;
        last = last > c ? last : c;
    }
    w->next += last + 1;
    return B_OK;
}

static enum b_code walk_prompt(struct walk *w, const struct eng_grid *images, size_t n_images,
                               const struct eng_grid *videos, size_t n_videos, struct b_err *err)
{
    const struct eng_qwen_token_ids *ids = &w->config->ids;
    size_t image = 0, video = 0;
    while (w->at < w->count) {
        const int32_t id = w->ids[w->at];
        enum b_code code = B_OK;
        if (id == ids->image_pad && image < n_images) {
            code = place_grid(w, &images[image++], id, 0, err);
        } else if (id == ids->video_pad && video < n_videos) {
            const struct eng_grid *g = &videos[video++];
            code = place_grid(w, g, id, g->second_per_grid * w->config->vision.tokens_per_second, err);
        } else if (id == ids->image_pad || id == ids->video_pad) {
            code = b_fail(err, B_ARGUMENT, DOMAIN, "the prompt has more pad tokens than its pictures have units");
        } else {
            put(w, w->next, w->next, w->next);
            w->next++;
        }
        if (code)
            return code;
        if (w->next > INT32_MAX / 2)
            return b_fail(err, B_LIMIT, DOMAIN, "positions of the prompt are out of range");
    }
    if (image < n_images || video < n_videos)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the prompt has no pad tokens for picture %zu", image + video + 1);
    return B_OK;
}

enum b_code eng_mrope_positions(const struct eng_qwen_config *config, const int32_t *ids, size_t count,
                                const struct eng_grid *images, size_t n_images, const struct eng_grid *videos,
                                size_t n_videos, int32_t *out, int32_t *delta, struct b_err *err)
{
    int64_t patches, frames;
    enum b_code code = check_grids(config->vision.merge, images, n_images, &patches, &frames, err);
    if (!code)
        code = check_grids(config->vision.merge, videos, n_videos, &patches, &frames, err);
    if (code)
        return code;
    if (count > (size_t)MAX_PATCHES)
        return b_fail(err, B_LIMIT, DOMAIN, "a prompt of %zu tokens is too long", count);
    struct walk w = {.config = config, .ids = ids, .out = out, .count = count};
    code = walk_prompt(&w, images, n_images, videos, n_videos, err);
    if (!code)
        *delta = (int32_t)(w.next - (int64_t)count);
    return code;
}
