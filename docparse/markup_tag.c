/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of tags: which names exist, what an attribute says, what a class means. A '<' that does not
 * start a tag of this grammar is text. Nothing here looks beyond the bytes it is given. */
#include <string.h>

#include "docparse/markup_private.h"

/* Sorted by name. The skeleton names are HTML 4, which libxml2 2.9 knows; others cost it an error message. */
static const struct mk_name names[] = {
    {"a", NULL, MK_K_INLINE, 0},
    {"abbr", NULL, MK_K_INLINE, 0},
    {"address", "address", MK_K_ADDRESS, 0},
    {"article", "div", MK_K_WRAP, 0},
    {"aside", "div", MK_K_WRAP, 0},
    {"b", NULL, MK_K_INLINE, 0},
    {"base", NULL, MK_K_VOID, 0},
    {"big", NULL, MK_K_INLINE, 0},
    {"blockquote", "div", MK_K_WRAP, 0},
    {"body", NULL, MK_K_ROOT, 0},
    {"br", NULL, MK_K_BREAK, 0},
    {"button", NULL, MK_K_INLINE, 0},
    {"caption", "caption", MK_K_CAPTION, 0},
    {"center", "div", MK_K_WRAP, 0},
    {"cite", NULL, MK_K_INLINE, 0},
    {"code", "div", MK_K_CODE, 0},
    {"col", NULL, MK_K_VOID, 0},
    {"colgroup", NULL, MK_K_VOID, 0},
    {"dd", "dd", MK_K_ITEM, 0},
    {"del", NULL, MK_K_INLINE, 0},
    {"details", "div", MK_K_WRAP, 0},
    {"div", "div", MK_K_WRAP, 0},
    {"dl", "dl", MK_K_LIST, 0},
    {"dt", "dt", MK_K_ITEM, 0},
    {"em", NULL, MK_K_INLINE, 0},
    {"fieldset", "div", MK_K_WRAP, 0},
    {"figcaption", "div", MK_K_TEXT, 0},
    {"figure", "div", MK_K_WRAP, 0},
    {"font", NULL, MK_K_INLINE, 0},
    {"footer", "div", MK_K_WRAP, 0},
    {"form", "div", MK_K_WRAP, 0},
    {"h1", "h1", MK_K_HEADING, 1},
    {"h2", "h2", MK_K_HEADING, 2},
    {"h3", "h3", MK_K_HEADING, 3},
    {"h4", "h4", MK_K_HEADING, 4},
    {"h5", "h5", MK_K_HEADING, 5},
    {"h6", "h6", MK_K_HEADING, 6},
    {"head", NULL, MK_K_ROOT, 0},
    {"header", "div", MK_K_WRAP, 0},
    {"hr", NULL, MK_K_BREAK, 1},
    {"html", NULL, MK_K_ROOT, 0},
    {"i", NULL, MK_K_INLINE, 0},
    {"img", NULL, MK_K_IMG, 0},
    {"input", NULL, MK_K_INPUT, 0},
    {"ins", NULL, MK_K_INLINE, 0},
    {"kbd", NULL, MK_K_INLINE, 0},
    {"label", NULL, MK_K_INLINE, 0},
    {"legend", "div", MK_K_TEXT, 0},
    {"li", "li", MK_K_ITEM, 0},
    {"link", NULL, MK_K_VOID, 0},
    {"main", "div", MK_K_WRAP, 0},
    {"mark", NULL, MK_K_INLINE, 0},
    {"meta", NULL, MK_K_VOID, 0},
    {"nav", "div", MK_K_WRAP, 0},
    {"ol", "ol", MK_K_LIST, 1},
    {"option", NULL, MK_K_INLINE, 0},
    {"p", "p", MK_K_TEXT, 0},
    {"pre", "pre", MK_K_PRE, 0},
    {"q", NULL, MK_K_INLINE, 0},
    {"s", NULL, MK_K_INLINE, 0},
    {"samp", NULL, MK_K_INLINE, 0},
    {"script", NULL, MK_K_RAW, 1},
    {"section", "div", MK_K_WRAP, 0},
    {"select", NULL, MK_K_INLINE, 0},
    {"small", NULL, MK_K_INLINE, 0},
    {"span", "div", MK_K_INLINE, 0},
    {"strike", NULL, MK_K_INLINE, 0},
    {"strong", NULL, MK_K_INLINE, 0},
    {"style", NULL, MK_K_RAW, 0},
    {"sub", NULL, MK_K_SCRIPT, '_'},
    {"summary", "div", MK_K_TEXT, 0},
    {"sup", NULL, MK_K_SCRIPT, '^'},
    {"table", "table", MK_K_TABLE, 0},
    {"tbody", "tbody", MK_K_GROUP, 0},
    {"td", "td", MK_K_CELL, 0},
    {"tfoot", "tfoot", MK_K_GROUP, 0},
    {"th", "th", MK_K_CELL, 1},
    {"thead", "thead", MK_K_GROUP, 1},
    {"title", NULL, MK_K_RAW, 0},
    {"tr", "tr", MK_K_ROW, 0},
    {"tt", NULL, MK_K_INLINE, 0},
    {"u", NULL, MK_K_INLINE, 0},
    {"ul", "ul", MK_K_LIST, 0},
    {"var", NULL, MK_K_INLINE, 0},
    {"wbr", NULL, MK_K_VOID, 0},
};
#define N_NAMES ((int)(sizeof names / sizeof names[0]))
_Static_assert(sizeof names / sizeof names[0] <= MK_NAMES_MAX, "tables by name are too small");

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool alnum(char c)
{
    return digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* Compares s[0..n), any case, with a lower-case name. */
static int compare(const char *s, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const int d = (unsigned char)lower(s[i]) - (unsigned char)name[i];
        if (d != 0)
            return d; /* also at the end of a shorter name */
    }
    return name[n] == '\0' ? 0 : -1;
}

