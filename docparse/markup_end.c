/* SPDX-License-Identifier: Apache-2.0 */
/* The end of elements: what was collected becomes a block of the page. */
#include <string.h>

#include "docparse/latex_check.h"
#include "docparse/markup_private.h"

static struct mk_elem *top(struct dp_markup *m)
{
    return &m->stack[m->depth - 1];
}

static int32_t parent_block(const struct dp_markup *m)
{
    for (int i = m->depth - 1; i > 0; i--) {
        const struct mk_elem *e = &m->stack[i];
        if (e->block != DP_NONE && (e->role == MK_R_LIST || e->role == MK_R_ITEM || e->role == MK_R_TABLE))
            return e->block;
    }
    return DP_NONE;
}

/* Own box, else that of its parts, else that of the wrapper around when no other block there had one (R24). */
static void settle_box(struct dp_markup *m, struct mk_elem *e)
{
    if (!e->boxed && e->soft_boxed) {
        e->box = e->soft_box;
        e->boxed = true;
    }
    for (int i = m->depth - 1; i > 0 && !e->boxed && !e->saw_box && m->stack[i].role == MK_R_WRAP; i--)
        if (m->stack[i].boxed && !m->stack[i].child_boxed) {
            e->box = m->stack[i].box;
            e->boxed = true;
            e->box_guessed = true;
        }
    for (int i = m->depth - 1; i > 0 && e->boxed && !e->box_guessed; i--)
        m->stack[i].child_boxed = true;
}

/* Fills and completes a block; `text` may point into the collected text, which is dropped here. */
static void finish_block(struct dp_markup *m, int32_t block, struct mk_elem *e, struct mk_slice text)
{
    if (block == DP_NONE) {
        mk_text_drop(m, e);
        return;
    }
    struct dp_block *b = &m->page->blocks[block];
    b->text = mk_text_copy(m, text.p, text.n);
    mk_set_box(b, e);
    mk_set_meta(m, block, &e->meta);
    if (b->type != DP_FORMULA && b->type != DP_CODE && text.n > 0 && memchr(text.p, '\\', text.n) &&
        dp_latex_check_text(text.p, text.n) != DP_LATEX_FINE) {
        b->flags |= DP_FLAG_BAD_LATEX;
        mk_warn(m, DP_MARKUP_W_LATEX, e->offset);
    }
    mk_text_drop(m, e);
    mk_complete(m, block);
}

static void set_latex(struct dp_markup *m, struct dp_block *b, const char *latex, bool display, uint64_t offset)
{
    b->latex = latex;
    b->display = display;
    if (dp_latex_check(latex, strlen(latex)) != DP_LATEX_FINE) {
        b->flags |= DP_FLAG_BAD_LATEX;
        mk_warn(m, DP_MARKUP_W_LATEX, offset);
    }
}

/* LaTeX without its delimiters, in the arena. A single $ or \( means that it was set inside a line. */
static const char *strip_latex(struct dp_markup *m, struct mk_slice t, bool *display)
{
    size_t start, end;
    dp_latex_strip(t.p, t.n, &start, &end);
    const size_t open = start < t.n ? start : t.n;
    if ((open == 1 || (open > 1 && t.p[1] != '$')) && t.n > 0 && t.p[0] == '$')
        *display = false;
    else if (t.n > 1 && t.p[0] == '\\' && t.p[1] == '(')
        *display = false;
    return mk_text_copy(m, t.p + start, end - start);
}

static void end_text(struct dp_markup *m, struct mk_elem *e)
{
    const struct mk_slice t = mk_collected(m, e);
    settle_box(m, e);
    if (t.n == 0 && (!e->boxed || e->box_guessed)) {
        mk_text_drop(m, e); /* a separator */
        return;
    }
    if (t.n == 0) {
        mk_text_drop(m, e);
        mk_flush_empty(m);
        m->empty = *e; /* an author's address may follow and take the box */
        m->empty_box = true;
        return;
    }
    const int32_t block =
        mk_block_add(m, (enum dp_block_type)e->type, e->type == DP_HEADING ? e->level : 0, parent_block(m));
    if (block != DP_NONE && e->type == DP_FORMULA && (t.p[0] == '$' || t.p[0] == '\\')) {
        bool display = e->display;
        const char *latex = strip_latex(m, t, &display);
        struct dp_block *b = &m->page->blocks[block];
        set_latex(m, b, latex, display, e->offset);
        finish_block(m, block, e, (struct mk_slice){latex, strlen(latex)});
        return;
    }
    finish_block(m, block, e, t);
}

