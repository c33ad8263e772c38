/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisation of texts and formulas, step by step in the protocol's order (each step sees what the one
 * before left behind, which is why the list of commands below is not sorted). */
#include "service/bench/norm.h"

#include <string.h>

#include "service/bench/latex_text.h"
#include "service/bench/norm_v16.h"

/* The end of a line that starts somewhere before `from`. */
static size_t line_end(struct bm_str text, size_t from)
{
    size_t end = bm_find_cp(text, from, '\n');
    return end == BM_NONE ? text.n : end;
}

bool bm_next_inline(struct bm_str text, size_t from, bool lines, size_t *start, size_t *end, struct bm_str *inside)
{
    for (size_t i = from; i < text.n; i++) {
        const bool dollar = text.cp[i] == '$';
        if (!dollar && !bm_at(text, i, "\\("))
            continue;
        const size_t mark = dollar ? 1 : 2, line = lines ? bm_find_cp(text, i, '\n') : BM_NONE;
        const struct bm_str reach = bm_slice(text, 0, line == BM_NONE ? text.n : line);
        const size_t close = dollar ? bm_find_cp(reach, i + 1, '$') : bm_find(reach, i + 2, "\\)");
        if (close == BM_NONE)
            continue;
        *start = i;
        *inside = bm_slice(text, i + mark, close);
        *end = close + mark;
        return true;
    }
    return false;
}

struct bm_str bm_map_inline(struct bm_mem *mem, struct bm_str text, bm_inline_map *map)
{
    struct bm_out out = bm_out_on(mem);
    size_t at = 0, start, end;
    struct bm_str inside, put;
    while (bm_next_inline(text, at, true, &start, &end, &inside)) {
        bm_put(&out, bm_slice(text, at, start));
        if (map(mem, inside, &put))
            bm_put(&out, bm_strip(put));
        else
            bm_put(&out, bm_slice(text, start, end));
        at = end;
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

/* False when the formula is plain, or cannot be converted. */
static bool formula_text(struct bm_mem *mem, struct bm_str inside, struct bm_str *out)
{
    struct bm_out clean = bm_out_on(mem);
    bool maths = false;
    for (size_t i = 0; i < inside.n; i++) {
        if (inside.cp[i] == '\\' && i + 1 < inside.n && inside.cp[i + 1] < 128 &&
            memchr("\\_&%^", (int)inside.cp[i + 1], 5)) {
            i++;
            continue;
        }
        maths = maths || inside.cp[i] == '\\' || inside.cp[i] == '^' || inside.cp[i] == '_';
        bm_putc(&clean, inside.cp[i]);
    }
    if (!maths)
        return false;
    if (clean.n && clean.cp[clean.n - 1] == '\\')
        bm_putc(&clean, ' ');
    return bm_latex_text(mem, bm_taken(&clean), out);
}

struct bm_str bm_inline_to_text(struct bm_mem *mem, struct bm_str text)
{
    return bm_map_inline(mem, text, formula_text);
}

struct bm_str bm_only_words(struct bm_mem *mem, struct bm_str text)
{
    static const char *const gone[] = {"\\t", "\\n", "\t", "\n", "/t", "/n"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        text = bm_replace(mem, text, gone[i], "");
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++)
        if (bm_is_word(text.cp[i]))
            bm_putc(&out, text.cp[i]);
    return bm_taken(&out);
}

struct bm_str bm_norm_text(struct bm_mem *mem, struct bm_str text, enum bm_version version)
{
    if (version == BM_V1_6)
        return bm16_norm_text(mem, text);
    return bm_only_words(mem, bm_inline_to_text(mem, text));
}

/* The inside of the first \[..\] of one line that is not empty and whose \] is not itself escaped. */
static bool display_inside(struct bm_str text, struct bm_str *inside)
{
    for (size_t i = bm_find(text, 0, "\\["); i != BM_NONE; i = bm_find(text, i + 1, "\\[")) {
        struct bm_str line = bm_slice(text, 0, line_end(text, i));
        for (size_t j = bm_find(line, i + 3, "\\]"); j != BM_NONE; j = bm_find(line, j + 1, "\\]"))
            if (text.cp[j - 1] != '\\') {
                *inside = bm_strip(bm_slice(text, i + 2, j));
                return true;
            }
    }
    return false;
}

struct bm_str bm_cut(struct bm_mem *mem, struct bm_str text, const char *start, char end)
{
    struct bm_out out = bm_out_on(mem);
    size_t at = 0, hit = bm_find(text, 0, start), n = strlen(start);
    if (hit == BM_NONE)
        return text;
    while (hit != BM_NONE) {
        struct bm_str line = bm_slice(text, 0, line_end(text, hit));
        size_t close = bm_find_cp(line, hit + n, (unsigned char)end);
        size_t next = hit + 1;
        if (close != BM_NONE) {
            bm_put(&out, bm_slice(text, at, hit));
            at = next = close + 1;
        }
        hit = bm_find(text, next, start);
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

/* Commands that count nothing, in the order in which they are taken out. */
static const char *const commands[] = {"\\mathbf",
                                       "\\mathrm",
                                       "\\mathnormal",
                                       "\\mathit",
                                       "\\mathbb",
                                       "\\mathcal",
                                       "\\mathscr",
                                       "\\mathfrak",
                                       "\\mathsf",
                                       "\\mathtt",
                                       "\\textbf",
                                       "\\text",
                                       "\\boldmath",
                                       "\\boldsymbol",
                                       "\\operatorname",
                                       "\\bm",
                                       "\\symbfit",
                                       "\\mathbfcal",
                                       "\\symbf",
                                       "\\scriptscriptstyle",
                                       "\\notag",
                                       "\\setlength",
                                       "\\coloneqq",
                                       "\\space",
                                       "\\thickspace",
                                       "\\thinspace",
                                       "\\medspace",
                                       "\\nobreakspace",
                                       "\\negmedspace",
                                       "\\quad",
                                       "\\qquad",
                                       "\\enspace",
                                       "\\substackw",
                                       " ",
                                       "$$",
                                       "\\left",
                                       "\\right",
                                       "\\displaystyle",
                                       "\\text"};
enum { N_COMMANDS = sizeof commands / sizeof commands[0], FROM_V1_5 = 34 /* version 1.0 does not know these */ };

static struct bm_str without_commands(struct bm_mem *mem, struct bm_str text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text = bm_replace(mem, text, commands[i], "");
    return text;
}

struct bm_str bm_without_commands(struct bm_mem *mem, struct bm_str text)
{
    return without_commands(mem, text, N_COMMANDS);
}

struct bm_str bm_norm_formula(struct bm_mem *mem, struct bm_str latex, enum bm_version version)
{
    struct bm_str text = latex;
    if (version == BM_V1_6)
        return bm16_norm_formula(mem, latex);
    if (version != BM_V1_0)
        text = bm_strip_cp(bm_strip_cp(bm_strip(text), '$'), '\n');
    (void)display_inside(text, &text);
    text = bm_cut(mem, text, "\\tag{", '}');
    text = bm_cut(mem, text, "\\hspace{", '}');
    text = bm_cut(mem, text, "\\begin{", '}');
    text = bm_cut(mem, text, "\\end{", '}');
    text = bm_cut(mem, text, "\\arraycolsep", '}');
    text = bm_strip_cp(text, '.');
    return bm_lower(mem, without_commands(mem, text, version == BM_V1_0 ? FROM_V1_5 : N_COMMANDS));
}
