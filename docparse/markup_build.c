/* SPDX-License-Identifier: Apache-2.0 */
/* Elements -> blocks. Each element on the stack has a role: a wrapper, a collector of text, a part of a table
 * or list, or a mere line break inside of a collector. Blocks that hold others (lists, items, tables, charts)
 * take their place on the page when they begin, all others when they end. */
#include <string.h>

#include "docparse/markup_private.h"

static struct mk_elem *top(struct dp_markup *m)
{
    return &m->stack[m->depth - 1];
}

static uint32_t read_flags(struct mk_slice s)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < s.n;) {
        size_t end = i;
        while (end < s.n && s.p[end] != ' ')
            end++;
        for (uint32_t bit = 1; bit <= DP_FLAG_BOX_GUESSED; bit <<= 1) {
            const char *name = dp_flag_name(bit);
            if (name && strlen(name) == end - i && memcmp(name, s.p + i, end - i) == 0)
                flags |= bit;
        }
        i = end + 1;
    }
    return flags;
}

/* An attribute's value with its references resolved. */
static const char *value_copy(struct dp_markup *m, struct mk_slice s)
{
    static const struct {
        const char *ref;
        char c;
    } refs[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&#39;", '\''}};
    char text[256];
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < sizeof text - 4;) {
        size_t k = 0;
        while (k < sizeof refs / sizeof refs[0] &&
               (s.n - i < strlen(refs[k].ref) || memcmp(s.p + i, refs[k].ref, strlen(refs[k].ref)) != 0))
            k++;
        if (k < sizeof refs / sizeof refs[0]) {
            text[n++] = refs[k].c;
            i += strlen(refs[k].ref);
            continue;
        }
        do
            text[n++] = s.p[i++];
        while (i < s.n && ((unsigned char)s.p[i] & 0xC0) == 0x80); /* whole characters */
    }
    return mk_text_copy(m, text, n);
}

struct mk_meta mk_meta_read(struct dp_markup *m, const struct mk_tag *tag)
{
    struct mk_meta meta = {.id = tag->id,
                           .of = tag->of,
                           .parent = tag->parent,
                           .confidence = tag->confidence,
                           .source = -1,
                           .joined = tag->joined,
                           .has_marker = tag->has_marker};
    meta.lang = tag->lang.p ? value_copy(m, tag->lang) : NULL;
    meta.marker = tag->marker.p ? value_copy(m, tag->marker) : NULL;
    meta.kind = tag->kind.p ? value_copy(m, tag->kind) : NULL;
    if (tag->flags.n > 0)
        meta.flags = read_flags(tag->flags);
    for (int s = 0; s <= DP_FROM_REPAIR && tag->source.n > 0; s++) {
        const char *name = dp_source_kind_name((enum dp_source_kind)s);
        if (strlen(name) == tag->source.n && memcmp(name, tag->source.p, tag->source.n) == 0)
            meta.source = (int8_t)s;
    }
    return meta;
}

static int8_t collector(const struct dp_markup *m)
{
    return m->stack[m->depth - 1].col;
}

static int role_of_collector(const struct dp_markup *m)
{
    const int8_t col = collector(m);
    return col < 0 ? -1 : m->stack[col].role;
}

/* The block that encloses what begins here. */
static int32_t parent_block(const struct dp_markup *m)
{
    for (int i = m->depth - 1; i > 0; i--) {
        const struct mk_elem *e = &m->stack[i];
        if (e->block != DP_NONE && (e->role == MK_R_LIST || e->role == MK_R_ITEM || e->role == MK_R_TABLE))
            return e->block;
    }
    return DP_NONE;
}

/* Type that a wrapper around this place gives to its paragraphs. */
static uint8_t inherited_type(const struct dp_markup *m)
{
    for (int i = m->depth - 1; i > 0 && m->stack[i].role == MK_R_WRAP; i--)
        if (m->stack[i].type != DP_BLOCK_TYPES)
            return m->stack[i].type;
    return DP_BLOCK_TYPES;
}

