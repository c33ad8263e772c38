/* SPDX-License-Identifier: Apache-2.0 */
/* Text to ids and back. Invariant: encoding works on valid UTF-8 in the tokenizer's normal form, made segment by
 * segment between added tokens; decoding works on bytes and gives out whole characters only. */
#include "engine/qwen25vl/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/qwen25vl/split.h"
#include "engine/qwen25vl/tokenizer_private.h"
#include "engine/qwen25vl/unicode.h"

#define DOMAIN "tokenizer"
/* Longest text of one call: merging takes up to 28 bytes of memory for each byte of a piece. */
#define MAX_TEXT ((size_t)64 << 20)

void eng_ids_free(struct eng_ids *ids)
{
    free(ids->items);
    ids->items = NULL;
    ids->count = ids->cap = 0;
}

enum b_code eng_ids_push(struct eng_ids *ids, int32_t id, struct b_err *err)
{
    if (ids->count == ids->cap) {
        if (ids->count >= ids->max)
            return b_fail(err, B_LIMIT, DOMAIN, "the text has more than %zu tokens", ids->max);
        size_t cap = ids->cap ? ids->cap * 2 : 256;
        cap = cap > ids->max ? ids->max : cap;
        int32_t *items = cap <= SIZE_MAX / sizeof *items ? realloc(ids->items, cap * sizeof *items) : NULL;
        if (!items)
            return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %zu tokens", cap);
        ids->items = items;
        ids->cap = cap;
    }
    ids->items[ids->count++] = id;
    return B_OK;
}

/* What one call of encode carries along. */
struct encoder {
    const struct eng_tokenizer *tok;
    struct eng_ids *ids;
    struct b_buf normal; /* a segment in normal form */
    struct tok_scratch scratch;
    struct b_err *err;
};

static enum b_code encode_segment(struct encoder *e, const char *text, size_t len)
{
    if (!eng_nfc_is_certain(text, len)) {
        b_buf_clear(&e->normal);
        eng_nfc(text, len, e->tok->nfc, &e->normal);
        enum b_code code = b_buf_check(&e->normal, DOMAIN, e->err);
        if (code)
            return code;
        text = e->normal.data;
        len = e->normal.len;
    }
    enum b_code code = B_OK;
    for (size_t at = 0; at < len && !code;) {
        const size_t end = eng_split_next(text, len, at);
        code = tok_merge_piece(e->tok, text + at, end - at, &e->scratch, e->ids, e->err);
        at = end;
    }
    return code;
}

static enum b_code encode_all(struct encoder *e, const char *text, size_t len, enum eng_special special)
{
    size_t from = 0;
    enum b_code code = B_OK;
    for (size_t at = 0; special == ENG_SPECIAL_PARSE && at < len && !code;) {
        int32_t id;
        const size_t n = tok_match_added(e->tok, text + at, len - at, &id);
        if (n == 0) {
            at++;
            continue;
        }
        code = encode_segment(e, text + from, at - from);
        if (!code)
            code = eng_ids_push(e->ids, id, e->err);
        at += n;
        from = at;
    }
    return code ? code : encode_segment(e, text + from, len - from);
}

enum b_code eng_tokenizer_encode(const struct eng_tokenizer *tok, const char *text, size_t len,
                                 enum eng_special special, struct eng_ids *ids, struct b_err *err)
{
    if (len > MAX_TEXT)
        return b_fail(err, B_LIMIT, DOMAIN, "a text of %zu bytes is above the bound of %zu", len, MAX_TEXT);
    struct encoder e = {.tok = tok, .ids = ids, .err = err};
    b_buf_init(&e.normal, 8 * MAX_TEXT);
    enum b_code code = encode_all(&e, text, len, special);
    b_buf_free(&e.normal);
    tok_scratch_free(&e.scratch);
    return code;
}

int32_t eng_tokenizer_size(const struct eng_tokenizer *tok)
{
    return tok->size;
}

