/* SPDX-License-Identifier: Apache-2.0 */
/* Dots that lead the eye from one cell to the next. They are lines rather than text: they part cells and stand in none.
 * Invariant: a leader is made of whole words; readers cut words where leaders begin and end. */
#include <string.h>

#include "docparse/assembly/table_private.h"
#include "docparse/leader.h"
#include "engine/base/utf8.h"

#define PLACE_MOST 5 /* characters of a page's number; more are a price or a sum */
#define PLACES_SHARE 0.8f /* of leaders of a table of contents that end in such a number, and of those that do not fall */
#define COLUMNS_MOST 8    /* of an index */
#define INDENT 3.0f       /* heights that entries of one column may be set in */
#define ALPHABET_LEAST 5  /* entries behind others whose order says that they are those of an index */
#define LED_SHARE 0.5f    /* of the rows of a table, by leaders that make it one */
#define LED_LEAST 3
#define RULES_MOST 3000 /* more are a drawing */
#define LINE_TOP 0.45f  /* of a line's box, from which its foot begins, */
#define LINE_FOOT 0.88f /* and to which it goes */
#define INTO 2.5f       /* heights of a line that is read with its first dots */
#define AWAY 2.0f       /* heights between a leader and what it leads from or to */

/* Dots of a word that is nothing else; 0 otherwise. */
static int32_t dots_of(const char *text)
{
    const size_t len = strlen(text);
    int32_t dots = 0;
    for (size_t pos = 0; pos < len;) {
        const int32_t worth = dp_leader_dots(b_utf8_next(text, len, &pos));
        if (worth == 0)
            return 0;
        dots += worth;
    }
    return dots;
}

int32_t dp_leader_words(const struct dp_assembly *a, const struct dp_item *item, int32_t from)
{
    const struct dp_line *line = &a->page->lines[item->line];
    int32_t n = 0, dots = 0;
    for (int32_t more; from + n < line->n_words; n++, dots += more) {
        more = dots_of(a->page->words[line->first_word + from + n].text);
        if (more == 0)
            break;
    }
    /* Readers see only the first of many dots that are all alike. */
    return dots >= DP_LEADER_LEAST || (item->led && from > 0 && from + n == line->n_words) ? n : 0;
}

/* The rule stands on the item's line: not above or below it. */
static bool on_line(const struct dp_item *it, struct dp_rect rule)
{
    const float tall = it->box.y1 - it->box.y0, y = (rule.y0 + rule.y1) * 0.5f;
    return y > it->box.y0 + LINE_TOP * tall && y < it->box.y0 + LINE_FOOT * tall;
}

/* The item that a leader begins at, or NULL: one ends where the rule begins, another begins where it ends, and both
 * stand on one line with it. */
static struct dp_item *led_by(struct dp_assembly *a, struct dp_rect rule)
{
    struct dp_item *from = NULL;
    bool to = false;
    for (int32_t i = 0; i < a->n_items; i++) {
        struct dp_item *it = &a->items[i];
        const float tall = it->box.y1 - it->box.y0;
        if (it->direction != a->main_direction || it->chars == 0 || !on_line(it, rule))
            continue;
        if (rule.x0 > it->box.x1 - INTO * tall && rule.x0 < it->box.x1 + AWAY * tall && rule.x1 > it->box.x1 + tall)
            from = it;
        to = to || (it->box.x0 > rule.x1 - tall && it->box.x0 < rule.x1 + AWAY * tall);
    }
    return to ? from : NULL;
}

void dp_leader_rules(struct dp_assembly *a)
{
    int32_t kept = a->n_vertical;
    for (int32_t i = a->n_vertical; i < a->n_rules; i++) {
        struct dp_item *from = a->n_rules <= RULES_MOST ? led_by(a, a->rules[i]) : NULL;
        if (from)
            from->led = true;
        else
            a->rules[kept++] = a->rules[i];
    }
    a->n_rules = kept;
}

/* Where a leader leads to. */
enum place { NO_PLACE, ONE_PLACE /* "12", "xiv", "A-3" */, PLACES /* "12, 15", as in an index */ };

