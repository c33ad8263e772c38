/* SPDX-License-Identifier: Apache-2.0 */
/* Chapter openings. Many books set "Chapter 3", "PART II", "第三章" or a large "3" on a line of its own above the
 * title, and often in another size: two headings for the eye's sake that are one for a reader, for a table of contents
 * and for search. They become one heading, label first, of the level that chapters have. Invariant: rows keep their
 * order, and a label is merged with nothing but the heading right below it. */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "docparse/assembly/assembly_private.h"
#include "engine/base/utf8.h"

#define LABEL_BYTES 96
#define TITLE_ROWS 4 /* of the heading below, */
#define TITLE_CHARS 200
#define LABEL_GAP 6.0f    /* its heights between both, */
#define LABEL_LARGE 1.22f /* and its size over the body's */
#define NUMBER_LARGE 1.3f /* the same of a number without a word; both stand at one edge or about one axis, */
#define NUMBER_EDGE 1.5f  /* this many heights apart at most */

/* Words of the languages that people brought us books in; those with letters beyond ASCII in the cases they are set in.
 */
static const char *const words[] = {
    "chapter",  "part",      "appendix",   "book",       "kapitel",  "teil",     "anhang",   "chapitre",
    "partie",   "annexe",    "capitulo",   "Capítulo",   "CAPÍTULO", "parte",    "apéndice", "Apéndice",
    "APÉNDICE", "capitolo",  "appendice",  "hoofdstuk",  "deel",     "bijlage",  "Глава",    "ГЛАВА",
    "Часть",    "ЧАСТЬ",     "Приложение", "ПРИЛОЖЕНИЕ", "Розділ",   "РОЗДІЛ",   "rozdział", "Rozdział",
    "ROZDZIAŁ", "Część",     "CZĘŚĆ",      "kapitola",   "luku",     "fejezet",  "bölüm",    "Bölüm",
    "BÖLÜM",    "capitolul", "Chương",     "CHƯƠNG",     "Kεφάλαιο", "Κεφάλαιο", "ΚΕΦΑΛΑΙΟ",
};

static const char *const numbers[] = {
    "one",    "two",    "three",    "four",     "five",    "six",     "seven",     "eight",    "nine",     "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
    "first",  "second", "third",    "eins",     "zwei",    "drei",    "vier",      "fünf",     "sechs",    "sieben",
    "acht",   "neun",   "zehn",     "un",       "deux",    "trois",   "quatre",    "cinq",     "uno",      "dos",
    "tres",   "cuatro", "cinco",    "due",      "tre",     "quattro", "cinque",
};

/* Bytes of "12", "XIV", "B", "Three" at the start of text, followed by its end, a space or a sign; 0: none. */
static size_t number_length(const char *text)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0)
        n = strspn(text, "IVXLC");
    if (n == 0 && isupper((unsigned char)text[0]) && !isalnum((unsigned char)text[1]))
        n = 1;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && n == 0; i++) {
        const size_t len = strlen(numbers[i]);
        if (strncasecmp(text, numbers[i], len) == 0 && !isalpha((unsigned char)text[len]))
            n = len;
    }
    const bool ended = text[n] == '\0' || text[n] == ' ' || strchr(".:)", text[n]);
    return n > 0 && n <= 12 && ended ? n : 0;
}

/* "第三章": the number of characters is small, and the last one says of what. */
static size_t east_asian_label(const char *text, size_t len)
{
    size_t pos = 0;
    if (len < 9 || b_utf8_next(text, len, &pos) != 0x7B2C)
        return 0;
    for (int k = 0; k < 5 && pos < len; k++) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (cp == 0x7AE0 || cp == 0x90E8 || cp == 0x7DE8 || cp == 0x7F16 || cp == 0x7BC7 || cp == 0x5377)
            return pos;
    }
    return 0;
}

size_t dp_chapter_label(const char *text)
{
    const size_t len = strlen(text);
    size_t end = east_asian_label(text, len);
    for (size_t i = 0; i < sizeof words / sizeof words[0] && end == 0; i++) {
        const size_t n = strlen(words[i]);
        const size_t blank = strncasecmp(text, words[i], n) == 0 ? strspn(text + n, " ") : 0;
        const size_t number = blank > 0 ? number_length(text + n + blank) : 0;
        end = number > 0 ? n + blank + number : 0;
    }
    if (end == 0)
        return 0;
    return end + strspn(text + end, " .:)");
}

static const struct dp_row *row_of(const struct dp_assembly *a, const struct dp_draft_block *b, int32_t i)
{
    return &a->rows[a->block_rows[b->first + i]];
}

