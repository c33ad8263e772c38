/* SPDX-License-Identifier: Apache-2.0 */
/* Straight or curled: a small network (192 darknesses, a hidden layer, three shapes; made by engine/training/quotes.py)
 * judges each mark, and the marks of a line decide together, because a text uses one kind. Straight marks of an italic
 * lean like closing ones, so that at the beginning of a word only the shape of an opening mark speaks for curled ones.
 * Invariant: the number of glyphs and their places never change, and where the line shows nothing clearly all stays as
 * it was read. */
#include "engine/compact/quotes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/compact/strip_sample.h"

#include "engine/compact/quotes_net.inc"

#define TOP_ROWS 30     /* a mark stands above this row of 48 */
#define LEAST_ROWS 4    /* a lower one is a speck or a stain */
#define MOST_COLUMNS 16 /* of a mark; a wider one is something else */
#define INK 0.35f
#define ELSEWHERE 0.5f /* what a mark that does not begin a word counts: an italic leans as well */
#define SURE_LINE 2.0f /* log odds from which marks that cannot be made out follow the others of their line */
#define PLACE_ODDS 2.0f /* log odds that a mark opens where a word begins, and closes elsewhere */
#define SIDE 2 /* columns looked at beside the glyph's own extent */

static float luminance(const struct eng_line_image *image, int x, int y)
{
    const float *p = image->bgr + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
    return 0.114f * p[0] + 0.587f * p[1] + 0.299f * p[2];
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Paper is what most of the surroundings are, ink the extreme that lies further from it. */
static bool find_levels(const struct eng_line_image *image, int middle, float *paper, float *ink)
{
    enum { REACH = 96, STEP = 2, MOST = (2 * REACH / STEP + 1) * (ENG_LINE_PIXELS / STEP) };
    float some[MOST];
    size_t n = 0;
    for (int x = middle - REACH; x <= middle + REACH; x += STEP)
        for (int y = 0; x >= 0 && x < image->content && y < ENG_LINE_PIXELS; y += STEP)
            some[n++] = luminance(image, x, y);
    if (n < 16)
        return false;
    qsort(some, n, sizeof *some, by_value);
    const float low = some[n / 50], high = some[n - 1 - n / 50];
    *paper = some[n / 2];
    *ink = *paper - low > high - *paper ? low : high;
    return fabsf(*paper - *ink) > 20.0f;
}

static int column_of(const struct eng_line_image *image, float u)
{
    int lo = 0, hi = image->content;
    while (lo < hi) {
        const int middle = (lo + hi) / 2;
        if (image->u[middle + 1] <= u)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

struct window {
    const struct eng_line_image *image;
    float paper, scale; /* darkness = (paper - value) * scale */
    int x0, x1, y0, y1; /* half open */
};

static float darkness(const struct window *w, int x, int y)
{
    if (x < 0 || x >= w->image->content || y < 0 || y >= ENG_LINE_PIXELS)
        return 0.0f;
    const float d = (w->paper - luminance(w->image, x, y)) * w->scale;
    return fminf(fmaxf(d, 0.0f), 1.0f);
}

static bool row_has_ink(const struct window *w, int y)
{
    for (int x = w->x0; x < w->x1; x++)
        if (darkness(w, x, y) > INK)
            return true;
    return false;
}

static bool column_has_ink(const struct window *w, int x)
{
    for (int y = w->y0; y < w->y1; y++)
        if (darkness(w, x, y) > INK)
            return true;
    return false;
}

/* Narrows the window to the first mark below its top; ink that hangs in from above is passed over. */
static bool find_mark(struct window *w)
{
    int y = w->y0;
    while (y < TOP_ROWS && row_has_ink(w, y))
        y++;
    while (y < TOP_ROWS && !row_has_ink(w, y))
        y++;
    int end = y;
    while (end < ENG_LINE_PIXELS && row_has_ink(w, end))
        end++;
    if (y >= TOP_ROWS || end > TOP_ROWS || end - y < LEAST_ROWS || end - y > ENG_QUOTE_ROWS)
        return false;
    w->y0 = y;
    w->y1 = end;
    while (w->x0 < w->x1 && !column_has_ink(w, w->x0))
        w->x0++;
    while (w->x1 > w->x0 && !column_has_ink(w, w->x1 - 1))
        w->x1--;
    return w->x1 > w->x0;
}

static void cut(const struct window *w, struct eng_quote_patch *out)
{
    const int left = (w->x0 + w->x1 - ENG_QUOTE_COLUMNS) / 2, top = (w->y0 + w->y1 - ENG_QUOTE_ROWS) / 2;
    memset(out, 0, sizeof *out);
    for (int y = 0; y < ENG_QUOTE_ROWS; y++)
        for (int x = 0; x < ENG_QUOTE_COLUMNS; x++)
            if (left + x >= w->x0 - 1 && left + x <= w->x1 && top + y >= w->y0 - 1 && top + y <= w->y1)
                out->ink[y][x] = darkness(w, left + x, top + y);
}

/* The faintest column of the middle half. */
static int valley(const struct window *w)
{
    const int width = w->x1 - w->x0;
    int best = w->x0 + width / 2;
    float least = INFINITY;
    for (int x = w->x0 + width / 4; x < w->x1 - width / 4; x++) {
        float sum = 0.0f;
        for (int y = w->y0; y < w->y1; y++)
            sum += darkness(w, x, y);
        if (sum < least) {
            least = sum;
            best = x;
        }
    }
    return best;
}

int eng_quote_patches(const struct eng_line_image *image, const struct eng_glyph *glyph,
                      struct eng_quote_patch patches[2])
{
    const int x0 = column_of(image, glyph->u0), x1 = column_of(image, glyph->u1);
    float paper, ink;
    if (!find_levels(image, (x0 + x1) / 2, &paper, &ink))
        return 0;
    struct window w = {image, paper, 1.0f / (paper - ink), x0 - SIDE, x1 + SIDE, 0, ENG_LINE_PIXELS};
    if (!find_mark(&w) || w.x1 - w.x0 > 2 * MOST_COLUMNS)
        return 0;
    if (glyph->cp == '\'') {
        if (w.x1 - w.x0 > MOST_COLUMNS)
            return 0;
        cut(&w, &patches[0]);
        return 1;
    }
    const int middle = valley(&w);
    for (int half = 0; half < 2; half++) {
        struct window h = w;
        h.x0 = half ? middle + 1 : w.x0;
        h.x1 = half ? w.x1 : middle;
        while (h.x0 < h.x1 && !column_has_ink(&h, h.x0))
            h.x0++;
        while (h.x1 > h.x0 && !column_has_ink(&h, h.x1 - 1))
            h.x1--;
        if (h.x1 == h.x0 || h.x1 - h.x0 > MOST_COLUMNS)
            return 0;
        cut(&h, &patches[half]);
    }
    return 2;
}

/* --- what they are --- */

enum shape { STRAIGHT, OPENING, CLOSING, SHAPES };

static void judge(const struct eng_quote_patch *patch, float share[SHAPES])
{
    const float *ink = &patch->ink[0][0];
    float hidden[HIDDEN], sum = 0.0f;
    for (int h = 0; h < HIDDEN; h++) {
        float dot = 0.0f;
        for (int i = 0; i < ENG_QUOTE_ROWS * ENG_QUOTE_COLUMNS; i++)
            dot += (float)w1[h][i] * ink[i];
        hidden[h] = fmaxf(dot * scale1[h] + b1[h], 0.0f);
    }
    for (int s = 0; s < SHAPES; s++) {
        float dot = b2[s];
        for (int h = 0; h < HIDDEN; h++)
            dot += w2[s][h] * hidden[h];
        share[s] = expf(fminf(dot, 30.0f));
        sum += share[s];
    }
    for (int s = 0; s < SHAPES; s++)
        share[s] = share[s] / sum + 1e-4f;
}

struct mark {
    float curled, opening; /* log odds */
    bool seen;
};

static bool is_mark(uint32_t cp)
{
    return cp == '\'' || cp == '"';
}

/* At the beginning of a word, as far as the text tells. */
static bool begins_word(const struct eng_glyph *glyphs, size_t n, size_t i)
{
    static const char before[] = " ([{-/";
    while (i + 1 < n && is_mark(glyphs[i + 1].cp))
        i++;
    if (i + 1 == n || b_cp_is_space(glyphs[i + 1].cp))
        return false;
    while (i > 0 && is_mark(glyphs[i].cp))
        i--;
    const uint32_t cp = glyphs[i].cp;
    return is_mark(cp) || b_cp_is_space(cp) || (cp < 128 && strchr(before, (int)cp)) || cp == 0x2013 || cp == 0x2014;
}

static struct mark look_at(const struct eng_line_image *image, const struct eng_glyph *glyphs, size_t n, size_t i)
{
    struct eng_quote_patch patches[2];
    struct mark m = {0};
    const bool begins = begins_word(glyphs, n, i);
    const int count = eng_quote_patches(image, &glyphs[i], patches);
    for (int k = 0; k < count; k++) {
        float share[SHAPES];
        judge(&patches[k], share);
        m.curled += begins ? logf(share[OPENING] / (share[STRAIGHT] + share[CLOSING]))
                           : ELSEWHERE * logf((share[OPENING] + share[CLOSING]) / share[STRAIGHT]);
        m.opening += logf(share[OPENING] / share[CLOSING]);
        m.seen = true;
    }
    m.opening += begins ? PLACE_ODDS : -PLACE_ODDS;
    return m;
}

void eng_quotes_settle(const struct eng_line_image *image, struct eng_glyph *glyphs, size_t n)
{
    float curled = 0.0f;
    for (size_t i = 0; i < n; i++)
        if (is_mark(glyphs[i].cp))
            curled += look_at(image, glyphs, n, i).curled;
    if (curled <= 0.0f)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!is_mark(glyphs[i].cp))
            continue;
        const struct mark m = look_at(image, glyphs, n, i);
        if (m.seen || curled > SURE_LINE)
            glyphs[i].cp = glyphs[i].cp == '"' ? (m.opening > 0 ? 0x201C : 0x201D) : (m.opening > 0 ? 0x2018 : 0x2019);
    }
}
