/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tree of LaTeX as plain text. */
#include "service/bench/latex_text.h"

#include <string.h>

#include <utf8proc.h>

#include "engine/base/utf8.h"

#include "service/bench/latex_private.h"

struct writer {
    struct bm_mem *mem;
    bool gave_up;
    int in_maths; /* inside a formula all space of the source is kept; outside, only some */
};

static void put_list(struct writer *w, const struct bm_latex_list *list, struct bm_out *out);
static void put_node(struct writer *w, const struct bm_latex *node, struct bm_out *out);

static struct bm_str text_of_list(struct writer *w, const struct bm_latex_list *list)
{
    struct bm_out out = bm_out_on(w->mem);
    put_list(w, list, &out);
    return bm_taken(&out);
}

static struct bm_str text_of_maths(struct writer *w, const struct bm_latex *node)
{
    w->in_maths++;
    struct bm_str text = bm_strip(text_of_list(w, &node->inner));
    w->in_maths--;
    return text;
}

/* An argument's text: the inside of a group, or the single node. */
static struct bm_str text_of_arg(struct writer *w, const struct bm_latex *node, int i)
{
    struct bm_out out = bm_out_on(w->mem);
    if (i < node->n_args && node->args[i]) {
        if (node->args[i]->kind == BM_LATEX_GROUP)
            put_list(w, &node->args[i]->inner, &out);
        else
            put_node(w, node->args[i], &out);
    }
    return bm_taken(&out);
}

static void put_indented(struct bm_str text, struct bm_out *out)
{
    bm_puts(out, "\n    ");
    for (size_t i = 0; i < text.n; i++) {
        bm_putc(out, text.cp[i]);
        if (text.cp[i] == '\n')
            bm_puts(out, "    ");
    }
    bm_putc(out, '\n');
}

/* Accents: macro name and combining character. */
static const struct accent {
    const char *name;
    uint32_t mark;
} accents[] = {
    {"'", 0x301},     {"`", 0x300},     {"\"", 0x308},    {"c", 0x327},     {"^", 0x302},     {"~", 0x303},
    {"H", 0x30b},     {"k", 0x328},     {"=", 0x304},     {"b", 0x331},     {".", 0x307},     {"d", 0x323},
    {"r", 0x30a},     {"u", 0x306},     {"v", 0x30c},     {"vec", 0x20d7},  {"dot", 0x307},   {"hat", 0x302},
    {"check", 0x30c}, {"breve", 0x306}, {"acute", 0x301}, {"grave", 0x300}, {"tilde", 0x303}, {"bar", 0x305},
    {"ddot", 0x308},  {"not", 0x338},
};

static void put_accented(struct writer *w, const struct bm_latex *node, uint32_t mark, struct bm_out *out)
{
    static const uint32_t blank[] = {' '};
    struct bm_str base = {blank, 1};
    if (node->n_args && node->args[0])
        base = bm_strip(text_of_arg(w, node, 0));
    for (size_t i = 0; i < base.n; i++) {
        uint32_t c = base.cp[i] == 0x131 ? 'i' : base.cp[i] == 0x237 ? 'j' : base.cp[i];
        uint32_t pair[2] = {c, mark};
        bm_put(out, bm_nfc(w->mem, (struct bm_str){pair, 2}));
    }
}

/* Alphabets of mathematics (Unicode block 1D400): upper and lower start, and the letters that were there
 * before the block was made. */
static const struct alphabet {
    const char *name;
    uint32_t upper, lower;
    const char *odd;    /* letters that stand elsewhere... */
    uint32_t where[12]; /* ...and where */
} alphabets[] = {
    {"mathbf", 0x1d400, 0x1d41a, "", {0}},
    {"mathit", 0x1d434, 0x1d44e, "h", {0x210e}},
    {"mathsf", 0x1d5a0, 0x1d5ba, "", {0}},
    {"mathtt", 0x1d670, 0x1d68a, "", {0}},
    {"mathbb", 0x1d538, 0x1d552, "CHNPQRZ", {0x2102, 0x210d, 0x2115, 0x2119, 0x211a, 0x211d, 0x2124}},
    {"mathcal",
     0x1d49c,
     0x1d4b6,
     "BEFHILMRego",
     {0x212c, 0x2130, 0x2131, 0x210b, 0x2110, 0x2112, 0x2133, 0x211b, 0x212f, 0x210a, 0x2134}},
    {"mathscr",
     0x1d49c,
     0x1d4b6,
     "BEFHILMRego",
     {0x212c, 0x2130, 0x2131, 0x210b, 0x2110, 0x2112, 0x2133, 0x211b, 0x212f, 0x210a, 0x2134}},
    {"mathfrak", 0x1d504, 0x1d51e, "CHIRZ", {0x212d, 0x210c, 0x2111, 0x211c, 0x2128}},
};

