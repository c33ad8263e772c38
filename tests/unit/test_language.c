/* SPDX-License-Identifier: Apache-2.0 */
/* Script and language of texts, of blocks beside others, of pages and over the pages of a document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly.h"
#include "docparse/language.h"

struct sample {
    const char *script, *language, *text;
};

static const struct sample samples[] = {
    {"Latn", "en", "The quick answer is that nobody knows how many of them there are, and nobody has counted."},
    {"Latn", "de", "Die Verwaltung hat den Antrag geprüft und wird ihn in der nächsten Woche beantworten."},
    {"Latn", "fr", "Le conseil a décidé que la réunion aurait lieu au début du mois de septembre prochain."},
    {"Latn", "es", "El tribunal ha decidido que los documentos se deben entregar antes del fin de mes."},
    {"Latn", "it", "Il consiglio ha deciso che la riunione si terrà all'inizio del mese di settembre."},
    {"Latn", "pt", "O conselho decidiu que a reunião não seria realizada no início do mês de setembro."},
    {"Latn", "nl", "De raad heeft besloten dat de vergadering aan het begin van de maand wordt gehouden."},
    {"Latn", "pl", "Rada postanowiła, że posiedzenie odbędzie się na początku września w siedzibie urzędu."},
    {"Latn", "tr", "Kurul, toplantının gelecek ayın başında yapılmasına ve belgelerin gönderilmesine karar verdi."},
    {"Latn", "hu", "A tanács úgy döntött, hogy az ülést a jövő hónap elején tartják meg a székházban."},
    {"Latn", "fi", "Neuvosto päätti, että kokous pidetään ensi kuun alussa ja asiakirjat lähetetään ajoissa."},
    {"Latn", "vi", "Hội đồng đã quyết định rằng cuộc họp sẽ được tổ chức vào đầu tháng sau tại trụ sở."},
    {"Cyrl", "ru", "Совет решил, что заседание состоится в начале следующего месяца в здании ведомства."},
    {"Cyrl", "uk", "Рада вирішила, що засідання відбудеться на початку наступного місяця у приміщенні відомства."},
    {"Grek", "el", "Το συμβούλιο αποφάσισε"},
    {"Arab", "ar", "قرر المجلس أن يعقد الاجتماع في بداية الشهر المقبل في مقر الإدارة"},
    {"Arab", "fa", "شورا تصمیم گرفت که جلسه در آغاز ماه آینده در ساختمان اداره برگزار شود"},
    {"Hebr", "he", "המועצה החליטה כי הישיבה"},
    {"Deva", "hi", "परिषद ने निर्णय लिया है कि बैठक अगले महीने की शुरुआत में कार्यालय में होगी"},
    {"Thai", "th", "สภาได้ตัดสินใจว่า"},
    {"Kore", "ko", "위원회는 다음 달 초에 회의를 열기로 결정했다"},
    {"Jpan", "ja", "委員会は来月初めに会議を開くことを決定した"},
    {"Hans", "zh-Hans", "委员会决定下个月初在办公楼召开会议，讨论这些问题"},
    {"Hant", "zh-Hant", "委員會決定下個月初在辦公樓召開會議，討論這些問題"},
};

static void test_languages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct dp_language l = dp_language_of(samples[i].text);
        if (!l.script || !l.language || strcmp(l.script, samples[i].script) != 0 ||
            strcmp(l.language, samples[i].language) != 0 || !l.sure)
            fail_msg("%s %s: %s, %s, sure %d", samples[i].language, samples[i].text, l.script ? l.script : "-",
                     l.language ? l.language : "-", l.sure);
    }
}

static void test_too_short(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "12.5 %", "Total", "Amsterdam 2019", "α = β", "-h --help"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(dp_language_of(texts[i]).sure);
    assert_null(dp_language_of("12.5 % (3)").script);
    assert_string_equal(dp_language_of("Total").script, "Latn");
    assert_string_equal(dp_language_of("第一章").script, "Hani");
}

/* Names of files, options and functions are English in every manual. */
static void test_technical_words(void **state)
{
    (void)state;
    const struct dp_language l =
        dp_language_of("Die Datei /usr/share/doc/package/examples/configuration.file wird mit --print-all-packages und "
                       "get_current_directory_name() ausgegeben, wenn sie noch nicht vorhanden ist");
    assert_true(l.sure);
    assert_string_equal(l.language, "de");
}

