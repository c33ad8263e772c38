/* SPDX-License-Identifier: Apache-2.0 */
/* A tokenizer of HTML with a stack of open elements. */
#include "service/bench/html.h"

#include <string.h>

#include <libxml/HTMLparser.h>

#define MAX_OPEN 512 /* deeper elements are read as if closed at once */

struct reader {
    struct bm_mem *mem;
    struct bm_str s;
    const struct bm_html_events *events;
    void *ctx;
    struct bm_out text;
    struct bm_str open[MAX_OPEN];
    size_t n_open;
};

static bool is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static void end_text(struct reader *r)
{
    struct bm_str text = bm_taken(&r->text);
    bool blank = true, line = false;
    if (text.n == 0)
        return;
    for (size_t i = 0; i < text.n; i++) {
        bool space = text.cp[i] == ' ' || (text.cp[i] >= 9 && text.cp[i] <= 13);
        blank = blank && space;
        line = line || text.cp[i] == '\n';
    }
    r->text = bm_out_on(r->mem);
    if (blank)
        text = bm_from(r->mem, line ? "\n" : " ");
    r->events->text(r->ctx, text);
}

/* &name; &#10; &#x0a; at pos: puts what it stands for, returns where to go on; pos when it is none. */
static size_t read_reference(struct bm_mem *mem, struct bm_str s, size_t pos, struct bm_out *out)
{
    size_t i = pos + 1, digits;
    uint32_t value = 0;
    if (i < s.n && s.cp[i] == '#') {
        bool hex = i + 1 < s.n && (s.cp[i + 1] | 32) == 'x';
        i += hex ? 2 : 1;
        for (digits = i; i < s.n && (is_digit(s.cp[i]) || (hex && is_letter(s.cp[i]) && (s.cp[i] | 32) <= 'f')); i++) {
            uint32_t digit = is_digit(s.cp[i]) ? s.cp[i] - '0' : (s.cp[i] | 32) - 'a' + 10;
            value = value > 0x10ffff ? value : value * (hex ? 16 : 10) + digit;
        }
        if (i == digits)
            return pos;
        bm_putc(out, value == 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000) ? 0xfffd : value);
        return i < s.n && s.cp[i] == ';' ? i + 1 : i;
    }
    char name[32];
    size_t n = 0;
    while (i < s.n && n + 1 < sizeof name && s.cp[i] < 128 && (is_letter(s.cp[i]) || (n && is_digit(s.cp[i]))))
        name[n++] = (char)s.cp[i++];
    name[n] = 0;
    if (n == 0 || i == s.n)
        return pos;
    const htmlEntityDesc *known = htmlEntityLookup((const xmlChar *)name);
    if (known)
        bm_putc(out, (uint32_t)known->value);
    else if (strcmp(name, "apos") == 0)
        bm_putc(out, '\'');
    else
        bm_put(out, bm_slice(s, pos, i));
    (void)mem;
    return s.cp[i] == ';' ? i + 1 : i;
}

static struct bm_str decoded(struct bm_mem *mem, struct bm_str raw)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < raw.n;) {
        size_t next = raw.cp[i] == '&' ? read_reference(mem, raw, i, &out) : i;
        if (next == i)
            bm_putc(&out, raw.cp[i++]);
        else
            i = next;
    }
    return bm_taken(&out);
}

