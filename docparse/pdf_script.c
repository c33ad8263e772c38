/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and operand stack of cairo's script language, as far as its script surface writes it. Invariant: the
 * top of the stack is the context that draws once an operator is done; an operator that is not known takes
 * everything above the context with it, so that reading always falls back into step. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/pdf_script_private.h"

#define DOMAIN "pdf"
#define NUMBERED_MAX 1000000u /* surfaces, fonts and contexts of one page */
#define ITEMS_MAX 1000000u
#define DATA_MAX 65536u /* bytes of glyph data worth decoding; longer data are pictures and fonts */

#define MOVES_MAX 50000000u /* marks looked at when groups are placed: nested groups place theirs once a level */
#define TRUETYPE 42         /* type of a font that is held as a whole */
#define DICT_MARK (-2)      /* id of the object that << pushes */

static const struct script_matrix identity = {1, 0, 0, 1, 0, 0};

bool dp_script_grow(struct script *s, void **array, size_t *cap, size_t count, size_t size, size_t most)
{
    if (count < *cap)
        return true;
    size_t wanted = *cap ? *cap : 64;
    while (wanted <= count)
        wanted *= 2;
    void *grown = count >= most ? NULL : realloc(*array, wanted * size);
    if (!grown) {
        s->failed = true;
        s->starved = s->starved || count < most;
        return false;
    }
    memset((char *)grown + *cap * size, 0, (wanted - *cap) * size);
    *array = grown;
    *cap = wanted;
    return true;
}

static void push(struct script *s, struct script_object object)
{
    if (s->depth == DP_SCRIPT_STACK)
        s->failed = true;
    else
        s->stack[s->depth++] = object;
}

struct script_object dp_script_pop(struct script *s)
{
    static const struct script_object nothing = {.kind = SCRIPT_OTHER, .id = -1};
    return s->depth > 0 ? s->stack[--s->depth] : nothing;
}

double dp_script_number(struct script *s)
{
    const struct script_object o = dp_script_pop(s);
    return o.kind == SCRIPT_NUMBER && isfinite(o.number) ? o.number : 0;
}

