/* SPDX-License-Identifier: Apache-2.0 */
/* All formats together: order of calls, same bytes for the same document, failing receivers, nothing lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/collect.h"
#include "tests/support/make_document.h"

static struct dp_document *random_document(struct t_random *r, int32_t pages)
{
    struct dp_document *d = calloc(1, sizeof *d);
    assert_non_null(d);
    assert_true(t_random_document(r, pages, d));
    struct b_err err = {0};
    if (dp_document_check(d, &err) != B_OK)
        fail_msg("%s", err.message);
    return d;
}

static void drop(struct dp_document *d)
{
    dp_document_clear(d);
    free(d);
}

static void registry(void **state)
{
    static const char *const names[] = {"json", "jsonl", "html", "md",  "text",    "qwenvl-html", "csv",
                                        "xlsx", "hocr",  "alto", "pdf", "figures", "overlay"};
    size_t n = 0;
    (void)state;
    for (const struct out_format *f = out_formats(); f->name; f++, n++) {
        assert_ptr_equal(out_format_find(f->name), f);
        assert_non_null(f->summary);
        assert_non_null(f->media_type);
        assert_int_equal(f->extension[0], '.');
        for (const struct out_format *g = out_formats(); g < f; g++)
            assert_string_not_equal(f->extension, g->extension);
    }
    assert_int_equal(n, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < n; i++)
        assert_non_null(out_format_find(names[i]));
    assert_null(out_format_find("docx"));
}

static void order_of_calls(void **state)
{
    struct t_random r = {.state = 3};
    struct dp_document *d = random_document(&r, 2);
    (void)state;
    for (const struct out_format *f = out_formats(); f->name; f++) {
        struct t_collect got;
        struct out_writer *w = NULL;
        struct b_err err = {0};
        t_collect_init(&got);
        const struct out_sink sink = t_collect_sink(&got);
        assert_int_equal(out_open(f, NULL, &sink, &w, &err), B_OK);
        assert_int_equal(out_page(w, d->pages[0], NULL, &err), B_ARGUMENT);
        assert_int_equal(out_end(w, DP_STATUS_OK, &err), B_ARGUMENT);
        assert_int_equal(out_begin(w, &d->info, NULL, 0, &err), B_OK);
        assert_int_equal(out_begin(w, &d->info, NULL, 0, &err), B_ARGUMENT);
        assert_int_equal(out_page(w, d->pages[1], NULL, &err), B_OK);
        assert_int_equal(out_page(w, d->pages[0], NULL, &err), B_ARGUMENT); /* pages ascend */
        assert_int_equal(out_end(w, DP_STATUS_OK, &err), B_OK);
        assert_int_equal(out_end(w, DP_STATUS_OK, &err), B_ARGUMENT);
        out_drop(w);
        t_collect_free(&got);
    }
    out_drop(NULL);
    drop(d);
}

/* The producer's texts may be gone by the time of the end. */
static void info_is_copied(void **state)
{
    (void)state;
    for (const struct out_format *f = out_formats(); f->name; f++) {
        struct t_collect got;
        struct out_writer *w = NULL;
        struct b_err err = {0};
        t_collect_init(&got);
        const struct out_sink sink = t_collect_sink(&got);
        struct dp_document_info *info = calloc(1, sizeof *info);
        assert_non_null(info);
        char *name = strdup("a name that ends early.pdf"), *model = strdup("compact");
        *info = (struct dp_document_info){.source_name = name, .model_name = model, .title = name, .author = name};
        assert_int_equal(out_open(f, NULL, &sink, &w, &err), B_OK);
        assert_int_equal(out_begin(w, info, NULL, 0, &err), B_OK);
        memset(name, 'x', strlen(name));
        free(name);
        free(model);
        free(info);
        assert_int_equal(out_end(w, DP_STATUS_OK, &err), B_OK);
        out_drop(w);
        t_collect_free(&got);
    }
}

