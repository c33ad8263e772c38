/* SPDX-License-Identifier: Apache-2.0 */
/* The compact reader's networks, loaded once and shared, with the memory in which they run. The networks do not change
 * after loading. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/compact/models_private.h"

static const char detector_file[] = "PP-OCRv6_det_small.onnx";
static const char recogniser_file[] = "PP-OCRv6_rec_small.onnx";
static const char layout_file[] = "layout_cdla.onnx";

static enum b_code load(const char *dir, const char *name, bool ctc_argmax, struct eng_memory *memory,
                        struct eng_graph **out, struct b_err *err)
{
    char path[4096];
    const int len = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return b_fail(err, B_ARGUMENT, "compact", "the models folder's name is too long");
    const struct eng_graph_options options = {.memory = memory, .ctc_argmax = ctc_argmax};
    return eng_graph_load(path, &options, out, err);
}

enum b_code eng_models_load(const char *dir, struct eng_models **out, struct b_err *err)
{
    *out = NULL;
    struct eng_models *models = calloc(1, sizeof *models);
    if (!models)
        return b_fail(err, B_NO_MEMORY, "compact", "out of memory");
    enum b_code code = eng_memory_new(&models->memory, err);
    if (code == B_OK)
        code = load(dir, detector_file, false, models->memory, &models->detector, err);
    if (code == B_OK)
        code = load(dir, recogniser_file, true, models->memory, &models->recogniser, err);
    if (code == B_OK)
        code = load(dir, layout_file, false, models->memory, &models->layout, err);
    if (code != B_OK) {
        eng_models_drop(models);
        return code;
    }
    *out = models;
    return B_OK;
}

void eng_models_drop(struct eng_models *models)
{
    if (!models)
        return;
    eng_graph_drop(models->detector);
    eng_graph_drop(models->recogniser);
    eng_graph_drop(models->layout);
    eng_memory_drop(models->memory);
    free(models);
}

struct eng_memory *eng_models_memory(const struct eng_models *models)
{
    return models->memory;
}
