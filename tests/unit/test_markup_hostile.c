/* SPDX-License-Identifier: Apache-2.0 */
/* Answers made to be slow or large: the time stays linear whole and byte by byte, memory within the budget.
 * A quadratic path would take minutes for what must take less than seconds here. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "docparse/markup.h"
#include "engine/base/buf.h"

#define BYTES ((size_t)400000)
#define BUDGET ((size_t)64 << 20)
#define SECONDS_MAX 6.0 /* of CPU time, sanitizers on and a busy machine included; measured: below 0.2 without */

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void parse(const char *name, const struct b_buf *answer, size_t step)
{
    struct dp_page *page = NULL;
    struct dp_markup *m = NULL;
    struct dp_markup_result r;
    struct b_err err;
    const double begin = cpu_seconds();
    assert_int_equal(dp_page_new(1, BUDGET, &page, &err), B_OK);
    page->width = page->height = 1000;
    assert_int_equal(dp_markup_new(page, NULL, &m, &err), B_OK);
    for (size_t at = 0; at < answer->len; at += step)
        assert_int_equal(dp_markup_push(m, answer->data + at, step < answer->len - at ? step : answer->len - at, &err),
                         B_OK);
    assert_int_equal(dp_markup_finish(m, DP_MARKUP_STOP_LENGTH, &r, &err), B_OK);
    dp_markup_drop(m);
    if (dp_page_check(page, &err) != B_OK)
        fail_msg("%s: %s", name, err.message);
    assert_true(b_arena_used(page->arena) <= BUDGET);
    const double took = cpu_seconds() - begin;
    if (getenv("SHOW"))
        printf("%8.3f s  step %zu  %s: %d blocks, %d cells, %zu bytes\n", took, step, name, page->n_blocks,
               page->n_cells, b_arena_used(page->arena));
    if (took > SECONDS_MAX)
        fail_msg("%s in pieces of %zu took %.1f s", name, step, took);
    dp_page_drop(page);
}

/* `head` once, then `part` over and over (%d counts). */
static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *head, *part;
    } cases[] = {
        {"", "<"},
        {"<p>", "<b "},
        {"<p>", "<b a=\"><"},
        {"<p>", "<b a=1 "},
        {"<p>", "<p a='>>>>"},
        {"<p>", "&amp"},
        {"<p>", "&#1"},
        {"<p>", "$"},
        {"<p>", "$a<b "},
        {"<p>", "\\"},
        {"<p>", "\\(x$"},
        {"<p>", "a\\[ "},
        {"", "`"},
        {"", "```\n"},
        {"", "\n"},
        {"", "["},
        {"", "{\""},
        {"```json\n", "[{"},
        {"```json\n", "{\"a\":["},
        {"```json\n[", "{\"bbox_2d\":[1,2,3,4],\"text\":\"%d\"},"},
        {"```json\n{", "\"k%d\":\"v\","},
        {"```json\n", "\""},
        {"prose \"bbox_2d\"", "["},
        {"", "<div>"},
        {"", "<ul><li>"},
        {"", "<ul><li>x"},
        {"", "<table>"},
        {"", "<table><tr><td>"},
        {"", "<table><tr><td>x"},
        {"<table>", "<tr><td rowspan=1000 colspan=1000>x"},
        {"<table><tr>", "<td>x"},
        {"<table>", "<tr>"},
        {"<table>", "<tr><td rowspan=1000>%d"},
        {"<table><tr><td rowspan=1000>a", "<tr></tr>"},
        {"", "</p>"},
        {"<ul>", "</li>"},
        {"", "<p>x"},
        {"", "<p data-bbox=\"1 2 3 4\"></p>"},
        {"", "<p id=\"b%d\" data-parent=\"b%d\">"},
        {"", "<p id=\"b1\" data-of=\"b1\" class=\"caption\">x"},
        {"", "<img data-bbox=\"1 2 3 4\">"},
        {"", "<sup>1"},
        {"<p>", "<sup>1</sup>"},
        {"", "<style>"},
        {"<style>", "<"},
        {"", "<!--"},
        {"", "<!-"},
        {"<p>", "ab"},
        {"<p>", "a%d "},
        {"", "<div class=\"formula\"><div>{"},
        {"<div class=\"formula\">", "\\begin{a}"},
        {"", "<div class=\"chart\"><table><tr><td>x"},
        {"", "\xff"},
        {"<p>", "\xe4\xb8"},
        {"", "<|im_"},
        {"", "<think>"},
        {"<p>", "Table 1: "},
        {"", "<p>Table 1:</p><table><tr><td>x</table>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct b_buf b;
        b_buf_init(&b, BYTES * 2);
        b_buf_puts(&b, cases[i].head);
        for (int k = 0; b.len < BYTES; k++) {
            const char *percent = strstr(cases[i].part, "%d");
            if (!percent) {
                b_buf_puts(&b, cases[i].part);
                continue;
            }
            const char *more = strstr(percent + 2, "%d");
            b_buf_append(&b, cases[i].part, (size_t)(percent - cases[i].part));
            b_buf_printf(&b, "%d", k);
            if (more) {
                b_buf_append(&b, percent + 2, (size_t)(more - percent - 2));
                b_buf_printf(&b, "%d%s", k - 1, more + 2);
            } else {
                b_buf_puts(&b, percent + 2);
            }
        }
        char name[128];
        (void)snprintf(name, sizeof name, "\"%s\" and \"%s\"...", cases[i].head, cases[i].part);
        parse(name, &b, b.len);
        parse(name, &b, 1);
        b_buf_free(&b);
    }
}

/* Parsers are independent: several threads at once give what one gives. */
static void *parse_often(void *arg)
{
    static const char answer[] = "```html\n<html><body><h1>T</h1><table><tr><td rowspan=2>a<td>b<tr><td>c</table>"
                                 "<ul><li>x<ul><li>y</ul></ul><p>&eacute; $x<y$</p></body></html>";
    long *wrong = arg;
    for (int i = 0; i < 200; i++) {
        struct dp_page *page = NULL;
        if (dp_page_new(1, 1 << 20, &page, NULL) != B_OK ||
            dp_markup_parse(answer, sizeof answer - 1, NULL, DP_MARKUP_STOP_TOKEN, page, NULL, NULL) != B_OK ||
            dp_page_check(page, NULL) != B_OK || page->n_blocks != 7 || page->n_cells != 3 ||
            strcmp(page->blocks[6].text, "é $x<y$") != 0)
            ++*wrong;
        dp_page_drop(page);
    }
    return NULL;
}

static void test_threads(void **state)
{
    enum { THREADS = 4 };
    (void)state;
    pthread_t threads[THREADS];
    long wrong[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parse_often, &wrong[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(wrong[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_patterns), cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
