/* SPDX-License-Identifier: Apache-2.0 */
/* The characters of a page one by one, for formulas: where each is drawn, how large, in which font. The drawing
 * knows fonts only by numbers, so each number takes the name of the characters that it draws. Pages
 * without a sign of mathematics keep none of this. Invariant: every glyph's font is an index into glyph_fonts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula/formula.h"
#include "docparse/pdf_private.h"
#include "docparse/pdf_script.h"
#include "engine/base/utf8.h"

#define EXTENSION_FONT "cmex10" /* what a font of bare codes can only be: brackets and operators of TeX */
#define FONTS_MAX 1024          /* fonts of one page that get a name */
#define SAMPLES 12              /* characters of a font that are looked up among the words */
#define BAR_LEAST 1.2           /* points: the bar of a fraction in an index of second order */
#define BAR_THICK 2.0           /* points, at most */
#define HANGING 3.0f            /* font sizes that a glyph may hang below its baseline */
#define NARROW 0.08f            /* font sizes: the width of an upright line */
#define SAME_X 0.15f            /* font sizes between a glyph's origin and its character's box */
#define UPRIGHT 0.02f           /* of the size that the baseline may rise */

/* Signs that prose hardly has: operators, relations, Greek, mathematical letters, codes of fonts without a map. */
static bool is_mathematical(uint32_t cp)
{
    return cp == '=' || cp == '+' || cp == '<' || cp == '>' || cp == 0xB1 || cp == 0xD7 || cp == 0xF7 ||
           (cp >= 0x391 && cp <= 0x3F5) || (cp >= 0x2190 && cp <= 0x22FF) || (cp >= 0x27C0 && cp <= 0x2AFF) ||
           (cp >= 0x2102 && cp <= 0x2138) || (cp >= 0x1D400 && cp <= 0x1D7FF) || cp < 0x20 ||
           (cp >= 0x239B && cp <= 0x23B9);
}

/* A code instead of a character: no text has control characters, or blanks with ink. */
static bool is_bare_code(const struct dp_pdf_drawing *d, const struct dp_pdf_mark *m)
{
    const uint8_t first = m->text_bytes ? (uint8_t)d->text[m->text] : 0;
    return m->coded || (m->text_bytes == 1 && (first < 0x20 || (first == ' ' && m->ink[2] > m->ink[0])));
}

static bool has_mathematics(const struct dp_pdf_drawing *d, const struct dp_sheet *s)
{
    const char *last = NULL;
    for (int32_t i = 0; i < s->n_words; i++) {
        if (s->words[i].font != last && dp_font_is_mathematical(s->words[i].font))
            return true;
        last = s->words[i].font;
    }
    for (size_t i = 0; i < d->n_marks; i++) {
        const struct dp_pdf_mark *m = &d->marks[i];
        size_t at = 0;
        if (m->kind == DP_PDF_GLYPHS &&
            (is_bare_code(d, m) ||
             (m->text_bytes > 0 && is_mathematical(b_utf8_next(d->text + m->text, m->text_bytes, &at)))))
            return true;
    }
    return false;
}

static bool stands_upright(const struct dp_pdf_mark *m)
{
    return m->up_y < -0.1f && fabsf(m->up_x) < -UPRIGHT * m->up_y;
}

static int by_x(const void *a, const void *b)
{
    const struct dp_pdf_char *p = a, *q = b;
    return (p->x0 > q->x0) - (p->x0 < q->x0);
}

/* The character of the text that the mark draws, or NULL. Fonts whose glyphs hang far below their baseline (operators
 * and brackets of TeX) have boxes that miss them: then it is the one nearest above or below. */
static struct dp_pdf_char *char_of(const struct dp_pdf_content *c, const struct dp_pdf_drawing *d,
                                   const struct dp_pdf_mark *m)
{
    const float size = fabsf(m->up_y), y = m->y0 - 0.25f * size, near = SAME_X * size;
    struct dp_pdf_char *best = NULL;
    float least = HANGING * size;
    int low = 0, high = c->n_chars;
    size_t at = 0;
    const uint32_t cp = m->text_bytes ? b_utf8_next(d->text + m->text, m->text_bytes, &at) : 0;
    while (low < high) {
        const int mid = (low + high) / 2;
        if (c->chars[mid].x0 < m->x0 - near)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < c->n_chars && c->chars[low].x0 <= m->x0 + near; low++) {
        struct dp_pdf_char *k = &c->chars[low];
        const float off = fmaxf(0, fmaxf(k->y0 - y, y - k->y1)) + fabsf(k->x0 - m->x0);
        if (off < least && (m->text_bytes == 0 ? !k->drawn : k->cp == cp)) {
            least = off;
            best = k;
        }
    }
    return best;
}

