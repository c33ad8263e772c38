/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that look like formulas (version 1.6): told by counts of operators, digits and words after the delimiters are
 * gone, and written as formulas. */
#include <string.h>

#include "service/bench/html.h"
#include "service/bench/md_v16.h"
#include "service/bench/norm_v16.h"

#define MAX_FORMULA 220 /* code points of a text that may be a formula */
#define MAX_CELL 120
#define MAX_LABEL 24

static struct bm_str opened(struct bm_mem *mem, struct bm_str text)
{
    return bm16_open_formulas(mem, text, 0, " ");
}

static size_t count_display(struct bm_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        const bool dollars = bm_at(text, i, "$$"), square = bm_at(text, i, "\\[");
        const size_t close = dollars || square ? bm_find(text, i + 2, dollars ? "$$" : "\\]") : BM_NONE;
        n += close != BM_NONE;
        i = close == BM_NONE ? i + 1 : close + 2;
    }
    return n;
}

static size_t count_inline(struct bm_str text)
{
    size_t n = 0, at = 0, start, end;
    struct bm_str inside;
    for (; bm_next_inline(text, at, true, &start, &end, &inside); at = end)
        n++;
    return n;
}

static size_t count_operators(struct bm_str text)
{
    static const char *const commands[] = {"\\frac",  "\\sqrt",   "\\sum",         "\\int",           "\\prod",
                                           "\\times", "\\div",    "\\square",      "\\cdots",         "\\left",
                                           "\\right", "\\approx", "\\xrightarrow", "\\longrightarrow"};
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        size_t next = i + 1;
        bool hit = bm16_in(text.cp[i], "=<>≤≥≈÷×±∑∫√→^_□△…%/+-");
        for (size_t k = 0; text.cp[i] == '\\' && k < sizeof commands / sizeof commands[0] && !hit; k++)
            if (bm_at(text, i, commands[k])) {
                hit = true;
                next = i + strlen(commands[k]);
            }
        n += hit;
        i = next;
    }
    return n;
}

static size_t count_cjk(struct bm_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.cp[i] >= 0x4e00 && text.cp[i] <= 0x9fff;
    return n;
}

/* Code points that are no operators, digits, commands or spaces. */
static size_t count_rest(struct bm_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        const size_t end = text.cp[i] == '\\' ? bm16_command_end(text, i) : i;
        if (end > i)
            i = end - 1;
        else
            n += !bm16_in(text.cp[i], "=<>≤≥÷×±∑∫√^_□△…%/()+-") && !bm_is_digit(text.cp[i]) && !bm_is_space(text.cp[i]);
    }
    return n;
}

static bool is_formula_like(struct bm_mem *mem, struct bm_str text)
{
    text = bm16_one_line(mem, text);
    if (text.n == 0 || text.n > MAX_FORMULA)
        return false;
    const struct bm_str bare = opened(mem, text);
    const size_t length = bm16_compact(mem, bare).n, operators = count_operators(bare), cjk = count_cjk(bare);
    const size_t words = bm16_count_words(bare, 4), digits = bm16_count_digits(bare);
    const bool arrow = bm16_has(bare, "\\xrightarrow") || bm16_has(bare, "\\longrightarrow") || bm16_has(bare, "→");
    if (length == 0)
        return false;
    if (count_inline(text) + count_display(text) > 0 && count_rest(bare) <= 18 && operators >= 1)
        return true;
    if ((bm16_has(bare, "□") || bm16_has(bare, "\\square")) && operators >= 1 && words <= 1 && length <= 80)
        return true;
    if (arrow && cjk <= 24 && length <= 120)
        return true;
    if (operators >= 2 && digits >= 1 && words <= 2 && cjk <= 12 && length <= 100)
        return true;
    return operators >= 3 && words == 0 && cjk <= 18 && length <= 80;
}