static void end_item(struct dp_markup *m, struct mk_elem *e)
{
    const struct mk_slice t = mk_collected(m, e);
    settle_box(m, e);
    if (t.n == 0 && !e->boxed && e->block != DP_NONE && e->block == m->page->n_blocks - 1 && !e->meta.has_marker) {
        mk_text_drop(m, e);
        mk_block_drop_last(m, e->block);
        return;
    }
    if (t.n == 0 && e->boxed && e->block != DP_NONE && e->block == m->page->n_blocks - 1)
        e->meta.flags |= DP_FLAG_UNREADABLE;
    if (e->block != DP_NONE) {
        const char *marker = e->meta.marker;
        m->page->blocks[e->block].marker = marker && marker[0] ? marker : NULL;
    }
    finish_block(m, e->block, e, t);
}

/* The list's box is the union of its items' (R23). */
static void end_list(struct dp_markup *m, struct mk_elem *e)
{
    const int32_t list = e->block;
    bool any = false, first = true;
    if (list == DP_NONE)
        return;
    for (int32_t i = list + 1; i < m->page->n_blocks; i++) {
        const struct dp_block *b = &m->page->blocks[i];
        if (b->parent != list)
            continue;
        any = true;
        if (!b->has_bbox)
            continue;
        if (first) {
            e->box = b->bbox;
        } else {
            e->box.x0 = b->bbox.x0 < e->box.x0 ? b->bbox.x0 : e->box.x0;
            e->box.y0 = b->bbox.y0 < e->box.y0 ? b->bbox.y0 : e->box.y0;
            e->box.x1 = b->bbox.x1 > e->box.x1 ? b->bbox.x1 : e->box.x1;
            e->box.y1 = b->bbox.y1 > e->box.y1 ? b->bbox.y1 : e->box.y1;
        }
        first = false;
    }
    e->boxed = e->boxed || !first;
    if (!any && !e->boxed && list == m->page->n_blocks - 1) {
        mk_block_drop_last(m, list);
        return;
    }
    settle_box(m, e);
    mk_set_box(&m->page->blocks[list], e);
    mk_set_meta(m, list, &e->meta);
    mk_complete(m, list);
}

static void end_table(struct dp_markup *m, struct mk_elem *e)
{
    struct mk_table *t = &m->grids.tables[m->grids.n_tables - 1];
    const char *caption = t->caption;
    bool repaired = t->repaired || m->ending != e->name, looped = false;
    if (m->ending == e->name)
        t->closed = true;
    const int32_t table = mk_table_finish(m, e->offset, &repaired, &looped);
    if (repaired)
        e->meta.flags |= DP_FLAG_REPAIRED;
    if (looped) {
        e->meta.flags |= DP_FLAG_LOOP_GUARD;
        m->res.looped = true;
        mk_warn(m, DP_MARKUP_W_LOOP, e->offset);
    }
    if (table != DP_NONE && caption)
        m->page->tables[table].caption = caption;
    if (e->block == DP_NONE)
        return;
    struct dp_block *b = &m->page->blocks[e->block];
    if (e->type == DP_CHART) {
        b->table = table;
        b->flags |= e->meta.flags;
        return;
    }
    settle_box(m, e);
    if (table == DP_NONE && !e->boxed && e->block == m->page->n_blocks - 1) {
        mk_block_drop_last(m, e->block);
        return;
    }
    b->table = table;
    b->text = mk_table_text(m, table);
    mk_set_box(b, e);
    mk_set_meta(m, e->block, &e->meta);
    mk_complete(m, e->block);
}

