/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisation of texts and formulas in version 1.6: LaTeX is only converted where it looks sound, braces that hold
 * nothing special go, circled signs lose their circle. Steps stand in the protocol's order, each seeing what the one
 * before left. */
#include "service/bench/norm_v16.h"

#include <string.h>

#include "service/bench/latex_text.h"

#define MAX_LATEX 8000      /* code points; longer ones are not converted */
#define MAX_INLINE 128      /* of a formula inside a text */
#define MAX_PLAIN_GROUP 160 /* of a group whose braces are dropped */

/* \textcircled{x} and circled digits and letters. */
static struct bm_str uncircle(struct bm_mem *mem, struct bm_str text)
{
    static const char command[] = "\\textcircled";
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n;) {
        uint32_t cp = text.cp[i];
        size_t open = i + sizeof command - 1, close = BM_NONE;
        if (cp == '\\' && bm_at(text, i, command)) {
            while (open < text.n && bm_is_space(text.cp[open]))
                open++;
            for (close = open + 1; open < text.n && text.cp[open] == '{' && close < text.n; close++)
                if (text.cp[close] == '{' || text.cp[close] == '}')
                    break;
            if (open < text.n && text.cp[open] == '{' && close < text.n && close > open + 1 && text.cp[close] == '}') {
                bm_put(&out, bm_strip(bm_slice(text, open + 1, close)));
                i = close + 1;
                continue;
            }
        }
        if (cp >= 0x2460 && cp <= 0x2473) {
            if (cp - 0x2460 >= 9)
                bm_putc(&out, cp == 0x2473 ? '2' : '1');
            bm_putc(&out, '0' + (cp - 0x2460 + 1) % 10);
        } else if (cp >= 0x24d0 && cp <= 0x24e9) {
            bm_putc(&out, 'a' + cp - 0x24d0);
        } else if (cp >= 0x24b6 && cp <= 0x24cf) {
            bm_putc(&out, 'A' + cp - 0x24b6);
        } else {
            bm_putc(&out, cp);
        }
        i++;
    }
    return bm_taken(&out);
}

struct bm_str bm16_strip_some(struct bm_str text, bool (*may)(struct bm_str inside))
{
    static const struct {
        const char *left, *right;
    } pairs[] = {{"$$", "$$"}, {"\\[", "\\]"}, {"\\(", "\\)"}, {"$", "$"}};
    text = bm_strip(text);
    for (bool changed = true; text.n && changed;) {
        changed = false;
        for (size_t p = 0; p < 4 && !changed; p++) {
            const size_t left = strlen(pairs[p].left), right = strlen(pairs[p].right);
            if (text.n < left + right || !bm_at(text, 0, pairs[p].left) || !bm_ends(text, pairs[p].right))
                continue;
            const struct bm_str inside = bm_strip(bm_slice(text, left, text.n - right));
            if (may && !may(inside))
                continue;
            text = inside;
            changed = true;
        }
    }
    return text;
}

struct bm_str bm16_strip_delimiters(struct bm_str text)
{
    return bm16_strip_some(text, NULL);
}

/* End of the group that opens at `open`, behind its brace; BM_NONE when it never closes. */
static size_t group_end(struct bm_str text, size_t open)
{
    size_t depth = 0;
    for (size_t i = open; i < text.n; i++) {
        depth += text.cp[i] == '{';
        if (text.cp[i] == '}' && --depth == 0)
            return i + 1;
    }
    return BM_NONE;
}

/* Every \tag{..} or \tag*{..} (or \phantom{..}: `tight`, the brace right behind) with its group; where the group
 * never closes only the command goes. */
