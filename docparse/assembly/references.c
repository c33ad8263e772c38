/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a bibliography: one block each. They are looked for below a heading that names them, and by their form
 * alone where a page goes on with them: labels in brackets or numbers that count, or first lines that hang out of
 * indented ones. Most entries must look like one (a year, an address, pages), or all stay the paragraphs and lists that
 * they were: a list taken for references is worse than references taken for a list. Invariant: rows keep their order.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "docparse/assembly/assembly_private.h"

#define HEADING_BYTES 64
#define LABEL_MOST 14      /* characters in brackets: "[Knu+97a]" */
#define LEFT_WITHIN 0.4f   /* heights: a row at its column's edge */
#define INDENT_MOST 8.0f   /* heights of a row that hangs in */
#define END_GAP 1.0f       /* heights above text that is no entry any more */
#define END_SIZE 0.1f      /* of the size: the same */
#define BELOW_HEADING 0.5f /* of the entries that must look like one below a heading, */
#define BY_FORM 0.75f      /* and without one */
#define FORM_LEAST 3       /* entries without a heading */
#define HANGING_LEAST 4

enum form { PLAIN, BRACKET, NUMBER, HANGING };

/* A row of the run of blocks that is looked at. */
struct entry_row {
    int32_t row, place, column; /* place: of its block in a->order */
    float left;                 /* of its column */
    bool first;                 /* of its block */
    bool start, out;            /* begins an entry; belongs to none */
};

struct run {
    struct dp_assembly *a;
    struct entry_row *rows;
    int32_t n;
    bool headed, rtl;
    enum form form;
};

static const char *row_text(const struct dp_assembly *a, const struct dp_row *r, int32_t piece)
{
    return a->page->lines[a->items[a->row_items[r->first + piece]].line].text;
}

static const struct dp_row *at(const struct run *run, int32_t i)
{
    return &run->a->rows[run->rows[i].row];
}

/* "[12]", "[Knu97]": bytes of the label; 0: none. */
static size_t bracket(const char *text)
{
    if (text[0] != '[' || !isalnum((unsigned char)text[1]))
        return 0;
    const size_t n = strcspn(text + 1, "]");
    if (n > LABEL_MOST || text[n + 1] != ']' || strcspn(text + 1, "0123456789") >= n)
        return 0;
    return n + 2;
}

/* "12." or "12)": the number; 0: none. */
static long number(const char *text)
{
    const size_t n = strspn(text, "0123456789");
    return n > 0 && n <= 3 && (text[n] == '.' || text[n] == ')') && (text[n + 1] == ' ' || text[n + 1] == '\0')
               ? strtol(text, NULL, 10)
               : 0;
}

/* Whether a heading names a bibliography. */
static bool names_bibliography(const char *text)
{
    static const char *const names[] = {
        "references",
        "reference",
        "references cited",
        "references and notes",
        "bibliography",
        "literature",
        "literature cited",
        "works cited",
        "literatur",
        "literaturverzeichnis",
        "quellenverzeichnis",
        "literaturhinweise",
        "bibliographie",
        "références",
        "RÉFÉRENCES",
        "Références",
        "références bibliographiques",
        "referencias",
        "bibliografía",
        "BIBLIOGRAFÍA",
        "referencias bibliográficas",
        "bibliografia",
        "riferimenti bibliografici",
        "referências",
        "REFERÊNCIAS",
        "referências bibliográficas",
        "literatuur",
        "referenties",
        "referenser",
        "litteratur",
        "kirjallisuus",
        "lähteet",
        "literatura",
        "bibliografie",
        "irodalom",
        "kaynaklar",
        "kaynakça",
        "KAYNAKÇA",
        "Литература",
        "ЛИТЕРАТУРА",
        "Список литературы",
        "СПИСОК ЛИТЕРАТУРЫ",
        "Бібліографія",
        "Βιβλιογραφία",
        "参考文献",
        "參考文獻",
        "引用文献",
        "参考书目",
        "참고문헌",
        "tài liệu tham khảo",
        "Tài liệu tham khảo",
        "المراجع",
    };
    text += dp_chapter_label(text);
    text += strspn(text, "0123456789. ");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ':' || text[len - 1] == ' ' || text[len - 1] == '.'))
        len--;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == len && strncasecmp(text, names[i], len) == 0)
            return true;
    return false;
}