static bool same(struct mk_slice s, const char *name)
{
    return compare(s.p, s.n, name) == 0;
}

int mk_name_find(const char *name, size_t len)
{
    int low = 0, high = N_NAMES - 1;
    if (len == 0 || len > 12)
        return -1;
    while (low <= high) {
        const int mid = (low + high) / 2, d = compare(name, len, names[mid].name);
        if (d == 0)
            return mid;
        if (d < 0)
            high = mid - 1;
        else
            low = mid + 1;
    }
    return -1;
}

const struct mk_name *mk_name_at(int index)
{
    return &names[index];
}

/* One number: optional sign, digits, decimals. Far values are all the same: outside of any page. */
static size_t read_number(const char *s, size_t n, double *out)
{
    const double far = 1.0e7;
    size_t i = 0;
    double value = 0, unit = 1;
    const bool minus = n > 0 && s[0] == '-';
    if (n > 0 && (s[0] == '-' || s[0] == '+'))
        i++;
    const size_t first = i;
    for (; i < n && digit(s[i]); i++)
        value = value < far ? value * 10 + (s[i] - '0') : far;
    if (i == first)
        return 0;
    if (i + 1 < n && s[i] == '.' && digit(s[i + 1]))
        for (i++; i < n && digit(s[i]); i++) {
            unit = unit > 1.0e-9 ? unit / 10 : 0;
            value += unit * (s[i] - '0');
        }
    if (value > far)
        value = far;
    *out = minus ? -value : value;
    return i;
}

void mk_numbers_read(const char *s, size_t n, struct mk_numbers *out)
{
    for (size_t i = 0; i < n;) {
        double value;
        const size_t used = read_number(s + i, n - i, &value);
        if (used > 0) {
            if (out->n < 8)
                out->v[out->n++] = value;
            else
                out->bad = true;
            i += used;
        } else if (space(s[i]) || strchr(",;()[]{}\"'", s[i])) {
            i++;
        } else {
            out->bad = true; /* a word or a unit: not a box */
            return;
        }
    }
}

static int32_t read_int(struct mk_slice s, int32_t otherwise)
{
    double value;
    while (s.n > 0 && space(s.p[0])) {
        s.p++;
        s.n--;
    }
    const size_t used = read_number(s.p, s.n, &value);
    return used > 0 ? (int32_t)value : otherwise;
}

