/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_IMAGE_PROCESSOR_H
#define ENGINE_QWEN25VL_IMAGE_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/base/image.h"
#include "engine/qwen25vl/config.h"

/* Pixels to the vision tower's input, bit by bit as the reference: smart resize, bicubic on 8 bits, normalise,
 * patches in blocks of merge x merge. A visual keeps the resized bytes; patches are made from them range by range, so
 * that a large page never needs its float tensor whole. Functions are thread-safe; a visual is immutable. */

/* Size a picture is read at: multiples of `factor` (patch * merge), area within [min, max] where possible, ratio
 * kept. B_ARGUMENT: a side below 1, or a ratio above 200. */
enum b_code eng_smart_resize(int height, int width, int factor, int64_t min_pixels, int64_t max_pixels, int *out_height,
                             int *out_width, struct b_err *err) B_MUST_CHECK;

/* Antialiased bicubic on 8 bits, horizontal pass first. dst: height * width * channels bytes, contiguous.
 * ENG_BICUBIC_PILLOW: 22-bit weights (still images). ENG_BICUBIC_TORCH: 16-bit weights (video frames). */
enum eng_bicubic { ENG_BICUBIC_PILLOW = 0, ENG_BICUBIC_TORCH };
enum b_code eng_bicubic_resize(struct b_image_view src, enum eng_bicubic kind, int height, int width, uint8_t *dst,
                               struct b_err *err) B_MUST_CHECK;

/* One RGBA pixel row over white, as the reference pastes: n pixels of 4 bytes to n of 3. */
void eng_rgba_over_white(const uint8_t *rgba, size_t n, uint8_t *rgb);

/* One picture or video, ready for the tower. grid_h and grid_w are multiples of merge. */
struct eng_visual {
    bool video;
    int frames;        /* 1 for a picture (which stands for both frames of its patches); a video's even count */
    int height, width; /* after resizing; multiples of patch * merge */
    int grid_t, grid_h, grid_w;
    double second_per_grid; /* video: temporal_patch / fps; 0 for a picture */
    uint8_t *pixels;        /* R G B [frames, height, width, 3]; owned */
};

struct eng_visual_limits {
    int64_t min_pixels, max_pixels; /* 0: the checkpoint's */
    uint64_t max_bytes;             /* of the resized pixels; 0: 1 GiB */
};

/* view: 1 or 3 channels. Free with eng_visual_free. */
enum b_code eng_visual_from_image(const struct eng_qwen_preprocess *pre, struct b_image_view view,
                                  const struct eng_visual_limits *limits, struct eng_visual *out,
                                  struct b_err *err) B_MUST_CHECK;

enum { ENG_VIDEO_MAX_FRAMES = 4096, ENG_VIDEO_MAX_FPS = 1000 };

/* Frames of one size, already chosen (see eng_video_sample), that are fps frames a second apart. An odd count
 * repeats the last frame. kind: ENG_BICUBIC_PILLOW for a list of pictures, ENG_BICUBIC_TORCH for frames of a video
 * file, as the reference resizes them. */
enum b_code eng_visual_from_frames(const struct eng_qwen_preprocess *pre, const struct b_image_view *frames,
                                   int n_frames, double fps, enum eng_bicubic kind,
                                   const struct eng_visual_limits *limits, struct eng_visual *out,
                                   struct b_err *err) B_MUST_CHECK;
void eng_visual_free(struct eng_visual *visual);

/* Which of `total` frames shot at `video_fps` to read so that about `want_fps` a second are seen: between
 * min_frames and max_frames, an even count. index: room for max_frames. *fps: the rate that results. */
struct eng_video_rate {
    double want_fps;            /* 0: 2 */
    int min_frames, max_frames; /* 0: 4, 768 */
};
enum b_code eng_video_sample(int total, double video_fps, const struct eng_video_rate *rate, int *index, int *count,
                             double *fps, struct b_err *err) B_MUST_CHECK;
/* Pixel limits of one frame of a video of n frames, by the reference's rule (a total budget shared by all). */
struct eng_visual_limits eng_video_limits(int n_frames);

/* Number of patches (grid_t * grid_h * grid_w) and of tokens in the prompt (patches / merge^2). */
int64_t eng_visual_patches(const struct eng_visual *visual);
int64_t eng_visual_tokens(const struct eng_visual *visual, int merge);

/* Patches first .. first+count-1 in the reference's order as float32 [count, 1176]: channel, frame, row, column. */
void eng_visual_patch_values(const struct eng_visual *visual, const struct eng_qwen_preprocess *pre, int64_t first,
                             int64_t count, float *out);

#endif
