/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a PDF page. Poppler hands out one text, a box for each of its characters and attributes of
 * ranges; a word here is a run of characters without white space in one font. Texts are taken as they are:
 * nothing is normalised, joined over line ends or put in another order. */
#include <math.h>
#include <string.h>

#include "docparse/formula/formula.h"
#include "docparse/leader.h"
#include "docparse/pdf_private.h"
#include "engine/base/utf8.h"

#define FONTS_MAX 128       /* names kept for comparison; a page with more stores some of them twice */
#define SIZE_BINS 400       /* quarter points up to 100 pt */
#define SIZE_MISFIT 3.0     /* font size against the height of the box, beyond: a matrix Poppler did not see */
#define JUMP 0.5            /* font sizes between neighbours in a word, at most; letter-spaced titles reach 0.4 */
#define SAME_ROW 0.25       /* of the smaller of two neighbours; raised characters reach 0.4 */
#define STACK_SLACK 0.5     /* points between the boxes of vertical writing */
#define LOOK_AHEAD 24 /* characters */
#define LEFT_TO_RIGHT 0x202A /* opens an embedded run */
#define FAR 1e7             /* points: outside every page */
#define LAST_LINE_CHARS 400 /* of a single line, at most */
#define SMALL_SCRIPT 0.86   /* size of raised and lowered characters against their neighbours, at most */
#define SCRIPT_SHIFT 0.12   /* of the neighbour's height between the middles */

struct reading {
    const struct dp_pdf *pdf;
    struct dp_sheet *sheet;
    const char *text;              /* of the page, UTF-8 */
    const PopplerRectangle *boxes; /* one a character */
    guint n_boxes;
    const GList *attributes;           /* sorted ranges of characters */
    const PopplerTextAttributes *font; /* of the character in work */
    const char *names[FONTS_MAX];
    int n_names;
    bool vertical;           /* the last word was */
    PopplerRectangle column; /* its box, as Poppler gave it */
    const char *styled;      /* the last font and its style */
    uint32_t style;
    size_t capacity;           /* of the sheet's words */
    double width, height;      /* of the page, points */
    struct dp_pdf_content *content;
    size_t chars_cap;
    uint32_t sizes[SIZE_BINS]; /* characters of each size */
};

struct word {
    size_t from, to;            /* bytes of the text */
    PopplerRectangle box, last; /* of all characters, of the last one */
    const PopplerTextAttributes *font;
    int chars, stacked;
    bool empty_box;
    bool leader; /* dots that lead to something, and nothing else */
    bool left_run; /* Poppler says that it runs to the right in a line that runs to the left */
};

static bool has(const char *name, const char *part)
{
    const size_t n = strlen(part);
    for (; *name; name++)
        if (g_ascii_strncasecmp(name, part, n) == 0)
            return true;
    return false;
}

/* Style by the customs of font names, the fonts of TeX among them (cmbx10, SFTT1095). */
static uint32_t style_of(const char *name)
{
    static const struct {
        const char *part;
        uint32_t style;
    } signs[] = {{"bold", DP_BOLD},     {"black", DP_BOLD},      {"heavy", DP_BOLD},     {"demi", DP_BOLD},
                 {"cmbx", DP_BOLD},     {"sfbx", DP_BOLD},       {"sfsx", DP_BOLD},      {"cmssbx", DP_BOLD},
                 {"italic", DP_ITALIC}, {"oblique", DP_ITALIC},  {"slanted", DP_ITALIC}, {"kursiv", DP_ITALIC},
                 {"cmti", DP_ITALIC},   {"cmmi", DP_ITALIC},     {"cmsl", DP_ITALIC},    {"sfti", DP_ITALIC},
                 {"sfsl", DP_ITALIC},   {"-it", DP_ITALIC},      {"boldit", DP_ITALIC},  {"courier", DP_MONO},
                 {"mono", DP_MONO},     {"typewriter", DP_MONO}, {"consol", DP_MONO},    {"inconsolata", DP_MONO},
                 {"cmtt", DP_MONO},     {"sftt", DP_MONO},       {"cmitt", DP_MONO},     {"menlo", DP_MONO},
                 {"cursor", DP_MONO},   {"sourcecode", DP_MONO}, {"hack-", DP_MONO},     {"txtt", DP_MONO}};
    static const struct {
        const char *ending;
        uint32_t style;
    } endings[] = {{"TB", DP_BOLD},
                   {"TBI", DP_BOLD | DP_ITALIC},
                   {"TI", DP_ITALIC},
                   {"-Medi", DP_BOLD},
                   {"-Bd", DP_BOLD},
                   {"-BdIt", DP_BOLD | DP_ITALIC},
                   {"Ital", DP_ITALIC},
                   {"-MediItal", DP_BOLD},
                   {"-BdItal", DP_BOLD | DP_ITALIC}}; /* Linux Libertine, URW, short forms */
    uint32_t style = 0;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (has(name, signs[i].part))
            style |= signs[i].style;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (g_str_has_suffix(name, endings[i].ending))
            style |= endings[i].style;
    return style;
}

