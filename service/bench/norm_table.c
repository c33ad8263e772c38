/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as the protocol compares them: th becomes td, wrappers and looks are dropped, text is brought into
 * compatibility form. Spaces inside cells are kept up to version 1.5; 1.6 brings each piece of a cell's text into
 * one spelling (norm_cell.c). */
#include <string.h>

#include "service/bench/html.h"
#include "service/bench/norm_v16.h"

struct rewrite {
    struct bm_mem *mem;
    struct bm_out out;
    int in_math; /* open elements since <math, which is replaced as a whole */
    bool cells;  /* texts of cells are normalised */
    int in_cell;
    struct bm_out run; /* text of a cell since the last tag that stays */
};

static bool is_unwrapped(const struct rewrite *w, struct bm_str name)
{
    return bm_is(name, "thead") || bm_is(name, "span") || (w->cells && bm_is(name, "tbody"));
}

static bool is_cell(const struct rewrite *w, struct bm_str name)
{
    return w->cells && (bm_is(name, "td") || bm_is(name, "th"));
}

static void end_run(struct rewrite *w)
{
    if (w->run.n)
        bm_put(&w->out, bm16_norm_cell(w->mem, bm_taken(&w->run)));
    w->run = bm_out_on(w->mem);
}

static void put_text(struct rewrite *w, struct bm_str text)
{
    bm_put(w->in_cell ? &w->run : &w->out, text);
}

static void put_name(struct rewrite *w, struct bm_str name)
{
    if (bm_is(name, "th"))
        bm_puts(&w->out, "td");
    else
        bm_put(&w->out, name);
}

static void on_open(void *ctx, const struct bm_html_tag *tag)
{
    struct rewrite *w = ctx;
    if (w->in_math) {
        w->in_math += !tag->empty;
        return;
    }
    if (bm_is(tag->name, "math")) {
        w->in_math = 1;
        put_text(w, bm_from(w->mem, "$"));
        for (int i = 0; i < tag->n_attrs; i++)
            if (bm_is(tag->attrs[i].name, "alttext"))
                put_text(w, tag->attrs[i].value);
        put_text(w, bm_from(w->mem, "$"));
        return;
    }
    if (is_unwrapped(w, tag->name))
        return;
    end_run(w);
    w->in_cell += is_cell(w, tag->name) && !tag->empty;
    bm_putc(&w->out, '<');
    put_name(w, tag->name);
    for (int i = 0; i < tag->n_attrs; i++) {
        struct bm_str value = tag->attrs[i].value;
        char quote = bm_find_cp(value, 0, '"') != BM_NONE && bm_find_cp(value, 0, '\'') == BM_NONE ? '\'' : '"';
        bm_putc(&w->out, ' ');
        bm_put(&w->out, tag->attrs[i].name);
        bm_putc(&w->out, '=');
        bm_putc(&w->out, (unsigned char)quote);
        bm_put(&w->out, value);
        bm_putc(&w->out, (unsigned char)quote);
    }
    bm_puts(&w->out, tag->empty ? "/>" : ">");
}

static void on_close(void *ctx, struct bm_str name)
{
    struct rewrite *w = ctx;
    if (w->in_math) {
        w->in_math--;
        return;
    }
    if (is_unwrapped(w, name))
        return;
    end_run(w);
    w->in_cell -= is_cell(w, name);
    bm_puts(&w->out, "</");
    put_name(w, name);
    bm_putc(&w->out, '>');
}

static void on_text(void *ctx, struct bm_str text)
{
    struct rewrite *w = ctx;
    if (!w->in_math)
        put_text(w, text);
}

static void on_comment(void *ctx, struct bm_str inside)
{
    struct rewrite *w = ctx;
    if (w->in_math)
        return;
    end_run(w);
    bm_puts(&w->out, "<!--");
    bm_put(&w->out, inside);
    bm_puts(&w->out, "-->");
}

/* Inside of the outermost table: behind the first <table ...> up to the last </table>, any case. */
static struct bm_str table_inside(struct bm_mem *mem, struct bm_str text)
{
    struct bm_str lower = bm_lower(mem, text);
    size_t last = BM_NONE;
    if (lower.n != text.n) /* a character grew: positions no longer agree, so look at the text itself */
        lower = text;
    for (size_t i = bm_find(lower, 0, "</table>"); i != BM_NONE; i = bm_find(lower, i + 1, "</table>"))
        last = i;
    for (size_t i = bm_find(lower, 0, "<table"); i != BM_NONE; i = bm_find(lower, i + 1, "<table")) {
        if (i + 6 < lower.n && bm_is_word(lower.cp[i + 6]))
            continue;
        size_t open = bm_find_cp(lower, i + 6, '>');
        if (open != BM_NONE && last != BM_NONE && last > open)
            return bm_slice(text, open + 1, last);
    }
    return bm_slice(text, 0, 0);
}

