/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures and videos to the vision tower's patches. Invariant: a visual's sides are multiples of patch * merge, its
 * frames are one or a multiple of temporal_patch, and its float values are only ever made from its bytes, so that
 * any range of patches can be made again at any time. */
#include "engine/qwen25vl/image_processor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN "image"
#define MAX_RATIO 200.0
#define DEFAULT_MAX_BYTES ((uint64_t)1 << 30)
/* Sides above this are refused before any arithmetic on them. */
#define MAX_SIDE (1 << 24)

/* The nearest multiple of factor, halves to the even one, as the reference's language rounds. */
static int64_t round_to(int64_t n, int factor)
{
    const int64_t q = n / factor, twice = n % factor * 2;
    return (q + (twice > factor || (twice == factor && q % 2))) * factor;
}

enum b_code eng_smart_resize(int height, int width, int factor, int64_t min_pixels, int64_t max_pixels, int *out_height,
                             int *out_width, struct b_err *err)
{
    if (height < 1 || width < 1 || factor < 1 || min_pixels < 1 || max_pixels < min_pixels)
        return b_fail(err, B_ARGUMENT, DOMAIN, "a picture of %d x %d pixels cannot be resized", width, height);
    if (height > MAX_SIDE || width > MAX_SIDE)
        return b_fail(err, B_LIMIT, DOMAIN, "a side of %d x %d pixels is above %d", width, height, MAX_SIDE);
    const double longer = height > width ? height : width, shorter = height > width ? width : height;
    if (longer / shorter > MAX_RATIO)
        return b_fail(err, B_ARGUMENT, DOMAIN, "a picture of %d x %d pixels is longer than %g times its width", width,
                      height, MAX_RATIO);
    int64_t h = round_to(height, factor), w = round_to(width, factor);
    const double area = (double)height * (double)width;
    if (h * w > max_pixels) {
        const double beta = sqrt(area / (double)max_pixels);
        h = (int64_t)floor(height / beta / factor) * factor;
        w = (int64_t)floor(width / beta / factor) * factor;
        h = h < factor ? factor : h;
        w = w < factor ? factor : w;
    } else if (h * w < min_pixels) {
        const double beta = sqrt((double)min_pixels / area);
        h = (int64_t)ceil(height * beta / factor) * factor;
        w = (int64_t)ceil(width * beta / factor) * factor;
    }
    if (h < 1 || w < 1 || h > MAX_SIDE || w > MAX_SIDE)
        return b_fail(err, B_LIMIT, DOMAIN, "%d x %d pixels have no size in the limits", width, height);
    *out_height = (int)h;
    *out_width = (int)w;
    return B_OK;
}

static enum b_code check_view(const struct b_image_view *v, struct b_err *err)
{
    if (!v->pixels || v->width < 1 || v->height < 1 || (v->channels != 1 && v->channels != 3))
        return b_fail(err, B_ARGUMENT, DOMAIN, "a picture of %d x %d pixels and %d channels", v->width, v->height,
                      v->channels);
    return B_OK;
}

/* Size and memory of a visual of `frames` frames (1: a picture). */
static enum b_code prepare(const struct eng_qwen_preprocess *pre, int height, int width, int frames, bool video,
                           const struct eng_visual_limits *limits, struct eng_visual *out, struct b_err *err)
{
    const int64_t least = limits && limits->min_pixels ? limits->min_pixels : pre->min_pixels;
    const int64_t most = limits && limits->max_pixels ? limits->max_pixels : pre->max_pixels;
    const uint64_t max_bytes = limits && limits->max_bytes ? limits->max_bytes : DEFAULT_MAX_BYTES;
    memset(out, 0, sizeof *out);
    enum b_code code = eng_smart_resize(height, width, pre->patch * pre->merge, least, most < least ? least : most,
                                        &out->height, &out->width, err);
    if (code)
        return code;
    const uint64_t frame = (uint64_t)out->height * (uint64_t)out->width * ENG_QWEN_CHANNELS;
    if ((uint64_t)frames > max_bytes / frame)
        return b_fail(err, B_LIMIT, DOMAIN, "%d frames of %d x %d pixels are above the bound of %llu bytes", frames,
                      out->width, out->height, (unsigned long long)max_bytes);
    out->video = video;
    out->frames = frames;
    out->grid_t = video ? frames / pre->temporal_patch : 1;
    out->grid_h = out->height / pre->patch;
    out->grid_w = out->width / pre->patch;
    out->pixels = malloc((size_t)(frame * (uint64_t)frames));
    return out->pixels ? B_OK
                       : b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %d frames of %d x %d pixels", frames,
                                out->width, out->height);
}

/* Grey in the first third of the frame becomes R = G = B, from the end on, in place. */
static void spread_grey(uint8_t *frame, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        const uint8_t grey = frame[i];
        frame[3 * i] = frame[3 * i + 1] = frame[3 * i + 2] = grey;
    }
}

