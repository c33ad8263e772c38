/* SPDX-License-Identifier: Apache-2.0 */
/* Where pictures are, from three sources held against each other: regions of the layout network, images that the file
 * places, and the pixels themselves (busy ones that no text and no rule explains). A picture is accepted where its
 * place is busy and not mostly text. Lettering becomes the picture's text; running text that lies over a picture
 * stays text and is read behind it. Invariant: no block loses a row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/pictures_private.h"

#define SIDE_LEAST 3.5f    /* line heights of either side */
#define PAGE_SHARE 0.85f   /* of width and height: what covers as much is the page itself */
#define TEXT_SHARE 0.32f   /* of the area under lines of text, for something that is still a picture */
#define PROSE_CHARS 160    /* of one block */
#define PROSE_MOST 400     /* such characters in a picture: more is a page with a picture behind it */
#define DENSE_FILL 0.3f    /* of the cells of a picture that only its pixels tell */
#define SEEN_FILL 0.05f    /* of one that the network sees, or the file places */
#define DRAWN_FILL 0.01f /* of one that the file draws */
#define SEEN_SCORE 0.5f
#define SURE_SCORE 0.75f   /* where text covers more than half of TEXT_SHARE */
#define SAME_SHARE 0.5f    /* of the smaller of two boxes in both of them: one picture */
#define SPLIT_GAP 1.2f     /* line heights of blank between pictures side by side */
#define SPLIT_BUSY 0.01f
#define SPLIT_STEPS 256    /* columns that a region is looked at in */
#define RULE_WIDTH 18.0f   /* pixels, in cells that may straddle it, of a line between two pictures */
#define PEELS 4
#define PEEL_HEIGHTS 2.5f  /* line heights from the edge of a region to the far side of a title in it */
#define PEEL_BUSY 0.03f    /* share of busy cells there */
#define LABEL_GAP 1.2f     /* line heights between a chart and its numbers */
#define LABEL_CHARS 12
#define LABEL_ROUNDS 2
#define TICKS_MOST 128
#define TICKS_DOWN 3       /* numbers of a vertical scale, */
#define TICKS_ACROSS 4     /* of a level one */
#define TICK_ALIGN 0.6f    /* heights */
#define TICK_ERROR 0.2f    /* of the usual distance */
#define LETTER_SIZE 1.3f   /* over body: larger type is a title */
#define LETTER_CHARS 40    /* of a row that may be lettering */
#define LETTER_BLOCK 90    /* of a block */
#define LETTER_ROWS 4

static float area_of(struct dp_rect b)
{
    return b.x1 > b.x0 && b.y1 > b.y0 ? (b.x1 - b.x0) * (b.y1 - b.y0) : 0.0f;
}

static struct dp_rect common(struct dp_rect a, struct dp_rect b)
{
    return (struct dp_rect){fmaxf(a.x0, b.x0), fmaxf(a.y0, b.y0), fminf(a.x1, b.x1), fminf(a.y1, b.y1)};
}

/* Share of the box under lines, and the characters of blocks of prose in it. */
static float text_share(const struct dp_assembly *a, struct dp_rect box)
{
    float covered = 0;
    for (int32_t i = 0; i < a->page->n_lines; i++)
        if (a->page->lines[i].text[0])
            covered += area_of(common(a->page->lines[i].bbox, box));
    return covered / fmaxf(area_of(box), 1.0f);
}

static int32_t prose_in(const struct dp_assembly *a, struct dp_rect box)
{
    int32_t chars = 0;
    for (int32_t i = 0; i < a->n_blocks; i++) {
        const struct dp_draft_block *b = &a->blocks[i];
        const float area = area_of(b->box);
        if (b->count >= 3 && b->chars >= PROSE_CHARS && b->table == DP_NONE && area_of(common(b->box, box)) > 0.6f * area)
            chars += b->chars;
    }
    return chars;
}

static bool on_table(const struct dp_assembly *a, struct dp_rect box)
{
    for (int32_t i = 0; i < a->n_tables; i++) {
        const float both = area_of(common(a->tables[i].box, box));
        if (both > 0.3f * fminf(area_of(a->tables[i].box), area_of(box)))
            return true;
    }
    return false;
}

