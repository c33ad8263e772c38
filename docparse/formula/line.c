/* SPDX-License-Identifier: Apache-2.0 */
/* One row from left to right: letters in their alphabets, words, spaces, and the scripts of each. */
#include <math.h>
#include <string.h>

#include "docparse/formula/formula_private.h"
#include "engine/base/utf8.h"

#define LATEX_MAX ((size_t)1 << 18)
#define SCRIPT_SIZE 0.86f /* size of a script against its base, at most */
#define RAISED 0.12f      /* ems of the row's size */
#define LOWERED 0.06f
#define QUAD 0.8f  /* ems */
#define THIN 0.19f /* ems of white between letters, from which a thin space was set */
#define WORD_SPACE 0.15f
#define FREE 0.24f /* ems of white around a relation */

struct writer {
    struct fm *f;
    struct b_buf out;
    const struct fm_el *last; /* written on the baseline */
    float white, end;         /* where its ink and its advance end, scripts included */
    bool in_text;             /* \text{ is open */
};

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Appends, with a space where a command's name would run into a letter. */
static void put(struct writer *w, const char *s)
{
    size_t k = w->out.len;
    if (s[0] == '\0')
        return;
    while (k > 0 && letter(w->out.data[k - 1]))
        k--;
    if (letter(s[0]) && k > 0 && k < w->out.len && w->out.data[k - 1] == '\\')
        b_buf_putc(&w->out, ' ');
    b_buf_puts(&w->out, s);
}

static void end_text(struct writer *w)
{
    if (w->in_text)
        b_buf_putc(&w->out, '}');
    w->in_text = false;
}

static const char *alphabet_command(enum fm_alphabet a)
{
    static const char *const names[] = {[FM_PLAIN] = NULL,
                                        [FM_ITALIC] = NULL,
                                        [FM_ROMAN] = "\\mathrm",
                                        [FM_BOLD] = "\\mathbf",
                                        [FM_BOLD_ITALIC] = "\\boldsymbol",
                                        [FM_CAL] = "\\mathcal",
                                        [FM_SCR] = "\\mathscr",
                                        [FM_BB] = "\\mathbb",
                                        [FM_FRAK] = "\\mathfrak",
                                        [FM_SANS] = "\\mathsf",
                                        [FM_MONO] = "\\mathtt"};
    return names[a];
}

/* Whether letters of an italic text font are a word rather than a product of variables. */
static bool is_italic_word(const char *text)
{
    static const char *const words[] = {"for", "and", "all", "the", "are", "not",
                                        "iff", "any", "has", "odd", "max", "min"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], text) == 0)
            return true;
    return strlen(text) > 3;
}

/* A word of a text font, or an unknown name. */
static void put_word(struct writer *w, const struct fm_el *e)
{
    const float gap = w->last ? e->x - w->last->end : 0;
    if (e->alphabet == FM_ITALIC && !is_italic_word(e->latex)) { /* letters of an italic font used for mathematics */
        end_text(w);
        put(w, e->latex);
        return;
    }
    if (w->in_text && w->last && w->last->word && gap > WORD_SPACE * e->size && gap < 2.5f * e->size) {
        b_buf_putc(&w->out, ' ');
        b_buf_puts(&w->out, e->latex);
        return;
    }
    end_text(w);
    const char *command = e->alphabet == FM_BOLD   ? "\\textbf"
                          : e->alphabet == FM_SANS ? "\\mathsf"
                          : e->alphabet == FM_MONO ? "\\mathtt"
                          : e->text_font           ? "\\text"
                                                   : "\\mathrm";
    put(w, command);
    b_buf_putc(&w->out, '{');
    b_buf_puts(&w->out, e->latex);
    w->in_text = true;
}

