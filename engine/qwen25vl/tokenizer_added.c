/* SPDX-License-Identifier: Apache-2.0 */
/* Added tokens as a tree of bytes, so that the longest one at a place is found in one walk. */
#include <stdlib.h>

#include "engine/qwen25vl/tokenizer_private.h"

#define DOMAIN "tokenizer"
#define MAX_NODES ((size_t)1 << 20)

static uint32_t child_of(const struct eng_tokenizer *tok, uint32_t node, uint8_t byte)
{
    uint32_t child = tok->nodes[node].child;
    while (child && tok->nodes[child].byte != byte)
        child = tok->nodes[child].sibling;
    return child;
}

static enum b_code new_node(struct eng_tokenizer *tok, uint8_t byte, uint32_t *out, struct b_err *err)
{
    if (tok->n_nodes == tok->cap_nodes) {
        const size_t cap = tok->cap_nodes ? tok->cap_nodes * 2 : 256;
        if (cap > MAX_NODES)
            return b_fail(err, B_LIMIT, DOMAIN, "the added tokens are too long");
        struct tok_node *nodes = realloc(tok->nodes, cap * sizeof *nodes);
        if (!nodes)
            return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for added tokens");
        tok->nodes = nodes;
        tok->cap_nodes = cap;
    }
    *out = (uint32_t)tok->n_nodes++;
    tok->nodes[*out] = (struct tok_node){.id = -1, .byte = byte};
    return B_OK;
}

enum b_code tok_put_added(struct eng_tokenizer *tok, const char *text, size_t len, int32_t id, struct b_err *err)
{
    uint32_t node = 0, child;
    enum b_code code = tok->n_nodes ? B_OK : new_node(tok, 0, &node, err);
    for (size_t i = 0; i < len && !code; i++, node = child) {
        child = child_of(tok, node, (uint8_t)text[i]);
        if (child)
            continue;
        code = new_node(tok, (uint8_t)text[i], &child, err);
        if (code)
            return code;
        tok->nodes[child].sibling = tok->nodes[node].child;
        tok->nodes[node].child = child;
    }
    if (!code)
        tok->nodes[node].id = id;
    return code;
}

size_t tok_match_added(const struct eng_tokenizer *tok, const char *text, size_t len, int32_t *id)
{
    size_t best = 0;
    uint32_t node = 0;
    *id = -1;
    for (size_t i = 0; i < len && tok->n_nodes; i++) {
        node = child_of(tok, node, (uint8_t)text[i]);
        if (!node)
            break;
        if (tok->nodes[node].id >= 0) {
            best = i + 1;
            *id = tok->nodes[node].id;
        }
    }
    return best;
}
