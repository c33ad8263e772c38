/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of formulas: symbols by table, everything with arguments by a handler. A handler writes exactly
 * one element. */
#include "output/mathml_commands.h"

#include <string.h>

#include "engine/base/utf8.h"
#include "output/escape.h"

static bool same(const char *name, size_t len, const char *want)
{
    return strlen(want) == len && memcmp(name, want, len) == 0;
}

void math_put_space(struct b_buf *buf, int width)
{
    b_buf_puts(buf, "<mspace width=\"");
    out_fixed(buf, (double)width / 1000.0, 3);
    b_buf_puts(buf, "em\"/>");
}

static void put_sign(struct b_buf *buf, const char *open, uint32_t cp, const char *close)
{
    char sign[5] = {0};
    (void)b_utf8_put(cp, sign);
    b_buf_puts(buf, open);
    out_xml_text(buf, sign);
    b_buf_puts(buf, close);
}

bool math_raw_argument(struct math *m, const char **text, size_t *len)
{
    math_blanks(m);
    if (m->pos >= m->len || m->text[m->pos] != '{') {
        math_fail(m);
        return false;
    }
    int depth = 0;
    for (size_t i = m->pos; i < m->len; i++) {
        if (m->text[i] == '\\') {
            i++;
            continue;
        }
        depth += m->text[i] == '{';
        depth -= m->text[i] == '}';
        if (depth == 0) {
            *text = m->text + m->pos + 1;
            *len = i - m->pos - 1;
            m->pos = i + 1;
            return true;
        }
    }
    math_fail(m);
    return false;
}

/* "[...]" when it stands here: appended to `into` as a row; false when there is none. */
static bool optional(struct math *m, struct b_buf *into)
{
    math_blanks(m);
    if (!math_take(m, "["))
        return false;
    struct b_buf *out = m->buf;
    m->buf = into;
    b_buf_puts(into, "<mrow>");
    const enum math_end end = math_row(m, true);
    b_buf_puts(into, "</mrow>");
    m->buf = out;
    if (end != MATH_END_BRACKET)
        math_fail(m);
    else
        m->pos++;
    return true;
}

/* Parts of a handler: which of several commands called it. */
struct call {
    enum math_limits *limits;
    uint32_t value;
};

static enum math_class fraction(struct math *m, struct call *c)
{
    static const char *const open[] = {"<mfrac>", "<mstyle displaystyle=\"true\"><mfrac>",
                                       "<mstyle displaystyle=\"false\"><mfrac>"};
    b_buf_puts(m->buf, open[c->value]);
    math_argument(m);
    math_argument(m);
    b_buf_puts(m->buf, c->value ? "</mfrac></mstyle>" : "</mfrac>");
    return MATH_ORDINARY;
}

static enum math_class binomial(struct math *m, struct call *c)
{
    (void)c;
    b_buf_puts(m->buf, "<mrow><mo>(</mo><mfrac linethickness=\"0\">");
    math_argument(m);
    math_argument(m);
    b_buf_puts(m->buf, "</mfrac><mo>)</mo></mrow>");
    return MATH_ORDINARY;
}

static enum math_class root(struct math *m, struct call *c)
{
    struct b_buf degree;
    (void)c;
    b_buf_init(&degree, m->buf->max);
    const bool has = optional(m, &degree);
    b_buf_puts(m->buf, has ? "<mroot>" : "<msqrt>");
    math_argument(m);
    if (has)
        b_buf_append(m->buf, degree.data ? degree.data : "", degree.len);
    b_buf_puts(m->buf, has ? "</mroot>" : "</msqrt>");
    if (degree.failed != B_OK)
        m->buf->failed = degree.failed;
    b_buf_free(&degree);
    return MATH_ORDINARY;
}

static enum math_class text(struct math *m, struct call *c)
{
    static const char *const styles[] = {"", " style=\"font-style:italic\"", " style=\"font-weight:bold\"",
                                         " style=\"font-family:sans-serif\"", " style=\"font-family:monospace\""};
    math_text(m, styles[c->value]);
    return MATH_ORDINARY;
}