static bool same(const struct t_collect *a, const struct t_collect *b)
{
    if (a->main.len != b->main.len || (a->main.len > 0 && memcmp(a->main.data, b->main.data, a->main.len) != 0) ||
        a->n_sides != b->n_sides)
        return false;
    for (size_t i = 0; i < a->n_sides; i++)
        if (strcmp(a->sides[i].name, b->sides[i].name) != 0 || a->sides[i].size != b->sides[i].size ||
            memcmp(a->sides[i].data, b->sides[i].data, a->sides[i].size) != 0)
            return false;
    return true;
}

static void deterministic(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct t_random one = {.state = seed, .hostile = true}, two = one;
        struct dp_document *a = random_document(&one, 2), *b = random_document(&two, 2);
        for (const struct out_format *f = out_formats(); f->name; f++) {
            const struct out_options options = {.words = true, .page_images = true};
            struct t_collect first, second;
            struct b_err err = {0};
            t_collect_init(&first);
            t_collect_init(&second);
            assert_int_equal(t_render(f, &options, a, true, NULL, &first, &err), B_OK);
            assert_int_equal(t_render(f, &options, b, true, NULL, &second, &err), B_OK);
            if (!same(&first, &second))
                fail_msg("seed %d: %s differs from run to run", (int)seed, f->name);
            t_collect_free(&first);
            t_collect_free(&second);
        }
        drop(a);
        drop(b);
    }
}

/* A full disk at every call in turn: an error with the receiver's code, and the writer takes nothing more. */
static void failing_receiver(void **state)
{
    struct dp_document d;
    (void)state;
    assert_true(t_sample_document(&d));
    for (const struct out_format *f = out_formats(); f->name; f++) {
        const struct out_options options = {.words = true, .page_images = true};
        struct t_collect got;
        struct b_err err = {0};
        t_collect_init(&got);
        assert_int_equal(t_render(f, &options, &d, true, NULL, &got, &err), B_OK);
        const int calls[] = {1, 2, (got.calls + 1) / 2, got.calls};
        const int all = got.calls;
        t_collect_free(&got);
        for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
            if (calls[i] > all)
                continue;
            t_collect_init(&got);
            got.fail_at = calls[i];
            assert_int_equal(t_render(f, &options, &d, true, NULL, &got, &err), B_IO);
            assert_string_equal(err.message, "no space left on device");
            assert_int_equal(got.calls, calls[i]); /* nothing came behind the failure */
            t_collect_free(&got);
        }
    }
    dp_document_clear(&d);
}

static void no_side_outputs(void **state)
{
    struct dp_document d;
    (void)state;
    assert_true(t_sample_document(&d));
    for (const struct out_format *f = out_formats(); f->name; f++) {
        struct b_buf buf;
        struct b_err err = {0};
        b_buf_init(&buf, (size_t)1 << 26);
        /* out_render gives no pictures, so figures have nothing to write. */
        const enum b_code want = f->side_outputs && strcmp(f->name, "figures") != 0 ? B_UNSUPPORTED : B_OK;
        assert_int_equal(out_render(f, NULL, &d, &buf, &err), want);
        b_buf_free(&buf);
    }
    dp_document_clear(&d);
}

static void empty_document(void **state)
{
    struct dp_document d = {.info = {.source_name = "empty.pdf"}, .status = DP_STATUS_FAILED};
    (void)state;
    for (const struct out_format *f = out_formats(); f->name; f++) {
        struct t_collect got;
        struct b_err err = {0};
        t_collect_init(&got);
        if (t_render(f, NULL, &d, false, NULL, &got, &err) != B_OK)
            fail_msg("%s: %s", f->name, err.message);
        t_collect_free(&got);
    }
}

/* Every block has its element in HTML, every word its place in hOCR, ALTO and JSON. */
static size_t occurrences(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
        n++;
    return n;
}

