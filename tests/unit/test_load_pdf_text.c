/* SPDX-License-Identifier: Apache-2.0 */
/* docparse/pdf_text.c: codes that a map of the font, or none, makes into text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/load.h"
#include "tests/support/pdf_maker.h"

#define A4 "/MediaBox [0 0 595 842]"

/* A page whose font F2 (Helvetica with `encoding`) is given the map; the caller frees both. */
static void load_mapped(struct t_pdf *pdf, const char *encoding, const char *map, const char *content, struct dp_sheet *sheet)
{
    struct b_err err;
    t_pdf_begin(pdf, "1.7");
    t_pdf_object(pdf, 1, "<< /Type /Catalog /Pages 2 0 R >>");
    t_pdf_page(pdf, A4, "", content);
    t_pdf_object(pdf, 3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R " A4 " /Resources << /Font << /F2 7 0 R >> >> >>");
    t_pdf_object(pdf, 7, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica %s /ToUnicode 8 0 R >>", encoding);
    t_pdf_stream(pdf, 8, "", map, strlen(map));
    t_pdf_end(pdf, "");
    if (t_load(&pdf->bytes, 1, NULL, sheet, &err) != B_OK)
        fail_msg("%s: %s", b_code_name(err.code), err.message);
}

static int count_words(const struct dp_sheet *sheet, const char *text)
{
    int n = 0;
    for (int32_t i = 0; i < sheet->n_words; i++)
        n += strcmp(sheet->words[i].text, text) == 0;
    return n;
}

/* Codes of fonts that name no characters: a bullet stands alone, in a word the code stays unknown. */
static void lone_bullets(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    load_mapped(&pdf, "",
                "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def "
                "1 begincodespacerange <00> <ff> endcodespacerange 2 beginbfchar <78> <0088> <79> <0095> endbfchar "
                "1 beginbfrange <61> <66> <0061> endbfrange endcmap end end",
                "BT /F2 12 Tf 72 700 Td (x abc) Tj 0 -20 Td (y def) Tj 0 -20 Td (fedxyab) Tj ET", &s);
    assert_int_equal(count_words(&s, "\xE2\x80\xA2"), 2);
    assert_int_equal(count_words(&s, "abc"), 1);
    assert_int_equal(count_words(&s, "def"), 1);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

/* Names small Latin letters Hebrew ones. */
static const char hebrew[] =
    "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def "
    "1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <61> <7a> <05d0> endbfrange endcmap end end";

/* Characters that run from right to left (Latin codes named Hebrew by a map): none is lost, none doubled. */
static void right_to_left(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    load_mapped(&pdf, "/Encoding /WinAnsiEncoding", hebrew,
                "BT /F2 12 Tf 300 700 Td (abcd efgh) Tj 0 -20 Td (ijkl mnop) Tj ET BT /F2 12 Tf 60 500 Td (qrst) Tj ET "
                "BT /F2 12 Tf 290 40 Td (12) Tj ET",
                &s);
    int letters = 0;
    for (int32_t i = 0; i < s.n_words; i++)
        for (const char *p = s.words[i].text; *p; p++)
            letters += (unsigned char)*p == 0xd7;
    assert_int_equal(letters, 20);
    assert_int_equal(count_words(&s, "12"), 1);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

/* The point behind a number at the end of a sentence that runs to the left stands on the number's left; marks that turn
 * the direction are no text. A line that runs to the right keeps its number. */
static void point_on_the_left(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    load_mapped(&pdf, "/Encoding /WinAnsiEncoding", hebrew,
                "BT /F2 12 Tf 200 700 Td (.2027 dcba .hgfe mnop) Tj 0 -20 Td (ijkl mnop qrst) Tj ET "
                "BT /F2 12 Tf 60 300 Td (A GRADE OF .75) Tj ET",
                &s);
    assert_int_equal(count_words(&s, "2027."), 1);
    assert_int_equal(count_words(&s, ".75"), 1);
    for (int32_t i = 0; i < s.n_words; i++)
        assert_null(strstr(s.words[i].text, "\xE2\x80\xAA"));
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lone_bullets), cmocka_unit_test(right_to_left),
                                       cmocka_unit_test(point_on_the_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
