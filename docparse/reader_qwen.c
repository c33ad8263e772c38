/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a page with the large model: picture and prompt in, QwenVL-HTML out, blocks as the answer is parsed. When an
 * answer comes without boxes the next form of the prompt is tried (the picture is not read again); the last form's
 * answer counts in any case. Invariant: what the page gets is one whole answer, parsed once. A text layer serves as a
 * draft: it makes the answer come sooner and never changes it. Pages that are read at a time are decoded together. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/markup.h"
#include "docparse/reader_private.h"
#include "engine/qwen25vl/qwen25vl.h"

#define DOMAIN "qwen25vl"
#define SCRATCH_BYTES ((size_t)64 << 20) /* a trial parse of one answer */
#define ANSWER_BYTES ((size_t)16 << 20)
enum {
    TOKENS_DEFAULT = 4096,
    PICTURE_TOKENS = 2048,  /* what the published document recipe allows a page */
    TOKEN_SIDE = 28,        /* pixels of a token's square at the published patch and merge */
    BLOCKS_WITHOUT_BOX = 2, /* so many first blocks without a box: this prompt does not give any */
    GRACE_TOKENS = 32,      /* the last tags and the fence may still come, so that the answer is whole */
    PROMPT_IDS_MAX = 1 << 20
};

/* The forms of the prompt, cheapest first. */
struct rung {
    bool text_first;
    const char *text, *opening; /* opening: what the answer is made to start with; "" none */
};
static const struct rung rungs[] = {
    {false, "QwenVL HTML", ""},
    {true, "QwenVL HTML ", ""},
    {false, "QwenVL HTML", "```html\n<html><body>\n"},
};
enum { RUNGS = sizeof rungs / sizeof rungs[0] };

struct dp_qwen_reader {
    const struct dp_model *model;
    enum dp_text_layer text_layer;
    int threads;
    struct eng_session *session; /* NULL until first use */
};

/* One answer as it comes. */
struct attempt {
    const struct eng_tokenizer *tokenizer;
    struct dp_page *scratch;
    struct dp_markup *markup;
    struct eng_stream stream;
    struct b_buf text;
    struct { /* of every piece of text: where it ends and what it cost */
        size_t end;
        float log_probability;
    } * pieces;
    size_t n_pieces, max_pieces;
    int blocks, boxed, after_end; /* after_end: tokens since the parser had enough */
    bool last_rung, boxless, failed;
    struct b_err err;
};

bool dp_precision_find(const char *name, enum dp_precision *out)
{
    static const char *const names[] = {[DP_PRECISION_EXACT] = "exact",
                                        [DP_PRECISION_BF16] = "bf16",
                                        [DP_PRECISION_INT8] = "int8",
                                        [DP_PRECISION_INT4] = "int4"};
    for (int i = DP_PRECISION_EXACT; i <= DP_PRECISION_INT4; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum dp_precision)i;
            return true;
        }
    return false;
}

