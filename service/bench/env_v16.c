/* SPDX-License-Identifier: Apache-2.0 */
/* Environments of rows (array, aligned, cases...): where they end, their rows, and whether they are one formula with
 * several parts or several formulas under each other, told by what stands in the rows. */
#include <string.h>

#include "service/bench/rows_private_v16.h"

bool bm16_env_at(struct bm_str text, size_t pos, struct bm16_env *out)
{
    static const char *const names[] = {"array",   "aligned",  "align",    "align*",    "alignedat", "alignedat*",
                                        "split",   "gather",   "gather*",  "gathered",  "multline",  "multline*",
                                        "flalign", "flalign*", "eqnarray", "eqnarray*", "cases"};
    const size_t close = bm_at(text, pos, "\\begin{") ? bm_find_cp(text, pos + 7, '}') : BM_NONE;
    bool known = false;
    if (close == BM_NONE)
        return false;
    *out = (struct bm16_env){.name = bm_slice(text, pos + 7, close)};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        known = known || bm_is(out->name, names[i]);
    size_t at = close + 1;
    for (bool first = true;; first = false) {
        while (at < text.n && bm_is_space(text.cp[at]))
            at++;
        size_t end = at + 1;
        while (at < text.n && text.cp[at] == '{' && end < text.n && text.cp[end] != '{' && text.cp[end] != '}')
            end++;
        if (at >= text.n || text.cp[at] != '{' || end >= text.n || text.cp[end] != '}')
            break;
        if (first && bm_is(out->name, "array"))
            out->spec = bm_slice(text, at + 1, end);
        at = end + 1;
    }
    out->body = at;
    return known;
}

size_t bm16_env_end(struct bm_mem *mem, struct bm_str text, struct bm_str name, size_t from)
{
    struct bm_out begin = bm_out_on(mem), end = bm_out_on(mem);
    bm_puts(&begin, "\\begin{");
    bm_puts(&end, "\\end{");
    bm_put(&begin, name);
    bm_put(&end, name);
    bm_putc(&begin, '}');
    bm_putc(&end, '}');
    for (size_t depth = 1, at = from;;) {
        const size_t b = bm_find_str(text, at, bm_taken(&begin)), e = bm_find_str(text, at, bm_taken(&end));
        if (e == BM_NONE)
            return BM_NONE;
        if (b < e) {
            depth++;
            at = b + begin.n;
        } else if (--depth == 0) {
            return e;
        } else {
            at = e + end.n;
        }
    }
}