/* "ABCDEF+Name": the tag of a subset is not part of the name. */
static const char *plain_name(const char *name)
{
    for (int i = 0; i < 6; i++)
        if (name[i] < 'A' || name[i] > 'Z')
            return name;
    return name[6] == '+' && name[7] ? name + 7 : name;
}

/* Copy of a font name as clean UTF-8, shared between the words of the page. */
static const char *font_name(struct reading *r, const char *name)
{
    if (!name || !name[0])
        return NULL;
    name = plain_name(name);
    for (int i = r->n_names - 1; i >= 0; i--)
        if (strcmp(r->names[i], name) == 0)
            return r->names[i];
    const size_t len = strlen(name);
    char *copy = b_arena_alloc(r->sheet->arena, len * 3 + 1, 1);
    size_t n = 0;
    if (!copy)
        return NULL;
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(name, len, &pos);
        n += b_utf8_put(b_cp_is_control(cp) ? 0xFFFD : cp, copy + n);
    }
    copy[n] = '\0';
    if (r->n_names < FONTS_MAX)
        r->names[r->n_names++] = copy;
    return copy;
}

/* Attributes of character `index`; indices only grow. */
static const PopplerTextAttributes *attributes_at(struct reading *r, int index)
{
    while (r->attributes && ((const PopplerTextAttributes *)r->attributes->data)->end_index < index)
        r->attributes = r->attributes->next;
    const PopplerTextAttributes *a = r->attributes ? r->attributes->data : NULL;
    return a && a->start_index <= index ? a : NULL;
}

static bool same_font(const PopplerTextAttributes *a, const PopplerTextAttributes *b)
{
    if (a == b || !a || !b)
        return a == b;
    return a->font_size == b->font_size && g_strcmp0(a->font_name, b->font_name) == 0;
}

bool dp_pdf_word_room(struct dp_sheet *s, size_t *capacity)
{
    const size_t n = (size_t)s->n_words;
    size_t cap[3] = {*capacity, *capacity, *capacity};
    if (n < *capacity)
        return true;
    void *words = b_arena_grow(s->arena, s->words, n, &cap[0], sizeof *s->words);
    void *hidden = b_arena_grow(s->arena, s->word_hidden, n, &cap[1], 1);
    void *ends = b_arena_grow(s->arena, s->word_line_end, n, &cap[2], 1);
    if (!words || !hidden || !ends)
        return false;
    s->words = words;
    s->word_hidden = hidden;
    s->word_line_end = ends;
    *capacity = cap[0] < cap[1] ? cap[0] : cap[1];
    *capacity = cap[2] < *capacity ? cap[2] : *capacity;
    return true;
}

static float size_of(const struct word *w)
{
    double across = w->box.y2 - w->box.y1, along = w->box.x2 - w->box.x1;
    if (w->chars > 1 && across > along) /* turned or vertical */
        across = along;
    double size = w->font ? w->font->font_size : across;
    if (!(size > 0) || size > SIZE_MISFIT * across || size < across / SIZE_MISFIT)
        size = across;
    return (float)size;
}

/* Poppler places vertical writing by the point where its characters begin, as if that were a corner of theirs:
 * half a character too far right and one too high. A single character follows the word before it. */
static void shift_vertical(struct reading *r, const struct word *w, PopplerRectangle *box)
{
    const bool in_column = w->chars == 1 && r->vertical && fabs(w->box.x1 - r->column.x1) < STACK_SLACK &&
                           fabs(w->box.x2 - r->column.x2) < STACK_SLACK;
    const char *text = r->text + w->from;
    const size_t len = w->to - w->from;
    int cjk = 0;
    for (size_t pos = 0; pos < len;)
        cjk += b_cp_is_cjk(b_utf8_next(text, len, &pos));
    *box = w->box;
    r->vertical = cjk * 2 > w->chars && (in_column || (w->chars > 1 && w->stacked == w->chars - 1));
    if (!r->vertical)
        return;
    r->column = w->box;
    const double half = (box->x2 - box->x1) * 0.5, step = (box->y2 - box->y1) / w->chars;
    *box = (PopplerRectangle){box->x1 - half, box->y1 + step, box->x2 - half, box->y2 + step};
}

