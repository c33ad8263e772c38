/* SPDX-License-Identifier: Apache-2.0 */
/* One spelling for the text of a table's cell (version 1.6). The replacements stand in the protocol's order, each
 * seeing what the ones before left: \theta goes before \eta. */
#include <string.h>

#include "service/bench/norm_v16.h"

#define MAX_MATH 128 /* longer formulas keep their delimiters */

static struct bm_str one_spelling(struct bm_mem *mem, struct bm_str text)
{
    static const char *const pairs[][2] = {{"\\checkmark", "√"},
                                           {"\\checked", "√"},
                                           {"\\surd", "√"},
                                           {"\\times", "×"},
                                           {"\\xmark", "×"},
                                           {"\\crossmark", "×"},
                                           {"\\pm", "±"},
                                           {"\\mp", "∓"},
                                           {"\\alpha", "α"},
                                           {"\\beta", "β"},
                                           {"\\gamma", "γ"},
                                           {"\\gama", "γ"},
                                           {"\\mu", "μ"},
                                           {"\\lambda", "λ"},
                                           {"\\theta", "θ"},
                                           {"\\eta", "η"},
                                           {"\\pi", "π"},
                                           {"\\rho", "ρ"},
                                           {"\\sigma", "σ"},
                                           {"\\omega", "ω"},
                                           {"\\delta", "δ"},
                                           {"\\Delta", "Δ"},
                                           {"\\epsilon", "ε"},
                                           {"\\varepsilon", "ε"},
                                           {"\\phi", "φ"},
                                           {"\\varphi", "φ"},
                                           {"\\tau", "τ"},
                                           {"\\partial", "∂"},
                                           {"\\varnothing", "∅"},
                                           {"\\emptyset", "∅"},
                                           {"\\sim", "～"},
                                           {"✓", "√"},
                                           {"✔", "√"},
                                           {"☑", "√"},
                                           {"✅", "√"},
                                           {"🗸", "√"},
                                           {"✗", "×"},
                                           {"✘", "×"},
                                           {"✕", "×"},
                                           {"✖", "×"},
                                           {"☒", "×"},
                                           {"❌", "×"},
                                           {"╳", "×"},
                                           {"⨯", "×"},
                                           {"Ø", "∅"},
                                           {"∼", "～"},
                                           {"〜", "～"},
                                           {"\\%", "%"},
                                           {"\\#", "#"},
                                           {"\\&", "&"},
                                           {"\\_", "_"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (bm16_has(text, pairs[i][0]))
            text = bm16_replace(mem, text, pairs[i][0], pairs[i][1]);
    return text;
}

/* Formulas that are no more than their text. */
static bool is_simple(struct bm_str inside)
{
    return inside.n && inside.n <= MAX_MATH && !bm16_has(inside, "<") && !bm16_has(inside, ">") &&
           !bm16_has(inside, "$");
}

struct bm_str bm16_norm_cell(struct bm_mem *mem, struct bm_str text)
{
    text = bm16_replace(mem, bm_nfkc(mem, text), "\xc2\xa0", " ");
    text = one_spelling(mem, bm16_replace(mem, text, "\xe2\x80\x8b", ""));
    text = one_spelling(mem, bm16_strip_some(text, is_simple));
    const struct bm_str alone = bm_strip(text);
    if (alone.n == 1 && bm16_in(alone.cp[0], "-–−－—"))
        return bm_from(mem, "—");
    return bm16_one_line(mem, text);
}