static bool is_escaped(struct bm_str text, size_t i)
{
    size_t slashes = 0;
    while (slashes < i && text.cp[i - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

/* End of \begin{..} or \end{..} at i, or i; depth follows. */
static size_t env_token(struct bm_str text, size_t i, size_t *depth)
{
    const bool begin = bm_at(text, i, "\\begin{"), end = bm_at(text, i, "\\end{");
    const size_t close = begin || end ? bm_find_cp(text, i + (begin ? 7 : 5), '}') : BM_NONE;
    if (close == BM_NONE)
        return i;
    if (begin)
        ++*depth;
    else
        *depth -= *depth > 0;
    return close + 1;
}

/* Behind \\ with its star and its distance. */
static size_t row_start(struct bm_str body, size_t i)
{
    while (i < body.n && bm_is_space(body.cp[i]))
        i++;
    i += i < body.n && body.cp[i] == '*';
    if (i < body.n && body.cp[i] == '[') {
        const size_t close = bm_find_cp(body, i + 1, ']');
        i = close == BM_NONE ? i : close + 1;
    }
    return i;
}

size_t bm16_latex_rows(struct bm_mem *mem, struct bm_str body, struct bm_str **out)
{
    size_t n = 0, braces = 0, depth = 0, from = 0;
    struct bm_str *rows = *out = BM_ARRAY(mem, body.n / 2 + 2, struct bm_str);
    if (!rows)
        return 0;
    for (size_t i = 0; i <= body.n;) {
        const size_t next = i < body.n ? env_token(body, i, &depth) : i;
        if (next > i) {
            i = next;
            continue;
        }
        if (i == body.n || (braces == 0 && depth == 0 && bm_at(body, i, "\\\\"))) {
            rows[n] = bm_strip(bm_slice(body, from, i));
            n += rows[n].n > 0;
            if (i == body.n)
                break;
            i = from = row_start(body, i + 2);
            continue;
        }
        if (body.cp[i] == '{' && !is_escaped(body, i))
            braces++;
        else if (body.cp[i] == '}' && !is_escaped(body, i))
            braces -= braces > 0;
        i++;
    }
    return n;
}

/* Cells between & at the top level; *first is the first one, stripped. */
static size_t count_cells(struct bm_str row, struct bm_str *first)
{
    size_t n = 1, depth = 0;
    *first = bm_strip(row);
    for (size_t i = 0; i < row.n;) {
        const size_t next = env_token(row, i, &depth);
        if (next > i) {
            i = next;
            continue;
        }
        if (row.cp[i] == '&' && depth == 0 && !is_escaped(row, i) && n++ == 1)
            *first = bm_strip(bm_slice(row, 0, i));
        i++;
    }
    return n;
}

static struct bm_str without_markers(struct bm_str row)
{
    row = bm_strip(row);
    while (row.n && row.cp[0] == '&')
        row = bm_strip(bm_slice(row, 1, row.n));
    return row;
}

static bool starts_any(struct bm_str text, size_t pos, const char *const *names, size_t n, bool whole)
{
    for (size_t i = 0; i < n; i++) {
        const size_t end = pos + strlen(names[i]);
        if (bm_at(text, pos, names[i]) && !(whole && end < text.n && bm_is_word(text.cp[end])))
            return true;
    }
    return false;
}

static bool has_logic(struct bm_str text)
{
    static const char *const names[] = {"\\Rightarrow",     "\\Leftrightarrow",
                                        "\\Longrightarrow", "\\Longleftrightarrow",
                                        "\\longrightarrow", "\\longleftrightarrow",
                                        "\\implies",        "\\therefore",
                                        "\\because",        "\\uparrow",
                                        "\\downarrow",      "\\Updownarrow",
                                        "\\forall",         "\\exists"};
    for (size_t i = 0; i < text.n; i++)
        if (text.cp[i] == '\\' && starts_any(text, i, names, sizeof names / sizeof names[0], true))
            return true;
    return bm16_has(text, "单调") || bm16_has(text, "否定");
}

static bool has_nested(struct bm_str text)
{
    static const char *const names[] = {
        "array}",    "aligned}",  "align}",     "align*}",  "alignedat}", "alignedat*}", "split}",     "gathere}",
        "gathered}", "multline}", "multline*}", "flalign}", "flalign*}",  "eqnarray}",   "eqnarray*}", "cases}"};
    for (size_t i = bm_find(text, 0, "\\begin{"); i != BM_NONE; i = bm_find(text, i + 1, "\\begin{"))
        if (starts_any(text, i + 7, names, sizeof names / sizeof names[0], false))
            return true;
    return false;
}

/* Words inside a formula: \text{ and its like. */
static bool has_words(struct bm_str row)
{
    static const char *const names[] = {"\\text", "\\mathrm", "\\operatorname"};
    row = without_markers(row);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = bm_find(row, 0, names[k]); i != BM_NONE; i = bm_find(row, i + 1, names[k])) {
            size_t at = i + strlen(names[k]);
            while (at < row.n && bm_is_space(row.cp[at]))
                at++;
            if (at < row.n && row.cp[at] == '{')
                return true;
        }
    return false;
}

/* Begins with a number or an arrow of logic, as one of several statements does. */
static bool leads_like_a_case(struct bm_mem *mem, struct bm_str row)
{
    static const char *const arrows[] = {
        "\\Rightarrow", "\\Leftrightarrow", "\\Longrightarrow", "\\Longleftrightarrow", "\\implies",   "\\therefore",
        "\\uparrow",    "\\downarrow",      "\\Updownarrow",    "\\leftarrow",          "\\rightarrow"};
    row = bm_strip(bm16_strip_tags(mem, without_markers(row)));
    const size_t at = row.n && row.cp[0] == '(';
    return (at < row.n && bm_is_digit(row.cp[at])) ||
           starts_any(row, 0, arrows, sizeof arrows / sizeof arrows[0], false);
}

static bool any_cells(const struct bm_str *rows, size_t n)
{
    struct bm_str first;
    for (size_t i = 0; i < n; i++)
        if (count_cells(rows[i], &first) > 1)
            return true;
    return false;
}

static bool any_row(const struct bm_str *rows, size_t from, size_t n, bool (*test)(struct bm_str row))
{
    for (size_t i = from; i < n; i++)
        if (test(rows[i]))
            return true;
    return false;
}

static bool any_case(struct bm_mem *mem, const struct bm_str *rows, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (leads_like_a_case(mem, rows[i]))
            return true;
    return false;
}

static bool cases_splits(struct bm_str body, const struct bm_str *rows, size_t n)
{
    if (n <= 1 || any_cells(rows, n) || !has_logic(body))
        return false;
    return has_nested(body) || any_row(rows, 0, n, has_logic) || any_row(rows, 1, n, has_words);
}

bool bm16_cases_is_array(struct bm_mem *mem, struct bm_str body, const struct bm_str *rows, size_t n,
                         struct bm_str behind)
{
    struct bm16_env env;
    (void)mem;
    if (n <= 1 || any_cells(rows, n))
        return false;
    size_t at = 0;
    while (at < behind.n && bm_is_space(behind.cp[at]))
        at++;
    behind = bm_slice(behind, at, behind.n);
    /* Once one of the two holds, the protocol's further tests can only confirm it. */
    return has_logic(body) || has_logic(behind) || bm16_env_at(behind, 0, &env);
}

static bool aligned_stays(struct bm_mem *mem, struct bm_str body, const struct bm_str *rows, size_t n, bool outer)
{
    const bool nested = has_nested(body), cases = any_case(mem, rows, n);
    size_t own_sides = 0;
    for (size_t i = 0; i < n; i++) {
        struct bm_str first;
        own_sides += count_cells(rows[i], &first) > 1 && bm_strip(bm16_strip_tags(mem, first)).n > 0;
    }
    if (nested && cases)
        return true;
    return outer && (nested || own_sides >= 2 || any_row(rows, 1, n, has_words) || cases);
}

static bool array_stays(struct bm_mem *mem, struct bm_str spec, struct bm_str body, const struct bm_str *rows, size_t n,
                        bool outer)
{
    size_t columns = 0, left = 0, right = 0;
    for (size_t i = 0; i < spec.n; i++) {
        const uint32_t c = spec.cp[i];
        if (bm_is_space(c) || c == '|')
            continue;
        columns++;
        left += c == 'l';
        right += c == 'r';
        if (c != 'l' && c != 'c' && c != 'r')
            return true;
    }
    if (columns == 0 || columns > 2 || (columns == 2 && left + right == 0))
        return true;
    return (has_nested(body) && any_case(mem, rows, n)) || (outer && left == columns && n > 1);
}

bool bm16_env_splits(struct bm_mem *mem, const struct bm16_env *env, struct bm_str body, const struct bm_str *rows,
                     size_t n, bool outer)
{
    static const char *const aligned[] = {"aligned", "align", "align*", "alignedat", "alignedat*"};
    if (bm_is(env->name, "cases"))
        return cases_splits(body, rows, n);
    if (bm_is(env->name, "array"))
        return !array_stays(mem, env->spec, body, rows, n, outer);
    for (size_t i = 0; i < sizeof aligned / sizeof aligned[0]; i++)
        if (bm_is(env->name, aligned[i]))
            return !aligned_stays(mem, body, rows, n, outer);
    return true;
}