struct script_context *dp_script_context(struct script *s)
{
    if (s->depth == 0 || s->stack[s->depth - 1].kind != SCRIPT_CONTEXT)
        return NULL;
    return &s->contexts[s->stack[s->depth - 1].id];
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* (text) with its escapes, decoded to the end of out->text. */
static void read_string(struct script *s)
{
    struct script_object o = {.kind = SCRIPT_STRING, .first = s->out->text_bytes};
    int nested = 1;
    for (s->at++; s->at < s->end; s->at++) {
        char c = *s->at;
        if (c == '\\' && s->at + 1 < s->end) {
            c = *++s->at;
            if (c >= '0' && c <= '7') {
                int value = 0, digits = 0;
                for (; digits < 3 && s->at < s->end && *s->at >= '0' && *s->at <= '7'; digits++)
                    value = value * 8 + (*s->at++ - '0');
                s->at--;
                c = (char)value;
            } else {
                static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
                const char *hit = c ? strchr(from, c) : NULL;
                c = hit ? to[hit - from] : c;
            }
        } else if (c == '(') {
            nested++;
        } else if (c == ')' && --nested == 0) {
            s->at++;
            break;
        }
        if (!dp_script_grow(s, (void **)&s->out->text, &s->cap_text, s->out->text_bytes, 1, UINT32_MAX / 2))
            return;
        s->out->text[s->out->text_bytes++] = c;
    }
    o.count = s->out->text_bytes - o.first;
    push(s, o);
}

static bool add_glyph(struct script *s, uint32_t glyph)
{
    if (!dp_script_grow(s, (void **)&s->glyphs, &s->cap_glyphs, s->n_glyphs, sizeof *s->glyphs, ITEMS_MAX))
        return false;
    s->glyphs[s->n_glyphs++] = glyph;
    return true;
}

/* <~base 85~>: appends the bytes as glyphs when `wanted`. <|...~> is compressed and always skipped. */
static void read_data(struct script *s, bool wanted)
{
    const char *p = s->at + 2; /* callers have seen both characters; the data may begin with ">" */
    const char *end = memmem(p, (size_t)(s->end - p), "~>", 2);
    wanted = wanted && end && s->at[1] == '~' && (size_t)(end - p) <= DATA_MAX;
    uint64_t tuple = 0;
    int n = 0;
    for (; wanted && p < end; p++) {
        if (*p == 'z' && n == 0) {
            for (int i = 0; i < 4; i++)
                wanted = add_glyph(s, 0);
        } else if (*p >= '!' && *p <= 'u') {
            tuple = tuple * 85 + (uint64_t)(*p - '!');
            if (++n == 5) {
                for (int i = 3; i >= 0; i--)
                    wanted = add_glyph(s, (uint32_t)(tuple >> (8 * i)) & 0xff);
                tuple = 0;
                n = 0;
            }
        }
    }
    if (wanted && n > 1) {
        for (int i = n; i < 5; i++)
            tuple = tuple * 85 + 84;
        for (int i = 0; i < n - 1; i++)
            (void)add_glyph(s, (uint32_t)(tuple >> (24 - 8 * i)) & 0xff);
    }
    s->at = end ? end + 2 : s->end;
}

/* A number of at most 32 characters; locale plays no part. */
static double parse_number(const char *p, size_t len)
{
    double value = 0, scale = 1;
    bool negative = len > 0 && *p == '-', fraction = false;
    for (size_t i = negative ? 1 : 0; i < len; i++) {
        if (p[i] == '.') {
            fraction = true;
        } else if (p[i] >= '0' && p[i] <= '9') {
            value = value * 10 + (p[i] - '0');
            scale *= fraction ? 10 : 1;
        } else {
            return NAN;
        }
    }
    value /= scale;
    return negative ? -value : value;
}

static size_t word_length(const struct script *s)
{
    const char *p = s->at;
    while (p < s->end && !is_space(*p) && strchr("[]()<>{}", *p) == NULL)
        p++;
    return (size_t)(p - s->at);
}

static void add_item(struct script *s, struct script_item item)
{
    if (dp_script_grow(s, (void **)&s->items, &s->cap_items, s->n_items, sizeof item, ITEMS_MAX))
        s->items[s->n_items++] = item;
}

/* [numbers, data and inner arrays of numbers], flat. Inner arrays and data are runs of glyphs. */
static void read_array(struct script *s)
{
    struct script_object o = {.kind = SCRIPT_ARRAY, .first = s->n_items};
    int depth = 0;
    size_t run = 0;
    while (s->at < s->end && !s->failed) {
        const char c = *s->at;
        if (is_space(c)) {
            s->at++;
        } else if (c == '[') {
            depth++;
            run = s->n_glyphs;
            s->at++;
        } else if (c == ']') {
            s->at++;
            if (depth == 2)
                add_item(s, (struct script_item){.is_run = true, .first = run, .count = s->n_glyphs - run});
            if (--depth == 0)
                break;
        } else if (c == '<' && s->at + 1 < s->end) {
            run = s->n_glyphs;
            read_data(s, true);
            add_item(s, (struct script_item){.is_run = true, .first = run, .count = s->n_glyphs - run});
        } else {
            const size_t len = word_length(s);
            const double v = parse_number(s->at, len);
            s->at += len ? len : 1;
            if (depth > 1)
                (void)add_glyph(s, v >= 0 && v < 1e6 ? (uint32_t)v : 0);
            else
                add_item(s, (struct script_item){.number = v});
        }
    }
    o.count = s->n_items - o.first;
    push(s, o);
}

/* {procedure}: skipped whole; strings and data inside may hold braces. */
static void skip_procedure(struct script *s)
{
    int depth = 0;
    while (s->at < s->end) {
        const char c = *s->at;
        if (c == '(') {
            for (s->at++; s->at < s->end && *s->at != ')'; s->at++)
                s->at += *s->at == '\\' && s->at + 1 < s->end;
            s->at += s->at < s->end;
        } else if (c == '<' && s->at + 1 < s->end && (s->at[1] == '~' || s->at[1] == '|')) {
            read_data(s, false);
        } else {
            s->at++;
            depth += (c == '{') - (c == '}');
            if (depth == 0)
                return;
        }
    }
}

static bool is_key(const struct script_object *o, const char *base, const char *key)
{
    return o->kind == SCRIPT_NAME && o->count == strlen(key) && memcmp(base + o->first, key, o->count) == 0;
}

/* What stands between << and >>: sizes, format and metrics are kept. */
static void close_dict(struct script *s, const char *base)
{
    struct script_object dict = {.kind = SCRIPT_DICT, .id = -1};
    while (s->depth > 0) {
        const struct script_object value = dp_script_pop(s);
        if (value.kind == SCRIPT_DICT && value.id == DICT_MARK)
            break;
        const struct script_object key = dp_script_pop(s);
        if (key.kind == SCRIPT_DICT && key.id == DICT_MARK)
            break;
        if (is_key(&key, base, "/width"))
            dict.width = (int32_t)fmin(fmax(value.number, 0), 1e6);
        else if (is_key(&key, base, "/height"))
            dict.height = (int32_t)fmin(fmax(value.number, 0), 1e6);
        else if (is_key(&key, base, "/format"))
            dict.opaque = is_key(&value, base, "//RGB24") || is_key(&value, base, "//RGB16_565");
        else if (is_key(&key, base, "/type"))
            dict.truetype = value.kind == SCRIPT_NUMBER && value.number == TRUETYPE;
        else if (is_key(&key, base, "/source")) {
            dict.data = value.data;
            dict.data_bytes = value.data_bytes;
        } else if (is_key(&key, base, "/metrics") && value.kind == SCRIPT_ARRAY) {
            dict.first = value.first;
            dict.count = value.count;
        }
    }
    push(s, dict);
}

static bool name_is(const char *p, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(p, name, len) == 0;
}

/* "s12", "f3", "sf4": the number behind the prefix, or -1. */
static int32_t numbered(const char *p, size_t len, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (len <= n || len > n + 9 || memcmp(p, prefix, n) != 0)
        return -1;
    int32_t value = 0;
    for (size_t i = n; i < len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        value = value * 10 + (p[i] - '0');
    }
    return value;
}

static struct script_font *font_at(struct script *s, int32_t id)
{
    if (id < 0 || !dp_script_grow(s, (void **)&s->fonts, &s->cap_fonts, (size_t)id, sizeof *s->fonts, NUMBERED_MAX))
        return NULL;
    return &s->fonts[id];
}

/* /name value def: surfaces and fonts are remembered by their numbers. */
static void define(struct script *s, const char *base)
{
    const struct script_object value = dp_script_pop(s), name = dp_script_pop(s);
    if (name.kind != SCRIPT_NAME || name.count < 2)
        return;
    const char *p = base + name.first + 1;
    int32_t id = numbered(p, name.count - 1, "s");
    if (id >= 0 && value.kind == SCRIPT_SURFACE &&
        dp_script_grow(s, (void **)&s->names, &s->cap_names, (size_t)id, sizeof *s->names, NUMBERED_MAX))
        s->names[id] = (struct named){value.id, value.width, value.height, value.picture, value.opaque, true};
    id = numbered(p, name.count - 1, "f");
    if (id >= 0) {
        struct script_font *made = font_at(s, id);
        s->last_font = id;
        if (made) {
            free(made->advances);
            *made = s->embedded;
            s->embedded = (struct script_font){0};
        }
    }
    id = numbered(p, name.count - 1, "sf");
    struct script_font *font = id >= 0 ? font_at(s, id) : NULL;
    const struct script_context *ctx = dp_script_context(s);
    if (font && ctx)
        font->matrix = ctx->given_matrix;
}

static void push_context(struct script *s)
{
    const struct script_object surface = dp_script_pop(s);
    if (!dp_script_grow(s, (void **)&s->contexts, &s->cap_contexts, s->n_contexts, sizeof *s->contexts, NUMBERED_MAX))
        return;
    struct script_context *ctx = &s->contexts[s->n_contexts];
    *ctx = (struct script_context){.surface = surface.id,
                                   .ctm = identity,
                                   .font_matrix = identity,
                                   .given_matrix = identity,
                                   .font = -1,
                                   .line_width = 2,
                                   .clip = {-1e9, -1e9, 1e9, 1e9}};
    ctx->source = (struct script_object){.kind = SCRIPT_PATTERN, .id = -1, .solid = true, .opaque = true};
    push(s, (struct script_object){.kind = SCRIPT_CONTEXT, .id = (int32_t)s->n_contexts++});
}

static struct script_object new_surface(struct script *s)
{
    const size_t id = (size_t)s->n_surfaces;
    if (dp_script_grow(s, (void **)&s->starts, &s->cap_starts, id, sizeof *s->starts, NUMBERED_MAX))
        s->starts[id] = s->out->n_marks;
    return (struct script_object){.kind = SCRIPT_SURFACE, .id = s->n_surfaces++};
}

/* object key get: the object stays below. */
static void get(struct script *s, const char *base)
{
    const struct script_object key = dp_script_pop(s);
    if (s->depth == 0)
        return;
    const struct script_object *of = &s->stack[s->depth - 1];
    struct script_object value = {.kind = SCRIPT_OTHER, .id = -1};
    if (of->kind == SCRIPT_CONTEXT) {
        const struct script_context *ctx = &s->contexts[of->id];
        if (is_key(&key, base, "/target"))
            value = (struct script_object){.kind = SCRIPT_SURFACE, .id = ctx->surface};
        else if (is_key(&key, base, "/source"))
            value = ctx->source;
    } else if (of->kind == SCRIPT_FONT && is_key(&key, base, "/glyphs")) {
        value = (struct script_object){.kind = SCRIPT_GLYPHS, .id = of->id};
    }
    push(s, value);
}

/* [x-bearing y-bearing width height x-advance y-advance] */
static struct glyph_advance metrics_of(const struct script_item *m)
{
    const float left = (float)m[0].number, top = (float)m[1].number;
    return (struct glyph_advance){(float)m[4].number,
                                  (float)m[5].number,
                                  {left, top, left + (float)m[2].number, top + (float)m[3].number},
                                  true};
}

/* object key value set: the object stays. Metrics of glyphs are what counts. */
static void set(struct script *s)
{
    const struct script_object value = dp_script_pop(s), key = dp_script_pop(s);
    if (s->depth == 0 || s->stack[s->depth - 1].kind != SCRIPT_GLYPHS || key.kind != SCRIPT_NUMBER ||
        value.kind != SCRIPT_DICT || value.count < 6 || !(key.number >= 0 && key.number < 65536))
        return;
    struct script_font *font = font_at(s, s->stack[s->depth - 1].id);
    const size_t glyph = (size_t)key.number;
    if (font && !font->last_repeats &&
        dp_script_grow(s, (void **)&font->advances, &font->cap, glyph, sizeof *font->advances, 65537))
        font->advances[glyph] = metrics_of(&s->items[value.first]);
}

static void roll(struct script *s)
{
    const int by = (int)fmin(fmax(dp_script_number(s), -1), 1),
              n = (int)fmin(fmax(dp_script_number(s), 0), DP_SCRIPT_STACK);
    if (n < 2 || n > s->depth || by == 0)
        return;
    struct script_object *low = &s->stack[s->depth - n], moved;
    if (by < 0) {
        moved = low[0];
        memmove(low, low + 1, (size_t)(n - 1) * sizeof *low);
        low[n - 1] = moved;
    } else {
        moved = low[n - 1];
        memmove(low + 1, low, (size_t)(n - 1) * sizeof *low);
        low[0] = moved;
    }
}

/* dict font: metrics of the glyphs come with the font, or glyph by glyph later. */
static void make_font(struct script *s)
{
    const struct script_object dict = dp_script_pop(s);
    free(s->embedded.advances);
    s->embedded = (struct script_font){0};
    if (dict.kind == SCRIPT_DICT && dict.truetype && dict.data)
        s->starved = !dp_script_font_metrics(dict.data, dict.data_bytes, &s->embedded) || s->starved;
    push(s, (struct script_object){.kind = SCRIPT_FONT, .id = -1});
}

/* Operators of the stack and of objects. */
static bool run_stack(struct script *s, const char *p, size_t len, const char *base)
{
    if (name_is(p, len, "dup")) {
        if (s->depth > 0)
            push(s, s->stack[s->depth - 1]);
    } else if (name_is(p, len, "exch")) {
        const struct script_object b = dp_script_pop(s), a = dp_script_pop(s);
        push(s, b);
        push(s, a);
    } else if (name_is(p, len, "pop") || name_is(p, len, "undef")) {
        (void)dp_script_pop(s);
    } else if (name_is(p, len, "index")) {
        const double n = dp_script_number(s);
        if (n >= 0 && n < s->depth)
            push(s, s->stack[s->depth - 1 - (int)n]);
    } else if (name_is(p, len, "roll")) {
        roll(s);
    } else if (name_is(p, len, "def")) {
        define(s, base);
    } else if (name_is(p, len, "get")) {
        get(s, base);
    } else if (name_is(p, len, "set")) {
        set(s);
    } else if (name_is(p, len, "dict") || name_is(p, len, "array")) {
        push(s, (struct script_object){.kind = SCRIPT_OTHER, .id = -1});
    } else if (name_is(p, len, "font")) {
        make_font(s);
    } else {
        return false;
    }
    return true;
}

static void push_picture(struct script *s)
{
    const struct script_object dict = dp_script_pop(s);
    struct script_object o = new_surface(s);
    o.picture = true;
    o.opaque = dict.opaque;
    o.width = dict.width;
    o.height = dict.height;
    push(s, o);
}

/* Operators that make surfaces and contexts. */
static bool run_surface(struct script *s, const char *p, size_t len)
{
    if (name_is(p, len, "surface")) {
        (void)dp_script_pop(s);
        push(s, new_surface(s));
    } else if (name_is(p, len, "context")) {
        push_context(s);
    } else if (name_is(p, len, "similar")) {
        for (int i = 0; i < 4; i++)
            (void)dp_script_pop(s);
        push(s, new_surface(s));
    } else if (name_is(p, len, "record")) {
        (void)dp_script_pop(s);
        (void)dp_script_pop(s);
        push(s, new_surface(s));
    } else if (name_is(p, len, "image")) {
        push_picture(s);
    } else if (name_is(p, len, "set-mime-data")) {
        (void)dp_script_pop(s);
        (void)dp_script_pop(s);
    } else if (name_is(p, len, "subsurface")) {
        for (int i = 0; i < 4; i++)
            (void)dp_script_pop(s);
    } else if (name_is(p, len, "identity")) {
        struct script_object o = {.kind = SCRIPT_ARRAY, .first = s->n_items, .count = 6};
        for (int i = 0; i < 6; i++)
            add_item(s, (struct script_item){.number = i == 0 || i == 3});
        push(s, o);
    } else {
        return false;
    }
    return true;
}

static bool run_named(struct script *s, const char *p, size_t len)
{
    int32_t id = numbered(p, len, "sf");
    if (id < 0)
        id = numbered(p, len, "f");
    if (id >= 0) {
        push(s, (struct script_object){.kind = SCRIPT_FONT, .id = id});
        return true;
    }
    id = numbered(p, len, "s");
    if (id < 0)
        return false;
    struct script_object o = {.kind = SCRIPT_SURFACE, .id = -1};
    if ((size_t)id < s->cap_names && s->names[id].known) {
        const struct named *n = &s->names[id];
        o = (struct script_object){.kind = SCRIPT_SURFACE,
                                   .id = n->surface,
                                   .width = n->width,
                                   .height = n->height,
                                   .picture = n->picture,
                                   .opaque = n->opaque};
    }
    push(s, o);
    return true;
}

static void run_word(struct script *s, const char *base)
{
    const char *p = s->at;
    const size_t len = word_length(s);
    s->at += len ? len : 1;
    if (len == 0)
        return;
    if ((*p >= '0' && *p <= '9') || *p == '-' || *p == '.') {
        push(s, (struct script_object){.kind = SCRIPT_NUMBER, .number = parse_number(p, len)});
        return;
    }
    if (*p == '/') {
        push(s, (struct script_object){.kind = SCRIPT_NAME, .first = (size_t)(p - base), .count = len});
        return;
    }
    if (run_stack(s, p, len, base) || run_surface(s, p, len) || run_named(s, p, len) || dp_script_draw(s, p, len)) {
        /* Arrays of finished operations are of no more use. */
        if (s->depth > 0 && s->stack[s->depth - 1].kind == SCRIPT_CONTEXT)
            s->n_items = s->n_glyphs = 0;
        return;
    }
    for (int i = s->depth - 1; i >= 0; i--)
        if (s->stack[i].kind == SCRIPT_CONTEXT) {
            s->depth = i + 1;
            break;
        }
}

static void run(struct script *s)
{
    const char *base = s->at;
    while (s->at < s->end && !s->failed) {
        const char c = *s->at;
        const char next = s->at + 1 < s->end ? s->at[1] : '\0';
        if (is_space(c)) {
            s->at++;
        } else if (c == '%') {
            const char *eol = memchr(s->at, '\n', (size_t)(s->end - s->at));
            s->at = eol ? eol : s->end;
        } else if (c == '(') {
            read_string(s);
        } else if (c == '[') {
            read_array(s);
        } else if (c == '{') {
            skip_procedure(s);
            push(s, (struct script_object){.kind = SCRIPT_OTHER, .id = -1});
        } else if (c == '<' && next == '<') {
            s->at += 2;
            push(s, (struct script_object){.kind = SCRIPT_DICT, .id = DICT_MARK});
        } else if (c == '>' && next == '>') {
            s->at += 2;
            close_dict(s, base);
        } else if (c == '<' && (next == '~' || next == '|')) {
            struct script_object o = {.kind = SCRIPT_ARRAY, .first = s->n_items, .count = 1};
            const size_t first = s->n_glyphs;
            o.data = next == '|' ? s->at + 2 : NULL;
            read_data(s, true);
            o.data_bytes = o.data ? (size_t)(s->at - o.data) : 0;
            add_item(s, (struct script_item){.is_run = true, .first = first, .count = s->n_glyphs - first});
            push(s, o);
        } else if (c == ']') {
            s->at++; /* the script surface closes an array twice before clusters */
        } else {
            run_word(s, base);
        }
    }
}

static void release(struct script *s)
{
    for (size_t i = 0; i < s->n_contexts; i++)
        free(s->contexts[i].path);
    for (size_t i = 0; i < s->cap_fonts; i++)
        free(s->fonts[i].advances);
    free(s->embedded.advances);
    free(s->contexts);
    free(s->fonts);
    free(s->names);
    free(s->starts);
    free(s->items);
    free(s->glyphs);
    free(s);
}

enum b_code dp_pdf_script_read(const char *script, size_t size, size_t most, struct dp_pdf_drawing *out,
                               struct b_err *err)
{
    *out = (struct dp_pdf_drawing){0};
    struct script *s = calloc(1, sizeof *s);
    if (!s)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    s->at = script;
    s->end = script + size;
    s->most = most;
    s->out = out;
    s->last_font = -1;
    s->moves_left = MOVES_MAX;
    run(s);
    out->truncated = s->failed;
    size_t kept = 0; /* marks of surfaces that were never painted are masks and patterns */
    for (size_t i = 0; i < out->n_marks; i++)
        if (out->marks[i].surface == 0)
            out->marks[kept++] = out->marks[i];
    out->n_marks = kept;
    out->n_shapes = 0;
    for (size_t i = 0; i < kept; i++)
        out->n_shapes += out->marks[i].kind == DP_PDF_SHAPE;
    const bool starved = s->starved;
    release(s);
    return starved ? b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory") : B_OK;
}

void dp_pdf_drawing_free(struct dp_pdf_drawing *drawing)
{
    free(drawing->marks);
    free(drawing->text);
    *drawing = (struct dp_pdf_drawing){0};
}
