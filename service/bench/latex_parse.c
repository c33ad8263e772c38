/* SPDX-License-Identifier: Apache-2.0 */
/* Reads LaTeX into a tree and never refuses it: a stray closing brace or \end is skipped, what is left open
 * ends with the text. The reading position only moves forward; nesting is bounded. */
#include <string.h>

#include "service/bench/latex_private.h"

#define MAX_DEPTH 150 /* the reference converter gives up at about this depth */

enum token_kind {
    T_END,
    T_CHAR,
    T_MACRO,
    T_BEGIN,
    T_STOP_ENV,
    T_OPEN,
    T_CLOSE,
    T_INLINE,
    T_DISPLAY,
    T_COMMENT,
    T_SPECIAL
};

struct token {
    enum token_kind kind;
    struct bm_str text, pre_space, post_space;
    size_t pos, end;
};

struct reader {
    struct bm_mem *mem;
    struct bm_str s;
    int depth;
    bool too_deep;
};

/* Where a list of nodes ends: at a brace, at an environment's end, at a formula's delimiter. */
struct stop {
    uint32_t brace, open; /* ']' adds brackets to the braces */
    struct bm_str env;
    struct bm_str math;
};

static const char *const specials[] = {"---", "--", "``", "''", "!`", "?`", "&", "~"};

static struct token token_of(enum token_kind kind, struct bm_str s, size_t pos, size_t end)
{
    return (struct token){.kind = kind, .text = bm_slice(s, pos, end), .pos = pos, .end = end};
}

static struct token read_comment(struct bm_str s, size_t pos)
{
    size_t line = pos;
    while (line < s.n && s.cp[line] != '\n' && s.cp[line] != '\r')
        line++;
    struct token t = token_of(T_COMMENT, s, pos, line);
    if (line == s.n)
        return t;
    size_t end = line + 1;
    if (end < s.n && (s.cp[end] == '\n' || s.cp[end] == '\r'))
        return t; /* an empty line follows: the paragraph break stays */
    while (end < s.n && bm_is_space(s.cp[end]))
        end++;
    t.post_space = bm_slice(s, line, end);
    t.end = end;
    return t;
}

static bool env_name(struct bm_str s, size_t pos, struct bm_str *name, size_t *end)
{
    while (pos < s.n && bm_is_space(s.cp[pos]))
        pos++;
    if (pos >= s.n || s.cp[pos] != '{')
        return false;
    size_t from = ++pos;
    while (pos < s.n && (bm_is_word(s.cp[pos]) || (s.cp[pos] < 128 && strchr("* ._-", (int)s.cp[pos]))))
        pos++;
    if (pos == from || pos >= s.n || s.cp[pos] != '}')
        return false;
    *name = bm_slice(s, from, pos);
    *end = pos + 1;
    return true;
}

static struct token read_backslash(struct bm_str s, size_t pos, bool environments)
{
    if (pos + 1 >= s.n)
        return token_of(T_END, s, pos, pos);
    size_t end = pos + 2;
    bool letters = bm_is_alpha(s.cp[pos + 1]);
    while (letters && end < s.n && bm_is_alpha(s.cp[end]))
        end++;
    struct token t = token_of(T_MACRO, s, pos, end);
    t.text = bm_slice(s, pos + 1, end);
    if (bm_is(t.text, "[") || bm_is(t.text, "]") || bm_is(t.text, "(") || bm_is(t.text, ")")) {
        t.kind = bm_is(t.text, "[") || bm_is(t.text, "]") ? T_DISPLAY : T_INLINE;
        t.text = bm_slice(s, pos, end);
        return t;
    }
    if (environments && (bm_is(t.text, "begin") || bm_is(t.text, "end"))) {
        bool begins = bm_is(t.text, "begin");
        if (!env_name(s, end, &t.text, &t.end))
            return token_of(T_CHAR, s, pos, end);
        t.kind = begins ? T_BEGIN : T_STOP_ENV;
        return t;
    }
    for (size_t from = end; letters && end < s.n && bm_is_space(s.cp[end]);) {
        end++;
        if (end - from >= 2 && s.cp[end - 1] == '\n' && s.cp[end - 2] == '\n') {
            end -= 2;
            break;
        }
    }
    t.post_space = bm_slice(s, pos + 1 + t.text.n, end);
    t.end = end;
    return t;
}

static struct token read_plain(struct bm_str s, size_t pos, uint32_t open, uint32_t close, bool dollar)
{
    uint32_t c = s.cp[pos];
    if (c == '{' || (open && c == open))
        return token_of(T_OPEN, s, pos, pos + 1);
    if (c == '}' || (close && c == close))
        return token_of(T_CLOSE, s, pos, pos + 1);
    if (c == '$' && bm_at(s, pos, "$$") && !dollar)
        return token_of(T_DISPLAY, s, pos, pos + 2);
    if (c == '$')
        return token_of(T_INLINE, s, pos, pos + 1);
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++)
        if (bm_at(s, pos, specials[i]))
            return token_of(T_SPECIAL, s, pos, pos + strlen(specials[i]));
    return token_of(T_CHAR, s, pos, pos + 1);
}

