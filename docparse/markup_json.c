/* SPDX-License-Identifier: Apache-2.0 */
/* Grounding and key-value JSON as models write it -> blocks. Reads sign by sign with a stack of its own, so a
 * block is complete with its object's '}'. Tolerant: prose and fences around, single quotes, trailing and
 * missing commas, a stray '{', numbers as strings or joined in one, a cut tail. An object with a box becomes
 * a block; the outermost objects without one become tables of keys and values. */
#include <string.h>

#include "docparse/markup_private.h"
#include "engine/base/utf8.h"

/* Texts of an object lie in m->text as records: key, 0, value, 0. */

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static struct mk_value *top(struct dp_markup *m)
{
    return m->json.depth > 0 ? &m->json.stack[m->json.depth - 1] : NULL;
}

static void put(struct dp_markup *m, const char *s, size_t n)
{
    if (m->full.text)
        return;
    m->full.text = !mk_bounded_append(&m->text, s, n);
    if (m->full.text)
        mk_warn(m, DP_MARKUP_W_LIMIT, m->place);
    if (m->text.failed == B_NO_MEMORY)
        m->full.memory = true;
}

static void forget(struct dp_markup *m, size_t start)
{
    if (m->text.data && start <= m->text.len) {
        m->text.len = start;
        m->text.data[start] = '\0';
    }
    m->full.text = false;
}

static bool is_box_key(const char *key)
{
    return strcmp(key, "bbox_2d") == 0 || strcmp(key, "bbox") == 0 || strcmp(key, "box_2d") == 0 ||
           strcmp(key, "point_2d") == 0 || strcmp(key, "box") == 0 || strcmp(key, "point") == 0;
}

/* The object whose member is being read: the innermost one. */
static struct mk_value *object_of(struct dp_markup *m)
{
    for (int i = m->json.depth - 1; i >= 0; i--)
        if (m->json.stack[i].object)
            return &m->json.stack[i];
    return NULL;
}

static bool reading_box(struct dp_markup *m, struct mk_value **object)
{
    *object = object_of(m);
    return *object && is_box_key((*object)->key) && !(*object)->closed_box;
}

/* A scalar value s[0..n). */
static void value(struct dp_markup *m, size_t start, bool string)
{
    struct mk_value *o;
    const size_t n = m->text.len > start ? m->text.len - start : 0;
    const char *s = n > 0 ? m->text.data + start : "";
    if (reading_box(m, &o)) {
        o->is_point = strncmp(o->key, "point", 5) == 0;
        o->box.seen = true;
        mk_numbers_read(s, n, &o->box);
        if (string)
            mk_warn(m, DP_MARKUP_W_JSON, o->offset);
        forget(m, start);
        return;
    }
    if (o && o == top(m))
        o->key_next = true; /* a comma may be missing */
    if (!o || is_box_key(o->key) || (!string && n == 4 && memcmp(s, "null", 4) == 0)) {
        forget(m, start);
        return;
    }
    /* The value is there already; its key goes before it. */
    const size_t k = strlen(o->key) + 1;
    char copy[MK_KEY_MAX];
    memcpy(copy, o->key, k);
    put(m, copy, k);
    put(m, "", 1);
    if (m->text.len != start + n + k + 1) {
        forget(m, start); /* no room */
        return;
    }
    memmove(m->text.data + start + k, m->text.data + start, n);
    memcpy(m->text.data + start, copy, k);
    m->text.data[m->text.len - 1] = '\0';
}

static bool wanted(const char *key)
{
    return strcmp(key, "text_content") == 0 || strcmp(key, "text") == 0 || strcmp(key, "content") == 0;
}

static bool label(const char *key)
{
    return strncmp(key, "label", 5) == 0 || strcmp(key, "sub_label") == 0 || strcmp(key, "class") == 0 ||
           strcmp(key, "category") == 0;
}