static void test_hostile(void **state)
{
    (void)state;
    static char text[3 * DP_LANGUAGE_TEXT];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xE6\x96\x87", 3);
    assert_string_equal(dp_language_of(text).script, "Hani");
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = (char)(1 + (i * 7919 + i / 255) % 255); /* no UTF-8 */
    (void)dp_language_of(text);
    memset(text, 'a', sizeof text - 1);
    (void)dp_language_of(text);
}

static const char *beside(const char *text, const char *script, const char *around)
{
    const struct dp_language own = dp_language_of(text);
    return dp_language_beside(&own, script, around);
}

static void test_beside(void **state)
{
    (void)state;
    assert_string_equal(beside("Inhalt", "Latn", "de"), "de");
    assert_null(beside("Inhalt", "Latn", NULL));
    assert_null(beside("Inhalt", "Cyrl", "ru"));
    assert_null(beside("12", "Latn", "de"));
    assert_string_equal(beside(samples[0].text, "Latn", "de"), "en");
    assert_string_equal(beside(samples[0].text, "Cyrl", "ru"), "en");
    assert_string_equal(beside("Der Rat hat es so beschlossen", "Latn", "en"), "en"); /* a title that is cited */
    assert_string_equal(beside("委員会規程", "Jpan", "ja"), "ja");
    assert_string_equal(beside("Rådet har besluttet, at mødet skal holdes i begyndelsen af næste måned", "Latn", "nb"),
                        "nb");
}

struct made {
    struct dp_page *page;
    struct dp_block blocks[4];
};

static void make(struct made *m, int32_t number, const char *const *texts, int32_t n)
{
    assert_int_equal(dp_page_new(number, 1u << 20, &m->page, NULL), B_OK);
    for (int32_t i = 0; i < n; i++)
        m->blocks[i] = (struct dp_block){.type = DP_PARAGRAPH,
                                         .order = i,
                                         .parent = DP_NONE,
                                         .table = DP_NONE,
                                         .caption_of = DP_NONE,
                                         .text = texts[i]};
    m->page->blocks = m->blocks;
    m->page->n_blocks = n;
}

static void test_page(void **state)
{
    (void)state;
    struct made m;
    const char *const texts[] = {samples[1].text, "Inhalt", samples[12].text, "int main(void)"};
    make(&m, 1, texts, 4);
    m.blocks[3].type = DP_CODE;
    m.blocks[3].language = "c";
    dp_page_languages(m.page);
    assert_string_equal(m.page->language, "de");
    assert_string_equal(m.page->script, "Latn");
    assert_string_equal(m.blocks[1].language, "de");
    assert_string_equal(m.blocks[2].language, "ru");
    assert_string_equal(m.blocks[2].script, "Cyrl");
    assert_string_equal(m.blocks[3].language, "c");
    assert_null(m.blocks[3].script);
    dp_page_drop(m.page);
}

static void test_japanese_page(void **state)
{
    (void)state;
    struct made m;
    const char *const texts[] = {samples[21].text, "目次", "図 1"};
    make(&m, 1, texts, 3);
    dp_page_languages(m.page);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(m.blocks[i].language, "ja");
        assert_string_equal(m.blocks[i].script, "Jpan");
    }
    dp_page_drop(m.page);
}

/* The cover is too short to tell; the page behind it is not. */
static void test_document(void **state)
{
    (void)state;
    struct made m[3];
    struct dp_across *across = NULL;
    const char *const cover[] = {"Jahresbericht", "2019"}, *const body[] = {samples[1].text}, *const end[] = {"Ende"};
    make(&m[0], 1, cover, 2);
    make(&m[1], 2, body, 1);
    make(&m[2], 3, end, 1);
    assert_int_equal(dp_across_new(NULL, 0, &across, NULL), B_OK);
    for (int i = 0; i < 3; i++)
        dp_page_languages(m[i].page);
    assert_null(m[0].page->language);
    assert_null(m[0].blocks[0].language);
    for (int i = 0; i < 3; i++)
        dp_across_settle(across, m[i].page, i < 2 ? m[i + 1].page : NULL);
    for (int i = 0; i < 3; i += 2) {
        assert_string_equal(m[i].page->language, "de");
        assert_string_equal(m[i].blocks[0].language, "de");
    }
    assert_null(m[0].blocks[1].language); /* no letters */
    dp_across_drop(across);
    for (int i = 0; i < 3; i++)
        dp_page_drop(m[i].page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_languages), cmocka_unit_test(test_too_short),     cmocka_unit_test(test_technical_words),
        cmocka_unit_test(test_hostile),   cmocka_unit_test(test_beside),        cmocka_unit_test(test_page),
        cmocka_unit_test(test_document),  cmocka_unit_test(test_japanese_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