/* dollar: inside a formula that a single $ opened, where $$ closes it and opens the next. */
static struct token next_token(const struct reader *r, size_t pos, uint32_t open, uint32_t close, bool environments,
                               bool dollar)
{
    struct bm_str s = r->s;
    size_t from = pos;
    while (pos < s.n && bm_is_space(s.cp[pos])) {
        pos++;
        if (pos - from >= 2 && s.cp[pos - 1] == '\n' && s.cp[pos - 2] == '\n') {
            struct token t = token_of(T_CHAR, s, pos - 2, pos);
            t.pre_space = bm_slice(s, from, pos - 2);
            return t;
        }
    }
    struct token t;
    if (pos >= s.n) {
        t = token_of(T_END, s, from, from);
        t.post_space = bm_slice(s, from, pos); /* kept at the end of the text */
        return t;
    }
    if (s.cp[pos] == '\\')
        t = read_backslash(s, pos, environments);
    else if (s.cp[pos] == '%')
        t = read_comment(s, pos);
    else
        t = read_plain(s, pos, open, close, dollar);
    if (t.kind == T_END) /* a lone backslash at the end is never consumed, nor the space before it */
        return t;
    t.pre_space = bm_slice(s, from, pos);
    return t;
}

static struct bm_latex *new_node(struct reader *r, enum bm_latex_kind kind, struct bm_str text)
{
    struct bm_latex *node = BM_ARRAY(r->mem, 1, struct bm_latex);
    if (node) {
        node->kind = kind;
        node->text = text;
    }
    return node;
}

static void append(struct bm_latex_list *list, struct bm_latex *node)
{
    if (!node)
        return;
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
}

static struct bm_latex_list read_list(struct reader *r, size_t *pos, const struct stop *stop, bool dollar);

static struct bm_latex *read_group(struct reader *r, size_t *pos, uint32_t open, bool dollar)
{
    struct stop stop = {.brace = open == '[' ? ']' : '}', .open = open};
    struct bm_latex *node = new_node(r, BM_LATEX_GROUP, (struct bm_str){NULL, 0});
    if (!node)
        return NULL;
    node->inner = read_list(r, pos, &stop, dollar);
    return node;
}

/* One mandatory argument: a group or a single token. False at the end of the text. */
static bool read_expression(struct reader *r, size_t *pos, bool dollar, struct bm_latex **out)
{
    struct bm_str none = {NULL, 0};
    struct token t = next_token(r, *pos, 0, 0, false, dollar);
    while (t.kind == T_COMMENT)
        t = next_token(r, t.end, 0, 0, false, dollar);
    if (t.kind == T_END)
        return false;
    if (t.kind == T_CLOSE || (t.kind == T_MACRO && bm_is(t.text, "end"))) {
        *out = new_node(r, BM_LATEX_CHARS, none);
        *pos = t.pos;
        return true;
    }
    *pos = t.end;
    if (t.kind == T_OPEN) {
        *out = read_group(r, pos, '{', dollar);
    } else if (t.kind == T_MACRO || ((t.kind == T_INLINE || t.kind == T_DISPLAY) && t.text.cp[0] == '\\')) {
        *out = new_node(r, BM_LATEX_MACRO, t.text);
        if (*out) {
            (*out)->no_args = true;
            (*out)->post_space = t.post_space;
        }
    } else {
        *out = new_node(r, t.kind == T_SPECIAL ? BM_LATEX_SPECIAL : BM_LATEX_CHARS, t.text);
    }
    return *out != NULL;
}

/* Reads the arguments that `spec` names into the node; false when the text ends before the last one. */
static bool read_args(struct reader *r, size_t *pos, const char *spec, bool no_space, bool dollar,
                      struct bm_latex *node)
{
    size_t at = *pos;
    for (; *spec && node->n_args < BM_LATEX_ARGS; spec++) {
        struct bm_latex *arg = NULL;
        struct token t;
        if (*spec == '{') {
            if (!read_expression(r, &at, dollar, &arg))
                return false;
        } else if (*spec == '*') {
            t = next_token(r, at, 0, 0, true, dollar);
            if (t.kind == T_END)
                return false;
            if (t.kind == T_CHAR && bm_is(t.text, "*")) {
                arg = new_node(r, BM_LATEX_CHARS, t.text);
                at = t.pos + 1;
            }
        } else if (!(no_space && at < r->s.n && bm_is_space(r->s.cp[at]))) {
            t = next_token(r, at, '[', ']', false, dollar);
            if (t.kind == T_OPEN && bm_is(t.text, "[")) {
                at = t.end;
                arg = read_group(r, &at, '[', dollar);
            }
        }
        node->args[node->n_args++] = arg;
    }
    *pos = at;
    return true;
}