static void put_styled(const struct alphabet *a, struct bm_str text, struct bm_out *out)
{
    for (size_t i = 0; i < text.n; i++) {
        uint32_t c = text.cp[i];
        const char *odd = c && c < 128 ? strchr(a->odd, (int)c) : NULL;
        if (odd)
            c = a->where[odd - a->odd];
        else if (c >= 'A' && c <= 'Z')
            c = a->upper + c - 'A';
        else if (c >= 'a' && c <= 'z')
            c = a->lower + c - 'a';
        bm_putc(out, c);
    }
}

/* A template with %s (the arguments in turn) or %1..%6. Too few arguments leave it as it is. */
static void put_template(struct writer *w, const struct bm_latex *node, const char *form, struct bm_out *out)
{
    int wanted = 0, at = 0;
    for (const char *p = form; *p; p++)
        if (*p == '%')
            wanted = p[1] == 's' ? wanted + 1 : p[1] - '0';
    bool numbered = strstr(form, "%s") == NULL;
    bool whole = wanted == 0 || (numbered ? wanted <= node->n_args : wanted == node->n_args);
    size_t len = strlen(form), pos = 0;
    if (numbered && !whole)
        w->gave_up = true;
    while (pos < len) {
        if (whole && form[pos] == '%') {
            bm_put(out, text_of_arg(w, node, numbered ? form[pos + 1] - '1' : at++));
            pos += 2;
        } else {
            bm_putc(out, b_utf8_next(form, len, &pos));
        }
    }
}

static void put_heading(struct writer *w, const struct bm_latex *node, const char *mark, bool upper, struct bm_out *out)
{
    struct bm_str title = text_of_arg(w, node, 2);
    bm_put(out, bm_from(w->mem, mark));
    for (size_t i = 0; i < title.n; i++)
        bm_putc(out, upper ? (uint32_t)utf8proc_toupper((utf8proc_int32_t)title.cp[i]) : title.cp[i]);
    bm_putc(out, '\n');
}

static bool put_special_macro(struct writer *w, const struct bm_latex *node, struct bm_out *out)
{
    static const char *const plain[] = {"emph", "textrm", "textit", "textbf", "textsc", "textsl", "text", "mathrm"};
    for (size_t i = 0; i < sizeof accents / sizeof accents[0]; i++)
        if (bm_is(node->text, accents[i].name)) {
            put_accented(w, node, accents[i].mark, out);
            return true;
        }
    for (size_t i = 0; i < sizeof alphabets / sizeof alphabets[0]; i++)
        if (bm_is(node->text, alphabets[i].name)) {
            put_styled(&alphabets[i], text_of_arg(w, node, 0), out);
            return true;
        }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (bm_is(node->text, plain[i])) {
            bm_put(out, text_of_arg(w, node, 0));
            return true;
        }
    if (bm_is(node->text, "section"))
        put_heading(w, node, "\n\n\xc2\xa7 ", true, out);
    else if (bm_is(node->text, "subsection"))
        put_heading(w, node, "\n\n \xc2\xa7.\xc2\xa7 ", false, out);
    else if (bm_is(node->text, "subsubsection"))
        put_heading(w, node, "\n\n  \xc2\xa7.\xc2\xa7.\xc2\xa7 ", false, out);
    else if (bm_is(node->text, "chapter"))
        put_heading(w, node, "\n\nCHAPTER: ", true, out);
    else if (bm_is(node->text, "texorpdfstring"))
        bm_put(out, text_of_arg(w, node, 1));
    else if (bm_is(node->text, "item")) {
        bm_puts(out, "\n  ");
        if (node->n_args && node->args[0])
            bm_put(out, text_of_arg(w, node, 0));
        else
            bm_puts(out, "* ");
    } else if (bm_is(node->text, "includegraphics")) {
        put_indented(bm_from(w->mem, "< g r a p h i c s >"), out);
    } else if (bm_is(node->text, "href")) {
        w->gave_up = true;
    } else {
        return false;
    }
    return true;
}

static void put_macro(struct writer *w, const struct bm_latex *node, struct bm_out *out)
{
    char room[64];
    if (put_special_macro(w, node, out))
        return;
    const char *form = bm_latex_macro_text(node->text, room);
    if (form)
        put_template(w, node, form, out);
}

/* Rows of a matrix: cells padded on the left to the widest, rows separated by semicolons. */
struct matrix {
    struct bm_str *cells;
    size_t *row_of;
    size_t n, rows, widest;
};

static void end_cell(struct writer *w, struct bm_latex_list *pending, struct matrix *m)
{
    if (pending->first) {
        struct bm_str cell = bm_strip(text_of_list(w, pending));
        m->cells[m->n] = cell;
        m->row_of[m->n++] = m->rows;
        if (cell.n > m->widest)
            m->widest = cell.n;
    }
    *pending = (struct bm_latex_list){NULL, NULL};
}

