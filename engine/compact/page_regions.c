/* SPDX-License-Identifier: Apache-2.0 */
/* The layout network on a page that may lie on its side: it sees the page upright, its boxes are turned back.
 * Invariant: every box lies inside the image that was given. */
#include <math.h>

#include "engine/compact/models_private.h"
#include "engine/compact/page_private.h"

#define DOMAIN "layout"

/* Box of the upright page -> box of the given image of w x h pixels. */
static void turn_back(struct eng_region *r, int turns, float w, float h)
{
    const struct eng_region b = *r;
    switch (turns) {
    case 1:
        *r = (struct eng_region){b.class_of, b.score, b.y0, h - b.x1, b.y1, h - b.x0};
        break;
    case 2:
        *r = (struct eng_region){b.class_of, b.score, w - b.x1, h - b.y1, w - b.x0, h - b.y0};
        break;
    case 3:
        *r = (struct eng_region){b.class_of, b.score, w - b.y1, b.x0, w - b.y0, b.x1};
        break;
    default:
        break;
    }
}

enum b_code eng_page_regions(struct eng_page_engine *engine, struct b_image_view page, int quarter_turns,
                             const struct eng_layout_options *options, struct eng_layout_regions *out,
                             struct b_cancel *cancel, struct b_err *err)
{
    const int turns = quarter_turns & 3;
    struct b_image turned = {.pixels = NULL};
    out->n = 0;
    if (!page.pixels || page.width < 1 || page.height < 1 || (page.channels != 1 && page.channels != 3))
        return b_fail(err, B_ARGUMENT, DOMAIN, "a page of %dx%d pixels with %d channels", page.width, page.height,
                      page.channels);
    enum b_code code = B_OK;
    if (!engine->layout)
        code = eng_layout_new(engine->models->layout, engine->threads, &engine->layout, err);
    if (code == B_OK && turns)
        code = b_image_turn(page, turns, &turned, err);
    if (code == B_OK)
        code = eng_layout_find(engine->layout, turns ? b_image_view_of(&turned) : page, options, out, cancel, err);
    for (size_t i = 0; code == B_OK && i < out->n; i++)
        turn_back(&out->at[i], turns, (float)page.width, (float)page.height);
    b_image_free(&turned);
    return code;
}