/* `mid`: a bar that stands free on both sides. */
static void put_element(struct writer *w, const struct fm_el *e, bool mid)
{
    char text[8];
    if (e->word && e->cls != FM_OP) {
        put_word(w, e);
        return;
    }
    end_text(w);
    if (e->structure) {
        put(w, e->latex);
        return;
    }
    const char *command = alphabet_command(e->alphabet), *body = e->latex;
    if (e->cls == FM_FENCE && !e->tall && e->cp != 0x2016 && e->cp != 0x2225) {
        put(w, mid ? "\\mid" : "|");
        return;
    }
    if (!body) {
        text[b_utf8_put(e->cp, text)] = '\0';
        body = text;
    }
    if (e->cp >= '0' && e->cp <= '9' && e->alphabet == FM_ROMAN)
        command = NULL;
    if (e->cls == FM_OP || e->cls == FM_REL || e->cls == FM_ARROW)
        command = NULL;
    if (e->cls == FM_BAR || e->cls == FM_PIECE || e->cls == FM_NOT || e->cls == FM_ACCENT) {
        w->f->lost += e->glyphs;
        return;
    }
    if (e->cls == FM_RADICAL) {
        put(w, "\\surd");
        return;
    }
    if (command) {
        put(w, command);
        b_buf_putc(&w->out, '{');
        b_buf_puts(&w->out, body);
        b_buf_putc(&w->out, '}');
    } else {
        put(w, body);
    }
}

/* White between the last element and this one that TeX would not have set by itself. */
static void put_space(struct writer *w, const struct fm_el *e)
{
    if (!w->last)
        return;
    const float size = w->f->em, white = e->box.x0 - w->white, gap = e->x - w->end;
    if (white > 1.8f * size && gap > 1.7f * size) {
        end_text(w);
        put(w, "\\qquad");
    } else if (white > QUAD * size && gap > 0.75f * size) {
        end_text(w);
        put(w, "\\quad");
    } else if (white > THIN * size && gap > 0.13f * size && gap < 0.4f * size && e->size > 0.9f * size) {
        const bool left = w->last->cls == FM_ORD || w->last->cls == FM_CLOSE, right = e->cls == FM_ORD;
        if (left && right && !w->last->word && !e->word && !(w->last->structure && e->structure))
            put(w, "\\,");
    }
}

/* Size and baseline of the row: of what is largest and comes most often. */
static void measure(const struct fm_list *row, float *size, float *base)
{
    int32_t best = -1;
    *size = 0;
    for (int32_t i = 0; i < row->n; i++)
        if (row->e[i]->cls != FM_BAR && (!row->e[i]->structure || *size <= 0))
            *size = fmaxf(*size, row->e[i]->size);
    for (int32_t i = 0; i < row->n; i++)
        *size = fmaxf(*size, row->e[i]->cls != FM_BAR ? row->e[i]->size : 0);
    for (int32_t i = 0; i < row->n; i++) {
        const struct fm_el *e = row->e[i];
        int32_t same = 0;
        if (e->size < 0.9f * *size || (e->cls == FM_OP && !e->word && !e->structure) || e->tall)
            continue;
        for (int32_t k = 0; k < row->n; k++)
            same += (row->e[k]->size > 0.9f * *size && fabsf(row->e[k]->base - e->base) < 0.05f * *size) *
                    (row->e[k]->structure ? 1 : 3);
        if (same > best) {
            best = same;
            *base = e->base;
        }
    }
    if (best < 0)
        *base = row->n ? (row->e[0]->cls == FM_OP || row->e[0]->tall ? fm_mid_y(row->e[0]) + 0.25f * *size
                                                                     : row->e[0]->base)
                       : 0;
}

enum place { ON_LINE, ABOVE, BELOW };

static enum place place_of(const struct fm_el *e, float size, float base)
{
    if (!e->structure && (e->cls == FM_OP || e->cls == FM_RADICAL || e->tall) && !e->word &&
        e->size > SCRIPT_SIZE * size)
        return ON_LINE;
    if (e->cls == FM_PRIME && e->size <= size && !(e->size < SCRIPT_SIZE * size && e->base > base + LOWERED * size))
        return ABOVE;
    const float up = base - e->base;
    if (e->size > SCRIPT_SIZE * size && !e->structure && e->cls == FM_ORD && fabsf(up) > 0.2f * size && e->cp)
        return up > 0 ? ABOVE : BELOW;
    if (e->size > SCRIPT_SIZE * size)
        return fabsf(up) < 0.5f * size ? ON_LINE : up > 0 ? ABOVE : BELOW;
    if (up > RAISED * size)
        return ABOVE;
    return up < -LOWERED * size ? BELOW : ON_LINE;
}

