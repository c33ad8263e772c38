/* SPDX-License-Identifier: Apache-2.0 */
/* Paragraphs that the end of a column tore apart. The block before the break must end as only unfinished text does
 * (its last line fills the column) and the block behind it must begin as only continued text does (not indented; a
 * small letter, or no end of sentence before it; or a column whose paragraphs are indented while this one is not).
 * Invariant: blocks and lines stay as they are; only `joined` is set, which says that writers may put them together. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"
#include "engine/base/utf8.h"

#define LOOK_AHEAD 64      /* blocks (floats, captions, notes) between the two parts */
#define FULL_HEIGHTS 1.6f  /* line heights that a full line may miss of its column, */
#define FULL_SHARE 0.06f   /* or as much of its width */
#define LINES_LEAST 3      /* of both parts together */
#define BYTES_LEAST 12     /* of each */
#define INDENT_LEAST 0.6f  /* line heights */
#define INDENT_MOST 6.0f
#define SIZE_RATIO 1.16f   /* of the line heights of the two parts */
#define WIDTH_RATIO 1.6f   /* of the widths of their columns */
#define COLUMN_OVERLAP 0.85f /* of the narrower of two blocks of one column, */
#define COLUMN_WIDTH 1.25f   /* and the ratio of their widths */
#define BLOCKS_MOST 2000     /* pages of more blocks are no running text: bounds hostile ones */
#define EDGES_SAME 1.0f    /* line heights between the left edges of blocks of one column */

/* One part seen upright: its column's edges, its first and last line. */
struct part {
    const struct dp_block *block;
    struct dp_rect box, first, last;
    float height; /* of its lines */
};

static struct dp_rect upright(const struct dp_page *page, struct dp_rect b)
{
    const float w = (float)page->width, h = (float)page->height;
    switch ((int)lround(page->rotation / 90.0) & 3) {
    case 1:
        return (struct dp_rect){h - b.y1, b.x0, h - b.y0, b.x1};
    case 2:
        return (struct dp_rect){w - b.x1, h - b.y1, w - b.x0, h - b.y0};
    case 3:
        return (struct dp_rect){b.y0, w - b.x1, b.y1, w - b.x0};
    default:
        return b;
    }
}

static bool is_flow(const struct dp_block *b)
{
    return b->type == DP_PARAGRAPH && b->n_lines > 0 && b->has_bbox &&
           !(b->flags & (DP_FLAG_TURNED | DP_FLAG_VERTICAL | DP_FLAG_UNREADABLE));
}

/* Pieces of the first and of the last printed line: lines that overlap it by half. */
static struct part part_of(const struct dp_page *page, const struct dp_block *b)
{
    const struct dp_line *lines = page->lines + b->first_line;
    struct part p = {.block = b, .box = upright(page, b->bbox)};
    float tallest = 0;
    p.first = upright(page, lines[0].bbox);
    p.last = upright(page, lines[b->n_lines - 1].bbox);
    for (int32_t i = 0; i < b->n_lines; i++) {
        const struct dp_rect r = upright(page, lines[i].bbox);
        const float tall = r.y1 - r.y0;
        if (dp_overlap(r.y0, r.y1, p.first.y0, p.first.y1) > 0.5f * tall)
            p.first = dp_rect_union(p.first, r);
        if (dp_overlap(r.y0, r.y1, p.last.y0, p.last.y1) > 0.5f * tall)
            p.last = dp_rect_union(p.last, r);
        /* The box of a slanted or bent line is higher than its text. */
        const float thick = hypotf(lines[i].quad[3].x - lines[i].quad[0].x, lines[i].quad[3].y - lines[i].quad[0].y);
        tallest += thick > 0 ? fminf(thick, tall) : tall;
    }
    p.height = fmaxf(tallest / (float)b->n_lines, 1.0f);
    return p;
}

static bool one_column(const struct dp_rect *a, const struct dp_rect *b)
{
    const float narrow = fminf(a->x1 - a->x0, b->x1 - b->x0), wide = fmaxf(a->x1 - a->x0, b->x1 - b->x0);
    return dp_overlap(a->x0, a->x1, b->x0, b->x1) > COLUMN_OVERLAP * narrow && wide < COLUMN_WIDTH * fmaxf(narrow, 1.0f);
}

/* Edges of the column that the part stands in, and whether its paragraphs are indented. */
static bool column_of(const struct dp_page *page, const struct part *p, float *left, float *right)
{
    int32_t indented = 0, all = 0;
    *left = p->box.x0;
    *right = p->box.x1;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if (!is_flow(b) || b->n_lines < 2)
            continue;
        const struct part q = part_of(page, b);
        const float ratio = fmaxf(q.height, p->height) / fminf(q.height, p->height);
        if (ratio > SIZE_RATIO || (!one_column(&q.box, &p->box) && p->block->n_lines > 1))
            continue;
        if (p->block->n_lines == 1 && fabsf(q.box.x0 - p->box.x0) > EDGES_SAME * p->height)
            continue;
        *left = fminf(*left, q.box.x0);
        *right = fmaxf(*right, q.box.x1);
        if (b == p->block)
            continue;
        const float in = (q.first.x0 - q.box.x0) / q.height;
        indented += in > INDENT_LEAST && in < INDENT_MOST;
        all++;
    }
    return indented > 0 && indented * 2 >= all;
}

static uint32_t first_letter(const char *text)
{
    const size_t len = strlen(text);
    size_t pos = 0;
    return len ? b_utf8_next(text, len, &pos) : 0;
}