/* One record at s[*pos); false at the end or when it was cut. */
static bool record(const char *s, size_t n, size_t *pos, struct mk_slice *key, struct mk_slice *val)
{
    if (*pos >= n)
        return false;
    const char *a = memchr(s + *pos, 0, n - *pos);
    const char *b = a ? memchr(a + 1, 0, n - (size_t)(a + 1 - s)) : NULL;
    if (!a)
        return false;
    *key = (struct mk_slice){s + *pos, (size_t)(a - s) - *pos};
    *val = (struct mk_slice){a + 1, b ? (size_t)(b - a) - 1 : n - (size_t)(a + 1 - s)};
    *pos = b ? (size_t)(b - s) + 1 : n;
    return true;
}

/* The block's text: what was read on the page when the object says so, else its label, else all values. */
static const char *text_of(struct dp_markup *m, size_t start, bool *read)
{
    const size_t n = m->text.len > start ? m->text.len - start : 0;
    const char *s = n > 0 ? m->text.data + start : "";
    char *out = n > 0 && !m->full.arena ? b_arena_alloc(m->page->arena, 2 * n + 1, 1) : NULL;
    if (!out) {
        m->full.arena = m->full.arena || n > 0;
        return "";
    }
    int best = 0;
    struct mk_slice key, val;
    for (size_t pos = 0; record(s, n, &pos, &key, &val);) {
        const int rank = wanted(key.p) ? 2 : label(key.p);
        best = rank > best ? rank : best;
    }
    size_t len = 0;
    for (size_t pos = 0; record(s, n, &pos, &key, &val);) {
        const int rank = wanted(key.p) ? 2 : label(key.p);
        val = mk_trim(val);
        if (rank < best || val.n == 0)
            continue;
        if (len > 0) {
            out[len++] = ',';
            out[len++] = ' ';
        }
        memcpy(out + len, val.p, val.n);
        len += val.n;
    }
    out[len] = '\0';
    *read = best == 2;
    return out;
}

static bool box_of(struct dp_markup *m, const struct mk_value *v, struct dp_rect *out, uint32_t *flags)
{
    struct mk_numbers n = v->box;
    if (v->is_point && n.n == 2) {
        /* a point: the smallest box around it that every axis resolves */
        n.v[2] = n.v[0];
        n.v[3] = n.v[1];
        n.n = 4;
        const double w = m->frame_w, h = m->frame_h;
        const bool inside = n.v[0] >= 0 && n.v[1] >= 0 && (w <= 0 || n.v[0] <= w) && (h <= 0 || n.v[1] <= h);
        if (!inside || n.bad) {
            mk_warn(m, DP_MARKUP_W_BOX_DROPPED, v->offset);
            *flags |= DP_FLAG_REPAIRED;
            return false;
        }
        const double sx = w > 0 && m->page->width > 0 ? m->page->width / w : 1,
                     sy = h > 0 && m->page->height > 0 ? m->page->height / h : 1;
        const float x = (float)(n.v[0] * sx), y = (float)(n.v[1] * sy);
        *out = (struct dp_rect){x, y, x, y};
        return true;
    }
    return mk_box_of(m, &n, v->offset, out, flags);
}

static void emit_block(struct dp_markup *m, const struct mk_value *v, uint32_t flags)
{
    struct mk_elem e = {.block = DP_NONE};
    bool read = false;
    e.boxed = box_of(m, v, &e.box, &flags);
    const int32_t block = mk_block_add(m, DP_OTHER, 0, DP_NONE);
    if (block == DP_NONE)
        return;
    struct dp_block *b = &m->page->blocks[block];
    b->text = text_of(m, v->start, &read);
    b->type = read ? DP_PARAGRAPH : DP_OTHER; /* a label is not text of the page */
    b->flags |= flags;
    mk_set_box(b, &e);
    mk_complete(m, block);
}

