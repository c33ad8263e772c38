/* SPDX-License-Identifier: Apache-2.0 */
/* What a tag does before the structure sees it: marks of text never reach it, a cell or an item closes what
 * was left open in its table or list, elements nested too deep are left out (their text stays). */
#include <string.h>

#include "docparse/markup_private.h"

static struct mk_elem *top(struct dp_markup *m)
{
    return &m->stack[m->depth - 1];
}

/* Everything above stack[keep - 1] ends. */
static void close_to(struct dp_markup *m, int keep)
{
    while (m->depth > keep && m->depth > 1)
        mk_tree_close_top(m);
}

void mk_close_all(struct dp_markup *m)
{
    mk_anon_close(m);
    m->lex.math = 0;
    close_to(m, 1);
}

/* Index of the innermost open table, or 0. */
static int table_of(const struct dp_markup *m)
{
    int i = m->depth - 1;
    while (i > 0 && m->stack[i].role != MK_R_TABLE)
        i--;
    return i;
}

static void read_frame(struct dp_markup *m, const struct mk_tag *tag)
{
    struct dp_page *p = m->page;
    if (tag->width <= 0 || tag->height <= 0 || p->n_blocks > 0)
        return;
    if (m->opt.unit == DP_MARKUP_FRAME_PIXELS && m->opt.frame_width <= 0) {
        m->frame_w = tag->width;
        m->frame_h = tag->height;
    }
    if (p->width <= 0 || p->height <= 0) {
        p->width = tag->width;
        p->height = tag->height;
    }
    if (p->dpi <= 0 && tag->dpi > 0 && tag->dpi <= 1.0e6)
        p->dpi = tag->dpi;
}

static void take_root(struct dp_markup *m, const struct mk_tag *tag)
{
    const char name = mk_name_at(tag->name)->name[0];
    mk_anon_close(m);
    m->lex.math = 0;
    if (strcmp(mk_name_at(tag->name)->name, "head") == 0)
        return;
    m->saw_root = true;
    if (tag->closing || (name == 'h' && m->depth > 1))
        mk_close_all(m);
    if (tag->closing) {
        m->html_end = true;
        return;
    }
    m->html_end = false;
    read_frame(m, tag);
    for (int s = 0; s <= DP_FROM_REPAIR && tag->source.n > 0; s++) {
        const char *known = dp_source_kind_name((enum dp_source_kind)s);
        if (strlen(known) == tag->source.n && memcmp(known, tag->source.p, tag->source.n) == 0)
            m->source = (enum dp_source_kind)s;
    }
}

static void forget_inlined(struct dp_markup *m)
{
    if (m->n_inlined > 0)
        memset(m->inlined, 0, sizeof m->inlined);
    m->n_inlined = 0;
    m->script.open = false;
}

static bool is_part(int name)
{
    const uint8_t kind = mk_name_at(name)->kind;
    return kind == MK_K_CELL || kind == MK_K_ROW || kind == MK_K_GROUP;
}

/* The table was never closed when a block stands outside of its box (R21). */
static void leave_table(struct dp_markup *m, const struct mk_tag *tag)
{
    const int table = table_of(m);
    struct dp_rect box;
    uint32_t flags = 0;
    if (table == 0 || !m->stack[table].boxed || tag->box.n != 4 || tag->box.bad)
        return;
    if (!mk_box_of(m, &tag->box, UINT64_MAX, &box, &flags))
        return;
    const struct dp_rect *t = &m->stack[table].box;
    const float x = (box.x0 + box.x1) / 2, y = (box.y0 + box.y1) / 2;
    if (x < t->x0 || x > t->x1 || y < t->y0 || y > t->y1)
        close_to(m, table);
}

/* Ends what a part of a table cannot stand in. Without any table one is opened. */
static void enter_table(struct dp_markup *m, const struct mk_tag *tag)
{
    const uint8_t kind = mk_name_at(tag->name)->kind;
    int table = table_of(m);
    if (table == 0) {
        struct mk_tag made = {.rowspan = 1,
                              .colspan = 1,
                              .id = DP_NONE,
                              .of = DP_NONE,
                              .parent = DP_NONE,
                              .confidence = DP_NO_CONFIDENCE,
                              .offset = tag->offset};
        made.name = mk_name_find("table", 5);
        mk_tag_take(m, &made);
        return;
    }
    int keep = table;
    while (keep + 1 < m->depth && (m->stack[keep + 1].role == MK_R_GROUP || m->stack[keep + 1].role == MK_R_ROW) &&
           (m->stack[keep + 1].role == MK_R_GROUP ? kind == MK_K_CELL || kind == MK_K_ROW : kind == MK_K_CELL))
        keep++;
    close_to(m, keep + 1);
}