/* What is known of one font of the script. */
struct naming {
    const char *votes[SAMPLES];
    int n, asked;
    bool coded; /* codes that no font with a character map hands out */
};

static const char *most_voted(const struct naming *f)
{
    int best = 0;
    const char *name = NULL;
    for (int i = 0; i < f->n; i++) {
        int same = 0;
        for (int k = 0; k < f->n; k++)
            same += f->votes[k] == f->votes[i] || strcmp(f->votes[k], f->votes[i]) == 0;
        if (same > best) {
            best = same;
            name = f->votes[i];
        }
    }
    return name;
}

/* Characters that glyphs with a text of their own draw are not those of glyphs without. */
static void claim_chars(const struct dp_pdf_drawing *d, const struct dp_pdf_content *c)
{
    bool any = false;
    for (size_t i = 0; i < d->n_marks; i++)
        any = any || (d->marks[i].kind == DP_PDF_GLYPHS && d->marks[i].text_bytes == 0);
    for (size_t i = 0; i < d->n_marks && any; i++) {
        struct dp_pdf_char *k =
            d->marks[i].kind == DP_PDF_GLYPHS && d->marks[i].text_bytes ? char_of(c, d, &d->marks[i]) : NULL;
        if (k)
            k->drawn = true;
    }
}

static enum b_code name_fonts(const struct dp_pdf_drawing *d, const struct dp_pdf_content *c, struct dp_sheet *s,
                              struct b_err *err)
{
    struct naming *fonts = calloc(FONTS_MAX, sizeof *fonts);
    if (!fonts)
        return b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "out of memory");
    int32_t n = 0;
    for (size_t i = 0; i < d->n_marks; i++) {
        const struct dp_pdf_mark *m = &d->marks[i];
        if (m->kind != DP_PDF_GLYPHS || m->font < 0 || m->font >= FONTS_MAX)
            continue;
        n = m->font >= n ? m->font + 1 : n;
        struct naming *f = &fonts[m->font];
        f->coded = f->coded || is_bare_code(d, m);
        if (f->n == SAMPLES || f->asked >= 4 * SAMPLES)
            continue;
        f->asked++;
        const struct dp_pdf_char *k = char_of(c, d, m);
        if (k && k->font)
            f->votes[f->n++] = k->font;
    }
    s->glyph_fonts = B_ARENA_ARRAY(s->arena, (size_t)n, const char *);
    for (int32_t i = 0; i < n && s->glyph_fonts; i++)
        s->glyph_fonts[i] = fonts[i].n == 0 && fonts[i].coded ? EXTENSION_FONT : most_voted(&fonts[i]);
    s->n_glyph_fonts = s->glyph_fonts ? n : 0;
    free(fonts);
    return s->glyph_fonts ? B_OK : b_arena_refused(s->arena, DP_PDF_DOMAIN, err);
}

static struct dp_rect ink_of(const struct dp_pdf_mark *m, float size, double from, double to)
{
    const float *k = m->ink;
    if (!(k[2] > k[0]) || !(k[3] > k[1]))
        return (struct dp_rect){0, 0, 0, 0};
    const float w = (k[2] - k[0]) * size, x = m->x0 + k[0] * size;
    return (struct dp_rect){x + w * (float)from, m->y0 + k[1] * size, x + w * (float)to, m->y0 + k[3] * size};
}

/* Chooses a form of the character before it: the sizes of operators have such. */
static bool selects_variant(uint32_t cp)
{
    return cp >= 0xFE00 && cp <= 0xFE0F;
}

/* Without a character map Poppler goes by Adobe's list of names, where the fonts of TeX mean the other phi. */
static uint32_t character_of(const struct dp_pdf_char *known)
{
    const bool swapped = dp_font_is_mathematical(known->font);
    return swapped && known->cp == 0x3C6 ? 0x3D5 : swapped && known->cp == 0x3D5 ? 0x3C6 : known->cp;
}

/* The code of a glyph that nothing is said about: 0, or the piece of an upright line (12), which Poppler takes for the
 * end of a page. */
static uint32_t code_of_bare(const struct dp_pdf_mark *m)
{
    return m->ink[2] > m->ink[0] && m->ink[2] - m->ink[0] < NARROW && m->ink[3] - m->ink[1] > 0.3f ? 12 : 0;
}