static void collect(struct dp_markup *m, struct mk_elem *e, enum mk_role role)
{
    e->role = (uint8_t)role;
    e->col = (int8_t)m->depth; /* its own place on the stack */
    e->start = m->text.len;
}

static void begin_list(struct dp_markup *m, struct mk_elem *e)
{
    const int role = role_of_collector(m);
    e->ordered = mk_name_at(e->name)->level == 1;
    if (role >= 0 && role != MK_R_ITEM) {
        e->role = MK_R_SOFT;
        return;
    }
    for (int i = m->depth - 1; i > 0 && m->stack[i].role != MK_R_CELL; i--)
        e->level = (uint8_t)(e->level + (m->stack[i].role == MK_R_LIST));
    e->role = MK_R_LIST;
    e->col = -1;
    e->block = mk_block_add(m, DP_LIST, e->level, parent_block(m));
}

static struct mk_elem *list_around(struct dp_markup *m)
{
    for (int i = m->depth - 1; i > 0; i--) {
        struct mk_elem *e = &m->stack[i];
        if (e->kind == MK_K_LIST)
            return e;
        if (e->role == MK_R_CELL || e->role == MK_R_TABLE)
            return NULL;
    }
    return NULL;
}

/* "1." or "•"; definition lists have none. */
static size_t marker_of(const struct mk_elem *list, int32_t number, char out[16])
{
    static const char bullet[] = "•";
    char digits[12];
    size_t n = 0, k = 0;
    if (!list || !list->ordered) {
        memcpy(out, bullet, sizeof bullet - 1);
        return sizeof bullet - 1;
    }
    if (number < 0)
        out[k++] = '-';
    for (int64_t v = number < 0 ? -(int64_t)number : number; n == 0 || v > 0; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    while (n > 0)
        out[k++] = digits[--n];
    out[k++] = '.';
    return k;
}

static void begin_item(struct dp_markup *m, struct mk_elem *e, const struct mk_tag *tag)
{
    struct mk_elem *list = list_around(m);
    const bool definition = mk_name_at(e->name)->skeleton[0] == 'd';
    char marker[16];
    if (list && tag && tag->has_start)
        list->count = tag->start - 1;
    if (list && list->count < INT32_MAX)
        list->count++;
    const size_t n = marker_of(list, list ? list->count : 1, marker);
    if (list ? list->role == MK_R_SOFT : collector(m) >= 0 && role_of_collector(m) != MK_R_ITEM) {
        e->role = MK_R_SOFT;
        mk_text_break(m);
        if (!definition) {
            mk_text(m, marker, n);
            mk_text(m, " ", 1);
        }
        return;
    }
    collect(m, e, MK_R_ITEM);
    e->type = DP_LIST_ITEM;
    e->level = list ? list->level : 0;
    if (!e->meta.has_marker && !definition)
        e->meta.marker = mk_text_copy(m, marker, n);
    e->block = mk_block_add(m, DP_LIST_ITEM, e->level, list && list->block != DP_NONE ? list->block : parent_block(m));
}

static void begin_table(struct dp_markup *m, struct mk_elem *e)
{
    const int8_t col = collector(m);
    struct mk_elem *chart = col >= 0 && m->stack[col].role == MK_R_CHART ? &m->stack[col] : NULL;
    if (chart && chart->block != DP_NONE && m->page->blocks[chart->block].table == DP_NONE && chart->count == 0) {
        e->type = DP_CHART; /* the chart's own data */
        chart->count = 1;
        e->block = chart->block;
    } else {
        e->type = DP_TABLE;
        e->block = mk_block_add(m, DP_TABLE, 0, parent_block(m));
    }
    e->role = MK_R_TABLE;
    e->col = -1;
    m->grids.tables[m->grids.n_tables++] = (struct mk_table){.first_cell = m->grids.n_cells};
}

static void begin_row(struct dp_markup *m)
{
    struct mk_table *t = &m->grids.tables[m->grids.n_tables - 1];
    if (t->rows < INT32_MAX)
        t->rows++;
    t->row_open = true;
}

static void begin_part(struct dp_markup *m, struct mk_elem *e, const struct mk_tag *tag)
{
    const uint8_t above = top(m)->role;
    const bool in_table = above == MK_R_TABLE || above == MK_R_GROUP || above == MK_R_ROW;
    struct mk_table *t = m->grids.n_tables > 0 ? &m->grids.tables[m->grids.n_tables - 1] : NULL;
    e->role = MK_R_SOFT; /* elements were left out around it */
    if (!in_table || !t)
        return;
    switch (e->kind) {
    case MK_K_GROUP:
        e->role = MK_R_GROUP;
        t->row_open = false;
        t->in_head = mk_name_at(e->name)->level == 1;
        break;
    case MK_K_ROW:
        e->role = MK_R_ROW;
        begin_row(m);
        break;
    case MK_K_CAPTION:
        collect(m, e, MK_R_CAPTION);
        break;
    default:
        if (!t->row_open)
            begin_row(m);
        collect(m, e, MK_R_CELL);
        e->rowspan = tag->rowspan;
        e->colspan = tag->colspan;
        if (tag->scope.n > 0)
            e->scope = (tag->scope.p[0] | 0x20) == 'r' ? 'r' : (tag->scope.p[0] | 0x20) == 'c' ? 'c' : 0;
        break;
    }
}

static void begin_drawn(struct dp_markup *m, struct mk_elem *e, enum dp_block_type type)
{
    const int role = role_of_collector(m);
    if (role == MK_R_DRAWN || role == MK_R_INNER || role == MK_R_CELL || role == MK_R_CAPTION || role == MK_R_TEXT) {
        e->role = MK_R_SOFT;
        return;
    }
    collect(m, e, MK_R_DRAWN);
    e->type = (uint8_t)type;
    e->pre = true;
}

static void begin_wrapper(struct dp_markup *m, struct mk_elem *e, const struct mk_class *class)
{
    const int role = role_of_collector(m);
    const bool cell = role == MK_R_CELL || role == MK_R_CAPTION || role == MK_R_TEXT;
    const char *name = mk_name_at(e->name)->name;
    if (class->role == MK_C_CHART && !cell) {
        collect(m, e, MK_R_CHART);
        e->type = DP_CHART;
        e->pre = true; /* a diagram's source may stand in it */
        if (!e->meta.kind && class->rest[0])
            e->meta.kind = mk_text_copy(m, class->rest, strlen(class->rest));
        e->block = mk_block_add(m, DP_CHART, 0, parent_block(m));
    } else if (class->role == MK_C_IMAGE || class->role == MK_C_IMAGE_CAPTION || class->role == MK_C_IMAGE_OCR) {
        collect(m, e, MK_R_FIGURE);
        e->type = DP_FIGURE;
        e->description = class->role == MK_C_IMAGE_CAPTION;
    } else if (class->role == MK_C_FORMULA && !cell && role != MK_R_INNER) {
        collect(m, e, MK_R_FORMULA);
        e->type = DP_FORMULA;
        e->display = !class->is_inline;
    } else if (class->role == MK_C_DRAWN) {
        begin_drawn(m, e, class->type);
    } else if (role == MK_R_FORMULA && !m->stack[collector(m)].latex) {
        collect(m, e, MK_R_INNER);
    } else if (role >= 0) {
        e->role = MK_R_SOFT;
    } else {
        e->role = MK_R_WRAP;
        if (class->role == MK_C_TYPE && class->type != DP_LIST && class->type != DP_TABLE)
            e->type = (uint8_t) class->type;
        else if (m->depth == 1 && strcmp(name, "header") == 0)
            e->type = DP_HEADER;
        else if (m->depth == 1 && strcmp(name, "footer") == 0)
            e->type = DP_FOOTER;
    }
}

static void begin_text(struct dp_markup *m, struct mk_elem *e, const struct mk_class *class)
{
    const uint8_t around = inherited_type(m);
    const bool heading = e->kind == MK_K_HEADING;
    if (collector(m) >= 0) {
        e->role = MK_R_SOFT;
        return;
    }
    if (class->role == MK_C_DRAWN || class->role == MK_C_IMAGE || class->role == MK_C_IMAGE_OCR ||
        class->role == MK_C_CHART) {
        begin_wrapper(m, e, class);
        return;
    }
    collect(m, e, MK_R_TEXT);
    e->level = mk_name_at(e->name)->level;
    if (class->role == MK_C_TYPE)
        e->type = (uint8_t) class->type;
    else if (class->role == MK_C_FORMULA)
        e->type = DP_FORMULA;
    else if (class->role == MK_C_IMAGE_CAPTION || strcmp(mk_name_at(e->name)->name, "figcaption") == 0)
        e->type = DP_CAPTION;
    else if (heading)
        e->type = around == DP_TITLE ? DP_TITLE : DP_HEADING;
    else
        e->type = around != DP_BLOCK_TYPES ? around : DP_PARAGRAPH;
    e->display = !class->is_inline;
    if (e->type == DP_HEADING && e->level == 0)
        e->level = 1;
}

/* The author's block: its box stands on an empty p before it (R17). */
static void take_empty(struct dp_markup *m, struct mk_elem *e)
{
    if (m->empty_box && e->kind == MK_K_ADDRESS && !e->boxed) {
        e->box = m->empty.box;
        e->boxed = true;
        e->meta.flags |= m->empty.meta.flags;
        m->empty_box = false;
    }
    mk_flush_empty(m);
}

/* White space before the first element in a block of code is none of the code. */
static void forget_blank(struct dp_markup *m, int8_t col)
{
    struct mk_elem *c = col < 0 ? NULL : &m->stack[col];
    if (!c || c->role != MK_R_DRAWN || m->text.len <= c->start)
        return;
    if (mk_trim((struct mk_slice){m->text.data + c->start, m->text.len - c->start}).n > 0)
        return;
    mk_text_drop(m, c);
    c->pending = 0;
}

void mk_build_start(struct dp_markup *m, const struct mk_tag *tag)
{
    const struct mk_name *name = mk_name_at(tag->name);
    struct mk_class class;
    struct mk_elem *e = &m->stack[m->depth]; /* in place: refuse() keeps room for it */
    *e = (struct mk_elem){.name = (uint8_t)tag->name,
                          .kind = name->kind,
                          .type = DP_BLOCK_TYPES,
                          .col = collector(m),
                          .block = DP_NONE,
                          .rowspan = 1,
                          .colspan = 1,
                          .offset = tag->offset};
    e->meta = mk_meta_read(m, tag);
    e->saw_box = tag->box.seen;
    e->boxed = tag->box.seen && mk_box_of(m, &tag->box, tag->offset, &e->box, &e->meta.flags);
    mk_class_read(tag->cls, &class);
    take_empty(m, e);
    switch (name->kind) {
    case MK_K_LIST:
        begin_list(m, e);
        if (tag->has_start)
            e->count = tag->start > INT32_MIN + 1 ? tag->start - 1 : 0;
        break;
    case MK_K_ITEM:
        begin_item(m, e, tag);
        break;
    case MK_K_TABLE:
        begin_table(m, e);
        break;
    case MK_K_GROUP:
    case MK_K_ROW:
    case MK_K_CELL:
    case MK_K_CAPTION:
        begin_part(m, e, tag);
        break;
    case MK_K_PRE:
    case MK_K_CODE:
        begin_drawn(m, e, class.role == MK_C_DRAWN ? class.type : DP_CODE);
        break;
    case MK_K_WRAP:
        begin_wrapper(m, e, &class);
        break;
    default:
        begin_text(m, e, &class);
        break;
    }
    if (e->role == MK_R_SOFT) {
        if (e->kind != MK_K_ITEM)
            mk_text_break(m);
        forget_blank(m, e->col);
        if (e->boxed && e->col >= 0 && !m->stack[e->col].boxed && !m->stack[e->col].soft_boxed) {
            m->stack[e->col].soft_box = e->box;
            m->stack[e->col].soft_boxed = true;
        }
        if (e->kind == MK_K_PRE && e->col >= 0 && m->stack[e->col].role == MK_R_CELL)
            m->stack[e->col].pre = true;
    }
    m->opened[e->name]++;
    m->depth++;
}

void mk_anon_open(struct dp_markup *m)
{
    struct mk_elem *t = top(m);
    struct mk_elem e = {
        .kind = MK_K_TEXT, .type = DP_BLOCK_TYPES, .col = -1, .block = DP_NONE, .rowspan = 1, .colspan = 1};
    struct mk_tag tag = {.rowspan = 1, .colspan = 1};
    m->place = m->anon.offset;
    m->res.kind = DP_MARKUP_HTML;
    mk_flush_empty(m);
    if (m->depth >= MK_DEPTH_MAX)
        return;
    e.offset = m->anon.offset;
    e.meta =
        (struct mk_meta){.id = DP_NONE, .of = DP_NONE, .parent = DP_NONE, .confidence = DP_NO_CONFIDENCE, .source = -1};
    if (t->role == MK_R_TABLE || t->role == MK_R_GROUP || t->role == MK_R_ROW) {
        e.name = (uint8_t)mk_name_find("td", 2);
        e.kind = MK_K_CELL;
        m->grids.tables[m->grids.n_tables - 1].repaired = true;
        begin_part(m, &e, &tag);
    } else if (t->role == MK_R_LIST) {
        e.name = (uint8_t)mk_name_find("li", 2);
        e.kind = MK_K_ITEM;
        begin_item(m, &e, NULL);
    } else {
        const uint8_t around = inherited_type(m);
        e.name = (uint8_t)mk_name_find("p", 1);
        collect(m, &e, MK_R_TEXT);
        e.type = around != DP_BLOCK_TYPES ? around : DP_PARAGRAPH;
        e.level = 1;
        if (m->depth > 1 && t->boxed && !t->child_boxed) {
            e.box = t->box;
            e.boxed = true;
        }
    }
    m->anon.open = true;
    m->stack[m->depth++] = e;
}

/* A fence behind the document, and what was said behind it, is no text of the page (R3). */
static void cut_fence(struct dp_markup *m, struct mk_elem *e)
{
    if (m->depth != 2 || m->text.len <= e->start)
        return;
    const char *text = m->text.data + e->start;
    const size_t n = m->text.len - e->start;
    const char *fence = memmem(text, n, "```", 3);
    if (!fence || (!m->fenced && (size_t)(fence - text) + 3 < n))
        return;
    const struct mk_slice after = mk_trim((struct mk_slice){fence + 3, n - (size_t)(fence - text) - 3});
    if (after.n > 0)
        mk_warn(m, DP_MARKUP_W_POSTAMBLE, e->offset);
    m->text.len = e->start + (size_t)(fence - text);
    m->text.data[m->text.len] = '\0';
}

void mk_anon_close(struct dp_markup *m)
{
    if (!m->anon.open)
        return;
    m->anon.open = false;
    cut_fence(m, top(m));
    if (m->text.len > top(m)->start)
        mk_warn(m, DP_MARKUP_W_BARE_TEXT, top(m)->offset);
    m->opened[top(m)->name]++; /* mk_build_end counts it down */
    mk_build_end(m);
}

void mk_flush_empty(struct dp_markup *m)
{
    if (!m->empty_box)
        return;
    m->empty_box = false;
    const int32_t block = mk_block_add(m, (enum dp_block_type)m->empty.type, 0, parent_block(m));
    if (block == DP_NONE)
        return;
    struct dp_block *b = &m->page->blocks[block];
    if (b->type == DP_HEADING)
        b->level = m->empty.level;
    mk_set_box(b, &m->empty);
    mk_set_meta(m, block, &m->empty.meta);
    b->flags |= m->empty.image ? 0 : DP_FLAG_UNREADABLE; /* content that was seen and not read */
    mk_complete(m, block);
}