static struct bm_str without_groups(struct bm_mem *mem, struct bm_str text, const char *command, bool tight)
{
    struct bm_out out = bm_out_on(mem);
    size_t at = 0, n = strlen(command);
    for (size_t i = bm_find(text, 0, command); i != BM_NONE;) {
        size_t open = i + n, next = i + n;
        bool other = !tight && open < text.n && bm_is_alpha(text.cp[open]);
        while (!tight && open < text.n && bm_is_space(text.cp[open]))
            open++;
        if (!tight && open < text.n && text.cp[open] == '*')
            for (open++; open < text.n && bm_is_space(text.cp[open]); open++) {
            }
        if (!other && open < text.n && text.cp[open] == '{') {
            size_t end = group_end(text, open);
            bm_put(&out, bm_slice(text, at, i));
            at = next = end == BM_NONE ? i + n : end;
            if (end == BM_NONE && tight)
                break;
        }
        i = bm_find(text, next, command);
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

struct bm_str bm16_strip_tags(struct bm_mem *mem, struct bm_str text)
{
    text = without_groups(mem, text, "\\tag", false);
    return bm_replace(mem, bm_replace(mem, text, "\\notag", ""), "\\nonumber", "");
}

/* --- is it sound LaTeX? --- */

static bool balanced_braces(struct bm_str s)
{
    long depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.cp[i] == '\\' && i + 1 < s.n && bm16_in(s.cp[i + 1], "{}[]()")) {
            i++;
            continue;
        }
        depth += (s.cp[i] == '{') - (s.cp[i] == '}');
        if (depth < 0)
            return false;
    }
    return depth == 0;
}

/* \begin{name} or \end{name} at pos: its name, which holds no brace. */
static bool environment_at(struct bm_str s, size_t pos, bool *begin, struct bm_str *name)
{
    *begin = bm_at(s, pos, "\\begin{");
    if (!*begin && !bm_at(s, pos, "\\end{"))
        return false;
    size_t from = pos + (*begin ? 7 : 5), to = from;
    while (to < s.n && s.cp[to] != '{' && s.cp[to] != '}')
        to++;
    *name = bm_slice(s, from, to);
    return to < s.n && s.cp[to] == '}' && to > from;
}

static bool balanced_environments(struct bm_mem *mem, struct bm_str s)
{
    struct bm_str *stack = BM_ARRAY(mem, s.n / 8 + 1, struct bm_str), name;
    size_t depth = 0;
    bool begin;
    for (size_t i = 0; stack && i < s.n; i++) {
        if (s.cp[i] != '\\' || !environment_at(s, i, &begin, &name))
            continue;
        if (begin)
            stack[depth++] = name;
        else if (depth == 0 || !bm_equal(stack[--depth], name))
            return false;
    }
    return stack && depth == 0;
}

static size_t count_command(struct bm_str s, const char *command)
{
    size_t n = 0, len = strlen(command);
    for (size_t i = bm_find(s, 0, command); i != BM_NONE; i = bm_find(s, i + len, command))
        n += !(i + len < s.n && bm_is_word(s.cp[i + len]));
    return n;
}

static size_t count(struct bm_str s, const char *what)
{
    size_t n = 0;
    for (size_t i = bm_find(s, 0, what); i != BM_NONE; i = bm_find(s, i + strlen(what), what))
        n++;
    return n;
}

static bool balanced_delimiters(struct bm_str s)
{
    size_t dollars = 0;
    for (size_t i = 0; i < s.n; i++)
        dollars += s.cp[i] == '$' && (i == 0 || s.cp[i - 1] != '\\');
    return count(s, "\\(") == count(s, "\\)") && count(s, "\\[") == count(s, "\\]") && dollars % 2 == 0;
}

static bool is_bad_latex(struct bm_mem *mem, struct bm_str s)
{
    return s.n > MAX_LATEX || !balanced_braces(s) || !balanced_environments(mem, s) ||
           count_command(s, "\\left") != count_command(s, "\\right") || !balanced_delimiters(s);
}

static size_t count_commands(struct bm_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        size_t end = s.cp[i] == '\\' ? bm16_command_end(s, i) : i;
        n += end > i;
        i = end > i ? end - 1 : i;
    }
    return n;
}

static size_t count_of(struct bm_str s, const char *set)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += bm16_in(s.cp[i], set);
    return n;
}

