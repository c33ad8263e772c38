/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a grammar (first byte g) or a JSON Schema (any other), then an answer drawn from what may come:
 * something always may, until the text is whole and the stop is taken. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/grammar.h"
#include "tests/support/tiny_vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STOP = 262, VOCAB = 264, TOKENS = 40 };

static struct eng_tokenizer *tokenizer(void)
{
    static struct eng_tokenizer *tok;
    struct b_buf text;
    if (tok)
        return tok;
    b_buf_init(&text, 1 << 20);
    t_tokenizer_json(&text);
    const struct eng_tokenizer_source source = {.json = text.data, .json_size = text.len};
    if (eng_tokenizer_parse(&source, &tok, NULL) != B_OK)
        abort();
    b_buf_free(&text);
    return tok;
}

static void answer(const struct eng_grammar *g, uint64_t seed)
{
    static const int32_t stop = STOP;
    struct eng_matcher *m = NULL;
    uint8_t allowed[VOCAB];
    if (eng_matcher_new(g, tokenizer(), &stop, 1, &m, NULL) != B_OK)
        return;
    for (int i = 0; i < TOKENS; i++) {
        const size_t n = eng_matcher_mask(m, allowed, VOCAB);
        if (n == 0)
            break; /* a bound of the matcher */
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t pick = (size_t)(seed >> 33) % n;
        int32_t id = 0;
        while (!allowed[id] || pick--)
            id++;
        if (allowed[STOP] != eng_matcher_may_end(m) || !eng_matcher_accept(m, id))
            abort();
        if (id == STOP)
            break;
    }
    eng_matcher_drop(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eng_grammar *g = NULL;
    struct b_err err;
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    if ((data[0] == 'g' ? eng_grammar_parse(text, size - 1, &g, &err)
                        : eng_grammar_from_schema(text, size - 1, &g, &err)) != B_OK)
        return 0;
    answer(g, size);
    answer(g, size * 977 + 1);
    eng_grammar_drop(g);
    return 0;
}