static void put_delimiter(struct math *m, const char *stretch)
{
    math_blanks(m);
    if (m->pos >= m->len) {
        math_fail(m);
        return;
    }
    uint32_t cp = 0;
    const size_t n = math_command(m, m->pos);
    if (n > 0) {
        const char *name = m->text + m->pos + 1;
        const struct math_symbol *s = math_symbol_find(name, n);
        cp = n == 1 && (*name == '{' || *name == '}')                   ? (uint32_t)*name
             : n == 1 && *name == '|'                                   ? 0x2016
             : s && (s->kind == MATH_FENCE || s->kind == MATH_OPERATOR) ? s->cp
                                                                        : 0;
        m->pos += n + 1;
    } else {
        cp = out_next(m->text, m->len, &m->pos);
        if (cp == '.') /* nothing on this side */
            return;
        cp = cp == '<' ? 0x27E8 : cp == '>' ? 0x27E9 : cp;
        if (cp < 0x80 && !strchr("()[]|/", (int)cp))
            cp = 0;
    }
    if (cp == 0) {
        math_fail(m);
        return;
    }
    b_buf_puts(m->buf, "<mo");
    put_sign(m->buf, stretch, cp, "</mo>");
}

static enum math_class left(struct math *m, struct call *c)
{
    (void)c;
    b_buf_puts(m->buf, "<mrow>");
    put_delimiter(m, " form=\"prefix\" stretchy=\"true\">");
    if (math_row(m, false) != MATH_END_RIGHT) {
        math_fail(m);
        return MATH_ORDINARY;
    }
    m->pos += sizeof "\\right" - 1;
    put_delimiter(m, " form=\"postfix\" stretchy=\"true\">");
    b_buf_puts(m->buf, "</mrow>");
    return MATH_ORDINARY;
}

static enum math_class middle(struct math *m, struct call *c)
{
    (void)c;
    put_delimiter(m, " stretchy=\"true\">");
    return MATH_OTHER;
}

/* \big and its like: a size instead of stretching. */
static enum math_class big(struct math *m, struct call *c)
{
    static const char *const sizes[] = {" stretchy=\"true\" minsize=\"1.2em\" maxsize=\"1.2em\">",
                                        " stretchy=\"true\" minsize=\"1.8em\" maxsize=\"1.8em\">",
                                        " stretchy=\"true\" minsize=\"2.4em\" maxsize=\"2.4em\">",
                                        " stretchy=\"true\" minsize=\"3em\" maxsize=\"3em\">"};
    put_delimiter(m, sizes[c->value]);
    return MATH_OTHER;
}

/* \overset{a}{b}, \stackrel, \underset. */
static enum math_class stacked(struct math *m, struct call *c)
{
    struct b_buf *out = m->buf, first;
    b_buf_init(&first, out->max);
    m->buf = &first;
    math_argument(m);
    m->buf = out;
    b_buf_puts(out, c->value ? "<munder>" : "<mover>");
    math_argument(m);
    b_buf_append(out, first.data ? first.data : "", first.len);
    b_buf_puts(out, c->value ? "</munder>" : "</mover>");
    if (first.failed != B_OK)
        out->failed = first.failed;
    b_buf_free(&first);
    return MATH_OTHER;
}

/* \xrightarrow[below]{above}. */
static enum math_class arrow(struct math *m, struct call *c)
{
    struct b_buf below;
    b_buf_init(&below, m->buf->max);
    const bool has = optional(m, &below);
    b_buf_puts(m->buf, has ? "<munderover>" : "<mover>");
    put_sign(m->buf, "<mo stretchy=\"true\">", c->value, "</mo>");
    if (has)
        b_buf_append(m->buf, below.data ? below.data : "", below.len);
    b_buf_puts(m->buf, "<mpadded lspace=\"0.5em\" width=\"+1em\">");
    math_argument(m);
    b_buf_puts(m->buf, "</mpadded>");
    b_buf_puts(m->buf, has ? "</munderover>" : "</mover>");
    if (below.failed != B_OK)
        m->buf->failed = below.failed;
    b_buf_free(&below);
    return MATH_OTHER;
}

static enum math_class operator_name(struct math *m, struct call *c)
{
    const char *name;
    size_t len;
    const bool limits = math_take(m, "*");
    if (!math_raw_argument(m, &name, &len))
        return MATH_NAME;
    if (limits)
        *c->limits = MATH_MOVABLE;
    b_buf_puts(m->buf, limits ? "<mo movablelimits=\"true\" form=\"prefix\" lspace=\"0\" rspace=\"0\">"
                              : "<mi mathvariant=\"normal\">");
    for (size_t i = 0; i < len; i++) {
        const char ch = name[i];
        if (ch == '\\' && i + 1 < len && strchr(",;: ", name[i + 1])) {
            b_buf_putc(m->buf, ' ');
            i++;
        } else if (strchr("\\{}$^_&#", ch)) {
            math_fail(m); /* more than a name */
            return MATH_NAME;
        } else if (ch != ' ' && ch != '~') {
            size_t pos = i;
            out_xml_textn(m->buf, name + i, ((void)out_next(name, len, &pos), pos - i));
            i = pos - 1;
        } else {
            b_buf_putc(m->buf, ' ');
        }
    }
    b_buf_puts(m->buf, limits ? "</mo>" : "</mi>");
    return MATH_NAME;
}

