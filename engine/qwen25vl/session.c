/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: reading a prompt. Invariant: the first cache.length ids are in the cache, and the visuals kept are those
 * of these ids, so that a next prompt goes on from the longest beginning that it shares with them. A row's result does
 * not depend on the rows beside it: what is kept is bit by bit what would be computed again. */
#include "engine/qwen25vl/session_private.h"

#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/large.h"
#include "engine/qwen25vl/positions.h"
#include "engine/qwen25vl/vision.h"

#define DOMAIN "qwen25vl"
#define CACHE_BYTES ((uint64_t)2 << 30)
enum { VISUALS_MAX = 64, PATCHES_MAX = 65536, TOKENS_MAX = 1 << 20 };

enum b_code eng_session_new(const struct eng_qwen *model, const struct eng_session_options *options,
                            struct eng_session **out, struct b_err *err)
{
    const struct eng_qwen_text *text = &model->config.text;
    *out = NULL;
    struct eng_session *s = calloc(1, sizeof *s);
    if (!s)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (options)
        s->options = *options;
    s->model = model;
    s->options.threads = s->options.threads > 0 ? s->options.threads : 1;
    s->options.cache_bytes = s->options.cache_bytes ? s->options.cache_bytes : CACHE_BYTES;
    s->options.max_visuals = s->options.max_visuals ? s->options.max_visuals : VISUALS_MAX;
    s->options.max_patches = s->options.max_patches ? s->options.max_patches : PATCHES_MAX;
    eng_cache_init(text, model->half_cache, &s->cache);
    enum b_code code =
        eng_ops_new(model->kernels, s->options.threads, SESSION_ROWS, eng_qwen_widest(model), &s->ops, err);
    if (code == B_OK)
        code = eng_ops_enlarge(&s->ops, model->large, err);
    if (code == B_OK)
        code = eng_decoder_memory_new(text, &s->ops, &s->memory, err);
    s->x = malloc(SESSION_ROWS * (size_t)text->hidden * sizeof *s->x);
    s->logits = malloc(SESSION_LOGIT_ROWS * (size_t)text->vocab * sizeof *s->logits);
    if (code == B_OK && (!s->x || !s->logits))
        code = b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code != B_OK) {
        eng_session_drop(s);
        return code;
    }
    *out = s;
    return B_OK;
}

static void forget_visuals(struct seen_visual *visuals, size_t count)
{
    for (size_t i = 0; visuals && i < count; i++) {
        free(visuals[i].visual.pixels);
        free(visuals[i].embedding);
    }
    free(visuals);
}

void eng_session_drop(struct eng_session *session)
{
    if (!session)
        return;
    forget_visuals(session->visuals, session->n_visuals);
    eng_decoder_memory_drop(session->memory);
    eng_ops_free(&session->ops);
    eng_cache_free(&session->cache);
    eng_sampler_free(&session->sampler);
    free(session->ids);
    free(session->x);
    free(session->logits);
    free(session->answer);
    free(session);
}

void eng_session_set_trace(struct eng_session *session, const struct eng_trace *trace)
{
    session->trace = trace;
}

struct eng_session_counts eng_session_counts(const struct eng_session *session)
{
    return session->counts;
}

uint64_t eng_qwen_position_bytes(const struct eng_qwen *model)
{
    return eng_cache_position_bytes(&model->config.text, model->half_cache);
}

/* --- checks --- */

static enum b_code check_visual(const struct eng_session *s, const struct eng_visual *v, struct b_err *err)
{
    const struct eng_qwen_vision *vision = &s->model->config.vision;
    if (!v->pixels || v->grid_t < 1 || v->grid_h < 1 || v->grid_w < 1 || v->grid_h % vision->merge ||
        v->grid_w % vision->merge)
        return b_fail(err, B_ARGUMENT, DOMAIN, "a visual with a grid of %d x %d x %d patches", v->grid_t, v->grid_h,
                      v->grid_w);
    if ((uint64_t)v->grid_h * (uint64_t)v->grid_w > s->options.max_patches)
        return b_fail(err, B_LIMIT, DOMAIN, "a picture of %d x %d patches; at most %llu patches are allowed", v->grid_h,
                      v->grid_w, (unsigned long long)s->options.max_patches);
    return B_OK;
}