/* Removes from each `start` to the next `end`, both included. */
static struct bm_str without(struct bm_mem *mem, struct bm_str text, const char *start, const char *end)
{
    struct bm_out out = bm_out_on(mem);
    size_t at = 0, hit = bm_find(text, 0, start);
    if (hit == BM_NONE)
        return text;
    while (hit != BM_NONE) {
        size_t close = bm_find(text, hit + strlen(start), end);
        if (close == BM_NONE)
            break;
        bm_put(&out, bm_slice(text, at, hit));
        at = close + strlen(end);
        hit = bm_find(text, at, start);
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

static struct bm_str single_spaces(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++) {
        bool space = bm_is_space(text.cp[i]);
        if (!space || i == 0 || !bm_is_space(text.cp[i - 1]))
            bm_putc(&out, space ? ' ' : text.cp[i]);
    }
    return bm_taken(&out);
}

struct bm_str bm_norm_table(struct bm_mem *mem, struct bm_str html, enum bm_version version)
{
    static const struct bm_html_events events = {on_open, on_close, on_text, on_comment};
    static const char *const looks[] = {" style=\"", " height=\"", " width=\"", " align=\"", " class=\""};
    static const char *const tags[] = {"<sup>",
                                       "</sup>",
                                       "<sub>",
                                       "</sub>",
                                       "<span>",
                                       "</span>",
                                       "<div>",
                                       "</div>",
                                       "<p>",
                                       "</p>",
                                       "<spandata-span-identity=\"\">"};
    struct rewrite w = {.mem = mem, .out = bm_out_on(mem), .cells = version == BM_V1_6, .run = bm_out_on(mem)};
    if (bm_find(bm_replace(mem, html, " ", ""), 0, "<table") == BM_NONE)
        return bm_slice(html, 0, 0);
    bm_html_read(mem, html, &events, &w);
    end_run(&w);
    struct bm_str text = bm_nfkc(mem, bm_replace(mem, bm_taken(&w.out), "\n", ""));
    text = table_inside(mem, bm_strip(text));
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
        text = without(mem, text, looks[i], "\"");
    text = bm_replace(mem, bm_replace(mem, text, "<tbody>", ""), "</tbody>", "");
    struct bm_out out = bm_out_on(mem);
    bm_puts(&out, "<html><body><table border=\"1\" >");
    bm_put(&out, single_spaces(mem, text));
    bm_puts(&out, "</table></body></html>");
    text = bm_taken(&out);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        text = bm_replace(mem, text, tags[i], "");
    return without(mem, text, "<colgroup>", "</colgroup>");
}

/* The string of an element: its only child's text, through elements that have one child themselves. */
struct element {
    struct bm_str string;
    size_t children;
    bool has_string;
    size_t cell; /* index of a td among all, or BM_NONE */
};

#define MAX_NESTED 600

struct cells {
    struct bm_mem *mem;
    struct element open[MAX_NESTED];
    size_t depth, n, cap;
    struct bm_str *texts;
    bool *has;
};

static void cells_open(void *ctx, const struct bm_html_tag *tag)
{
    struct cells *c = ctx;
    if (tag->empty || c->depth + 1 >= MAX_NESTED) {
        c->open[c->depth].children++;
        c->open[c->depth].has_string = false;
        return;
    }
    bool cell = bm_is(tag->name, "td") && c->n < c->cap;
    c->open[++c->depth] = (struct element){.cell = cell ? c->n++ : BM_NONE};
}

static void cells_child(struct element *parent, struct bm_str string, bool has)
{
    parent->children++;
    parent->has_string = parent->children == 1 && has;
    parent->string = string;
}

static void cells_close(void *ctx, struct bm_str name)
{
    struct cells *c = ctx;
    (void)name;
    if (c->depth == 0)
        return;
    struct element e = c->open[c->depth--];
    if (e.cell != BM_NONE && e.has_string) {
        c->has[e.cell] = true;
        c->texts[e.cell] = bm_strip(bm_replace(c->mem, e.string, "$\\cdot$", ""));
    }
    cells_child(&c->open[c->depth], e.string, e.has_string);
}

static void cells_text(void *ctx, struct bm_str text)
{
    struct cells *c = ctx;
    cells_child(&c->open[c->depth], text, true);
}

size_t bm_cell_texts(struct bm_mem *mem, struct bm_str html, struct bm_str **out)
{
    static const struct bm_html_events events = {cells_open, cells_close, cells_text, cells_text};
    struct cells *c = BM_ARRAY(mem, 1, struct cells);
    size_t n = 0;
    *out = NULL;
    if (!c)
        return 0;
    c->mem = mem;
    c->cap = html.n / 4 + 1; /* a start tag takes four characters at least */
    c->texts = BM_ARRAY(mem, c->cap, struct bm_str);
    c->has = BM_ARRAY(mem, c->cap, bool);
    if (mem->failed)
        return 0;
    bm_html_read(mem, html, &events, c);
    for (size_t i = 0; i < c->n; i++)
        if (c->has[i])
            c->texts[n++] = c->texts[i];
    *out = c->texts;
    return n;
}
