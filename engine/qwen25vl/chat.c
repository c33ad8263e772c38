/* SPDX-License-Identifier: Apache-2.0 */
/* Chat turns to prompt. One walk over the turns feeds a sink with plain text and control tokens; the text form and the
 * id form are two sinks of it, so that they cannot differ in what stands where. */
#include "engine/qwen25vl/chat.h"

#include <string.h>

#define DOMAIN "chat"
#define DEFAULT_SYSTEM "You are a helpful assistant."
/* Longest run of text between two control tokens. */
#define MAX_RUN ((size_t)64 << 20)

/* Where a prompt goes: tok NULL means text. The first failure is kept. */
struct sink {
    const struct eng_tokenizer *tok;
    enum eng_special special;
    struct eng_ids *ids;
    struct b_buf *text; /* the rendered prompt, or the run of text since the last control token */
    struct b_err *err;
    enum b_code code;
};

static void put_text(struct sink *s, const char *text, size_t len)
{
    b_buf_append(s->text, text, len);
}

static void flush(struct sink *s)
{
    if (!s->tok || s->code)
        return;
    s->code = b_buf_check(s->text, DOMAIN, s->err);
    if (!s->code && s->text->len)
        s->code = eng_tokenizer_encode(s->tok, s->text->data, s->text->len, s->special, s->ids, s->err);
    b_buf_clear(s->text);
}

static void put_control(struct sink *s, const char *name, int64_t times)
{
    if (!s->tok) {
        for (int64_t i = 0; i < times && !s->text->failed; i++)
            b_buf_puts(s->text, name);
        return;
    }
    flush(s);
    const int32_t id = s->code ? -1 : eng_tokenizer_added_id(s->tok, name);
    if (!s->code && id < 0)
        s->code = b_fail(s->err, B_UNSUPPORTED, DOMAIN, "the tokenizer has no %s", name);
    for (int64_t i = 0; i < times && !s->code; i++)
        s->code = eng_ids_push(s->ids, id, s->err);
}

/* How many pictures and videos there were. */
struct counts {
    int images, videos;
};

static void put_visual(struct sink *s, const struct eng_part *part, bool numbered, struct counts *counts)
{
    const bool image = part->kind == ENG_PART_IMAGE;
    const int number = image ? ++counts->images : ++counts->videos;
    if (numbered)
        b_buf_printf(s->text, "%s %d: ", image ? "Picture" : "Video", number);
    put_control(s, "<|vision_start|>", 1);
    put_control(s, image ? "<|image_pad|>" : "<|video_pad|>", part->pads < 1 ? 1 : part->pads);
    put_control(s, "<|vision_end|>", 1);
}

static void put_turn(struct sink *s, const struct eng_turn *turn, bool numbered, struct counts *counts)
{
    put_control(s, "<|im_start|>", 1);
    put_text(s, turn->role, strlen(turn->role));
    put_text(s, "\n", 1);
    for (size_t i = 0; i < turn->n_parts; i++) {
        if (turn->parts[i].kind == ENG_PART_TEXT)
            put_text(s, turn->parts[i].text, turn->parts[i].text_len);
        else
            put_visual(s, &turn->parts[i], numbered, counts);
    }
    put_control(s, "<|im_end|>", 1);
    put_text(s, "\n", 1);
}

static void put_chat(struct sink *s, const struct eng_turn *turns, size_t n_turns,
                     const struct eng_chat_options *options)
{
    static const struct eng_part part = {.text = DEFAULT_SYSTEM, .text_len = sizeof DEFAULT_SYSTEM - 1, .pads = 1};
    static const struct eng_turn system = {.role = "system", .parts = &part, .n_parts = 1};
    const bool numbered = options && options->vision_ids;
    struct counts counts = {0, 0};
    if (n_turns == 0 || strcmp(turns[0].role, "system") != 0)
        put_turn(s, &system, numbered, &counts);
    for (size_t i = 0; i < n_turns && !s->code; i++)
        put_turn(s, &turns[i], numbered, &counts);
    if (!options || !options->no_generation_prompt) {
        put_control(s, "<|im_start|>", 1);
        put_text(s, "assistant\n", strlen("assistant\n"));
    }
    flush(s);
}

void eng_chat_text(const struct eng_turn *turns, size_t n_turns, const struct eng_chat_options *options,
                   struct b_buf *out)
{
    struct sink s = {.text = out};
    put_chat(&s, turns, n_turns, options);
}

enum b_code eng_chat_ids(const struct eng_tokenizer *tok, const struct eng_turn *turns, size_t n_turns,
                         const struct eng_chat_options *options, struct eng_ids *ids, struct b_err *err)
{
    struct b_buf run;
    b_buf_init(&run, MAX_RUN);
    struct sink s = {.tok = tok, .ids = ids, .text = &run, .err = err};
    s.special = options && options->parse_special ? ENG_SPECIAL_PARSE : ENG_SPECIAL_AS_TEXT;
    put_chat(&s, turns, n_turns, options);
    b_buf_free(&run);
    return s.code;
}