static enum b_code check_prompt(const struct eng_session *s, const struct eng_prompt *prompt, size_t max_tokens,
                                struct b_err *err)
{
    const struct eng_qwen_text *text = &s->model->config.text;
    size_t most = (size_t)text->max_positions < TOKENS_MAX ? (size_t)text->max_positions : TOKENS_MAX;
    if (prompt->count == 0 || max_tokens == 0)
        return b_fail(err, B_ARGUMENT, DOMAIN, "an empty prompt, or no token to answer with");
    if (prompt->count > most || max_tokens > most - prompt->count)
        return b_fail(err, B_LIMIT, DOMAIN, "%zu tokens of prompt and %zu of answer; the model takes %zu",
                      prompt->count, max_tokens, most);
    if (prompt->n_visuals > s->options.max_visuals)
        return b_fail(err, B_LIMIT, DOMAIN, "%zu visuals; at most %zu are allowed", prompt->n_visuals,
                      s->options.max_visuals);
    for (size_t i = 0; i < prompt->count; i++)
        if (prompt->ids[i] < 0 || prompt->ids[i] >= text->vocab)
            return b_fail(err, B_ARGUMENT, DOMAIN, "token %d is not in the vocabulary of %d", (int)prompt->ids[i],
                          text->vocab);
    for (size_t i = 0; i < prompt->n_visuals; i++) {
        enum b_code code = check_visual(s, &prompt->visuals[i], err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

static bool is_pad(const struct eng_session *s, int32_t id)
{
    return id == s->model->config.ids.image_pad || id == s->model->config.ids.video_pad;
}

/* Three positions for every token of the prompt in *out (to be freed). Fails unless pads and visuals agree. */
static enum b_code find_positions(struct eng_session *s, const struct eng_prompt *prompt, int32_t **out,
                                  struct b_err *err)
{
    const struct eng_qwen_config *config = &s->model->config;
    struct eng_grid *grids = calloc(2 * prompt->n_visuals + 1, sizeof *grids), *videos = grids + prompt->n_visuals;
    size_t n_images = 0, n_videos = 0, at = 0;
    enum b_code code = B_OK;
    *out = calloc(3 * prompt->count, sizeof **out);
    if (!grids || !*out)
        code = b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    for (size_t i = 0; code == B_OK && i < prompt->n_visuals; i++) {
        const struct eng_visual *v = &prompt->visuals[i];
        struct eng_grid grid = {v->grid_t, v->grid_h, v->grid_w, v->second_per_grid};
        if (v->video)
            videos[n_videos++] = grid;
        else
            grids[n_images++] = grid;
        int32_t pad = v->video ? config->ids.video_pad : config->ids.image_pad;
        while (at < prompt->count && !is_pad(s, prompt->ids[at]))
            at++;
        for (int64_t n = eng_visual_tokens(v, config->vision.merge); code == B_OK && n > 0; n--, at++)
            if (at >= prompt->count || prompt->ids[at] != pad)
                code = b_fail(err, B_ARGUMENT, DOMAIN, "visual %zu lacks pads in the prompt", i + 1);
    }
    if (code == B_OK)
        code = eng_mrope_positions(config, prompt->ids, prompt->count, grids, n_images, videos, n_videos, *out,
                                   &s->delta, err);
    free(grids);
    if (code != B_OK) {
        free(*out);
        *out = NULL;
    }
    return code;
}

/* --- visuals --- */

static bool same_visual(const struct eng_visual *a, const struct eng_visual *b)
{
    return a->video == b->video && a->frames == b->frames && a->height == b->height && a->width == b->width &&
           a->second_per_grid == b->second_per_grid &&
           memcmp(a->pixels, b->pixels, (size_t)a->frames * (size_t)a->height * (size_t)a->width * 3) == 0;
}

static enum b_code read_visual(struct eng_session *s, const struct eng_visual *visual, struct seen_visual *out,
                               struct b_cancel *cancel, struct b_err *err)
{
    size_t bytes = (size_t)visual->frames * (size_t)visual->height * (size_t)visual->width * 3;
    size_t width = (size_t)s->model->config.text.hidden;
    *out = (struct seen_visual){.visual = *visual,
                                .tokens = (size_t)eng_visual_tokens(visual, s->model->config.vision.merge)};
    out->visual.pixels = malloc(bytes);
    out->embedding = malloc(out->tokens * width * sizeof(float));
    if (!out->visual.pixels || !out->embedding)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a picture of %zu tokens", out->tokens);
    memcpy(out->visual.pixels, visual->pixels, bytes);
    for (size_t i = 0; i < s->n_visuals; i++)
        if (s->visuals[i].embedding && same_visual(&s->visuals[i].visual, visual)) {
            memcpy(out->embedding, s->visuals[i].embedding, out->tokens * width * sizeof(float));
            return B_OK;
        }
    return eng_vision_run(s->model, &s->ops, visual, out->embedding, s->trace, cancel, err);
}

/* How many of the prompt's first ids are in the cache, with the same pictures behind their pads. */
static size_t shared_beginning(const struct eng_session *s, const struct eng_prompt *prompt)
{
    size_t limit = s->cache.length < prompt->count ? s->cache.length : prompt->count, at = 0, visual = 0, left = 0;
    if (eng_large_takes_prompts(s->ops.large) && limit > s->n_prompt)
        limit = s->n_prompt; /* a prompt would not leave the very bits that the answer's steps left behind it */
    for (; at < limit && s->ids[at] == prompt->ids[at]; at++) {
        if (!is_pad(s, prompt->ids[at]))
            continue;
        if (left == 0) {
            if (visual >= s->n_visuals || visual >= prompt->n_visuals ||
                !same_visual(&s->visuals[visual].visual, &prompt->visuals[visual]))
                break;
            left = s->visuals[visual++].tokens;
        }
        left--;
    }
    return at < prompt->count ? at : prompt->count - 1; /* the last one's logits are wanted */
}

/* Runs the tower for the visuals that were not there before; the session then keeps those of this prompt. */
static enum b_code read_visuals(struct eng_session *s, const struct eng_prompt *prompt, struct b_cancel *cancel,
                                struct b_err *err)
{
    struct seen_visual *visuals = calloc(prompt->n_visuals + 1, sizeof *visuals);
    if (!visuals)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    enum b_code code = B_OK;
    size_t shared = shared_beginning(s, prompt);
    for (size_t i = 0; code == B_OK && i < prompt->n_visuals; i++)
        code = read_visual(s, &prompt->visuals[i], &visuals[i], cancel, err);
    if (code != B_OK) {
        forget_visuals(visuals, prompt->n_visuals);
        return code;
    }
    forget_visuals(s->visuals, s->n_visuals);
    s->visuals = visuals;
    s->n_visuals = prompt->n_visuals;
    s->cache.length = shared;
    return B_OK;
}

/* --- prefill --- */

static enum b_code take_ids(struct eng_session *s, const struct eng_prompt *prompt, size_t max_tokens,
                            struct b_err *err)
{
    size_t want = prompt->count + max_tokens + SESSION_DRAFT_MAX;
    if (want > s->cap_ids) {
        int32_t *grown = realloc(s->ids, want * sizeof *grown);
        if (!grown)
            return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
        s->ids = grown;
        s->cap_ids = want;
    }
    struct eng_token *answer = realloc(s->answer, max_tokens * sizeof *answer);
    if (!answer)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    s->answer = answer;
    memcpy(s->ids, prompt->ids, prompt->count * sizeof *s->ids);
    s->n_ids = s->n_prompt = prompt->count;
    s->max_tokens = max_tokens;
    return B_OK;
}

/* Where the next visual's rows come from while the prompt is walked. */
struct pad_walk {
    size_t visual, row;
};

static void embed_token(const struct eng_session *s, int32_t id, struct pad_walk *walk, float *out)
{
    size_t hidden = (size_t)s->model->config.text.hidden;
    if (!is_pad(s, id)) {
        eng_weight_to_f32(s->model->embed, (int64_t)id * (int64_t)hidden, (int64_t)hidden, out);
        return;
    }
    while (walk->row >= s->visuals[walk->visual].tokens) {
        walk->visual++;
        walk->row = 0;
    }
    memcpy(out, s->visuals[walk->visual].embedding + walk->row++ * hidden, hidden * sizeof *out);
}

static enum b_code prefill(struct eng_session *s, const int32_t *positions, struct b_cancel *cancel, struct b_err *err)
{
    size_t hidden = (size_t)s->model->config.text.hidden, count = s->n_prompt, at = s->cache.length, rows = 0;
    struct pad_walk walk = {0};
    for (size_t i = 0; i < at; i++)
        if (is_pad(s, s->ids[i])) {
            while (walk.row >= s->visuals[walk.visual].tokens) {
                walk.visual++;
                walk.row = 0;
            }
            walk.row++;
        }
    for (; at < count; at += rows) {
        enum b_code code = b_cancel_check(cancel, err);
        if (code != B_OK)
            return code;
        rows = count - at < SESSION_ROWS ? count - at : SESSION_ROWS;
        for (size_t i = 0; i < rows; i++)
            embed_token(s, s->ids[at + i], &walk, s->x + i * hidden);
        if (s->trace && s->trace->see)
            s->trace->see(s->trace->context, "inputs_embeds", 0, at, s->x, rows, hidden);
        struct eng_span span = {.cache = &s->cache, .count = rows};
        struct eng_pass pass = {.x = s->x,
                                .rows = rows,
                                .positions = positions + at,
                                .stride = count,
                                .spans = &span,
                                .n_spans = 1,
                                .trace = s->trace,
                                .first = at};
        s->ops.use = ENG_OPS_PROMPT;
        eng_decoder_run(s->model, &s->ops, s->memory, &pass);
        s->ops.use = ENG_OPS_STEP;
    }
    eng_decoder_logits(s->model, &s->ops, s->x + (rows - 1) * hidden, 1, s->logits);
    s->ready = true;
    return B_OK;
}

static double seconds_since(int64_t begin)
{
    return (double)(b_now_ns() - begin) * 1e-9;
}

enum b_code eng_session_prompt(struct eng_session *s, const struct eng_prompt *prompt, size_t max_tokens,
                               struct b_cancel *cancel, struct b_err *err)
{
    int32_t *positions = NULL;
    s->ready = false;
    s->finish = ENG_FINISH_CALLER; /* until there is an answer to be made */
    s->n_answer = 0;
    s->counts = (struct eng_session_counts){.prompt_tokens = prompt->count};
    enum b_code code = check_prompt(s, prompt, max_tokens, err);
    if (code == B_OK)
        code = find_positions(s, prompt, &positions, err);
    int64_t begin = b_now_ns();
    if (code == B_OK)
        code = read_visuals(s, prompt, cancel, err);
    s->counts.vision_seconds = seconds_since(begin);
    s->counts.reused_tokens = s->cache.length;
    begin = b_now_ns();
    if (code == B_OK)
        code = take_ids(s, prompt, max_tokens, err);
    if (code == B_OK)
        code = eng_cache_reserve(&s->cache, prompt->count + max_tokens, s->options.cache_bytes, err);
    if (code == B_OK)
        code = prefill(s, positions, cancel, err);
    s->counts.prefill_seconds = seconds_since(begin);
    free(positions);
    return code;
}