/* {"company": "...", "total": "..."}: a table of two columns, the keys as row headers. */
static void emit_table(struct dp_markup *m, const struct mk_value *v, uint32_t flags)
{
    const size_t n = m->text.len > v->start ? m->text.len - v->start : 0;
    const char *s = n > 0 ? m->text.data + v->start : "";
    struct mk_slice key, val;
    bool repaired = false, looped = false;
    const int th = mk_name_find("th", 2), td = mk_name_find("td", 2);
    m->grids.tables[m->grids.n_tables++] = (struct mk_table){.first_cell = m->grids.n_cells, .closed = true};
    for (size_t pos = 0; record(s, n, &pos, &key, &val);) {
        struct mk_elem cell = {.name = (uint8_t)th, .rowspan = 1, .colspan = 1, .scope = 'r'};
        cell.meta.confidence = DP_NO_CONFIDENCE;
        m->grids.tables[m->grids.n_tables - 1].rows++;
        val = mk_trim(val);
        bool fits = mk_cell_add(m, &cell, mk_text_copy(m, key.p, key.n));
        cell.name = (uint8_t)td;
        cell.scope = 0;
        fits = fits && mk_cell_add(m, &cell, mk_text_copy(m, val.p, val.n));
        if (!fits)
            mk_warn(m, DP_MARKUP_W_LIMIT, v->offset);
    }
    const int32_t table = mk_table_finish(m, v->offset, &repaired, &looped);
    if (table == DP_NONE)
        return;
    const int32_t block = mk_block_add(m, DP_TABLE, 0, DP_NONE);
    if (block == DP_NONE)
        return;
    m->page->blocks[block].table = table;
    m->page->blocks[block].text = mk_table_text(m, table);
    m->page->blocks[block].flags |= flags;
    mk_complete(m, block);
}

static bool has_box(const struct mk_value *v)
{
    return v->box.seen;
}

/* Takes the innermost value off. `cut`: the answer ended inside of it. */
static void close_value(struct dp_markup *m, bool cut)
{
    struct mk_json *j = &m->json;
    struct mk_value v = *top(m), *up;
    const uint32_t flags = cut ? DP_FLAG_TRUNCATED : 0;
    const bool told = m->text.len > v.start;
    j->depth--;
    up = top(m);
    if (!v.object) {
        if (up && up->object && is_box_key(up->key)) {
            up->closed_box = true;
            up->box.bad = up->box.bad || cut; /* what was cut inside of its numbers is no box (R11) */
        }
        if (up && v.emitted)
            up->emitted = true;
        if (up && up->object)
            up->key_next = true;
    } else if (has_box(&v)) {
        if (told || !cut)
            emit_block(m, &v, flags);
        forget(m, v.start);
        if (up)
            up->emitted = true;
    } else if (!object_of(m)) {
        if (!v.emitted && told)
            emit_table(m, &v, flags);
        forget(m, v.start);
        if (up)
            up->emitted = true;
    } else if (up && v.emitted) {
        up->emitted = true; /* its texts stay and belong to the object around */
    }
    if (v.object && up && up->object)
        up->key_next = true;
    if (j->depth == 0)
        j->done = !cut;
}

static void open_value(struct dp_markup *m, bool object)
{
    struct mk_json *j = &m->json;
    struct mk_value *t = top(m);
    j->any = true;
    if (j->skip > 0 || j->depth >= m->opt.limits.depth) {
        if (j->skip++ == 0)
            mk_warn(m, DP_MARKUP_W_NESTING, mk_offset(m, m->win.at));
        return;
    }
    if (object && t && t->object && t->key_next && has_box(t)) {
        mk_warn(m, DP_MARKUP_W_JSON, mk_offset(m, m->win.at)); /* a missing '}' */
        close_value(m, false);
    } else if (object && t && t->object && t->key_next) {
        mk_warn(m, DP_MARKUP_W_JSON, mk_offset(m, m->win.at)); /* a stray '{': this object starts anew */
        forget(m, t->start);
        t->box = (struct mk_numbers){0};
        t->closed_box = t->emitted = false;
        t->key[0] = '\0';
        return;
    }
    struct mk_value *v = &j->stack[j->depth++];
    *v = (struct mk_value){
        .object = object, .key_next = object, .start = m->text.len, .offset = mk_offset(m, m->win.at)};
}