/* Poppler wraps right-to-left runs in these and gives them no box. */
static bool is_direction_mark(uint32_t cp)
{
    return cp >= 0x202A && cp <= 0x202E;
}

/* Takes direction marks out, which Poppler sets inside of words too; in UTF-8 they are E2 80 AA to E2 80 AE. */
static void drop_direction_marks(char *text)
{
    const size_t len = strlen(text);
    size_t kept = 0;
    for (size_t pos = 0; pos < len;) {
        const size_t from = pos;
        if (is_direction_mark(b_utf8_next(text, len, &pos)))
            continue;
        memmove(text + kept, text + from, pos - from);
        kept += pos - from;
    }
    text[kept] = '\0';
}

/* A number that ends a sentence which runs to the left has its point on the left, where Poppler puts it before the number. */
static void move_point(const struct word *w, char *text)
{
    const size_t len = strlen(text);
    if (!w->left_run || len < 2 || !strchr(".,:;!?", text[0]) || strspn(text + 1, "0123456789.,:/-") + 1 != len ||
        !g_ascii_isdigit(text[1]))
        return;
    const char point = text[0];
    memmove(text, text + 1, len - 1);
    text[len - 1] = point;
}

/* Appends the word; words beside the page are left out, since nobody sees them. */
static enum b_code put_word(struct reading *r, const struct word *w, bool joined, struct b_err *err)
{
    struct dp_sheet *s = r->sheet;
    if (w->to == w->from || w->box.x2 < 0 || w->box.y2 < 0 || w->box.x1 > r->width || w->box.y1 > r->height)
        return B_OK;
    char *text = b_arena_text(s->arena, r->text + w->from, w->to - w->from);
    PopplerRectangle box;
    if (text) {
        drop_direction_marks(text);
        move_point(w, text);
    }
    shift_vertical(r, w, &box);
    if (!text || !dp_pdf_word_room(s, &r->capacity))
        return b_arena_refused(s->arena, DP_PDF_DOMAIN, err);
    struct dp_word *out = &s->words[s->n_words];
    *out = (struct dp_word){.text = text, .confidence = DP_NO_CONFIDENCE, .joined = joined};
    out->bbox = (struct dp_rect){(float)box.x1, (float)box.y1, (float)box.x2, (float)box.y2};
    out->font_size = size_of(w);
    if (w->font) {
        out->font = font_name(r, w->font->font_name);
        if (out->font != r->styled) {
            r->styled = out->font;
            r->style = out->font ? style_of(out->font) : 0;
        }
        out->style = r->style;
    }
    s->word_hidden[s->n_words] = 0;
    s->word_line_end[s->n_words] = 0;
    s->n_words++;
    const int bin = (int)lrintf(out->font_size * 4.0f);
    r->sizes[bin < SIZE_BINS ? bin : SIZE_BINS - 1] += (uint32_t)w->chars;
    return B_OK;
}

static void add_box(struct word *w, const PopplerRectangle *box)
{
    const PopplerRectangle b = {fmin(box->x1, box->x2), fmin(box->y1, box->y2), fmax(box->x1, box->x2),
                                fmax(box->y1, box->y2)};
    if (!isfinite(b.x1) || !isfinite(b.y1) || !isfinite(b.x2) || !isfinite(b.y2))
        return;
    if (w->empty_box) {
        w->box = b;
        w->empty_box = false;
        return;
    }
    w->box =
        (PopplerRectangle){fmin(w->box.x1, b.x1), fmin(w->box.y1, b.y1), fmax(w->box.x2, b.x2), fmax(w->box.y2, b.y2)};
}

static double overlap(double a0, double a1, double b0, double b1)
{
    const double part = fmin(a1, b1) - fmax(a0, b0), smaller = fmin(a1 - a0, b1 - b0);
    return smaller > 0 ? part / smaller : part >= 0;
}

/* Whether character b stands beside the word's last character a. Poppler runs the end of one column or table
 * cell into the start of the next without any white space. */
