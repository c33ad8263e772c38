/* SPDX-License-Identifier: Apache-2.0 */
/* Formulas of several rows, taken apart and put together. Positions of rows are looked up in the formula as it came,
 * by their text, as the protocol does. */
#include "service/bench/rows_v16.h"

#include "service/bench/rows_private_v16.h"

/* Spacing at the end: \quad, \, and so on. */
static struct bm_str without_spacing(struct bm_str text)
{
    static const char *const names[] = {"\\qquad", "\\quad", "\\,", "\\;", "\\!", "\\>", "\\:", "~"};
    for (bool again = true; again;) {
        while (text.n && bm_is_space(text.cp[text.n - 1]))
            text.n--;
        again = false;
        for (size_t i = 0; i < sizeof names / sizeof names[0] && !again; i++)
            if (bm_ends(text, names[i])) {
                text.n -= i == 0 ? 6 : i == 1 ? 5 : i == 7 ? 1 : 2;
                again = true;
            }
    }
    return text;
}

/* (3.1), [*] and their like at the end of a formula, apart from what is before: prefix. */
static bool is_label(struct bm_str label, struct bm_str prefix)
{
    size_t plain = 0, lower = 0, at = 0;
    label = bm_strip(label);
    if (label.n == 0)
        return false;
    if (prefix.n && !bm_is_space(prefix.cp[prefix.n - 1])) {
        static const char *const names[] = {"\\qquad", "\\quad", "\\,", "\\;", "\\!", "\\>", "\\:", "~"};
        const struct bm_str tail = bm_slice(prefix, prefix.n > 10 ? prefix.n - 10 : 0, prefix.n);
        bool spaced = false;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            spaced = spaced || bm_find(tail, 0, names[i]) != BM_NONE;
        if (!spaced)
            return false;
    }
    for (size_t i = 0; i < label.n; i++) {
        const uint32_t c = label.cp[i];
        plain += bm16_is_letter(c) || (c >= '0' && c <= '9') || bm16_in(c, ".-#");
        lower += c >= 'a' && c <= 'z';
    }
    if (lower == label.n && label.n <= 3)
        return false;
    while (at < label.n && label.cp[at] == '\\') {
        size_t end = at + 1;
        while (end < label.n && (bm16_is_letter(label.cp[end]) || label.cp[end] == '#'))
            end++;
        if (end == at + 1)
            break;
        at = end;
    }
    return plain == label.n || at == label.n;
}

/* \label{..} with no brace inside, everywhere. */
static struct bm_str without_marks(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n;) {
        size_t open = i + 6, close = BM_NONE;
        while (bm_at(text, i, "\\label") && open < text.n && bm_is_space(text.cp[open]))
            open++;
        if (bm_at(text, i, "\\label") && open < text.n && text.cp[open] == '{')
            close = bm_find_cp(text, open, '}');
        if (close != BM_NONE && bm_find_cp(bm_slice(text, 0, close), open + 1, '{') == BM_NONE)
            i = close + 1;
        else
            bm_putc(&out, text.cp[i++]);
    }
    return bm_taken(&out);
}

/* Start of a \tag{..} or \tag*{..} without inner braces that ends the text, or BM_NONE. Only the first counts. */
static size_t last_tag(struct bm_str text)
{
    for (size_t i = bm_find(text, 0, "\\tag"); i != BM_NONE; i = bm_find(text, i + 1, "\\tag")) {
        size_t open = i + 4;
        open += open < text.n && text.cp[open] == '*';
        while (open < text.n && bm_is_space(text.cp[open]))
            open++;
        const size_t close = open < text.n && text.cp[open] == '{' ? bm_find_cp(text, open, '}') : BM_NONE;
        if (close == BM_NONE || bm_find_cp(bm_slice(text, 0, close), open + 1, '{') != BM_NONE)
            continue;
        return close + 1 == text.n ? i : BM_NONE;
    }
    return BM_NONE;
}