static bool heads_references(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    char text[HEADING_BYTES];
    size_t len = 0;
    if (b->count > 2 || b->chars > HEADING_BYTES || a->rows[a->block_rows[b->first + b->count - 1]].entry)
        return false;
    text[0] = '\0';
    for (int32_t i = 0; i < b->count; i++) {
        const struct dp_row *r = &a->rows[a->block_rows[b->first + i]];
        for (int32_t k = 0; k < r->count && len < sizeof text; k++) {
            const int n = snprintf(text + len, sizeof text - len, "%s%s", len > 0 ? " " : "", row_text(a, r, k));
            len += n > 0 ? (size_t)n : 0;
        }
    }
    return len < sizeof text && names_bibliography(text);
}

/* What entries have and prose seldom has: a year; an address, pages, a standard number; an initial with its point. */
enum { HAS_YEAR = 1, HAS_PLACE = 2, HAS_INITIAL = 4 };

static int signs_of(const char *text)
{
    int signs = 0;
    for (const char *p = text; *p; p++) {
        const unsigned char before = p > text ? (unsigned char)p[-1] : ' ';
        if (isdigit((unsigned char)*p) && !isdigit(before)) {
            const size_t n = strspn(p, "0123456789");
            const long year = n == 4 ? strtol(p, NULL, 10) : 0;
            signs |= year >= 1800 && year < 2100 ? HAS_YEAR : 0;
        }
        if (isupper((unsigned char)*p) && p[1] == '.' && !isalnum(before))
            signs |= HAS_INITIAL;
    }
    static const char *const places[] = {"http:", "https:", "www.",     "doi", "DOI", "pp.", "arXiv",
                                         "ISBN",  "RFC",    "in press", "S. ", "[J]", "[M]"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strstr(text, places[i]))
            signs |= HAS_PLACE;
    return signs;
}

static int signs_of_row(const struct run *run, int32_t i)
{
    int signs = 0;
    for (int32_t k = 0; k < at(run, i)->count; k++)
        signs |= signs_of(row_text(run->a, at(run, i), k));
    return signs;
}

/* Columns of the run, and the edge of each. */
static void find_columns(struct run *run)
{
    for (int32_t i = 0, from = 0; i <= run->n; i++) {
        const bool turns =
            i > from && i < run->n &&
            (at(run, i)->box.y0 < at(run, i - 1)->box.y0 - at(run, i)->height ||
             dp_overlap(at(run, i)->box.x0, at(run, i)->box.x1, at(run, from)->box.x0, at(run, from)->box.x1) <= 0);
        if (!turns && i < run->n)
            continue;
        float left = 1e30f;
        for (int32_t k = from; k < i; k++)
            left = fminf(left, at(run, k)->box.x0);
        for (int32_t k = from; k < i; k++) {
            run->rows[k].left = left;
            run->rows[k].column = from;
        }
        from = i;
    }
}

static bool at_edge(const struct run *run, int32_t i)
{
    return at(run, i)->box.x0 - run->rows[i].left < LEFT_WITHIN * at(run, i)->height;
}

static enum form form_of(const struct run *run)
{
    int32_t brackets = 0, numbers = 0, edge = 0, inside = 0;
    long last = 0;
    for (int32_t i = 0; i < run->n; i++) {
        const char *text = row_text(run->a, at(run, i), 0);
        const long value = number(text);
        const float in = at(run, i)->box.x0 - run->rows[i].left;
        brackets += bracket(text) > 0;
        numbers += value > 0 && (value == last + 1 || last == 0);
        last = value > 0 ? value : last;
        edge += at_edge(run, i);
        inside += in >= LEFT_WITHIN * at(run, i)->height && in < INDENT_MOST * at(run, i)->height;
    }
    const int32_t least = run->headed ? 1 : FORM_LEAST;
    if (brackets >= least)
        return BRACKET;
    if (numbers >= (run->headed ? 2 : HANGING_LEAST))
        return NUMBER;
    return edge >= 2 && inside * 3 >= edge && edge + inside == run->n && edge <= 4 * inside ? HANGING : PLAIN;
}