static void nothing_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct t_random r = {.state = seed, .hostile = seed % 2 == 0};
        struct dp_document *d = random_document(&r, 2);
        struct b_err err = {0};
        struct t_collect html, qwen;
        t_collect_init(&html);
        t_collect_init(&qwen);
        assert_int_equal(t_render(out_format_find("html"), NULL, d, false, NULL, &html, &err), B_OK);
        assert_int_equal(t_render(out_format_find("qwenvl-html"), NULL, d, false, NULL, &qwen, &err), B_OK);
        size_t boxes = 0;
        for (int32_t p = 0; p < d->n_pages; p++)
            for (int32_t i = 0; i < d->pages[p]->n_blocks; i++) {
                char id[48];
                (void)snprintf(id, sizeof id, " id=\"p%d-b%d\" ", p + 1, i);
                if (occurrences(html.main.data, id) != 1)
                    fail_msg("seed %d: %s stands %zu times", (int)seed, id, occurrences(html.main.data, id));
                boxes += d->pages[p]->blocks[i].has_bbox;
            }
        assert_true(occurrences(qwen.main.data, " data-bbox=") >= boxes);
        t_collect_free(&html);
        t_collect_free(&qwen);
        drop(d);
    }
}

static void render(const struct dp_document *d, const char *format, const char *want)
{
    struct b_err err = {0};
    struct t_collect got;
    t_collect_init(&got);
    assert_int_equal(t_render(out_format_find(format), NULL, d, false, NULL, &got, &err), B_OK);
    if (!strstr(got.main.data, want))
        fail_msg("%s: no \"%s\" in \"%s\"", format, want, got.main.data);
    t_collect_free(&got);
}

