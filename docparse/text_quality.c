/* SPDX-License-Identifier: Apache-2.0 */
/* Judges the characters of a text layer without looking at the image: what cannot be text is bad, what is
 * strange is doubtful and has to be held against a few lines read from the image. A cheap judge: a false
 * alarm costs a trial, never text. */
#include "docparse/text_layer.h"

#include <string.h>

#include "engine/base/utf8.h"

#define BAD_SHARE 0.3f       /* of a line's characters; below, symbol fonts' bullets are normal */
#define BAD_LEAST 3          /* undecodable characters: one or two are bullets and ornaments */
#define STRANGE_SHARE 0.35f  /* of the Latin words; prose stays below 0.08, code listings below 0.3 */
#define STRANGE_LEAST 20     /* Latin words before the share means anything */
#define IDENTICAL_LEAST 8
#define COMPARE_MAX 512

static bool is_garbage(uint32_t cp)
{
    return cp == 0xFFFD || b_cp_is_control(cp) || (cp >= 0xE000 && cp <= 0xF8FF) || cp >= 0xF0000;
}

struct census {
    int visible, garbage, symbols, latin, identical;
    uint32_t first;
};

static void count_text(const char *text, struct census *c)
{
    const size_t len = strlen(text);
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_space(cp))
            continue;
        if (c->visible++ == 0)
            c->first = cp;
        c->identical += cp == c->first;
        c->garbage += is_garbage(cp);
        /* Latin-1 symbols and box drawing: what other encodings look like when they are misread. */
        c->symbols += (cp >= 0xA1 && cp <= 0xBF) || cp == 0xD7 || cp == 0xF7 || (cp >= 0x2500 && cp <= 0x259F);
        c->latin += (cp < 0x250 && b_cp_is_letter(cp));
    }
}

static bool is_vowel(uint32_t cp)
{
    return cp >= 0xC0 || (cp < 0x80 && cp != 0 && strchr("aeiouyAEIOUY", (int)cp) != NULL);
}

/* A Latin word of four letters or more: without a vowel, with a capital behind a small letter, or with
 * signs and digits between letters. Character codes shifted by a subset font look like this. */
static void weigh_word(const char *text, int *words, int *strange)
{
    const size_t len = strlen(text);
    int letters = 0, vowels = 0, breaks = 0;
    uint32_t before = 0;
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (cp >= 0x250)
            return;
        const bool letter = b_cp_is_letter(cp);
        letters += letter;
        vowels += letter && is_vowel(cp);
        if (letter && before >= 'a' && before <= 'z' && cp >= 'A' && cp <= 'Z')
            breaks++;
        if (letter && before && before < 0x80 && !b_cp_is_letter(before) && strchr("-'/._(@:,", (int)before) == NULL)
            breaks += letters > 1;
        before = cp;
    }
    if (letters < 4)
        return;
    ++*words;
    *strange += vowels == 0 || breaks > 0;
}

void dp_text_layer_judge(const struct dp_sheet *sheet, struct dp_layer *layer)
{
    int words = 0, strange = 0, symbols = 0;
    layer->chars = layer->bad_chars = layer->hidden_chars = 0;
    for (int32_t i = 0; i < layer->n_lines; i++) {
        struct dp_layer_line *line = &layer->lines[i];
        struct census c = {0};
        for (int32_t k = 0; k < line->count; k++) {
            const int32_t w = layer->order[line->first + k];
            const int before = c.visible;
            count_text(sheet->words[w].text, &c);
            if (!(sheet->words[w].style & DP_MONO)) /* listings are strange by nature */
                weigh_word(sheet->words[w].text, &words, &strange);
            if (sheet->word_hidden && sheet->word_hidden[w])
                layer->hidden_chars += c.visible - before;
        }
        const bool same = c.visible >= IDENTICAL_LEAST && c.identical == c.visible &&
                          (b_cp_is_letter(c.first) || b_cp_is_digit(c.first));
        line->bad = same || (c.garbage >= BAD_LEAST && (float)c.garbage > BAD_SHARE * (float)c.visible);
        layer->chars += c.visible;
        layer->bad_chars += line->bad ? c.visible : 0;
        symbols += c.symbols;
    }
    layer->doubtful = layer->hidden_chars * 2 > layer->chars ||
                      (words >= STRANGE_LEAST && (float)strange > STRANGE_SHARE * (float)words) ||
                      (layer->chars >= 40 && symbols * 4 > layer->chars);
}

/* Code points of text without white space, small letters, full-width forms as ASCII. */
static int fold(const char *text, uint32_t out[COMPARE_MAX])
{
    const size_t len = strlen(text);
    int n = 0;
    for (size_t pos = 0; pos < len && n < COMPARE_MAX;) {
        uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_space(cp))
            continue;
        if (cp >= 0xFF01 && cp <= 0xFF5E)
            cp -= 0xFEE0;
        if (cp >= 'A' && cp <= 'Z')
            cp += 'a' - 'A';
        out[n++] = cp;
    }
    return n;
}

float dp_text_distance(const char *a, const char *b)
{
    uint32_t x[COMPARE_MAX], y[COMPARE_MAX];
    int row[COMPARE_MAX + 1];
    const int n = fold(a, x), m = fold(b, y);
    if (n == 0 || m == 0)
        return n == m ? 0.0f : 1.0f;
    for (int j = 0; j <= m; j++)
        row[j] = j;
    for (int i = 1; i <= n; i++) {
        int corner = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            const int change = corner + (x[i - 1] != y[j - 1]);
            const int gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = change < gap ? change : gap;
        }
    }
    return (float)row[m] / (float)(n > m ? n : m);
}
