/* SPDX-License-Identifier: Apache-2.0 */
/* Extents of glyphs along a line. A CTC network answers near a glyph's middle and not at its edges, so the
 * edges are looked for in the line's ink. Invariant: extents rise from glyph to glyph and stay inside the
 * line. */
#include "engine/compact/glyphs.h"

#include <math.h>

#include "engine/base/utf8.h"

#define OUTER_REACH 40 /* columns from the middle of the first and last glyph to the line's ends at most */
#define OUTER_GAP 4    /* columns of gap that end the line for good */

struct columns {
    float from, to;
};

static float middle_of(const struct eng_ctc_item *item)
{
    return ((float)(item->first + item->last) + 1.0f) * 0.5f * ENG_STEP_PIXELS;
}

/* The gap between two middles: the longest one when a space was read there, otherwise the one nearest to
 * the half way; an empty range at the faintest column when the glyphs touch. */
static struct columns gap_between(const struct eng_line_image *image, float level, float a, float b, bool space)
{
    const int lo = (int)a, hi = (int)b < image->content ? (int)b : image->content;
    const float half_way = (a + b) * 0.5f;
    struct columns best = {half_way, half_way};
    float best_score = -INFINITY, faintest = INFINITY;
    bool found = false;
    for (int x = lo; x < hi; x++) {
        if (image->ink[x] >= level) {
            const bool central = fabsf((float)x - half_way) <= (b - a) * 0.25f;
            if (!found && central && image->ink[x] < faintest) {
                faintest = image->ink[x];
                best = (struct columns){(float)x + 0.5f, (float)x + 0.5f};
            }
            continue;
        }
        int end = x;
        while (end < hi && image->ink[end] < level)
            end++;
        const float score = space ? (float)(end - x) : -fabsf((float)(x + end) * 0.5f - half_way);
        if (score > best_score) {
            best_score = score;
            best = (struct columns){(float)x, (float)end};
            found = true;
        }
        x = end - 1;
    }
    return best;
}

/* Outer edge of the first (step -1) or last (step +1) glyph. */
static float outer_edge(const struct eng_line_image *image, float level, float middle, int step)
{
    int x = (int)middle, edge = x, gap = 0;
    if (x >= image->content)
        x = edge = image->content - 1;
    for (int reach = 0; reach < OUTER_REACH && x >= 0 && x < image->content && gap < OUTER_GAP; reach++, x += step) {
        gap = image->ink[x] < level ? gap + 1 : 0;
        if (gap == 0)
            edge = x;
    }
    return (float)(step < 0 ? edge : edge + 1);
}

static float u_at(const struct eng_line_image *image, float column)
{
    const float x = fminf(fmaxf(column, 0.0f), (float)image->width);
    const int i = x >= (float)image->width ? image->width - 1 : (int)x;
    return image->u[i] + (image->u[i + 1] - image->u[i]) * (x - (float)i);
}

static void place(const struct eng_line_image *image, struct columns at, struct eng_glyph *glyph)
{
    const float a = u_at(image, at.from), b = u_at(image, at.to);
    glyph->u0 = fminf(a, b);
    glyph->u1 = fmaxf(a, b);
}

/* Glyphs [from, to) between two inked ones, spaces all, share the gap evenly. */
static void place_spaces(const struct eng_line_image *image, struct columns gap, size_t from, size_t to,
                         struct eng_glyph *out)
{
    const float each = to > from ? (gap.to - gap.from) / (float)(to - from) : 0.0f;
    for (size_t i = from; i < to; i++) {
        const float at = gap.from + each * (float)(i - from);
        place(image, (struct columns){at, at + each}, &out[i]);
    }
}

void eng_glyphs_place(const struct eng_line_image *image, const struct eng_ctc_item *items, size_t n,
                      struct eng_glyph *out)
{
    const float level = eng_line_gap_level(image);
    size_t before = n; /* the last inked glyph so far */
    float left = 0.0f;
    for (size_t i = 0; i < n; i++) {
        out[i].cp = items[i].cp;
        out[i].confidence = items[i].probability;
        if (b_cp_is_space(items[i].cp))
            continue;
        struct columns gap;
        if (before == n) {
            gap.to = outer_edge(image, level, middle_of(&items[i]), -1);
            gap.from = gap.to;
            place_spaces(image, gap, 0, i, out);
        } else {
            gap = gap_between(image, level, middle_of(&items[before]), middle_of(&items[i]), i > before + 1);
            place(image, (struct columns){left, gap.from}, &out[before]);
            place_spaces(image, gap, before + 1, i, out);
        }
        left = gap.to;
        before = i;
    }
    if (before == n) {
        place_spaces(image, (struct columns){0.0f, (float)image->content}, 0, n, out);
        return;
    }
    const float right = fmaxf(outer_edge(image, level, middle_of(&items[before]), 1), left);
    place(image, (struct columns){left, right}, &out[before]);
    place_spaces(image, (struct columns){right, right}, before + 1, n, out);
}
