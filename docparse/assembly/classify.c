/* SPDX-License-Identifier: Apache-2.0 */
/* Names blocks. Running heads, feet and page numbers are found from the page's edges inwards before the
 * blocks are ordered; headings, captions, lists, code and footnotes afterwards. One page is all that is
 * known here, so the rules are narrow: a wrong "header" hides text from readers of the body. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"
#include "engine/base/utf8.h"

#define COMPANY 3       /* blocks before and behind a numbered item, among which is another one, */
#define COMPANY_LOOK 24 /* beside those of lists inside of it */
#define OPENING 160        /* bytes of a heading that are looked at for its number */
#define STRIP_LEVEL 0.4f   /* heights in common of blocks on one printed row, */
#define STRIP_WARPED -0.4f /* and where flattening left something of a bend */
#define EDGE_ZONE 0.135f   /* of the page height: furniture stands within */
#define EDGE_SURE 0.045f   /* anything of body size this near is furniture */
#define EDGE_PARTED 0.115f /* rows with pieces far apart (title left, chapter right) */
#define EDGE_LONE_TOP 0.09f
#define EDGE_LONE_FOOT 0.08f
#define PARTED 0.18f    /* of the page width between the pieces */
#define TOUCHING 0.3f   /* heights between a head or foot and the body, at least */
#define SET_OFF 0.7f    /* heights between a lone line and the body */
#define NUMBER_PIECES 6 /* of a row with a page number: two pages side by side have as many */
#define NUMBER_CHARS 110
#define HEADING_LINES 3
#define HEADING_CHARS 120
#define HEADING_SIZE 1.22f /* over body */
#define TITLE_SIZE 1.4f
#define COVER_LINES 12   /* of a page that is a cover */
#define COVER_SIZE 1.15f /* of its title, over the next largest text */
#define SAME_SIZE 0.05f  /* of the size */
#define FOOTNOTE_SIZE 0.92f

static const char *line_text(const struct dp_assembly *a, const struct dp_row *row, int32_t piece)
{
    return a->page->lines[a->items[a->row_items[row->first + piece]].line].text;
}

static const struct dp_row *row_of(const struct dp_assembly *a, const struct dp_draft_block *b, int32_t i)
{
    return &a->rows[a->block_rows[b->first + i]];
}

static const char *first_text(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    return line_text(a, row_of(a, b, 0), 0);
}

/* "12", "- 12 -", "xiv", "12/30", "Page 3", "第 3 页": a number with nothing but decoration around it. */
static bool is_page_number(const char *text)
{
    static const char *const words[] = {"page", "pages", "p",   "pg", "seite",  "of",
                                        "von",  "de",    "sur", "di", "pagina", "стр"};
    int digits = 0, others = 0, numbers = 0;
    const size_t len = strlen(text);
    bool in_number = false;
    for (size_t pos = 0; pos < len;) {
        size_t word = 0;
        while (pos + word < len && isalpha((unsigned char)text[pos + word]))
            word++;
        if (word > 0) {
            bool known = strspn(text + pos, "ivxlc") >= word && word <= 6;
            numbers += known;
            for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                known = known || (strlen(words[i]) == word && strncasecmp(words[i], text + pos, word) == 0);
            others += !known;
            pos += word;
            in_number = false;
            continue;
        }
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_digit(cp)) {
            digits++;
            numbers += !in_number;
            in_number = true;
            continue;
        }
        in_number = false;
        const bool page = cp == 0x7B2C || cp == 0x9875 || cp == 0x5171 || cp == 0x30DA || cp == 0x30FC ||
                          cp == 0x30B8 || cp == 0x9801;
        others += !page && (b_cp_is_letter(cp) || cp == '%' || cp == '$' || cp == '=' || cp == '+' || cp == '.');
    }
    return others == 0 && numbers >= 1 && numbers <= 2 && digits <= 8;
}

static float page_height(const struct dp_assembly *a)
{
    return a->main_direction & 1 ? a->frame.w : a->frame.h;
}

static float page_width(const struct dp_assembly *a)
{
    return a->main_direction & 1 ? a->frame.h : a->frame.w;
}

