/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_TOKENIZER_PRIVATE_H
#define ENGINE_QWEN25VL_TOKENIZER_PRIVATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/qwen25vl/tokenizer.h"

/* Private to tokenizer*.c and bpe.c. */

enum { TOK_VOCAB = 0, TOK_NONE = 1, TOK_ADDED = 2, TOK_SPECIAL = 4 };

struct tok_entry {
    uint32_t at, len; /* bytes in the pool */
    uint8_t kind;     /* TOK_ bits */
};

/* left + right -> id; the merge of the lowest rank goes first. */
struct tok_merge {
    int32_t left, right, id, rank; /* left -1: free place */
};

/* Added tokens as a tree of bytes: children of a node are a list. Node 0 is the root. */
struct tok_node {
    uint32_t child, sibling; /* 0: none */
    int32_t id;              /* -1: no token ends here */
    uint8_t byte;
};

struct eng_tokenizer {
    struct tok_entry *entries; /* [size] */
    int32_t size;
    struct b_buf pool;
    int32_t byte_id[256];
    struct tok_merge *merges; /* hash table of 1 << merge_bits places, at most half full */
    unsigned merge_bits;
    uint32_t max_probe; /* no merge lies further from its place: bounds lookups in a table made to collide */
    struct tok_node *nodes;
    size_t n_nodes, cap_nodes;
    int32_t *order; /* ids of the tokens that have bytes and are not added, in the order of their bytes */
    size_t order_from[257]; /* where those begin that begin with a byte; [256]: all */
    bool nfc;
};


/* Appends the ids of one piece. scratch is reused from call to call. */
struct tok_scratch {
    void *symbols;
    uint64_t *heap;
    size_t cap;
};
void tok_scratch_free(struct tok_scratch *scratch);
enum b_code tok_merge_piece(const struct eng_tokenizer *tok, const char *piece, size_t len, struct tok_scratch *scratch,
                            struct eng_ids *ids, struct b_err *err) B_MUST_CHECK;

/* Puts a merge into the table (a later one of the same pair wins). The table has room. */
enum b_code tok_put_merge(struct eng_tokenizer *tok, struct tok_merge merge, struct b_err *err) B_MUST_CHECK;

/* Adds the text of an added token to the tree. */
enum b_code tok_put_added(struct eng_tokenizer *tok, const char *text, size_t len, int32_t id,
                          struct b_err *err) B_MUST_CHECK;
/* Length of the longest added token that begins at text[0], and its id; 0: none. */
size_t tok_match_added(const struct eng_tokenizer *tok, const char *text, size_t len, int32_t *id);

/* Makes tok->order, once all tokens are there. */
enum b_code tok_put_in_order(struct eng_tokenizer *tok, struct b_err *err) B_MUST_CHECK;

#endif
