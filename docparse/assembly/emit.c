/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the ordered drafts into the page: blocks with their text, lists around their items, lines
 * reordered so that each block's lines are contiguous. Invariant: every line of the page belongs to
 * exactly one block afterwards, with its own text untouched. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"
#include "engine/base/utf8.h"

#define LOW_CONFIDENCE 0.5f
#define EMPTY_LINE 2.1f  /* heights from a row of code to the next: there is a line between */
#define NOTE_LINES 4
#define NOTE_GAP 1.5f    /* line heights between a table and a note under it */
#define CAPTION_GAP 3.0f /* caption heights between a caption and its table */

static bool is_hyphen(uint32_t cp)
{
    return cp == '-' || cp == 0xAD || cp == 0x2010;
}

/* Ideographs and kana are set without spaces; Korean words are not. */
static bool spaceless(uint32_t cp)
{
    return b_cp_is_cjk(cp) && !(cp >= 0xAC00 && cp <= 0xD7A3) && !(cp >= 0x1100 && cp <= 0x11FF);
}

/* Appends `next` to text[0..len): the new length. `room` is large enough. */
static size_t join_text(char *text, size_t len, const char *next, bool same_row)
{
    const size_t more = strlen(next);
    size_t pos = 0;
    if (more == 0)
        return len;
    const uint32_t head = b_utf8_next(next, more, &pos);
    if (len > 0) {
        const uint32_t tail = b_utf8_last(text, len);
        size_t hyphen = 1;
        while (hyphen < len && ((unsigned char)text[len - hyphen] & 0xC0) == 0x80)
            hyphen++;
        const bool broken = !same_row && is_hyphen(tail) && len > hyphen && b_cp_is_letter(b_utf8_last(text, len - hyphen));
        if (broken && (tail == 0xAD || (b_cp_is_small(head) && b_cp_is_small(b_utf8_last(text, len - hyphen)))))
            len -= hyphen;
        else if (!broken && !(spaceless(tail) || spaceless(head)))
            text[len++] = ' ';
    }
    memcpy(text + len, next, more);
    return len + more;
}

/* Lines stand on one printed row when they overlap by half across the reading direction. */
static bool on_one_row(const struct dp_line *a, const struct dp_line *b)
{
    const float ax = a->quad[1].x - a->quad[0].x, ay = a->quad[1].y - a->quad[0].y, len = hypotf(ax, ay);
    if (!(len > 0))
        return false;
    const float nx = -ay / len, ny = ax / len;
    const float a0 = a->quad[1].x * nx + a->quad[1].y * ny, a1 = a->quad[2].x * nx + a->quad[2].y * ny;
    const float b0 = b->quad[0].x * nx + b->quad[0].y * ny, b1 = b->quad[3].x * nx + b->quad[3].y * ny;
    return dp_overlap(a0, a1, b0, b1) > 0.5f * fminf(a1 - a0, b1 - b0);
}

char *dp_join_lines(struct b_arena *arena, const struct dp_line *lines, int32_t n)
{
    size_t size = 1, len = 0;
    for (int32_t i = 0; i < n; i++)
        size += strlen(lines[i].text) + 1;
    char *text = b_arena_alloc(arena, size, 1);
    if (!text)
        return NULL;
    for (int32_t i = 0; i < n; i++)
        len = join_text(text, len, lines[i].text, i > 0 && on_one_row(&lines[i - 1], &lines[i]));
    text[len] = '\0';
    return text;
}

/* Width of a character of code: of all its lines together. */
static float advance(const struct dp_draft_block *b, const struct dp_line *lines)
{
    double wide = 0, chars = 0;
    for (int32_t i = 0; i < b->lines; i++) {
        const struct dp_point *q = lines[i].quad;
        wide += hypotf(q[1].x - q[0].x, q[1].y - q[0].y);
        chars += (double)b_utf8_count(lines[i].text, strlen(lines[i].text));
    }
    return chars > 0 && wide > 0 ? fmaxf((float)(wide / chars), 1.0f) : fmaxf(0.5f * b->size, 1.0f);
}