/* *value is the last number of an arabic place, or 0. */
static enum place place_of(const struct dp_assembly *a, const struct dp_piece *p, int32_t *value)
{
    int32_t chars = 0, commas = 0;
    *value = 0;
    for (int32_t i = 0; i < p->n_words; i++) {
        chars = 0;
        for (const char *c = a->page->words[p->first_word + i].text; *c; c++, chars++) {
            if (strchr("0123456789", *c))
                *value = *value > 99999 ? *value : *value * 10 + (*c - '0');
            else if (*c == ',' && chars > 0 && !c[1])
                commas++;
            else if (strchr("-ivxlcABCDEFGH", *c))
                *value = 0;
            else
                return NO_PLACE;
        }
        if (chars == 0 || chars > PLACE_MOST)
            return NO_PLACE;
    }
    return chars == 0 ? NO_PLACE : commas > 0 ? PLACES : ONE_PLACE;
}

/* The entry above in the same column: where its column begins, its last page, the first letter of its name. */
struct entry {
    float x;
    int32_t page;
    char initial;
};

/* What the columns of entries have in common, row by row. */
struct entries {
    struct entry above[COLUMNS_MOST];
    int32_t columns;
    int32_t led, places, several; /* leaders, those that lead to pages, and to several of them */
    int32_t rising, falling;      /* pages against those of the entries above */
    int32_t onward, backward;     /* initials likewise, in the alphabet */
};

/* A small Latin letter, or 0. */
static char initial_of(const struct dp_assembly *a, const struct dp_piece *p)
{
    const char c = p->n_words > 0 ? a->page->words[p->first_word].text[0] : '\0';
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c >= 'a' && c <= 'z' ? c : '\0';
}

/* Entries inside of others begin further in. */
static struct entry *column_of(struct entries *e, float x, float indent)
{
    for (int32_t k = 0; k < e->columns; k++)
        if (x > e->above[k].x - indent && x < e->above[k].x + indent)
            return &e->above[k];
    if (e->columns == COLUMNS_MOST)
        return NULL;
    e->above[e->columns] = (struct entry){.x = x};
    return &e->above[e->columns++];
}

static void note_entry(const struct dp_assembly *a, struct entries *e, const struct dp_piece *name, int32_t page)
{
    const char initial = initial_of(a, name);
    struct entry *above = column_of(e, name->box.x0, INDENT * (name->box.y1 - name->box.y0));
    if (!above)
        return;
    if (page > 0 && above->page > 0) {
        e->rising += page >= above->page;
        e->falling += page < above->page;
    }
    if (initial && above->initial) {
        e->onward += initial >= above->initial;
        e->backward += initial < above->initial;
    }
    above->page = page > 0 ? page : above->page;
    above->initial = initial ? initial : above->initial;
}

static bool mostly(int32_t of, int32_t against, int32_t least)
{
    return of + against >= least && (float)of >= PLACES_SHARE * (float)(of + against);
}

bool dp_is_contents(const struct dp_assembly *a, const struct dp_piece *pieces, int32_t n)
{
    struct entries e = {.columns = 0};
    for (int32_t i = 0; i + 1 < n; i++) {
        int32_t page;
        if (!pieces[i].leads || pieces[i + 1].text_row != pieces[i].text_row)
            continue;
        e.led++;
        const enum place place = place_of(a, &pieces[i + 1], &page);
        if (place == NO_PLACE)
            continue;
        e.places++;
        e.several += place == PLACES;
        note_entry(a, &e, &pieces[i], page);
    }
    if (e.led == 0 || (float)e.places < PLACES_SHARE * (float)e.led)
        return false;
    return e.several > 0 || mostly(e.rising, e.falling, 0) || mostly(e.onward, e.backward, ALPHABET_LEAST);
}

bool dp_is_led(const struct dp_piece *pieces, int32_t n, int32_t rows)
{
    int32_t led = 0, last = DP_NONE;
    for (int32_t i = 0; i + 1 < n; i++)
        if (pieces[i].leads && pieces[i].text_row != last && pieces[i + 1].text_row == pieces[i].text_row) {
            led++;
            last = pieces[i].text_row;
        }
    return led >= LED_LEAST && (float)led >= LED_SHARE * (float)rows;
}
