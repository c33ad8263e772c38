/* SPDX-License-Identifier: Apache-2.0 */
/* Regions -> pictures -> answers -> LaTeX. A group of sessions reads its pictures one after the other and decodes
 * together, so that the decoder's weights pass the caches once for all. Invariant: a region's reading depends on its
 * pixels alone (the engine's answers do not depend on what is decoded in the same step). */
#include "docparse/formula_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula_spell.h"
#include "engine/qwen25vl/qwen25vl.h"

#define DOMAIN "formula"
enum {
    GROUP = 16,       /* sessions that decode together */
    PROMPT_MAX = 512, /* ids: the largest canvas has 196 tokens */
    ANSWER_BYTES = 1 << 14
};
#define CACHE_BYTES ((uint64_t)64 << 20) /* of one session: thousands of positions of so small a model */

struct dp_formula_model {
    struct eng_qwen *qwen;
};

struct dp_formula_reader {
    const struct dp_formula_model *model;
    int threads;
    struct eng_session *sessions[GROUP]; /* made when first needed */
};

enum b_code dp_formula_model_open(const char *dir, struct dp_formula_model **out, struct b_err *err)
{
    static const struct eng_qwen_options options = {.precision = ENG_QWEN_INT8, .threads = 1};
    *out = NULL;
    struct dp_formula_model *model = calloc(1, sizeof *model);
    if (!model)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    enum b_code code = eng_qwen_open(dir, &options, &model->qwen, err);
    if (code == B_OK && !eng_qwen_tokenizer_of(model->qwen)) {
        code = b_fail(err, B_NOT_FOUND, DOMAIN, "%.250s has no tokenizer", dir);
        b_advise(err, "the folder must hold vocab.json, merges.txt and tokenizer_config.json");
    }
    if (code != B_OK) {
        dp_formula_model_drop(model);
        return code;
    }
    *out = model;
    return B_OK;
}

void dp_formula_model_drop(struct dp_formula_model *model)
{
    if (!model)
        return;
    eng_qwen_drop(model->qwen);
    free(model);
}

const char *dp_formula_model_sha256(const struct dp_formula_model *model)
{
    return eng_qwen_identity(model->qwen);
}

enum b_code dp_formula_reader_new(const struct dp_formula_model *model, int threads, struct dp_formula_reader **out,
                                  struct b_err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    **out = (struct dp_formula_reader){.model = model, .threads = threads};
    return B_OK;
}

void dp_formula_reader_drop(struct dp_formula_reader *reader)
{
    if (!reader)
        return;
    for (int i = 0; i < GROUP; i++)
        eng_session_drop(reader->sessions[i]);
    free(reader);
}

/* The picture's pads between the marks of a picture: the whole prompt. */
static enum b_code ask(struct dp_formula_reader *reader, struct eng_session *session, const struct eng_visual *visual,
                       struct b_cancel *cancel, struct b_err *err)
{
    const struct eng_qwen_config *config = eng_qwen_config_of(reader->model->qwen);
    const int64_t pads = eng_visual_tokens(visual, config->vision.merge);
    int32_t ids[PROMPT_MAX];
    size_t n = 0;
    if (pads < 1 || pads > PROMPT_MAX - 2)
        return b_fail(err, B_LIMIT, DOMAIN, "a picture of %lld tokens", (long long)pads);
    ids[n++] = config->ids.vision_start;
    for (int64_t i = 0; i < pads; i++)
        ids[n++] = config->ids.image_pad;
    ids[n++] = config->ids.vision_end;
    const struct eng_prompt prompt = {.ids = ids, .count = n, .visuals = visual, .n_visuals = 1};
    const struct eng_generate how = {
        .max_tokens = DP_FORMULA_TOKENS, .sampling = ENG_SAMPLE_GREEDY, .repetition_penalty = 1, .loop_tokens = 48};
    enum b_code code = eng_session_prompt(session, &prompt, DP_FORMULA_TOKENS, cancel, err);
    return code == B_OK ? eng_session_begin(session, &how, err) : code;
}

