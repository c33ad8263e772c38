/* SPDX-License-Identifier: Apache-2.0 */
/* Script and language of one text. Only whole words of the main script are shown to the detector: paths, options,
 * addresses and names of functions are English in manuals of every language. Invariant: nothing is allocated, and at
 * most DP_LANGUAGE_TEXT bytes are looked at, so the time is bounded. */
#include <glib.h>
#include <string.h>

#include "docparse/language.h"
#include "engine/base/utf8.h"

/* CLD2 has a C++ interface only. These are its functions under their linker names, which spell out the types of the
 * arguments: a library that changed them would not link. Language is an enum of int's size.
 *   Language DetectLanguageSummary(const char *, int, bool, Language *, int *, int *, bool *);
 *   const char *LanguageCode(Language); */
int cld2_detect(const char *text, int bytes, bool plain, int *languages, int *percents, int *text_bytes,
                bool *reliable) __asm__("_ZN4CLD221DetectLanguageSummaryEPKcibPNS_8LanguageEPiS4_Pb");
const char *cld2_code(int language) __asm__("_ZN4CLD212LanguageCodeENS_8LanguageE");

#define SURE_PERCENT 70
#define KANA_SHARE 0.05f  /* of ideographs and kana in Japanese */
#define SCRIPT_LETTERS 6  /* that tell the language by themselves; fewer may be symbols */
#define BESIDE_LETTERS 60 /* of a text that is in another language than those around it */
#define BESIDE_PERCENT 90
#define ALIKE_LETTERS 200 /* the same, where the two are easily mistaken */
#define SCRIPTS_MOST 192  /* above GLib's number of them */

/* Scripts of one language, or of one above all. */
static const struct {
    GUnicodeScript script;
    const char *language;
} own_script[] = {
    {G_UNICODE_SCRIPT_GREEK, "el"},     {G_UNICODE_SCRIPT_THAI, "th"},     {G_UNICODE_SCRIPT_HANGUL, "ko"},
    {G_UNICODE_SCRIPT_ARMENIAN, "hy"},  {G_UNICODE_SCRIPT_GEORGIAN, "ka"}, {G_UNICODE_SCRIPT_TAMIL, "ta"},
    {G_UNICODE_SCRIPT_TELUGU, "te"},    {G_UNICODE_SCRIPT_KANNADA, "kn"},  {G_UNICODE_SCRIPT_MALAYALAM, "ml"},
    {G_UNICODE_SCRIPT_GUJARATI, "gu"},  {G_UNICODE_SCRIPT_GURMUKHI, "pa"}, {G_UNICODE_SCRIPT_ORIYA, "or"},
    {G_UNICODE_SCRIPT_SINHALA, "si"},   {G_UNICODE_SCRIPT_KHMER, "km"},    {G_UNICODE_SCRIPT_LAO, "lo"},
    {G_UNICODE_SCRIPT_MYANMAR, "my"},   {G_UNICODE_SCRIPT_TIBETAN, "bo"},  {G_UNICODE_SCRIPT_THAANA, "dv"},
    {G_UNICODE_SCRIPT_CHEROKEE, "chr"}, {G_UNICODE_SCRIPT_HEBREW, "he"},
};

static const char *const alike[][6] = {
    {"da", "nb", "nn", "no", "sv"},
    {"hr", "sr", "sr-Latn", "bs", "sl", "sh"},
    {"cs", "sk"},
    {"id", "ms"},
    {"es", "pt", "gl", "ca"},
    {"bg", "mk", "sr", "ru"},
    {"nl", "af"},
    {"ru", "uk", "be"},
    {"zh-Hans", "zh-Hant"},
};

bool dp_languages_alike(const char *a, const char *b)
{
    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++) {
        bool has_a = false, has_b = false;
        for (size_t k = 0; k < 6 && alike[i][k]; k++) {
            has_a = has_a || strcmp(alike[i][k], a) == 0;
            has_b = has_b || strcmp(alike[i][k], b) == 0;
        }
        if (has_a && has_b)
            return true;
    }
    return false;
}

static bool is_east_asian(GUnicodeScript s)
{
    return s == G_UNICODE_SCRIPT_HAN || s == G_UNICODE_SCRIPT_HIRAGANA || s == G_UNICODE_SCRIPT_KATAKANA ||
           s == G_UNICODE_SCRIPT_HANGUL || s == G_UNICODE_SCRIPT_BOPOMOFO;
}

struct tally {
    int32_t by[SCRIPTS_MOST]; /* letters of each script; a syllable or ideograph weighs as two */
    int32_t east;             /* of the East Asian ones together */
};

static int script_of(uint32_t cp)
{
    if (!g_unichar_isalpha(cp) && !g_unichar_ismark(cp))
        return -1;
    const GUnicodeScript s = g_unichar_get_script(cp);
    return s <= G_UNICODE_SCRIPT_INHERITED || s == G_UNICODE_SCRIPT_UNKNOWN || s >= SCRIPTS_MOST ? -1 : (int)s;
}

