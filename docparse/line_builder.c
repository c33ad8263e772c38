/* SPDX-License-Identifier: Apache-2.0 */
/* Grows the line and word arrays of a page. Invariant: the words of a line are contiguous, and
 * page->n_words never counts words of a line that has not been ended after an error. */
#include "docparse/line_builder.h"

#include <string.h>

#define DOMAIN "reader"
#define FIRST_CAP 64u

void dp_line_builder_begin(struct dp_line_builder *builder, struct dp_page *page)
{
    *builder = (struct dp_line_builder){.page = page, .line_start = page->n_words};
    builder->line_cap = (size_t)page->n_lines;
    builder->word_cap = (size_t)page->n_words;
}

/* Room for one more element behind `count`; the array moves when it grows. */
static void *room(struct b_arena *arena, void *array, int32_t count, size_t *cap, size_t size)
{
    if (count < INT32_MAX - 1 && (size_t)count < *cap)
        return array;
    if (count >= INT32_MAX - 1)
        return NULL;
    if (*cap == 0) {
        *cap = FIRST_CAP;
        return b_arena_array(arena, *cap, size);
    }
    return b_arena_grow(arena, array, (size_t)count, cap, size);
}

enum b_code dp_line_builder_word(struct dp_line_builder *builder, const struct dp_word *word, struct b_err *err)
{
    struct dp_page *page = builder->page;
    struct dp_word *words = room(page->arena, page->words, page->n_words, &builder->word_cap, sizeof *words);
    if (!words)
        return b_arena_refused(page->arena, DOMAIN, err);
    page->words = words;
    words[page->n_words++] = *word;
    return B_OK;
}

static struct dp_rect box_of_words(const struct dp_word *words, int32_t n)
{
    if (n == 0)
        return (struct dp_rect){0, 0, 0, 0};
    struct dp_rect box = words[0].bbox;
    for (int32_t i = 1; i < n; i++) {
        const struct dp_rect w = words[i].bbox;
        box.x0 = w.x0 < box.x0 ? w.x0 : box.x0;
        box.y0 = w.y0 < box.y0 ? w.y0 : box.y0;
        box.x1 = w.x1 > box.x1 ? w.x1 : box.x1;
        box.y1 = w.y1 > box.y1 ? w.y1 : box.y1;
    }
    return box;
}

enum b_code dp_line_builder_end(struct dp_line_builder *builder, const struct dp_line *line, struct b_err *err)
{
    struct dp_page *page = builder->page;
    struct dp_line *lines = room(page->arena, page->lines, page->n_lines, &builder->line_cap, sizeof *lines);
    if (!lines)
        return b_arena_refused(page->arena, DOMAIN, err);
    page->lines = lines;
    const int32_t first = builder->line_start, n = page->n_words - first;
    struct dp_line made = *line;
    made.first_word = first;
    made.n_words = n;
    made.block = DP_NONE;
    if (made.bbox.x1 <= made.bbox.x0 && made.bbox.y1 <= made.bbox.y0)
        made.bbox = box_of_words(page->words + first, n);
    made.text = dp_words_text(page->arena, page->words + first, n);
    if (!made.text)
        return b_arena_refused(page->arena, DOMAIN, err);
    lines[page->n_lines++] = made;
    builder->line_start = page->n_words;
    return B_OK;
}

char *dp_words_text(struct b_arena *arena, const struct dp_word *words, int32_t n)
{
    size_t size = 1;
    for (int32_t i = 0; i < n; i++)
        size += strlen(words[i].text) + 1;
    char *text = b_arena_alloc(arena, size, 1);
    if (!text)
        return NULL;
    size_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        const size_t len = strlen(words[i].text);
        memcpy(text + at, words[i].text, len);
        at += len;
        if (i + 1 < n && !words[i].joined)
            text[at++] = ' ';
    }
    text[at] = '\0';
    return text;
}

void dp_quad_of_box(struct dp_rect b, int direction, struct dp_point quad[4])
{
    const struct dp_point corners[4] = {{b.x0, b.y0}, {b.x1, b.y0}, {b.x1, b.y1}, {b.x0, b.y1}};
    for (int i = 0; i < 4; i++)
        quad[i] = corners[(i + direction) & 3];
}
