/* SPDX-License-Identifier: Apache-2.0 */
/* List marks that the file draws as paths instead of setting them as characters, as browsers do: a small disc, ring or
 * square alone in front of a line. Invariant: no text is made or changed; an item only learns which sign stands before
 * it. */
#include <math.h>

#include "docparse/assembly/assembly_private.h"

#define SIDE_LEAST 0.1f /* of the line's height */
#define SIDE_MOST 0.55f
#define ASPECT 1.3f    /* of its sides */
#define CORE 0.2f      /* of the line's height above and below, where the middle of a mark is not */
#define GAP_LEAST 0.1f /* heights between the mark and its line, */
#define GAP_MOST 2.0f
#define ALONE 2.5f      /* and to other text or marks on its other side */
#define SHAPES_MOST 400 /* of this size; more are the points of a plot or a map */

static const char *sign_of(const struct dp_shape *s)
{
    if (!s->filled)
        return s->free ? "\xE2\x97\xA6" : NULL; /* an empty box is to be ticked */
    return s->free ? "\xE2\x80\xA2" : "\xE2\x96\xAA";
}

static bool is_small(const struct dp_assembly *a, const struct dp_shape *s)
{
    const float w = s->bbox.x1 - s->bbox.x0, h = s->bbox.y1 - s->bbox.y0;
    return w > 0 && h > 0 && w < ASPECT * h && h < ASPECT * w && h < 2.0f * SIDE_MOST * a->height && sign_of(s);
}

static bool is_level(struct dp_rect mark, struct dp_rect line)
{
    const float tall = line.y1 - line.y0, y = (mark.y0 + mark.y1) * 0.5f;
    return y > line.y0 + CORE * tall && y < line.y1 - CORE * tall;
}

/* Space between the mark and what stands before or behind it. */
static float gap_to(const struct dp_assembly *a, struct dp_rect mark, struct dp_rect other, bool behind)
{
    return behind != a->rtl ? other.x0 - mark.x1 : mark.x0 - other.x1;
}

/* The line that the mark stands in front of, or DP_NONE. */
static int32_t line_behind(const struct dp_assembly *a, const struct dp_shape *s)
{
    int32_t best = DP_NONE;
    float nearest = 1e30f, before = 1e30f, tall = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_rect b = a->page->lines[a->items[i].line].bbox;
        if (a->items[i].chars == 0 || a->items[i].direction != 0 || !is_level(s->bbox, b))
            continue;
        const float gap = gap_to(a, s->bbox, b, true);
        if (gap >= 0 && gap < nearest) {
            nearest = gap;
            best = i;
            tall = b.y1 - b.y0;
        }
        if (gap < 0)
            before = fminf(before, gap_to(a, s->bbox, b, false));
    }
    const float side = s->bbox.y1 - s->bbox.y0;
    const bool fits = side > SIDE_LEAST * tall && side < SIDE_MOST * tall && nearest > GAP_LEAST * tall &&
                      nearest < GAP_MOST * tall && before > ALONE * tall;
    return fits ? best : DP_NONE;
}

/* Another mark beside it: dots of a menu, stars of a rating. */
static bool has_neighbour(const struct dp_assembly *a, const struct dp_shape *const *marks, int32_t n, int32_t at)
{
    const struct dp_rect b = marks[at]->bbox;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_rect o = marks[i]->bbox;
        const float apart = fmaxf(o.x0 - b.x1, b.x0 - o.x1);
        if (i != at && apart >= 0 && apart < ALONE * a->height && dp_overlap(o.y0, o.y1, b.y0, b.y1) > 0)
            return true;
    }
    return false;
}

enum b_code dp_drawn_marks_find(struct dp_assembly *a, struct b_err *err)
{
    const struct dp_sheet *s = a->sheet;
    int32_t n = 0;
    if (!s || s->n_shapes == 0 || a->frame.turns != 0 || a->frame.warped || a->main_direction != 0)
        return B_OK;
    const struct dp_shape **marks = B_ARENA_ARRAY(a->arena, (size_t)s->n_shapes, const struct dp_shape *);
    if (!marks)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < s->n_shapes; i++)
        if (is_small(a, &s->shapes[i]))
            marks[n++] = &s->shapes[i];
    for (int32_t i = 0; i < n && n <= SHAPES_MOST; i++) {
        if (dp_on_drawing(a, marks[i]->bbox) || has_neighbour(a, marks, n, i))
            continue;
        const int32_t item = line_behind(a, marks[i]);
        if (item != DP_NONE && a->items[item].marker == 0)
            a->items[item].drawn = sign_of(marks[i]);
    }
    return B_OK;
}