/* A sentence rather than a formula. */
static bool is_prose(struct bm_str s)
{
    static const char *const tokens[] = {"\\frac", "\\sqrt", "\\left", "\\right", "\\begin",
                                         "\\end",  "\\sum",  "\\int",  "\\alpha", "\\beta"};
    if (s.n < 32 || count_of(s, "{}$^_"))
        return false;
    size_t signals = count_commands(s) + count_of(s, "&%#");
    for (size_t i = 0; i < s.n; i++)
        signals += s.cp[i] == '\\' && i + 2 < s.n && bm16_in(s.cp[i + 1], "[]()") && s.cp[i + 2] == ']';
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        if (bm16_has(s, tokens[i]))
            return false;
    return signals <= 2 && bm16_count_words(s, 3) >= 6 && count_of(s, " ") >= 5;
}

static bool is_weak(struct bm_str s)
{
    size_t commands = count_commands(s), words = bm16_count_words(s, 3), signs = count_of(s, "{}$^_=&%#");
    if (bm_is(s, "\\") || bm_is(s, "\\\\"))
        return true;
    if (bm_ends(s, "\\") && !bm_ends(s, "\\\\") && commands == 0)
        return true;
    if (bm_find_cp(s, 0, '\\') != BM_NONE && commands == 0 && signs == 0)
        return true;
    return (words >= 2 && commands == 0 && signs <= 1) || (words >= 4 && commands <= 1 && signs <= 2);
}

struct bm_str bm16_latex_text(struct bm_mem *mem, struct bm_str latex)
{
    struct bm_str s = bm_strip(latex), plain;
    if (s.n == 0)
        return latex;
    if (count_of(s, "\\{}$") == 0)
        return s;
    if (is_prose(s) || is_weak(s) || is_bad_latex(mem, s) || !bm_latex_text(mem, s, &plain))
        return latex;
    return plain;
}

/* --- texts --- */

/* Formulas too involved to be read as text. */
static bool stays(struct bm_str formula)
{
    static const char *const tokens[] = {"\\begin{", "\\end{",  "\\array", "\\matrix", "\\tabular",
                                         "\\cases",  "\\align", "\\\\",    "&"};
    formula = bm_strip(formula);
    if (formula.n == 0)
        return false;
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        if (bm16_has(formula, tokens[i]))
            return true;
    return formula.n > MAX_INLINE || count_of(formula, "{") != count_of(formula, "}");
}

/* False when the formula stays as it is. */
static bool inline_text(struct bm_mem *mem, struct bm_str inside, struct bm_str *out)
{
    struct bm_out clean = bm_out_on(mem);
    for (size_t i = 0; i < inside.n; i++) {
        if (inside.cp[i] == '\\' && i + 1 < inside.n && bm16_in(inside.cp[i + 1], "\\_&%^"))
            i++;
        else
            bm_putc(&clean, inside.cp[i]);
    }
    if (count_of(bm_taken(&clean), "\\^_") == 0)
        return false;
    if (clean.cp[clean.n - 1] == '\\')
        bm_putc(&clean, ' ');
    if (stays(bm_taken(&clean)))
        return false;
    *out = bm16_latex_text(mem, bm_taken(&clean));
    return true;
}

struct bm_str bm16_inline_to_text(struct bm_mem *mem, struct bm_str text)
{
    return bm_map_inline(mem, uncircle(mem, text), inline_text);
}

struct bm_str bm16_norm_text(struct bm_mem *mem, struct bm_str text)
{
    return bm_only_words(mem, uncircle(mem, bm16_inline_to_text(mem, text)));
}

static bool inline_norm(struct bm_mem *mem, struct bm_str inside, struct bm_str *out)
{
    *out = bm16_norm_formula(mem, inside);
    return true;
}

struct bm_str bm16_inline_to_norm(struct bm_mem *mem, struct bm_str text)
{
    return bm_map_inline(mem, text, inline_norm);
}

/* --- formulas --- */