/* \not: a stroke through the operator that follows. */
static enum math_class negated(struct math *m, struct call *c)
{
    (void)c;
    math_blanks(m);
    const size_t at = m->buf->len;
    math_argument(m);
    static const char end[] = "</mo>";
    const size_t n = sizeof end - 1;
    if (m->bad || m->buf->failed != B_OK || m->buf->len < at + n ||
        memcmp(m->buf->data + m->buf->len - n, end, n) != 0) {
        math_fail(m);
        return MATH_OTHER;
    }
    m->buf->len -= n;
    b_buf_puts(m->buf, "\xCC\xB8</mo>");
    return MATH_OTHER;
}

/* Commands around one argument that MathML says with a tag, or not at all. */
static enum math_class wrapped(struct math *m, struct call *c)
{
    static const struct {
        const char *open, *close;
    } tags[] = {{"<mrow>", "</mrow>"},
                {"<mphantom>", "</mphantom>"},
                {"<mpadded height=\"0\" depth=\"0\"><mphantom>", "</mphantom></mpadded>"},
                {"<mpadded width=\"0\"><mphantom>", "</mphantom></mpadded>"},
                {"<menclose notation=\"box\"><mrow style=\"border:1px solid;padding:0.2em\">", "</mrow></menclose>"},
                {"<menclose notation=\"updiagonalstrike\">", "</menclose>"},
                {"<mpadded height=\"0\" depth=\"0\">", "</mpadded>"}};
    b_buf_puts(m->buf, tags[c->value].open);
    math_argument(m);
    b_buf_puts(m->buf, tags[c->value].close);
    return MATH_ORDINARY;
}

static enum math_class class_of(struct math *m, struct call *c)
{
    if (c->value)
        *c->limits = MATH_MOVABLE;
    math_argument(m);
    return c->value ? MATH_ORDINARY : MATH_OTHER;
}

/* Colours are left out; what they colour stays. */
static enum math_class coloured(struct math *m, struct call *c)
{
    const char *name;
    size_t len;
    (void)c;
    if (math_raw_argument(m, &name, &len))
        math_argument(m);
    return MATH_ORDINARY;
}

/* \textcircled{3}: the character that Unicode has for numbers up to 20 and for letters. */
static enum math_class circled(struct math *m, struct call *c)
{
    const char *text_of;
    size_t len;
    uint32_t cp = 0;
    (void)c;
    if (!math_raw_argument(m, &text_of, &len))
        return MATH_ORDINARY;
    const char a = len > 0 ? text_of[0] : '\0', b = len > 1 ? text_of[1] : '0';
    const int number = len >= 1 && len <= 2 && a >= '0' && a <= '9' && b >= '0' && b <= '9'
                           ? (len == 1 ? a - '0' : 10 * (a - '0') + b - '0')
                           : 0;
    if (number >= 1 && number <= 20)
        cp = 0x2460 + (uint32_t)number - 1;
    else if (len == 1 && a >= 'A' && a <= 'Z')
        cp = 0x24B6 + (uint32_t)(a - 'A');
    else if (len == 1 && a >= 'a' && a <= 'z')
        cp = 0x24D0 + (uint32_t)(a - 'a');
    else
        math_fail(m);
    put_sign(m->buf, "<mi mathvariant=\"normal\">", cp ? cp : '?', "</mi>");
    return MATH_ORDINARY;
}

static enum math_class tag(struct math *m, struct call *c)
{
    const bool star = math_take(m, "*");
    (void)c;
    b_buf_puts(m->buf, star ? "<mrow><mspace width=\"2em\"/>" : "<mrow><mspace width=\"2em\"/><mtext>(</mtext>");
    math_text(m, "");
    b_buf_puts(m->buf, star ? "</mrow>" : "<mtext>)</mtext></mrow>");
    return MATH_ORDINARY;
}

static enum math_class modulo(struct math *m, struct call *c)
{
    static const char *const open[] = {
        "<mrow><mspace width=\"1em\"/><mo stretchy=\"false\">(</mo><mi>mod</mi><mspace width=\"0.333em\"/>",
        "<mrow><mspace width=\"1em\"/><mi>mod</mi><mspace width=\"0.333em\"/>",
        "<mrow><mspace width=\"1em\"/><mo stretchy=\"false\">(</mo>"};
    if (c->value == 3) {
        b_buf_puts(m->buf, "<mo lspace=\"0.222em\" rspace=\"0.222em\">mod</mo>");
        return MATH_OTHER;
    }
    b_buf_puts(m->buf, open[c->value]);
    math_argument(m);
    b_buf_puts(m->buf, c->value == 1 ? "</mrow>" : "<mo stretchy=\"false\">)</mo></mrow>");
    return MATH_ORDINARY;
}

