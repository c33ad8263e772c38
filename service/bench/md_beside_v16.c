/* SPDX-License-Identifier: Apache-2.0 */
/* What stands beside a formula or around a text (version 1.6): equation numbers and remarks in the margin, several sums
 * in one formula, elements around paragraphs, descriptions of images. */
#include <string.h>

#include "service/bench/html.h"
#include "service/bench/md_v16.h"
#include "service/bench/norm_v16.h"

#define MAX_SUM 160

/* A formula in its delimiters: \[ inside \]. */
struct envelope {
    const char *left, *right;
    struct bm_str inside;
};

static struct envelope envelope_of(struct bm_str text)
{
    static const char *const ways[][2] = {{"\\[", "\\]"}, {"\\(", "\\)"}, {"$$", "$$"}, {"$", "$"}};
    for (size_t w = 0; w < 4; w++) {
        const size_t n = strlen(ways[w][0]);
        if (text.n >= 2 * n && bm_at(text, 0, ways[w][0]) && bm_ends(text, ways[w][1]))
            return (struct envelope){ways[w][0], ways[w][1], bm_strip(bm_slice(text, n, text.n - n))};
    }
    return (struct envelope){"", "", text};
}

static struct bm_str wrapped(struct bm_mem *mem, struct bm_str inside, const struct envelope *like)
{
    struct bm_out out = bm_out_on(mem);
    inside = bm_strip(inside);
    if (inside.n == 0 || !*like->left)
        return inside;
    bm_puts(&out, like->left);
    bm_putc(&out, ' ');
    bm_put(&out, inside);
    bm_putc(&out, ' ');
    bm_puts(&out, like->right);
    return bm_taken(&out);
}

/* Length of a spacing command at pos, or 0. */
static size_t spacing_at(struct bm_str text, size_t pos)
{
    static const char *const names[] = {"\\qquad", "\\quad", "\\enspace", "\\,", "\\;", "\\:"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bm_at(text, pos, names[i]))
            return strlen(names[i]);
    return 0;
}

static size_t skip_spaces(struct bm_str text, size_t i)
{
    while (i < text.n && bm_is_space(text.cp[i]))
        i++;
    return i;
}

static bool in_number(uint32_t c)
{
    return (c >= '0' && c <= '9') || bm16_in(c, "IVXivx");
}

/* (1) or \left( IV \right) at the start: *to is its end, the result where the formula goes on; 0: none. */
static size_t number_at_start(struct bm_str text, size_t *to)
{
    const bool sized = bm_at(text, 0, "\\left(");
    size_t i = sized ? 6 : bm_at(text, 0, "(") ? 1 : 0;
    if (i == 0)
        return 0;
    const size_t digits = skip_spaces(text, i);
    for (i = digits; i < text.n && in_number(text.cp[i]); i++) {
    }
    if (i == digits)
        return 0;
    i = skip_spaces(text, i);
    if (!bm_at(text, i, sized ? "\\right)" : ")"))
        return 0;
    *to = i + (sized ? 7 : 1);
    for (i = skip_spaces(text, *to); spacing_at(text, i);)
        i = skip_spaces(text, i + spacing_at(text, i));
    return i;
}

static struct bm_str plain_text(struct bm_mem *mem, struct bm_str latex)
{
    latex = bm_strip(latex);
    return bm16_one_line(mem, bm16_replace(mem, bm16_latex_text(mem, latex), "\xc2\xa0", " "));
}

static bool is_remark(struct bm_mem *mem, struct bm_str raw)
{
    const struct bm_str plain = plain_text(mem, raw);
    size_t letters = 0, maths = 0, numbers = 0, others = 0;
    if (plain.n == 0)
        return false;
    const bool round = plain.cp[0] == '(' && plain.cp[plain.n - 1] == ')';
    const struct bm_str core = round ? bm_strip(bm_slice(plain, 1, plain.n - 1)) : plain;
    for (size_t i = 0; i < plain.n; i++)
        letters += bm16_is_letter(plain.cp[i]);
    for (size_t i = 0; i < core.n; i++) {
        numbers += in_number(core.cp[i]);
        others += !in_number(core.cp[i]) && core.cp[i] != ' ';
    }
    for (size_t i = 0; i < raw.n; i++) {
        const size_t end = raw.cp[i] == '\\' ? bm16_command_end(raw, i) : i;
        maths += end > i || bm16_in(raw.cp[i], "=<>≤≥÷×±∑∫√_^{}");
        i = end > i ? end - 1 : i;
    }
    if (numbers && others == 0)
        return false;
    return (letters >= 10 && bm16_count_words(plain, 2) >= 2 && maths <= 6) ||
           (letters >= 14 && bm16_count_digits(plain) == 0 && maths <= 3);
}

