/* SPDX-License-Identifier: Apache-2.0 */
/* Environments of formulas as tables, and text inside of formulas. */
#include <string.h>

#include "output/escape.h"
#include "output/mathml_commands.h"

#define COLUMNS_MAX 64 /* of an array's column letters that are looked at */

enum layout {
    LAYOUT_CENTRE, /* matrices */
    LAYOUT_LEFT,   /* cases */
    LAYOUT_PAIRS,  /* aligned: right, left, right, left */
    LAYOUT_THREE,  /* eqnarray: right, centre, left */
    LAYOUT_GIVEN   /* array: as its letters say */
};

struct environment {
    char name[14];
    uint16_t layout;
    bool display; /* cells in display style */
    const char *open, *close;
};

static const struct environment environments[] = {
    {"matrix", LAYOUT_CENTRE, false, "", ""},
    {"smallmatrix", LAYOUT_CENTRE, false, "", ""},
    {"pmatrix", LAYOUT_CENTRE, false, "(", ")"},
    {"bmatrix", LAYOUT_CENTRE, false, "[", "]"},
    {"Bmatrix", LAYOUT_CENTRE, false, "{", "}"},
    {"vmatrix", LAYOUT_CENTRE, false, "|", "|"},
    {"Vmatrix", LAYOUT_CENTRE, false, "\xE2\x80\x96", "\xE2\x80\x96"},
    {"cases", LAYOUT_LEFT, false, "{", ""},
    {"dcases", LAYOUT_LEFT, true, "{", ""},
    {"rcases", LAYOUT_LEFT, false, "", "}"},
    {"aligned", LAYOUT_PAIRS, true, "", ""},
    {"align", LAYOUT_PAIRS, true, "", ""},
    {"alignedat", LAYOUT_PAIRS, true, "", ""},
    {"alignat", LAYOUT_PAIRS, true, "", ""},
    {"flalign", LAYOUT_PAIRS, true, "", ""},
    {"split", LAYOUT_PAIRS, true, "", ""},
    {"eqnarray", LAYOUT_THREE, true, "", ""},
    {"gathered", LAYOUT_CENTRE, true, "", ""},
    {"gather", LAYOUT_CENTRE, true, "", ""},
    {"multline", LAYOUT_CENTRE, true, "", ""},
    {"equation", LAYOUT_CENTRE, true, "", ""},
    {"displaymath", LAYOUT_CENTRE, true, "", ""},
    {"subarray", LAYOUT_GIVEN, false, "", ""},
    {"array", LAYOUT_GIVEN, false, "", ""},
    {"tabular", LAYOUT_GIVEN, false, "", ""},
};

static const struct environment *find(const char *name, size_t len)
{
    if (len > 0 && name[len - 1] == '*')
        len--;
    for (size_t i = 0; i < sizeof environments / sizeof environments[0]; i++)
        if (strlen(environments[i].name) == len && memcmp(environments[i].name, name, len) == 0)
            return &environments[i];
    return NULL;
}

static void delimiter(struct b_buf *buf, const char *sign, const char *form)
{
    if (*sign)
        b_buf_printf(buf, "<mo form=\"%s\" stretchy=\"true\">%s</mo>", form, sign);
}

static const char *cell_style(enum layout layout, int column, const char *given)
{
    static const char *const left = " style=\"text-align:left\"", *const right = " style=\"text-align:right\"";
    switch (layout) {
    case LAYOUT_LEFT:
        return left;
    case LAYOUT_PAIRS:
        return column % 2 == 0 ? " style=\"text-align:right;padding-inline:0\""
                               : " style=\"text-align:left;padding-inline:0\"";
    case LAYOUT_THREE:
        return column == 0 ? right : column == 2 ? left : "";
    case LAYOUT_GIVEN:
        return column >= COLUMNS_MAX || given[column] == '\0' ? ""
               : given[column] == 'l'                         ? left
               : given[column] == 'r'                         ? right
                                                              : "";
    default:
        return "";
    }
}

/* The l, c and r of "{l|cr@{..}}". */
static void column_letters(struct math *m, char letters[COLUMNS_MAX + 1])
{
    const char *text;
    size_t len;
    int n = 0;
    if (!math_raw_argument(m, &text, &len))
        return;
    for (size_t i = 0; i < len && n < COLUMNS_MAX; i++)
        if (text[i] == 'l' || text[i] == 'c' || text[i] == 'r')
            letters[n++] = text[i];
    letters[n] = '\0';
}

/* "\\[2ex]" and "\cr": the row's end with its optional distance. */
static void row_end(struct math *m)
{
    m->pos += math_command(m, m->pos) + 1;
    const size_t back = m->pos;
    math_blanks(m);
    if (!math_take(m, "[")) {
        m->pos = back;
        return;
    }
    size_t i = m->pos;
    while (i < m->len && i - m->pos < 16 &&
           (strchr("0123456789. -", m->text[i]) || (m->text[i] >= 'a' && m->text[i] <= 'z')))
        i++;
    if (i < m->len && m->text[i] == ']')
        m->pos = i + 1;
    else
        m->pos = back; /* a bracket of the formula */
}