/* Page pixels -> main frame. */
static struct dp_rect to_main(const struct dp_assembly *a, struct dp_rect b)
{
    const struct dp_point corners[4] = {{b.x0, b.y0}, {b.x1, b.y0}, {b.x1, b.y1}, {b.x0, b.y1}};
    struct dp_rect out = {1e30f, 1e30f, -1e30f, -1e30f};
    for (int i = 0; i < 4; i++) {
        const struct dp_point p = dp_frame_flatten(&a->frame, dp_frame_upright(&a->frame, corners[i]));
        out = dp_rect_union(out, (struct dp_rect){p.x, p.y, p.x, p.y});
    }
    return dp_frame_to_direction(&a->frame, out, a->main_direction);
}

static bool fits(const struct dp_assembly *a, struct dp_rect box)
{
    const float w = box.x1 - box.x0, h = box.y1 - box.y0;
    return w > SIDE_LEAST * a->height && h > SIDE_LEAST * a->height &&
           !(w > PAGE_SHARE * a->frame.page_w && h > PAGE_SHARE * a->frame.page_h);
}

/* Takes a box in as a picture, or as more of one that is known. */
static void add(struct dp_assembly *a, struct dp_rect box, float score, bool seen)
{
    for (int32_t i = 0; i < a->n_pictures; i++) {
        struct dp_picture *p = &a->pictures[i];
        if (area_of(common(p->page_box, box)) > SAME_SHARE * fminf(area_of(p->page_box), area_of(box))) {
            const struct dp_rect both = dp_rect_union(p->page_box, box);
            if (fits(a, both))
                p->page_box = both;
            p->score = fmaxf(p->score, score);
            p->seen = p->seen || seen;
            return;
        }
    }
    if (a->n_pictures < DP_PICTURES_MOST)
        a->pictures[a->n_pictures++] = (struct dp_picture){.page_box = box, .score = score, .seen = seen};
}

/* Whether the box, which `score` (0: nobody) calls a picture, is one. */
static bool accepted(const struct dp_assembly *a, const struct dp_busy *busy, struct dp_rect box, float score,
                     float fill_least)
{
    const struct dp_rect main_box = to_main(a, box);
    if (!fits(a, box) || on_table(a, main_box) || prose_in(a, main_box) > PROSE_MOST)
        return false;
    const float text = text_share(a, box);
    return text < (score > 0 && score < SURE_SCORE ? 0.5f : 1.0f) * TEXT_SHARE &&
           dp_busy_share(busy, box) >= fill_least;
}

/* Blocks of text whose middle lies in the strip of the box. */
static int32_t pieces_in(const struct dp_assembly *a, struct dp_rect strip)
{
    int32_t n = 0;
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_rect b = a->page->lines[i].bbox;
        const float x = (b.x0 + b.x1) * 0.5f, y = (b.y0 + b.y1) * 0.5f;
        n += x > strip.x0 && x < strip.x1 && y > strip.y0 && y < strip.y1;
    }
    return n;
}

/* Lines that touch the column. */
static int32_t pieces_across(const struct dp_assembly *a, struct dp_rect column)
{
    int32_t n = 0;
    for (int32_t i = 0; i < a->page->n_lines; i++)
        n += area_of(common(a->page->lines[i].bbox, column)) > 0;
    return n;
}

/* Takes titles and captions off the top and the foot of a region: one or two lines side by side with nothing of the
 * picture beyond them. Labels of an axis come in greater number. */
static struct dp_rect peel(const struct dp_assembly *a, const struct dp_busy *busy, struct dp_rect box)
{
    for (int round = 0; round < PEELS; round++) {
        struct dp_rect was = box;
        for (int32_t i = 0; i < a->page->n_lines; i++) {
            const struct dp_rect b = a->page->lines[i].bbox;
            const float x = (b.x0 + b.x1) * 0.5f, y = (b.y0 + b.y1) * 0.5f, tall = b.y1 - b.y0;
            const struct dp_rect row = {box.x0, b.y0, box.x1, b.y1};
            if (x < box.x0 || x > box.x1 || y < box.y0 || y > box.y1 || a->items[i].letters < 3 ||
                a->items[i].direction != 0 || pieces_in(a, row) > 2)
                continue;
            const struct dp_rect above = {box.x0, box.y0, box.x1, b.y1}, below = {box.x0, b.y0, box.x1, box.y1};
            if (b.y1 - box.y0 < PEEL_HEIGHTS * tall && dp_busy_share(busy, above) < PEEL_BUSY)
                box.y0 = fminf(b.y1 + 1.0f, box.y1);
            else if (box.y1 - b.y0 < PEEL_HEIGHTS * tall && dp_busy_share(busy, below) < PEEL_BUSY)
                box.y1 = fmaxf(b.y0 - 1.0f, box.y0);
        }
        if (!(box.y0 > was.y0 || box.y1 < was.y1))
            break;
    }
    return box;
}

