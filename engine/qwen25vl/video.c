/* SPDX-License-Identifier: Apache-2.0 */
/* Which frames of a video are read and how large: the reference's rules, whose constants are those of its video
 * reader. Indices rise and the number of frames is even. */
#include <math.h>

#include "engine/qwen25vl/image_processor.h"

#define DOMAIN "video"
#define FRAME_FACTOR 2
#define WANT_FPS 2.0
#define MIN_FRAMES 4
#define MAX_FRAMES 768
#define UNIT_PIXELS ((int64_t)28 * 28)
#define VIDEO_MIN_PIXELS (128 * UNIT_PIXELS)
#define VIDEO_MAX_PIXELS (768 * UNIT_PIXELS)
/* Nine tenths of a context of 128,000 tokens. */
#define VIDEO_TOTAL_PIXELS (128000 * UNIT_PIXELS / 10 * 9)

/* Entry i of n numbers evenly spread over 0 .. last, in float32 and from both ends, as the reference spaces them. */
static int spread(int last, int n, int i)
{
    const float step = (float)last / (float)(n - 1);
    const float at = i < n / 2 ? step * (float)i : (float)last - step * (float)(n - 1 - i);
    const float low = floorf(at), rest = at - low;
    const int whole = (int)low;
    return whole + (rest > 0.5f || (rest == 0.5f && whole % 2));
}

enum b_code eng_video_sample(int total, double video_fps, const struct eng_video_rate *rate, int *index, int *count,
                             double *fps, struct b_err *err)
{
    const double want = rate && rate->want_fps > 0 ? rate->want_fps : WANT_FPS;
    int least = rate && rate->min_frames > 0 ? rate->min_frames : MIN_FRAMES;
    int most = rate && rate->max_frames > 0 ? rate->max_frames : MAX_FRAMES;
    if (total < 1 || total > 1 << 24 || !(video_fps > 0 && video_fps <= ENG_VIDEO_MAX_FPS) ||
        want > ENG_VIDEO_MAX_FPS || most > ENG_VIDEO_MAX_FRAMES || least > ENG_VIDEO_MAX_FRAMES)
        return b_fail(err, B_ARGUMENT, DOMAIN, "a video of %d frames at %g a second, %d to %d to be read", total,
                      video_fps, least, most);
    least = (least + FRAME_FACTOR - 1) / FRAME_FACTOR * FRAME_FACTOR;
    most = (rate && rate->max_frames > 0 ? most : most < total ? most : total) / FRAME_FACTOR * FRAME_FACTOR;
    double n = total / video_fps * want;
    n = n < least ? least : n;
    n = n > most ? most : n;
    n = n > total ? total : n;
    const int frames = (int)(n / FRAME_FACTOR) * FRAME_FACTOR;
    if (frames < FRAME_FACTOR)
        return b_fail(err, B_ARGUMENT, DOMAIN, "a video of %d frames is too short: it is a picture", total);
    for (int i = 0; i < frames; i++)
        index[i] = spread(total - 1, frames, i);
    *count = frames;
    *fps = (double)frames / total * video_fps;
    return B_OK;
}

struct eng_visual_limits eng_video_limits(int n_frames)
{
    const double shared = (double)VIDEO_TOTAL_PIXELS / (n_frames > 0 ? n_frames : 1) * FRAME_FACTOR;
    const int64_t floor_pixels = (int64_t)((double)VIDEO_MIN_PIXELS * 1.05);
    int64_t most = shared < (double)VIDEO_MAX_PIXELS ? (int64_t)shared : VIDEO_MAX_PIXELS;
    most = most < floor_pixels ? floor_pixels : most;
    return (struct eng_visual_limits){.min_pixels = VIDEO_MIN_PIXELS, .max_pixels = most};
}
