/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks on the page, their boxes, and the loop guard. Invariant: a block that was handed to on_block is
 * never taken back; blocks that repeat earlier ones are held until the repetition ends or proves a loop. */
#include <math.h>
#include <string.h>

#include "docparse/markup_private.h"

enum { LIGHT = 4, HEAVY_BYTES = 32 };

int32_t mk_block_add(struct dp_markup *m, enum dp_block_type type, int32_t level, int32_t parent)
{
    struct dp_page *p = m->page;
    if (m->full.arena || p->n_blocks >= m->opt.limits.blocks) {
        if (!m->full.arena && !m->full.blocks)
            mk_warn(m, DP_MARKUP_W_LIMIT, m->place);
        m->full.blocks = m->full.blocks || !m->full.arena;
        return DP_NONE;
    }
    if ((size_t)p->n_blocks >= m->room.blocks) {
        struct dp_block *more = b_arena_grow(p->arena, p->blocks, (size_t)p->n_blocks, &m->room.blocks, sizeof *more);
        if (!more) {
            m->full.arena = true;
            return DP_NONE;
        }
        p->blocks = more;
    }
    p->blocks[p->n_blocks] = (struct dp_block){.type = type,
                                               .level = type == DP_HEADING && level < 1 ? 1 : level,
                                               .order = p->n_blocks,
                                               .parent = parent,
                                               .text = "",
                                               .confidence = DP_NO_CONFIDENCE,
                                               .source = m->source,
                                               .table = DP_NONE,
                                               .caption_of = DP_NONE};
    return p->n_blocks++;
}

void mk_block_drop_last(struct dp_markup *m, int32_t block)
{
    if (block == m->page->n_blocks - 1)
        m->page->n_blocks--;
}

void mk_set_box(struct dp_block *b, const struct mk_elem *e)
{
    b->has_bbox = e->boxed;
    if (!e->boxed)
        return;
    b->bbox = e->box;
    if (e->box_guessed)
        b->flags |= DP_FLAG_BOX_GUESSED;
}

void mk_set_meta(struct dp_markup *m, int32_t block, const struct mk_meta *meta)
{
    struct dp_block *b = &m->page->blocks[block];
    b->flags |= meta->flags;
    b->confidence = meta->confidence;
    b->joined = meta->joined;
    b->language = meta->lang && meta->lang[0] ? meta->lang : NULL;
    if (meta->source >= 0)
        b->source = (enum dp_source_kind)meta->source;
    if (meta->id != DP_NONE &&
        mk_grow(m, (void **)&m->links.ids, m->links.n_ids, &m->links.cap_ids, sizeof *m->links.ids))
        m->links.ids[m->links.n_ids++] = (struct mk_id){meta->id, block};
    if ((meta->of != DP_NONE || meta->parent != DP_NONE) &&
        mk_grow(m, (void **)&m->links.refs, m->links.n_refs, &m->links.cap_refs, sizeof *m->links.refs))
        m->links.refs[m->links.n_refs++] = (struct mk_ref){block, meta->of, meta->parent};
}

static bool order(double *a, double *b)
{
    const double t = *a;
    if (*a <= *b)
        return false;
    *a = *b;
    *b = t;
    return true;
}

static bool clamp_to(double *v, double max)
{
    const double before = *v;
    if (*v < 0)
        *v = 0;
    if (max > 0 && *v > max)
        *v = max;
    return *v != before;
}

/* Four numbers, or the bounds of eight: swapped corners are ordered, then clamped to the frame, then scaled
 * to the page, each axis with its own factor. offset UINT64_MAX: nothing is reported. */
bool mk_box_of(struct dp_markup *m, const struct mk_numbers *n, uint64_t offset, struct dp_rect *out, uint32_t *flags)
{
    double x0 = n->v[0], y0 = n->v[1], x1 = n->v[2], y1 = n->v[3];
    const bool tell = offset != UINT64_MAX;
    if (n->bad || (n->n != 4 && n->n != 8)) {
        if (tell)
            mk_warn(m, DP_MARKUP_W_BAD_BOX, offset);
        return false;
    }
    for (int i = 0; i < 8 && n->n == 8; i += 2) {
        x0 = i == 0 || n->v[i] < x0 ? n->v[i] : x0;
        x1 = i == 0 || n->v[i] > x1 ? n->v[i] : x1;
        y0 = i == 0 || n->v[i + 1] < y0 ? n->v[i + 1] : y0;
        y1 = i == 0 || n->v[i + 1] > y1 ? n->v[i + 1] : y1;
    }
    bool repaired = order(&x0, &x1);
    repaired = order(&y0, &y1) || repaired;
    repaired = clamp_to(&x0, m->frame_w) || repaired;
    repaired = clamp_to(&x1, m->frame_w) || repaired;
    repaired = clamp_to(&y0, m->frame_h) || repaired;
    repaired = clamp_to(&y1, m->frame_h) || repaired;
    if (repaired) {
        *flags |= DP_FLAG_REPAIRED;
        if (tell)
            mk_warn(m, DP_MARKUP_W_BOX_REPAIRED, offset);
    }
    if (x0 >= x1 || y0 >= y1) {
        *flags |= DP_FLAG_REPAIRED;
        if (tell)
            mk_warn(m, DP_MARKUP_W_BOX_DROPPED, offset);
        return false;
    }
    const double w = m->page->width, h = m->page->height;
    const double sx = m->frame_w > 0 && w > 0 ? w / m->frame_w : 1, sy = m->frame_h > 0 && h > 0 ? h / m->frame_h : 1;
    *out = (struct dp_rect){(float)(x0 * sx), (float)(y0 * sy), (float)(x1 * sx), (float)(y1 * sy)};
    return true;
}