/* \quad \text{..} or \quad (..) at the end, `kind` 0 or 1: where the spacing and the remark start. */
static bool remark_at_end(struct bm_str text, int kind, size_t *spacing, struct bm_str *remark)
{
    for (size_t i = 0; i < text.n; i++) {
        const size_t n = spacing_at(text, i), from = skip_spaces(text, i + n);
        size_t open = from, close;
        bool letters = false;
        if (n == 0)
            continue;
        if (kind == 0) {
            if (!bm_at(text, from, "\\text"))
                continue;
            open = skip_spaces(text, from + 5);
        }
        if (open >= text.n || text.cp[open] != (kind == 0 ? '{' : '('))
            continue;
        for (close = open + 1; close < text.n && text.cp[close] != (kind == 0 ? '}' : ')'); close++) {
            letters = letters || bm16_is_letter(text.cp[close]);
            if (kind == 0 && text.cp[close] == '{')
                break;
        }
        if (close >= text.n || text.cp[close] == '{' || (kind == 1 && !letters))
            continue;
        close++;
        close += close < text.n && text.cp[close] == '.';
        if (skip_spaces(text, close) != text.n)
            continue;
        *spacing = i;
        *remark = bm_slice(text, from, close);
        return true;
    }
    return false;
}

static bool next_remark(struct bm_mem *mem, struct bm_str text, size_t *spacing, struct bm_str *remark)
{
    for (int kind = 0; kind < 2; kind++)
        if (remark_at_end(text, kind, spacing, remark) && is_remark(mem, *remark))
            return true;
    return false;
}

static void add_beside(struct bm_mem *mem, struct bm_pieces *pieces, struct bm_str raw, size_t start, size_t end)
{
    const struct bm_piece piece = {BM_TEXT, BM_FINE_CAPTION, plain_text(mem, raw), start, end, 0};
    if (piece.content.n)
        bm_add_piece(mem, pieces, &piece);
}

/* The formula without number and remarks, which go to `beside`. */
static struct bm_str without_margin(struct bm_mem *mem, const struct bm_piece *formula, struct bm_pieces *beside)
{
    const struct bm_str line = bm16_one_line(mem, formula->content);
    const struct envelope e = envelope_of(line);
    struct bm_str text = e.inside, remark;
    size_t to = 0, spacing, after = number_at_start(text, &to);
    if (text.n == 0 || (after == 0 && !next_remark(mem, text, &spacing, &remark)))
        return formula->content;
    if (after) {
        const size_t end = formula->start + to;
        add_beside(mem, beside, bm_slice(text, 0, to), formula->start, end < formula->end ? end : formula->end);
        text = bm_strip(bm_slice(text, after, text.n));
    }
    while (text.n && next_remark(mem, text, &spacing, &remark)) {
        const size_t n = remark.n ? remark.n : 1;
        const size_t start = formula->end > formula->start + n ? formula->end - n : formula->start;
        add_beside(mem, beside, remark, start, formula->end);
        text = bm_strip(bm_slice(text, 0, spacing));
    }
    for (bool again = true; again;) {
        again = false;
        for (size_t i = text.n > 9 ? text.n - 9 : 0; i < text.n && !again; i++)
            if (spacing_at(text, i) && i + spacing_at(text, i) == text.n) {
                text = bm_strip(bm_slice(text, 0, i));
                again = true;
            }
    }
    if (text.n == 0) {
        beside->n = 0;
        return line;
    }
    return wrapped(mem, text, &e);
}

static bool is_lone_sum(struct bm_str text)
{
    static const char *const involved[] = {"\\begin{", "\\end{",    "\\mathbf", "\\left",     "\\right",
                                           "\\cdot",   "\\lambda",  "\\Gamma",  "\\varGamma", "\\text",
                                           "\\matrix", "\\pmatrix", "\\bmatrix"};
    static const char *const relations[] = {"=", "\\approx", "≈", "\\neq", "≠", "\\leq", "≤", "\\geq", "≥"};
    bool any = false;
    for (size_t i = 0; i < sizeof involved / sizeof involved[0]; i++)
        if (bm16_has(text, involved[i]))
            return false;
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++)
        any = any || bm16_has(text, relations[i]);
    return text.n && text.n <= MAX_SUM && any &&
           (bm16_count_digits(text) >= 2 || bm16_has(text, "\\frac") || bm16_has_ratio(text));
}

/* Sums between \quad; returns how many, 0 when any part is none. */
static size_t sums_of(struct bm_mem *mem, struct bm_str text, struct bm_str **out)
{
    size_t n = 0, from = 0;
    *out = BM_ARRAY(mem, text.n / 5 + 2, struct bm_str);
    for (size_t i = 0; *out && i <= text.n;) {
        const bool wide = bm_at(text, i, "\\qquad"), narrow = bm_at(text, i, "\\quad");
        if (i < text.n && !wide && !narrow) {
            i++;
            continue;
        }
        const struct bm_str part = bm_strip(bm_slice(text, from, i));
        if (part.n) {
            if (!is_lone_sum(part))
                return 0;
            (*out)[n++] = part;
        }
        from = i + (wide ? 6 : 5);
        i = from;
    }
    return n > 1 ? n : 0;
}

