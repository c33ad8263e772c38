/* SPDX-License-Identifier: Apache-2.0 */
/* Questions: pages and text become one user turn, the answer is decoded as it comes. */
#include "docparse/ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/reader_private.h"
#include "engine/qwen25vl/qwen25vl.h"

#define DOMAIN "ask"
#define ANSWER_BYTES ((size_t)4 << 20)
enum { TOKENS_DEFAULT = 1024, IDS_MAX = 1 << 20, PICTURE_TOKENS = 2048, TOKEN_SIDE = 28, DEPTH_MAX = 200 };

struct dp_asker {
    const struct dp_model *model;
    struct eng_session *session;
};

struct listening {
    const struct dp_question *question;
    const struct eng_tokenizer *tokenizer;
    struct eng_stream stream;
    struct dp_answer *answer;
    double sum; /* of log-probabilities */
    size_t count;
};

enum b_code dp_asker_new(const struct dp_model *model, int threads, uint64_t cache_bytes, struct dp_asker **out,
                         struct b_err *err)
{
    *out = NULL;
    if (!model->qwen)
        return b_fail(err, B_UNSUPPORTED, DOMAIN, "the model '%s' answers no questions", model->name);
    struct dp_asker *asker = calloc(1, sizeof *asker);
    if (!asker)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    struct eng_session_options options = {.threads = threads, .cache_bytes = cache_bytes};
    asker->model = model;
    enum b_code code = eng_session_new(model->qwen, &options, &asker->session, err);
    if (code != B_OK) {
        free(asker);
        return code;
    }
    *out = asker;
    return B_OK;
}

void dp_asker_drop(struct dp_asker *asker)
{
    if (!asker)
        return;
    eng_session_drop(asker->session);
    free(asker);
}

void dp_answer_free(struct dp_answer *answer)
{
    b_buf_free(&answer->text);
}

static bool take_token(void *context, const struct eng_token *token)
{
    struct listening *l = context;
    size_t before = l->answer->text.len;
    l->sum += (double)token->log_probability;
    l->count++;
    eng_stream_push(&l->stream, l->tokenizer, token->id, true, &l->answer->text);
    if (l->answer->text.failed)
        return false;
    const struct dp_question *q = l->question;
    const size_t len = l->answer->text.len - before;
    const char *text = len ? l->answer->text.data + before : "";
    if (q->on_text && len && !q->on_text(q->ctx, text, len))
        return false;
    return !q->on_token || q->on_token(q->ctx, text, len, token->log_probability);
}

/* One picture a page, each with its share of the pixels that a lone page may have. */
static enum b_code make_visuals(const struct dp_asker *asker, const struct dp_question *q, struct eng_visual *visuals,
                                struct dp_answer *out, struct b_err *err)
{
    const struct eng_qwen_preprocess *pre = &eng_qwen_config_of(asker->model->qwen)->preprocess;
    int64_t most = asker->model->qwen_options.max_pixels, usual = (int64_t)PICTURE_TOKENS * TOKEN_SIDE * TOKEN_SIDE;
    if (most <= 0)
        most = pre->max_pixels < usual ? pre->max_pixels : usual;
    struct eng_visual_limits limits = {.min_pixels = pre->min_pixels < most ? pre->min_pixels : most,
                                       .max_pixels = most};
    for (size_t i = 0; i < q->n_pages; i++) {
        enum b_code code = eng_visual_from_image(pre, q->pages[i], &limits, &visuals[i], err);
        if (code != B_OK)
            return code;
        out->frames[i].width = visuals[i].width;
        out->frames[i].height = visuals[i].height;
    }
    return B_OK;
}

static enum b_code make_ids(const struct dp_asker *asker, const struct dp_question *q, const struct eng_visual *visuals,
                            struct eng_ids *ids, struct b_err *err)
{
    const struct eng_qwen *model = asker->model->qwen;
    struct eng_part parts[DP_ASK_PAGES_MAX + 1];
    for (size_t i = 0; i < q->n_pages; i++)
        parts[i] = (struct eng_part){.kind = ENG_PART_IMAGE,
                                     .pads = eng_visual_tokens(&visuals[i], eng_qwen_config_of(model)->vision.merge)};
    parts[q->n_pages] = (struct eng_part){.kind = ENG_PART_TEXT, .text = q->text, .text_len = strlen(q->text)};
    struct eng_turn turn = {.role = "user", .parts = parts, .n_parts = q->n_pages + 1};
    struct eng_chat_options options = {.vision_ids = q->n_pages > 1};
    return eng_chat_ids(eng_qwen_tokenizer_of(model), &turn, 1, &options, ids, err);
}

enum b_code dp_ask_extract_text(const char *schema, struct b_buf *out, struct b_err *err)
{
    b_buf_printf(out,
                 "Extract the key information from the picture. Answer with one JSON object only that fits this JSON "
                 "Schema, null for what is not there:\n%s",
                 schema);
    return b_buf_check(out, DOMAIN, err);
}

enum b_code dp_ask_locate_text(const char *phrase, struct b_buf *out, struct b_err *err)
{
    b_buf_printf(out,
                 "Locate: %s. Report each as JSON with its bbox coordinates: [{\"bbox_2d\": [x1, y1, x2, y2], "
                 "\"label\": \"...\"}].",
                 phrase);
    return b_buf_check(out, DOMAIN, err);
}

