/* SPDX-License-Identifier: Apache-2.0 */
/* Page -> network input -> probability map -> strips. Invariant: the network's input never exceeds the bounds of
 * det_input.c, however large or thin the page is, so its time and memory are bounded too. */
#include "engine/compact/detector.h"

#include <stdlib.h>

#include "engine/compact/det_input.h"
#include "engine/compact/strip_list.h"

#define DOMAIN "detector"
#define MAX_PLANS 2 /* a page as it came and turned by a right angle; documents repeat their sizes */

struct eng_detector {
    struct eng_runner *runner;
};

enum b_code eng_detector_new(const struct eng_graph *graph, int threads, struct eng_detector **out, struct b_err *err)
{
    *out = NULL;
    struct eng_detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    const struct eng_runner_options options = {.threads = threads, .max_plans = MAX_PLANS};
    enum b_code code = eng_runner_new(graph, &options, &detector->runner, err);
    if (code != B_OK) {
        eng_detector_drop(detector);
        return code;
    }
    *out = detector;
    return B_OK;
}

void eng_detector_drop(struct eng_detector *detector)
{
    if (!detector)
        return;
    eng_runner_drop(detector->runner);
    free(detector);
}

static struct eng_det_size size_of(struct b_image_view page, const struct eng_detector_options *options)
{
    const struct eng_det_scale chosen = eng_det_scale_for(page.width, page.height);
    const bool own_scale = options && options->scale > 0.0f, own_bound = options && options->max_side > 0;
    int bound = own_bound ? options->max_side : chosen.max_side;
    bound = bound < ENG_DET_GRAIN ? ENG_DET_GRAIN : bound > ENG_DET_LONGEST ? ENG_DET_LONGEST : bound;
    return eng_det_size_of(page.width, page.height, own_scale ? (double)options->scale : chosen.scale, bound);
}

/* Strips of the page from what the network sees on it. */
static enum b_code find_strips(struct eng_detector *detector, struct b_image_view page,
                               const struct eng_detector_options *options, struct eng_strip_list *out,
                               struct b_cancel *cancel, struct b_err *err)
{
    const struct eng_det_size size = size_of(page, options);
    const int64_t dims[4] = {1, 3, size.padded_height, size.padded_width};
    float *input = NULL;
    struct eng_tensor outputs[ENG_MAX_OUTPUTS];
    enum b_code code = eng_runner_input(detector->runner, dims, &input, err);
    if (code == B_OK)
        code = eng_det_fill(page, &size, input, err);
    if (code == B_OK)
        code = eng_runner_run(detector->runner, outputs, cancel, err);
    if (code != B_OK)
        return code;
    const struct eng_tensor *map = &outputs[0];
    if (map->n_dims != 4 || map->dims[0] != 1 || map->dims[1] != 1 || map->dims[2] != size.padded_height ||
        map->dims[3] != size.padded_width)
        return b_fail(err, B_UNSUPPORTED, DOMAIN, "the detector's output has an unexpected shape");
    const struct eng_map window = {map->data, (size_t)size.padded_width, size.width, size.height};
    return eng_strips_from_window(window, (double)size.width / page.width, (double)size.height / page.height,
                                  page.width, page.height, options, out, err);
}

enum b_code eng_detector_find(struct eng_detector *detector, struct b_image_view page,
                              const struct eng_detector_options *options, struct eng_strip_list *out,
                              struct b_cancel *cancel, struct b_err *err)
{
    *out = (struct eng_strip_list){.strips = NULL};
    if (!page.pixels || page.width < 1 || page.height < 1 || (page.channels != 1 && page.channels != 3))
        return b_fail(err, B_ARGUMENT, DOMAIN, "a page of %dx%d pixels with %d channels", page.width, page.height,
                      page.channels);
    const enum b_code code = find_strips(detector, page, options, out, cancel, err);
    eng_runner_rest(detector->runner);
    return code;
}