/* Adds the labels of axes beside and below the box. */
static struct dp_rect with_labels(const struct dp_assembly *a, struct dp_rect box)
{
    const float near = LABEL_GAP * a->height;
    for (int round = 0; round < LABEL_ROUNDS; round++) {
        struct dp_rect was = box;
        for (int32_t i = 0; i < a->n_items; i++) {
            const struct dp_item *it = &a->items[i];
            const struct dp_rect b = a->page->lines[i].bbox;
            if (it->chars > LABEL_CHARS || it->digits * 2 < it->chars || it->table != DP_NONE)
                continue;
            const float across = dp_overlap(b.x0, b.x1, was.x0, was.x1), down = dp_overlap(b.y0, b.y1, was.y0, was.y1);
            if ((across > 0 && down > -near) || (down > 0 && across > -near))
                box = dp_rect_union(box, b);
        }
    }
    return box;
}

/* Whether the columns [from, to) of steps hold something; a line no wider than RULE_WIDTH between blanks does not. */
static void mark_columns(const struct dp_assembly *a, const struct dp_busy *busy, struct dp_rect box, bool *full)
{
    const float step = (box.x1 - box.x0) / SPLIT_STEPS;
    for (int i = 0; i < SPLIT_STEPS; i++) {
        const float x = box.x0 + (float)i * step;
        const struct dp_rect column = {x, box.y0, x + step, box.y1};
        full[i] = dp_busy_share(busy, column) >= SPLIT_BUSY || pieces_across(a, column) > 0;
    }
    const int thin = (int)(RULE_WIDTH / step) + 1;
    for (int i = 1; i < SPLIT_STEPS; i++) {
        int end = i;
        while (!full[i - 1] && end < SPLIT_STEPS && full[end])
            end++;
        for (int k = i; end > i && end < SPLIT_STEPS && end - i <= thin && k < end; k++)
            full[k] = false;
    }
}

/* The box and the lines that stand in the part of a region around it. */
static struct dp_rect with_lines(const struct dp_assembly *a, struct dp_rect box, struct dp_rect part)
{
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_rect b = a->page->lines[i].bbox;
        const float x = (b.x0 + b.x1) * 0.5f, y = (b.y0 + b.y1) * 0.5f;
        if (x > part.x0 && x < part.x1 && y > part.y0 && y < part.y1)
            box = dp_rect_union(box, b);
    }
    return box;
}

/* Takes the region in as a picture, or as several where blank columns go through it from top to bottom. */
static void add_split(struct dp_assembly *a, const struct dp_busy *busy, struct dp_rect box, float score)
{
    bool full[SPLIT_STEPS + 1];
    const float step = (box.x1 - box.x0) / SPLIT_STEPS;
    const int gutter = (int)(SPLIT_GAP * a->height / step) + 1;
    int start = 0, blank = 0;
    mark_columns(a, busy, box, full);
    for (int i = 0; i <= SPLIT_STEPS; i++) {
        if (i < SPLIT_STEPS && !full[i]) {
            blank++;
            continue;
        }
        const struct dp_rect part = {box.x0 + (float)start * step, box.y0, box.x0 + (float)(i - blank) * step, box.y1};
        const struct dp_rect rest = {box.x0 + (float)i * step, box.y0, box.x1, box.y1};
        if (i == SPLIT_STEPS || (blank >= gutter && fits(a, part) && fits(a, rest))) {
            const struct dp_rect tight = with_lines(a, dp_busy_tighten(busy, part), part);
            if (fits(a, tight))
                add(a, tight, score, true);
            start = i;
        }
        blank = 0;
    }
}

