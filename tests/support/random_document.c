/* SPDX-License-Identifier: Apache-2.0 */
/* Random documents. Invariant: what comes out passes dp_document_check, and depends on the seed alone. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/utf8.h"
#include "tests/support/make_document.h"

#define DEPTH_MAX 5

uint32_t t_random_below(struct t_random *random, uint32_t bound)
{
    /* splitmix64 */
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ z >> 31) >> 16) % bound;
}

static bool chance(struct t_random *r, uint32_t percent)
{
    return t_random_below(r, 100) < percent;
}

static const char *const words[] = {"river", "Tide",  "quay", "2024",   "1,204",    "harbour", "of", "the", "and",
                                    "naïve", "Größe", "日本", "語文",   "שלום",     "سلام",    "a",  "I",   "€",
                                    "e.g.",  "x=1",   "(see", "below)", "über-all", "№",       "𝔸𝔹", "✓"};
static const char *const signs[] = {"<script>",
                                    "</p>",
                                    "]]>",
                                    "&amp;",
                                    "&#60;",
                                    "\"",
                                    "'",
                                    "`",
                                    "```",
                                    "*",
                                    "**",
                                    "_",
                                    "__",
                                    "~~",
                                    "$",
                                    "$$",
                                    "\\",
                                    "\\\\",
                                    "|",
                                    "||",
                                    "#",
                                    "-",
                                    "+",
                                    "=1+1",
                                    "@cmd",
                                    "-2",
                                    "1.",
                                    "1)",
                                    ">",
                                    "[a](b)",
                                    "![c](d)",
                                    "<!--",
                                    "-->",
                                    "{",
                                    "}",
                                    "%",
                                    "^",
                                    "---",
                                    "\u2028",
                                    "\u2029",
                                    "\u00A0",
                                    "\uFFFD",
                                    "\u202E",
                                    "</td>",
                                    "</table>",
                                    "<img/>",
                                    "data-bbox=\"1 2 3 4\"",
                                    "http://a.b/c",
                                    "<br>",
                                    "$a<b$",
                                    "\\frac{"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A text of up to n words; single blanks, none at the ends. Lines when asked. */
static const char *text(struct t_random *r, struct t_page *t, uint32_t n, bool lines)
{
    struct b_buf buf;
    b_buf_init(&buf, 1 << 16);
    const uint32_t count = 1 + t_random_below(r, n);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            b_buf_putc(&buf, lines && chance(r, 20) ? '\n' : ' ');
        if (r->hostile && chance(r, 40))
            b_buf_puts(&buf, signs[t_random_below(r, COUNT(signs))]);
        else
            b_buf_puts(&buf, words[t_random_below(r, COUNT(words))]);
    }
    if (!r->markup && chance(r, 10))
        b_buf_puts(&buf, chance(r, 50) ? "\t\n " : "  ");
    const char *copy = t_text(t, buf.data ? buf.data : "");
    b_buf_free(&buf);
    return copy;
}

static struct dp_rect box(struct t_random *r, const struct t_page *t)
{
    const uint32_t w = (uint32_t)t->page->width, h = (uint32_t)t->page->height;
    const uint32_t x0 = t_random_below(r, w - 2), y0 = t_random_below(r, h - 2);
    struct dp_rect b = {(float)x0, (float)y0, (float)(x0 + 1 + t_random_below(r, w - x0 - 1)),
                        (float)(y0 + 1 + t_random_below(r, h - y0 - 1))};
    if (!r->markup) {
        b.x0 += (float)t_random_below(r, 100) / 128.0f;
        b.x1 += (float)(128 + t_random_below(r, 100)) / 128.0f;
    }
    return b;
}

static float confidence(struct t_random *r)
{
    /* Four decimals, so that every format gives the same number back. */
    return chance(r, 50) ? DP_NO_CONFIDENCE : (float)t_random_below(r, 10001) / 10000.0f;
}

