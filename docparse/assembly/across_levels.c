/* SPDX-License-Identifier: Apache-2.0 */
/* Levels of headings over the whole document. In order of trust: the outline names the heading; its number says how
 * deep it lies; a heading of its style was met before. What is new takes the page's guess, kept between the levels of
 * larger and of smaller styles. Invariant: headings of one style have one level, unless outline or number say more. */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "docparse/assembly/across_private.h"
#include "docparse/assembly/assembly_private.h"

#define SAME_SIZE 0.05f   /* of the size */
#define LEVEL_MAX 6
#define OUTLINE_PAGES 1   /* how far an entry's page may be off: some name the page before the heading's */
#define TEXT_LEAST 3      /* letters that a heading shares with its entry */

static bool is_bold(const struct dp_page *page, const struct dp_block *b)
{
    size_t bold = 0, all = 0;
    for (int32_t i = b->first_line; i < b->first_line + b->n_lines; i++)
        for (int32_t k = 0; k < page->lines[i].n_words; k++) {
            const struct dp_word *w = &page->words[page->lines[i].first_word + k];
            const size_t len = strlen(w->text);
            all += len;
            bold += w->style & DP_BOLD ? len : 0;
        }
    return bold * 2 > all;
}

static float size_of(const struct dp_page *page, const struct dp_block *b)
{
    float size = 0;
    for (int32_t i = b->first_line; i < b->first_line + b->n_lines; i++) {
        const struct dp_line *l = &page->lines[i];
        const float tall = 1000.0f * (l->bbox.y1 - l->bbox.y0) / fmaxf((float)page->height, 1.0f);
        size = fmaxf(size, l->font_size > 0 ? l->font_size : tall);
    }
    return size;
}

/* Next letter or digit of a text, small; signs and spaces are passed over. 0 at its end. */
static unsigned char next_letter(const char **text)
{
    for (; **text; (*text)++) {
        const unsigned char c = (unsigned char)**text;
        if (isalnum(c) || c >= 0x80) {
            (*text)++;
            return (unsigned char)tolower(c);
        }
    }
    return 0;
}

/* "1.2 Methods" and "Methods", "METHODS": one is the other, or ends with it behind a number. */
static bool same_heading(const char *a, const char *b)
{
    const char *p = a + dp_chapter_label(a), *q = b + dp_chapter_label(b);
    if (*p == '\0' || *q == '\0') { /* the label is all there is */
        p = a;
        q = b;
    }
    p += strspn(p, "0123456789. ");
    q += strspn(q, "0123456789. ");
    int letters = 0;
    for (;;) {
        const unsigned char x = next_letter(&p), y = next_letter(&q);
        if (x != y)
            return false;
        if (x == 0)
            return letters >= TEXT_LEAST;
        letters++;
    }
}

/* Level that the outline gives, from 1; 0 when it does not know the heading. */
static int32_t outline_level(const struct dp_across *across, const struct dp_page *page, const struct dp_block *b)
{
    for (int32_t i = 0; i < across->n_outline; i++) {
        const struct dp_outline_item *item = &across->outline[i];
        const int32_t off = item->page - page->number;
        if (item->page > 0 && off >= -OUTLINE_PAGES && off <= OUTLINE_PAGES && same_heading(item->title, b->text))
            return item->level + 1 > LEVEL_MAX ? LEVEL_MAX : item->level + 1;
    }
    return 0;
}

/* "2.3.1 Title": 3, "Chapter 2 Title": 1. 0 without a number, or with one that may be a year or an amount. */
static int32_t number_depth(const char *text)
{
    int32_t depth = 0;
    const char *p = text;
    if (dp_chapter_label(text) > 0)
        return strncasecmp(text, "part", 4) != 0 && strncasecmp(text, "teil", 4) != 0 &&
               strncasecmp(text, "deel", 4) != 0; /* parts lie over chapters: their style tells */
    while (isdigit((unsigned char)*p)) {
        const size_t n = strspn(p, "0123456789");
        if (n > 2)
            return 0;
        depth++;
        p += n;
        if (*p != '.')
            break;
        p++;
    }
    return *p == ' ' ? depth : 0;
}

static struct dp_heading_style *find_style(struct dp_across *across, float size, bool bold)
{
    for (int32_t i = 0; i < across->n_styles; i++) {
        struct dp_heading_style *s = &across->styles[i];
        if (s->bold == bold && fabsf(s->size - size) < SAME_SIZE * size)
            return s;
    }
    return NULL;
}

static void learn(struct dp_across *across, float size, bool bold, int32_t level)
{
    struct dp_heading_style *s = find_style(across, size, bold);
    if (s)
        s->level = level;
    else if (across->n_styles < DP_ACROSS_STYLES)
        across->styles[across->n_styles++] = (struct dp_heading_style){size, bold, level};
}

/* The page's guess, kept between larger and smaller styles of the same weight. */
static int32_t between(const struct dp_across *across, float size, bool bold, int32_t guess)
{
    int32_t least = 1, most = LEVEL_MAX;
    for (int32_t i = 0; i < across->n_styles; i++) {
        const struct dp_heading_style *s = &across->styles[i];
        if (s->bold != bold)
            continue;
        if (s->size > size && s->level + 1 > least)
            least = s->level + 1;
        if (s->size < size && s->level - 1 < most)
            most = s->level - 1;
    }
    most = most < 1 ? 1 : most;
    least = least > LEVEL_MAX ? LEVEL_MAX : least;
    if (least > most)
        least = most;
    return guess < least ? least : guess > most ? most : guess;
}

void dp_across_levels(struct dp_across *across, struct dp_page *page)
{
    for (int32_t i = 0; i < page->n_blocks; i++) {
        struct dp_block *b = &page->blocks[i];
        if (b->type != DP_HEADING || b->n_lines == 0)
            continue;
        const float size = size_of(page, b);
        const bool bold = is_bold(page, b);
        const int32_t named = outline_level(across, page, b), depth = number_depth(b->text);
        const struct dp_heading_style *style = find_style(across, size, bold);
        int32_t level = named;
        if (level == 0 && depth > 0 && across->has_offset)
            level = depth + across->offset;
        if (level == 0)
            level = style ? style->level : between(across, size, bold, b->level);
        level = level < 1 ? 1 : level > LEVEL_MAX ? LEVEL_MAX : level;
        if (depth > 0 && (named > 0 || !across->has_offset)) {
            across->offset = level - depth;
            across->has_offset = true;
        }
        if (named > 0 || depth > 0 || !style)
            learn(across, size, bold, level);
        b->level = level;
    }
}