/* A glyph that shows several characters (a ligature) is shared out between them. */
static size_t put_glyphs(const struct dp_pdf_drawing *d, const struct dp_pdf_content *c, const struct dp_pdf_mark *m,
                         struct dp_glyph *out, size_t room)
{
    const char *text = d->text + m->text;
    const struct dp_pdf_char *known = m->text_bytes || m->coded ? NULL : char_of(c, d, m);
    const float size = -m->up_y;
    const bool bare = m->text_bytes == 0; /* no text: the code is 0, or Poppler knows more */
    size_t n = bare, put = 0;
    for (size_t pos = 0; pos < m->text_bytes;)
        n += !selects_variant(b_utf8_next(text, m->text_bytes, &pos));
    for (size_t pos = 0; put < n && put < room;) {
        const uint32_t cp =
            bare ? (known ? character_of(known) : code_of_bare(m)) : b_utf8_next(text, m->text_bytes, &pos);
        if (selects_variant(cp))
            continue;
        const double from = (double)put / (double)n, to = (double)(put + 1) / (double)n;
        out[put++] = (struct dp_glyph){.x = m->x0 + (m->x1 - m->x0) * (float)from,
                                       .y = m->y0,
                                       .advance = (m->x1 - m->x0) / (float)n,
                                       .size = size,
                                       .ink = ink_of(m, size, from, to),
                                       .cp = cp,
                                       .font = m->font >= 0 && m->font < FONTS_MAX ? m->font : DP_NONE};
    }
    return put;
}

static bool is_bar(const struct dp_pdf_mark *m)
{
    const float w = m->x1 - m->x0, h = m->y1 - m->y0;
    return m->kind == DP_PDF_LINE && w >= (float)BAR_LEAST && h <= (float)BAR_THICK && w > 2.0f * h;
}

enum b_code dp_pdf_take_glyphs(const struct dp_pdf_drawing *d, const struct dp_pdf_content *c, struct dp_sheet *s,
                               struct b_err *err)
{
    size_t n = 0, room = 0;
    if (!has_mathematics(d, s))
        return B_OK;
    if (c->n_chars > 1)
        qsort(c->chars, (size_t)c->n_chars, sizeof *c->chars, by_x);
    claim_chars(d, c);
    enum b_code code = name_fonts(d, c, s, err);
    if (code != B_OK)
        return code;
    for (size_t i = 0; i < d->n_marks; i++)
        room += d->marks[i].kind == DP_PDF_GLYPHS ? (d->marks[i].text_bytes ? d->marks[i].text_bytes : 1)
                                                  : is_bar(&d->marks[i]);
    room = room < DP_GLYPHS_MAX ? room : DP_GLYPHS_MAX;
    s->glyphs = B_ARENA_ARRAY(s->arena, room, struct dp_glyph);
    if (!s->glyphs)
        return b_arena_refused(s->arena, DP_PDF_DOMAIN, err);
    for (size_t i = 0; i < d->n_marks && n < room; i++) {
        const struct dp_pdf_mark *m = &d->marks[i];
        if (m->kind == DP_PDF_GLYPHS && stands_upright(m))
            n += put_glyphs(d, c, m, s->glyphs + n, room - n);
        else if (is_bar(m))
            s->glyphs[n++] = (struct dp_glyph){.x = m->x0,
                                               .y = m->y1,
                                               .advance = m->x1 - m->x0,
                                               .size = m->y1 - m->y0,
                                               .ink = {m->x0, m->y0, m->x1, m->y1},
                                               .cp = DP_GLYPH_BAR,
                                               .font = DP_NONE};
    }
    s->n_glyphs = (int32_t)n;
    return B_OK;
}

void dp_pdf_place_glyphs(const struct dp_pdf_grid *grid, struct dp_sheet *s)
{
    const float sx = (float)grid->scale_x, sy = (float)grid->scale_y, dx = (float)grid->shift_x,
                dy = (float)grid->shift_y;
    for (int32_t i = 0; i < s->n_glyphs; i++) {
        struct dp_glyph *g = &s->glyphs[i];
        const struct dp_rect k = g->ink;
        g->x = g->x * sx + dx;
        g->y = g->y * sy + dy;
        g->advance *= sx;
        g->size *= sy;
        if (k.x1 > k.x0)
            g->ink = (struct dp_rect){k.x0 * sx + dx, k.y0 * sy + dy, k.x1 * sx + dx, k.y1 * sy + dy};
    }
}