static uint64_t mix(uint64_t h, const char *text)
{
    if (!text)
        return h * 31 + 7;
    for (size_t n = strlen(text); n > 0;) {
        uint64_t w = 0;
        const size_t k = n < 8 ? n : 8;
        memcpy(&w, text, k);
        h = (h ^ w) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
        text += k;
        n -= k;
    }
    return h * 31 + 11;
}

static struct mk_seen signature(const struct dp_page *page, int32_t index)
{
    const struct dp_block *b = &page->blocks[index];
    struct mk_seen s = {.box = b->bbox, .block = index, .last = index, .boxed = b->has_bbox};
    s.hash = mix(mix((uint64_t)b->type * 977 + 1, b->text), b->latex);
    s.heavy = b->has_bbox || (b->text && strlen(b->text) >= HEAVY_BYTES);
    return s;
}

/* A repeated text further down or to a side is one that the page repeats. */
static bool repeats(const struct mk_seen *before, const struct mk_seen *now)
{
    if (before->hash != now->hash)
        return false;
    const bool advances = before->boxed && now->boxed &&
                          (now->box.y0 > before->box.y0 + 0.5f || fabsf(now->box.x0 - before->box.x0) > 0.5f);
    return !advances;
}

static struct mk_seen *seen(struct mk_loop *l, int64_t i)
{
    return &l->ring[i & (MK_SEEN - 1)];
}
_Static_assert((MK_SEEN & (MK_SEEN - 1)) == 0, "the ring's size is a power of two");

static void tell(struct dp_markup *m, int64_t upto)
{
    for (; m->loop.told < upto; m->loop.told++)
        if (m->opt.on_block)
            m->opt.on_block(m->opt.ctx, m->page, seen(&m->loop, m->loop.told)->block);
}

void mk_loop_flush(struct dp_markup *m)
{
    tell(m, m->loop.n);
}

/* Blocks from `from` on vanish, with their tables; open ones stay. */
static void cut_blocks(struct dp_markup *m, int32_t from)
{
    struct dp_page *p = m->page;
    int32_t tables = 0;
    for (int i = 1; i < m->depth; i++)
        if (m->stack[i].block >= from)
            from = m->stack[i].block + 1;
    if (from >= p->n_blocks)
        return;
    p->n_blocks = from;
    while (m->links.n_ids > 0 && m->links.ids[m->links.n_ids - 1].block >= from)
        m->links.n_ids--;
    while (m->links.n_refs > 0 && m->links.refs[m->links.n_refs - 1].block >= from)
        m->links.n_refs--;
    for (int32_t i = 0; i < from; i++)
        if (p->blocks[i].table >= tables)
            tables = p->blocks[i].table + 1;
    p->n_tables = tables;
    p->n_cells = tables > 0 ? p->tables[tables - 1].first_cell + p->tables[tables - 1].n_cells : 0;
}

static void found_loop(struct dp_markup *m, int32_t period, int64_t copies)
{
    struct mk_loop *l = &m->loop;
    const int64_t keep = l->n - copies;
    int32_t from = INT32_MAX;
    for (int64_t i = keep; i < l->n; i++)
        if (seen(l, i)->block < from)
            from = seen(l, i)->block;
    tell(m, keep);
    if (from <= seen(l, keep - 1)->last)
        from = seen(l, keep - 1)->last + 1; /* blocks that stay may lie inside of one that goes */
    cut_blocks(m, from);
    for (int64_t i = keep; m->opt.on_block && i < l->n; i++)
        if (seen(l, i)->block < m->page->n_blocks)
            m->opt.on_block(m->opt.ctx, m->page, seen(l, i)->block);
    l->n = keep;
    l->period = period;
    l->phase = 0;
    memset(l->run, 0, sizeof l->run);
    const int32_t last = seen(l, keep - 1)->block;
    if (last < m->page->n_blocks)
        m->page->blocks[last].flags |= DP_FLAG_LOOP_GUARD;
    m->res.looped = true;
    mk_warn(m, DP_MARKUP_W_LOOP, m->place);
}

/* While a loop runs on, its blocks are dropped as they come. */
static bool still_looping(struct dp_markup *m, const struct mk_seen *now)
{
    struct mk_loop *l = &m->loop;
    if (l->period == 0)
        return false;
    if (now->block == m->page->n_blocks - 1 && repeats(seen(l, l->n - l->period + l->phase), now)) {
        l->phase = (l->phase + 1) % l->period;
        cut_blocks(m, now->block);
        return true;
    }
    l->period = 0;
    return false;
}

void mk_complete(struct dp_markup *m, int32_t block)
{
    struct mk_loop *l = &m->loop;
    const struct mk_seen now = signature(m->page, block);
    const int32_t most = m->opt.limits.repeats * (now.heavy ? 1 : LIGHT);
    bool hold = false;
    m->lex.silent = now.boxed ? 0 : m->lex.silent;
    if (still_looping(m, &now))
        return;
    *seen(l, l->n) = now;
    if (l->n > 0 && seen(l, l->n - 1)->last > block)
        seen(l, l->n)->last = seen(l, l->n - 1)->last;
    for (int32_t p = 1; p <= MK_PERIOD; p++) {
        l->run[p] = l->n >= p && repeats(seen(l, l->n - p), &now) ? l->run[p] + 1 : 0;
        hold = hold || l->run[p] > 0;
    }
    l->n++;
    for (int32_t p = 1; p <= MK_PERIOD; p++)
        if (l->run[p] >= p * (most - 1)) {
            found_loop(m, p, (int64_t)p * (most - 1));
            return;
        }
    if (hold && l->n - l->told < MK_SEEN - 2 * MK_PERIOD)
        return;
    if (hold)
        memset(l->run, 0, sizeof l->run);
    tell(m, l->n);
}