static enum math_class hspace(struct math *m, struct call *c)
{
    const char *width;
    size_t len;
    (void)c;
    (void)math_take(m, "*");
    if (math_raw_argument(m, &width, &len)) /* units of print; a quad is near enough */
        math_put_space(m->buf, len > 0 && width[0] == '-' ? -500 : 500);
    return MATH_SPACE;
}

static enum math_class begin(struct math *m, struct call *c)
{
    (void)c;
    math_environment(m);
    return MATH_ORDINARY;
}

static enum math_class lines(struct math *m, struct call *c)
{
    (void)c;
    math_substack(m);
    return MATH_ORDINARY;
}

static const struct {
    char name[16];
    enum math_class (*run)(struct math *m, struct call *c);
    uint32_t value;
} handlers[] = {
    {"frac", fraction, 0},
    {"dfrac", fraction, 1},
    {"cfrac", fraction, 1},
    {"tfrac", fraction, 2},
    {"binom", binomial, 0},
    {"dbinom", binomial, 0},
    {"tbinom", binomial, 0},
    {"sqrt", root, 0},
    {"text", text, 0},
    {"textrm", text, 0},
    {"textnormal", text, 0},
    {"textup", text, 0},
    {"mbox", text, 0},
    {"hbox", text, 0},
    {"textit", text, 1},
    {"emph", text, 1},
    {"textbf", text, 2},
    {"textsf", text, 3},
    {"texttt", text, 4},
    {"textsc", text, 0},
    {"left", left, 0},
    {"middle", middle, 0},
    {"big", big, 0},
    {"bigl", big, 0},
    {"bigr", big, 0},
    {"bigm", big, 0},
    {"Big", big, 1},
    {"Bigl", big, 1},
    {"Bigr", big, 1},
    {"Bigm", big, 1},
    {"bigg", big, 2},
    {"biggl", big, 2},
    {"biggr", big, 2},
    {"biggm", big, 2},
    {"Bigg", big, 3},
    {"Biggl", big, 3},
    {"Biggr", big, 3},
    {"Biggm", big, 3},
    {"overset", stacked, 0},
    {"stackrel", stacked, 0},
    {"underset", stacked, 1},
    {"xrightarrow", arrow, 0x2192},
    {"xleftarrow", arrow, 0x2190},
    {"xleftrightarrow", arrow, 0x2194},
    {"xRightarrow", arrow, 0x21D2},
    {"xLeftarrow", arrow, 0x21D0},
    {"xmapsto", arrow, 0x21A6},
    {"xlongequal", arrow, 0x3D},
    {"operatorname", operator_name, 0},
    {"not", negated, 0},
    {"phantom", wrapped, 1},
    {"hphantom", wrapped, 2},
    {"vphantom", wrapped, 3},
    {"boxed", wrapped, 4},
    {"fbox", wrapped, 4},
    {"cancel", wrapped, 5},
    {"bcancel", wrapped, 5},
    {"xcancel", wrapped, 5},
    {"smash", wrapped, 6},
    {"ensuremath", wrapped, 0},
    {"mathord", class_of, 0},
    {"mathrel", class_of, 0},
    {"mathbin", class_of, 0},
    {"mathopen", class_of, 0},
    {"mathclose", class_of, 0},
    {"mathpunct", class_of, 0},
    {"mathinner", class_of, 0},
    {"mathop", class_of, 1},
    {"textcolor", coloured, 0},
    {"colorbox", coloured, 0},
    {"tag", tag, 0},
    {"pmod", modulo, 0},
    {"mod", modulo, 1},
    {"pod", modulo, 2},
    {"bmod", modulo, 3},
    {"hspace", hspace, 0},
    {"textcircled", circled, 0},
    {"begin", begin, 0},
    {"substack", lines, 0},
};

bool math_is_delimiter_command(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (same(name, len, handlers[i].name))
            return handlers[i].run == left || handlers[i].run == big || handlers[i].run == middle;
    return same(name, len, "right") || same(name, len, "end") || same(name, len, "limits");
}