static void count(const char *text, size_t len, struct tally *t)
{
    for (size_t pos = 0; pos < len;) {
        const int s = script_of(b_utf8_next(text, len, &pos));
        if (s < 0)
            continue;
        const bool east = is_east_asian((GUnicodeScript)s);
        t->by[s] += east ? 2 : 1;
        t->east += east ? 2 : 0;
    }
}

/* The script of most letters; the East Asian ones count as one, of which this is the largest. */
static int main_script(const struct tally *t)
{
    int best = -1, east = -1;
    for (int s = 0; s < SCRIPTS_MOST; s++) {
        if (t->by[s] == 0)
            continue;
        if (is_east_asian((GUnicodeScript)s))
            east = east < 0 || t->by[s] > t->by[east] ? s : east;
        else
            best = best < 0 || t->by[s] > t->by[best] ? s : best;
    }
    return east >= 0 && (best < 0 || t->east >= t->by[best]) ? east : best;
}

/* ISO 15924 code as a static string. */
static const char *script_code(int script)
{
    static const struct {
        GUnicodeScript script;
        char code[5];
    } codes[] = {
        {G_UNICODE_SCRIPT_LATIN, "Latn"},      {G_UNICODE_SCRIPT_CYRILLIC, "Cyrl"},
        {G_UNICODE_SCRIPT_GREEK, "Grek"},      {G_UNICODE_SCRIPT_ARABIC, "Arab"},
        {G_UNICODE_SCRIPT_HEBREW, "Hebr"},     {G_UNICODE_SCRIPT_THAI, "Thai"},
        {G_UNICODE_SCRIPT_DEVANAGARI, "Deva"}, {G_UNICODE_SCRIPT_BENGALI, "Beng"},
        {G_UNICODE_SCRIPT_GEORGIAN, "Geor"},   {G_UNICODE_SCRIPT_ARMENIAN, "Armn"},
        {G_UNICODE_SCRIPT_TAMIL, "Taml"},      {G_UNICODE_SCRIPT_TELUGU, "Telu"},
        {G_UNICODE_SCRIPT_KANNADA, "Knda"},    {G_UNICODE_SCRIPT_MALAYALAM, "Mlym"},
        {G_UNICODE_SCRIPT_GUJARATI, "Gujr"},   {G_UNICODE_SCRIPT_GURMUKHI, "Guru"},
        {G_UNICODE_SCRIPT_ORIYA, "Orya"},      {G_UNICODE_SCRIPT_SINHALA, "Sinh"},
        {G_UNICODE_SCRIPT_KHMER, "Khmr"},      {G_UNICODE_SCRIPT_LAO, "Laoo"},
        {G_UNICODE_SCRIPT_MYANMAR, "Mymr"},    {G_UNICODE_SCRIPT_TIBETAN, "Tibt"},
        {G_UNICODE_SCRIPT_ETHIOPIC, "Ethi"},   {G_UNICODE_SCRIPT_MONGOLIAN, "Mong"},
        {G_UNICODE_SCRIPT_SYRIAC, "Syrc"},     {G_UNICODE_SCRIPT_THAANA, "Thaa"},
        {G_UNICODE_SCRIPT_CHEROKEE, "Cher"},   {G_UNICODE_SCRIPT_HAN, "Hani"},
        {G_UNICODE_SCRIPT_HANGUL, "Kore"},     {G_UNICODE_SCRIPT_HIRAGANA, "Jpan"},
        {G_UNICODE_SCRIPT_KATAKANA, "Jpan"},   {G_UNICODE_SCRIPT_BOPOMOFO, "Hant"},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if ((int)codes[i].script == script)
            return codes[i].code;
    return "Zyyy"; /* of none of the scripts that are told apart here */
}

/* A word of letters of the main script, with the signs that words have inside and around them. */
static bool is_word(const char *word, size_t len, int script)
{
    int32_t own = 0, others = 0;
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(word, len, &pos);
        const int s = script_of(cp);
        if (s == script || (s >= 0 && is_east_asian((GUnicodeScript)s) && is_east_asian((GUnicodeScript)script)))
            own++;
        else if (s >= 0 || (cp < 0x80 && strchr("0123456789_/\\=@<>{}[]$#|+~^", (int)cp)))
            others++;
    }
    return own > 0 && (is_east_asian((GUnicodeScript)script) || others == 0) && (word[0] != '-' || len < 2);
}

/* The words of `text` that the detector shall see: their number of bytes. */
static size_t words_of(const char *text, size_t len, int script, char out[DP_LANGUAGE_TEXT + 2])
{
    size_t n = 0;
    for (size_t at = 0; at < len;) {
        const size_t word = strcspn(text + at, " \t\n");
        const size_t end = word > len - at ? len - at : word;
        if (end > 0 && n + end + 1 <= DP_LANGUAGE_TEXT && is_word(text + at, end, script)) {
            memcpy(out + n, text + at, end);
            n += end;
            out[n++] = ' ';
        }
        at += end + 1;
    }
    out[n] = '\0';
    return n;
}