/* How the text of a block ends; closing quotes and brackets do not hide the sign before them. */
static bool ends_sentence(const char *text)
{
    static const char *const ends[] = {".", "!", "?", ":", ";", "。", "！", "？", "：", "；", "…", "؟", "۔"};
    static const char *const closing[] = {"\"", "'", ")", "]", "’", "”", "»", "」", "』", "）", "》", "】"};
    size_t len = strlen(text);
    for (bool again = true; again && len > 0;) {
        again = false;
        for (size_t i = 0; i < sizeof closing / sizeof closing[0] && !again; i++) {
            const size_t n = strlen(closing[i]);
            again = len > n && memcmp(text + len - n, closing[i], n) == 0;
            len -= again ? n : 0;
        }
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const size_t n = strlen(ends[i]);
        if (len >= n && memcmp(text + len - n, ends[i], n) == 0)
            return true;
    }
    return false;
}

static bool ends_hyphen(const char *text)
{
    const size_t len = strlen(text);
    return len > 1 && (text[len - 1] == '-' || (len > 2 && memcmp(text + len - 2, "\xC2\xAD", 2) == 0) ||
                       (len > 3 && memcmp(text + len - 3, "\xE2\x80\x90", 3) == 0));
}

bool dp_goes_on(const struct dp_page *page, const struct dp_block *before, const struct dp_page *next_page,
                const struct dp_block *behind)
{
    if (!is_flow(before) || !is_flow(behind))
        return false;
    if (before->n_lines + behind->n_lines < LINES_LEAST || strlen(before->text) < BYTES_LEAST ||
        strlen(behind->text) < BYTES_LEAST)
        return false; /* scraps of formulas and labels fill columns of their own */
    const struct part a = part_of(page, before), b = part_of(next_page, behind);
    const float ratio = fmaxf(a.height, b.height) / fminf(a.height, b.height);
    float left, right, next_left, next_right;
    (void)column_of(page, &a, &left, &right);
    const bool indents = column_of(next_page, &b, &next_left, &next_right);
    const float wide = fmaxf(right - left, next_right - next_left), narrow = fminf(right - left, next_right - next_left);
    if (ratio > SIZE_RATIO || wide > WIDTH_RATIO * fmaxf(narrow, 1.0f))
        return false;
    const float missing = right - a.last.x1, in = (b.first.x0 - next_left) / b.height;
    if (missing > fmaxf(FULL_HEIGHTS * a.height, FULL_SHARE * (right - left)) || in > INDENT_LEAST)
        return false;
    const uint32_t head = first_letter(behind->text);
    if (dp_marker_length(behind->text) > 0)
        return false;
    if (ends_hyphen(before->text))
        return b_cp_is_small(head) || b_cp_is_letter(head);
    if (!ends_sentence(before->text))
        return b_cp_is_letter(head) || b_cp_is_digit(head) || head == '(' || head == '"';
    return b_cp_is_small(head) || (indents && behind->n_lines > 1 && before->n_lines > 1);
}

/* The next block that text may go on in; DP_NONE behind a heading, as for writers. */
static int32_t next_flow(const struct dp_page *page, int32_t i, bool *floats)
{
    *floats = false;
    for (int32_t k = i + 1; k < page->n_blocks && k - i <= LOOK_AHEAD; k++) {
        const struct dp_block *b = &page->blocks[k];
        if (b->type == DP_PARAGRAPH && b->parent == page->blocks[i].parent)
            return k;
        if (b->type == DP_TITLE || b->type == DP_HEADING || b->type == DP_LIST || b->type == DP_CODE)
            return DP_NONE;
        *floats = true;
    }
    return DP_NONE;
}

/* An entry of a bibliography that goes on at the top of the next column. */
static void join_reference(struct dp_page *page, int32_t i)
{
    int32_t k = i + 1;
    while (k < page->n_blocks && k - i <= LOOK_AHEAD && page->blocks[k].type != DP_REFERENCE &&
           page->blocks[k].type != DP_HEADING && page->blocks[k].type != DP_TITLE)
        k++;
    if (k >= page->n_blocks || page->blocks[k].type != DP_REFERENCE)
        return;
    const struct dp_rect p = upright(page, page->blocks[i].bbox), q = upright(page, page->blocks[k].bbox);
    if (q.y0 < p.y0 && dp_overlap(p.x0, p.x1, q.x0, q.x1) <= 0)
        page->blocks[i].joined = dp_reference_goes_on(page, &page->blocks[k]);
}

void dp_join_columns(struct dp_page *page)
{
    for (int32_t i = 0; i < page->n_blocks && page->n_blocks <= BLOCKS_MOST; i++) {
        struct dp_block *a = &page->blocks[i];
        bool floats;
        if (a->type == DP_REFERENCE)
            join_reference(page, i);
        const int32_t k = is_flow(a) ? next_flow(page, i, &floats) : DP_NONE;
        if (k == DP_NONE || !is_flow(&page->blocks[k]))
            continue;
        const struct dp_rect p = upright(page, a->bbox), q = upright(page, page->blocks[k].bbox);
        const bool beside = dp_overlap(p.x0, p.x1, q.x0, q.x1) < 0.2f * fminf(p.x1 - p.x0, q.x1 - q.x0);
        const bool behind_float = floats && q.y0 >= p.y1 && one_column(&p, &q);
        if ((beside && q.y0 < p.y1) || behind_float)
            a->joined = dp_goes_on(page, a, page, &page->blocks[k]);
    }
}
