/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a page of Markdown into tables, formulas and paragraphs. What one step takes out is overwritten by
 * spaces, so that the positions of later steps stay valid. */
#include "service/bench/md_v16.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RETRIES 64 /* starts that nothing closes; each costs one reading of the page */

void bm_add_piece(struct bm_mem *mem, struct bm_pieces *pieces, const struct bm_piece *piece)
{
    if (pieces->n == pieces->cap) {
        size_t cap = pieces->cap;
        struct bm_piece *bigger;
        if (cap == 0) {
            cap = 32;
            bigger = BM_ARRAY(mem, cap, struct bm_piece);
        } else {
            bigger = b_arena_grow(mem->arena, pieces->at, pieces->n, &cap, sizeof *bigger);
        }
        if (!bigger) {
            mem->failed = true;
            return;
        }
        pieces->at = bigger;
        pieces->cap = cap;
    }
    pieces->at[pieces->n] = *piece;
    pieces->at[pieces->n].found = pieces->n;
    pieces->n++;
}

static size_t line_end(struct bm_str text, size_t from)
{
    size_t end = bm_find_cp(text, from, '\n');
    return end == BM_NONE ? text.n : end;
}

bool bm_next_image(struct bm_str text, size_t from, struct bm_image *out)
{
    for (size_t i = bm_find(text, from, "!["); i != BM_NONE; i = bm_find(text, i + 1, "![")) {
        struct bm_str line = bm_slice(text, 0, line_end(text, i));
        size_t middle = bm_find(line, i + 2, "](");
        size_t end = middle == BM_NONE ? BM_NONE : bm_find_cp(line, middle + 2, ')');
        if (end == BM_NONE)
            continue;
        *out = (struct bm_image){bm_slice(text, i + 2, middle), i, end + 1};
        return true;
    }
    return false;
}