#define INDENT_MAX 120 /* blanks in a row */

static int blanks(float gap, float step)
{
    const float n = gap / step + 0.5f;
    return n > INDENT_MAX ? INDENT_MAX : n > 0 ? (int)n : 0;
}

/* Code keeps its lines, their indents, its columns and an empty line where there is room for one; rows of cells keep rows
 * and cells apart. */
static char *text_by_rows(const struct dp_assembly *a, const struct dp_draft_block *b, const struct dp_line *lines)
{
    const float step = advance(b, lines);
    size_t size = 1, len = 0;
    for (int32_t i = 0; i < b->lines; i++)
        size += strlen(lines[i].text) + 2 + INDENT_MAX;
    char *text = b_arena_alloc(a->page->arena, size, 1);
    if (!text)
        return NULL;
    int32_t line = 0;
    float last_y = -1e30f;
    for (int32_t i = 0; i < b->count; i++) {
        const struct dp_row *r = &a->rows[a->block_rows[b->first + i]];
        const float y = (r->box.y0 + r->box.y1) * 0.5f;
        const bool new_row = i == 0 || !b->grid || fabsf(y - last_y) > 0.5f * r->height;
        if (i > 0)
            text[len++] = new_row ? '\n' : '\t';
        if (i > 0 && !b->grid && y - last_y > EMPTY_LINE * r->height)
            text[len++] = '\n';
        if (new_row)
            last_y = y;
        for (int n = b->grid ? 0 : blanks(r->box.x0 - b->box.x0, step); n > 0; n--)
            text[len++] = ' ';
        for (int32_t k = 0; k < r->count; k++, line++) {
            const size_t n = strlen(lines[line].text);
            const struct dp_item *it = &a->items[a->row_items[r->first + k]];
            int apart = 0;
            if (k > 0 && !b->grid && !r->rtl)
                apart = blanks(it->box.x0 - a->items[a->row_items[r->first + k - 1]].box.x1, step);
            for (apart = k > 0 && apart < 1 ? 1 : apart; apart > 0; apart--)
                text[len++] = ' ';
            memcpy(text + len, lines[line].text, n);
            len += n;
        }
    }
    text[len] = '\0';
    return text;
}

/* Counts by source, confidence and flags of the block's lines. */
static void sum_lines(const struct dp_line *lines, int32_t n, const struct dp_assembly *a, struct dp_block *out)
{
    const uint32_t every = DP_FLAG_UNREADABLE | DP_FLAG_HIDDEN | DP_FLAG_VERTICAL | DP_FLAG_TURNED;
    const uint32_t any = DP_FLAG_TEXT_LAYER_MISMATCH;
    double sum = 0, weight = 0;
    int64_t chars[4] = {0, 0, 0, 0};
    uint32_t all_flags = every;
    out->bbox = lines[0].bbox;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_line *l = &lines[i];
        const double w = (double)strlen(l->text) + 0.001;
        out->bbox = dp_rect_union(out->bbox, l->bbox);
        all_flags &= l->flags;
        out->flags |= l->flags & any;
        chars[l->source & 3] += (int64_t)(w * 1000.0);
        if (l->confidence >= 0) {
            sum += (double)l->confidence * w;
            weight += w;
        }
    }
    (void)a;
    out->flags |= all_flags;
    out->confidence = weight > 0 ? (float)(sum / weight) : DP_NO_CONFIDENCE;
    if (weight > 0 && out->confidence < LOW_CONFIDENCE)
        out->flags |= DP_FLAG_LOW_CONFIDENCE;
    int most = 0;
    for (int s = 1; s < 4; s++)
        if (chars[s] > chars[most])
            most = s;
    out->source = (enum dp_source_kind)most;
}

