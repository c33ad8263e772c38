/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of olmOCR-bench that need no formula renderer. */
#include "service/bench/olmocr.h"

#include <jansson.h>
#include <string.h>

#include "service/bench/distance.h"
#include "service/bench/olmocr_private.h"

/* --- plain text --- */

/* Pairs of `mark` on one line lose their marks. */
static struct bm_str without_pairs(struct bm_mem *mem, struct bm_str text, const char *mark)
{
    struct bm_out out = bm_out_on(mem);
    size_t n = strlen(mark), at = 0;
    for (size_t i = bm_find(text, 0, mark); i != BM_NONE;) {
        size_t end = bm_find_cp(text, i, '\n');
        struct bm_str line = bm_slice(text, 0, end == BM_NONE ? text.n : end);
        size_t close = bm_find(line, i + n, mark);
        if (close == BM_NONE) {
            i = bm_find(text, i + 1, mark);
            continue;
        }
        bm_put(&out, bm_slice(text, at, i));
        bm_put(&out, bm_slice(text, i + n, close));
        at = close + n;
        i = bm_find(text, at, mark);
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

/* Pairs of * and pairs of _ in one pass: what one pair holds is not looked at for the other. */
static struct bm_str without_single_pairs(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++) {
        size_t close = BM_NONE;
        if (text.cp[i] == '*' || text.cp[i] == '_') {
            size_t end = bm_find_cp(text, i, '\n');
            close = bm_find_cp(bm_slice(text, 0, end == BM_NONE ? text.n : end), i + 1, text.cp[i]);
        }
        if (close == BM_NONE) {
            bm_putc(&out, text.cp[i]);
            continue;
        }
        bm_put(&out, bm_slice(text, i + 1, close));
        i = close;
    }
    return bm_taken(&out);
}

static uint32_t plain_character(uint32_t c)
{
    switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201a:
        return '\'';
    case 0x201c:
    case 0x201d:
    case 0x201e:
        return '"';
    case 0xff3f:
        return '_';
    case 0x2013:
    case 0x2014:
    case 0x2011:
    case 0x2012:
    case 0x2212:
        return '-';
    case 0xb5:
        return 0x3bc;
    default:
        return c;
    }
}

/* What tests compare: emphasis, line breaks and typographic characters made plain. */
static struct bm_str norm(struct bm_mem *mem, struct bm_str text)
{
    static const char *const tags[] = {"<b>", "</b>", "<i>", "</i>"};
    text = bm_replace(mem, bm_replace(mem, text, "<br>", " "), "<br/>", " ");
    text = without_pairs(mem, without_pairs(mem, text, "**"), "__");
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        text = bm_replace(mem, text, tags[i], "");
    text = without_pairs(mem, without_pairs(mem, text, "**"), "__");
    text = without_single_pairs(mem, text);
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++) {
        bool space = bm_is_space(text.cp[i]);
        if (!space || i == 0 || !bm_is_space(text.cp[i - 1]))
            bm_putc(&out, space ? ' ' : text.cp[i]);
    }
    text = bm_nfc(mem, bm_taken(&out));
    uint32_t *cp = BM_ARRAY(mem, text.n, uint32_t);
    for (size_t i = 0; cp && i < text.n; i++)
        cp[i] = plain_character(text.cp[i]);
    return (struct bm_str){cp, cp ? text.n : 0};
}

/* --- similarities --- */

/* Indel similarity: twice the common subsequence over both lengths. */
static double ratio(struct bm_mem *mem, struct bm_str a, struct bm_str b)
{
    return a.n + b.n ? 2.0 * (double)bm_lcs(mem, a, b) / (double)(a.n + b.n) : 1;
}

static double best_window(struct bm_mem *mem, struct bm_str what, struct bm_str in)
{
    double best = 0;
    for (size_t end = 1; end < what.n && end < in.n; end++)
        if (bm_find_cp(what, 0, in.cp[end - 1]) != BM_NONE) {
            double r = ratio(mem, what, bm_slice(in, 0, end));
            best = r > best ? r : best;
        }
    for (size_t i = 0; i + what.n <= in.n && best < 1; i++)
        if (bm_find_cp(what, 0, in.cp[i + what.n - 1]) != BM_NONE) {
            double r = ratio(mem, what, bm_slice(in, i, i + what.n));
            best = r > best ? r : best;
        }
    for (size_t i = in.n > what.n ? in.n - what.n : 0; i < in.n && best < 1; i++)
        if (bm_find_cp(what, 0, in.cp[i]) != BM_NONE) {
            double r = ratio(mem, what, bm_slice(in, i, in.n));
            best = r > best ? r : best;
        }
    return best;
}

/* The best similarity of the shorter text with a window of the longer one. */
static double partial_ratio(struct bm_mem *mem, struct bm_str a, struct bm_str b)
{
    if (a.n == 0 || b.n == 0)
        return a.n == b.n ? 1 : 0;
    struct bm_str shorter = a.n <= b.n ? a : b, longer = a.n <= b.n ? b : a;
    if (bm_find_str(longer, 0, shorter) != BM_NONE)
        return 1;
    double best = best_window(mem, shorter, longer);
    if (a.n == b.n) {
        double other = best_window(mem, longer, shorter);
        best = other > best ? other : best;
    }
    return best;
}