enum b_code dp_model_open_qwen(const char *checkpoint_dir, const struct dp_qwen_options *options, struct dp_model **out,
                               struct b_err *err)
{
    static const struct dp_qwen_options defaults = {0};
    *out = NULL;
    if (!options)
        options = &defaults;
    struct dp_model *model = calloc(1, sizeof *model);
    if (!model)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    model->qwen_options = *options;
    model->qwen_options.packed = NULL; /* not needed any more, and the caller's */
    size_t end = strlen(checkpoint_dir);
    while (end > 0 && checkpoint_dir[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && checkpoint_dir[begin - 1] != '/')
        begin--;
    (void)snprintf(model->name, sizeof model->name, "%.*s", (int)(end - begin < 60 ? end - begin : 60),
                   checkpoint_dir + begin);
    struct eng_qwen_options open = {.precision = (enum eng_qwen_precision)options->precision,
                                    .threads = options->threads,
                                    .packed = options->packed};
    enum b_code code = eng_qwen_open(checkpoint_dir, &open, &model->qwen, err);
    if (code == B_OK && !eng_qwen_tokenizer_of(model->qwen)) {
        code = b_fail(err, B_NOT_FOUND, DOMAIN, "%.250s has no tokenizer", checkpoint_dir);
        b_advise(err, "the folder must hold tokenizer.json, or vocab.json and merges.txt");
    }
    if (code == B_OK && options->packed && !eng_qwen_is_packed(model->qwen)) {
        code = b_fail(err, B_NOT_FOUND, DOMAIN, "%.250s has no packed weights for this model, precision and processor",
                      options->packed);
        b_advise(err, "make them: docparse models pack CHECKPOINT --quant int8|int4 -o DIR");
    }
    if (code == B_OK)
        code = eng_batch_new(model->qwen, options->threads, &model->batch, err);
    if (code != B_OK) {
        dp_model_drop(model);
        return code;
    }
    (void)snprintf(model->options, sizeof model->options, "precision=%d isa=%s max_pixels=%lld max_tokens=%d",
                   (int)options->precision, eng_qwen_isa(model->qwen), (long long)options->max_pixels,
                   options->max_tokens);
    memcpy(model->sha256, eng_qwen_identity(model->qwen), sizeof model->sha256);
    *out = model;
    return B_OK;
}

enum b_code dp_qwen_reader_new(const struct dp_model *model, enum dp_text_layer text_layer, int threads,
                               struct dp_qwen_reader **out, struct b_err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    **out = (struct dp_qwen_reader){.model = model, .text_layer = text_layer, .threads = threads};
    return B_OK;
}

void dp_qwen_reader_drop(struct dp_qwen_reader *reader)
{
    if (!reader)
        return;
    eng_session_drop(reader->session);
    free(reader);
}

/* --- picture and prompt --- */

static enum b_code make_visual(const struct dp_qwen_reader *reader, const struct dp_sheet *sheet,
                               struct eng_visual *visual, struct b_err *err)
{
    const struct eng_qwen_preprocess *pre = &eng_qwen_config_of(reader->model->qwen)->preprocess;
    int64_t most = reader->model->qwen_options.max_pixels, usual = (int64_t)PICTURE_TOKENS * TOKEN_SIDE * TOKEN_SIDE;
    if (most <= 0)
        most = pre->max_pixels < usual ? pre->max_pixels : usual;
    struct eng_visual_limits limits = {.min_pixels = pre->min_pixels < most ? pre->min_pixels : most,
                                       .max_pixels = most};
    return eng_visual_from_image(pre, b_image_view_of(&sheet->image), &limits, visual, err);
}

static enum b_code make_prompt(const struct dp_qwen_reader *reader, const struct rung *rung,
                               const struct eng_visual *visual, struct eng_ids *ids, struct b_err *err)
{
    const struct eng_qwen *model = reader->model->qwen;
    int64_t pads = eng_visual_tokens(visual, eng_qwen_config_of(model)->vision.merge);
    struct eng_part picture = {.kind = ENG_PART_IMAGE, .pads = pads};
    struct eng_part text = {.kind = ENG_PART_TEXT, .text = rung->text, .text_len = strlen(rung->text)};
    struct eng_part parts[2] = {rung->text_first ? text : picture, rung->text_first ? picture : text};
    struct eng_turn turn = {.role = "user", .parts = parts, .n_parts = 2};
    struct eng_chat_options options = {0};
    enum b_code code = eng_chat_ids(eng_qwen_tokenizer_of(model), &turn, 1, &options, ids, err);
    if (code == B_OK && rung->opening[0])
        code = eng_tokenizer_encode(eng_qwen_tokenizer_of(model), rung->opening, strlen(rung->opening),
                                    ENG_SPECIAL_AS_TEXT, ids, err);
    return code;
}

/* The words of the text layer, in the file's order, as what the answer is likely to repeat. */
static enum b_code make_draft(const struct dp_qwen_reader *reader, const struct dp_sheet *sheet,
                              struct eng_lookup **out, struct b_err *err)
{
    enum b_code code = eng_lookup_new(out, err);
    if (code != B_OK || reader->text_layer == DP_TEXT_OFF || sheet->n_words == 0)
        return code;
    struct b_buf text;
    struct eng_ids ids = {.max = PROMPT_IDS_MAX};
    b_buf_init(&text, ANSWER_BYTES);
    for (int32_t i = 0; i < sheet->n_words; i++) {
        b_buf_puts(&text, sheet->words[i].text);
        if (!sheet->words[i].joined)
            b_buf_putc(&text, ' ');
    }
    code = b_buf_check(&text, DOMAIN, err);
    if (code == B_OK)
        code = eng_tokenizer_encode(eng_qwen_tokenizer_of(reader->model->qwen), text.data, text.len,
                                    ENG_SPECIAL_AS_TEXT, &ids, err);
    if (code == B_OK)
        code = eng_lookup_add(*out, ids.items, ids.count, err);
    eng_ids_free(&ids);
    b_buf_free(&text);
    return code == B_LIMIT ? B_OK : code; /* without a draft the page is read all the same */
}

/* --- the answer --- */

static void count_box(void *ctx, const struct dp_page *page, int32_t block)
{
    struct attempt *a = ctx;
    a->blocks++;
    a->boxed += page->blocks[block].has_bbox;
}

static bool take_token(void *context, const struct eng_token *token)
{
    struct attempt *a = context;
    size_t before = a->text.len;
    eng_stream_push(&a->stream, a->tokenizer, token->id, true, &a->text);
    if (a->n_pieces < a->max_pieces) {
        a->pieces[a->n_pieces].end = a->text.len;
        a->pieces[a->n_pieces++].log_probability = token->log_probability;
    }
    if (dp_markup_push(a->markup, a->text.data + before, a->text.len - before, &a->err) != B_OK) {
        a->failed = true;
        return false;
    }
    a->boxless = !a->last_rung && a->blocks >= BLOCKS_WITHOUT_BOX && a->boxed == 0;
    a->after_end += dp_markup_wants_stop(a->markup);
    return !a->boxless && a->after_end < GRACE_TOKENS;
}

static struct dp_markup_options markup_options(const struct eng_visual *visual)
{
    struct dp_markup_options options = dp_markup_options_default();
    options.unit = DP_MARKUP_FRAME_PIXELS;
    options.frame_width = visual->width;
    options.frame_height = visual->height;
    options.source = DP_FROM_VLM;
    return options;
}

static void attempt_free(struct attempt *a)
{
    dp_markup_drop(a->markup);
    dp_page_drop(a->scratch);
    b_buf_free(&a->text);
    free(a->pieces);
}

static enum b_code attempt_new(const struct dp_qwen_reader *reader, int rung, const struct eng_visual *visual,
                               const struct dp_page *page, size_t max_tokens, struct attempt *a, struct b_err *err)
{
    struct dp_markup_options options = markup_options(visual);
    *a = (struct attempt){.tokenizer = eng_qwen_tokenizer_of(reader->model->qwen),
                          .last_rung = rung + 1 == RUNGS,
                          .max_pieces = max_tokens};
    b_buf_init(&a->text, ANSWER_BYTES);
    options.on_block = count_box;
    options.ctx = a;
    a->pieces = calloc(max_tokens, sizeof *a->pieces);
    if (!a->pieces)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    enum b_code code = dp_page_new(page->number, SCRATCH_BYTES, &a->scratch, err);
    if (code != B_OK)
        return code;
    a->scratch->width = page->width;
    a->scratch->height = page->height;
    code = dp_markup_new(a->scratch, &options, &a->markup, err);
    b_buf_puts(&a->text, rungs[rung].opening);
    return code == B_OK ? dp_markup_push(a->markup, a->text.data, a->text.len, err) : code;
}

static enum b_code run_attempt(struct dp_qwen_reader *reader, int rung, const struct eng_visual *visual,
                               struct eng_lookup *draft, struct attempt *a, struct b_cancel *cancel, struct b_err *err)
{
    struct eng_ids ids = {.max = PROMPT_IDS_MAX};
    struct eng_generate how = {.max_tokens = a->max_pieces,
                               .propose = eng_lookup_propose,
                               .propose_context = draft,
                               .on_token = take_token,
                               .on_token_context = a};
    enum b_code code = make_prompt(reader, &rungs[rung], visual, &ids, err);
    struct eng_prompt prompt = {.ids = ids.items, .count = ids.count, .visuals = visual, .n_visuals = 1};
    if (code == B_OK)
        code = eng_session_prompt(reader->session, &prompt, a->max_pieces, cancel, err);
    if (code == B_OK) {
        code = eng_batch_generate(reader->model->batch, reader->session, &how, cancel, err);
        if (code == B_DEADLINE && a->blocks > 0)
            code = B_OK; /* what was read in time is worth having; the session has not finished: the page says so */
    }
    if (code == B_OK && a->failed) {
        code = a->err.code;
        if (err)
            *err = a->err;
    }
    eng_ids_free(&ids);
    return code;
}

/* --- the page --- */

/* Blocks of the final parse get the mean probability of the tokens that made them. */
struct scoring {
    const struct attempt *attempt;
    struct dp_page *page;
    size_t first, next; /* pieces: the first since the block before, the one that is pushed now */
};

static void score_block(void *ctx, const struct dp_page *page, int32_t block)
{
    struct scoring *s = ctx;
    double sum = 0;
    size_t end = s->next < s->attempt->n_pieces ? s->next + 1 : s->attempt->n_pieces;
    (void)page;
    for (size_t i = s->first; i < end; i++)
        sum += (double)s->attempt->pieces[i].log_probability;
    if (end > s->first)
        s->page->blocks[block].confidence = (float)exp(sum / (double)(end - s->first));
    s->first = end;
}

static enum dp_markup_stop stop_of(const struct dp_qwen_reader *reader)
{
    switch (eng_session_finish(reader->session)) {
    case ENG_FINISH_STOP:
        return DP_MARKUP_STOP_TOKEN;
    case ENG_FINISH_CALLER: /* the parser had enough */
        return DP_MARKUP_STOP_UNKNOWN;
    default:
        return DP_MARKUP_STOP_LENGTH;
    }
}

static enum b_code fill_page(struct attempt *a, const struct eng_visual *visual, enum dp_markup_stop stop,
                             struct dp_page *page, struct b_err *err)
{
    struct scoring scoring = {.attempt = a, .page = page};
    struct dp_markup_options options = markup_options(visual);
    struct dp_markup *markup = NULL;
    struct dp_markup_result result;
    options.on_block = score_block;
    options.ctx = &scoring;
    eng_stream_finish(&a->stream, &a->text);
    enum b_code code = b_buf_check(&a->text, DOMAIN, err);
    if (code == B_OK)
        code = dp_markup_new(page, &options, &markup, err);
    size_t at = 0;
    for (; code == B_OK && scoring.next < a->n_pieces; scoring.next++) {
        size_t end = a->pieces[scoring.next].end;
        code = dp_markup_push(markup, a->text.data + at, end - at, err);
        at = end;
    }
    if (code == B_OK)
        code = dp_markup_push(markup, a->text.data + at, a->text.len - at, err);
    if (code == B_OK)
        code = dp_markup_finish(markup, stop, &result, err);
    dp_markup_drop(markup);
    return code;
}

static enum b_code climb(struct dp_qwen_reader *reader, const struct eng_visual *visual, struct eng_lookup *draft,
                         struct dp_page *page, struct b_cancel *cancel, struct b_err *err)
{
    int most = reader->model->qwen_options.max_tokens;
    bool done = false;
    enum b_code code = B_OK;
    for (int rung = 0; rung < RUNGS && code == B_OK && !done; rung++) {
        struct attempt a;
        code = attempt_new(reader, rung, visual, page, most > 0 ? (size_t)most : TOKENS_DEFAULT, &a, err);
        if (code == B_OK)
            code = run_attempt(reader, rung, visual, draft, &a, cancel, err);
        done = code == B_OK && !a.boxless;
        if (done && rung > 0 && a.boxed > 0)
            dp_page_warn(page, "the model gave boxes at prompt form %d only", rung + 1);
        if (done)
            code = fill_page(&a, visual, stop_of(reader), page, err);
        attempt_free(&a);
    }
    return code;
}

enum b_code dp_qwen_reader_read(struct dp_qwen_reader *reader, const struct dp_sheet *sheet, struct dp_page *page,
                                struct b_cancel *cancel, struct b_err *err)
{
    struct eng_visual visual = {0};
    struct eng_lookup *draft = NULL;
    struct eng_session_options options = {.threads = reader->threads};
    enum b_code code = reader->session ? B_OK : eng_session_new(reader->model->qwen, &options, &reader->session, err);
    if (code == B_OK)
        code = make_visual(reader, sheet, &visual, err);
    if (code == B_OK)
        code = make_draft(reader, sheet, &draft, err);
    if (code == B_OK)
        code = climb(reader, &visual, draft, page, cancel, err);
    eng_lookup_drop(draft);
    eng_visual_free(&visual);
    return code;
}