static void end_string(struct dp_markup *m)
{
    struct mk_json *j = &m->json;
    struct mk_value *t = top(m);
    if (j->in_key) {
        const size_t n = m->text.len > j->string ? m->text.len - j->string : 0;
        size_t k = n < MK_KEY_MAX - 1 ? n : MK_KEY_MAX - 1;
        while (k > 0 && k < n && ((unsigned char)m->text.data[j->string + k] & 0xC0) == 0x80)
            k--;
        if (t && k > 0)
            memcpy(t->key, m->text.data + j->string, k);
        if (t)
            t->key[k] = '\0';
        forget(m, j->string);
    } else {
        value(m, j->string, j->quote != 0);
    }
    j->quote = 0;
}

static void put_code_point(struct dp_markup *m, uint32_t cp)
{
    char utf8[4];
    if (cp == '\r')
        cp = '\n';
    if (cp == 0 || (b_cp_is_control(cp) && cp < 0xD800))
        return;
    const size_t n = b_utf8_put(b_cp_is_control(cp) ? 0xFFFD : cp, utf8);
    put(m, utf8, n);
}

/* A unit of UTF-16 is complete: pairs become one character, halves of pairs U+FFFD. */
static void unit_done(struct dp_markup *m)
{
    struct mk_json *j = &m->json;
    const bool low = j->unit >= 0xDC00 && j->unit < 0xE000;
    const uint32_t high = j->high;
    j->high = 0;
    if (high && low) {
        put_code_point(m, 0x10000 + ((high - 0xD800) << 10) + (j->unit - 0xDC00));
        return;
    }
    if (high)
        put_code_point(m, 0xFFFD);
    if (j->unit >= 0xD800 && j->unit < 0xDC00)
        j->high = j->unit;
    else
        put_code_point(m, low ? 0xFFFD : j->unit);
}

static void escaped(struct dp_markup *m, char c)
{
    struct mk_json *j = &m->json;
    j->escape = false;
    if (c == 'u') {
        j->hex = 4;
        j->unit = 0;
    } else if (c == 'n' || c == 't') {
        put(m, c == 'n' ? "\n" : "\t", 1);
    } else if (c == 'r' || c == 'b' || c == 'f') {
        /* nothing to see */
    } else if (c == '"' || c == '\'' || c == '\\' || c == '/') {
        put(m, &c, 1);
    } else {
        put(m, "\\", 1); /* LaTeX that was not escaped */
        put(m, &c, 1);
    }
}

/* A quote right before one of these was not escaped: 'it's'. */
static bool word(char c)
{
    const char low = (char)(c | 0x20);
    return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z') || (unsigned char)c >= 0x80;
}

/* Bytes of a string: how many were taken, 0 when more must come first. */
static size_t string(struct dp_markup *m, const char *s, size_t n)
{
    struct mk_json *j = &m->json;
    const char c = s[0];
    if (j->high && j->hex == 0 && c != '\\' && !(j->escape && c == 'u')) {
        put_code_point(m, 0xFFFD); /* half of a pair */
        j->high = 0;
    }
    if (j->hex > 0) {
        const char low = (char)(c | 0x20);
        if ((c >= '0' && c <= '9') || (low >= 'a' && low <= 'f')) {
            j->unit = j->unit * 16 + (uint32_t)(c <= '9' ? c - '0' : low - 'a' + 10);
            if (--j->hex == 0)
                unit_done(m);
            return 1;
        }
        j->hex = 0; /* not four digits: the unit is none */
        if (j->high)
            put_code_point(m, 0xFFFD);
        j->high = 0;
    }
    if (j->escape) {
        escaped(m, c);
        return 1;
    }
    if (c == '\\') {
        j->escape = true;
        return 1;
    }
    if (c == j->quote && n == 1 && !m->lex.final)
        return 0; /* what follows decides */
    if (c == j->quote && !(n > 1 && word(s[1]))) {
        end_string(m);
        return 1;
    }
    size_t i = 1;
    while (i < n && s[i] != j->quote && s[i] != '\\')
        i++;
    put(m, s, i);
    return i;
}

