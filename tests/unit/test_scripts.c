/* SPDX-License-Identifier: Apache-2.0 */
/* Raised and lowered words of a line, written as "CO _2 is": ^ and _ in front of small words off the middle, a blank between words,
 * + in front of one that stands alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly/assembly_private.h"
#include "tests/support/make_document.h"

#define WORDS 20

/* The spans that are found in the line, as "^2;_4;"; `formula`: bytes of the text that a formula has, or {0, 0}. */
static void found(const char *spec, enum dp_sheet_kind kind, const int32_t formula[2], char *out, size_t room)
{
    struct t_page t;
    struct dp_word words[WORDS] = {0};
    char copy[200], text[200] = "";
    int32_t n = 0;
    float x = 100;
    snprintf(copy, sizeof copy, "%s", spec);
    for (char *at = copy, *end; *at && n < WORDS; at = end) {
        end = at + strcspn(at, " ");
        if (*end)
            *end++ = '\0';
        const bool apart = *at == '+';
        at += apart;
        const bool up = *at == '^', down = *at == '_';
        const float size = up || down ? 7 : 10, y = 100 + (up ? -3.0f : down ? 4.0f : 0);
        at += up || down;
        if (n > 0) {
            words[n - 1].joined = !apart;
            x += apart ? 3 : 0;
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s", apart ? " " : "");
        }
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s", at);
        words[n++] = (struct dp_word){.text = at, .bbox = {x, y, x + size * 0.5f * (float)strlen(at), y + size}, .font_size = size, .confidence = 1};
        x += size * 0.5f * (float)strlen(at);
    }
    assert_true(t_page_begin(&t, 1, 1000, 1400, 72));
    t_block(&t, DP_PARAGRAPH, (struct dp_rect){100, 90, 900, 120}, text);
    assert_true(t.ok);
    struct dp_line line = {.n_words = n};
    struct dp_span has = {.begin = formula[0], .end = formula[1], .kind = DP_SPAN_FORMULA, .latex = "x"};
    struct dp_page *page = t.page;
    page->words = words;
    page->n_words = n;
    page->lines = &line;
    page->n_lines = 1;
    page->blocks[0].n_lines = 1;
    page->blocks[0].source = DP_FROM_TEXT_LAYER;
    page->spans = &has;
    page->n_spans = formula[1] > 0;
    const struct dp_sheet sheet = {.kind = kind};
    struct dp_assembly a = {.page = page, .sheet = &sheet, .arena = b_arena_new((size_t)1 << 20)};
    assert_int_equal(dp_scripts_find(&a, NULL), B_OK);
    size_t len = 0;
    out[0] = '\0';
    for (int32_t i = 0; i < page->n_spans; i++) {
        const struct dp_span *s = &page->spans[i];
        assert_true(i == 0 || s->begin >= s[-1].end);
        len += (size_t)snprintf(out + len, room - len, "%s%.*s;", s->kind == DP_SPAN_FORMULA ? "=" : s->kind == DP_SPAN_SUPERSCRIPT ? "^" : "_",
                                (int)(s->end - s->begin), text + s->begin);
    }
    b_arena_drop(a.arena);
    page->words = NULL;
    page->lines = NULL;
    page->spans = NULL;
    page->n_words = page->n_lines = page->n_spans = 0;
    dp_page_drop(page);
}

static void expect(const char *spec, const char *want)
{
    char got[200];
    found(spec, DP_SHEET_DIGITAL, (const int32_t[]){0, 0}, got, sizeof got);
    if (strcmp(got, want) != 0)
        fail_msg("\"%s\" gives \"%s\", not \"%s\"", spec, got, want);
}

static void scripts(void **state)
{
    (void)state;
    expect("CO _2 +and +m ^2", "_2;^2;");
    expect("SO _4 ^2- +ions +of +H _2 O", "_4;^2-;_2;");
    expect("the +1 ^st +of +May", "^st;");
    expect("^14 C +decays", "^14;");
    expect("^1 +Note", "^1;");
    expect("plain +words +here", "");
}

/* A word beside the next one, and small words that nothing holds, are none. */
static void others(void **state)
{
    char got[200];
    (void)state;
    expect("see +^2 +words", "");
    expect("a +L ^A TEX +file of +M ^lle +X", "^lle;");
    found("CO _2 +is", DP_SHEET_SCAN, (const int32_t[]){0, 0}, got, sizeof got); /* sizes of a scan's text are guesses */
    assert_string_equal(got, "");
}

static void formulas_keep_theirs(void **state)
{
    char got[200];
    (void)state;
    found("m ^2 +x ^2 +y ^1", DP_SHEET_DIGITAL, (const int32_t[]){3, 5}, got, sizeof got);
    assert_string_equal(got, "^2;=x2;^1;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scripts), cmocka_unit_test(others), cmocka_unit_test(formulas_keep_theirs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
