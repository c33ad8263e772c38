/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as LaTeX, as running text with formulas and as Markdown: no crash, no unbounded output. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "output/flow.h"
#include "output/mathml.h"
#include "output/md_escape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct b_buf buf;
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    const size_t len = strlen(text);
    b_buf_init(&buf, (size_t)1 << 26);
    if (!out_mathml(&buf, text, size & 1) && buf.failed == B_OK && buf.len != 0)
        __builtin_trap(); /* half a formula */
    if (buf.data && !b_utf8_valid(buf.data, buf.len))
        __builtin_trap();
    b_buf_clear(&buf);
    out_md_text(&buf, text, (enum out_md_place)(size % 4), size & 1);
    out_md_latex(&buf, text);
    if (buf.data && !b_utf8_valid(buf.data, buf.len))
        __builtin_trap();
    b_buf_free(&buf);
    struct out_inline_math m;
    for (size_t from = 0; out_next_math(text, len, from, &m); from = m.end)
        if (m.begin < from || m.body <= m.begin || m.body_end <= m.body || m.end <= m.body_end || m.end > len)
            __builtin_trap();
    free(text);
    return 0;
}