/* The detector's name of a language as a tag; NULL for what is none. */
static const char *tag_of(int language, bool latin)
{
    static const char *const other[][2] = {{"iw", "he"}, {"no", "nb"}, {"zh", "zh-Hans"}, {"jw", "jv"}, {"mo", "ro"}};
    const char *code = cld2_code(language);
    if (!code || strncmp(code, "un", 3) == 0 || strncmp(code, "xx", 2) == 0 || strncmp(code, "zz", 2) == 0 ||
        strcmp(code, "tlh") == 0)
        return NULL;
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (strcmp(code, other[i][0]) == 0)
            return other[i][1];
    return latin && strcmp(code, "sr") == 0 ? "sr-Latn" : code;
}

static void detect(const char *text, size_t len, int script, struct dp_language *l)
{
    char words[DP_LANGUAGE_TEXT + 2];
    int languages[3], percents[3], bytes = 0;
    bool reliable = false;
    const size_t n = words_of(text, len, script, words);
    if (n == 0)
        return;
    const int found = cld2_detect(words, (int)n, true, languages, percents, &bytes, &reliable);
    l->language = tag_of(found, script == G_UNICODE_SCRIPT_LATIN);
    l->percent = found == languages[0] ? percents[0] : 0;
    struct tally seen = {.east = 0};
    count(words, n, &seen);
    l->letters = is_east_asian((GUnicodeScript)script) ? seen.east : seen.by[script];
    l->sure = l->language && reliable && l->percent >= SURE_PERCENT && l->letters >= DP_LANGUAGE_LETTERS;
}

/* Ideographs without kana: Chinese by the forms of the characters, and either where they are the same in both. */
static void detect_han(struct dp_language *l)
{
    if (!l->language || strncmp(l->language, "zh", 2) != 0) {
        l->language = l->language && strcmp(l->language, "ja") == 0 ? "ja" : NULL;
        l->sure = false;
        return;
    }
    l->sure = l->letters >= DP_LANGUAGE_LETTERS;
    l->script = strcmp(l->language, "zh-Hant") == 0 ? "Hant" : "Hans";
}

struct dp_language dp_language_of(const char *text)
{
    struct dp_language l = {.percent = 0};
    struct tally t = {.east = 0};
    size_t len = strnlen(text, DP_LANGUAGE_TEXT);
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--; /* not within a character */
    count(text, len, &t);
    const int script = main_script(&t);
    if (script < 0)
        return l;
    l.script = script_code(script);
    const int32_t kana = t.by[G_UNICODE_SCRIPT_HIRAGANA] + t.by[G_UNICODE_SCRIPT_KATAKANA];
    const int32_t han = t.by[G_UNICODE_SCRIPT_HAN];
    l.letters = is_east_asian((GUnicodeScript)script) ? t.east : t.by[script];
    if (is_east_asian((GUnicodeScript)script) && t.by[G_UNICODE_SCRIPT_HANGUL] <= kana + han) {
        l.script = kana > 0 && (float)kana >= KANA_SHARE * (float)(kana + han) ? "Jpan" : l.script;
        if (strcmp(l.script, "Jpan") == 0) {
            l.language = "ja";
            l.percent = 100;
            l.sure = l.letters >= SCRIPT_LETTERS;
            return l;
        }
    }
    for (size_t i = 0; i < sizeof own_script / sizeof own_script[0]; i++)
        if ((int)own_script[i].script == script) {
            l.language = own_script[i].language;
            l.percent = 100;
            l.sure = l.letters >= SCRIPT_LETTERS;
        }
    if (!l.language)
        detect(text, len, script, &l);
    if (strcmp(l.script, "Hani") == 0)
        detect_han(&l);
    return l;
}

static bool is_chinese(const char *script)
{
    return strncmp(script, "Han", 3) == 0;
}

bool dp_scripts_agree(const char *script, const char *around)
{
    if (strcmp(script, around) == 0)
        return true;
    return is_chinese(script) && (is_chinese(around) || strcmp(around, "Jpan") == 0 || strcmp(around, "Kore") == 0);
}

const char *dp_language_beside(const struct dp_language *own, const char *script, const char *around)
{
    if (!own->script)
        return NULL;
    if (!around || !script || !dp_scripts_agree(own->script, script))
        return own->sure ? own->language : NULL;
    if (!own->sure || strcmp(own->language, around) == 0)
        return around;
    if (strcmp(own->script, script) != 0 && !is_chinese(script))
        return around; /* ideographs in Japanese and Korean text */
    const bool differs = own->percent >= BESIDE_PERCENT &&
                         own->letters >= (dp_languages_alike(own->language, around) ? ALIKE_LETTERS : BESIDE_LETTERS);
    return differs ? own->language : around;
}