/* "b17" -> 17 */
static int32_t read_id(struct mk_slice s)
{
    if (s.n < 2 || s.n > 9 || lower(s.p[0]) != 'b')
        return DP_NONE;
    for (size_t i = 1; i < s.n; i++)
        if (!digit(s.p[i]))
            return DP_NONE;
    return read_int((struct mk_slice){s.p + 1, s.n - 1}, DP_NONE);
}

static bool is_flag_attribute(struct mk_slice name)
{
    static const char *const known[] = {"border",  "checked", "compact", "controls", "disabled", "hidden",
                                        "noshade", "nowrap",  "open",    "required", "reversed", "selected"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (same(name, known[i]))
            return true;
    return false;
}

static bool is_box_attribute(struct mk_slice name)
{
    return same(name, "data-bbox") || same(name, "data-polygon") || same(name, "bbox");
}

static void put_slice(struct mk_slice *field, struct mk_slice value)
{
    if (!field->p)
        *field = value;
}

static void put_box(struct mk_tag *t, struct mk_slice value, bool unclosed)
{
    if (t->box.seen)
        return; /* of two the first counts */
    t->box.seen = true;
    mk_numbers_read(value.p, value.n, &t->box);
    t->box.bad = t->box.bad || unclosed;
}

/* Attributes of our own writer that describe blocks and pages. */
static void put_data(struct mk_tag *t, struct mk_slice name, struct mk_slice value)
{
    if (same(name, "data-flags"))
        put_slice(&t->flags, value);
    else if (same(name, "data-source"))
        put_slice(&t->source, value);
    else if (same(name, "data-kind"))
        put_slice(&t->kind, value);
    else if (same(name, "data-language"))
        put_slice(&t->lang, value);
    else if (same(name, "data-joined"))
        t->joined = true;
    else if (same(name, "data-of") && t->of == DP_NONE)
        t->of = read_id(value);
    else if (same(name, "data-parent") && t->parent == DP_NONE)
        t->parent = read_id(value);
    else if (same(name, "data-width") && t->width == 0)
        t->width = read_int(value, 0);
    else if (same(name, "data-height") && t->height == 0)
        t->height = read_int(value, 0);
    else if (same(name, "data-marker") && !t->has_marker) {
        t->has_marker = true;
        t->marker = value;
    } else if (same(name, "data-confidence") || same(name, "data-dpi")) {
        double number;
        if (read_number(value.p, value.n, &number) == 0 || number < 0)
            return;
        if (name.n == 8)
            t->dpi = number;
        else if (number <= 1.0)
            t->confidence = (float)number;
    }
}

static void put_attribute(struct mk_tag *t, struct mk_slice name, struct mk_slice value, bool unclosed)
{
    if (is_box_attribute(name)) {
        put_box(t, value, unclosed);
        return;
    }
    switch (lower(name.p[0])) {
    case 'c':
        if (same(name, "class"))
            put_slice(&t->cls, value);
        else if (same(name, "colspan"))
            t->colspan = read_int(value, t->colspan);
        else if (same(name, "checked"))
            t->checked = true;
        break;
    case 'd':
        put_data(t, name, value);
        break;
    case 'i':
        if (same(name, "id") && t->id == DP_NONE)
            t->id = read_id(value);
        break;
    case 'l':
        if (same(name, "lang"))
            put_slice(&t->lang, value);
        break;
    case 'r':
        if (same(name, "rowspan"))
            t->rowspan = read_int(value, t->rowspan);
        break;
    case 's':
        if (same(name, "scope"))
            put_slice(&t->scope, value);
        else if (same(name, "start") && !t->has_start) {
            t->has_start = true;
            t->start = read_int(value, 1);
        }
        break;
    case 't':
        if (same(name, "type"))
            put_slice(&t->type, value);
        break;
    case 'v':
        if (same(name, "value") && !t->has_start) {
            t->has_start = true;
            t->start = read_int(value, 1);
        }
        break;
    default:
        break;
    }
}

/* A value at s[*pos], behind '='. 1: read; 0: none; -1: may go on. */
static int read_value(const char *s, size_t n, size_t *pos, bool box, bool force, struct mk_slice *out, bool *unclosed)
{
    size_t i = *pos;
    *unclosed = false;
    if (s[i] == '"' || s[i] == '\'') {
        const char quote = s[i++];
        size_t first_gt = 0;
        const size_t from = i;
        for (; i < n && s[i] != quote; i++) {
            if (s[i] != '>' && s[i] != '<')
                continue;
            if (box || (s[i] == '<' && first_gt > 0)) {
                *unclosed = true;
                break;
            }
            if (s[i] == '>' && first_gt == 0)
                first_gt = i;
        }
        if (i >= n && !(force && first_gt > 0))
            return -1;
        if (i >= n)
            *unclosed = true;
        const size_t end = *unclosed && !(box && i < n) ? first_gt : i;
        *out = (struct mk_slice){s + from, end - from};
        *pos = *unclosed ? end : end + 1;
        return 1;
    }
    const size_t from = i;
    if (box)
        while (i < n && (digit(s[i]) || space(s[i]) || strchr(",.-+[]()", s[i])))
            i++;
    else
        while (i < n && !space(s[i]) && s[i] != '>' && s[i] != '<' && s[i] != '"' && s[i] != '\'')
            i++;
    if (i >= n)
        return -1;
    while (box && i > from && space(s[i - 1]))
        i--;
    if (i == from || s[i] == '"' || s[i] == '\'')
        return 0;
    if (!box && s[i] == '>' && s[i - 1] == '/' && i - 1 > from)
        i--; /* <br clear=all/> */
    *out = (struct mk_slice){s + from, i - from};
    *pos = i;
    return 1;
}

/* One attribute at s[*pos]. 1: read; 0: none; -1: may go on. */
static int read_attribute(const char *s, size_t n, size_t *pos, bool force, struct mk_tag *t)
{
    size_t i = *pos;
    struct mk_slice name = {s + i, 0}, value = {"", 0};
    bool unclosed = false;
    if (!alnum(s[i]) && s[i] != '_' && s[i] != ':' && s[i] != '@')
        return 0;
    while (i < n && (alnum(s[i]) || s[i] == '-' || s[i] == '_' || s[i] == ':' || s[i] == '.' || s[i] == '@'))
        i++;
    name.n = (size_t)(s + i - name.p);
    const size_t end = i;
    while (i < n && space(s[i]))
        i++;
    if (i >= n)
        return -1;
    if (s[i] != '=') {
        if (!is_flag_attribute(name))
            return 0;
        *pos = end;
        put_attribute(t, name, value, false);
        return 1;
    }
    for (i++; i < n && space(s[i]); i++)
        ;
    if (i >= n)
        return -1;
    const int got = read_value(s, n, &i, is_box_attribute(name), force, &value, &unclosed);
    if (got != 1)
        return got;
    put_attribute(t, name, value, unclosed);
    *pos = i;
    return 1;
}

int mk_tag_read(const char *s, size_t n, bool force, struct mk_tag *out)
{
    size_t i = 1;
    *out = (struct mk_tag){.rowspan = 1,
                           .colspan = 1,
                           .start = 1,
                           .id = DP_NONE,
                           .of = DP_NONE,
                           .parent = DP_NONE,
                           .confidence = DP_NO_CONFIDENCE};
    if (i < n && s[i] == '/') {
        out->closing = true;
        i++;
    }
    const size_t from = i;
    while (i < n && alnum(s[i]))
        i++;
    if (i >= n)
        return i - from <= 12 ? -1 : 0;
    out->name = mk_name_find(s + from, i - from);
    if (out->name < 0 || !(space(s[i]) || s[i] == '/' || s[i] == '>'))
        return 0;
    for (;;) {
        const size_t before = i;
        while (i < n && space(s[i]))
            i++;
        if (i >= n)
            return -1;
        if (s[i] == '>') {
            i++;
            break;
        }
        if (s[i] == '/') {
            out->self_closing = true;
            i++;
            continue;
        }
        if (i == before && s[i - 1] != '/' && s[i - 1] != '"' && s[i - 1] != '\'')
            return 0; /* attributes stand behind a space; after a quote it is often forgotten */
        const int got = read_attribute(s, n, &i, force, out);
        if (got != 1)
            return got;
    }
    return (int)i;
}