static void formulas_in_text(void **state)
{
    static const struct {
        const char *text, *covered[2], *latex[2], *md, *html;
    } cases[] = {
        {"so a<b at $5 and $6", {"a<b"}, {"a<b"}, "so $a<b$ at \\$5 and \\$6", "so <span class=\"formula\"><math"},
        {"xy is so", {"x", "y"}, {"x", "y"}, "$x$ $y$ is so", "</math></span><span class=\"formula\">"},
        {"is x2 or n", {"x", "n"}, {"x", "n"}, "is x2 or $n$", "</math></span>2 or <span"},
        {"a_b and c_d is *x* so", {"*x*"}, {"x^{*}_{1}"}, "a_b and c_d is $x^{*}_{1}$ so", "is <span class=\"formula\">"},
        {"# x", {"x"}, {"x"}, "\\# $x$", "# <span"},
        {"bad \\x here", {"\\x"}, {"\\nosuch{$$"}, "bad $\\nosuch{$ $$ here", "<code class=\"latex\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct t_page t;
        assert_true(t_page_begin(&t, 1, 1000, 1400, 200));
        t_block(&t, DP_PARAGRAPH, (struct dp_rect){100, 100, 900, 200}, cases[i].text);
        t_lines(&t, 1);
        for (int k = 0; k < 2 && cases[i].covered[k]; k++)
            t_span(&t, DP_SPAN_FORMULA, cases[i].covered[k], cases[i].latex[k]);
        assert_true(t.ok);
        struct dp_document d = {.info = {.source_name = "a", .media_type = "b", .model_name = "c"}, .pages = &t.page, .n_pages = 1};
        assert_int_equal(dp_page_check(t.page, NULL), B_OK);
        render(&d, "md", cases[i].md);
        render(&d, "html", cases[i].html);
        render(&d, "text", cases[i].text);
        dp_page_drop(t.page);
    }
}

/* What is raised or lowered stands as a formula in Markdown, unless that would not close or holds other signs. */
static void scripts_in_text(void **state)
{
    struct t_page t;
    (void)state;
    assert_true(t_page_begin(&t, 1, 1000, 1400, 200));
    t_block(&t, DP_PARAGRAPH, (struct dp_rect){100, 100, 900, 200}, "SO42- at the 1st of q7b, x& y");
    t_lines(&t, 1);
    t_span(&t, DP_SPAN_SUBSCRIPT, "4", NULL);
    t_span(&t, DP_SPAN_SUPERSCRIPT, "2-", NULL);
    t_span(&t, DP_SPAN_SUPERSCRIPT, "st", NULL);
    t_span(&t, DP_SPAN_SUPERSCRIPT, "q", NULL);
    t_span(&t, DP_SPAN_SUPERSCRIPT, "&", NULL);
    assert_true(t.ok);
    struct dp_document d = {.info = {.source_name = "a", .media_type = "b", .model_name = "c"}, .pages = &t.page, .n_pages = 1};
    assert_int_equal(dp_page_check(t.page, NULL), B_OK);
    render(&d, "md", "SO$_{4}^{2-}$ at the 1$^{\\text{st}}$ of q7b, x& y");
    render(&d, "text", "SO42- at the 1st of q7b, x& y");
    dp_page_drop(t.page);
}

/* Formulas keep their place where words have styles, and where a hyphen goes between two blocks. */
static void formulas_among_styles(void **state)
{
    struct t_page t;
    (void)state;
    assert_true(t_page_begin(&t, 1, 1000, 1400, 200));
    t_block(&t, DP_PARAGRAPH, (struct dp_rect){100, 100, 900, 200}, "bold x_1 = y then inter-");
    t_lines(&t, 1);
    t_span(&t, DP_SPAN_FORMULA, "x_1 = y", "x_{1}=y");
    t.page->words[0].style = DP_BOLD;
    t.page->words[1].style = DP_ITALIC;
    t.page->words[3].style = DP_ITALIC;
    t.page->words[4].style = DP_BOLD;
    t.page->blocks[0].joined = true;
    t_block(&t, DP_PARAGRAPH, (struct dp_rect){100, 300, 900, 400}, "val of z.");
    t_lines(&t, 1);
    t_span(&t, DP_SPAN_FORMULA, "z", "z");
    assert_true(t.ok);
    struct dp_document d = {.info = {.source_name = "a", .media_type = "b", .model_name = "c"}, .pages = &t.page, .n_pages = 1};
    render(&d, "md", "bold $x_{1}=y$ then interval of $z$.");
    render(&d, "html", "<b>bold</b> <span class=\"formula\"><math");
    render(&d, "html", "</math></span> <b>then</b> inter-");
    dp_page_drop(t.page);
}

static enum b_code ignore(void *ctx, const void *data, size_t size, struct b_err *err)
{
    (void)data;
    (void)err;
    *(size_t *)ctx += size;
    return B_OK;
}

/* A grid of a million by a million positions with two cells stays small in every format. */
static void sparse_grid(void **state)
{
    struct t_page t;
    (void)state;
    assert_true(t_page_begin(&t, 1, 100, 100, 72));
    t_block(&t, DP_TABLE, (struct dp_rect){0, 0, 99, 99}, "a\nb");
    t_table(&t, 20000, 1000);
    t_cell(&t, 0, 0, 1, 1, DP_NOT_HEADER, "a");
    t_cell(&t, 19999, 999, 1, 1, DP_NOT_HEADER, "b");
    assert_true(t.ok);
    for (const struct out_format *f = out_formats(); f->name; f++) {
        size_t bytes = 0;
        const struct out_sink sink = {.ctx = &bytes, .write = ignore, .side = NULL};
        struct out_writer *w = NULL;
        struct b_err err = {0};
        const struct dp_document_info info = {.source_name = "x"};
        if (f->side_outputs)
            continue;
        assert_int_equal(out_open(f, NULL, &sink, &w, &err), B_OK);
        assert_int_equal(out_begin(w, &info, NULL, 0, &err), B_OK);
        assert_int_equal(out_page(w, t.page, NULL, &err), B_OK);
        assert_int_equal(out_end(w, DP_STATUS_OK, &err), B_OK);
        if (bytes > 1000000)
            fail_msg("%s wrote %zu bytes", f->name, bytes);
        out_drop(w);
    }
    dp_page_drop(t.page);
}

/* Pages of one table: its head on every page, rows "p1", "p2"..., a footnote below it. Page `spans`: its row spans. */
static struct dp_document *table_over_pages(int32_t n, int32_t spans)
{
    struct dp_document *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->info = (struct dp_document_info){.source_name = "x", .page_count = n};
    d->pages = calloc((size_t)n, sizeof(struct dp_page *));
    assert_non_null(d->pages);
    for (int32_t i = 0; i < n; i++) {
        struct t_page t;
        char text[16];
        assert_true(t_page_begin(&t, i + 1, 100, 100, 72));
        if (i > 0)
            t_block(&t, DP_HEADER, (struct dp_rect){0, 0, 99, 9}, "running head");
        const int32_t at = t_block(&t, DP_TABLE, (struct dp_rect){0, 10, 99, 80}, "H\tN");
        t_table(&t, 2, 2);
        t_cell(&t, 0, 0, 1, 1, DP_COLUMN_HEADER, "H");
        t_cell(&t, 0, 1, 1, 1, DP_COLUMN_HEADER, "N");
        (void)snprintf(text, sizeof text, "p%d", i + 1);
        t_cell(&t, 1, 0, 1, i + 1 == spans ? 2 : 1, DP_NOT_HEADER, text);
        if (i + 1 != spans)
            t_cell(&t, 1, 1, 1, 1, DP_NOT_HEADER, "1");
        t.page->blocks[at].joined = i + 1 < n;
        t.page->tables[t.page->blocks[at].table].continues = i > 0;
        t.page->tables[t.page->blocks[at].table].repeated_rows = i > 0;
        (void)snprintf(text, sizeof text, "note %d", i + 1);
        t_block(&t, DP_FOOTNOTE, (struct dp_rect){0, 85, 99, 95}, text);
        assert_true(t.ok);
        d->pages[d->n_pages++] = t.page;
    }
    return d;
}

static char *rendered(const char *format, const struct dp_document *d, const struct out_options *options)
{
    struct t_collect got;
    struct b_err err = {0};
    t_collect_init(&got);
    if (t_render(out_format_find(format), options, d, false, NULL, &got, &err) != B_OK)
        fail_msg("%s", err.message);
    char *text = strdup(got.main.data);
    t_collect_free(&got);
    assert_non_null(text);
    return text;
}

/* Markdown writes the parts of a table as one, its head once, and what stood below each part behind it; as HTML where a
 * later part needs spans. */
static void joined_markdown(void **state)
{
    (void)state;
    struct dp_document *d = table_over_pages(3, 0);
    char *text = rendered("md", d, NULL);
    assert_string_equal(text, "| H | N |\n| --- | --- |\n| p1 | 1 |\n| p2 | 1 |\n| p3 | 1 |\n\nnote 1\n\nnote 2\n\nnote 3\n");
    free(text);
    d->pages[1]->tables[0].repeated_rows = 0; /* what looks like a head is a row */
    text = rendered("md", d, NULL);
    assert_non_null(strstr(text, "| p1 | 1 |\n| H | N |\n| p2 | 1 |\n| p3 | 1 |\n\nnote 1"));
    free(text);
    d->pages[1]->tables[0].continues = false; /* nothing says that the second goes on from the first */
    text = rendered("md", d, NULL);
    assert_string_equal(text, "| H | N |\n| --- | --- |\n| p1 | 1 |\n\nnote 1\n\n| H | N |\n| --- | --- |\n| p2 | 1 |\n| p3 | 1 |"
                              "\n\nnote 2\n\nnote 3\n");
    free(text);
    drop(d);
    d = table_over_pages(3, 2);
    text = rendered("md", d, NULL);
    assert_non_null(strstr(text, "<tr><td>p1</td><td>1</td></tr><tr><td colspan=\"2\">p2</td></tr><tr><td>p3</td>"));
    assert_int_equal(occurrences(text, "<table>"), 1);
    assert_int_equal(occurrences(text, "</table>"), 1);
    free(text);
    drop(d);
}

/* HTML does so, too, with a link where the later parts stood; beside page pictures every page keeps its own part. */
static void joined_html(void **state)
{
    (void)state;
    struct dp_document *d = table_over_pages(3, 0);
    char *text = rendered("html", d, NULL);
    const char *end = strstr(text, "</table>");
    assert_non_null(end);
    assert_null(strstr(end + 1, "</table>"));
    assert_int_equal(occurrences(text, ">H</th>"), 1);
    assert_int_equal(occurrences(text, "<tbody>"), 3);
    assert_true(strstr(text, ">p1<") < strstr(text, ">p2<") && strstr(text, ">p3<") < end);
    assert_true(end < strstr(text, "note 1") && strstr(text, "note 1") < strstr(text, "id=\"page-2\""));
    assert_int_equal(occurrences(text, "<p class=\"continued\"><a href=\"#p1-b0\">"), 2);
    assert_int_equal(occurrences(text, "</section>"), 3);
    free(text);
    const struct out_options beside = {.page_images = true};
    text = rendered("html", d, &beside);
    assert_int_equal(occurrences(text, "</table>"), 3);
    free(text);
    drop(d);
}

/* Text, whose pages are apart, keeps the parts apart. */
static void joined_elsewhere(void **state)
{
    (void)state;
    struct dp_document *d = table_over_pages(2, 0);
    char *text = rendered("text", d, NULL);
    assert_int_equal(occurrences(text, "H\tN"), 2);
    free(text);
    text = rendered("jsonl", d, NULL);
    assert_int_equal(occurrences(text, "\"continues\":true,\"repeated_rows\":1"), 1);
    free(text);
    drop(d);
}

/* A page that breaks an invariant is refused, and a page in its place is taken. */
static void broken_page(void **state)
{
    struct t_page t;
    struct b_err err = {0};
    (void)state;
    assert_true(t_page_begin(&t, 1, 100, 100, 72));
    t_block(&t, DP_PARAGRAPH, (struct dp_rect){0, 0, 9, 9}, "x");
    for (const struct out_format *f = out_formats(); f->name; f++) {
        struct t_collect got;
        struct out_writer *w = NULL;
        const struct dp_document_info info = {.source_name = "x"};
        t_collect_init(&got);
        const struct out_sink sink = t_collect_sink(&got);
        assert_int_equal(out_open(f, NULL, &sink, &w, &err), B_OK);
        assert_int_equal(out_begin(w, &info, NULL, 0, &err), B_OK);
        t.page->blocks[0].table = 7;
        assert_int_equal(out_page(w, t.page, NULL, &err), B_INTERNAL);
        t.page->blocks[0].table = DP_NONE;
        assert_int_equal(out_page(w, t.page, NULL, &err), B_OK);
        assert_int_equal(out_end(w, DP_STATUS_OK, &err), B_OK);
        out_drop(w);
        t_collect_free(&got);
    }
    dp_page_drop(t.page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry),       cmocka_unit_test(order_of_calls),   cmocka_unit_test(info_is_copied),
        cmocka_unit_test(deterministic),  cmocka_unit_test(failing_receiver), cmocka_unit_test(no_side_outputs),
        cmocka_unit_test(empty_document), cmocka_unit_test(nothing_is_lost),  cmocka_unit_test(sparse_grid),
        cmocka_unit_test(broken_page),    cmocka_unit_test(joined_markdown),  cmocka_unit_test(joined_html),
        cmocka_unit_test(joined_elsewhere),
        cmocka_unit_test(formulas_in_text), cmocka_unit_test(scripts_in_text), cmocka_unit_test(formulas_among_styles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