struct strip {
    struct dp_rect box;
    int32_t blocks[8];
    int32_t n, rows, chars;
    float size;
    bool number; /* one of the blocks is a page number, */
    bool entry;  /* or belongs to a table of contents */
};

/* The blocks on the outermost printed row that are not yet furniture; false when there are too many. */
static bool outer_strip(const struct dp_assembly *a, bool top, struct strip *s)
{
    const struct dp_draft_block *edge = NULL;
    *s = (struct strip){0};
    for (int32_t i = 0; i < a->n_blocks; i++) {
        const struct dp_draft_block *b = &a->blocks[i];
        if (b->aside || b->before || b->after || b->chars == 0 || b->table != DP_NONE || b->picture != DP_NONE ||
            b->formula)
            continue;
        if (!edge || (top ? b->box.y0 < edge->box.y0 : b->box.y1 > edge->box.y1))
            edge = b;
    }
    if (!edge || edge->direction != a->main_direction)
        return false;
    s->box = edge->box;
    for (int32_t i = 0; i < a->n_blocks; i++) {
        const struct dp_draft_block *b = &a->blocks[i];
        if (b->aside || b->before || b->after || b->chars == 0 || b->table != DP_NONE || b->picture != DP_NONE ||
            b->formula)
            continue;
        const float low = fminf(b->box.y1 - b->box.y0, edge->box.y1 - edge->box.y0);
        if (dp_overlap(b->box.y0, b->box.y1, edge->box.y0, edge->box.y1) <
            (a->frame.warped ? STRIP_WARPED : STRIP_LEVEL) * low)
            continue;
        if (s->n == 8)
            return false;
        s->blocks[s->n++] = i;
        s->rows = b->count > s->rows ? b->count : s->rows;
        s->chars += b->chars;
        s->size = fmaxf(s->size, b->size);
        s->number = s->number || (b->lines == 1 && is_page_number(first_text(a, b)));
        s->entry = s->entry || row_of(a, b, 0)->entry;
        s->box = dp_rect_union(s->box, b->box);
    }
    return true;
}

/* Widest horizontal gap between the pieces of the strip. */
static float parted(const struct dp_assembly *a, const struct strip *s)
{
    float widest = 0;
    for (int32_t i = 0; i < s->n; i++) {
        float gap = 1e30f;
        for (int32_t j = 0; j < s->n; j++) {
            const float g = a->blocks[s->blocks[j]].box.x0 - a->blocks[s->blocks[i]].box.x1;
            if (j != i && g > 0)
                gap = fminf(gap, g);
        }
        if (gap < 1e29f)
            widest = fmaxf(widest, gap);
    }
    return widest;
}

/* Distance of the strip to the next text of so many rows inwards. */
static float set_off(const struct dp_assembly *a, const struct strip *s, bool top, int32_t rows)
{
    float least = 1e30f;
    for (int32_t i = 0; i < a->n_blocks; i++) {
        const struct dp_draft_block *b = &a->blocks[i];
        bool own = b->aside || b->before || b->after || b->lines < rows;
        for (int32_t k = 0; k < s->n; k++)
            own = own || s->blocks[k] == i;
        if (!own)
            least = fminf(least, top ? b->box.y0 - s->box.y1 : s->box.y0 - b->box.y1);
    }
    return least;
}

static bool is_furniture(const struct dp_assembly *a, const struct strip *s, bool top)
{
    const float h = page_height(a), body = a->body;
    const float away = (top ? s->box.y1 : h - s->box.y0) / h;
    const float off = set_off(a, s, top, 1);
    if (away > EDGE_ZONE || s->rows > 2 || off > 1e29f || s->entry)
        return false;
    if (s->number && s->n <= NUMBER_PIECES && s->size <= 1.45f * body && s->chars < NUMBER_CHARS &&
        off > 0.3f * a->height)
        return true;
    if (set_off(a, s, top, 2) < TOUCHING * a->height) /* headings at the top of narrow columns */
        return false;
    if (away < EDGE_SURE && s->size <= 1.3f * body && s->rows == 1)
        return true;
    if (s->n >= 2 && s->rows == 1 && parted(a, s) > PARTED * page_width(a) && away < EDGE_PARTED &&
        s->size <= 1.3f * body)
        return true;
    return s->n == 1 && s->rows == 1 && away < (top ? EDGE_LONE_TOP : EDGE_LONE_FOOT) && s->size <= 1.15f * body &&
           off > SET_OFF * a->height && s->chars < NUMBER_CHARS;
}