static bool may_be_label(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    return b->count == 1 && !b->grid && !b->aside && b->table == DP_NONE && b->picture == DP_NONE && !b->formula &&
           b->direction == a->main_direction &&
           (b->type == DP_HEADING || b->type == DP_PARAGRAPH || b->type == DP_TITLE);
}

/* The block's text where it is one short row. */
static bool label_text(const struct dp_assembly *a, const struct dp_draft_block *b, char text[LABEL_BYTES])
{
    const struct dp_row *r = row_of(a, b, 0);
    size_t len = 0;
    for (int32_t i = 0; i < r->count; i++) {
        const char *piece = a->page->lines[a->items[a->row_items[r->first + i]].line].text;
        const size_t n = strlen(piece);
        if (len + n + 2 > LABEL_BYTES)
            return false;
        if (i > 0)
            text[len++] = ' ';
        memcpy(text + len, piece, n);
        len += n;
    }
    text[len] = '\0';
    return len > 0;
}

static bool is_title(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    if (b->count == 0 || b->count > TITLE_ROWS || b->chars > TITLE_CHARS || b->grid || b->aside || b->before ||
        b->after || b->table != DP_NONE || b->picture != DP_NONE || b->formula || b->direction != a->main_direction)
        return false;
    for (int32_t i = 0; i < b->count; i++)
        if (row_of(a, b, i)->entry)
            return false;
    return b->type == DP_HEADING || b->type == DP_TITLE || (b->type == DP_PARAGRAPH && b->size > LABEL_LARGE * a->body);
}

static bool stands_over(const struct dp_draft_block *label, const struct dp_draft_block *title)
{
    const float gap = title->box.y0 - label->box.y1;
    return gap > -0.3f * label->height && gap < LABEL_GAP * title->height &&
           dp_overlap(label->box.x0, label->box.x1, title->box.x0, title->box.x1) > 0;
}

static bool is_bare_number(const char *text)
{
    const size_t digits = strspn(text, "0123456789"), roman = strspn(text, "IVX");
    return (digits > 0 && digits <= 2 && text[digits] == '\0') || (roman > 0 && roman <= 5 && text[roman] == '\0');
}

static bool opens(const struct dp_assembly *a, const struct dp_draft_block *label, const struct dp_draft_block *title)
{
    char text[LABEL_BYTES], below[LABEL_BYTES];
    if (!may_be_label(a, label) || !is_title(a, title) || !stands_over(label, title) || !label_text(a, label, text))
        return false;
    if (label_text(a, title, below) && dp_chapter_label(below) > 0)
        return false; /* "Part I" over "Chapter 1" */
    if (dp_chapter_label(text) == strlen(text))
        return title->size > 0.9f * a->body;
    const float edge = fabsf(label->box.x0 - title->box.x0);
    const float axis = fabsf(label->box.x0 + label->box.x1 - title->box.x0 - title->box.x1) * 0.5f;
    return is_bare_number(text) && label->size > NUMBER_LARGE * a->body && title->size > NUMBER_LARGE * a->body &&
           fminf(edge, axis) < NUMBER_EDGE * title->height;
}

void dp_chapters_join(struct dp_assembly *a)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < a->n_order; i++) {
        struct dp_draft_block *label = &a->blocks[a->order[i]];
        struct dp_draft_block *title = i + 1 < a->n_order ? &a->blocks[a->order[i + 1]] : NULL;
        a->order[kept++] = a->order[i];
        if (!title || !opens(a, label, title) || a->n_block_rows + label->count + title->count > 2 * a->n_items)
            continue;
        const int32_t first = a->n_block_rows;
        for (int32_t k = 0; k < label->count; k++)
            a->block_rows[a->n_block_rows++] = a->block_rows[label->first + k];
        for (int32_t k = 0; k < title->count; k++)
            a->block_rows[a->n_block_rows++] = a->block_rows[title->first + k];
        title->first = first;
        title->count += label->count;
        title->chars += label->chars;
        title->lines += label->lines;
        title->box = dp_rect_union(title->box, label->box);
        title->marker = 0;
        title->drawn = NULL;
        if (title->type != DP_TITLE && label->type != DP_TITLE) {
            title->type = DP_HEADING;
            title->level = 1;
        } else {
            title->type = DP_TITLE;
            title->level = 0;
        }
        label->count = 0;
        a->order[kept - 1] = a->order[i + 1];
        i++;
    }
    a->n_order = kept;
}