static void put_matrix(struct writer *w, const struct bm_latex *env, struct bm_out *out)
{
    size_t count = 1;
    for (const struct bm_latex *n = env->inner.first; n; n = n->next)
        count++;
    struct matrix m = {BM_ARRAY(w->mem, count, struct bm_str), BM_ARRAY(w->mem, count, size_t), 0, 0, 0};
    struct bm_latex_list pending = {NULL, NULL};
    if (w->mem->failed)
        return;
    for (const struct bm_latex *n = env->inner.first; n; n = n->next) {
        bool column = n->kind == BM_LATEX_SPECIAL && bm_is(n->text, "&");
        bool row = n->kind == BM_LATEX_MACRO && bm_is(n->text, "\\");
        if (column || row) {
            end_cell(w, &pending, &m);
            m.rows += row;
            continue;
        }
        struct bm_latex *copy = BM_ARRAY(w->mem, 1, struct bm_latex);
        if (!copy)
            return;
        *copy = *n;
        copy->next = NULL;
        if (pending.last)
            pending.last->next = copy;
        else
            pending.first = copy;
        pending.last = copy;
    }
    end_cell(w, &pending, &m);
    if (m.n == 0) {
        w->gave_up = true;
        return;
    }
    bm_puts(out, "[ ");
    size_t row = 0;
    for (size_t i = 0; i < m.n; i++) {
        bool first = i == 0;
        for (; row < m.row_of[i]; row++) {
            bm_puts(out, "; ");
            first = true;
        }
        if (!first)
            bm_putc(out, ' ');
        for (size_t pad = m.cells[i].n; pad < m.widest; pad++)
            bm_putc(out, ' ');
        bm_put(out, m.cells[i]);
    }
    for (; row < m.rows; row++)
        bm_puts(out, "; ");
    bm_puts(out, " ]");
}

static void put_environment(struct writer *w, const struct bm_latex *node, struct bm_out *out)
{
    static const char *const matrices[] = {"array",       "pmatrix",      "bmatrix",
                                           "smallmatrix", "psmallmatrix", "bsmallmatrix"};
    static const char *const displays[] = {"equation", "equation*", "eqnarray",  "eqnarray*", "align", "multline",
                                           "gather",   "align*",    "multline*", "gather*",   "dmath", "dmath*"};
    static const char *const blocks[] = {"center", "flushleft", "flushright"};
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++)
        if (bm_is(node->text, matrices[i])) {
            put_matrix(w, node, out);
            return;
        }
    for (size_t i = 0; i < sizeof displays / sizeof displays[0]; i++)
        if (bm_is(node->text, displays[i])) {
            put_indented(text_of_maths(w, node), out);
            return;
        }
    bool block = false;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        block = block || bm_is(node->text, blocks[i]);
    if (block)
        bm_putc(out, '\n');
    put_list(w, &node->inner, out);
    if (block)
        bm_putc(out, '\n');
}

static void put_specials(struct bm_str text, struct bm_out *out)
{
    static const struct {
        const char *from;
        uint32_t to;
    } marks[] = {{"~", 0xa0},     {"``", 0x201c}, {"''", 0x201d}, {"--", 0x2013},
                 {"---", 0x2014}, {"!`", 0xa1},   {"?`", 0xbf}};
    if (bm_is(text, "&"))
        bm_puts(out, "   ");
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (bm_is(text, marks[i].from))
            bm_putc(out, marks[i].to);
}

static void put_node(struct writer *w, const struct bm_latex *node, struct bm_out *out)
{
    struct bm_str text;
    switch (node->kind) {
    case BM_LATEX_CHARS:
        if (!w->in_maths || bm_strip(node->text).n)
            bm_put(out, node->text);
        break;
    case BM_LATEX_COMMENT:
        bm_put(out, node->post_space);
        break;
    case BM_LATEX_GROUP:
        put_list(w, &node->inner, out);
        break;
    case BM_LATEX_MACRO:
        put_macro(w, node, out);
        break;
    case BM_LATEX_ENV:
        put_environment(w, node, out);
        break;
    case BM_LATEX_SPECIAL:
        put_specials(node->text, out);
        break;
    case BM_LATEX_MATH:
        text = text_of_maths(w, node);
        if (node->display)
            put_indented(text, out);
        else
            bm_put(out, text);
        break;
    }
}

static void put_list(struct writer *w, const struct bm_latex_list *list, struct bm_out *out)
{
    const struct bm_latex *before = NULL;
    for (const struct bm_latex *n = list->first; n; n = n->next) {
        if (w->in_maths && before && before->kind == BM_LATEX_MACRO && before->bare && n->kind == BM_LATEX_CHARS)
            bm_put(out, before->post_space);
        put_node(w, n, out);
        before = n;
    }
}

bool bm_latex_text(struct bm_mem *mem, struct bm_str latex, struct bm_str *out)
{
    struct writer w = {mem, false, 0};
    struct bm_latex_list list;
    if (!bm_latex_parse(mem, latex, &list))
        return false;
    struct bm_str text = text_of_list(&w, &list);
    if (w.gave_up || mem->failed)
        return false;
    *out = text;
    return true;
}