/* lhs \xrightarrow{label} rhs: the label becomes text; a remark of one kind at the end goes below the arrow. */
static struct bm_str with_arrow(struct bm_mem *mem, struct bm_str text)
{
    static const char remark[] = "氧化还原反应";
    const struct bm_str mark = bm_from(mem, remark);
    for (size_t i = bm_find(text, 0, "\\xrightarrow"); i != BM_NONE; i = bm_find(text, i + 1, "\\xrightarrow")) {
        size_t open = i + 12, close;
        while (open < text.n && bm_is_space(text.cp[open]))
            open++;
        for (close = open + 1; close < text.n && text.cp[close] != '{' && text.cp[close] != '}'; close++) {
        }
        if (open >= text.n || text.cp[open] != '{' || close >= text.n || text.cp[close] != '}' || close == open + 1)
            continue;
        const struct bm_str label = bm_strip(bm_slice(text, open + 1, close));
        struct bm_str right = bm_strip(bm_slice(text, close + 1, text.n));
        const bool plain = label.n && bm_find_cp(label, 0, '\\') == BM_NONE;
        const bool below = right.n >= mark.n && bm_equal(bm_slice(right, right.n - mark.n, right.n), mark);
        struct bm_out out = bm_out_on(mem);
        bm_put(&out, bm_strip(bm_slice(text, 0, i)));
        bm_putc(&out, ' ');
        if (below) {
            bm_puts(&out, "\\underset{");
            bm_put(&out, mark);
            bm_puts(&out, "}{");
            right = bm_strip(bm_slice(right, 0, right.n - mark.n));
        }
        bm_puts(&out, plain ? "\\xrightarrow{\\text{" : "\\xrightarrow{");
        bm_put(&out, label);
        bm_puts(&out, plain ? "}}" : "}");
        bm_puts(&out, below ? "} " : " ");
        bm_put(&out, right);
        return bm_strip(bm_taken(&out));
    }
    return text;
}

static struct bm_str as_formula(struct bm_mem *mem, struct bm_str text)
{
    static const char *const pairs[][2] = {{"……", " \\cdots \\cdots "},
                                           {"…", " \\cdots "},
                                           {"×", " \\times "},
                                           {"÷", " \\div "},
                                           {"≤", " \\leq "},
                                           {"≥", " \\geq "},
                                           {"≠", " \\neq "},
                                           {"≈", " \\approx "},
                                           {"□", " \\square "},
                                           {"△", " \\triangle "},
                                           {"（", "("},
                                           {"）", ")"},
                                           {"［", "["},
                                           {"］", "]"},
                                           {"｛", "{"},
                                           {"｝", "}"}};
    text = opened(mem, bm16_one_line(mem, bm16_replace(mem, text, "\xe3\x80\x80", " ")));
    if (text.n == 0)
        return text;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        text = bm16_replace(mem, text, pairs[i][0], pairs[i][1]);
    text = with_arrow(mem, text);
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++) {
        if ((text.cp[i] == '%' || text.cp[i] == '&') && !(i > 0 && text.cp[i - 1] == '\\'))
            bm_putc(&out, '\\');
        bm_putc(&out, text.cp[i]);
    }
    text = bm16_one_line(mem, bm_taken(&out));
    if (text.n == 0 || bm_at(text, 0, "\\begin{") || bm_at(text, 0, "$$") || bm_at(text, 0, "\\["))
        return text;
    out = bm_out_on(mem);
    bm_puts(&out, "\\[ ");
    bm_put(&out, text);
    bm_puts(&out, " \\]");
    return bm_taken(&out);
}

void bm16_add_rescue(struct bm_mem *mem, struct bm_pieces *pieces, struct bm_str text, size_t start, size_t end,
                     enum bm_fine fine)
{
    struct bm_piece piece = {BM_RESCUE, fine, {NULL, 0}, start, end, 0};
    if (!is_formula_like(mem, text))
        return;
    piece.content = as_formula(mem, text);
    if (bm16_has(piece.content, "\\xrightarrow") || bm16_has(piece.content, "\\longrightarrow"))
        piece.kind = BM_EQUATION;
    if (piece.content.n)
        bm_add_piece(mem, pieces, &piece);
}

void bm16_add_images(struct bm_mem *mem, struct bm_pieces *pieces, struct bm_str markdown)
{
    struct bm_image image;
    for (size_t at = 0; bm_next_image(markdown, at, &image); at = image.end)
        bm16_add_rescue(mem, pieces, bm_strip(image.alternative), image.start, image.end, BM_FINE_RESCUE);
}

/* --- tables --- */

struct cell_walk {
    struct bm_mem *mem;
    struct bm_pieces *pieces;
    struct bm_out *texts; /* of the cells, in the order of their starts */
    size_t n, cap;
    struct {
        bool cell;
        size_t index;
    } open[512];
    size_t depth;
};

