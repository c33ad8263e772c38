/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_TEXT_KEPT_H
#define TESTS_SUPPORT_TEXT_KEPT_H

#include "docparse/document.h"

/* Whether assembly kept a page's text:
 *
 *  1. the lines are the same before and after, as a multiset of their texts, and the words are untouched;
 *  2. every line stands in exactly one block;
 *  3. the characters of a block (marker and text, tables: its cells) are those of its lines as a multiset, spaces
 * aside, but for hyphens at the ends of lines that the block's text undoes: at most one for each line of the block,
 * and for words of dots between the cells of a table. A marker that the file draws as a path is in no line; then the
 * text alone makes up the lines. */

/* A page's text before assembly. */
struct t_text_before {
    const char **lines; /* texts, sorted */
    int32_t n_lines;
    const struct dp_word *words;
    int32_t n_words;
};

/* What was found on the way. */
struct t_text_tally {
    int pages, lines, hyphens; /* hyphens: undone at the ends of lines */
    int64_t characters;
};

/* Both abort without memory. The texts are borrowed from the page. */
void t_text_note(const struct dp_page *page, struct t_text_before *before);
void t_text_before_free(struct t_text_before *before);

/* False: text was lost or came up; `why` says where. Adds to the tally. */
bool t_text_kept(const struct t_text_before *before, const struct dp_page *page, struct t_text_tally *tally, char *why,
                 size_t why_size);

#endif
