/* SPDX-License-Identifier: Apache-2.0 */
/* List marks by their ink. Invariant: only lines that were read with doubt are looked at, and only a patch that is as
 * wide as high, solid in its middle and surrounded by paper is a mark, which no letter is. */
#include "docparse/bullets.h"

#include <stdlib.h>
#include <string.h>

#define SURE 0.75f   /* confidence of a reading that is left alone */
#define CHARS_MOST 2 /* of such a reading */
#define SIDE_LEAST 6 /* pixels of the line's box */
#define SIDE_MOST 120
#define CONTRAST_LEAST 60 /* grey levels between paper and ink */
#define INK_LEAST 5       /* pixels of the patch's side */
#define RING_SHARE 0.8f   /* of the box's border that is paper */
#define DISC_FILL 0.64f   /* of the patch's box; a disc has .785, a small one in pixels less */
#define SQUARE_FILL 0.86f

struct patch {
    const struct b_image_view *image;
    int x0, y0, x1, y1; /* the line's box */
    int paper, half;    /* grey levels: of the paper, and halfway to the ink */
};

static int grey_at(const struct b_image_view *v, int x, int y)
{
    const uint8_t *p = v->pixels + (size_t)y * v->stride + (size_t)x * (size_t)v->channels;
    return v->channels == 1 ? p[0] : (p[0] + 2 * p[1] + p[2]) >> 2;
}

static bool is_ink(const struct patch *p, int x, int y)
{
    const int grey = grey_at(p->image, x, y);
    return p->paper > p->half ? grey < p->half : grey > p->half;
}

/* Paper is the mean of the box's border, ink what is furthest from it; the border must be of one grey. */
static bool find_levels(struct patch *p)
{
    int sum = 0, n = 0, ink = 0, most = 0, even = 0;
    for (int y = p->y0; y < p->y1; y++)
        for (int x = p->x0; x < p->x1; x++)
            if (y == p->y0 || y == p->y1 - 1 || x == p->x0 || x == p->x1 - 1) {
                sum += grey_at(p->image, x, y);
                n++;
            }
    p->paper = sum / n;
    for (int y = p->y0; y < p->y1; y++)
        for (int x = p->x0; x < p->x1; x++) {
            const int grey = grey_at(p->image, x, y);
            if (abs(grey - p->paper) > most) {
                most = abs(grey - p->paper);
                ink = grey;
            }
        }
    p->half = (p->paper + ink) / 2;
    for (int y = p->y0; y < p->y1; y++)
        for (int x = p->x0; x < p->x1; x++)
            if (y == p->y0 || y == p->y1 - 1 || x == p->x0 || x == p->x1 - 1)
                even += !is_ink(p, x, y);
    return most >= CONTRAST_LEAST && (float)even >= RING_SHARE * (float)n;
}

/* U+25A0, U+25CF or NULL. */
static const char *mark_of(const struct patch *p)
{
    int x0 = p->x1, y0 = p->y1, x1 = p->x0, y1 = p->y0, count = 0;
    for (int y = p->y0; y < p->y1; y++)
        for (int x = p->x0; x < p->x1; x++) {
            if (!is_ink(p, x, y))
                continue;
            count++;
            x0 = x < x0 ? x : x0;
            x1 = x >= x1 ? x + 1 : x1;
            y0 = y < y0 ? y : y0;
            y1 = y >= y1 ? y + 1 : y1;
        }
    const int w = x1 - x0, h = y1 - y0;
    if (w < INK_LEAST || h < INK_LEAST || 4 * w < 3 * h || 4 * h < 3 * w || (float)count < DISC_FILL * (float)(w * h))
        return NULL;
    for (int y = y0 + h / 4; y < y1 - h / 4; y++)
        for (int x = x0 + w / 4; x < x1 - w / 4; x++)
            if (!is_ink(p, x, y))
                return NULL;
    return (float)count >= SQUARE_FILL * (float)(w * h) ? "\xe2\x96\xa0" : "\xe2\x97\x8f";
}

static int code_points(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void dp_bullets_name(const struct b_image_view *image, struct dp_page *page, int32_t first)
{
    for (int32_t i = first; image->pixels && i < page->n_lines; i++) {
        struct dp_line *l = &page->lines[i];
        const struct dp_rect b = l->bbox;
        struct patch p = {.image = image};
        if (l->source != DP_FROM_COMPACT || l->n_words != 1 || l->confidence >= SURE || !l->text || !*l->text ||
            code_points(l->text) > CHARS_MOST || !(b.x0 >= 0 && b.y0 >= 0 && b.x1 <= (float)image->width) ||
            !(b.y1 <= (float)image->height))
            continue;
        p.x0 = (int)b.x0;
        p.y0 = (int)b.y0;
        p.x1 = (int)b.x1;
        p.y1 = (int)b.y1;
        const int w = p.x1 - p.x0, h = p.y1 - p.y0;
        if (w < SIDE_LEAST || h < SIDE_LEAST || w > SIDE_MOST || h > SIDE_MOST || !find_levels(&p))
            continue;
        const char *mark = mark_of(&p);
        if (mark)
            l->text = page->words[l->first_word].text = mark;
    }
}