/* An item ends the item before it, unless a list, cell or table was opened in between. */
static void enter_item(struct dp_markup *m)
{
    for (int i = m->depth - 1; i > 0; i--) {
        const struct mk_elem *e = &m->stack[i];
        if (e->kind == MK_K_LIST || e->role == MK_R_CELL || e->role == MK_R_TABLE)
            return;
        if (e->kind == MK_K_ITEM) {
            close_to(m, i);
            return;
        }
    }
}

static void prepare(struct dp_markup *m, const struct mk_tag *tag)
{
    const uint8_t kind = mk_name_at(tag->name)->kind;
    const bool part = kind == MK_K_CELL || kind == MK_K_ROW || kind == MK_K_GROUP || kind == MK_K_CAPTION;
    if (!part && tag->box.seen)
        leave_table(m, tag);
    if (part)
        enter_table(m, tag);
    else if (kind == MK_K_ITEM)
        enter_item(m);
    if (top(m)->role == MK_R_TEXT && top(m)->kind != MK_K_ADDRESS && m->depth > 1)
        close_to(m, m->depth - 1); /* no block stands inside of a paragraph or heading */
}

static bool refuse(struct dp_markup *m, const struct mk_tag *tag)
{
    if (m->depth >= m->opt.limits.depth) {
        mk_warn(m, DP_MARKUP_W_NESTING, tag->offset);
        top(m)->meta.flags |= DP_FLAG_REPAIRED;
        return true;
    }
    if (++m->lex.silent <= m->opt.limits.silent_tags)
        return false;
    if (m->lex.silent == m->opt.limits.silent_tags + 1) {
        mk_warn(m, DP_MARKUP_W_LOOP, tag->offset);
        m->res.looped = true;
        for (int i = 1; i < m->depth; i++)
            m->stack[i].meta.flags |= DP_FLAG_LOOP_GUARD;
        if (m->depth == 1 && m->page->n_blocks > 0)
            m->page->blocks[m->page->n_blocks - 1].flags |= DP_FLAG_LOOP_GUARD;
    }
    m->lex.silent = m->opt.limits.silent_tags + 1;
    return true;
}

static void open_block(struct dp_markup *m, const struct mk_tag *tag)
{
    mk_anon_close(m);
    m->lex.math = 0;
    forget_inlined(m);
    prepare(m, tag);
    if (refuse(m, tag)) {
        mk_text_break(m);
        if (!tag->self_closing)
            m->flattened[tag->name]++;
        return;
    }
    if (is_part(tag->name))
        mk_build_start(m, tag);
    else
        mk_tree_start(m, tag);
    if (tag->self_closing && m->depth > 1 && top(m)->name == tag->name) {
        m->ending = tag->name;
        mk_tree_close_top(m);
        m->ending = -1;
    }
}

/* Lists, items and parts of tables end even when something inside was left open, but never across a table. */
static void end_within(struct dp_markup *m, const struct mk_tag *tag)
{
    const bool part = is_part(tag->name);
    for (int i = m->depth - 1; i > 0; i--) {
        const struct mk_elem *e = &m->stack[i];
        if (e->name == tag->name) {
            close_to(m, i + 1);
            m->ending = tag->name;
            mk_tree_close_top(m);
            m->ending = -1;
            return;
        }
        if (e->role == MK_R_TABLE || (e->role == MK_R_CELL && !part))
            return;
    }
}

static void close_block(struct dp_markup *m, const struct mk_tag *tag)
{
    const uint8_t kind = mk_name_at(tag->name)->kind;
    mk_anon_close(m);
    m->lex.math = 0;
    if (m->flattened[tag->name] > 0) {
        m->flattened[tag->name]--;
        mk_text_break(m);
        return;
    }
    if (m->opened[tag->name] == 0)
        return;
    forget_inlined(m);
    if (kind == MK_K_LIST || kind == MK_K_ITEM || is_part(tag->name))
        end_within(m, tag);
    else
        mk_tree_end(m, tag->name);
}