static int32_t add(struct t_random *r, struct t_page *t, enum dp_block_type type, const char *content)
{
    const int32_t i = t_block(t, type, box(r, t), content);
    struct dp_block *b = &t->page->blocks[i];
    b->confidence = confidence(r);
    b->source = chance(r, 70) ? DP_FROM_VLM : (enum dp_source_kind)t_random_below(r, 4);
    b->flags = chance(r, 20) ? 1u << t_random_below(r, 11) : 0;
    if (r->markup)
        b->flags &= DP_FLAG_LOW_CONFIDENCE | DP_FLAG_TEXT_LAYER_MISMATCH | DP_FLAG_VERTICAL;
    if (type == DP_HEADING)
        b->level = 1 + (int32_t)t_random_below(r, 6);
    if (!r->markup) {
        b->has_bbox = !chance(r, 10);
        b->joined = chance(r, 10);
        if (chance(r, 5) && type != DP_CODE)
            b->language = chance(r, 50) ? "de" : "x\"><b>";
        b->script = chance(r, 20) ? "Latn" : NULL;
    }
    return i;
}

/* Text of a table as the document model wants it: tabs between the cells of a row, a newline between rows. */
static const char *table_text(struct t_page *t)
{
    const struct dp_page *p = t->page;
    const struct dp_table *table = &p->tables[p->n_tables - 1];
    struct b_buf buf;
    b_buf_init(&buf, 1 << 20);
    for (int32_t i = 0; i < table->n_cells; i++) {
        const struct dp_cell *c = &p->cells[table->first_cell + i];
        if (i > 0)
            b_buf_putc(&buf, c->row == c[-1].row ? '\t' : '\n');
        b_buf_puts(&buf, c->text);
    }
    const char *copy = t_text(t, buf.data ? buf.data : "");
    b_buf_free(&buf);
    return copy;
}

/* A full grid; in other modes some positions stay empty. */
static void grid(struct t_random *r, struct t_page *t)
{
    enum { ROWS = 6, COLS = 5 };
    const int32_t rows = 1 + (int32_t)t_random_below(r, ROWS), cols = 1 + (int32_t)t_random_below(r, COLS);
    const int32_t head = (int32_t)t_random_below(r, 2);
    bool taken[ROWS][COLS] = {{false}};
    t_table(t, rows, cols);
    for (int32_t row = 0; row < rows; row++)
        for (int32_t col = 0; col < cols; col++) {
            int32_t h = 1, w = 1;
            if (taken[row][col] || (!r->markup && chance(r, 10)))
                continue;
            while (chance(r, 15) && col + w < cols && !taken[row][col + w])
                w++;
            while (chance(r, 10) && row + h < rows && row >= head && w == 1)
                h++;
            for (int32_t y = row; y < row + h; y++)
                for (int32_t x = col; x < col + w; x++)
                    taken[y][x] = true;
            t_cell(t, row, col, h, w,
                   row < head                  ? DP_COLUMN_HEADER
                   : col == 0 && chance(r, 30) ? DP_ROW_HEADER
                                               : DP_NOT_HEADER,
                   chance(r, 10) ? "" : text(r, t, 4, false));
            if (t->ok && chance(r, 30)) {
                t->page->cells[t->page->n_cells - 1].bbox = box(r, t);
                t->page->cells[t->page->n_cells - 1].confidence = confidence(r);
            }
        }
}

static void table(struct t_random *r, struct t_page *t, enum dp_block_type type)
{
    const int32_t i = add(r, t, type, "");
    if (type == DP_CHART) {
        t->page->blocks[i].chart_kind = chance(r, 50) ? "bar" : NULL;
        if (chance(r, 20))
            return;
    }
    grid(r, t);
    if (t->ok && chance(r, 20) && type == DP_TABLE)
        t->page->tables[t->page->n_tables - 1].caption = text(r, t, 6, false);
    t->page->blocks[i].text = table_text(t);
}

static struct dp_rect around(struct dp_rect a, struct dp_rect b)
{
    return (struct dp_rect){a.x0 < b.x0 ? a.x0 : b.x0, a.y0 < b.y0 ? a.y0 : b.y0, a.x1 > b.x1 ? a.x1 : b.x1,
                            a.y1 > b.y1 ? a.y1 : b.y1};
}

