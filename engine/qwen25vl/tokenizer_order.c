/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens in the order of their bytes, for walks over all of them that pay once for a shared beginning. */
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/tokenizer_private.h"

struct named {
    const char *bytes;
    size_t len;
    int32_t id;
};

static int by_bytes(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    const int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
    if (order)
        return order;
    return x->len != y->len ? (x->len < y->len ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
}

enum b_code tok_put_in_order(struct eng_tokenizer *tok, struct b_err *err)
{
    const size_t room = tok->size > 0 ? (size_t)tok->size : 1;
    struct named *all = calloc(room, sizeof *all);
    tok->order = calloc(room, sizeof *tok->order);
    if (!all || !tok->order) {
        free(all);
        return b_fail(err, B_NO_MEMORY, "tokenizer", "no memory for %zu tokens", room);
    }
    size_t n = 0;
    for (int32_t id = 0; id < tok->size; id++) {
        all[n].id = id;
        all[n].bytes = eng_tokenizer_bytes(tok, id, &all[n].len);
        n += all[n].bytes && all[n].len && !eng_tokenizer_is_added(tok, id);
    }
    qsort(all, n, sizeof *all, by_bytes);
    for (size_t i = 0, byte = 0; byte <= 256; byte++) {
        while (i < n && (unsigned char)all[i].bytes[0] < byte)
            i++;
        tok->order_from[byte] = byte < 256 ? i : n;
    }
    for (size_t i = 0; i < n; i++)
        tok->order[i] = all[i].id;
    free(all);
    return B_OK;
}

size_t eng_tokenizer_in_order(const struct eng_tokenizer *tok, uint8_t first, const int32_t **ids)
{
    *ids = tok->order + tok->order_from[first];
    return tok->order_from[first + 1] - tok->order_from[first];
}