/* A number or a word outside of quotes: taken while it lasts. */
static size_t bare(struct dp_markup *m, const char *s, size_t n)
{
    struct mk_json *j = &m->json;
    size_t i = 0;
    while (i < n && !space(s[i]) && !strchr(",:{}[]\"'", s[i]))
        i++;
    if (i > 0)
        put(m, s, i);
    if (i < n) {
        struct mk_value *t = top(m);
        j->bare = false;
        j->in_key = t && t->object && t->key_next;
        end_string(m);
    }
    return i;
}

static void sign(struct dp_markup *m, char c)
{
    struct mk_json *j = &m->json;
    struct mk_value *t = top(m);
    m->place = mk_offset(m, m->win.at);
    switch (c) {
    case '{':
    case '[':
        open_value(m, c == '{');
        break;
    case '}':
    case ']':
        if (j->skip > 0) {
            j->skip--;
        } else if (t) {
            if (t->object != (c == '}')) {
                mk_warn(m, DP_MARKUP_W_JSON, mk_offset(m, m->win.at));
                if (c == ']' && t->object && j->depth > 1)
                    close_value(m, false); /* a missing '}' */
                else if (c == '}' && j->depth > 1)
                    close_value(m, false); /* a missing ']' */
            }
            if (top(m))
                close_value(m, false);
        }
        break;
    case ':':
        if (t && t->object)
            t->key_next = false;
        break;
    case ',':
        if (t && t->object)
            t->key_next = true;
        break;
    default:
        break;
    }
}

void mk_json_read(struct dp_markup *m)
{
    struct mk_json *j = &m->json;
    m->res.kind = DP_MARKUP_JSON;
    while (m->win.at < m->win.end && !m->full.memory) {
        const char *s = m->win.bytes + m->win.at;
        const size_t n = m->win.end - m->win.at;
        size_t used = 1;
        if (j->quote) {
            used = string(m, s, n);
            if (used == 0)
                return;
        } else if (j->bare) {
            used = bare(m, s, n);
        } else if (j->depth > 0 && j->skip == 0 && (s[0] == '"' || s[0] == '\'')) {
            const struct mk_value *t = top(m);
            j->quote = s[0];
            j->string = m->text.len;
            j->in_key = t->object && t->key_next;
            j->escape = false;
            j->hex = 0;
        } else if (j->depth > 0 && j->skip == 0 && !space(s[0]) && !strchr(",:{}[]`", s[0])) {
            j->bare = true;
            j->string = m->text.len;
            used = 0;
        } else {
            sign(m, s[0]);
        }
        m->win.at += used;
    }
}

void mk_json_end(struct dp_markup *m)
{
    struct mk_json *j = &m->json;
    struct mk_value *object;
    if (m->res.kind != DP_MARKUP_JSON && !j->any)
        m->res.kind = DP_MARKUP_JSON;
    if (j->quote && !j->in_key && !reading_box(m, &object))
        end_string(m); /* a text that was cut is kept, flagged */
    else if (j->quote || j->bare)
        forget(m, j->string);
    if (j->depth > 0) {
        m->res.truncated = true;
        mk_warn(m, DP_MARKUP_W_JSON, mk_offset(m, m->win.at));
    }
    while (j->depth > 0)
        close_value(m, true);
}