/* The inside of the first \[..\] or \(..\) of one line that is not empty and whose end is not itself escaped. */
static struct bm_str display_inside(struct bm_str text)
{
    for (size_t i = bm_find_cp(text, 0, '\\'); i != BM_NONE; i = bm_find_cp(text, i + 1, '\\')) {
        bool square = bm_at(text, i, "\\[");
        size_t line = bm_find_cp(text, i, '\n');
        struct bm_str reach = bm_slice(text, 0, line == BM_NONE ? text.n : line);
        if (!square && !bm_at(text, i, "\\("))
            continue;
        const char *close = square ? "\\]" : "\\)";
        for (size_t j = bm_find(reach, i + 3, close); j != BM_NONE; j = bm_find(reach, j + 1, close))
            if (text.cp[j - 1] != '\\')
                return bm_strip(bm_slice(text, i + 2, j));
    }
    return text;
}

/* Single characters that mean nothing here, and escaped ones. */
static struct bm_str without_signs(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++) {
        if (text.cp[i] == '\\' && i + 1 < text.n && bm16_in(text.cp[i + 1], "!,;:"))
            i++;
        else
            bm_putc(&out, text.cp[i]);
    }
    text = bm_taken(&out);
    out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++)
        if (text.cp[i] != '&' || (i > 0 && text.cp[i - 1] == '\\'))
            bm_putc(&out, text.cp[i]);
    text = bm_replace(mem, bm_replace(mem, bm_taken(&out), "\\mid", "|"), "\\vert", "|");
    text = bm_replace(mem, bm_replace(mem, text, "\\{", ""), "\\}", "");
    return bm_replace(mem, text, "~", "");
}

enum group { G_COLUMNS, G_SIMPLE, G_LOOSE };

static bool gives_up_braces(struct bm_str inside, enum group kind)
{
    size_t fit = 0;
    if (kind == G_LOOSE)
        return inside.n >= 1 && inside.n <= MAX_PLAIN_GROUP &&
               (count_of(inside, "=+-^_[]()") || bm16_has(inside, "\\\\"));
    for (size_t i = 0; i < inside.n; i++) {
        uint32_t c = inside.cp[i];
        fit += kind == G_COLUMNS ? bm16_in(c, "lcr| ") : bm16_is_letter(c) || bm16_in(c, "0123456789.+-");
    }
    return inside.n && fit == inside.n;
}

/* Groups without groups inside: column letters go with their braces, others lose the braces. */
static struct bm_str open_groups(struct bm_mem *mem, struct bm_str text, enum group kind)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++) {
        size_t to = i + 1;
        while (text.cp[i] == '{' && to < text.n && text.cp[to] != '{' && text.cp[to] != '}')
            to++;
        struct bm_str inside = bm_slice(text, i + 1, to);
        if (text.cp[i] != '{' || to == text.n || text.cp[to] != '}' || !gives_up_braces(inside, kind)) {
            bm_putc(&out, text.cp[i]);
            continue;
        }
        if (kind != G_COLUMNS)
            bm_put(&out, inside);
        i = to;
    }
    return bm_taken(&out);
}

static struct bm_str single_braces(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++)
        if (i == 0 || text.cp[i] != text.cp[i - 1] || (text.cp[i] != '{' && text.cp[i] != '}'))
            bm_putc(&out, text.cp[i]);
    return bm_taken(&out);
}

struct bm_str bm16_norm_formula(struct bm_mem *mem, struct bm_str latex)
{
    struct bm_str text = bm16_strip_tags(mem, bm16_strip_delimiters(uncircle(mem, latex))), before;
    text = without_groups(mem, display_inside(text), "\\phantom", true);
    text = without_signs(mem, text);
    text = bm_cut(mem, text, "\\hspace{", '}');
    text = bm_cut(mem, text, "\\begin{", '}');
    text = bm_cut(mem, text, "\\end{", '}');
    text = bm_cut(mem, text, "\\arraycolsep", '}');
    text = bm_strip_cp(open_groups(mem, text, G_COLUMNS), '.');
    text = bm_without_commands(mem, text);
    do {
        before = text;
        text = bm_replace(mem, open_groups(mem, text, G_SIMPLE), "{}", "");
        text = open_groups(mem, single_braces(mem, text), G_LOOSE);
    } while (!mem->failed && !bm_equal(before, text));
    return bm16_compact(mem, bm_lower(mem, text));
}