/* What follows an environment, without its number. */
static struct bm_str without_number(struct bm_mem *mem, struct bm_str text)
{
    text = without_marks(mem, text);
    for (;;) {
        while (text.n && bm_is_space(text.cp[text.n - 1]))
            text.n--;
        if (text.n == 0)
            return text;
        const size_t tag = last_tag(text);
        if (tag != BM_NONE) {
            text = without_spacing(bm_slice(text, 0, tag));
            continue;
        }
        const uint32_t last = text.cp[text.n - 1], open = last == ')' ? '(' : '[';
        size_t start = text.n - 1;
        if (last != ')' && last != ']')
            return text;
        while (start > 0 && text.cp[start] != open)
            start--;
        if (text.cp[start] != open || !is_label(bm_slice(text, start + 1, text.n - 1), bm_slice(text, 0, start)))
            return text;
        text = without_spacing(bm_slice(text, 0, start));
    }
}

/* A formula as an environment of rows with what is around it. */
struct whole {
    struct bm_str body, suffix;
    size_t body_at, suffix_end; /* in the formula; suffix_end 0: none */
};

/* \left\{ or \left. at the start, \right. or \right\} at the end. */
static bool without_brace(struct bm_str *text)
{
    size_t at = bm_at(*text, 0, "\\left") ? 5 : 0;
    bool outer = false;
    while (at && at < text->n && bm_is_space(text->cp[at]))
        at++;
    if (at && (bm_at(*text, at, "\\{") || bm_at(*text, 5, "."))) {
        *text = bm_strip(bm_slice(*text, bm_at(*text, 5, ".") ? 6 : at + 2, text->n));
        outer = true;
    }
    const struct bm_str ended = bm_strip(*text);
    const bool dot = bm_ends(ended, "\\right.");
    if (dot || bm_ends(ended, "\\right\\}")) {
        *text = bm_slice(ended, 0, ended.n - (dot ? 7 : 8));
        while (text->n && bm_is_space(text->cp[text->n - 1]))
            text->n--;
        outer = true;
    }
    return outer;
}

static bool find_environment(struct bm_mem *mem, struct bm_str formula, struct whole *out)
{
    struct bm_str core = bm16_strip_delimiters(formula), *rows;
    const bool outer = without_brace(&core);
    struct bm16_env env;
    if (!bm16_env_at(core, 0, &env))
        return false;
    const size_t end = bm16_env_end(mem, core, env.name, env.body), tag = env.name.n + 6;
    if (end == BM_NONE)
        return false;
    *out = (struct whole){.body = bm_slice(core, env.body, end)};
    const size_t n = bm16_latex_rows(mem, out->body, &rows);
    if (!bm16_env_splits(mem, &env, out->body, rows, n, outer))
        return false;
    out->suffix = bm_strip(without_number(mem, bm_slice(core, end + tag, core.n)));
    if (out->suffix.n && bm16_latex_rows(mem, out->suffix, &rows) > 1)
        return false;
    out->body_at = bm_find_str(formula, 0, out->body);
    if (out->body_at == BM_NONE)
        out->body_at = 0;
    const size_t end_at = bm_find_str(formula, out->body_at + out->body.n, bm_slice(core, end, end + tag));
    if (out->suffix.n && end_at != BM_NONE) {
        const size_t at = bm_find_str(formula, end_at + tag, out->suffix);
        out->suffix_end = at == BM_NONE ? 0 : at + out->suffix.n;
    }
    return true;
}

static bool find_bare(struct bm_mem *mem, struct bm_str formula, struct whole *out)
{
    struct bm_str text = bm16_strip_delimiters(formula), *rows;
    if (bm_find(text, 0, "\\\\") == BM_NONE || bm16_latex_rows(mem, text, &rows) <= 1)
        return false;
    *out = (struct whole){.body = text, .body_at = bm_find_str(formula, 0, text)};
    return true;
}