/* Parts that the pixels tell inside of a region: several side by side are pictures of their own. */
static int32_t parts_of(const struct dp_rect *dense, int32_t n, struct dp_rect region)
{
    int32_t parts = 0;
    for (int32_t i = 0; i < n; i++)
        parts += area_of(common(dense[i], region)) > 0.6f * area_of(dense[i]);
    return parts;
}

static bool sees_figure(const struct dp_region *r)
{
    return r->kind == DP_REGION_FIGURE && r->score >= SEEN_SCORE;
}

static bool seen_by_network(const struct dp_assembly *a, struct dp_rect box, float *score)
{
    for (int32_t i = 0; a->regions && i < a->regions->n; i++) {
        const struct dp_region *r = &a->regions->at[i];
        if (sees_figure(r) && area_of(common(r->bbox, box)) > 0.6f * area_of(box)) {
            *score = r->score;
            return true;
        }
    }
    return false;
}

static enum b_code find(struct dp_assembly *a, struct b_err *err)
{
    struct dp_busy busy;
    enum b_code code = dp_busy_make(a, &busy, err);
    if (code != B_OK || !busy.cells)
        return code;
    const struct dp_regions *r = a->regions;
    struct dp_rect *dense = NULL;
    int32_t n = 0;
    code = dp_busy_regions(a, &busy, &dense, &n, err);
    if (code != B_OK)
        return code;
    for (int32_t i = 0; r && i < r->n; i++) {
        if (!sees_figure(&r->at[i]) || parts_of(dense, n, r->at[i].bbox) > 1)
            continue;
        const struct dp_rect box = peel(a, &busy, r->at[i].bbox);
        if (accepted(a, &busy, box, r->at[i].score, SEEN_FILL))
            add_split(a, &busy, box, r->at[i].score);
    }
    for (int32_t i = 0; i < a->n_drawings; i++) {
        const struct dp_drawing *d = &a->drawings[i];
        if ((d->sure || !on_table(a, to_main(a, d->page_box))) &&
            dp_busy_share(&busy, d->page_box) > DRAWN_FILL)
            add(a, d->page_box, DP_NO_CONFIDENCE, false);
    }
    const struct dp_sheet *s = a->sheet;
    for (int32_t i = 0; s && s->kind == DP_SHEET_DIGITAL && i < s->n_images; i++)
        if (accepted(a, &busy, s->images[i].bbox, 0, SEEN_FILL))
            add(a, s->images[i].bbox, DP_NO_CONFIDENCE, false);
    for (int32_t i = 0; i < n; i++) {
        float score = DP_NO_CONFIDENCE;
        const bool seen = seen_by_network(a, dense[i], &score);
        if (accepted(a, &busy, dense[i], 0, seen ? SEEN_FILL : DENSE_FILL))
            add(a, with_labels(a, dense[i]), score, seen);
    }
    return B_OK;
}

/* Short rows, none of them a sentence. */
static bool is_lettering(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    if (b->count == 0 || b->table != DP_NONE ||
        ((b->count > LETTER_ROWS || b->chars > LETTER_BLOCK) && b->chars > LABEL_CHARS * b->count) || b->size > LETTER_SIZE * a->body)
        return false;
    for (int32_t i = 0; i < b->count; i++)
        if (a->rows[a->block_rows[b->first + i]].chars > LETTER_CHARS)
            return false;
    return true;
}

static int by_value(const void *p, const void *q)
{
    const float a = *(const float *)p, b = *(const float *)q;
    return (a > b) - (a < b);
}

/* Most of the distances between neighbours are the usual one. Sorts the positions. */
static bool evenly_spaced(float *at, int32_t n, float least)
{
    float gaps[TICKS_MOST];
    int32_t even = 0;
    qsort(at, (size_t)n, sizeof *at, by_value);
    for (int32_t i = 0; i + 1 < n; i++)
        gaps[i] = at[i + 1] - at[i];
    const float usual = n > 1 ? dp_median(gaps, n - 1) : 0;
    for (int32_t i = 0; i + 1 < n; i++)
        even += fabsf(at[i + 1] - at[i] - usual) < TICK_ERROR * usual;
    return usual > least && even * 10 >= (n - 1) * 7;
}