bool math_skip_command(struct math *m)
{
    static const char *const alone[] = {"nonumber",      "notag", "allowbreak", "hline",      "strut",
                                        "mathstrut",     "/",     "-",          "noindent",   "centering",
                                        "displaylimits", "relax", "hfill",      "normalsize", "small",
                                        "large",         "Large", "null",       "unskip",     "protect"};
    static const char *const with_argument[] = {"label", "color", "vspace", "cline"};
    const size_t n = math_command(m, m->pos);
    const char *name = m->text + m->pos + 1;
    const char *text_of;
    size_t len;
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++)
        if (same(name, n, alone[i])) {
            m->pos += n + 1;
            return true;
        }
    for (size_t i = 0; i < sizeof with_argument / sizeof with_argument[0]; i++)
        if (same(name, n, with_argument[i])) {
            m->pos += n + 1;
            (void)math_raw_argument(m, &text_of, &len);
            return true;
        }
    return false;
}

static enum math_class symbol(struct math *m, const struct math_symbol *s, enum math_limits *limits)
{
    static const char *const open[] = {[MATH_LETTER] = "<mi>",
                                       [MATH_UPRIGHT] = "<mi mathvariant=\"normal\">",
                                       [MATH_OPERATOR] = "<mo>",
                                       [MATH_FENCE] = "<mo stretchy=\"false\">",
                                       [MATH_BIG] = "<mo movablelimits=\"true\">",
                                       [MATH_INTEGRAL] = "<mo>"};
    switch (s->kind) {
    case MATH_FUNCTION:
        b_buf_printf(m->buf, "<mi>%s</mi>", s->name);
        return MATH_NAME;
    case MATH_LIMIT:
        b_buf_printf(m->buf, "<mo movablelimits=\"true\" form=\"prefix\" lspace=\"0\" rspace=\"0\">%s</mo>", s->name);
        *limits = MATH_MOVABLE;
        return MATH_NAME;
    case MATH_LETTER:
    case MATH_UPRIGHT:
        put_sign(m->buf, open[s->kind], math_font_apply(m->font, s->cp), "</mi>");
        return MATH_ORDINARY;
    case MATH_BIG:
        *limits = MATH_MOVABLE;
        break;
    default:
        break;
    }
    put_sign(m->buf, open[s->kind], s->cp, "</mo>");
    return MATH_OTHER;
}

static void accent(struct math *m, const struct math_accent *a, enum math_limits *limits)
{
    const bool under = a->kind == MATH_UNDER_WIDE || a->kind == MATH_BRACE_UNDER;
    const bool brace = a->kind == MATH_BRACE_OVER || a->kind == MATH_BRACE_UNDER;
    b_buf_puts(m->buf, under ? "<munder accentunder=\"true\">" : "<mover accent=\"true\">");
    math_argument(m);
    put_sign(m->buf, a->kind == MATH_OVER ? "<mo stretchy=\"false\">" : "<mo stretchy=\"true\">", a->cp, "</mo>");
    b_buf_puts(m->buf, under ? "</munder>" : "</mover>");
    if (brace)
        *limits = MATH_ALWAYS;
}

/* \{ \% and their like: true when it was one. */
static bool escaped(struct math *m, char c)
{
    if (c == '{' || c == '}' || c == '|')
        put_sign(m->buf, "<mo stretchy=\"false\">", c == '|' ? 0x2016 : (uint32_t)c, "</mo>");
    else if (c == '%' || c == '$' || c == '#' || c == '&' || c == '_')
        put_sign(m->buf, "<mi mathvariant=\"normal\">", (uint32_t)c, "</mi>");
    else
        return false;
    return true;
}

enum math_class math_command_atom(struct math *m, enum math_limits *limits)
{
    const size_t n = math_command(m, m->pos);
    const char *name = m->text + m->pos + 1;
    int width;
    enum math_font font;
    bool is_switch;
    m->pos += n + 1;
    if (n == 0) {
        math_fail(m);
        return MATH_OTHER;
    }
    if (n == 1 && escaped(m, *name))
        return MATH_ORDINARY;
    if (math_space_find(name, n, &width)) {
        math_put_space(m->buf, width);
        return MATH_SPACE;
    }
    const struct math_symbol *s = math_symbol_find(name, n);
    if (s)
        return symbol(m, s, limits);
    const struct math_accent *a = math_accent_find(name, n);
    if (a) {
        accent(m, a, limits);
        return MATH_ORDINARY;
    }
    if (math_font_find(name, n, &font, &is_switch)) {
        const enum math_font outer = m->font;
        m->font = font;
        math_argument(m);
        m->font = outer;
        return MATH_ORDINARY;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (same(name, n, handlers[i].name))
            return handlers[i].run(m, &(struct call){limits, handlers[i].value});
    math_fail(m);
    return MATH_OTHER;
}