static void cell_open(void *ctx, const struct bm_html_tag *tag)
{
    struct cell_walk *w = ctx;
    const bool cell = !tag->empty && (bm_is(tag->name, "td") || bm_is(tag->name, "th")) && w->n < w->cap;
    if (tag->empty)
        return;
    if (w->depth < 512) {
        w->open[w->depth].cell = cell;
        w->open[w->depth].index = w->n;
        if (cell)
            w->texts[w->n++] = bm_out_on(w->mem);
    }
    w->depth++;
}

static void cell_close(void *ctx, struct bm_str name)
{
    struct cell_walk *w = ctx;
    (void)name;
    w->depth -= w->depth > 0;
}

static void cell_text(void *ctx, struct bm_str text)
{
    struct cell_walk *w = ctx;
    for (size_t d = 0; d < w->depth && d < 512; d++)
        if (w->open[d].cell) {
            struct bm_out *out = &w->texts[w->open[d].index];
            if (out->n)
                bm_putc(out, ' ');
            bm_put(out, text);
        }
}

static void cell_comment(void *ctx, struct bm_str inside)
{
    (void)ctx;
    (void)inside;
}

static bool is_sum(struct bm_mem *mem, struct bm_str text)
{
    static const char *const operators[] = {"=", "+", "-", "×", "÷", "/", "≈", "\\times", "\\div", "\\approx"};
    bool any = false;
    if (text.n == 0 || text.n > MAX_CELL || !is_formula_like(mem, text))
        return false;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        any = any || bm16_has(text, operators[i]);
    return any && (bm16_count_digits(text) >= 2 || bm16_has(text, "\\frac") || bm16_has_ratio(text));
}

void bm16_add_cells(struct bm_mem *mem, struct bm_pieces *pieces, struct bm_str html, size_t start)
{
    static const struct bm_html_events events = {cell_open, cell_close, cell_text, cell_comment};
    struct cell_walk *w = BM_ARRAY(mem, 1, struct cell_walk);
    if (!w)
        return;
    w->mem = mem;
    w->cap = html.n / 4 + 1; /* a start tag takes four characters at least */
    w->texts = BM_ARRAY(mem, w->cap, struct bm_out);
    if (!w->texts)
        return;
    bm_html_read(mem, html, &events, w);
    for (size_t i = 0; i < w->n; i++) {
        const struct bm_str text = bm16_one_line(mem, bm_taken(&w->texts[i]));
        struct bm_piece piece = {BM_EQUATION, BM_FINE_RESCUE, {NULL, 0}, start, start + text.n, 0};
        if (!is_sum(mem, text))
            continue;
        piece.content = as_formula(mem, text);
        if (piece.content.n == 0)
            continue;
        bm_add_piece(mem, pieces, &piece);
        start += text.n + 1;
    }
}

bool bm16_is_label(struct bm_mem *mem, const struct bm_piece *piece)
{
    static const char *const maths[] = {"=",
                                        "<",
                                        ">",
                                        "≤",
                                        "≥",
                                        "≈",
                                        "≠",
                                        "^",
                                        "+",
                                        "-",
                                        "/",
                                        "\\cdot",
                                        "\\frac",
                                        "\\sqrt",
                                        "\\sum",
                                        "\\int",
                                        "\\times",
                                        "\\div",
                                        "\\approx",
                                        "\\neq",
                                        "\\leq",
                                        "\\geq",
                                        "\\xrightarrow",
                                        "\\longrightarrow"};
    if (piece->kind != BM_EQUATION || piece->fine != BM_FINE_INLINE || bm_strip(piece->content).n == 0)
        return false;
    const struct bm_str core = opened(mem, bm_strip(piece->content)), text = bm16_compact(mem, core);
    if (bm_at(text, 0, "\\xrightarrow") || bm_at(text, 0, "\\longrightarrow"))
        return true;
    if (text.n == 0 || text.n > MAX_LABEL)
        return false;
    for (size_t i = 0; i < sizeof maths / sizeof maths[0]; i++)
        if (bm16_has(core, maths[i]))
            return false;
    bool latin = true, named = true;
    for (size_t i = 0; i < text.n; i++) {
        const uint32_t c = text.cp[i];
        const bool digit = (c >= '0' && c <= '9') || bm16_in(c, "._,-");
        latin = latin && (bm16_is_letter(c) || digit);
        named = named && (digit || bm16_in(c, "ΓγλμνxyzuvwMNOabcABC"));
    }
    return latin || named;
}
