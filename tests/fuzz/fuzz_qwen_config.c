/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the three configuration files (cut at zero bytes): what is accepted must keep what config.h promises,
 * and pictures and positions made with it must stay in bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/config.h"
#include "engine/qwen25vl/image_processor.h"
#include "engine/qwen25vl/positions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
    if (!holds)
        abort();
}

static void check(const struct eng_qwen_config *c)
{
    const struct eng_qwen_text *t = &c->text;
    demand(t->hidden >= 1 && t->hidden <= ENG_QWEN_MAX_HIDDEN && t->layers >= 1 && t->layers <= ENG_QWEN_MAX_LAYERS);
    demand(t->heads >= 1 && t->kv_heads >= 1 && t->heads % t->kv_heads == 0 && t->head_dim % 2 == 0);
    demand(2 * (t->mrope_section[0] + t->mrope_section[1] + t->mrope_section[2]) == t->head_dim);
    demand(c->vision.out_hidden == t->hidden && c->vision.window % (c->vision.patch * c->vision.merge) == 0);
    demand(c->vision.head_dim * c->vision.heads == c->vision.hidden && c->vision.head_dim % 4 == 0);
    demand(c->ids.image_pad >= 0 && c->ids.image_pad < t->vocab && c->ids.video_pad < t->vocab);
    demand(c->generation.n_stops >= 1 && c->generation.n_stops <= ENG_QWEN_MAX_STOPS);
    demand(c->generation.repetition_penalty > 0 && c->preprocess.min_pixels <= c->preprocess.max_pixels);
}

static void use(const struct eng_qwen_config *c)
{
    uint8_t pixels[3 * 30 * 50];
    memset(pixels, 100, sizeof pixels);
    const struct b_image_view view = {.pixels = pixels, .stride = 90, .width = 30, .height = 50, .channels = 3};
    const struct eng_visual_limits limits = {.max_bytes = 1 << 20};
    struct eng_visual v;
    if (eng_visual_from_image(&c->preprocess, view, &limits, &v, NULL) != B_OK)
        return;
    const size_t values = (size_t)c->vision.patch_values;
    float *patch = malloc(values * sizeof *patch);
    if (patch)
        eng_visual_patch_values(&v, &c->preprocess, eng_visual_patches(&v) - 1, 1, patch);
    free(patch);
    const struct eng_grid grid = {v.grid_t, v.grid_h, v.grid_w, 0};
    struct eng_windows w;
    if (eng_windows_new(&c->vision, &grid, 1, &w, NULL) == B_OK) {
        demand(w.cu_windows[w.n_windows] == (int32_t)w.patches);
        eng_windows_free(&w);
    }
    eng_visual_free(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *part[3] = {(const char *)data, NULL, NULL};
    size_t len[3] = {size, 0, 0};
    for (int i = 0; i < 2; i++) {
        const char *cut = len[i] ? memchr(part[i], 0, len[i]) : NULL;
        if (!cut)
            break;
        part[i + 1] = cut + 1;
        len[i + 1] = len[i] - (size_t)(cut + 1 - part[i]);
        len[i] = (size_t)(cut - part[i]);
    }
    struct eng_qwen_config c;
    struct b_err err;
    if (eng_qwen_config_parse(part[0] ? part[0] : "", len[0], part[1], len[1], part[2], len[2], &c, &err) != B_OK)
        return 0;
    check(&c);
    use(&c);
    return 0;
}