static enum b_code put_frame(const struct b_image_view *view, enum eng_bicubic kind, int at, struct eng_visual *v,
                             struct b_err *err)
{
    const size_t n = (size_t)v->height * (size_t)v->width;
    uint8_t *frame = v->pixels + (size_t)at * n * ENG_QWEN_CHANNELS;
    enum b_code code = eng_bicubic_resize(*view, kind, v->height, v->width, frame, err);
    if (!code && view->channels == 1)
        spread_grey(frame, n);
    return code;
}

enum b_code eng_visual_from_image(const struct eng_qwen_preprocess *pre, struct b_image_view view,
                                  const struct eng_visual_limits *limits, struct eng_visual *out, struct b_err *err)
{
    memset(out, 0, sizeof *out);
    enum b_code code = check_view(&view, err);
    if (!code)
        code = prepare(pre, view.height, view.width, 1, false, limits, out, err);
    if (!code)
        code = put_frame(&view, ENG_BICUBIC_PILLOW, 0, out, err);
    if (code)
        eng_visual_free(out);
    return code;
}

enum b_code eng_visual_from_frames(const struct eng_qwen_preprocess *pre, const struct b_image_view *frames,
                                   int n_frames, double fps, enum eng_bicubic kind,
                                   const struct eng_visual_limits *limits, struct eng_visual *out, struct b_err *err)
{
    memset(out, 0, sizeof *out);
    if (n_frames < 1 || n_frames > ENG_VIDEO_MAX_FRAMES || !(fps > 0 && fps <= ENG_VIDEO_MAX_FPS))
        return b_fail(err, B_ARGUMENT, DOMAIN, "a video of %d frames at %g a second", n_frames, fps);
    enum b_code code = B_OK;
    for (int i = 0; i < n_frames && !code; i++) {
        code = check_view(&frames[i], err);
        if (!code && (frames[i].width != frames[0].width || frames[i].height != frames[0].height))
            code = b_fail(err, B_ARGUMENT, DOMAIN, "frame %d is %d x %d pixels, the first is %d x %d", i + 1,
                          frames[i].width, frames[i].height, frames[0].width, frames[0].height);
    }
    const int whole = (n_frames + pre->temporal_patch - 1) / pre->temporal_patch * pre->temporal_patch;
    if (!code)
        code = prepare(pre, frames[0].height, frames[0].width, whole, true, limits, out, err);
    for (int i = 0; i < n_frames && !code; i++)
        code = put_frame(&frames[i], kind, i, out, err);
    if (code) {
        eng_visual_free(out);
        return code;
    }
    const size_t frame = (size_t)out->height * (size_t)out->width * ENG_QWEN_CHANNELS;
    for (int i = n_frames; i < whole; i++)
        memcpy(out->pixels + (size_t)i * frame, out->pixels + (size_t)(n_frames - 1) * frame, frame);
    out->second_per_grid = pre->temporal_patch / fps;
    return B_OK;
}

void eng_visual_free(struct eng_visual *visual)
{
    if (!visual)
        return;
    free(visual->pixels);
    memset(visual, 0, sizeof *visual);
}

int64_t eng_visual_patches(const struct eng_visual *visual)
{
    return (int64_t)visual->grid_t * visual->grid_h * visual->grid_w;
}

int64_t eng_visual_tokens(const struct eng_visual *visual, int merge)
{
    return eng_visual_patches(visual) / ((int64_t)merge * merge);
}

/* Byte to value: float32 of the exact product, then float32 subtraction and division, as the reference. */
static void value_table(const struct eng_qwen_preprocess *pre, float table[ENG_QWEN_CHANNELS][256])
{
    for (int c = 0; c < ENG_QWEN_CHANNELS; c++)
        for (int i = 0; i < 256; i++) {
            const float scaled = (float)(i * pre->rescale), centred = scaled - pre->mean[c];
            table[c][i] = centred / pre->std[c];
        }
}

void eng_visual_patch_values(const struct eng_visual *v, const struct eng_qwen_preprocess *pre, int64_t first,
                             int64_t count, float *out)
{
    float table[ENG_QWEN_CHANNELS][256];
    value_table(pre, table);
    const int patch = pre->patch, merge = pre->merge, per_unit = merge * merge, blocks = v->grid_w / merge;
    const size_t row = (size_t)v->width * ENG_QWEN_CHANNELS, frame = row * (size_t)v->height;
    const int64_t per_frame = (int64_t)v->grid_h * v->grid_w;
    for (int64_t p = first; p < first + count; p++) {
        const int t = (int)(p / per_frame), in_frame = (int)(p % per_frame);
        const int unit = in_frame / per_unit, place = in_frame % per_unit;
        const int y = (unit / blocks * merge + place / merge) * patch,
                  x = (unit % blocks * merge + place % merge) * patch;
        for (int c = 0; c < ENG_QWEN_CHANNELS; c++) {
            for (int s = 0; s < pre->temporal_patch; s++) {
                const size_t at = v->video ? (size_t)t * (size_t)pre->temporal_patch + (size_t)s : 0;
                const uint8_t *src = v->pixels + at * frame + (size_t)y * row + (size_t)x * ENG_QWEN_CHANNELS;
                for (int r = 0; r < patch; r++, src += row)
                    for (int k = 0; k < patch; k++)
                        *out++ = table[c][src[k * ENG_QWEN_CHANNELS + c]];
            }
        }
    }
}
