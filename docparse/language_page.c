/* SPDX-License-Identifier: Apache-2.0 */
/* Script and language of a page and its blocks: the page's are those of its blocks' texts together, a block's its own
 * where they are sure. Invariant: only script and language change. */
#include <string.h>

#include "docparse/language.h"

/* Text in words, rather than source code, formulas and marks. */
static bool has_words(const struct dp_block *b)
{
    return b->type != DP_CODE && b->type != DP_FORMULA && b->type != DP_MUSIC && b->type != DP_CHEMISTRY &&
           b->type != DP_BARCODE && b->type != DP_PAGE_NUMBER && b->text[0];
}

/* Texts of the page's blocks up to the detector's limit: first what flows, which is prose. */
static void text_of(const struct dp_page *page, char text[DP_LANGUAGE_TEXT + 1])
{
    size_t n = 0;
    for (int flows = 1; flows >= 0; flows--)
        for (int32_t i = 0; i < page->n_blocks; i++) {
            const struct dp_block *b = &page->blocks[i];
            const bool flow = b->type == DP_PARAGRAPH || b->type == DP_LIST_ITEM || b->type == DP_FOOTNOTE;
            if (flow != (flows != 0) || !has_words(b))
                continue;
            const size_t len = strlen(b->text), room = DP_LANGUAGE_TEXT - n;
            size_t take = len + 1 <= room ? len : room > 0 ? room - 1 : 0;
            while (take < len && take > 0 && ((unsigned char)b->text[take] & 0xC0) == 0x80)
                take--;
            memcpy(text + n, b->text, take);
            n += take;
            if (n < DP_LANGUAGE_TEXT)
                text[n++] = ' ';
        }
    text[n] = '\0';
}

void dp_page_languages(struct dp_page *page)
{
    char text[DP_LANGUAGE_TEXT + 1];
    text_of(page, text);
    const struct dp_language whole = dp_language_of(text);
    page->script = whole.script;
    page->language = whole.sure ? whole.language : NULL;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        struct dp_block *b = &page->blocks[i];
        if (!b->text[0] || !has_words(b))
            continue;
        const struct dp_language own = dp_language_of(b->text);
        b->script = own.script;
        if (!b->language)
            b->language = dp_language_beside(&own, page->script, page->language);
        if (b->script && b->language && page->language && strcmp(b->language, page->language) == 0)
            b->script = page->script; /* ideographs by themselves do not say whose they are */
    }
}
