/* SPDX-License-Identifier: Apache-2.0 */
/* Words with boxes, known or shared out along the line. */
#include "output/words.h"

#include <math.h>
#include <string.h>

#include "engine/base/utf8.h"

static double units(const char *text, size_t len)
{
    double sum = 0;
    for (size_t pos = 0; pos < len;)
        sum += b_cp_is_cjk(b_utf8_next(text, len, &pos)) ? 2.0 : 1.0;
    return sum;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

struct out_words out_words_of(const struct dp_page *page, const struct dp_line *line)
{
    return (struct out_words){
        .page = page, .line = line, .whole = line->n_words > 0 ? 0 : units(line->text, strlen(line->text))};
}

static struct dp_point between(struct dp_point a, struct dp_point b, float t)
{
    return (struct dp_point){a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t};
}

/* Bounds of the part [from, to] of the line, 0..1 in reading direction. */
static struct dp_rect part(const struct dp_line *l, float from, float to)
{
    const struct dp_point p[4] = {between(l->quad[0], l->quad[1], from), between(l->quad[0], l->quad[1], to),
                                  between(l->quad[3], l->quad[2], to), between(l->quad[3], l->quad[2], from)};
    struct dp_rect r = {p[0].x, p[0].y, p[0].x, p[0].y};
    for (int i = 1; i < 4; i++) {
        r.x0 = fminf(r.x0, p[i].x);
        r.y0 = fminf(r.y0, p[i].y);
        r.x1 = fmaxf(r.x1, p[i].x);
        r.y1 = fmaxf(r.y1, p[i].y);
    }
    return r;
}

/* Blanks of any kind only: no word. */
static bool invisible(const char *text, size_t len)
{
    for (size_t pos = 0; pos < len;)
        if (!b_cp_is_space(b_utf8_next(text, len, &pos)))
            return false;
    return true;
}

static bool known(struct out_words *w, struct out_word *word)
{
    while (w->next < w->line->n_words) {
        const struct dp_word *from = &w->page->words[w->line->first_word + w->next++];
        if (invisible(from->text, strlen(from->text)))
            continue;
        *word = (struct out_word){.bbox = from->bbox,
                                  .text = from->text,
                                  .len = strlen(from->text),
                                  .confidence = from->confidence,
                                  .space = !from->joined && w->next < w->line->n_words};
        return true;
    }
    return false;
}

bool out_words_next(struct out_words *w, struct out_word *word)
{
    if (w->line->n_words > 0)
        return known(w, word);
    const char *text = w->line->text;
    for (;;) {
        while (blank(text[w->at])) {
            w->at++;
            w->done += 1.0;
        }
        const size_t start = w->at;
        const double from = w->done;
        while (text[w->at] && !blank(text[w->at]))
            w->at++;
        if (w->at == start)
            return false;
        w->done += units(text + start, w->at - start);
        if (invisible(text + start, w->at - start))
            continue;
        *word = (struct out_word){.bbox = part(w->line, (float)(from / w->whole), (float)(w->done / w->whole)),
                                  .text = text + start,
                                  .len = w->at - start,
                                  .confidence = w->line->confidence,
                                  .space = blank(text[w->at]) && text[w->at + strspn(text + w->at, " \t\n")] != '\0'};
        return true;
    }
}

bool out_line_of_block(const struct dp_block *b, struct dp_line *line)
{
    if (b->n_lines > 0 || !b->has_bbox || b->text[0] == '\0')
        return false;
    *line = (struct dp_line){.bbox = b->bbox,
                             .quad = {{b->bbox.x0, b->bbox.y0},
                                      {b->bbox.x1, b->bbox.y0},
                                      {b->bbox.x1, b->bbox.y1},
                                      {b->bbox.x0, b->bbox.y1}},
                             .text = b->text,
                             .confidence = b->confidence,
                             .source = b->source,
                             .flags = b->flags,
                             .block = DP_NONE};
    return true;
}