void dp_classify_furniture(struct dp_assembly *a)
{
    enum { STRIPS_MAX = 3 }; /* running head, its second line, a page number of its own */
    if (a->n_blocks < 3)
        return;
    for (int top = 0; top < 2; top++)
        for (int k = 0; k < STRIPS_MAX; k++) {
            struct strip s;
            if (!outer_strip(a, top, &s) || !is_furniture(a, &s, top))
                break;
            for (int32_t i = 0; i < s.n; i++) {
                struct dp_draft_block *b = &a->blocks[s.blocks[i]];
                b->before = top;
                b->after = !top;
                b->type = top ? DP_HEADER : DP_FOOTER;
                if (b->lines == 1 && is_page_number(first_text(a, b)))
                    b->type = DP_PAGE_NUMBER;
            }
        }
}

/* "Figure 3:", "Table 2.", "图 1": a label with a number, not a sentence about one. */
static bool is_caption(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    static const char *const labels[] = {"Figure",  "FIGURE",  "Fig.",   "FIG.",    "Table",     "TABLE",   "Tab.",
                                         "Chart",   "Listing", "Scheme", "Plate",   "Abbildung", "Abb.",    "Tabelle",
                                         "Tableau", "Figura",  "Tabla",  "Tabella", "Рис.",      "Таблица", "图表",
                                         "图",      "圖",      "表",     "図"};
    const char *text = first_text(a, b);
    if (b->count > 8)
        return false;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        const size_t len = strlen(labels[i]);
        if (strncmp(text, labels[i], len) != 0)
            continue;
        const char *p = text + len;
        p += strspn(p, " ");
        const size_t number = strspn(p, "0123456789ABCDIVX.-");
        if (number == 0 || number > 8 || strcspn(p, "0123456789IVX") >= number)
            continue;
        const char last = p[number - 1];
        p += number;
        if (*p == '\0' || *p == ':' || *p == '|' || last == '.' || (unsigned char)*p >= 0x80)
            return true;
        p += strspn(p, " ");
        return !islower((unsigned char)*p) && *p != ',' && *p != ')';
    }
    return false;
}

/* "1 Introduction", "2.3. Methods", "Chapter 4", "第三章", "A. Proofs". */
static bool is_numbered_heading(const char *text)
{
    const size_t digits = strspn(text, "0123456789."), len = strlen(text);
    size_t pos = 0;
    if (digits > 0 && digits < 12 && text[0] != '.' && text[digits] == ' ') {
        const size_t points = strcspn(text, ".") < digits;
        size_t at = digits + 1;
        const uint32_t cp = at < len ? b_utf8_next(text, len, &at) : 0;
        return (cp >= 'A' && cp <= 'Z') || (cp >= 0xC0 && cp <= 0xDE) || (points && b_cp_is_cjk(cp));
    }
    if (strncmp(text, "Chapter ", 8) == 0 || strncmp(text, "CHAPTER ", 8) == 0 || strncmp(text, "Appendix ", 9) == 0)
        return true;
    if (len < 9 || b_utf8_next(text, len, &pos) != 0x7B2C)
        return false;
    for (int k = 0; k < 4 && pos < len; k++) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (cp == 0x7AE0 || cp == 0x8282 || cp == 0x8BFE || cp == 0x7BC7)
            return true;
    }
    return false;
}

static bool ends_sentence(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    return a->items[row_of(a, b, b->count - 1)->tail].ends & (DP_PUNCT_SENTENCE | DP_PUNCT_COLON);
}

static int32_t letters_of(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    int32_t n = 0;
    for (int32_t i = 0; i < b->count; i++)
        n += row_of(a, b, i)->letters;
    return n;
}

