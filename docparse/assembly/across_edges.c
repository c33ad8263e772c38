/* SPDX-License-Identifier: Apache-2.0 */
/* Running heads, feet and page numbers: what stands at the edge of a page in the place where another page has the same
 * words (their digits may change), or a number that counts with the pages. A page alone cannot tell a running head
 * from a heading; two or three in a row can. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "docparse/assembly/across_private.h"
#include "engine/base/utf8.h"

#define ZONE 0.14f         /* of the page height: running heads and feet stand within */
#define WIDE_ZONE 0.25f    /* where nothing stands further out: small pages on large sheets, wide margins */
#define LINES_MOST 2
#define CHARS_MOST 160     /* bytes of text */
#define SAME_Y 0.012f      /* of the page height */
#define SAME_HEIGHT 1.35f  /* ratio */
#define LETTERS_LEAST 3    /* of a repeated text */
#define LARGE 1.35f        /* over the page's usual line: a repeated heading needs a third page as a witness */
#define ERRORS_SHARE 6     /* one letter in so many may be read differently */

static float usual_height(const struct dp_page *page)
{
    double sum = 0, weight = 0;
    for (int32_t i = 0; i < page->n_lines; i++) {
        const struct dp_rect b = page->lines[i].bbox;
        const double w = (double)strlen(page->lines[i].text);
        sum += w * (double)fminf(b.y1 - b.y0, b.x1 - b.x0);
        weight += w;
    }
    return weight > 0 ? (float)(sum / weight) : 1.0f;
}

/* Digits become '#', letters small, spaces single. Bytes beyond ASCII stay. */
static void simplify(const char *text, char out[DP_ACROSS_TEXT])
{
    size_t n = 0;
    bool space = true;
    for (const char *p = text; *p && n + 2 < DP_ACROSS_TEXT; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c == ' ' || c == '\t' || c == '\n') {
            if (!space)
                out[n++] = ' ';
            space = true;
            continue;
        }
        space = false;
        if (isdigit(c)) {
            if (n == 0 || out[n - 1] != '#')
                out[n++] = '#';
        } else {
            out[n++] = (char)tolower(c);
        }
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

/* "xiv": -1 when it is no Roman number, which must be all of the text and written one way. */
static int32_t roman_number(const char *text)
{
    static const char *const ones[] = {"", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"};
    static const char *const tens[] = {"", "x", "xx", "xxx", "xl", "l", "lx", "lxx", "lxxx", "xc"};
    char want[16];
    for (int32_t n = 1; n < 100; n++) {
        (void)snprintf(want, sizeof want, "%s%s", tens[n / 10], ones[n % 10]);
        if (strcasecmp(text, want) == 0)
            return n;
    }
    return -1;
}

/* The one number of a text that is nothing else ("- 12 -", "Page 12", "第 3 页"); -1 when it says more. */
static int32_t lone_number(const char *text)
{
    int32_t number = -1, letters = 0, numbers = 0;
    for (const char *p = text; *p;) {
        if (isdigit((unsigned char)*p)) {
            char *end = NULL;
            const long value = strtol(p, &end, 10);
            if (numbers++ == 0)
                number = value >= 0 && value < 100000 ? (int32_t)value : -1;
            p = end;
            continue;
        }
        letters += isalpha((unsigned char)*p) || (unsigned char)*p >= 0xC0;
        p++;
    }
    return numbers >= 1 && numbers <= 2 && letters <= 6 ? number : -1;
}

/* Where the outermost rows of text end: below `top` and above `foot` there is more text, beyond them none. */
struct outermost {
    float top, foot;
};

static struct outermost outermost_of(const struct dp_page *page)
{
    struct outermost o = {INFINITY, -INFINITY};
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if (!b->has_bbox || b->n_lines == 0)
            continue;
        o.top = fminf(o.top, b->bbox.y1);
        o.foot = fmaxf(o.foot, b->bbox.y0);
    }
    return o;
}

static bool in_zone(const struct dp_page *page, const struct dp_block *b, struct outermost o)
{
    const float h = (float)page->height, y = (b->bbox.y0 + b->bbox.y1) * 0.5f;
    return y < ZONE * h || y > (1.0f - ZONE) * h || (y < WIDE_ZONE * h && b->bbox.y0 < o.top) ||
           (y > (1.0f - WIDE_ZONE) * h && b->bbox.y1 > o.foot);
}

static bool may_be_edge(const struct dp_page *page, const struct dp_block *b, struct outermost o, float *y)
{
    const float h = (float)page->height;
    const bool kind = b->type == DP_PARAGRAPH || b->type == DP_HEADING || b->type == DP_TITLE || b->type == DP_HEADER ||
                      b->type == DP_FOOTER || b->type == DP_PAGE_NUMBER || b->type == DP_CAPTION ||
                      b->type == DP_FOOTNOTE || b->type == DP_OTHER || b->type == DP_CODE;
    *y = h > 0 ? (b->bbox.y0 + b->bbox.y1) * 0.5f / h : 0.5f;
    return kind && b->has_bbox && b->parent == DP_NONE && b->n_lines > 0 && b->n_lines <= 2 * LINES_MOST &&
           strlen(b->text) <= CHARS_MOST && b->text[0] && in_zone(page, b, o) &&
           !(b->flags & (DP_FLAG_TURNED | DP_FLAG_VERTICAL));
}

/* The outermost ones when there are more than can be kept. */
static void collect(const struct dp_page *page, struct dp_edges *out)
{
    out->n = 0;
    out->page = page->number;
    if (fabs(page->rotation) > 1.0)
        return; /* edges of a page on its side are not where they seem */
    const struct outermost outermost = outermost_of(page);
    for (int32_t i = 0; i < page->n_blocks && out->n < DP_ACROSS_EDGES; i++) {
        const struct dp_block *b = &page->blocks[i];
        float y;
        if (!may_be_edge(page, b, outermost, &y))
            continue;
        struct dp_edge *e = &out->at[out->n++];
        *e = (struct dp_edge){.y = y,
                              .x0 = b->bbox.x0 / (float)page->width,
                              .x1 = b->bbox.x1 / (float)page->width,
                              .height = (b->bbox.y1 - b->bbox.y0) / (float)page->height,
                              .block = i,
                              .top = y < 0.5f};
        simplify(b->text, e->text);
        e->number = lone_number(b->text);
        if (e->number < 0)
            e->number = roman_number(b->text);
    }
}

/* Edit distance of two short texts, given up beyond `most`. */
static int distance(const char *a, const char *b, int most)
{
    int row[DP_ACROSS_TEXT + 1];
    const int n = (int)strlen(a), m = (int)strlen(b);
    if (abs(n - m) > most)
        return most + 1;
    for (int j = 0; j <= m; j++)
        row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0], best = i;
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            const int above = row[j], change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = above;
            row[j] = change < above + 1 ? change : above + 1;
            row[j] = row[j] < row[j - 1] + 1 ? row[j] : row[j - 1] + 1;
            best = row[j] < best ? row[j] : best;
        }
        if (best > most)
            return most + 1;
    }
    return row[m];
}