static bool adjoins(const struct word *w, PopplerRectangle a, PopplerRectangle b)
{
    const double size = w->font && w->font->font_size > 0 ? w->font->font_size : a.y2 - a.y1;
    const double dx = fmax(b.x1 - a.x2, a.x1 - b.x2), dy = fmax(b.y1 - a.y2, a.y1 - b.y2);
    const bool beside = overlap(a.y1, a.y2, b.y1, b.y2) > SAME_ROW && dx < JUMP * size;
    const bool below = overlap(a.x1, a.x2, b.x1, b.x2) > SAME_ROW && dy < JUMP * size;
    if (w->chars < 2)
        return beside || below;
    return w->box.x2 - w->box.x1 >= w->box.y2 - w->box.y1 || !below ? beside : below;
}

/* Ends the word in work. */
static enum b_code end_word(struct reading *r, struct word *w, bool joined, struct b_err *err)
{
    enum b_code code = w->chars > 0 ? put_word(r, w, joined, err) : B_OK;
    *w = (struct word){.empty_box = true};
    return code;
}

static void end_line(struct dp_sheet *s)
{
    if (s->n_words > 0)
        s->word_line_end[s->n_words - 1] = 1;
}

static void add_char(struct word *w, size_t from, size_t to, const PopplerTextAttributes *font,
                     const PopplerRectangle *box)
{
    if (w->chars++ == 0) {
        w->from = from;
        w->font = font;
    }
    w->to = to;
    if (box) {
        /* Below its neighbour, in its column: vertical writing. */
        w->stacked += w->chars > 1 && fabs(box->x1 - w->last.x1) < STACK_SLACK &&
                      fabs(box->x2 - w->last.x2) < STACK_SLACK && fabs(box->y1 - w->last.y2) < STACK_SLACK;
        add_box(w, box);
        w->last = *box;
    }
}

/* Remembers the character for pdf_glyphs.c; line ends and the like have no box worth the name. */
static bool keep_char(struct reading *r, uint32_t cp, const PopplerTextAttributes *font, const PopplerRectangle *box)
{
    struct dp_pdf_content *c = r->content;
    const struct dp_pdf_char made = {(float)fmin(box->x1, box->x2), (float)fmin(box->y1, box->y2), (float)fmax(box->x1, box->x2),
                                     (float)fmax(box->y1, box->y2), cp, font ? font_name(r, font->font_name) : NULL, false};
    /* A blank of a font that has none is the code 32. */
    if (cp == '\n' || (b_cp_is_space(cp) && !dp_font_is_mathematical(made.font)) || !isfinite(made.x0) || !isfinite(made.x1) || !isfinite(made.y0) || !isfinite(made.y1))
        return true;
    if ((size_t)c->n_chars == r->chars_cap) {
        void *grown = b_arena_grow(r->sheet->arena, c->chars, (size_t)c->n_chars, &r->chars_cap, sizeof *c->chars);
        if (!grown)
            return false;
        c->chars = grown;
    }
    c->chars[c->n_chars++] = made;
    return true;
}

/* A leader begins here. */
static bool is_leader(const char *text, size_t len)
{
    int32_t dots = 0;
    for (size_t pos = 0; pos < len && dots < DP_LEADER_LEAST;) {
        const int32_t worth = dp_leader_dots(b_utf8_next(text, len, &pos));
        if (worth == 0)
            break;
        dots += worth;
    }
    return dots >= DP_LEADER_LEAST;
}

/* Whether the run of digits and points at pos is followed by right-to-left text on its line; a short look. */
static bool is_before_rtl(const char *text, size_t len, size_t pos)
{
    for (int k = 0; k < LOOK_AHEAD && pos < len; k++) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (cp == '\n' || b_cp_is_rtl(cp))
            return cp != '\n';
    }
    return false;
}

/* Cuts the text into words. Boxes and characters run in step; when Poppler gave marks without boxes, they are
 * stepped over. */