/* The scripts behind (or before) one element. */
struct scripts {
    struct fm_list above, below;
    const struct fm_el *last[2]; /* the last one above, below */
};

static void add_script(struct scripts *s, struct fm_el *e, enum place place)
{
    /* Scripts of scripts follow the one that they stand at. */
    const struct fm_el *a = s->last[0], *b = s->last[1];
    const bool at_a = a && e->size < 0.9f * a->size && e->box.x0 > fm_mid_x(a),
               at_b = b && e->size < 0.9f * b->size && e->box.x0 > fm_mid_x(b);
    if (at_a || at_b) {
        const float da = at_a ? fabsf(fm_mid_y(e) - fm_mid_y(a)) : 1e9f,
                    db = at_b ? fabsf(fm_mid_y(e) - fm_mid_y(b)) : 1e9f;
        place = da < db ? ABOVE : BELOW;
        (place == ABOVE ? &s->above : &s->below)->e[(place == ABOVE ? &s->above : &s->below)->n++] = e;
        return;
    }
    struct fm_list *to = place == ABOVE ? &s->above : &s->below;
    to->e[to->n++] = e;
    s->last[place == ABOVE ? 0 : 1] = e;
}

static void put_scripts(struct writer *w, struct scripts *s)
{
    int32_t primes = 0;
    if (s->above.n == 0 && s->below.n == 0)
        return;
    end_text(w);
    for (int32_t i = 0; i < s->above.n; i++)
        if (s->above.e[i]->cls == FM_PRIME) {
            for (const char *p = s->above.e[i]->latex; *p; p++)
                primes++;
            s->above.e[i]->gone = true;
        }
    fm_compact(&s->above);
    const bool above = s->above.n > 0;
    const char *below = s->below.n ? fm_region(w->f, &s->below, true) : NULL;
    for (; primes > 0 && (!above || !below); primes--)
        b_buf_putc(&w->out, '\'');
    if (below)
        b_buf_puts(&w->out, fm_print(w->f, "_{%s}", below));
    if (above) {
        char marks[64] = "";
        size_t n = 0;
        for (; primes > 0 && n + 8 < sizeof marks; primes--, n += 6)
            memcpy(marks + n, "\\prime", 7);
        b_buf_puts(&w->out, fm_print(w->f, "^{%s%s}", marks, fm_region(w->f, &s->above, true)));
    }
    for (; primes > 0; primes--)
        b_buf_putc(&w->out, '\'');
}

static bool clear_scripts(struct fm *f, struct scripts *s, int32_t room)
{
    *s = (struct scripts){.above = fm_list_new(f, room), .below = fm_list_new(f, room)};
    return !f->starved;
}

const char *fm_line(struct fm *f, struct fm_list *row)
{
    struct writer w = {.f = f};
    struct scripts s;
    float size = 1, base = 0;
    fm_sort_x(row);
    measure(row, &size, &base);
    if (!clear_scripts(f, &s, row->n))
        return "";
    b_buf_init(&w.out, LATEX_MAX);
    for (int32_t i = 0; i < row->n; i++) {
        struct fm_el *e = row->e[i];
        const enum place place = row->n == 1 ? ON_LINE : place_of(e, size, base);
        if (place != ON_LINE) {
            if (!w.last && s.above.n + s.below.n == 0)
                b_buf_puts(&w.out, "{}");
            add_script(&s, e, place);
            w.white = fmaxf(w.white, e->box.x1);
            w.end = fmaxf(w.end, e->end);
            continue;
        }
        put_scripts(&w, &s);
        if (!clear_scripts(f, &s, row->n))
            break;
        put_space(&w, e);
        put_element(&w, e,
                    w.last && i + 1 < row->n && e->box.x0 - w.white > FREE * f->em &&
                        row->e[i + 1]->box.x0 - e->box.x1 > FREE * f->em);
        w.last = e;
        w.white = e->box.x1;
        w.end = e->end;
    }
    put_scripts(&w, &s);
    end_text(&w);
    const char *latex = fm_print(f, "%s", w.out.data ? w.out.data : "");
    b_buf_free(&w.out);
    return latex;
}