size_t bm16_split_rows(struct bm_mem *mem, struct bm_str formula, struct bm16_row **out)
{
    struct whole w;
    struct bm_str *rows;
    if (!find_environment(mem, formula, &w) && !find_bare(mem, formula, &w))
        return 0;
    const size_t all = bm16_latex_rows(mem, w.body, &rows);
    size_t n = 0, from = 0;
    *out = BM_ARRAY(mem, all, struct bm16_row);
    for (size_t i = 0; *out && i < all; i++) {
        const struct bm_str row = bm_strip(bm16_strip_tags(mem, rows[i]));
        if (row.n == 0)
            continue;
        size_t at = bm_find_str(w.body, from, row);
        at = at == BM_NONE ? from : at;
        from = at + row.n;
        (*out)[n++] = (struct bm16_row){row, w.body_at + at, w.body_at + from - 1};
    }
    if (n <= 1)
        return 0;
    const struct bm_str suffix = bm_strip(bm16_strip_tags(mem, w.suffix));
    if (suffix.n) {
        const struct bm_str both[2] = {(*out)[n - 1].content, suffix};
        (*out)[n - 1].content = bm_strip(bm_join(mem, both, 2, " "));
    }
    if (w.suffix_end)
        (*out)[n - 1].end = w.suffix_end - 1;
    return n;
}

#define MAX_DEPTH 32 /* of environments in each other */

static struct bm_str logic_braces(struct bm_mem *mem, struct bm_str text, bool *changed, int depth)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t at = 0; at < text.n;) {
        const size_t begin = bm_find(text, at, "\\begin{");
        struct bm16_env env;
        bm_put(&out, bm_slice(text, at, begin == BM_NONE ? text.n : begin));
        if (begin == BM_NONE)
            break;
        if (!bm16_env_at(text, begin, &env)) {
            bm_puts(&out, "\\begin{");
            at = begin + 7;
            continue;
        }
        const size_t end = depth < MAX_DEPTH ? bm16_env_end(mem, text, env.name, env.body) : BM_NONE;
        if (end == BM_NONE) {
            bm_put(&out, bm_slice(text, begin, text.n));
            break;
        }
        struct bm_str *rows, body = logic_braces(mem, bm_slice(text, env.body, end), changed, depth + 1);
        at = end + env.name.n + 6;
        const size_t n = bm16_latex_rows(mem, body, &rows);
        if (bm_is(env.name, "cases") && bm16_cases_is_array(mem, body, rows, n, bm_slice(text, at, at + 200))) {
            bm_puts(&out, "\\left\\{ \\begin{array}{l} ");
            bm_put(&out, bm_strip(body));
            bm_puts(&out, " \\end{array} \\right.");
            *changed = true;
        } else {
            bm_put(&out, bm_slice(text, begin, env.body));
            bm_put(&out, body);
            bm_put(&out, bm_slice(text, end, at));
        }
    }
    return bm_taken(&out);
}

struct bm_str bm16_logic_braces(struct bm_mem *mem, struct bm_str formula, bool *changed)
{
    *changed = false;
    const struct bm_str result = logic_braces(mem, formula, changed, 0);
    return *changed ? result : formula;
}

struct bm_str bm16_as_array(struct bm_mem *mem, const struct bm_str *formulas, size_t n, bool skip_empty)
{
    struct bm_out out = bm_out_on(mem);
    size_t put = 0, last = 0;
    bm_puts(&out, "\\begin{array}{l} ");
    for (size_t i = 0; i < n; i++) {
        const struct bm_str inner = bm16_strip_delimiters(formulas[i]);
        if (skip_empty && inner.n == 0)
            continue;
        bm_puts(&out, put++ ? " \\\\ {" : "{");
        bm_put(&out, inner);
        bm_putc(&out, '}');
        last = i;
    }
    if (skip_empty && put <= 1)
        return put ? bm16_strip_delimiters(formulas[last]) : bm_slice(formulas[0], 0, 0);
    bm_puts(&out, " \\end{array}");
    return bm_taken(&out);
}