static int letters_of(const char *text)
{
    int n = 0;
    for (const char *p = text; *p; p++)
        n += isalpha((unsigned char)*p) || (unsigned char)*p >= 0xC0;
    return n;
}

static bool same_place(const struct dp_edge *a, const struct dp_edge *b)
{
    const float low = fminf(a->height, b->height), high = fmaxf(a->height, b->height);
    return a->top == b->top && fabsf(a->y - b->y) < SAME_Y && high < SAME_HEIGHT * low;
}

static bool repeats(const struct dp_edge *a, const struct dp_edge *b)
{
    const int letters = letters_of(a->text), most = (int)strlen(a->text) / ERRORS_SHARE;
    return letters >= LETTERS_LEAST && same_place(a, b) && distance(a->text, b->text, most) <= most;
}

static bool counts(const struct dp_edge *a, int32_t page_a, const struct dp_edge *b, int32_t page_b)
{
    return a->number >= 0 && b->number >= 0 && page_a != page_b && same_place(a, b) &&
           a->number - b->number == page_a - page_b;
}

/* Pages among those remembered, and `next`, that have the same at this place. */
static void witnesses(const struct dp_across *across, const struct dp_edges *own, const struct dp_edge *e,
                      const struct dp_edges *next, int32_t *repeated, int32_t *counted)
{
    *repeated = *counted = 0;
    for (int32_t k = 0; k <= across->n_seen; k++) {
        const struct dp_edges *page = k < across->n_seen ? &across->seen[k] : next;
        bool same = false, number = false;
        if (!page || page->page == own->page)
            continue;
        for (int32_t i = 0; i < page->n; i++) {
            same = same || repeats(e, &page->at[i]);
            number = number || counts(e, own->page, &page->at[i], page->page);
        }
        *repeated += same;
        *counted += number;
    }
}

void dp_across_edges(struct dp_across *across, struct dp_page *page, const struct dp_page *next)
{
    struct dp_edges own, behind;
    collect(page, &own);
    if (next)
        collect(next, &behind);
    const float usual = usual_height(page);
    for (int32_t i = 0; i < own.n; i++) {
        struct dp_edge *e = &own.at[i];
        struct dp_block *b = &page->blocks[e->block];
        const bool large = (b->bbox.y1 - b->bbox.y0) / (float)b->n_lines > LARGE * usual;
        int32_t repeated, counted;
        if (b->type == DP_PAGE_NUMBER)
            continue;
        witnesses(across, &own, e, next ? &behind : NULL, &repeated, &counted);
        if (counted > 0 && letters_of(b->text) <= 6)
            b->type = DP_PAGE_NUMBER;
        else if (repeated > (large || b->type == DP_TITLE ? 1 : 0))
            b->type = e->top ? DP_HEADER : DP_FOOTER;
        else
            continue;
        b->level = 0;
        b->joined = false;
        b->caption_of = DP_NONE; /* "Table of symbols", over a table on one of the pages */
    }
}

void dp_across_remember(struct dp_across *across, const struct dp_page *page)
{
    collect(page, &across->seen[across->next_seen]);
    across->next_seen = (across->next_seen + 1) % DP_ACROSS_PAGES;
    if (across->n_seen < DP_ACROSS_PAGES)
        across->n_seen++;
}