static void end_cell(struct dp_markup *m, struct mk_elem *e)
{
    const struct mk_slice t = mk_collected(m, e);
    if (!e->boxed && e->soft_boxed) {
        e->box = e->soft_box;
        e->boxed = true;
    }
    const char *text = mk_text_copy(m, t.p, t.n);
    mk_text_drop(m, e);
    if (!mk_cell_add(m, e, text))
        mk_warn(m, DP_MARKUP_W_LIMIT, e->offset);
}

static void end_caption(struct dp_markup *m, struct mk_elem *e)
{
    const struct mk_slice t = mk_collected(m, e);
    struct mk_table *table = &m->grids.tables[m->grids.n_tables - 1];
    if (t.n > 0 && !table->caption)
        table->caption = mk_text_copy(m, t.p, t.n);
    mk_text_drop(m, e);
}

static void end_figure(struct dp_markup *m, struct mk_elem *e)
{
    const struct mk_slice t = mk_collected(m, e);
    settle_box(m, e);
    enum dp_block_type type = DP_FIGURE;
    if (e->description && !e->image && t.n > 0)
        type = DP_CAPTION; /* "image caption" without an image is one that is printed */
    else if (e->description && t.n > 0)
        e->meta.flags |= DP_FLAG_HIDDEN; /* the model's own description: not printed on the page */
    finish_block(m, mk_block_add(m, type, 0, parent_block(m)), e, t);
}

static void end_chart(struct dp_markup *m, struct mk_elem *e)
{
    struct mk_slice t = mk_collected(m, e);
    const struct mk_slice inner = mk_unfence(t);
    t = inner.p == t.p ? mk_squeeze(m, t) : inner;
    settle_box(m, e);
    if (e->block == DP_NONE) {
        mk_text_drop(m, e);
        return;
    }
    struct dp_block *b = &m->page->blocks[e->block];
    b->chart_kind = e->meta.kind;
    if (b->table != DP_NONE) {
        struct dp_table *table = &m->page->tables[b->table];
        if (t.n > 0 && !table->caption)
            table->caption = mk_text_copy(m, t.p, t.n);
        const char *text = mk_table_text(m, b->table);
        t = (struct mk_slice){text, strlen(text)};
    }
    finish_block(m, e->block, e, t);
}

static void end_inner(struct dp_markup *m, struct mk_elem *e)
{
    struct mk_elem *formula = &m->stack[top(m)->col];
    const struct mk_slice t = mk_collected(m, e);
    if (t.n > 0)
        formula->latex = strip_latex(m, t, &formula->display);
    formula->meta.flags |= e->meta.flags;
    mk_text_drop(m, e);
}

/* R19: text beside the source is a paragraph of its own, with the formula's box. */
static void end_formula(struct dp_markup *m, struct mk_elem *e)
{
    const struct mk_slice t = mk_collected(m, e);
    const bool beside = e->latex && t.n > 0;
    bool display = e->display;
    settle_box(m, e);
    const char *latex = e->latex ? e->latex : strip_latex(m, t, &display);
    const int32_t parent = parent_block(m);
    if (!latex[0] && !e->boxed) {
        mk_text_drop(m, e);
        return;
    }
    const int32_t block = mk_block_add(m, DP_FORMULA, 0, parent);
    if (block != DP_NONE) {
        struct dp_block *b = &m->page->blocks[block];
        set_latex(m, b, latex, display, e->offset);
        b->text = latex;
        mk_set_box(b, e);
        mk_set_meta(m, block, &e->meta);
        mk_complete(m, block);
    }
    struct mk_elem rest = *e;
    rest.box_guessed = e->boxed;
    rest.meta.id = rest.meta.of = DP_NONE;
    if (beside)
        finish_block(m, mk_block_add(m, DP_PARAGRAPH, 0, parent), &rest, t);
    else
        mk_text_drop(m, e);
}

static void end_drawn(struct dp_markup *m, struct mk_elem *e)
{
    const struct mk_slice t = mk_unfence(mk_collected(m, e));
    settle_box(m, e);
    if (t.n == 0 && !e->boxed) {
        mk_text_drop(m, e);
        return;
    }
    if (t.n == 0)
        e->meta.flags |= DP_FLAG_UNREADABLE;
    finish_block(m, mk_block_add(m, (enum dp_block_type)e->type, 0, parent_block(m)), e, t);
}