/* The first row's text, its pieces joined ("3.1" and "Sampling"), cut where it is long. */
static const char *opening(const struct dp_assembly *a, const struct dp_draft_block *b, char *out, size_t size)
{
    const struct dp_row *r = row_of(a, b, 0);
    size_t len = 0;
    out[0] = '\0';
    for (int32_t i = 0; i < r->count && len + 1 < size; i++) {
        const char *text = a->page->lines[a->items[a->row_items[r->first + i]].line].text;
        const int n = snprintf(out + len, size - len, "%s%s", i > 0 ? " " : "", text);
        len += n > 0 ? (size_t)n : 0;
    }
    return out;
}

/* Whole paragraphs of the page are set like this block: a page may have two sizes of text, and the smaller one be its
 * body. */
static bool is_set_as_text(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    for (int32_t i = 0; i < a->n_order; i++) {
        const struct dp_draft_block *c = &a->blocks[a->order[i]];
        if (c->count > HEADING_LINES && !c->grid && c->table == DP_NONE && c->chars > HEADING_CHARS &&
            c->bold == b->bold && fabsf(c->size - b->size) < SAME_SIZE * b->size)
            return true;
    }
    return false;
}

static bool is_heading(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    if (b->count > HEADING_LINES || b->chars > HEADING_CHARS || letters_of(a, b) < 2)
        return false;
    if (b->lines == 1 && is_page_number(first_text(a, b)))
        return false;
    if (row_of(a, b, b->count - 1)->entry)
        return false; /* the heading is on the page that the entry names */
    if (b->size > HEADING_SIZE * a->body)
        return !is_set_as_text(a, b);
    if (b->bold && b->chars < 90 && !ends_sentence(a, b) && b->size > 0.95f * a->body)
        return true;
    char text[OPENING];
    return b->count == 1 && b->chars < 70 && b->size > 1.02f * a->body && !ends_sentence(a, b) &&
           is_numbered_heading(opening(a, b, text, sizeof text));
}

int32_t dp_heading_level(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    const float ratio = b->size / a->body;
    char start[OPENING];
    const char *text = opening(a, b, start, sizeof start);
    if (is_numbered_heading(text) && text[0] >= '0' && text[0] <= '9') {
        int32_t level = 1;
        for (const char *p = text; *p && *p != ' '; p++)
            level += *p == '.' && p[1] >= '0' && p[1] <= '9';
        return level > 5 ? 6 : level + (ratio < 1.6f);
    }
    return ratio > 1.8f ? 1 : ratio > 1.35f ? 2 : 3;
}

static bool is_code(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    for (int32_t i = 0; i < b->count; i++)
        if (!row_of(a, b, i)->mono)
            return false;
    return true;
}

static bool is_footnote(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    const char *text = first_text(a, b);
    const size_t digits = strspn(text, "0123456789");
    if (b->size > FOOTNOTE_SIZE * a->body || b->box.y0 < 0.5f * page_height(a) || b->chars < 12)
        return false;
    if (digits > 0 && digits <= 3 && text[digits] != '.' && text[digits] != ',')
        return true;
    return strncmp(text, "*", 1) == 0 || strncmp(text, "†", strlen("†")) == 0 || strncmp(text, "‡", strlen("‡")) == 0;
}

/* The note behind a note: next number, same column, no larger than the text. */
static bool is_next_footnote(const struct dp_assembly *a, const struct dp_draft_block *note,
                             const struct dp_draft_block *b)
{
    const char *text = first_text(a, b), *last = first_text(a, note);
    const long number = strtol(last, NULL, 10);
    return note->type == DP_FOOTNOTE && b->type == DP_PARAGRAPH && number > 0 && number < 1000 &&
           strtol(text, NULL, 10) == number + 1 && b->size <= 1.05f * a->body && b->box.y0 > note->box.y0 &&
           b->box.y0 - note->box.y1 < 2.0f * b->height;
}

static bool is_bullet_marker(const char *text)
{
    size_t pos = 0;
    const uint32_t cp = b_utf8_next(text, strlen(text), &pos);
    return !(cp < 0x80 && isalnum((int)cp)) && cp != '(' && cp != 0xFF08 && cp != '[' && !b_cp_is_digit(cp) &&
           !b_cp_is_cjk(cp);
}

/* A bullet before text of the body's size: an item, however bold. */
static bool is_bulleted(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    return !b->grid && b->size <= HEADING_SIZE * a->body &&
           (b->drawn || (b->marker > 0 && is_bullet_marker(first_text(a, b))));
}