/* Marks where entries begin, and the rows that belong to none. */
static void mark(struct run *run)
{
    long last = 0;
    bool open = !run->headed && run->form != PLAIN; /* the page before may have left one open */
    for (int32_t i = 0; i < run->n; i++) {
        struct entry_row *r = &run->rows[i];
        const char *text = row_text(run->a, at(run, i), 0);
        const long value = number(text);
        const bool turns = i > 0 && r->column != run->rows[i - 1].column;
        r->start = run->form == BRACKET   ? bracket(text) > 0
                   : run->form == NUMBER  ? value > 0 && (value == last + 1 || last == 0)
                   : run->form == HANGING ? at_edge(run, i)
                                          : r->first;
        if (run->form == NUMBER && r->start)
            last = value;
        if (!r->start && r->first && i > 0 && !turns &&
            (at(run, i)->box.y0 - at(run, i - 1)->box.y1 > END_GAP * at(run, i)->height ||
             fabsf(at(run, i)->size - at(run, i - 1)->size) > END_SIZE * at(run, i)->size))
            open = false;
        open = open || r->start;
        r->out = !open;
    }
}

/* Whether enough of the entries look like one. */
static bool convinces(const struct run *run)
{
    int32_t entries = 0, good = 0;
    for (int32_t i = 0; i < run->n;) {
        int signs = 0;
        const bool counts = run->rows[i].start && !run->rows[i].out;
        do {
            signs |= signs_of_row(run, i);
            i++;
        } while (i < run->n && !run->rows[i].start && !run->rows[i].out);
        if (!counts)
            continue;
        entries++;
        good += run->headed || run->form == BRACKET ? (signs & (HAS_YEAR | HAS_PLACE)) != 0
                                                    : (signs & HAS_YEAR) && (signs & HAS_INITIAL);
    }
    if (run->headed)
        return entries > 0 && (float)good >= BELOW_HEADING * (float)entries;
    const int32_t least = run->form == BRACKET ? FORM_LEAST : HANGING_LEAST;
    return run->form != PLAIN && entries >= least && (float)good >= BY_FORM * (float)entries;
}

/* The run's rows as blocks of entries; a->order in their order. */
static enum b_code rebuild(struct run *run, int32_t *order, struct b_err *err)
{
    struct dp_assembly *a = run->a;
    float *scratch = B_ARENA_ARRAY(a->arena, (size_t)run->n, float);
    if (!scratch)
        return b_arena_refused(a->arena, "assembly", err);
    if (a->n_block_rows + run->n > 2 * a->n_items || a->n_blocks + run->n > a->blocks_room)
        return B_OK; /* the page was taken apart before: let it be */
    int32_t n = 0, row = 0, own_row = 0;
    for (int32_t place = 0; place < a->n_order; place++) {
        while (own_row < run->n && run->rows[own_row].place < place)
            own_row++;
        if (row == run->n || run->rows[row].place > place) {
            if (own_row == run->n || run->rows[own_row].place != place) /* or its rows went to the entry before */
                order[n++] = a->order[place];
            continue;
        }
        bool own = true; /* the block itself is free for the first of its pieces */
        while (row < run->n && run->rows[row].place == place) {
            const int32_t from = row, first = a->n_block_rows;
            do
                a->block_rows[a->n_block_rows++] = run->rows[row++].row;
            while (row < run->n && run->rows[row].column == run->rows[from].column && !run->rows[row].start &&
                   run->rows[row].out == run->rows[from].out && !(run->rows[row].out && run->rows[row].first));
            const int32_t index = own ? a->order[place] : a->n_blocks++;
            struct dp_draft_block *b = &a->blocks[index];
            const enum dp_block_type was = a->blocks[a->order[place]].type;
            dp_block_set_rows(a, b, first, row - from, scratch);
            b->type = run->rows[from].out ? was : DP_REFERENCE;
            order[n++] = index;
            own = false;
        }
    }
    memcpy(a->order, order, (size_t)n * sizeof *order);
    a->n_order = n;
    return B_OK;
}