void bm16_add_formula(struct bm_mem *mem, struct bm_pieces *pieces, const struct bm_piece *formula)
{
    struct bm_pieces beside = {0};
    struct bm_piece piece = *formula;
    struct bm_str *sums;
    piece.content = without_margin(mem, formula, &beside);
    const struct envelope e = envelope_of(bm16_one_line(mem, piece.content));
    const size_t n = e.inside.n ? sums_of(mem, e.inside, &sums) : 0;
    const size_t span = formula->end - formula->start > n ? formula->end - formula->start : n;
    for (size_t i = 0; i < n; i++) {
        const size_t each = span / n > 1 ? span / n : 1;
        piece.start = formula->start + i * each;
        piece.end = i + 1 == n || piece.start + each > formula->end ? formula->end : piece.start + each;
        piece.content = wrapped(mem, sums[i], &e);
        bm_add_piece(mem, pieces, &piece);
    }
    if (n == 0)
        bm_add_piece(mem, pieces, &piece);
    for (size_t i = 0; i < beside.n; i++)
        bm_add_piece(mem, pieces, &beside.at[i]);
}

/* --- elements around paragraphs --- */

struct fragment {
    struct bm_mem *mem;
    struct bm_out out;
    int hidden; /* open style and script elements */
};

static bool is_hidden(struct bm_str name)
{
    return bm_is(name, "style") || bm_is(name, "script");
}

static void fragment_open(void *ctx, const struct bm_html_tag *tag)
{
    struct fragment *f = ctx;
    f->hidden += is_hidden(tag->name);
    if (bm_is(tag->name, "br"))
        bm_putc(&f->out, '\n');
}

static void fragment_close(void *ctx, struct bm_str name)
{
    struct fragment *f = ctx;
    f->hidden -= is_hidden(name);
    if (bm_is(name, "div") || bm_is(name, "dir") || bm_is(name, "p") || bm_is(name, "li"))
        bm_putc(&f->out, '\n');
}

static void fragment_text(void *ctx, struct bm_str text)
{
    struct fragment *f = ctx;
    if (f->hidden == 0)
        bm_put(&f->out, text);
}

static void fragment_comment(void *ctx, struct bm_str inside)
{
    (void)ctx;
    (void)inside;
}

struct bm_str bm16_fragment_text(struct bm_mem *mem, struct bm_str text)
{
    static const struct bm_html_events events = {fragment_open, fragment_close, fragment_text, fragment_comment};
    text = bm_strip(text);
    const struct bm_str lower = bm_lower(mem, bm_slice(text, 0, 5));
    if (lower.n < 4 || (!bm_at(lower, 0, "<div") && !bm_at(lower, 0, "<dir")) ||
        (text.n > 4 && bm_is_word(text.cp[4])) || bm_find(bm_lower(mem, text), 0, "<table") != BM_NONE)
        return text;
    struct fragment f = {mem, bm_out_on(mem), 0};
    bm_html_read(mem, text, &events, &f);
    const struct bm_str found = bm_tidy_lines(mem, bm16_replace(mem, bm_taken(&f.out), "\xc2\xa0", " "));
    return found.n ? found : text;
}

/* --- descriptions of images --- */

static bool is_description(struct bm_mem *mem, struct bm_str block)
{
    static const char *const starts[] = {
        "the image ", "the figure ", "the diagram ", "diagram:", "[diagram:", "[image:", "qr code "};
    const struct bm_str text = bm_lower(mem, bm16_one_line(mem, block));
    for (size_t i = 0; text.n >= 24 && i < sizeof starts / sizeof starts[0]; i++)
        if (bm_at(text, 0, starts[i]))
            return true;
    return false;
}

struct bm_str bm16_plain_descriptions(struct bm_mem *mem, struct bm_str markdown)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t from = 0, i = 0; i <= markdown.n;) {
        size_t last = i, end = i;
        if (i < markdown.n && markdown.cp[i] != '\n') {
            i++;
            continue;
        }
        for (; end < markdown.n && bm_is_space(markdown.cp[end]); end++)
            last = markdown.cp[end] == '\n' ? end : last;
        if (i < markdown.n && last == i) { /* one line break, no empty line */
            i++;
            continue;
        }
        const struct bm_str block = bm_slice(markdown, from, i);
        bm_put(&out, is_description(mem, block) ? bm16_open_formulas(mem, block, 2, "") : block);
        if (i == markdown.n)
            break;
        bm_put(&out, bm_slice(markdown, i, last + 1));
        i = from = last + 1;
    }
    return bm_taken(&out);
}