/* No mandatory argument and no optional one given: the space after its name is then kept before letters. */
static bool is_bare(const char *spec, const struct bm_latex *node)
{
    int stars = 0;
    while (spec[stars] == '*')
        stars++;
    if (spec[stars] == '[' && strspn(spec + stars + 1, "{") == strlen(spec + stars + 1))
        return spec[stars + 1] == 0 && node->args[stars] == NULL;
    return node->n_args == 0;
}

static struct bm_latex *read_macro(struct reader *r, const struct token *t, size_t *pos, bool dollar)
{
    struct bm_latex *node = new_node(r, BM_LATEX_MACRO, t->text);
    if (!node)
        return NULL;
    const char *spec = bm_latex_macro_args(t->text);
    node->post_space = t->post_space;
    *pos = t->end;
    if (read_args(r, pos, spec, bm_is(t->text, "\\"), dollar, node)) {
        node->bare = is_bare(spec, node);
    } else {
        *pos = t->end;
        node->n_args = 0;
        node->no_args = node->bare = true;
    }
    return node;
}

static struct bm_latex *read_environment(struct reader *r, const struct token *t, size_t *pos, bool dollar)
{
    struct bm_latex *node = new_node(r, BM_LATEX_ENV, t->text);
    struct stop stop = {.env = t->text};
    if (!node)
        return NULL;
    *pos = t->end;
    if (!read_args(r, pos, bm_latex_env_args(t->text), false, dollar, node)) {
        *pos = t->end;
        node->n_args = 0;
    }
    node->inner = read_list(r, pos, &stop, dollar);
    return node;
}

static struct bm_latex *read_math(struct reader *r, const struct token *t, size_t *pos)
{
    struct bm_latex *node = new_node(r, BM_LATEX_MATH, t->text);
    struct stop stop = {.math = t->text};
    if (!node)
        return NULL;
    if (bm_is(t->text, "\\("))
        stop.math = bm_from(r->mem, "\\)");
    if (bm_is(t->text, "\\["))
        stop.math = bm_from(r->mem, "\\]");
    node->display = t->kind == T_DISPLAY;
    *pos = t->end;
    node->inner = read_list(r, pos, &stop, bm_is(t->text, "$"));
    return node;
}

static void flush(struct reader *r, struct bm_out *chars, struct bm_str space, struct bm_latex_list *list)
{
    bm_put(chars, space);
    if (chars->n)
        append(list, new_node(r, BM_LATEX_CHARS, bm_taken(chars)));
    *chars = bm_out_on(r->mem);
}

/* True when the token closes the list; *pos is behind it in any case. */
static bool read_one(struct reader *r, const struct token *t, size_t *pos, const struct stop *stop, bool dollar,
                     struct bm_latex_list *list)
{
    struct bm_latex *node = NULL;
    *pos = t->end;
    switch (t->kind) {
    case T_CLOSE:
        return stop->brace && t->text.cp[0] == stop->brace;
    case T_STOP_ENV:
        return stop->env.n && bm_equal(t->text, stop->env);
    case T_INLINE:
    case T_DISPLAY:
        if (stop->math.n && bm_equal(t->text, stop->math))
            return true;
        if (bm_is(t->text, "\\)") || bm_is(t->text, "\\]"))
            return false;
        node = read_math(r, t, pos);
        break;
    case T_COMMENT:
        node = new_node(r, BM_LATEX_COMMENT, t->text);
        if (node)
            node->post_space = t->post_space;
        break;
    case T_OPEN:
        node = read_group(r, pos, t->text.cp[0], dollar);
        break;
    case T_BEGIN:
        node = read_environment(r, t, pos, dollar);
        break;
    case T_MACRO:
        node = read_macro(r, t, pos, dollar);
        break;
    default:
        node = new_node(r, BM_LATEX_SPECIAL, t->text);
    }
    append(list, node);
    return false;
}

static struct bm_latex_list read_list(struct reader *r, size_t *pos, const struct stop *stop, bool dollar)
{
    struct bm_latex_list list = {NULL, NULL};
    struct bm_out chars = bm_out_on(r->mem);
    if (++r->depth > MAX_DEPTH)
        r->too_deep = true;
    uint32_t open = stop->open == '[' ? '[' : 0, close = open ? ']' : 0;
    while (!r->too_deep && !r->mem->failed) {
        struct token t = next_token(r, *pos, open, close, true, dollar);
        if (t.kind == T_END) {
            *pos += t.post_space.n;
            flush(r, &chars, t.post_space, &list);
            break;
        }
        if (t.kind == T_CHAR) {
            bm_put(&chars, t.pre_space);
            bm_put(&chars, t.text);
            *pos = t.end;
            continue;
        }
        flush(r, &chars, t.pre_space, &list);
        if (read_one(r, &t, pos, stop, dollar, &list))
            break;
    }
    r->depth--;
    return list;
}

bool bm_latex_parse(struct bm_mem *mem, struct bm_str text, struct bm_latex_list *out)
{
    struct reader r = {.mem = mem, .s = text};
    struct stop stop = {0};
    size_t pos = 0;
    *out = read_list(&r, &pos, &stop, false);
    return !r.too_deep && !mem->failed;
}