static enum b_code cut_words(struct reading *r, struct b_err *err)
{
    const size_t len = strlen(r->text);
    const bool marks_have_boxes = b_utf8_count(r->text, len) == r->n_boxes;
    const int most = r->pdf->options.limits.words_per_page;
    struct word w = {.empty_box = true};
    enum b_code code = B_OK;
    bool left_run = false;
    uint32_t last = 0; /* visible character of the line */
    guint at = 0; /* box, and index of the attributes */
    for (size_t pos = 0, before = 0; pos < len && code == B_OK; before = pos) {
        const uint32_t cp = b_utf8_next(r->text, len, &pos);
        if (is_direction_mark(cp)) {
            at += marks_have_boxes;
            left_run = cp == LEFT_TO_RIGHT && w.chars == 0 && (b_cp_is_rtl(last) || is_before_rtl(r->text, len, pos));
            continue;
        }
        const PopplerRectangle *box = at < r->n_boxes ? &r->boxes[at] : NULL;
        const PopplerTextAttributes *font = attributes_at(r, (int)at++);
        const bool blank = b_cp_is_space(cp) || b_cp_is_control(cp);
        const bool jump = !blank && w.chars > 0 && box && !w.empty_box && !adjoins(&w, w.last, *box);
        const bool dots = dp_leader_dots(cp) > 0 && (w.leader || is_leader(r->text + before, len - before));
        if (blank || jump || dots != w.leader || !same_font(font, w.font))
            code = end_word(r, &w, !blank && !jump, err);
        if (jump || cp == '\n') {
            end_line(r->sheet);
            last = 0;
        }
        if (r->sheet->n_words >= most) {
            dp_sheet_warn(r->sheet, "the page has more than %d words: the rest of its text layer is left out", most);
            return code;
        }
        w.leader = dots;
        if (!blank) {
            w.left_run = w.chars == 0 ? left_run : w.left_run;
            left_run = false;
            last = cp;
            add_char(&w, before, pos, font, box);
        }
        if (box && !keep_char(r, cp, font, box))
            return b_arena_refused(r->sheet->arena, DP_PDF_DOMAIN, err);
    }
    return code == B_OK ? end_word(r, &w, false, err) : code;
}

/* Raised and lowered characters: smaller than the joined neighbour before them, off its middle. */
static void mark_scripts(struct dp_sheet *s)
{
    for (int32_t i = 1; i < s->n_words; i++) {
        const struct dp_word *a = &s->words[i - 1];
        struct dp_word *b = &s->words[i];
        if (!a->joined || b->font_size > SMALL_SCRIPT * a->font_size || (a->style & (DP_SUPERSCRIPT | DP_SUBSCRIPT)))
            continue;
        const float tall = a->bbox.y1 - a->bbox.y0;
        const float shift = (b->bbox.y0 + b->bbox.y1 - a->bbox.y0 - a->bbox.y1) * 0.5f;
        if (shift < -(float)SCRIPT_SHIFT * tall)
            b->style |= DP_SUPERSCRIPT;
        else if (shift > (float)SCRIPT_SHIFT * tall)
            b->style |= DP_SUBSCRIPT;
    }
}

/* Median over the characters. */
static double body_size(const struct reading *r)
{
    uint64_t all = 0, seen = 0;
    for (int i = 1; i < SIZE_BINS; i++)
        all += r->sizes[i];
    for (int i = 1; i < SIZE_BINS; i++)
        if ((seen += r->sizes[i]) * 2 >= all && all > 0)
            return i * 0.25;
    return 0;
}

/* One way of running a selection over the whole page. */
struct extract {
    gchar *text;
    PopplerRectangle *boxes;
    guint n_boxes;
    GList *attributes;
};

static void extract_clear(struct extract *e)
{
    poppler_page_free_text_attributes(e->attributes);
    g_free(e->boxes);
    g_free(e->text);
    *e = (struct extract){0};
}

static bool has_rtl(const char *text)
{
    const size_t len = strlen(text);
    for (size_t pos = 0; pos < len;)
        if (b_cp_is_rtl(b_utf8_next(text, len, &pos)))
            return true;
    return false;
}

static void extract_layout(PopplerPage *page, PopplerRectangle *corners, struct extract *e)
{
    if (e->text && e->text[0] && poppler_page_get_text_layout_for_area(page, corners, &e->boxes, &e->n_boxes))
        e->attributes = poppler_page_get_text_attributes_for_area(page, corners);
}

/* Poppler selects from the block nearest to one corner to the block nearest to the other in its own reading
 * order; corners far outside the page mean the first and the last block. On pages that run from right to left
 * no pair of corners is sure to get all, so the one that gets most is taken. */