static bool is_empty_element(struct bm_str name)
{
    static const char *const names[] = {"area",    "base",   "br",     "col",     "embed",    "hr",
                                        "img",     "input",  "keygen", "link",    "menuitem", "meta",
                                        "param",   "source", "track",  "wbr",     "basefont", "bgsound",
                                        "command", "frame",  "image",  "isindex", "nextid",   "spacer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bm_is(name, names[i]))
            return true;
    return false;
}

static struct bm_str read_value(struct bm_mem *mem, struct bm_str s, size_t *pos)
{
    size_t i = *pos;
    uint32_t quote = i < s.n && (s.cp[i] == '"' || s.cp[i] == '\'') ? s.cp[i] : 0;
    size_t from = quote ? i + 1 : i, to;
    if (quote) {
        to = bm_find_cp(s, from, quote);
        if (to == BM_NONE)
            to = s.n;
        *pos = to < s.n ? to + 1 : to;
    } else {
        for (to = from; to < s.n && s.cp[to] != '>' && !bm_is_space(s.cp[to]); to++) {
        }
        *pos = to;
    }
    return decoded(mem, bm_slice(s, from, to));
}

static void add_attr(struct bm_html_tag *tag, struct bm_str name, struct bm_str value)
{
    for (int i = 0; i < tag->n_attrs; i++)
        if (bm_equal(tag->attrs[i].name, name)) {
            tag->attrs[i].value = value;
            return;
        }
    if (tag->n_attrs < BM_HTML_ATTRS)
        tag->attrs[tag->n_attrs++] = (struct bm_html_attr){name, value};
}

/* Reads attributes up to '>' and steps behind it; true when the tag ends in "/>". */
static bool read_attrs(struct reader *r, size_t *pos, struct bm_html_tag *tag)
{
    struct bm_str s = r->s;
    size_t i = *pos;
    bool slash = false;
    while (i < s.n && s.cp[i] != '>') {
        if (bm_is_space(s.cp[i]) || s.cp[i] == '/') {
            slash = s.cp[i] == '/';
            i++;
            continue;
        }
        slash = false;
        size_t from = i++;
        while (i < s.n && s.cp[i] != '=' && s.cp[i] != '>' && s.cp[i] != '/' && !bm_is_space(s.cp[i]))
            i++;
        struct bm_str name = bm_lower(r->mem, bm_slice(s, from, i)), value = {NULL, 0};
        size_t at = i;
        while (at < s.n && bm_is_space(s.cp[at]))
            at++;
        if (at < s.n && s.cp[at] == '=') {
            while (at < s.n && (s.cp[at] == '=' || bm_is_space(s.cp[at])))
                at++;
            i = at;
            value = read_value(r->mem, s, &i);
        }
        add_attr(tag, name, value);
    }
    *pos = i < s.n ? i + 1 : i;
    return slash;
}

static void close_to(struct reader *r, struct bm_str name)
{
    size_t at = r->n_open;
    while (at > 0 && !bm_equal(r->open[at - 1], name))
        at--;
    if (at == 0)
        return;
    while (r->n_open >= at)
        r->events->close(r->ctx, r->open[--r->n_open]);
}

static void read_tag(struct reader *r, size_t *pos)
{
    struct bm_str s = r->s;
    bool end = *pos + 1 < s.n && s.cp[*pos + 1] == '/';
    size_t from = *pos + (end ? 2 : 1), i = from;
    while (i < s.n && s.cp[i] != '>' && s.cp[i] != '/' && !bm_is_space(s.cp[i]))
        i++;
    struct bm_html_tag tag = {.name = bm_lower(r->mem, bm_slice(s, from, i))};
    end_text(r);
    if (end) {
        size_t close = bm_find_cp(s, i, '>');
        *pos = close == BM_NONE ? s.n : close + 1;
        close_to(r, tag.name);
        return;
    }
    bool slash = read_attrs(r, &i, &tag);
    *pos = i;
    tag.empty = is_empty_element(tag.name);
    r->events->open(r->ctx, &tag);
    if (tag.empty)
        return;
    if (slash || r->n_open == MAX_OPEN)
        r->events->close(r->ctx, tag.name);
    else
        r->open[r->n_open++] = tag.name;
}

/* Comments; declarations and processing instructions are skipped. */
static bool skip_markup(struct reader *r, size_t *pos)
{
    struct bm_str s = r->s;
    if (!bm_at(s, *pos, "<!") && !bm_at(s, *pos, "<?"))
        return false;
    bool comment = bm_at(s, *pos, "<!--");
    size_t end = comment ? bm_find(s, *pos + 4, "-->") : bm_find_cp(s, *pos, '>');
    if (end == BM_NONE)
        return false;
    end_text(r);
    if (comment)
        r->events->comment(r->ctx, bm_slice(s, *pos + 4, end));
    *pos = end + (comment ? 3 : 1);
    return true;
}

void bm_html_read(struct bm_mem *mem, struct bm_str html, const struct bm_html_events *events, void *ctx)
{
    struct reader *r = BM_ARRAY(mem, 1, struct reader);
    if (!r)
        return;
    *r = (struct reader){.mem = mem, .s = html, .events = events, .ctx = ctx, .text = bm_out_on(mem)};
    for (size_t i = 0; i < html.n && !mem->failed;) {
        uint32_t c = html.cp[i];
        size_t next = i;
        if (c == '<' && i + 1 < html.n &&
            (is_letter(html.cp[i + 1]) || (html.cp[i + 1] == '/' && i + 2 < html.n && is_letter(html.cp[i + 2]))))
            read_tag(r, &next);
        else if (c == '<')
            (void)skip_markup(r, &next);
        else if (c == '&')
            next = read_reference(mem, html, i, &r->text);
        if (next == i) {
            bm_putc(&r->text, c);
            next++;
        }
        i = next;
    }
    end_text(r);
    while (r->n_open)
        events->close(ctx, r->open[--r->n_open]);
}