static void end_soft(struct dp_markup *m, const struct mk_elem *e)
{
    if (e->kind == MK_K_PRE && e->col >= 0 && m->stack[e->col].role == MK_R_CELL)
        m->stack[e->col].pre = false;
    if (e->meta.flags && e->col >= 0)
        m->stack[e->col].meta.flags |= e->meta.flags & (DP_FLAG_TRUNCATED | DP_FLAG_LOOP_GUARD | DP_FLAG_REPAIRED);
    mk_text_break(m);
}

static void end_of(struct dp_markup *m, struct mk_elem *e)
{
    switch ((enum mk_role)e->role) {
    case MK_R_WRAP:
        break;
    case MK_R_SOFT:
        end_soft(m, e);
        break;
    case MK_R_LIST:
        end_list(m, e);
        break;
    case MK_R_TABLE:
        end_table(m, e);
        break;
    case MK_R_GROUP:
        m->grids.tables[m->grids.n_tables - 1].in_head = false;
        m->grids.tables[m->grids.n_tables - 1].row_open = false;
        break;
    case MK_R_ROW:
        m->grids.tables[m->grids.n_tables - 1].row_open = false;
        break;
    case MK_R_TEXT:
        end_text(m, e);
        break;
    case MK_R_ITEM:
        end_item(m, e);
        break;
    case MK_R_CELL:
        end_cell(m, e);
        break;
    case MK_R_CAPTION:
        end_caption(m, e);
        break;
    case MK_R_FIGURE:
        end_figure(m, e);
        break;
    case MK_R_CHART:
        end_chart(m, e);
        break;
    case MK_R_FORMULA:
        end_formula(m, e);
        break;
    case MK_R_INNER:
        end_inner(m, e);
        break;
    case MK_R_DRAWN:
        end_drawn(m, e);
        break;
    }
}

void mk_build_end(struct dp_markup *m)
{
    struct mk_elem *e = top(m); /* stays where it is: nothing begins while an element ends */
    m->depth--;
    m->opened[e->name]--;
    if (m->cutting && m->lex.final && e->role != MK_R_WRAP && m->depth > 0 && !m->html_end)
        e->meta.flags |= DP_FLAG_TRUNCATED;
    end_of(m, e);
    if (e->role >= MK_R_TEXT || e->role == MK_R_LIST || e->role == MK_R_TABLE)
        mk_text_break(m); /* the text around goes on in a new line */
}

void mk_image(struct dp_markup *m, const struct mk_tag *tag)
{
    const int8_t col = top(m)->col;
    struct mk_elem *c = col < 0 ? NULL : &m->stack[col];
    struct mk_elem e = {.type = DP_FIGURE, .block = DP_NONE, .offset = tag->offset};
    e.meta = mk_meta_read(m, tag);
    e.saw_box = tag->box.seen;
    e.boxed = tag->box.seen && mk_box_of(m, &tag->box, tag->offset, &e.box, &e.meta.flags);
    if (c && (c->role == MK_R_FIGURE || c->role == MK_R_CHART || c->role == MK_R_FORMULA || c->role == MK_R_DRAWN)) {
        c->image = true;
        if (!c->boxed && e.boxed) { /* the div's box counts; the image's stands in for it (R26) */
            c->box = e.box;
            c->boxed = true;
        }
        return;
    }
    if (c && !e.boxed)
        return; /* an icon inside of text */
    if (c && c->boxed && memcmp(&c->box, &e.box, sizeof e.box) == 0)
        return;
    mk_flush_empty(m);
    settle_box(m, &e);
    const int32_t block = mk_block_add(m, DP_FIGURE, 0, parent_block(m));
    if (block == DP_NONE)
        return;
    mk_set_box(&m->page->blocks[block], &e);
    mk_set_meta(m, block, &e.meta);
    mk_complete(m, block);
}