/* Numbers below each other or side by side at equal distances: the scale of an axis. */
static bool has_axis(const struct dp_assembly *a, const struct dp_picture *p)
{
    int32_t ticks[TICKS_MOST], n = 0;
    for (int32_t i = 0; i < a->n_items && n < TICKS_MOST; i++) {
        const struct dp_item *it = &a->items[i];
        const struct dp_rect b = a->page->lines[i].bbox;
        const float x = (b.x0 + b.x1) * 0.5f, y = (b.y0 + b.y1) * 0.5f;
        if (it->chars <= LABEL_CHARS && it->digits * 2 >= it->chars && it->digits > 0 && x > p->page_box.x0 &&
            x < p->page_box.x1 && y > p->page_box.y0 && y < p->page_box.y1)
            ticks[n++] = i;
    }
    for (int32_t i = 0; i < n; i++) {
        const struct dp_rect r = a->page->lines[ticks[i]].bbox;
        const float h = r.y1 - r.y0;
        float down[TICKS_MOST], across[TICKS_MOST];
        int32_t n_down = 0, n_across = 0;
        for (int32_t k = 0; k < n; k++) {
            const struct dp_rect b = a->page->lines[ticks[k]].bbox;
            if (fabsf(b.x1 - r.x1) < TICK_ALIGN * h || fabsf(b.x0 - r.x0) < TICK_ALIGN * h)
                down[n_down++] = (b.y0 + b.y1) * 0.5f;
            if (fabsf(b.y1 - r.y1) < TICK_ALIGN * h)
                across[n_across++] = (b.x0 + b.x1) * 0.5f;
        }
        if ((n_down >= TICKS_DOWN && evenly_spaced(down, n_down, h)) ||
            (n_across >= TICKS_ACROSS && evenly_spaced(across, n_across, h)))
            return true;
    }
    return false;
}

/* Makes a block of the picture: of its lettering, or one without rows. */
static enum b_code make_block(struct dp_assembly *a, int32_t picture, int32_t *set, struct b_err *err)
{
    struct dp_picture *p = &a->pictures[picture];
    int32_t n = 0, block;
    p->box = to_main(a, p->page_box);
    const int32_t known = a->n_blocks;
    for (int32_t i = 0; i < known; i++) {
        struct dp_draft_block *b = &a->blocks[i];
        const float x = (b->box.x0 + b->box.x1) * 0.5f, y = (b->box.y0 + b->box.y1) * 0.5f;
        if (b->count == 0 || b->picture != DP_NONE || b->inside != DP_NONE || x < p->box.x0 || x > p->box.x1 ||
            y < p->box.y0 || y > p->box.y1)
            continue;
        if (is_lettering(a, b))
            set[n++] = i;
        else if (area_of(common(b->box, p->box)) > 0.8f * area_of(b->box))
            b->inside = picture;
    }
    if (n > 0) {
        const enum b_code code = dp_grid_merge(a, set, n, err);
        if (code != B_OK)
            return code;
        block = set[0];
    } else {
        block = a->n_blocks++;
        a->blocks[block] = (struct dp_draft_block){.table = DP_NONE, .picture = DP_NONE, .inside = DP_NONE};
    }
    struct dp_draft_block *b = &a->blocks[block];
    b->box = p->box;
    b->type = has_axis(a, p) ? DP_CHART : DP_FIGURE;
    b->picture = picture;
    b->marker = 0;
    b->drawn = NULL;
    b->aside = b->bold = false;
    b->direction = (uint8_t)a->main_direction;
    b->size = a->body;
    b->height = a->height;
    return B_OK;
}

enum b_code dp_pictures_find(struct dp_assembly *a, struct b_err *err)
{
    a->pictures = B_ARENA_ARRAY(a->arena, DP_PICTURES_MOST, struct dp_picture);
    int32_t *set = B_ARENA_ARRAY(a->arena, (size_t)a->blocks_room, int32_t);
    if (!a->pictures || !set)
        return b_arena_refused(a->arena, "assembly", err);
    enum b_code code = find(a, err);
    for (int32_t i = 0; i < a->n_pictures && code == B_OK; i++)
        code = make_block(a, i, set, err);
    return code;
}