static enum b_code begin_region(struct dp_formula_reader *reader, int slot, struct b_image_view page,
                                const struct dp_formula_region *region, struct b_cancel *cancel, struct b_err *err)
{
    const struct eng_session_options options = {
        .threads = reader->threads, .cache_bytes = CACHE_BYTES, .max_visuals = 1, .max_patches = 4 * PROMPT_MAX};
    struct b_image picture = {0};
    struct eng_visual visual = {0};
    enum b_code code = dp_formula_picture(page, region, &picture, err);
    if (code != B_OK)
        return code;
    if (!reader->sessions[slot])
        code = eng_session_new(reader->model->qwen, &options, &reader->sessions[slot], err);
    if (code == B_OK)
        code = eng_visual_from_image(&eng_qwen_config_of(reader->model->qwen)->preprocess, b_image_view_of(&picture),
                                     NULL, &visual, err);
    if (code == B_OK)
        code = ask(reader, reader->sessions[slot], &visual, cancel, err);
    eng_visual_free(&visual);
    b_image_free(&picture);
    return code;
}

static enum b_code take_answer(const struct dp_formula_reader *reader, const struct eng_session *session,
                               struct b_arena *arena, struct dp_formula_reading *out, struct b_err *err)
{
    size_t count;
    const struct eng_token *answer = eng_session_answer(session, &count);
    int32_t ids[DP_FORMULA_TOKENS];
    struct b_buf text, spelled;
    double sum = 0;
    if (count > DP_FORMULA_TOKENS)
        count = DP_FORMULA_TOKENS;
    for (size_t i = 0; i < count; i++) {
        ids[i] = answer[i].id;
        sum += (double)answer[i].log_probability;
    }
    out->tokens = (int)count;
    b_buf_init(&text, ANSWER_BYTES);
    b_buf_init(&spelled, ANSWER_BYTES);
    eng_tokenizer_decode(eng_qwen_tokenizer_of(reader->model->qwen), ids, count, true, &text);
    enum b_code code = b_buf_check(&text, DOMAIN, err);
    if (code == B_OK && eng_session_finish(session) == ENG_FINISH_STOP &&
        dp_formula_spell(text.data, text.len, &spelled)) {
        code = b_buf_check(&spelled, DOMAIN, err);
        char *latex = code == B_OK ? b_arena_alloc(arena, spelled.len + 1, 1) : NULL;
        if (code == B_OK && !latex)
            code = b_arena_refused(arena, DOMAIN, err);
        if (latex) {
            memcpy(latex, spelled.data, spelled.len);
            latex[spelled.len] = '\0';
            out->latex = latex;
            out->confidence = (float)exp(sum);
        }
    }
    b_buf_free(&text);
    b_buf_free(&spelled);
    return code;
}

/* Up to GROUP regions. */
static enum b_code read_group(struct dp_formula_reader *reader, struct b_image_view page,
                              const struct dp_formula_region *regions, size_t n, struct b_arena *arena,
                              struct dp_formula_reading *out, struct b_cancel *cancel, struct b_err *err)
{
    struct eng_session *running[GROUP];
    size_t at[GROUP], m = 0, left;
    enum b_code code = B_OK;
    for (size_t i = 0; i < n && code == B_OK; i++) {
        code = begin_region(reader, (int)m, page, &regions[i], cancel, err);
        if (code == B_NOT_FOUND) {
            code = B_OK; /* nothing to read here */
        } else if (code == B_OK) {
            at[m] = i;
            running[m] = reader->sessions[m];
            m++;
        }
    }
    do {
        left = 0;
        for (size_t i = 0; i < m && code == B_OK; i++)
            left += eng_session_finish(running[i]) == ENG_RUNNING;
        if (code == B_OK && left)
            code = eng_sessions_step(running, m, cancel, err);
    } while (code == B_OK && left);
    for (size_t i = 0; i < m && code == B_OK; i++)
        code = take_answer(reader, running[i], arena, &out[at[i]], err);
    return code;
}

enum b_code dp_formula_reader_read(struct dp_formula_reader *reader, struct b_image_view page,
                                   const struct dp_formula_region *regions, size_t n, struct b_arena *arena,
                                   struct dp_formula_reading *out, struct b_cancel *cancel, struct b_err *err)
{
    enum b_code code = B_OK;
    memset(out, 0, n * sizeof *out);
    if (n > DP_FORMULA_REGIONS)
        n = DP_FORMULA_REGIONS;
    for (size_t i = 0; i < n && code == B_OK; i += GROUP)
        code = read_group(reader, page, regions + i, n - i < GROUP ? n - i : GROUP, arena, out + i, cancel, err);
    return code;
}