/* Starts of the first and of the last place where `what` stands in `in` with at most `limit` edits; false
 * when there is none. One row of the edit matrix at a time, each cell knowing where its match began. */
static bool near_matches(struct bm_mem *mem, struct bm_str what, struct bm_str in, size_t limit, size_t *first,
                         size_t *last)
{
    size_t *cost = BM_ARRAY(mem, what.n + 1, size_t), *start = BM_ARRAY(mem, what.n + 1, size_t);
    bool found = false;
    size_t best = limit + 1;
    if (!cost || !start || what.n == 0)
        return false;
    for (size_t i = 0; i <= what.n; i++)
        cost[i] = i;
    for (size_t j = 1; j <= in.n; j++) {
        size_t diagonal = cost[0], diagonal_start = start[0];
        start[0] = j;
        for (size_t i = 1; i <= what.n; i++) {
            size_t up = cost[i], up_start = start[i];
            size_t value = diagonal + (what.cp[i - 1] != in.cp[j - 1]), from = diagonal_start;
            if (up + 1 < value) {
                value = up + 1;
                from = up_start;
            }
            if (cost[i - 1] + 1 < value) {
                value = cost[i - 1] + 1;
                from = start[i - 1];
            }
            diagonal = up;
            diagonal_start = up_start;
            cost[i] = value;
            start[i] = from;
        }
        if (cost[what.n] > limit) {
            best = limit + 1;
            continue;
        }
        if (cost[what.n] < best) { /* the best match of a group of overlapping ones */
            best = cost[what.n];
            *first = found && *first < start[what.n] ? *first : start[what.n];
            *last = start[what.n];
            found = true;
        }
    }
    return found;
}

/* --- tests --- */

static struct bm_str field(struct bm_mem *mem, const json_t *test, const char *key)
{
    const json_t *value = json_object_get(test, key);
    const char *text = json_string_value(value);
    return norm(mem, bm_decode(mem, text ? text : "", json_string_length(value)));
}

static size_t number(const json_t *test, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(test, key));
    return value > 0 ? (size_t)value : 0;
}

static double threshold(const json_t *test, struct bm_str text)
{
    return 1.0 - (double)number(test, "max_diffs") / (double)(text.n ? text.n : 1);
}

static enum bm_verdict test_presence(struct bm_mem *mem, const json_t *test, struct bm_str page, bool present)
{
    struct bm_str text = field(mem, test, "text");
    const json_t *sensitive = json_object_get(test, "case_sensitive");
    size_t first = number(test, "first_n"), last = number(test, "last_n");
    page = norm(mem, page);
    if (json_is_false(sensitive)) {
        text = bm_lower(mem, text);
        page = bm_lower(mem, page);
    }
    struct bm_str head = bm_slice(page, 0, first), tail = bm_slice(page, page.n > last ? page.n - last : 0, page.n);
    if (first && last) {
        struct bm_str parts[2] = {head, tail};
        page = bm_join(mem, parts, 2, "");
    } else if (first || last) {
        page = first ? head : tail;
    }
    bool found = partial_ratio(mem, text, page) >= threshold(test, text);
    return found == present ? BM_PASSED : BM_FAILED;
}

static enum bm_verdict test_order(struct bm_mem *mem, const json_t *test, struct bm_str page)
{
    size_t first, last, limit = number(test, "max_diffs"), unused;
    page = norm(mem, page);
    if (!near_matches(mem, field(mem, test, "before"), page, limit, &first, &unused) ||
        !near_matches(mem, field(mem, test, "after"), page, limit, &unused, &last))
        return BM_FAILED;
    return first < last ? BM_PASSED : BM_FAILED;
}

struct table_test {
    struct bm_mem *mem;
    const json_t *test;
    const struct bm_grid *grid;
};

static bool cell_is_like(const struct table_test *t, size_t cell, struct bm_str wanted)
{
    double least = threshold(t->test, wanted);
    struct bm_str text = norm(t->mem, t->grid->cells[cell].text);
    return ratio(t->mem, wanted, text) >= (least > 0.5 ? least : 0.5);
}

/* Cells reached by going one way until the end; the headings among them, or else the outermost ones. */
static bool heading_is_like(const struct table_test *t, size_t cell, enum bm_way way, struct bm_str wanted)
{
    size_t n = t->grid->n_cells, *todo = BM_ARRAY(t->mem, n, size_t), n_todo = 1;
    bool *seen = BM_ARRAY(t->mem, n, bool), heading_met = false, heading_fits = false, end_fits = false;
    if (!todo || !seen)
        return false;
    todo[0] = cell;
    seen[cell] = true;
    for (size_t i = 0; i < n_todo; i++) {
        size_t next[64], count = bm_grid_next(t->grid, todo[i], way, next);
        bool fits = todo[i] != cell && cell_is_like(t, todo[i], wanted);
        if (t->grid->cells[todo[i]].heading && todo[i] != cell) {
            heading_met = true;
            heading_fits = heading_fits || fits;
        }
        end_fits = end_fits || (count == 0 && fits);
        for (size_t k = 0; k < count; k++)
            if (!seen[next[k]]) {
                seen[next[k]] = true;
                todo[n_todo++] = next[k];
            }
    }
    return heading_met ? heading_fits : end_fits;
}