/* Whether one of the next few blocks in one direction of the reading order begins with a number's marker in the same place.
 * Items further in are a list of the item's own and do not count. */
static bool has_company(const struct dp_assembly *a, int32_t at, int step)
{
    const struct dp_draft_block *b = &a->blocks[a->order[at]];
    int32_t near = 0;
    for (int32_t j = at + step, seen = 0; j >= 0 && j < a->n_order && near < COMPANY && seen < COMPANY_LOOK; j += step, seen++) {
        const struct dp_draft_block *c = &a->blocks[a->order[j]];
        const bool marked = c->marker > 0 || c->drawn;
        if (c->marker > 0 && c->count > 0 && !is_bullet_marker(first_text(a, c)) &&
            fabsf(c->box.x0 - b->box.x0) < 2.0f * b->height)
            return true;
        near += !(marked && c->box.x0 > b->box.x0 + 0.9f * b->height);
    }
    return false;
}

/* A numbered item needs company: a neighbour in reading order begins with a marker as well. */
static bool is_item(const struct dp_assembly *a, int32_t at)
{
    const struct dp_draft_block *b = &a->blocks[a->order[at]];
    if ((b->marker <= 0 && !b->drawn) || b->grid)
        return false;
    return b->drawn || is_bullet_marker(first_text(a, b)) || has_company(a, at, -1) || has_company(a, at, 1);
}

/* On a cover the title is not larger than the text, it is the text: the block that is set larger than all others of a
 * page of a few lines. */
static struct dp_draft_block *title_of_cover(struct dp_assembly *a)
{
    struct dp_draft_block *best = NULL;
    int32_t lines = 0;
    float second = 0;
    for (int32_t i = 0; i < a->n_order; i++) {
        struct dp_draft_block *b = &a->blocks[a->order[i]];
        lines += b->count;
        if (b->count > HEADING_LINES || b->grid || b->table != DP_NONE || lines > COVER_LINES)
            return NULL;
        if (b->count == 0 || b->before || b->after || b->aside || letters_of(a, b) < 2)
            continue;
        if (!best || b->size > best->size) {
            second = best ? best->size : second;
            best = b;
        } else {
            second = fmaxf(second, b->size);
        }
    }
    return best && second > 0 && best->size > COVER_SIZE * second && best->chars <= HEADING_CHARS ? best : NULL;
}

/* The largest heading of the first page's upper half is the document's title. */
static void find_title(struct dp_assembly *a)
{
    struct dp_draft_block *best = NULL;
    if (a->page->number != 1)
        return;
    for (int32_t i = 0; i < a->n_order; i++) {
        struct dp_draft_block *b = &a->blocks[a->order[i]];
        if (b->type == DP_HEADING && b->size > TITLE_SIZE * a->body && b->box.y0 < 0.5f * page_height(a) &&
            (!best || b->size > 1.05f * best->size))
            best = b;
    }
    if (!best)
        best = title_of_cover(a);
    if (best) {
        best->type = DP_TITLE;
        best->level = 0;
    }
}

void dp_classify_blocks(struct dp_assembly *a)
{
    for (int32_t i = 0; i < a->n_order; i++) {
        struct dp_draft_block *b = &a->blocks[a->order[i]];
        if (b->before || b->after || b->count == 0 || b->table != DP_NONE || b->picture != DP_NONE || b->formula)
            continue;
        if (b->grid || b->aside)
            b->type = DP_OTHER;
        else if (is_code(a, b))
            b->type = DP_CODE;
        else if (is_caption(a, b))
            b->type = DP_CAPTION;
        else if (!is_bulleted(a, b) && is_heading(a, b))
            b->type = DP_HEADING;
        else if (is_item(a, i))
            b->type = DP_LIST_ITEM;
        else if (is_footnote(a, b) ||
                 (i > 0 && a->blocks[a->order[i - 1]].count > 0 && is_next_footnote(a, &a->blocks[a->order[i - 1]], b)))
            b->type = DP_FOOTNOTE;
        if (b->type == DP_HEADING)
            b->level = dp_heading_level(a, b);
    }
    dp_votes_count(a);
    find_title(a);
}