#define NUMBERS(n)                                                                                                     \
    "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":0},\"minItems\":" n ",\"maxItems\":" n "}"
#define PLACED(key, n)                                                                                                 \
    "{\"type\":\"object\",\"properties\":{\"" key                                                                      \
    "\":" NUMBERS(n) ",\"label\":{\"type\":\"string\",\"maxLength\":200}},"                                            \
                     "\"required\":[\"" key "\",\"label\"],\"additionalProperties\":false}"
const char dp_ask_locate_schema[] = "{\"type\":\"array\",\"maxItems\":256,\"items\":{\"anyOf\":[" PLACED(
    "bbox_2d", "4") "," PLACED("point_2d", "2") "]}}";

enum b_code dp_ask_holds(const char *schema, struct b_err *err)
{
    struct eng_grammar *grammar = NULL;
    enum b_code code = eng_grammar_from_schema(schema, strlen(schema), &grammar, err);
    eng_grammar_drop(grammar);
    return code;
}

/* What holds an answer to a schema; both NULL without one. */
struct hold {
    struct eng_grammar *grammar;
    struct eng_matcher *matcher;
};

static enum b_code hold_to(const struct dp_asker *asker, const char *schema, struct hold *hold, struct b_err *err)
{
    const struct eng_qwen_generation *g = &eng_qwen_config_of(asker->model->qwen)->generation;
    *hold = (struct hold){NULL, NULL};
    if (!schema)
        return B_OK;
    enum b_code code = eng_grammar_from_schema(schema, strlen(schema), &hold->grammar, err);
    if (code == B_OK)
        code = eng_matcher_new(hold->grammar, eng_qwen_tokenizer_of(asker->model->qwen), g->stops, g->n_stops,
                               &hold->matcher, err);
    return code;
}

static enum b_code run(struct dp_asker *asker, const struct dp_question *q, const struct eng_visual *visuals,
                       struct dp_answer *out, struct b_cancel *cancel, struct b_err *err)
{
    struct eng_ids ids = {.max = IDS_MAX};
    struct eng_lookup *lookup = NULL;
    struct hold hold = {NULL, NULL};
    struct listening l = {.question = q, .tokenizer = eng_qwen_tokenizer_of(asker->model->qwen), .answer = out};
    size_t tokens = q->max_tokens > 0 ? (size_t)q->max_tokens : TOKENS_DEFAULT;
    enum b_code code = make_ids(asker, q, visuals, &ids, err);
    if (code == B_OK)
        code = eng_lookup_new(&lookup, err);
    if (code == B_OK)
        code = hold_to(asker, q->schema, &hold, err);
    struct eng_prompt prompt = {ids.items, ids.count, visuals, q->n_pages};
    if (code == B_OK)
        code = eng_session_prompt(asker->session, &prompt, tokens, cancel, err);
    struct eng_generate how = {.max_tokens = tokens,
                               .constraint = hold.matcher,
                               .propose = eng_lookup_propose,
                               .propose_context = lookup,
                               .on_token = take_token,
                               .on_token_context = &l};
    if (code == B_OK)
        code = eng_session_generate(asker->session, &how, cancel, err);
    eng_stream_finish(&l.stream, &out->text);
    if (code == B_OK)
        code = b_buf_check(&out->text, DOMAIN, err);
    out->complete = eng_session_finish(asker->session) == ENG_FINISH_STOP;
    out->confidence = l.count ? (float)exp(l.sum / (double)l.count) : 0;
    eng_lookup_drop(lookup);
    eng_matcher_drop(hold.matcher);
    eng_grammar_drop(hold.grammar);
    eng_ids_free(&ids);
    return code;
}

enum b_code dp_ask(struct dp_asker *asker, const struct dp_question *question, struct dp_answer *out,
                   struct b_cancel *cancel, struct b_err *err)
{
    struct eng_visual visuals[DP_ASK_PAGES_MAX] = {{0}};
    memset(out, 0, sizeof *out);
    b_buf_init(&out->text, ANSWER_BYTES);
    if (question->n_pages > DP_ASK_PAGES_MAX)
        return b_fail(err, B_LIMIT, DOMAIN, "%zu pages in one question; at most %d are possible", question->n_pages,
                      (int)DP_ASK_PAGES_MAX);
    enum b_code code = make_visuals(asker, question, visuals, out, err);
    if (code == B_OK)
        code = run(asker, question, visuals, out, cancel, err);
    for (size_t i = 0; i < question->n_pages; i++)
        eng_visual_free(&visuals[i]);
    return code;
}

const char *dp_answer_json(const char *text, size_t len, size_t *size)
{
    char open[DEPTH_MAX];
    size_t depth = 0, begin = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = depth > 0; /* prose in front may have quotes of its own */
        } else if ((c == '{' || c == '[') && depth < DEPTH_MAX) {
            begin = depth ? begin : i;
            open[depth++] = c;
        } else if ((c == '}' || c == ']') && depth > 0) {
            if (open[depth - 1] != (c == '}' ? '{' : '['))
                return NULL;
            if (--depth == 0) {
                *size = i + 1 - begin;
                return text + begin;
            }
        }
    }
    return NULL;
}