static bool relations_hold(const struct table_test *t, size_t cell)
{
    static const char *const keys[] = {"up", "down", "left", "right", "top_heading", "left_heading"};
    for (int k = 0; k < 6; k++) {
        struct bm_str wanted = field(t->mem, t->test, keys[k]);
        bool holds = false;
        if (wanted.n == 0)
            continue;
        if (k < 4) {
            size_t next[64], n = bm_grid_next(t->grid, cell, (enum bm_way)k, next);
            for (size_t i = 0; i < n; i++)
                holds = holds || cell_is_like(t, next[i], wanted);
        } else {
            holds = heading_is_like(t, cell, k == 4 ? BM_UP : BM_LEFT, wanted);
        }
        if (!holds)
            return false;
    }
    return true;
}

static enum bm_verdict test_table(struct bm_mem *mem, const json_t *test, struct bm_str page)
{
    bool pipes = !json_is_true(json_object_get(test, "ignore_markdown_tables"));
    struct bm_grids grids = bm_read_grids(mem, page, pipes);
    struct bm_str wanted = field(mem, test, "cell");
    for (size_t g = 0; g < grids.n; g++) {
        struct table_test t = {mem, test, &grids.at[g]};
        for (size_t c = 0; c < grids.at[g].n_cells; c++)
            if (cell_is_like(&t, c, wanted) && relations_hold(&t, c))
                return BM_PASSED;
    }
    return BM_FAILED;
}

static size_t count_alnum(struct bm_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.cp[i] != '_' && bm_is_word(text.cp[i]);
    return n;
}

static bool is_disallowed(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3040 && c <= 0x30ff) || (c >= 0x1f600 && c <= 0x1f64f) ||
           (c >= 0x1f300 && c <= 0x1f5ff) || (c >= 0x1f680 && c <= 0x1f6ff) || (c >= 0x1f1e0 && c <= 0x1f1ff);
}

/* How often the last `size` characters stand at the end of the text. */
static size_t repeats_at_end(struct bm_str text, size_t size)
{
    size_t n = 0;
    if (text.n < size)
        return 0;
    struct bm_str last = bm_slice(text, text.n - size, text.n);
    while (text.n >= size && bm_equal(bm_slice(text, text.n - size, text.n), last)) {
        text.n -= size;
        n++;
    }
    return n;
}

static enum bm_verdict test_baseline(struct bm_mem *mem, struct bm_str page, size_t most_repeats, bool scripts)
{
    struct bm_out out = bm_out_on(mem);
    if (count_alnum(page) == 0)
        return BM_FAILED;
    for (size_t i = 0; i < page.n; i++) {
        bool space = bm_is_space(page.cp[i]);
        if (scripts && is_disallowed(page.cp[i]))
            return BM_FAILED;
        if (!space || i == 0 || !bm_is_space(page.cp[i - 1]))
            bm_putc(&out, space ? ' ' : page.cp[i]);
    }
    for (size_t size = 1; size <= 5; size++)
        if (repeats_at_end(bm_taken(&out), size) > most_repeats)
            return BM_FAILED;
    return BM_PASSED;
}

enum bm_verdict bm_olmocr_baseline(struct bm_mem *mem, struct bm_str markdown)
{
    return test_baseline(mem, markdown, 30, true);
}

enum bm_verdict bm_olmocr_test(struct bm_mem *mem, const char *text, struct bm_str markdown)
{
    json_t *test = json_loads(text, 0, NULL);
    const char *type = json_string_value(json_object_get(test, "type"));
    enum bm_verdict verdict = BM_NOT_RUN;
    if (type && (strcmp(type, "present") == 0 || strcmp(type, "absent") == 0))
        verdict = test_presence(mem, test, markdown, type[0] == 'p');
    else if (type && strcmp(type, "order") == 0)
        verdict = test_order(mem, test, markdown);
    else if (type && strcmp(type, "table") == 0)
        verdict = test_table(mem, test, markdown);
    else if (type && strcmp(type, "baseline") == 0) {
        const json_t *longest = json_object_get(test, "max_length"), *repeats = json_object_get(test, "max_repeats");
        if (json_is_integer(longest))
            verdict = count_alnum(markdown) <= (size_t)json_integer_value(longest) ? BM_PASSED : BM_FAILED;
        else
            verdict = test_baseline(mem, markdown, json_is_integer(repeats) ? number(test, "max_repeats") : 30,
                                    !json_is_false(json_object_get(test, "check_disallowed_characters")));
    }
    json_decref(test);
    return verdict;
}