/* Rows of cells up to whatever ends them; a last row without anything in it is none. */
static enum math_end rows(struct math *m, enum layout layout, const char *letters)
{
    enum math_end end = MATH_END_ROW;
    while (end == MATH_END_ROW && !m->bad) {
        const size_t at = m->buf->len;
        size_t written = 0;
        int column = 0;
        b_buf_puts(m->buf, "<mtr>");
        do {
            b_buf_printf(m->buf, "<mtd%s>", cell_style(layout, column, letters));
            const size_t cell = m->buf->len;
            end = math_row(m, false);
            written += m->buf->len - cell;
            b_buf_puts(m->buf, "</mtd>");
            column++;
            if (end == MATH_END_CELL)
                m->pos++;
        } while (end == MATH_END_CELL && !m->bad);
        b_buf_puts(m->buf, "</mtr>");
        if (end == MATH_END_ROW)
            row_end(m);
        else if (written == 0 && column == 1)
            m->buf->len = at;
    }
    return end;
}

void math_environment(struct math *m)
{
    const char *name, *closing;
    size_t len, closing_len;
    char letters[COLUMNS_MAX + 1] = "";
    if (!math_raw_argument(m, &name, &len))
        return;
    const struct environment *e = find(name, len);
    if (!e) {
        math_fail(m);
        return;
    }
    math_blanks(m);
    if (m->pos < m->len && m->text[m->pos] == '[') { /* [t], [b], [c]: place against the line */
        const char *end = memchr(m->text + m->pos, ']', m->len - m->pos);
        if (end && end - (m->text + m->pos) <= 2)
            m->pos = (size_t)(end - m->text) + 1;
    }
    if (e->layout == LAYOUT_GIVEN || strstr(e->name, "alignat") || strstr(e->name, "alignedat"))
        column_letters(m, letters);
    b_buf_puts(m->buf, "<mrow>");
    delimiter(m->buf, e->open, "prefix");
    b_buf_puts(m->buf, e->display ? "<mtable displaystyle=\"true\">" : "<mtable>");
    if (rows(m, (enum layout)e->layout, letters) != MATH_END_ENV) {
        math_fail(m);
        return;
    }
    b_buf_puts(m->buf, "</mtable>");
    delimiter(m->buf, e->close, "postfix");
    b_buf_puts(m->buf, "</mrow>");
    m->pos += sizeof "\\end" - 1;
    if (!math_raw_argument(m, &closing, &closing_len) || closing_len != len || memcmp(closing, name, len) != 0)
        math_fail(m);
}

void math_substack(struct math *m)
{
    math_blanks(m);
    if (!math_take(m, "{")) {
        math_fail(m);
        return;
    }
    b_buf_puts(m->buf, "<mtable>");
    if (rows(m, LAYOUT_CENTRE, "") != MATH_END_BRACE) {
        math_fail(m);
        return;
    }
    m->pos++;
    b_buf_puts(m->buf, "</mtable>");
}

enum math_end math_bare_lines(struct math *m)
{
    b_buf_puts(m->buf, "<mtable displaystyle=\"true\">");
    const enum math_end end = rows(m, LAYOUT_PAIRS, "");
    b_buf_puts(m->buf, "</mtable>");
    return end;
}

/* Text without its commands; unknown ones end the translation. */
static void plain(struct math *m, const char *text, size_t len)
{
    for (size_t i = 0; i < len && !m->bad;) {
        const char c = text[i];
        if (c == '\\') {
            if (i + 1 < len && strchr("%$#&_{} ,;", text[i + 1])) {
                if (strchr(" ,;", text[i + 1]))
                    b_buf_puts(m->buf, "\xC2\xA0");
                else
                    out_xml_textn(m->buf, text + i + 1, 1);
                i += 2;
            } else {
                math_fail(m);
            }
        } else if (c == '{' || c == '}') {
            i++;
        } else if (c == '~' || c == ' ' || c == '\n') {
            b_buf_puts(m->buf, "\xC2\xA0"); /* blanks at the ends of <mtext> would be lost */
            i++;
        } else {
            const size_t at = i;
            (void)out_next(text, len, &i);
            out_xml_textn(m->buf, text + at, i - at);
        }
    }
}

static size_t dollar(const char *text, size_t len, size_t from)
{
    for (size_t i = from; i < len; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '$')
            return i;
    }
    return len;
}

void math_text(struct math *m, const char *style)
{
    const char *text;
    size_t len;
    if (!math_raw_argument(m, &text, &len))
        return;
    b_buf_puts(m->buf, "<mrow>");
    for (size_t i = 0; !m->bad;) {
        const size_t open = dollar(text, len, i);
        b_buf_printf(m->buf, "<mtext%s>", style);
        plain(m, text + i, open - i);
        b_buf_puts(m->buf, "</mtext>");
        if (open >= len)
            break;
        const size_t close = dollar(text, len, open + 1);
        struct math inner = {.text = text + open + 1, .len = close - open - 1, .buf = m->buf, .depth = m->depth + 1};
        if (close >= len || math_row(&inner, false) != MATH_END_TEXT || inner.bad)
            math_fail(m);
        i = close + 1;
    }
    b_buf_puts(m->buf, "</mrow>");
}