static void extract_all(PopplerPage *page, struct extract *out)
{
    PopplerRectangle corners[] = {{-FAR, -FAR, FAR, FAR}, {FAR, -FAR, -FAR, FAR}, {FAR, -FAR, FAR, FAR}};
    int best = 0;
    out->text = poppler_page_get_text_for_area(page, &corners[0]);
    for (int i = 1; i < 3 && out->text && has_rtl(out->text); i++) {
        gchar *other = poppler_page_get_text_for_area(page, &corners[i]);
        if (other && strlen(other) > strlen(out->text)) {
            g_free(out->text);
            out->text = other;
            best = i;
        } else {
            g_free(other);
        }
    }
    extract_layout(page, &corners[best], out);
}

/* The last line of the last block, which the above misses on pages that run from right to left. */
static void extract_last(PopplerPage *page, struct extract *out)
{
    PopplerRectangle corners = {-FAR, FAR, FAR, FAR};
    out->text = poppler_page_get_text_for_area(page, &corners);
    extract_layout(page, &corners, out);
}

/* Fonts of bitmaps name no characters, so that Poppler gives their codes as they are: a lone 0x88 (TeX's companion font) or
 * 0x95 (Windows) between blanks is a bullet, and as a control character it would be lost. NULL without memory. */
static char *with_bullets(struct dp_sheet *sheet, const char *text)
{
    const size_t len = strlen(text);
    size_t n = 0;
    char *out = b_arena_alloc(sheet->arena, len + len / 2 + 1, 1); /* two bytes become three */
    for (size_t pos = 0; out && pos < len;) {
        const size_t from = pos;
        const uint32_t cp = b_utf8_next(text, len, &pos);
        const bool alone = (from == 0 || strchr(" \n", text[from - 1])) && (pos == len || strchr(" \n", text[pos]));
        if ((cp == 0x88 || cp == 0x95) && alone) {
            n += b_utf8_put(0x2022, out + n);
        } else {
            memcpy(out + n, text + from, pos - from);
            n += pos - from;
        }
    }
    if (out)
        out[n] = '\0';
    return out;
}

static enum b_code add_words(struct reading *r, const struct extract *e, struct b_err *err)
{
    r->text = strstr(e->text, "\xC2\x88") || strstr(e->text, "\xC2\x95") ? with_bullets(r->sheet, e->text) : e->text;
    if (!r->text)
        return b_arena_refused(r->sheet->arena, DP_PDF_DOMAIN, err);
    r->boxes = e->boxes;
    r->n_boxes = e->n_boxes;
    r->attributes = e->attributes;
    return cut_words(r, err);
}

/* Takes the words behind `from` that are there already out again. */
static void drop_repeated(struct dp_sheet *s, int32_t from)
{
    int32_t kept = from;
    for (int32_t i = from; i < s->n_words; i++) {
        bool known = false;
        for (int32_t k = 0; k < from && !known; k++)
            known = memcmp(&s->words[k].bbox, &s->words[i].bbox, sizeof s->words[k].bbox) == 0 &&
                    strcmp(s->words[k].text, s->words[i].text) == 0;
        if (known)
            continue;
        s->words[kept] = s->words[i];
        s->word_line_end[kept++] = s->word_line_end[i];
    }
    s->n_words = kept;
}

enum b_code dp_pdf_read_words(const struct dp_pdf *pdf, PopplerPage *page, struct dp_pdf_content *content,
                              struct dp_sheet *sheet, struct b_err *err)
{
    struct reading r = {.pdf = pdf, .sheet = sheet, .width = content->width, .height = content->height, .content = content};
    struct extract e = {0};
    extract_all(page, &e);
    enum b_code code = e.n_boxes > 0 ? add_words(&r, &e, err) : B_OK;
    const int32_t n = sheet->n_words;
    if (code == B_OK && e.text && has_rtl(e.text)) {
        extract_clear(&e);
        extract_last(page, &e);
        if (e.n_boxes > 0 && e.n_boxes < LAST_LINE_CHARS)
            code = add_words(&r, &e, err);
        drop_repeated(sheet, n);
    }
    mark_scripts(sheet);
    content->body_size = body_size(&r);
    extract_clear(&e);
    return code;
}

void dp_pdf_place_words(const struct dp_pdf_grid *grid, struct dp_sheet *sheet)
{
    for (int32_t i = 0; i < sheet->n_words; i++) {
        struct dp_rect *b = &sheet->words[i].bbox;
        *b = dp_pdf_place(grid, b->x0, b->y0, b->x1, b->y1);
    }
}
