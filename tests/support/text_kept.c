/* SPDX-License-Identifier: Apache-2.0 */
/* Holds the text of an assembled page against what it was before. */
#include "tests/support/text_kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/leader.h"
#include "engine/base/utf8.h"

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (!memory) {
        fprintf(stderr, "no memory for a page's text\n");
        abort();
    }
    return memory;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void t_text_note(const struct dp_page *page, struct t_text_before *before)
{
    *before = (struct t_text_before){.lines = allocate((size_t)page->n_lines, sizeof *before->lines),
                                     .n_lines = page->n_lines,
                                     .words = page->words,
                                     .n_words = page->n_words};
    for (int32_t i = 0; i < page->n_lines; i++)
        before->lines[i] = page->lines[i].text;
    if (page->n_lines > 1)
        qsort(before->lines, (size_t)page->n_lines, sizeof *before->lines, by_text);
}

void t_text_before_free(struct t_text_before *before)
{
    free(before->lines);
    *before = (struct t_text_before){.n_lines = 0};
}

static bool is_hyphen(uint32_t cp)
{
    return cp == '-' || cp == 0xAD || cp == 0x2010;
}

/* Characters of a text as they are counted: code points that are no space, folded into a table of remainders; equal
 * multisets give equal tables, and unlike ones differ but for odd coincidences. Hyphens are counted apart. */
enum { CLASSES = 4096 };
struct counts {
    int32_t of[CLASSES];
    int32_t hyphens, all;
};

static void count(struct counts *c, const char *text, int sign)
{
    const size_t len = strlen(text);
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_space(cp))
            continue;
        c->all += sign;
        if (is_hyphen(cp))
            c->hyphens += sign;
        else
            c->of[cp % CLASSES] += sign;
    }
}

/* Whether the marker is one of the signs for drawn ones, and no line of the block begins with it. */
static bool is_drawn(const struct dp_page *page, const struct dp_block *b)
{
    static const char *const signs[] = {"\xE2\x80\xA2", "\xE2\x97\xA6", "\xE2\x96\xAA"};
    bool known = false;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        known = known || strcmp(b->marker, signs[i]) == 0;
    return known && b->n_lines > 0 && strncmp(page->lines[b->first_line].text, b->marker, strlen(b->marker)) != 0;
}

/* Words that are nothing but dots. */
static bool is_dots(const char *text)
{
    const size_t len = strlen(text);
    for (size_t pos = 0; pos < len;)
        if (dp_leader_dots(b_utf8_next(text, len, &pos)) == 0)
            return false;
    return len > 0;
}

/* Dots between the cells of a table part them as rules do: the cells may be without. */
static void forgive_leaders(const struct dp_page *page, const struct dp_block *b, struct counts *c)
{
    struct counts *dots = allocate(1, sizeof *dots);
    for (int32_t i = 0; i < b->n_lines; i++) {
        const struct dp_line *line = &page->lines[b->first_line + i];
        for (int32_t k = 0; k < line->n_words; k++)
            if (is_dots(page->words[line->first_word + k].text))
                count(dots, page->words[line->first_word + k].text, 1);
    }
    for (int i = 0; i < CLASSES; i++)
        if (c->of[i] > 0 && c->of[i] <= dots->of[i])
            c->of[i] = 0;
    free(dots);
}

/* What the lines have and the block has not; negative: what only the block has. */
static void count_block(const struct dp_page *page, const struct dp_block *b, struct counts *c, int64_t *characters)
{
    for (int32_t i = 0; i < b->n_lines; i++)
        count(c, page->lines[b->first_line + i].text, 1);
    *characters += c->all;
    if (b->marker && !is_drawn(page, b))
        count(c, b->marker, -1);
    if (b->table == DP_NONE) {
        count(c, b->text, -1);
        return;
    }
    const struct dp_table *t = &page->tables[b->table];
    for (int32_t i = 0; i < t->n_cells; i++)
        count(c, page->cells[t->first_cell + i].text, -1);
    forgive_leaders(page, b, c);
}

static bool block_kept(const struct dp_page *page, const struct dp_block *b, struct t_text_tally *tally, char *why,
                       size_t why_size)
{
    struct counts *c = allocate(1, sizeof *c);
    bool kept = true;
    count_block(page, b, c, &tally->characters);
    for (int i = 0; i < CLASSES && kept; i++)
        if (c->of[i] != 0) {
            (void)snprintf(why, why_size, "page %d: %s block '%.60s' has %d characters of class %d %s its lines",
                           page->number, dp_block_type_name(b->type), b->text, abs(c->of[i]), i,
                           c->of[i] > 0 ? "less than" : "more than");
            kept = false;
        }
    if (kept && (c->hyphens < 0 || c->hyphens > b->n_lines)) {
        (void)snprintf(why, why_size, "page %d: %s block '%.60s' of %d lines lost %d hyphens", page->number,
                       dp_block_type_name(b->type), b->text, b->n_lines, c->hyphens);
        kept = false;
    }
    tally->hyphens += c->hyphens;
    free(c);
    return kept;
}

static bool each_line_has_its_block(const struct dp_page *page, char *why, size_t why_size)
{
    int *owners = allocate((size_t)page->n_lines, sizeof *owners);
    bool fine = true;
    for (int32_t i = 0; i < page->n_blocks; i++)
        for (int32_t k = 0; k < page->blocks[i].n_lines; k++) {
            const int32_t line = page->blocks[i].first_line + k;
            owners[line] += page->lines[line].block == i ? 1 : 2;
        }
    for (int32_t i = 0; i < page->n_lines && fine; i++)
        if (owners[i] != 1) {
            (void)snprintf(why, why_size,
                           "page %d: the line '%.60s' stands in no block or in several, or names another", page->number,
                           page->lines[i].text);
            fine = false;
        }
    free(owners);
    return fine;
}

static bool lines_kept(const struct t_text_before *before, const struct dp_page *page, char *why, size_t why_size)
{
    struct t_text_before after;
    t_text_note(page, &after);
    bool kept = after.n_lines == before->n_lines && after.words == before->words && after.n_words == before->n_words;
    if (!kept)
        (void)snprintf(why, why_size, "page %d: %d lines and %d words became %d and %d, or moved", page->number,
                       before->n_lines, before->n_words, after.n_lines, after.n_words);
    for (int32_t i = 0; i < after.n_lines && kept; i++)
        if (strcmp(before->lines[i], after.lines[i]) != 0) {
            (void)snprintf(why, why_size, "page %d: the line '%.60s' became '%.60s'", page->number, before->lines[i],
                           after.lines[i]);
            kept = false;
        }
    t_text_before_free(&after);
    return kept;
}

bool t_text_kept(const struct t_text_before *before, const struct dp_page *page, struct t_text_tally *tally, char *why,
                 size_t why_size)
{
    bool kept = lines_kept(before, page, why, why_size) && each_line_has_its_block(page, why, why_size);
    for (int32_t i = 0; i < page->n_blocks && kept; i++)
        kept = block_kept(page, &page->blocks[i], tally, why, why_size);
    tally->pages++;
    tally->lines += page->n_lines;
    return kept;
}
