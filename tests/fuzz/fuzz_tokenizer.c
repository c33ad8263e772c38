/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the tokenizer's files, and as text for a sound one. Text whose bytes are well-formed and in normal form
 * comes back from its ids as it was; the stream and the whole decode agree. First byte: what the rest is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/qwen25vl/chat.h"
#include "engine/qwen25vl/tokenizer.h"
#include "engine/qwen25vl/unicode.h"
#include "tests/support/tiny_vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
    if (!holds)
        abort();
}

static void encode(const struct eng_tokenizer *tok, const char *text, size_t len, enum eng_special special)
{
    struct eng_ids ids = {.max = 1 << 20};
    struct b_buf out, normal;
    b_buf_init(&out, 1 << 24);
    b_buf_init(&normal, 1 << 24);
    eng_nfc(text, len, true, &normal);
    demand(b_utf8_valid(normal.data ? normal.data : "", normal.len));
    demand(!eng_nfc_is_certain(text, len) ||
           (normal.len == len && memcmp(normal.data ? normal.data : "", text, len) == 0));
    if (eng_tokenizer_encode(tok, text, len, special, &ids, NULL) == B_OK) {
        struct eng_stream stream = {.n_pending = 0};
        struct b_buf piece;
        b_buf_init(&piece, 1 << 24);
        for (size_t i = 0; i < ids.count; i++) {
            demand(ids.items[i] >= 0 && ids.items[i] < eng_tokenizer_size(tok));
            eng_stream_push(&stream, tok, ids.items[i], false, &piece);
            demand(b_utf8_valid(piece.data ? piece.data : "", piece.len));
        }
        eng_stream_finish(&stream, &piece);
        eng_tokenizer_decode(tok, ids.items, ids.count, false, &out);
        demand(piece.len == out.len);
        /* Added tokens cut the text, so that its normal form is that of its parts: compare what no token cuts. */
        if (special == ENG_SPECIAL_AS_TEXT)
            demand(out.len == normal.len &&
                   memcmp(out.data ? out.data : "", normal.data ? normal.data : "", out.len) == 0);
        b_buf_free(&piece);
    }
    eng_ids_free(&ids);
    b_buf_free(&out);
    b_buf_free(&normal);
}

static const struct eng_tokenizer *sound(void)
{
    static struct eng_tokenizer *tok;
    struct b_buf text;
    if (tok)
        return tok;
    b_buf_init(&text, 1 << 20);
    t_tokenizer_json(&text);
    const struct eng_tokenizer_source source = {.json = text.data, .json_size = text.len};
    demand(eng_tokenizer_parse(&source, &tok, NULL) == B_OK);
    b_buf_free(&text);
    return tok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eng_tokenizer *tok = NULL;
    struct eng_tokenizer_source source = {.json = NULL};
    struct b_buf vocab;
    if (size == 0)
        return 0;
    const char *rest = (const char *)data + 1, *cut = memchr(rest, 0, size - 1);
    const size_t len = size - 1;
    b_buf_init(&vocab, 1 << 20);
    switch (data[0]) {
    case 'j': /* tokenizer.json */
        source.json = rest;
        source.json_size = len;
        break;
    case 'v': /* vocab.json, merges.txt */
        source.vocab = rest;
        source.vocab_size = cut ? (size_t)(cut - rest) : len;
        source.merges = cut ? cut + 1 : "";
        source.merges_size = cut ? len - source.vocab_size - 1 : 0;
        break;
    case 'm': /* merges.txt, added_tokens.json */
    case 'c': /* merges.txt, tokenizer_config.json */
        t_vocab_json(&vocab);
        source.vocab = vocab.data;
        source.vocab_size = vocab.len;
        source.merges = rest;
        source.merges_size = cut ? (size_t)(cut - rest) : len;
        *(data[0] == 'm' ? &source.added : &source.config) = cut ? cut + 1 : NULL;
        source.added_size = source.config_size = cut ? len - source.merges_size - 1 : 0;
        break;
    default:
        encode(sound(), rest, len, ENG_SPECIAL_AS_TEXT);
        encode(sound(), rest, len, ENG_SPECIAL_PARSE);
        return 0;
    }
    static const char sample[] = "The cat's 12 \xc3\xa9 ab abc <|im_end|>\r\n \t x";
    if (eng_tokenizer_parse(&source, &tok, NULL) == B_OK)
        encode(tok, sample, sizeof sample - 1, ENG_SPECIAL_PARSE);
    eng_tokenizer_drop(tok);
    b_buf_free(&vocab);
    return 0;
}