/* Images deleted; from version 1.6 on overwritten by spaces. */
static struct bm_str without_images(struct bm_mem *mem, struct bm_str text, bool blank)
{
    struct bm_out out = bm_out_on(mem);
    struct bm_image image;
    size_t at = 0;
    for (; bm_next_image(text, at, &image); at = image.end) {
        bm_put(&out, bm_slice(text, at, image.start));
        for (size_t i = image.start; blank && i < image.end; i++)
            bm_putc(&out, ' ');
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

/* Deletes `fence` at the starts of lines, with the line break behind it. */
static struct bm_str without_fence(struct bm_mem *mem, struct bm_str text, const char *fence)
{
    struct bm_out out = bm_out_on(mem);
    size_t at = 0, n = strlen(fence);
    for (size_t i = bm_find(text, 0, fence); i != BM_NONE; i = bm_find(text, i + 1, fence)) {
        if (i < at || (i > 0 && text.cp[i - 1] != '\n'))
            continue;
        bm_put(&out, bm_slice(text, at, i));
        at = i + n + (i + n < text.n && text.cp[i + n] == '\n');
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

/* Deletes every ``` at a line's end; the line break goes too where an empty line or nothing follows. */
static struct bm_str without_closing_fences(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n;) {
        if (!bm_at(text, i, "```")) {
            bm_putc(&out, text.cp[i++]);
            continue;
        }
        size_t end = i + 3;
        if (end < text.n && text.cp[end] == '\n' && (end + 1 == text.n || text.cp[end + 1] == '\n'))
            i = end + 1;
        else if (end == text.n || text.cp[end] == '\n')
            i = end;
        else
            bm_putc(&out, text.cp[i++]);
    }
    return bm_taken(&out);
}

static bool is_ascii_alnum(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Long runs of underscores and spaces (version 1.0: of anything but letters and digits) become four. */
static struct bm_str short_runs(struct bm_mem *mem, struct bm_str text, enum bm_version version)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n;) {
        size_t end = i + 1;
        while (end < text.n && text.cp[end] == text.cp[i])
            end++;
        bool cut = (text.cp[i] == '_' || text.cp[i] == ' ') && end - i > 4;
        cut = cut || (version == BM_V1_0 && !is_ascii_alnum(text.cp[i]) && end - i > 10);
        for (size_t k = 0; k < (cut ? 4 : end - i); k++)
            bm_putc(&out, text.cp[i]);
        i = end;
    }
    return bm_taken(&out);
}

static struct bm_str prepare(struct bm_mem *mem, struct bm_str text, enum bm_version version)
{
    static const char *const frames[] = {"<html>", "</html>", "<body>", "</body>"};
    text = without_images(mem, text, version == BM_V1_6);
    text = without_fence(mem, text, "```markdown");
    if (version != BM_V1_0) {
        text = without_fence(mem, text, "```html");
        text = without_fence(mem, text, "```latex");
    }
    text = short_runs(mem, without_closing_fences(mem, text), version);
    for (size_t i = 0; version != BM_V1_0 && i < sizeof frames / sizeof frames[0]; i++)
        text = bm_replace(mem, text, frames[i], "");
    return version == BM_V1_6 ? bm16_plain_descriptions(mem, text) : text;
}

/* A kind of element that may nest: how it starts and ends, and by how much the protocol's scanner steps over
 * a start, over an end, and (when the outermost one is never closed) over that one before it looks again. */
struct nesting {
    const char *begin, *end;
    bool tag; /* the start needs a closing > */
    size_t step, retry;
    enum bm_piece_kind kind;
};

static size_t find_begin(struct bm_str text, size_t from, const struct nesting *what)
{
    size_t i = bm_find(text, from, what->begin);
    if (i != BM_NONE && what->tag && bm_find_cp(text, i + strlen(what->begin), '>') == BM_NONE)
        return BM_NONE;
    return i;
}

static void extract_nested(struct bm_mem *mem, struct bm_str text, const struct nesting *what, struct bm_pieces *out)
{
    size_t *stack = BM_ARRAY(mem, text.n / strlen(what->begin) + 2, size_t);
    size_t from = 0;
    for (int tries = 0; from < text.n && stack && tries < MAX_RETRIES; tries++) {
        size_t depth = 0, pos = from, begin = find_begin(text, pos, what), end = bm_find(text, pos, what->end);
        while (pos < text.n && (begin != BM_NONE || end != BM_NONE)) {
            if (begin != BM_NONE && (end == BM_NONE || begin < end)) {
                stack[depth++] = begin;
                pos = begin + what->step;
            } else {
                if (depth && --depth == 0) {
                    struct bm_str found = bm_slice(text, stack[0], end + what->step);
                    bm_add_piece(mem, out,
                                 &(struct bm_piece){what->kind, BM_FINE_NONE, found, stack[0], stack[0] + found.n, 0});
                }
                pos = end + what->step;
            }
            if (begin != BM_NONE && begin < pos)
                begin = find_begin(text, pos, what);
            if (end != BM_NONE && end < pos)
                end = bm_find(text, pos, what->end);
        }
        from = depth ? stack[0] + what->retry : text.n;
    }
}

static struct bm_str blank_pieces(struct bm_mem *mem, struct bm_str text, const struct bm_pieces *pieces, size_t from)
{
    uint32_t *cp = from < pieces->n ? BM_ARRAY(mem, text.n, uint32_t) : NULL;
    if (!cp)
        return text;
    memcpy(cp, text.cp, text.n * sizeof *cp);
    for (size_t i = from; i < pieces->n; i++)
        for (size_t k = pieces->at[i].start; k < pieces->at[i].end && k < text.n; k++)
            cp[k] = ' ';
    return (struct bm_str){cp, text.n};
}

static void add_table(struct bm_mem *mem, struct bm_pieces *out, const struct bm_piece *table, enum bm_version version)
{
    bm_add_piece(mem, out, table);
    if (version == BM_V1_6)
        bm16_add_cells(mem, out, table->content, table->start);
}

static struct bm_str take_tables(struct bm_mem *mem, struct bm_str text, enum bm_version version, struct bm_pieces *out)
{
    /* The steps are the lengths of the patterns as they are written in the protocol's source, 14 for 13
     * characters of \end{tabular}: its tables take in one character too many. */
    static const struct nesting tabular = {"\\begin{tabular}", "\\end{tabular}", false, 14, 16, BM_LATEX_TABLE};
    static const struct nesting html = {"<table", "</table>", true, 8, 16, BM_HTML_TABLE};
    const size_t first = out->n;
    for (size_t i = bm_find(text, 0, "\\begin{table}"); i != BM_NONE; i = bm_find(text, i, "\\begin{table}")) {
        size_t end = bm_find(text, i + 13, "\\end{table}");
        if (end == BM_NONE)
            break;
        bm_add_piece(mem, out,
                     &(struct bm_piece){BM_LATEX_TABLE, BM_FINE_NONE, bm_slice(text, i, end + 11), i, end + 11, 0});
        i = end + 11;
    }
    text = blank_pieces(mem, text, out, first);
    size_t before = out->n;
    extract_nested(mem, text, &tabular, out);
    text = blank_pieces(mem, text, out, before);
    struct bm_pieces tables = {0};
    extract_nested(mem, text, &html, &tables);
    for (size_t i = 0; i < tables.n; i++)
        add_table(mem, out, &tables.at[i], version);
    return blank_pieces(mem, text, &tables, 0);
}

/* One of the four ways to write a formula at or behind `from`; inside = [*a, *b). */
enum delimiter { D_NONE, D_DOUBLE, D_BRACKET, D_DOLLAR, D_PAREN };

static enum delimiter next_formula(struct bm_str text, size_t from, bool brackets, size_t *start, struct bm_str *inside,
                                   size_t *end)
{
    for (size_t i = from; i < text.n; i++) {
        static const struct {
            const char *open, *close;
        } ways[] = {{"$$", "$$"}, {"\\[", "\\]"}, {"$", "$"}, {"\\(", "\\)"}};
        if (text.cp[i] != '$' && text.cp[i] != '\\')
            continue;
        for (int w = 0; w < 4; w++) {
            size_t n = strlen(ways[w].open);
            if ((w == 1 && !brackets) || !bm_at(text, i, ways[w].open))
                continue;
            size_t close = bm_find(text, i + n, ways[w].close);
            if (close == BM_NONE)
                continue;
            *start = i;
            *inside = bm_slice(text, i + n, close);
            *end = close + n;
            return (enum delimiter)(w + 1);
        }
    }
    return D_NONE;
}

/* Every formula in dollars or \( \) rewritten as \[..\]. The kind decides what is kept of the others: a page
 * formula that holds both loses the inside of the other kind, as it does in the protocol. */
static struct bm_str in_brackets(struct bm_mem *mem, struct bm_str line, bool doubles)
{
    struct bm_out out = bm_out_on(mem);
    size_t at = 0, start, end;
    struct bm_str inside;
    enum delimiter d;
    while ((d = next_formula(line, at, false, &start, &inside, &end)) != D_NONE) {
        bm_put(&out, bm_slice(line, at, start));
        bm_puts(&out, "\\[");
        if ((d == D_DOUBLE) == doubles)
            bm_put(&out, inside);
        bm_puts(&out, "\\]");
        at = end;
    }
    bm_put(&out, bm_slice(line, at, line.n));
    return bm_taken(&out);
}

static struct bm_str one_line(struct bm_mem *mem, struct bm_str text, enum bm_version version)
{
    struct bm_out out = bm_out_on(mem);
    text = bm_strip(text);
    for (size_t i = 0; i < text.n; i++) {
        if (version == BM_V1_0 && bm_is_space(text.cp[i]))
            continue;
        bm_putc(&out, text.cp[i] == '\n' ? ' ' : text.cp[i]);
    }
    return bm_taken(&out);
}

static struct bm_str take_formulas(struct bm_mem *mem, struct bm_str text, enum bm_version version,
                                   struct bm_pieces *out)
{
    size_t at = 0, start, end, s, e;
    struct bm_str inside, in;
    struct bm_pieces blank = {0};
    while (next_formula(text, at, true, &start, &inside, &end) != D_NONE) {
        struct bm_str line = one_line(mem, bm_slice(text, start, end), version);
        enum delimiter d = next_formula(line, 0, false, &s, &in, &e);
        struct bm_piece piece = {BM_EQUATION, BM_FINE_NONE, line, start, end, 0};
        if (d == D_DOUBLE && in.n)
            piece.content = in_brackets(mem, line, true);
        else if (d != D_NONE) {
            piece.content = in_brackets(mem, line, false);
            piece.fine = BM_FINE_INLINE; /* stays in the text as well */
        }
        if (version == BM_V1_6)
            bm16_add_formula(mem, out, &piece);
        else
            bm_add_piece(mem, out, &piece);
        if (piece.fine != BM_FINE_INLINE)
            bm_add_piece(mem, &blank, &piece);
        at = end;
    }
    return blank_pieces(mem, text, &blank, 0);
}

static struct bm_str take_pipe_tables(struct bm_mem *mem, struct bm_str text, enum bm_version version,
                                      struct bm_pieces *out)
{
    struct bm_out ended = bm_out_on(mem);
    bm_put(&ended, text);
    bm_putc(&ended, '\n');
    if (bm_count_pipe_rows(bm_taken(&ended)) < 2)
        return text;
    text = bm_pipes_to_html(mem, text);
    struct bm_pieces tables = {0};
    for (size_t i = bm_find(text, 0, "<table"); i != BM_NONE; i = bm_find(text, i, "<table")) {
        size_t end = bm_find(text, i, "</table>");
        if (end == BM_NONE)
            break;
        struct bm_str found = bm_strip(bm_slice(text, i, end + 8));
        bm_add_piece(mem, &tables, &(struct bm_piece){BM_HTML_TABLE, BM_FINE_PIPE_TABLE, found, i, end + 8, 0});
        i = end + 8;
    }
    for (size_t i = 0; i < tables.n; i++)
        add_table(mem, out, &tables.at[i], version);
    return blank_pieces(mem, text, &tables, 0);
}

static struct bm_str take_code(struct bm_mem *mem, struct bm_str text, struct bm_pieces *out)
{
    size_t before = out->n;
    for (size_t i = bm_find(text, 0, "```"); i != BM_NONE;) {
        size_t word = i + 3, end;
        while (word < text.n && bm_is_word(text.cp[word]))
            word++;
        end = word > i + 3 && word < text.n && text.cp[word] == '\n' ? bm_find(text, word + 1, "```") : BM_NONE;
        if (end == BM_NONE) {
            i = bm_find(text, i + 1, "```");
            continue;
        }
        struct bm_str code = bm_strip(bm_slice(text, word + 1, end));
        bm_add_piece(mem, out, &(struct bm_piece){BM_TEXT, BM_FINE_CODE, code, i, end + 3, 0});
        i = bm_find(text, end + 3, "```");
    }
    return blank_pieces(mem, text, out, before);
}

/* \name{inside} replaced by its inside; loose: white space around the braces and line breaks are allowed. */
static struct bm_str unwrap(struct bm_mem *mem, struct bm_str text, const char *name, bool star, bool space, bool loose)
{
    struct bm_out out = bm_out_on(mem);
    size_t at = 0, n = strlen(name);
    for (size_t i = bm_find(text, 0, name); i != BM_NONE;) {
        size_t open = i + n, next = i + 1;
        open += star && open < text.n && text.cp[open] == '*';
        while (space && open < text.n && bm_is_space(text.cp[open]))
            open++;
        if (open < text.n && text.cp[open] == '{') {
            struct bm_str reach = loose ? text : bm_slice(text, 0, line_end(text, open));
            size_t close = bm_find_cp(reach, open + 1, '}');
            if (close != BM_NONE) {
                struct bm_str inside = bm_slice(text, open + 1, close);
                bm_put(&out, bm_slice(text, at, i));
                bm_put(&out, loose ? bm_strip(inside) : inside);
                at = next = close + 1;
            }
        }
        i = bm_find(text, next, name);
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

struct bm_str bm_tidy_lines(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    bool any = false;
    for (size_t from = 0; from <= text.n;) {
        size_t end = line_end(text, from);
        struct bm_str line = bm_strip(bm_slice(text, from, end));
        if (line.n) {
            if (any)
                bm_putc(&out, '\n');
            any = true;
            bm_put(&out, line);
        }
        from = end + 1;
    }
    return bm_taken(&out);
}

static void take_paragraph(struct bm_mem *mem, struct bm_str raw, size_t start, enum bm_version version,
                           struct bm_pieces *out)
{
    struct bm_str text = bm_tidy_lines(mem, bm_strip(raw));
    if (version == BM_V1_6)
        text = bm16_fragment_text(mem, text);
    struct bm_piece piece = {BM_TEXT, BM_FINE_TEXT, text, start, start + raw.n, 0};
    if (text.n == 0)
        return;
    if (version == BM_V1_6) {
        bm_add_piece(mem, out, &piece);
        bm16_add_rescue(mem, out, text, piece.start, piece.end, BM_FINE_RESCUE);
        return;
    }
    if (bm_at(text, 0, "<table") && bm_ends(text, "</table>")) {
        piece.kind = BM_HTML_TABLE;
        piece.fine = BM_FINE_NONE;
    } else if (text.cp[0] == '$' && text.cp[text.n - 1] == '$') {
        if (bm_strip(bm_replace(mem, text, "$", "")).n == 0)
            return;
        piece.kind = BM_EQUATION;
        piece.fine = BM_FINE_NONE;
    }
    bm_add_piece(mem, out, &piece);
}

/* Positions count the paragraphs' own characters only: the separators are left out, as in the protocol. */
static void take_paragraphs(struct bm_mem *mem, struct bm_str text, enum bm_version version, struct bm_pieces *out)
{
    const char *between = bm_find(text, 0, "\n\n") != BM_NONE ? "\n\n" : "\n";
    size_t n = strlen(between), start = 0;
    for (size_t from = 0;;) {
        size_t end = bm_find(text, from, between);
        struct bm_str raw = bm_slice(text, from, end == BM_NONE ? text.n : end);
        take_paragraph(mem, raw, start, version, out);
        start += raw.n;
        if (end == BM_NONE)
            break;
        from = end + n;
    }
}

static int by_start(const void *a, const void *b)
{
    const struct bm_piece *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->found < y->found ? -1 : x->found > y->found;
}

static void drop_labels(struct bm_mem *mem, struct bm_pieces *pieces)
{
    size_t n = 0;
    for (size_t i = 0; i < pieces->n; i++)
        if (!bm16_is_label(mem, &pieces->at[i]))
            pieces->at[n++] = pieces->at[i];
    pieces->n = n;
}

struct bm_pieces bm_md_filter(struct bm_mem *mem, struct bm_str markdown, enum bm_version version)
{
    struct bm_pieces out = {0};
    struct bm_str text = bm_replace(mem, bm_replace(mem, markdown, "\r\n", "\n"), "\r", "\n");
    if (version == BM_V1_6)
        bm16_add_images(mem, &out, text);
    text = prepare(mem, text, version);
    text = take_tables(mem, text, version, &out);
    text = take_formulas(mem, text, version, &out);
    text = take_pipe_tables(mem, text, version, &out);
    text = take_code(mem, text, &out);
    text = unwrap(mem, text, "\\title", false, false, false);
    text = unwrap(mem, text, "\\title", false, true, true);
    text = unwrap(mem, text, "\\text", false, true, true);
    text = unwrap(mem, text, "\\section", true, false, false);
    text = unwrap(mem, text, "\\section", true, false, true);
    take_paragraphs(mem, text, version, &out);
    if (out.n)
        qsort(out.at, out.n, sizeof *out.at, by_start);
    if (version == BM_V1_6)
        drop_labels(mem, &out);
    return out;
}