static const struct tok_entry *entry_of(const struct eng_tokenizer *tok, int32_t id)
{
    if (id < 0 || id >= tok->size || tok->entries[id].kind & TOK_NONE)
        return NULL;
    return &tok->entries[id];
}

const char *eng_tokenizer_bytes(const struct eng_tokenizer *tok, int32_t id, size_t *len)
{
    const struct tok_entry *entry = entry_of(tok, id);
    *len = entry ? entry->len : 0;
    return entry ? tok->pool.data + entry->at : NULL;
}

bool eng_tokenizer_is_added(const struct eng_tokenizer *tok, int32_t id)
{
    const struct tok_entry *entry = entry_of(tok, id);
    return entry && entry->kind & TOK_ADDED;
}

bool eng_tokenizer_is_special(const struct eng_tokenizer *tok, int32_t id)
{
    const struct tok_entry *entry = entry_of(tok, id);
    return entry && entry->kind & TOK_SPECIAL;
}

int32_t eng_tokenizer_added_id(const struct eng_tokenizer *tok, const char *text)
{
    int32_t id = -1;
    const size_t len = strlen(text);
    return len && tok_match_added(tok, text, len, &id) == len ? id : -1;
}

/* Whether the bytes begin a character that more bytes would complete: one of two next bytes fits any such beginning. */
static bool is_beginning(const unsigned char *bytes, size_t n)
{
    static const unsigned char next[2] = {0x80, 0xa0};
    char text[5];
    memcpy(text, bytes, n);
    for (size_t i = 0; i < 2; i++) {
        size_t used = 0;
        text[n] = (char)next[i];
        (void)b_utf8_next(text, n + 1, &used);
        if (used == n + 1)
            return true;
    }
    return false;
}

/* Takes one byte. Whole characters and U+FFFD for what can be none go to out. */
static void stream_byte(struct eng_stream *s, unsigned char byte, struct b_buf *out)
{
    s->pending[s->n_pending++] = byte;
    for (;;) {
        const char *p = (const char *)s->pending;
        size_t used = 0;
        const uint32_t cp = s->n_pending ? b_utf8_next(p, (size_t)s->n_pending, &used) : 0;
        if (s->n_pending == 0)
            return;
        /* U+FFFD over all there is may be a character that is not complete yet. */
        const bool ill = cp == 0xfffd && !(used == 3 && memcmp(p, "\xef\xbf\xbd", 3) == 0);
        if (ill && used == (size_t)s->n_pending && is_beginning(s->pending, used))
            return;
        char bytes[4];
        b_buf_append(out, bytes, b_utf8_put(cp, bytes));
        s->n_pending -= (int)used;
        memmove(s->pending, s->pending + used, (size_t)s->n_pending);
    }
}

void eng_stream_push(struct eng_stream *stream, const struct eng_tokenizer *tok, int32_t id, bool skip_special,
                     struct b_buf *out)
{
    const struct tok_entry *entry = entry_of(tok, id);
    if (!entry || (skip_special && entry->kind & TOK_SPECIAL))
        return;
    for (uint32_t i = 0; i < entry->len; i++)
        stream_byte(stream, (unsigned char)tok->pool.data[entry->at + i], out);
}

void eng_stream_finish(struct eng_stream *stream, struct b_buf *out)
{
    if (stream->n_pending)
        b_buf_puts(out, "\xef\xbf\xbd"); /* one maximal ill-formed part */
    stream->n_pending = 0;
}

void eng_tokenizer_decode(const struct eng_tokenizer *tok, const int32_t *ids, size_t count, bool skip_special,
                          struct b_buf *out)
{
    struct eng_stream stream = {.n_pending = 0};
    for (size_t i = 0; i < count; i++)
        eng_stream_push(&stream, tok, ids[i], skip_special, out);
    eng_stream_finish(&stream, out);
}