/* A list as the reader of markup makes it: its box is that of its items. */
static void add_list(struct t_random *r, struct t_page *t, int32_t parent, int depth)
{
    const int32_t list = add(r, t, DP_LIST, "");
    const uint32_t n = 1 + t_random_below(r, 4);
    const bool ordered = chance(r, 50);
    t->page->blocks[list].parent = parent;
    t->page->blocks[list].level = depth;
    for (uint32_t k = 0; k < n && t->ok; k++) {
        const int32_t item = add(r, t, DP_LIST_ITEM, text(r, t, 8, false));
        const char digits[3] = {(char)('1' + k), '.', '\0'};
        t->page->blocks[item].parent = list;
        t->page->blocks[item].level = depth;
        t->page->blocks[item].marker = ordered ? t_text(t, digits) : chance(r, 10) ? "(iv)" : "•";
        if (depth < DEPTH_MAX && chance(r, 15)) {
            add_list(r, t, item, depth + 1);
            if (t->ok) /* an item reaches around what stands in it */
                t->page->blocks[item].bbox = around(t->page->blocks[item].bbox, t->page->blocks[item + 1].bbox);
        }
        if (r->markup)
            t->page->blocks[list].bbox =
                k == 0 ? t->page->blocks[item].bbox : around(t->page->blocks[list].bbox, t->page->blocks[item].bbox);
    }
}

static void formula(struct t_random *r, struct t_page *t)
{
    static const char *const latex[] = {"a^2+b^2=c^2",
                                        "\\frac{x}{y}",
                                        "\\sum_{i=1}^{n} x_i",
                                        "a < b \\& c > d",
                                        "\\begin{matrix} a & b \\\\ c & d \\end{matrix}",
                                        "\\nosuch{x}",
                                        "\\left( \\frac{1}{2} \\right)"};
    const char *source = latex[t_random_below(r, COUNT(latex))];
    const int32_t i = add(r, t, DP_FORMULA, source);
    t->page->blocks[i].latex = source;
    t->page->blocks[i].display = r->markup || chance(r, 70);
}

static void code(struct t_random *r, struct t_page *t)
{
    const char *content = text(r, t, 20, true);
    if (r->markup && strncmp(content, "```", 3) == 0)
        content = "x"; /* a fence around code is the model's, and the reader takes it off */
    const int32_t i = add(r, t, DP_CODE, content);
    t->page->blocks[i].language = chance(r, 50) ? "c" : NULL;
}

static void caption(struct t_random *r, struct t_page *t)
{
    const int32_t target = t->page->n_blocks > 0 ? (int32_t)t_random_below(r, (uint32_t)t->page->n_blocks) : DP_NONE;
    const int32_t i = add(r, t, DP_CAPTION, text(r, t, 10, false));
    if (target == DP_NONE && r->markup)
        t->page->blocks[i].type = DP_OTHER; /* the reader of markup looks for a block nearby */
    else if (target != DP_NONE && (r->markup || chance(r, 70)))
        t->page->blocks[i].caption_of = target;
}

/* Up to four stretches of the last block's text. */
static void add_spans(struct t_random *r, struct t_page *t)
{
    static const char *const latex[] = {"x_{1}", "a<b", "\\frac{1}{2}", "\\nosuch{|}", "$", "{", "n^{2}"};
    struct dp_page *p = t->page;
    const struct dp_block *b = &p->blocks[p->n_blocks - 1];
    const size_t len = strlen(b->text);
    size_t at = 0;
    for (int k = 0; k < 4 && t->ok && p->n_spans < t->room; k++) {
        for (uint32_t skip = t_random_below(r, 12); skip > 0 && at < len; skip--)
            (void)b_utf8_next(b->text, len, &at);
        const size_t begin = at;
        for (uint32_t more = 1 + t_random_below(r, 9); more > 0 && at < len; more--)
            (void)b_utf8_next(b->text, len, &at);
        if (at == begin)
            return;
        const enum dp_span_kind kind = chance(r, 70) ? DP_SPAN_FORMULA : (enum dp_span_kind)t_random_below(r, DP_SPAN_KINDS);
        p->spans[p->n_spans++] = (struct dp_span){.block = p->n_blocks - 1,
                                                  .begin = (int32_t)begin,
                                                  .end = (int32_t)at,
                                                  .kind = kind,
                                                  .latex = kind == DP_SPAN_FORMULA ? latex[t_random_below(r, COUNT(latex))] : NULL,
                                                  .bbox = b->bbox,
                                                  .confidence = confidence(r)};
    }
}

