/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_TOKENIZER_H
#define ENGINE_QWEN25VL_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"

/* Byte-level BPE with the Qwen2 pre-tokenizer, read from tokenizer.json, or from vocab.json + merges.txt (with
 * tokenizer_config.json or added_tokens.json for the added tokens). Immutable after opening: any number of threads may
 * use it. */
struct eng_tokenizer;

enum b_code eng_tokenizer_open(const char *dir, struct eng_tokenizer **out, struct b_err *err) B_MUST_CHECK;
/* From memory: either json (a tokenizer.json) alone, or vocab + merges. config (a tokenizer_config.json) and added (an
 * added_tokens.json) may be NULL: without both, the published added tokens follow the vocabulary. Nothing is borrowed.
 */
struct eng_tokenizer_source {
    const char *json, *vocab, *merges, *added, *config;
    size_t json_size, vocab_size, merges_size, added_size, config_size;
};
enum b_code eng_tokenizer_parse(const struct eng_tokenizer_source *source, struct eng_tokenizer **out,
                                struct b_err *err) B_MUST_CHECK;
void eng_tokenizer_drop(struct eng_tokenizer *tok);

/* Growable token ids with a hard maximum; zero-initialise all but max. Free with eng_ids_free. */
struct eng_ids {
    int32_t *items;
    size_t count, cap, max;
};
void eng_ids_free(struct eng_ids *ids);
enum b_code eng_ids_push(struct eng_ids *ids, int32_t id, struct b_err *err) B_MUST_CHECK;

enum eng_special { ENG_SPECIAL_AS_TEXT = 0, ENG_SPECIAL_PARSE };

/* Appends the ids of text (UTF-8; each maximal ill-formed part counts as U+FFFD). Text from outside is encoded
 * with ENG_SPECIAL_AS_TEXT, so that "<|im_end|>" in it stays text. No token is added at either end. Time is
 * O(n log n) for any input. B_LIMIT when ids->max is reached (ids then holds a part), B_NO_MEMORY. */
enum b_code eng_tokenizer_encode(const struct eng_tokenizer *tok, const char *text, size_t len,
                                 enum eng_special special, struct eng_ids *ids, struct b_err *err) B_MUST_CHECK;

/* One more than the largest id. */
int32_t eng_tokenizer_size(const struct eng_tokenizer *tok);
/* Bytes of a token (a part of UTF-8, perhaps); NULL and *len = 0 for an id that is none. Borrowed. */
const char *eng_tokenizer_bytes(const struct eng_tokenizer *tok, int32_t id, size_t *len);
/* Added tokens have ids of their own in ENG_SPECIAL_PARSE; special ones are those that answers leave out. */
bool eng_tokenizer_is_added(const struct eng_tokenizer *tok, int32_t id);
bool eng_tokenizer_is_special(const struct eng_tokenizer *tok, int32_t id);
/* Id of an added token by its text, such as "<|im_end|>"; -1 when there is none. */
int32_t eng_tokenizer_added_id(const struct eng_tokenizer *tok, const char *text);

/* Ids of the tokens whose text begins with a byte (added tokens are none of them) in the order of their bytes, so that
 * neighbours share the longest beginnings; returns how many. Borrowed. */
size_t eng_tokenizer_in_order(const struct eng_tokenizer *tok, uint8_t first, const int32_t **ids);

/* Appends the text of the ids; ill-formed UTF-8 becomes U+FFFD. Failure is in out (b_buf_check). */
void eng_tokenizer_decode(const struct eng_tokenizer *tok, const int32_t *ids, size_t count, bool skip_special,
                          struct b_buf *out);

/* Text as it grows token by token: only whole characters come out. Zero-initialise. Plain value. */
struct eng_stream {
    unsigned char pending[4];
    int n_pending;
};
/* Appends to out what became complete with this token. */
void eng_stream_push(struct eng_stream *stream, const struct eng_tokenizer *tok, int32_t id, bool skip_special,
                     struct b_buf *out);
/* The end: an incomplete rest becomes U+FFFD. */
void eng_stream_finish(struct eng_stream *stream, struct b_buf *out);

#endif