static bool is_entry_block(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    return b->count > 0 && !b->before && !b->after && !b->aside && !b->grid && b->table == DP_NONE &&
           b->picture == DP_NONE && !b->formula && !b->rtl && b->direction == a->main_direction &&
           (b->type == DP_PARAGRAPH || b->type == DP_LIST_ITEM || b->type == DP_FOOTNOTE);
}

static void add_rows(struct run *run, int32_t place)
{
    const struct dp_assembly *a = run->a;
    const struct dp_draft_block *b = &a->blocks[a->order[place]];
    for (int32_t k = 0; k < b->count; k++)
        run->rows[run->n++] = (struct entry_row){.row = a->block_rows[b->first + k], .place = place, .first = k == 0};
}

static enum b_code settle(struct run *run, int32_t *order, struct b_err *err)
{
    if (run->n == 0)
        return B_OK;
    find_columns(run);
    run->form = form_of(run);
    mark(run);
    return convinces(run) ? rebuild(run, order, err) : B_OK;
}

enum b_code dp_references_name(struct dp_assembly *a, struct b_err *err)
{
    struct run run = {.a = a};
    run.rows = B_ARENA_ARRAY(a->arena, (size_t)a->n_items + 1, struct entry_row);
    int32_t *order = B_ARENA_ARRAY(a->arena, (size_t)a->blocks_room, int32_t);
    if (!run.rows || !order)
        return b_arena_refused(a->arena, "assembly", err);
    enum b_code code = B_OK;
    for (int32_t i = 0; i < a->n_order && code == B_OK; i++) {
        const struct dp_draft_block *b = &a->blocks[a->order[i]];
        const bool entry = is_entry_block(a, b);
        const bool names =
            b->count > 0 && !b->before && !b->after && (entry || b->type == DP_HEADING) && heads_references(a, b);
        if (b->type != DP_HEADING && b->type != DP_TITLE && !names) {
            if (entry)
                add_rows(&run, i);
            continue;
        }
        const int32_t was = a->n_order;
        code = settle(&run, order, err);
        i += a->n_order - was; /* the heading has moved */
        run.n = 0;
        run.headed = names;
        if (names)
            a->blocks[a->order[i]].type = DP_HEADING;
        if (names && b->level == 0)
            a->blocks[a->order[i]].level = dp_heading_level(a, &a->blocks[a->order[i]]);
    }
    return code == B_OK ? settle(&run, order, err) : code;
}

/* --- over columns and pages --- */

static enum form page_form(const struct dp_page *page)
{
    int32_t n[2] = {0, 0}, all = 0;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if (b->type != DP_REFERENCE)
            continue;
        all++;
        n[0] += bracket(b->text) > 0;
        n[1] += number(b->text) > 0;
    }
    return n[0] * 2 > all ? BRACKET : n[1] * 2 > all ? NUMBER : HANGING;
}

bool dp_reference_goes_on(const struct dp_page *page, const struct dp_block *behind)
{
    const enum form form = page_form(page);
    if (form != HANGING)
        return form == BRACKET ? bracket(behind->text) == 0 : number(behind->text) == 0;
    float left = behind->bbox.x0;
    bool others = false;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if (b == behind || b->type != DP_REFERENCE ||
            dp_overlap(b->bbox.x0, b->bbox.x1, behind->bbox.x0, behind->bbox.x1) <= 0)
            continue;
        left = fminf(left, b->bbox.x0);
        others = true;
    }
    if (!others || behind->n_lines == 0)
        return false;
    const struct dp_rect first = page->lines[behind->first_line].bbox;
    return first.x0 - left > LEFT_WITHIN * (first.y1 - first.y0);
}