static enum b_code fill_marker(struct dp_assembly *a, int32_t bytes, struct dp_block *out, struct b_err *err)
{
    size_t len = (size_t)bytes;
    while (len > 0 && out->text[len - 1] == ' ')
        len--;
    const char *behind = out->text + bytes + strspn(out->text + bytes, " ");
    char *marker = b_arena_text(a->page->arena, out->text, len);
    char *rest = b_arena_text(a->page->arena, behind, strlen(behind));
    if (!marker || !rest)
        return b_arena_refused(a->page->arena, "assembly", err);
    out->marker = marker;
    out->text = rest;
    return B_OK;
}

/* A picture's box is its own, larger than its lettering; without lettering nothing else is known of it. */
static void picture_of(const struct dp_assembly *a, const struct dp_picture *picture, struct dp_block *out)
{
    out->bbox = out->n_lines > 0 ? dp_rect_union(out->bbox, picture->page_box) : picture->page_box;
    if (out->n_lines > 0)
        return;
    out->confidence = picture->score;
    out->source =
        picture->seen || !a->sheet || a->sheet->kind != DP_SHEET_DIGITAL ? DP_FROM_COMPACT : DP_FROM_TEXT_LAYER;
}

/* Moves the block's lines to the output array and fills the block. */
static enum b_code emit_block(struct dp_assembly *a, const struct dp_draft_block *b, struct dp_line *lines, int32_t *at,
                              int32_t index, struct b_err *err)
{
    struct dp_page *page = a->page;
    struct dp_block *out = &page->blocks[index];
    *out = (struct dp_block){.type = b->type,
                             .level = b->level,
                             .order = index,
                             .parent = DP_NONE,
                             .table = DP_NONE,
                             .caption_of = DP_NONE,
                             .has_bbox = true,
                             .first_line = *at};
    for (int32_t i = 0; i < b->count; i++) {
        const struct dp_row *r = &a->rows[a->block_rows[b->first + i]];
        for (int32_t k = 0; k < r->count; k++) {
            struct dp_line *line = &lines[(*at)++];
            *line = page->lines[a->items[a->row_items[r->first + k]].line];
            line->block = index;
        }
    }
    out->n_lines = *at - out->first_line;
    const struct dp_line *own = lines + out->first_line;
    if (out->n_lines > 0)
        sum_lines(own, out->n_lines, a, out);
    if (b->picture != DP_NONE)
        picture_of(a, &a->pictures[b->picture], out);
    if (b->table != DP_NONE)
        return dp_table_emit(a, &a->tables[b->table], out, err);
    out->text = b->grid || b->type == DP_CODE ? text_by_rows(a, b, own) : dp_join_lines(page->arena, own, out->n_lines);
    if (!out->text)
        return b_arena_refused(page->arena, "assembly", err);
    if (b->formula && b->type == DP_FORMULA)
        return dp_formula_emit(a, &a->formulas[b->formula - 1], out, err);
    if (b->type == DP_LIST_ITEM && b->drawn)
        out->marker = b->drawn;
    else if (b->type == DP_LIST_ITEM)
        return fill_marker(a, b->marker, out, err);
    return B_OK;
}

static bool is_item(const struct dp_assembly *a, int32_t at)
{
    return at >= 0 && at < a->n_order && a->blocks[a->order[at]].type == DP_LIST_ITEM;
}

/* Whether a caption speaks of a table ("Table 2", "表 1") rather than of a picture. */
static bool names_table(const char *text)
{
    static const char *const labels[] = {"Tab", "TAB", "表", "Таб"};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strncmp(text, labels[i], strlen(labels[i])) == 0)
            return true;
    return false;
}

/* Whether `caption` may stand above or below `block`: one over the other, with little between them. */
static bool stands_by(const struct dp_block *caption, const struct dp_block *block)
{
    const float tall = caption->bbox.y1 - caption->bbox.y0;
    const float gap = fmaxf(block->bbox.y0 - caption->bbox.y1, caption->bbox.y0 - block->bbox.y1);
    return gap < CAPTION_GAP * tall &&
           dp_overlap(caption->bbox.x0, caption->bbox.x1, block->bbox.x0, block->bbox.x1) > 0;
}