static void widen(struct dp_markup *m, struct mk_elem *e, const struct mk_tag *tag)
{
    struct dp_rect box;
    if (e->boxed || !tag->box.seen || !mk_box_of(m, &tag->box, tag->offset, &box, &e->meta.flags))
        return;
    if (!e->soft_boxed) {
        e->soft_box = box;
    } else {
        e->soft_box.x0 = box.x0 < e->soft_box.x0 ? box.x0 : e->soft_box.x0;
        e->soft_box.y0 = box.y0 < e->soft_box.y0 ? box.y0 : e->soft_box.y0;
        e->soft_box.x1 = box.x1 > e->soft_box.x1 ? box.x1 : e->soft_box.x1;
        e->soft_box.y1 = box.y1 > e->soft_box.y1 ? box.y1 : e->soft_box.y1;
    }
    e->soft_boxed = true;
}

/* <pre><code class="language-c"> */
static void language_of_code(struct dp_markup *m, const struct mk_tag *tag)
{
    struct mk_elem *e = &m->stack[top(m)->col];
    static const char prefix[] = "language-";
    const size_t n = sizeof prefix - 1;
    if (e->role == MK_R_DRAWN && e->type == DP_CODE && !e->meta.lang && tag->cls.n > n &&
        memcmp(tag->cls.p, prefix, n) == 0)
        e->meta.lang = mk_text_copy(m, tag->cls.p + n, tag->cls.n - n);
}

static void take_inline(struct dp_markup *m, const struct mk_tag *tag)
{
    const bool inside = top(m)->col >= 0 && !m->anon.open;
    const bool code = mk_name_at(tag->name)->kind == MK_K_CODE;
    if (tag->closing) {
        if (m->inlined[tag->name] > 0) {
            m->inlined[tag->name]--;
            m->n_inlined--;
        } else if (m->opened[tag->name] > 0 || m->flattened[tag->name] > 0) {
            close_block(m, tag);
        }
        return;
    }
    if (!inside && (tag->box.seen || (code && !m->anon.open))) {
        open_block(m, tag); /* a mark with a box of its own is a block where no block is open */
        return;
    }
    if (top(m)->col >= 0) {
        widen(m, &m->stack[top(m)->col], tag);
        if (code)
            language_of_code(m, tag);
    }
    if (!tag->self_closing && m->n_inlined < INT32_MAX) {
        m->inlined[tag->name]++;
        m->n_inlined++;
    }
}

void mk_tag_take(struct dp_markup *m, const struct mk_tag *tag)
{
    const struct mk_name *name = mk_name_at(tag->name);
    m->res.kind = DP_MARKUP_HTML;
    m->place = tag->offset;
    switch (name->kind) {
    case MK_K_VOID:
        return;
    case MK_K_RAW:
        if (tag->closing || tag->self_closing)
            return;
        mk_warn(m, DP_MARKUP_W_SEPARATOR, tag->offset);
        m->lex.raw_name = tag->name;
        m->lex.mode = MK_M_RAW;
        return;
    case MK_K_ROOT:
        take_root(m, tag);
        return;
    case MK_K_INLINE:
    case MK_K_CODE:
        take_inline(m, tag);
        return;
    case MK_K_SCRIPT:
        mk_text_mark(m, (char)name->level, !tag->closing);
        return;
    case MK_K_BREAK:
        if (name->level == 1 && m->anon.open)
            mk_anon_close(m); /* a rule parts paragraphs */
        mk_text_break(m);
        return;
    case MK_K_IMG:
        if (!tag->closing && (tag->box.seen || !m->anon.open)) {
            mk_anon_close(m);
            if (tag->box.seen)
                leave_table(m, tag);
            mk_image(m, tag);
        }
        return;
    case MK_K_INPUT:
        if (tag->type.n == 8 && (tag->type.p[0] | 0x20) == 'c')
            mk_text(m, tag->checked ? "☑ " : "☐ ", strlen("☑ "));
        return;
    default:
        if (tag->closing)
            close_block(m, tag);
        else
            open_block(m, tag);
    }
}
