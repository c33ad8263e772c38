/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_LANGUAGE_H
#define DOCPARSE_LANGUAGE_H

#include "docparse/document.h"

/* Script and language of text. Script: the one that most letters belong to, by Unicode's script property, as ISO 15924
 * names it; kana and ideographs together are Jpan, hangul and ideographs Kore, ideographs alone Hans or Hant where
 * their forms say which, else Hani. Language: a BCP 47 tag, by the script where one language is written in it, else as
 * Compact Language Detector 2 finds it in the text's words.
 * Confidence rule: a language is `sure` when the detector calls its finding reliable, gives it at least 70% of the text
 * and had at least DP_LANGUAGE_LETTERS letters, or when the script alone tells. A text that is not sure takes the
 * language of its page, and a page that of its document, where the scripts agree.
 * Everything here is a pure function of the text; any thread. Strings are static. */

#define DP_LANGUAGE_LETTERS 24
#define DP_LANGUAGE_TEXT 4096 /* bytes of a text that are looked at */

struct dp_language {
    const char *script;   /* NULL: no letters */
    const char *language; /* NULL: not known; the best guess where it is not sure */
    int32_t letters;      /* that were looked at, ideographs and syllables counted twice */
    int32_t percent;      /* of the text in this language */
    bool sure;
};

struct dp_language dp_language_of(const char *text);

/* What a text is taken for beside others: `own` where it is sure enough to differ from `around`, else `around`. */
const char *dp_language_beside(const struct dp_language *own, const char *script, const char *around);

/* Whether text in `script` may be in the language of a page or document that is written in `around`. */
bool dp_scripts_agree(const char *script, const char *around);

/* Languages that are easily taken for each other: Danish and Norwegian, Croatian and Serbian... */
bool dp_languages_alike(const char *a, const char *b);

/* Fills in the page's script and language and those of its blocks. What a model said of a block stays. No text, no
 * order and no type changes. */
void dp_page_languages(struct dp_page *page);

#endif