/* Ties captions to the tables and figures beside them in reading order, the following one first: a table's
 * caption stands above it more often than below. */
static void tie_captions(struct dp_page *page)
{
    for (int32_t i = 0; i < page->n_blocks; i++) {
        struct dp_block *caption = &page->blocks[i];
        const bool table = caption->type == DP_CAPTION && names_table(caption->text);
        for (int32_t step = 1; caption->type == DP_CAPTION && step >= -1 && caption->caption_of == DP_NONE; step -= 2) {
            const int32_t j = i + step;
            if (j < 0 || j >= page->n_blocks)
                continue;
            const enum dp_block_type type = page->blocks[j].type;
            if ((table ? type == DP_TABLE : type == DP_FIGURE || type == DP_CHART) &&
                stands_by(caption, &page->blocks[j]))
                caption->caption_of = j;
        }
    }
}

/* A line or two under a table that say where it is from or what its signs mean belong to it. */
static bool is_note(const struct dp_block *note, const struct dp_block *table)
{
    static const char *const openings[] = {"Source",   "SOURCE",   "Note",      "NOTE", "*",  "†",
                                           "‡",        "Quelle",   "Anmerkung", "注",   "註", "资料来源",
                                           "数据来源", "資料來源", "出所",      "출처"};
    const float lines = (float)(note->n_lines > 0 ? note->n_lines : 1), tall = (note->bbox.y1 - note->bbox.y0) / lines;
    const float gap = note->bbox.y0 - table->bbox.y1;
    if (note->type != DP_PARAGRAPH || note->parent != DP_NONE || note->n_lines > NOTE_LINES || gap > NOTE_GAP * tall ||
        gap < -0.5f * tall || note->bbox.x0 < table->bbox.x0 - 2.0f * tall || note->bbox.x0 > table->bbox.x1)
        return false;
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++)
        if (strncmp(note->text, openings[i], strlen(openings[i])) == 0)
            return true;
    return false;
}

static void tie_notes(struct dp_page *page)
{
    for (int32_t i = 0; i + 1 < page->n_blocks; i++)
        if (page->blocks[i].type == DP_TABLE && is_note(&page->blocks[i + 1], &page->blocks[i])) {
            page->blocks[i + 1].type = DP_FOOTNOTE;
            page->blocks[i + 1].parent = i;
        }
}

enum b_code dp_emit_blocks(struct dp_assembly *a, struct b_err *err)
{
    struct dp_page *page = a->page;
    int32_t items = 0;
    for (int32_t i = 0; i < a->n_order; i++)
        items += is_item(a, i); /* each may open a list */
    struct dp_line *lines = B_ARENA_ARRAY(page->arena, (size_t)page->n_lines, struct dp_line);
    page->blocks = B_ARENA_ARRAY(page->arena, (size_t)(a->n_order + items), struct dp_block);
    if (!lines || !page->blocks)
        return b_arena_refused(page->arena, "assembly", err);
    struct dp_lists open = {.depth = 0};
    int32_t at = 0, n = 0;
    for (int32_t i = 0; i < a->n_order; i++) {
        if (!is_item(a, i))
            open.depth = 0;
        else if (dp_lists_before(&open, page, &a->blocks[a->order[i]], n))
            n++;
        enum b_code code = emit_block(a, &a->blocks[a->order[i]], lines, &at, n, err);
        if (code != B_OK)
            return code;
        if (is_item(a, i))
            dp_lists_behind(&open, page, n);
        n++;
    }
    page->n_blocks = n;
    if (at != page->n_lines)
        return b_fail(err, B_INTERNAL, "assembly", "%d of %d lines found a place in the page's blocks", at,
                      page->n_lines);
    page->lines = lines;
    tie_captions(page);
    tie_notes(page);
    dp_join_columns(page);
    return B_OK;
}
