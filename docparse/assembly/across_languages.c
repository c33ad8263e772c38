/* SPDX-License-Identifier: Apache-2.0 */
/* The language of pages and blocks that are too short to say theirs: the one that most of the document's text so far is
 * in, the page behind included. Invariant: what was sure stays, but for a page of little text in a language that is
 * easily taken for the document's. */
#include <string.h>

#include "docparse/assembly/across_private.h"
#include "docparse/language.h"

#define ALIKE_SHARE 4 /* times as much text as the page has: the document knows better which of two alike it is */

static int64_t text_in(const struct dp_page *page, const char *language)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if (b->language && b->type != DP_CODE && strcmp(b->language, language) == 0)
            bytes += (int64_t)strlen(b->text);
    }
    return bytes;
}

static void count(struct dp_across *across, const struct dp_page *page)
{
    if (!page || page->number <= across->counted)
        return;
    across->counted = page->number;
    if (!page->language || !page->script)
        return;
    struct dp_across_language *l = across->languages;
    int32_t i = 0;
    while (i < across->n_languages && strcmp(l[i].language, page->language) != 0)
        i++;
    if (i == DP_ACROSS_LANGUAGES)
        return;
    if (i == across->n_languages) {
        across->n_languages++;
        l[i] = (struct dp_across_language){page->language, page->script, 0};
    }
    l[i].bytes += text_in(page, page->language);
}

static const struct dp_across_language *most_used(const struct dp_across *across)
{
    const struct dp_across_language *best = NULL;
    for (int32_t i = 0; i < across->n_languages; i++)
        if (!best || across->languages[i].bytes > best->bytes)
            best = &across->languages[i];
    return best;
}

void dp_across_languages(struct dp_across *across, struct dp_page *page, const struct dp_page *next)
{
    count(across, page);
    count(across, next);
    const struct dp_across_language *own = most_used(across);
    if (!own || !page->script || !dp_scripts_agree(page->script, own->script))
        return;
    const char *mistaken = NULL;
    if (page->language && strcmp(page->language, own->language) != 0 &&
        dp_languages_alike(page->language, own->language) && text_in(page, page->language) * ALIKE_SHARE < own->bytes)
        mistaken = page->language;
    if (page->language && !mistaken)
        return;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        struct dp_block *b = &page->blocks[i];
        if (b->type == DP_CODE || !b->script || b->source == DP_FROM_VLM || !dp_scripts_agree(b->script, own->script))
            continue;
        if (!b->language || (mistaken && strcmp(b->language, mistaken) == 0)) {
            b->language = own->language;
            b->script = own->script;
        }
    }
    page->language = own->language;
    page->script = own->script;
}
