/* SPDX-License-Identifier: Apache-2.0 */
/* LaTeX to MathML in one pass: rows of atoms, each with its scripts. A sign that turns out to be the base of
 * something gets its tag in front of it afterwards. Nesting is bounded, so the insertions stay linear in
 * the text; anything unknown ends the whole translation, never with half a formula. */
#include "output/mathml.h"

#include <string.h>

#include "engine/base/utf8.h"
#include "output/escape.h"
#include "output/mathml_commands.h"

void math_fail(struct math *m)
{
    m->bad = true;
    m->pos = m->len;
}

void math_blanks(struct math *m)
{
    while (m->pos < m->len && strchr(" \t\n", m->text[m->pos]))
        m->pos++;
}

bool math_take(struct math *m, const char *sign)
{
    const size_t n = strlen(sign);
    if (m->len - m->pos < n || memcmp(m->text + m->pos, sign, n) != 0)
        return false;
    m->pos += n;
    return true;
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t math_command(const struct math *m, size_t pos)
{
    size_t n = 0;
    if (pos >= m->len || m->text[pos] != '\\')
        return 0;
    while (pos + 1 + n < m->len && letter(m->text[pos + 1 + n]))
        n++;
    if (n > 0 || pos + 1 >= m->len)
        return n;
    size_t end = pos + 1; /* a sign: one character, however many bytes */
    (void)b_utf8_next(m->text, m->len, &end);
    return end - pos - 1;
}

static bool command_is(const struct math *m, const char *name)
{
    const size_t n = math_command(m, m->pos);
    return n == strlen(name) && memcmp(m->text + m->pos + 1, name, n) == 0;
}

static void insert(struct b_buf *buf, size_t at, const char *text)
{
    const size_t n = strlen(text), tail = buf->len - at;
    b_buf_puts(buf, text);
    if (buf->failed != B_OK)
        return;
    memmove(buf->data + at + n, buf->data + at, tail);
    memcpy(buf->data + at, text, n);
}

static bool ends(struct math *m, bool bracket, enum math_end *end)
{
    math_blanks(m);
    if (m->pos >= m->len)
        *end = MATH_END_TEXT;
    else if (m->text[m->pos] == '}')
        *end = MATH_END_BRACE;
    else if (m->text[m->pos] == '&')
        *end = MATH_END_CELL;
    else if (bracket && m->text[m->pos] == ']')
        *end = MATH_END_BRACKET;
    else if (command_is(m, "\\") || command_is(m, "cr") || command_is(m, "newline"))
        *end = MATH_END_ROW;
    else if (command_is(m, "end"))
        *end = MATH_END_ENV;
    else if (command_is(m, "right"))
        *end = MATH_END_RIGHT;
    else
        return false;
    return true;
}

/* Number with its decimals as one element. */
static void number(struct math *m)
{
    b_buf_puts(m->buf, "<mn>");
    while (m->pos < m->len) {
        const char c = m->text[m->pos];
        if (!digit(c) && !(c == '.' && m->pos + 1 < m->len && digit(m->text[m->pos + 1])))
            break;
        out_put(m->buf, math_font_apply(m->font, (uint32_t)c));
        m->pos++;
    }
    b_buf_puts(m->buf, "</mn>");
}

/* A letter; in an upright font a whole word is one identifier. */
static void letters(struct math *m)
{
    const size_t first = m->pos;
    size_t n = 1;
    if (m->font != MATH_ITALIC)
        while (first + n < m->len && letter(m->text[first + n]))
            n++;
    b_buf_puts(m->buf, m->font == MATH_ROMAN && n == 1 ? "<mi mathvariant=\"normal\">" : "<mi>");
    for (size_t i = 0; i < n; i++)
        out_put(m->buf, math_font_apply(m->font, (uint32_t)(unsigned char)m->text[first + i]));
    b_buf_puts(m->buf, "</mi>");
    m->pos += n;
}

/* Text in another script inside of a formula, up to the next sign of LaTeX. */
static void foreign(struct math *m)
{
    b_buf_puts(m->buf, "<mtext>");
    while (m->pos < m->len) {
        size_t next = m->pos;
        const uint32_t cp = out_next(m->text, m->len, &next);
        if (cp < 0x80 || !b_cp_is_cjk(cp))
            break;
        out_put(m->buf, cp);
        m->pos = next;
    }
    b_buf_puts(m->buf, "</mtext>");
}

static void put_operator(struct b_buf *buf, uint32_t cp, bool fence)
{
    char sign[5] = {0};
    (void)b_utf8_put(cp, sign);
    b_buf_puts(buf, fence ? "<mo stretchy=\"false\">" : "<mo>");
    out_xml_text(buf, sign);
    b_buf_puts(buf, "</mo>");
}

/* A character that is no letter, digit, brace or command. */
static enum math_class sign(struct math *m)
{
    size_t next = m->pos;
    const uint32_t cp = out_next(m->text, m->len, &next);
    if (b_cp_is_cjk(cp) && cp >= 0x80) {
        foreign(m);
        return MATH_ORDINARY;
    }
    m->pos = next;
    if (cp == '$') {
        math_fail(m);
        return MATH_ORDINARY;
    }
    if (cp == '~') {
        math_put_space(m->buf, 250);
        return MATH_SPACE;
    }
    if (cp >= 0x80 && b_cp_is_letter(cp)) {
        char utf8[5] = {0};
        (void)b_utf8_put(math_font_apply(m->font, cp), utf8);
        b_buf_printf(m->buf, "<mi>%s</mi>", utf8);
        return MATH_ORDINARY;
    }
    if (cp == '|') { /* absolute values and conditions alike: no space of its own */
        b_buf_puts(m->buf, "<mo stretchy=\"false\" lspace=\"0\" rspace=\"0\">|</mo>");
        return MATH_OTHER;
    }
    if (cp < 0x80 && cp && strchr("()[]", (int)cp)) {
        put_operator(m->buf, cp, true);
        return cp == ')' || cp == ']' ? MATH_ORDINARY : MATH_OTHER;
    }
    put_operator(m->buf, cp == '-' ? 0x2212 : cp == '*' ? 0x2217 : cp, false);
    return MATH_OTHER;
}

/* "{...}" as one element. */
static void group(struct math *m)
{
    const size_t at = m->buf->len;
    m->pos++;
    const enum math_end end = math_row(m, false);
    if (end != MATH_END_BRACE) {
        math_fail(m);
        return;
    }
    m->pos++;
    if (m->items != 1) {
        insert(m->buf, at, "<mrow>");
        b_buf_puts(m->buf, "</mrow>");
    }
}

static enum math_class atom(struct math *m, enum math_limits *limits)
{
    const char c = m->text[m->pos];
    if (c == '\\')
        return math_command_atom(m, limits);
    if (c == '{')
        group(m);
    else if (c == '^' || c == '_' || c == '\'')
        b_buf_puts(m->buf, "<mrow></mrow>"); /* a script without a base */
    else if (digit(c) || (c == '.' && m->pos + 1 < m->len && digit(m->text[m->pos + 1])))
        number(m);
    else if (letter(c))
        letters(m);
    else
        return sign(m);
    return MATH_ORDINARY;
}

void math_argument(struct math *m)
{
    enum math_limits limits = MATH_NO_LIMITS;
    enum math_end end;
    if (ends(m, false, &end)) { /* an argument must be there */
        math_fail(m);
        return;
    }
    const size_t at = m->buf->len;
    if (m->text[m->pos] == '^' || m->text[m->pos] == '_' || ++m->depth > MATH_DEPTH_MAX) {
        math_fail(m);
        return;
    }
    if (m->text[m->pos] >= '0' && m->text[m->pos] <= '9') { /* \frac12 takes one digit */
        b_buf_puts(m->buf, "<mn>");
        out_put(m->buf, math_font_apply(m->font, (uint32_t)m->text[m->pos++]));
        b_buf_puts(m->buf, "</mn>");
    } else if (m->font != MATH_ITALIC && letter(m->text[m->pos])) {
        b_buf_puts(m->buf, "<mi mathvariant=\"normal\">");
        out_put(m->buf, math_font_apply(m->font, (uint32_t)(unsigned char)m->text[m->pos++]));
        b_buf_puts(m->buf, "</mi>");
    } else {
        (void)atom(m, &limits);
    }
    m->depth--;
    if (m->buf->len == at && !m->bad)
        b_buf_puts(m->buf, "<mrow></mrow>");
}

/* What stands above and below an atom. */
struct scripts {
    struct b_buf sub, sup;
    bool has_sub, has_sup;
    int primes;
};

static void script_argument(struct math *m, struct b_buf *into, bool *has)
{
    if (*has) { /* LaTeX refuses a second one, too */
        math_fail(m);
        return;
    }
    struct b_buf *out = m->buf;
    m->pos++;
    *has = true;
    m->buf = into;
    math_argument(m);
    m->buf = out;
}

static void read_scripts(struct math *m, struct scripts *s, enum math_limits *limits)
{
    for (;;) {
        math_blanks(m);
        if (m->pos >= m->len)
            return;
        const char c = m->text[m->pos];
        if (c == '\'') {
            s->primes++;
            m->pos++;
        } else if (c == '^') {
            script_argument(m, &s->sup, &s->has_sup);
        } else if (c == '_') {
            script_argument(m, &s->sub, &s->has_sub);
        } else if (command_is(m, "limits")) {
            *limits = MATH_ALWAYS;
            m->pos += sizeof "\\limits" - 1;
        } else if (command_is(m, "nolimits")) {
            *limits = MATH_NO_LIMITS;
            m->pos += sizeof "\\nolimits" - 1;
        } else if (command_is(m, "displaylimits")) {
            m->pos += sizeof "\\displaylimits" - 1;
        } else {
            return;
        }
    }
}

static void put_sup(struct b_buf *buf, const struct scripts *s)
{
    if (s->primes > 0 && s->has_sup)
        b_buf_puts(buf, "<mrow>");
    if (s->primes > 0) {
        b_buf_puts(buf, "<mo>");
        for (int i = 0; i < s->primes; i++)
            b_buf_puts(buf, "\xE2\x80\xB2");
        b_buf_puts(buf, "</mo>");
    }
    if (s->has_sup)
        b_buf_append(buf, s->sup.data, s->sup.len);
    if (s->primes > 0 && s->has_sup)
        b_buf_puts(buf, "</mrow>");
}

/* Scripts behind the element that was written at `at`. */
static void scripts(struct math *m, size_t at, enum math_limits limits)
{
    static const char *const tags[2][3] = {{"msub", "msup", "msubsup"}, {"munder", "mover", "munderover"}};
    struct scripts s = {.primes = 0};
    b_buf_init(&s.sub, m->buf->max);
    b_buf_init(&s.sup, m->buf->max);
    read_scripts(m, &s, &limits);
    const bool over = s.has_sup || s.primes > 0;
    if (!m->bad && (s.has_sub || over)) {
        const char *tag = tags[limits != MATH_NO_LIMITS][s.has_sub && over ? 2 : over];
        char open[16] = "<";
        const size_t n = strlen(tag);
        memcpy(open + 1, tag, n);
        open[n + 1] = '>';
        if (m->buf->len == at)
            b_buf_puts(m->buf, "<mrow></mrow>");
        insert(m->buf, at, open);
        if (s.has_sub)
            b_buf_append(m->buf, s.sub.data, s.sub.len);
        if (over)
            put_sup(m->buf, &s);
        b_buf_printf(m->buf, "</%s>", tag);
    }
    if (s.sub.failed != B_OK || s.sup.failed != B_OK)
        m->buf->failed = s.sub.failed != B_OK ? s.sub.failed : s.sup.failed;
    b_buf_free(&s.sub);
    b_buf_free(&s.sup);
}

struct row {
    size_t start;
    int items;              /* elements so far */
    int styles;             /* open <mstyle> */
    const char *infix;      /* tags that \over and its like wait with */
    enum math_class before; /* of the last element */
};

/* True when a thin space belongs between a function's name and what follows. */
static bool wants_space(struct math *m)
{
    math_blanks(m);
    if (m->pos >= m->len)
        return false;
    const char c = m->text[m->pos];
    if (letter(c) || digit(c) || c == '{')
        return true;
    const size_t n = math_command(m, m->pos);
    if (n == 0 || !letter(m->text[m->pos + 1]))
        return false;
    const struct math_symbol *s = math_symbol_find(m->text + m->pos + 1, n);
    if (s)
        return s->kind != MATH_OPERATOR && s->kind != MATH_FENCE;
    return !math_is_delimiter_command(m->text + m->pos + 1, n);
}

/* \over, \choose, \atop: what stands before them in the row is the upper part. */
static bool infix(struct math *m, struct row *row)
{
    static const struct {
        const char *name, *open, *close;
    } kinds[] = {{"over", "<mfrac><mrow>", "</mrow></mfrac>"},
                 {"atop", "<mfrac linethickness=\"0\"><mrow>", "</mrow></mfrac>"},
                 {"choose", "<mrow><mo>(</mo><mfrac linethickness=\"0\"><mrow>", "</mrow></mfrac><mo>)</mo></mrow>"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!command_is(m, kinds[i].name))
            continue;
        m->pos += strlen(kinds[i].name) + 1;
        if (row->infix || row->styles > 0) { /* a second one is an error in LaTeX as well */
            math_fail(m);
            return true;
        }
        row->infix = kinds[i].close;
        insert(m->buf, row->start, kinds[i].open);
        b_buf_puts(m->buf, "</mrow><mrow>");
        row->before = MATH_OTHER;
        return true;
    }
    return false;
}

/* Commands that change what follows in the row and write nothing themselves. */
static bool change(struct math *m, struct row *row)
{
    static const struct {
        const char *name, *tag;
    } styles[] = {{"displaystyle", "<mstyle displaystyle=\"true\" scriptlevel=\"0\">"},
                  {"textstyle", "<mstyle displaystyle=\"false\" scriptlevel=\"0\">"},
                  {"scriptstyle", "<mstyle displaystyle=\"false\" scriptlevel=\"1\">"},
                  {"scriptscriptstyle", "<mstyle displaystyle=\"false\" scriptlevel=\"2\">"}};
    const size_t n = math_command(m, m->pos);
    enum math_font font;
    bool is_switch = false;
    if (n == 0)
        return false;
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        if (command_is(m, styles[i].name)) {
            b_buf_puts(m->buf, styles[i].tag);
            row->styles++;
            m->pos += n + 1;
            return true;
        }
    if (math_font_find(m->text + m->pos + 1, n, &font, &is_switch) && is_switch) {
        m->font = font;
        m->pos += n + 1;
        return true;
    }
    return infix(m, row) || math_skip_command(m);
}

static void item(struct math *m, struct row *row)
{
    enum math_limits limits = MATH_NO_LIMITS;
    if (change(m, row))
        return;
    const size_t at = m->buf->len;
    const enum math_class class = atom(m, &limits);
    scripts(m, at, limits);
    if (m->bad)
        return;
    if (m->buf->len > at)
        row->items++;
    if (class == MATH_NAME) {
        if (row->before == MATH_ORDINARY)
            insert(m->buf, at, MATH_THIN_SPACE);
        if (wants_space(m))
            b_buf_puts(m->buf, MATH_THIN_SPACE);
        row->items++; /* perhaps with spaces: never a single element */
    }
    row->before = class;
}

enum math_end math_row(struct math *m, bool bracket)
{
    struct row row = {.start = m->buf->len, .before = MATH_OTHER};
    const enum math_font font = m->font;
    enum math_end end = MATH_END_TEXT;
    if (++m->depth > MATH_DEPTH_MAX)
        math_fail(m);
    while (!m->bad && !ends(m, bracket, &end))
        item(m, &row);
    for (int i = 0; i < row.styles; i++)
        b_buf_puts(m->buf, "</mstyle>");
    if (row.infix)
        b_buf_puts(m->buf, row.infix);
    m->items = row.infix ? 1 : row.styles > 0 ? 2 : row.items;
    m->font = font;
    m->depth--;
    return m->bad ? MATH_END_TEXT : end;
}

bool out_mathml(struct b_buf *buf, const char *latex, bool display)
{
    const size_t start = buf->len;
    struct math m = {.text = latex, .len = strlen(latex), .buf = buf};
    b_buf_puts(buf, "<math xmlns=\"http://www.w3.org/1998/Math/MathML\"");
    b_buf_puts(buf, display ? " display=\"block\"><semantics>" : "><semantics>");
    const size_t body = buf->len;
    enum math_end end = math_row(&m, false);
    if (!m.bad && (end == MATH_END_ROW || end == MATH_END_CELL)) { /* lines without an environment around them */
        buf->len = body;
        m = (struct math){.text = latex, .len = strlen(latex), .buf = buf};
        end = math_bare_lines(&m);
    } else if (m.items != 1) {
        insert(buf, body, "<mrow>");
        b_buf_puts(buf, "</mrow>");
    }
    if (m.bad || end != MATH_END_TEXT) {
        if (buf->failed == B_OK) {
            buf->len = start;
            if (buf->data)
                buf->data[start] = '\0';
        }
        return false;
    }
    b_buf_puts(buf, "<annotation encoding=\"application/x-tex\">");
    out_xml_text(buf, latex);
    b_buf_puts(buf, "</annotation></semantics></math>");
    return true;
}