static void block(struct t_random *r, struct t_page *t)
{
    const enum dp_block_type type = (enum dp_block_type)t_random_below(r, DP_BLOCK_TYPES);
    switch (type) {
    case DP_LIST:
    case DP_LIST_ITEM:
        add_list(r, t, DP_NONE, 0);
        return;
    case DP_TABLE:
    case DP_CHART:
        table(r, t, type);
        return;
    case DP_FORMULA:
        formula(r, t);
        return;
    case DP_CODE:
        code(r, t);
        return;
    case DP_CAPTION:
        caption(r, t);
        return;
    case DP_FIGURE:
        (void)add(r, t, type, chance(r, 50) ? "" : text(r, t, 5, false));
        return;
    default:
        (void)add(r, t, type, text(r, t, 40, !r->markup));
        break;
    }
    if (!r->markup && chance(r, 70)) {
        const int32_t first = t->page->n_words;
        t_lines(t, 1 + (int)t_random_below(r, 4));
        for (int32_t i = first; i < t->page->n_words; i++)
            t->page->words[i].style = chance(r, 20) ? t_random_below(r, 32) : 0;
    }
    if (r->spans && chance(r, 50))
        add_spans(r, t);
    struct dp_block *b = &t->page->blocks[t->page->n_blocks - 1];
    if (!r->markup && chance(r, 5) && t->page->n_blocks > 1) {
        int depth = 0;
        const int32_t parent = (int32_t)t_random_below(r, (uint32_t)(t->page->n_blocks - 1));
        for (int32_t p = parent; p != DP_NONE; p = t->page->blocks[p].parent)
            depth++;
        if (depth < DEPTH_MAX)
            b->parent = parent;
    }
}

static void loose_line(struct t_random *r, struct t_page *t)
{
    struct dp_page *p = t->page;
    const struct dp_rect b = box(r, t);
    p->lines[p->n_lines++] = (struct dp_line){.bbox = b,
                                              .quad = {{b.x0, b.y0}, {b.x1, b.y0}, {b.x1, b.y1}, {b.x0, b.y1}},
                                              .text = text(r, t, 5, false),
                                              .confidence = confidence(r),
                                              .block = DP_NONE,
                                              .first_word = p->n_words};
}

static bool page(struct t_random *r, int32_t number, struct dp_page **out)
{
    struct t_page t;
    const int32_t width = 100 + (int32_t)t_random_below(r, 700), height = 100 + (int32_t)t_random_below(r, 700);
    const bool begun =
        t_page_begin(&t, number, width, height, chance(r, 10) ? 0.0 : 72.0 + (double)t_random_below(r, 300));
    *out = t.page;
    if (!begun)
        return false;
    const uint32_t n = t_random_below(r, 20);
    for (uint32_t i = 0; i < n && t.ok; i++)
        block(r, &t);
    if (!r->markup && t.ok && chance(r, 20))
        loose_line(r, &t);
    if (!r->markup && chance(r, 10))
        dp_page_warn(t.page, "a warning with a sign: %s", signs[t_random_below(r, COUNT(signs))]);
    if (!r->markup && chance(r, 5)) {
        t.page->status = DP_STATUS_PARTIAL;
        (void)b_fail(&t.page->error, B_LIMIT, "test", "a page with an error: %s",
                     signs[t_random_below(r, COUNT(signs))]);
    }
    return t.ok;
}

bool t_random_document(struct t_random *random, int32_t pages, struct dp_document *out)
{
    static const char *const names[] = {"a.pdf", "scan 1 (2).tif", "<b>&\".png", "日本語.pdf", "=cmd.jpg", NULL};
    *out = (struct dp_document){.info = {.source_name = names[t_random_below(random, COUNT(names) - 1)],
                                         .media_type = "application/pdf",
                                         .page_count = pages,
                                         .model_name = "compact",
                                         .title = names[t_random_below(random, COUNT(names))]}};
    for (char *sha = out->info.source_sha256; sha < out->info.source_sha256 + 64; sha++)
        *sha = "0123456789abcdef"[t_random_below(random, 16)];
    memcpy(out->info.model_sha256, out->info.source_sha256, sizeof out->info.model_sha256);
    memcpy(out->info.options_sha256, out->info.source_sha256, sizeof out->info.options_sha256);
    out->pages = calloc((size_t)pages + 1, sizeof *out->pages);
    if (!out->pages)
        return false;
    for (int32_t i = 0; i < pages; i++) {
        const bool ok = page(random, i + 1, &out->pages[i]);
        out->n_pages += out->pages[i] != NULL;
        if (!ok)
            return false;
    }
    return true;
}
