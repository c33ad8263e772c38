/* SPDX-License-Identifier: Apache-2.0 */
/* Rules R17..R30 of the parser: what elements become, tables, lists, formulas, loops, ends of answers, and
 * the events of a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "tests/support/markup_parse.h"

#define OUTLINE(answer, expected)                                                                                      \
    do {                                                                                                               \
        struct t_parsed p_ = t_parse(answer);                                                                          \
        assert_string_equal(t_outline(&p_), expected);                                                                 \
        t_parsed_free(&p_);                                                                                            \
    } while (0)
#define GRID(answer, expected)                                                                                         \
    do {                                                                                                               \
        struct t_parsed p_ = t_parse(answer);                                                                          \
        assert_string_equal(t_grid(&p_, 0), expected);                                                                 \
        t_parsed_free(&p_);                                                                                            \
    } while (0)

static int warned(const struct t_parsed *p, enum dp_markup_warning_code code)
{
    return p->result.counts[code];
}

static void test_r17_empty_paragraphs(void **state)
{
    (void)state;
    OUTLINE("<p>a</p><p></p><p> </p><p>b</p>", "paragraph|a|-\nparagraph|b|-");
    OUTLINE("<p data-bbox=\"1 2 3 4\"></p> <address class=\"author\"><p>N</p><p>M</p></address>",
            "paragraph|N\nM|1 2 3 4");
    OUTLINE("<p data-bbox=\"1 2 3 4\"></p><address data-bbox=\"5 6 7 8\">N</address>",
            "paragraph||1 2 3 4\nparagraph|N|5 6 7 8");
    struct t_parsed p = t_parse("<p data-bbox=\"1 2 3 4\"></p><p>b</p><h2 data-bbox=\"5 6 7 8\"></h2>");
    assert_string_equal(t_outline(&p), "paragraph||1 2 3 4\nparagraph|b|-\nheading||5 6 7 8");
    assert_int_equal(p.page->blocks[0].flags, DP_FLAG_UNREADABLE);
    assert_int_equal(p.page->blocks[2].level, 2);
    t_parsed_free(&p);
}

static void test_r18_classes(void **state)
{
    (void)state;
    static const struct {
        const char *class;
        const char *outline;
    } cases[] = {
        {"formula.handwritten", "formula|x|-"},
        {"Formula Machine_Printed", "formula|x|-"},
        {"chemical_formula", "chemistry|$x$|-"},
        {"Chemical  Formula", "chemistry|$x$|-"},
        {"chemistry", "chemistry|$x$|-"},
        {"music-sheet", "music|$x$|-"},
        {"code", "code|$x$|-"},
        {"pseudocode", "code|$x$|-"},
        {"title", "title|$x$|-"},
        {"page-header", "header|$x$|-"},
        {"footer", "footer|$x$|-"},
        {"page_number", "page_number|$x$|-"},
        {"footnote", "footnote|$x$|-"},
        {"reference", "reference|$x$|-"},
        {"seal", "stamp|$x$|-"},
        {"handwritten", "handwriting|$x$|-"},
        {"barcode", "barcode|$x$|-"},
        {"caption", "caption|$x$|-"},
        {"list_item", "list_item|$x$|-"},
        {"text", "paragraph|$x$|-"},
        {"unknown thing", "paragraph|$x$|-"},
        {"table1", "paragraph|$x$|-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char answer[256];
        (void)snprintf(answer, sizeof answer, "<div class=\"%s\">$x$</div>", cases[i].class);
        OUTLINE(answer, cases[i].outline);
    }
    OUTLINE("<p class=\"footnote\" data-bbox=\"1 2 3 4\">n</p>", "footnote|n|1 2 3 4");
    OUTLINE("<h1 class=\"title\">t</h1><div class=\"title\"><h2>u</h2></div>", "title|t|-\ntitle|u|-");
    OUTLINE("<header>run</header><p>a</p><footer><p>f</p></footer>", "header|run|-\nparagraph|a|-\nfooter|f|-");
    OUTLINE("<div class=\"page_number\" data-bbox=\"1 2 3 4\"><p>7</p></div>", "page_number|7|1 2 3 4");
}

static void test_r19_formulas(void **state)
{
    (void)state;
    struct t_parsed p = t_parse("<div class=\"formula\" data-bbox=\"1 2 3 4\"><img data-bbox=\"1 2 3 "
                                "4\"/><div>$$a<b$$</div> where $c$ is</div>");
    assert_string_equal(t_outline(&p), "formula|a<b|1 2 3 4\nparagraph|where $c$ is|1 2 3 4");
    assert_string_equal(p.page->blocks[0].latex, "a<b");
    assert_true(p.page->blocks[0].display);
    assert_int_equal(p.page->blocks[1].flags, DP_FLAG_BOX_GUESSED);
    t_parsed_free(&p);
    p = t_parse("<div class=\"formula\">\\[ x \\]</div><div class=\"formula\"><div>$y$</div></div><div class=\"formula "
                "inline\">z</div>"
                "<p class=\"formula\">$$w$$</p><p class=\"formula\">1 + 1</p>");
    const struct dp_block *b = p.page->blocks;
    assert_int_equal(p.page->n_blocks, 5);
    assert_string_equal(b[0].latex, "x");
    assert_true(b[0].display);
    assert_string_equal(b[1].latex, "y");
    assert_false(b[1].display);
    assert_string_equal(b[2].latex, "z");
    assert_false(b[2].display);
    assert_string_equal(b[3].latex, "w");
    assert_null(b[4].latex);
    assert_string_equal(b[4].text, "1 + 1");
    t_parsed_free(&p);
    OUTLINE("<p>a<sup>2</sup> + H<sub>2</sub>O 10<sup>-3</sup> 4<sup>th</sup></p>", "paragraph|a² + H₂O 10⁻³ 4th|-");
    OUTLINE("<p>$x<sup>2</sup>$</p>", "paragraph|$x^{2}$|-");
}

static void test_latex_is_checked(void **state)
{
    (void)state;
    struct t_parsed p =
        t_parse("<div class=\"formula\">$$\\frac{1}{2$$</div><p>inline $\\left( x$ here</p><p>fine $\\frac{1}{2}$</p>"
                "<div class=\"formula\">$$\\begin{matrix} a \\\\ b \\end{matrix}$$</div>");
    assert_true(p.page->blocks[0].flags & DP_FLAG_BAD_LATEX);
    assert_true(p.page->blocks[1].flags & DP_FLAG_BAD_LATEX);
    assert_int_equal(p.page->blocks[2].flags, 0);
    assert_int_equal(p.page->blocks[3].flags, 0);
    assert_int_equal(warned(&p, DP_MARKUP_W_LATEX), 2);
    t_parsed_free(&p);
}

static void test_r20_figures(void **state)
{
    (void)state;
    OUTLINE("<div class=\"image\" data-bbox=\"1 2 3 4\"><img data-bbox=\"1 2 3 4\"/></div>", "figure||1 2 3 4");
    OUTLINE("<div class=\"image\"><img src=\"a.png\" alt=\"no\" data-bbox=\"1 2 3 4\" /></div>", "figure||1 2 3 4");
    OUTLINE("<img data-bbox=\"1 2 3 4\">", "figure||1 2 3 4");
    OUTLINE("<p data-bbox=\"5 5 9 9\">icon <img src=\"x\"> text</p>", "paragraph|icon text|5 5 9 9");
    OUTLINE("<figure><img data-bbox=\"1 2 3 4\"><figcaption>c</figcaption></figure>", "figure||1 2 3 4\ncaption|c|-");
    struct t_parsed p = t_parse("<div class=\"image caption\" data-bbox=\"1 2 3 4\"> <img/> <p>a cat</p> </div>"
                                "<div class=\"image ocr\" data-bbox=\"5 6 7 8\"><img/><p>STOP</p></div>");
    assert_string_equal(t_outline(&p), "figure|a cat|1 2 3 4\nfigure|STOP|5 6 7 8");
    assert_int_equal(p.page->blocks[0].flags, DP_FLAG_HIDDEN); /* a description is not text of the page */
    assert_int_equal(p.page->blocks[1].flags, 0);
    t_parsed_free(&p);
}

static void test_captions(void **state)
{
    (void)state;
    struct t_parsed p =
        t_parse("<p>Table 1: rows</p><table><tr><td>1</td></tr></table><div class=\"image\"><img/></div>"
                "<p>Figure 2. A cat</p><p>Figure 3 shows a dog</p><p>Table 9: far away</p><p>end</p>");
    assert_string_equal(t_outline(&p),
                        "caption|Table 1: rows|-\ntable|1|-\nfigure||-\ncaption|Figure 2. A cat|-\n"
                        "paragraph|Figure 3 shows a dog|-\nparagraph|Table 9: far away|-\nparagraph|end|-");
    assert_int_equal(p.page->blocks[0].caption_of, 1);
    assert_int_equal(p.page->blocks[3].caption_of, 2);
    t_parsed_free(&p);
    p = t_parse("<p class=\"caption\" data-of=\"b7\">c</p><p>x</p><p id=\"b7\">y</p><p data-parent=\"b7\">z</p>");
    assert_int_equal(p.page->blocks[0].caption_of, 2);
    assert_int_equal(p.page->blocks[3].parent, 2);
    t_parsed_free(&p);
    p = t_parse("<table><caption>On top</caption><tr><td>1</td></tr></table>");
    assert_string_equal(p.page->tables[0].caption, "On top");
    t_parsed_free(&p);
}

static void test_charts(void **state)
{
    (void)state;
    struct t_parsed p =
        t_parse("<div class=\"chart\" data-bbox=\"1 2 30 40\" data-kind=\"bar\"><img data-bbox=\"1 2 30 40\"/>"
                "<table><tr><th>y</th><th>v</th></tr><tr><td>1</td><td>2</td></tr></table></div>"
                "<div class=\"chart pie\">```mermaid\npie\n```</div>");
    assert_string_equal(t_outline(&p), "chart|y\tv\n1\t2|1 2 30 40\nchart|pie|-");
    assert_int_equal(p.page->blocks[0].table, 0);
    assert_string_equal(p.page->blocks[0].chart_kind, "bar");
    assert_string_equal(p.page->blocks[1].chart_kind, "pie");
    t_parsed_free(&p);
}

static void test_code(void **state)
{
    (void)state;
    struct t_parsed p =
        t_parse("<pre><code class=\"language-c\">#include <stdio.h>\n\tif (a < b && c)\n</code></pre>"
                "<div class=\"code\">\n<pre>\n  x = 1\n</pre></div><code>y</code><p>see <code>z</code></p>");
    assert_string_equal(t_outline(&p),
                        "code|#include <stdio.h>\n\tif (a < b && c)|-\ncode|  x = 1|-\ncode|y|-\nparagraph|see z|-");
    assert_string_equal(p.page->blocks[0].language, "c");
    t_parsed_free(&p);
    OUTLINE("<div class=\"code\">```python\nprint(1)\n```</div>", "code|print(1)|-");
}

static void test_r21_tables(void **state)
{
    (void)state;
    GRID("<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><th>r</th><td>1</td></tr></tbody></table>",
         "0,0 1x1 c A\n0,1 1x1 c B\n1,0 1x1 r r\n1,1 1x1 . 1");
    GRID("<table><tr><td>h<td scope=row>x<tr><th scope=\"row\">a<th scope=col>b</table>",
         "0,0 1x1 . h\n0,1 1x1 . x\n1,0 1x1 r a\n1,1 1x1 c b");
    GRID("<table><tr><td rowspan=\"2\">a<td colspan=2>b<tr><td>c<td>d</table>",
         "0,0 2x1 . a\n0,1 1x2 . b\n1,1 1x1 . c\n1,2 1x1 . d");
    GRID("<table><td>1<td>2<tr><td>3</table>", "0,0 1x1 . 1\n0,1 1x1 . 2\n1,0 1x1 . 3\n1,1 1x1 . ");
    GRID("<tr><td>1</td></tr>", "0,0 1x1 . 1");
    GRID("<table><tr><td rowspan=\"9\">a<td>b<tr><td>c</table>", "0,0 2x1 . a\n0,1 1x1 . b\n1,1 1x1 . c");
    GRID("<table><tr><td rowspan=\"0\">a<td>b<tr><td>c</table>", "0,0 2x1 . a\n0,1 1x1 . b\n1,1 1x1 . c");
    GRID("<table><tr><td colspan=\"4\">a<tr><td>b<td>c</table>", "0,0 1x2 . a\n1,0 1x1 . b\n1,1 1x1 . c");
    GRID("<table><tr><td>a<td rowspan=2>b<tr><td colspan=3>c</table>", "0,0 1x1 . a\n0,1 2x1 . b\n1,0 1x1 . c");
    GRID("<table><tr><td colspan=x rowspan=-3>a<td colspan=\"\">b</table>", "0,0 1x1 . a\n0,1 1x1 . b");
    GRID("<table><tr></tr><tr><td>a</td></tr><tr></tr></table>", "0,0 1x1 . a");
    GRID("<table><tr><td rowspan=2>a</td></tr><tr></tr></table>", "0,0 2x1 . a");
    GRID("<table><tr><td>a <br> b</td><td> <p>c</p> <p>d</p> </td></tr></table>", "0,0 1x1 . a\nb\n0,1 1x1 . c\nd");
    GRID("<table><tr><td><ul><li>x<li>y</ul></td><td><ol><li>p<li>q</ol><td>z</table>",
         "0,0 1x1 . • x\n• y\n0,1 1x1 . 1. p\n2. q\n0,2 1x1 . z");
    struct t_parsed p = t_parse("<style>table1{}</style><table class=\"table1\" data-bbox=\"1 2 30 40\"><tr><td "
                                "data-bbox=\"2 3 4 5\">a</td></tr></table>");
    assert_string_equal(t_outline(&p), "table|a|1 2 30 40");
    assert_float_equal(p.page->cells[0].bbox.x1, 4, 0);
    assert_int_equal(p.page->blocks[0].flags, 0);
    t_parsed_free(&p);
    p = t_parse("<table><tr><td>1<td>2<tr><td>3</table>");
    assert_int_equal(p.page->blocks[0].flags, DP_FLAG_REPAIRED);
    assert_int_equal(warned(&p, DP_MARKUP_W_TABLE), 1);
    t_parsed_free(&p);
}

static void test_r21_unclosed_tables(void **state)
{
    (void)state;
    struct t_parsed p =
        t_parse("<table data-bbox=\"10 10 500 300\"><tr><td>1<td>2<p data-bbox=\"10 350 500 380\">after</p>");
    assert_string_equal(t_outline(&p), "table|1\t2|10 10 500 300\nparagraph|after|10 350 500 380");
    assert_true(p.page->blocks[0].flags & DP_FLAG_REPAIRED);
    t_parsed_free(&p);
    OUTLINE("<table data-bbox=\"10 10 500 300\"><tr><td>1<p data-bbox=\"20 20 50 38\">in</p></table>",
            "table|1 in|10 10 500 300");
    OUTLINE("<table data-bbox=\"10 10 500 300\"><tr><td>1<div class=\"image\" data-bbox=\"10 400 50 500\"><img></div>",
            "table|1|10 10 500 300\nfigure||10 400 50 500");
}

static void test_nested_tables(void **state)
{
    (void)state;
    struct t_parsed p =
        t_parse("<table><tr><td>a<table><tr><td>in<td>ner</tr></table>b</td><td>c</td></tr></table><p>d</p>");
    assert_string_equal(t_outline(&p), "table|a b\tc|-\ntable|in\tner|-\nparagraph|d|-");
    assert_int_equal(p.page->blocks[1].parent, 0);
    assert_int_equal(p.page->blocks[2].parent, DP_NONE);
    t_parsed_free(&p);
}

/* Wide spans cost no more than the limit of positions allows. */
static void test_huge_spans(void **state)
{
    (void)state;
    struct b_buf b;
    b_buf_init(&b, 1 << 22);
    b_buf_puts(&b, "<table>");
    for (int i = 0; i < 5000; i++)
        b_buf_puts(&b, "<tr><td rowspan=1000 colspan=1000>x");
    struct t_parsed p = t_parse(b.data);
    assert_true(p.page->n_cells <= 100000);
    t_parsed_free(&p);
    b_buf_free(&b);
}

static void test_r23_lists(void **state)
{
    (void)state;
    struct t_parsed p = t_parse("<ul data-bbox=\"1 1 900 900\"><li data-bbox=\"10 20 30 40\">a<ol start=\"3\"><li>b<li "
                                "data-bbox=\"15 50 60 70\">c</ol>"
                                "tail<li>d</ul>");
    assert_string_equal(t_outline(&p),
                        "list||10 20 30 40\nlist_item|a\ntail|10 20 30 40\nlist||15 50 60 70\nlist_item|b|-\n"
                        "list_item|c|15 50 60 70\nlist_item|d|-");
    const struct dp_block *b = p.page->blocks;
    assert_int_equal(b[2].parent, 1);
    assert_int_equal(b[3].parent, 2);
    assert_int_equal(b[5].parent, 0);
    assert_int_equal(b[2].level, 1);
    assert_string_equal(b[1].marker, "•");
    assert_string_equal(b[3].marker, "3.");
    assert_string_equal(b[4].marker, "4.");
    t_parsed_free(&p);
    p = t_parse("<dl><dt>t<dd>d</dl><li>loose</li><ul></ul><ul><li></li></ul><ul><li data-marker=\"*\">m</li><li "
                "data-marker=\"\">n</li></ul>");
    b = p.page->blocks;
    assert_string_equal(
        t_outline(&p),
        "list||-\nlist_item|t|-\nlist_item|d|-\nlist_item|loose|-\nlist||-\nlist_item|m|-\nlist_item|n|-");
    assert_null(b[1].marker);
    assert_string_equal(b[5].marker, "*");
    assert_null(b[6].marker);
    t_parsed_free(&p);
    OUTLINE("<ul><li><div>a</div><p>b</p><li>c</ul>", "list||-\nlist_item|a\nb|-\nlist_item|c|-");
    OUTLINE("<li><input type=\"checkbox\" checked> done</li>", "list_item|☑ done|-");
}

static void test_r24_wrappers(void **state)
{
    (void)state;
    OUTLINE("<section data-bbox=\"1 2 30 40\"><p>a</p><p>b</p></section>",
            "paragraph|a|1 2 30 40\nparagraph|b|1 2 30 40");
    OUTLINE("<section data-bbox=\"1 2 30 40\"><p data-bbox=\"5 6 7 8\">a</p><p>b</p></section>",
            "paragraph|a|5 6 7 8\nparagraph|b|-");
    OUTLINE("<div class=\"text\" data-bbox=\"1 2 30 40\">bare</div>", "paragraph|bare|1 2 30 40");
    OUTLINE("<span data-bbox=\"1 2 3 4\">a</span> <span data-bbox=\"5 6 7 8\">b</span>",
            "paragraph|a|1 2 3 4\nparagraph|b|5 6 7 8");
    OUTLINE("<p><span data-bbox=\"1 2 3 4\">a</span> <b data-bbox=\"5 1 9 8\">b</b></p>", "paragraph|a b|1 1 9 8");
    struct t_parsed p = t_parse("<section data-bbox=\"1 2 30 40\"><p>a</p></section>");
    assert_int_equal(p.page->blocks[0].flags, DP_FLAG_BOX_GUESSED);
    t_parsed_free(&p);
}

static void test_r25_r26_order_and_boxes(void **state)
{
    (void)state;
    OUTLINE("<p data-bbox=\"1 900 3 950\">second on the page</p><p data-bbox=\"1 2 3 4\">first</p>",
            "paragraph|second on the page|1 900 3 950\nparagraph|first|1 2 3 4");
    OUTLINE("<div class=\"image\" data-bbox=\"1 2 3 4\"><img data-bbox=\"9 9 12 12\"/></div>", "figure||1 2 3 4");
    struct t_parsed p = t_parse("<p>a</p><p>b</p>");
    for (int32_t i = 0; i < 2; i++)
        assert_int_equal(p.page->blocks[i].order, i);
    t_parsed_free(&p);
}

static void test_r27_complete(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum dp_markup_stop stop;
        bool complete, truncated;
    } cases[] = {
        {"<html><body><p>a</p></body></html>", DP_MARKUP_STOP_TOKEN, true, false},
        {"<html><body><p>a</p></body>", DP_MARKUP_STOP_TOKEN, true, false},
        {"<html><body><p>a</p>", DP_MARKUP_STOP_TOKEN, false, false},
        {"<html><body><p>a</p></body></html>", DP_MARKUP_STOP_LENGTH, false, true},
        {"<html><body><p>a</p></body></html>", DP_MARKUP_STOP_UNKNOWN, false, false},
        {"<html><body><p>a</p>", DP_MARKUP_STOP_UNKNOWN, false, true},
        {"<p>a</p>", DP_MARKUP_STOP_TOKEN, true, false},
        {"[{\"bbox_2d\": [1, 2, 3, 4]}]", DP_MARKUP_STOP_TOKEN, true, false},
        {"[{\"bbox_2d\": [1, 2, 3, 4]}", DP_MARKUP_STOP_TOKEN, false, false},
        {"plain", DP_MARKUP_STOP_TOKEN, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct t_parsed p = t_parse_stop(cases[i].answer, cases[i].stop);
        if (p.result.complete != cases[i].complete || p.result.truncated != cases[i].truncated)
            fail_msg("%s, stop %d: complete %d, truncated %d", cases[i].answer, (int)cases[i].stop, p.result.complete,
                     p.result.truncated);
        assert_int_equal(p.page->status == DP_STATUS_OK, !cases[i].truncated);
        t_parsed_free(&p);
    }
}

static void test_r28_truncated(void **state)
{
    (void)state;
    struct t_parsed p = t_parse_stop("<html><body><p>whole</p><ul><li>one</li><li>two and", DP_MARKUP_STOP_LENGTH);
    assert_string_equal(t_outline(&p), "paragraph|whole|-\nlist||-\nlist_item|one|-\nlist_item|two and|-");
    assert_int_equal(p.page->blocks[0].flags, 0);
    assert_int_equal(p.page->blocks[2].flags, 0);
    assert_int_equal(p.page->blocks[3].flags, DP_FLAG_TRUNCATED);
    assert_int_equal(p.page->status, DP_STATUS_PARTIAL);
    assert_int_equal(warned(&p, DP_MARKUP_W_TRUNCATED), 1);
    t_parsed_free(&p);
    p = t_parse_stop("<table><tr><td>1</td><td>2</td></tr><tr><td>3", DP_MARKUP_STOP_LENGTH);
    assert_string_equal(t_outline(&p), "table|1\t2\n3\t|-");
    assert_true(p.page->blocks[0].flags & DP_FLAG_TRUNCATED);
    t_parsed_free(&p);
}

static void test_r29_warnings(void **state)
{
    (void)state;
    struct t_parsed p = t_parse("<p data-bbox=\"1\">a</p><p data-bbox=\"2\">b</p>");
    assert_int_equal(p.result.n_warnings, 2);
    assert_int_equal(p.result.warnings[0].code, DP_MARKUP_W_BAD_BOX);
    assert_int_equal(p.result.warnings[0].offset, 0);
    assert_int_equal(p.result.warnings[1].offset, 22);
    assert_int_equal(p.page->n_warnings, 1);
    assert_non_null(strstr(p.page->warnings[0], "2 times"));
    t_parsed_free(&p);
    for (int c = 0; c < DP_MARKUP_WARNINGS; c++)
        assert_true(dp_markup_warning_name((enum dp_markup_warning_code)c)[0] != '\0');
}

static void repeat(struct b_buf *b, const char *fmt, int n)
{
    for (int i = 0; i < n; i++)
        b_buf_puts(b, fmt);
}

static void test_loops_of_blocks(void **state)
{
    (void)state;
    struct b_buf b;
    b_buf_init(&b, 1 << 20);
    b_buf_puts(&b, "<p data-bbox=\"1 1 9 9\">start</p>");
    repeat(&b, "<p data-bbox=\"1 10 9 19\">again</p>", 300);
    b_buf_puts(&b, "<p data-bbox=\"1 20 9 29\">end</p>");
    struct t_parsed p = t_parse(b.data);
    assert_string_equal(t_outline(&p), "paragraph|start|1 1 9 9\nparagraph|again|1 10 9 19\nparagraph|end|1 20 9 29");
    assert_int_equal(p.page->blocks[1].flags, DP_FLAG_LOOP_GUARD);
    assert_true(p.result.looped);
    assert_int_equal(p.page->status, DP_STATUS_PARTIAL);
    t_parsed_free(&p);
    b_buf_clear(&b);
    repeat(
        &b,
        "<h2 data-bbox=\"1 10 9 19\">A</h2><p data-bbox=\"1 20 9 29\">B</p><ul><li data-bbox=\"1 30 9 39\">C</li></ul>",
        50);
    p = t_parse(b.data);
    assert_string_equal(t_outline(&p),
                        "heading|A|1 10 9 19\nparagraph|B|1 20 9 29\nlist||1 30 9 39\nlist_item|C|1 30 9 39");
    t_parsed_free(&p);
    b_buf_clear(&b);
    for (int i = 0; i < 40; i++) /* the same words further down are the page's own */
        b_buf_printf(&b, "<p data-bbox=\"1 %d 9 %d\">Name:</p>", i * 10, i * 10 + 9);
    p = t_parse(b.data);
    assert_int_equal(p.page->n_blocks, 40);
    assert_false(p.result.looped);
    t_parsed_free(&p);
    b_buf_clear(&b);
    repeat(&b, "<li>Yes</li>", 12); /* short texts without boxes repeat on pages */
    p = t_parse(b.data);
    assert_int_equal(p.page->n_blocks, 12);
    t_parsed_free(&p);
    b_buf_free(&b);
}

static void test_loops_of_text(void **state)
{
    (void)state;
    struct b_buf b;
    b_buf_init(&b, 1 << 20);
    b_buf_puts(&b, "<p>It began well. ");
    repeat(&b, "and so it went on, ", 100);
    struct t_parsed p = t_parse_stop(b.data, DP_MARKUP_STOP_LENGTH);
    assert_int_equal(p.page->n_blocks, 1);
    assert_true(p.page->blocks[0].flags & DP_FLAG_LOOP_GUARD);
    assert_true(strlen(p.page->blocks[0].text) < 80);
    assert_non_null(strstr(p.page->blocks[0].text, "It began well."));
    t_parsed_free(&p);
    b_buf_clear(&b);
    b_buf_puts(&b, "<p>Chapter ");
    repeat(&b, ". ", 200); /* leaders of a table of contents */
    b_buf_puts(&b, "7</p>");
    p = t_parse(b.data);
    assert_int_equal(p.page->blocks[0].flags, 0);
    t_parsed_free(&p);
    b_buf_clear(&b);
    b_buf_puts(&b, "<p>Name: ");
    repeat(&b, "_", 600); /* to fill in */
    b_buf_puts(&b, "</p><p>");
    repeat(&b, "la la lo ", 28); /* a song: 252 bytes */
    b_buf_puts(&b, "</p>");
    p = t_parse(b.data);
    assert_int_equal(strlen(p.page->blocks[0].text), 606);
    assert_int_equal(strlen(p.page->blocks[1].text), 251);
    assert_int_equal(p.page->blocks[1].flags, 0);
    t_parsed_free(&p);
    b_buf_clear(&b);
    b_buf_puts(&b, "<table><tr><td>a</td><td>b</td></tr>");
    repeat(&b, "<tr><td>0</td><td>1</td></tr>", 400);
    p = t_parse_stop(b.data, DP_MARKUP_STOP_LENGTH);
    assert_true(p.page->blocks[0].flags & DP_FLAG_LOOP_GUARD);
    assert_true(p.page->tables[0].rows < 5);
    t_parsed_free(&p);
    b_buf_puts(&b, "</table>"); /* closed by the model: rows that are equal are data */
    p = t_parse(b.data);
    assert_int_equal(p.page->tables[0].rows, 401);
    t_parsed_free(&p);
    b_buf_clear(&b);
    b_buf_puts(&b, "<p>a</p><table>");
    repeat(&b, "<tr><td></td>", 20000);
    b_buf_puts(&b, "</table><p>b</p>");
    p = t_parse(b.data);
    assert_true(p.result.looped);
    assert_true(p.page->n_cells < 5000);
    assert_string_equal(p.page->blocks[p.page->n_blocks - 1].text, "b");
    t_parsed_free(&p);
    b_buf_free(&b);
}

struct events {
    int32_t blocks[64];
    int n;
};

static void on_block(void *ctx, const struct dp_page *page, int32_t block)
{
    struct events *e = ctx;
    assert_true(block < page->n_blocks);
    if (e->n < 64)
        e->blocks[e->n++] = block;
}

/* A block is told with the last byte that completes it, not later. */
static void test_events(void **state)
{
    (void)state;
    static const struct {
        const char *piece;
        int events;
    } steps[] = {
        {"```html\n<html><body><h1>T", 0},
        {"</h1", 0},
        {">", 1},
        {"<ul><li>a", 1},
        {"</li>", 2},
        {"<li>b", 2},
        {"</li></ul>", 4},
        {"<table><tr><td>1</td></tr>", 4},
        {"</table>", 5},
        {"<p>x", 5},
        {"</p>", 6},
        {"<p>open", 6},
        {"<p>next", 7},
    };
    struct events e = {.n = 0};
    struct dp_markup_options o = dp_markup_options_default();
    struct dp_page *page = NULL;
    struct dp_markup *m = NULL;
    struct dp_markup_result r;
    o.on_block = on_block;
    o.ctx = &e;
    assert_int_equal(dp_page_new(1, 1 << 20, &page, NULL), B_OK);
    assert_int_equal(dp_markup_new(page, &o, &m, NULL), B_OK);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(dp_markup_push(m, steps[i].piece, strlen(steps[i].piece), NULL), B_OK);
        if (e.n != steps[i].events)
            fail_msg("%d events behind \"%s\"", e.n, steps[i].piece);
    }
    assert_false(dp_markup_wants_stop(m));
    assert_int_equal(dp_markup_push(m, "</p></body></html>", 18, NULL), B_OK);
    assert_true(dp_markup_wants_stop(m));
    assert_int_equal(dp_markup_finish(m, DP_MARKUP_STOP_TOKEN, &r, NULL), B_OK);
    assert_int_equal(e.n, 8);
    assert_int_equal(e.blocks[3], 1); /* the list behind its items */
    assert_int_equal(dp_markup_push(m, "x", 1, NULL), B_ARGUMENT);
    assert_int_equal(dp_markup_finish(m, DP_MARKUP_STOP_TOKEN, &r, NULL), B_ARGUMENT);
    dp_markup_drop(m);
    assert_int_equal(dp_markup_new(page, &o, &m, NULL), B_ARGUMENT); /* it holds blocks */
    dp_page_drop(page);
    dp_markup_drop(NULL);
}

static void test_lines(void **state)
{
    (void)state;
    struct t_parsed p = t_parse("<p data-bbox=\"10 20 110 60\">a<br>b</p><p>no box</p><table data-bbox=\"0 100 50 "
                                "200\"><tr><td>1<td>2<tr><td>3<td>4</table>");
    assert_int_equal(p.page->n_lines, 4);
    assert_string_equal(p.page->lines[1].text, "b");
    assert_float_equal(p.page->lines[1].bbox.y0, 40, 0);
    assert_float_equal(p.page->lines[1].bbox.y1, 60, 0);
    assert_int_equal(p.page->lines[1].flags, DP_FLAG_BOX_GUESSED);
    assert_string_equal(p.page->lines[3].text, "3\t4");
    assert_int_equal(p.page->blocks[1].n_lines, 0);
    t_parsed_free(&p);
}

/* What our own writer adds. */
static void test_attributes(void **state)
{
    (void)state;
    struct t_parsed p =
        t_parse("<html><body data-source=\"compact\"><p lang=\"de\" data-joined=\"1\" data-confidence=\"0.25\" "
                "data-flags=\"low_confidence unknown vertical\">a</p><p data-source=\"text_layer\" "
                "data-confidence=\"7\">b</p><div class=\"chart\" data-kind=\"a &amp; b\">c</div></body></html>");
    const struct dp_block *b = p.page->blocks;
    assert_string_equal(b[0].language, "de");
    assert_true(b[0].joined);
    assert_float_equal(b[0].confidence, 0.25, 0);
    assert_int_equal(b[0].flags, DP_FLAG_LOW_CONFIDENCE | DP_FLAG_VERTICAL);
    assert_int_equal(b[0].source, DP_FROM_COMPACT);
    assert_int_equal(b[1].source, DP_FROM_TEXT_LAYER);
    assert_float_equal(b[1].confidence, DP_NO_CONFIDENCE, 0);
    assert_false(b[1].joined);
    assert_null(b[1].language);
    assert_string_equal(b[2].chart_kind, "a & b");
    t_parsed_free(&p);
}

static void test_r30_pure(void **state)
{
    (void)state;
    struct t_parsed a = t_parse("<p onclick=\"x\">a</p><script>p()</script><iframe src=\"http://a\">b"),
                    b = t_parse("<p onclick=\"x\">a</p><script>p()</script><iframe src=\"http://a\">b");
    assert_string_equal(t_outline(&a), "paragraph|a|-\nparagraph|<iframe src=\"http://a\">b|-");
    assert_string_equal(a.result.sha256, b.result.sha256);
    t_parsed_free(&a);
    t_parsed_free(&b);
    OUTLINE("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><p>&e;</p>", "paragraph|]>|-\nparagraph|&e;|-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_r17_empty_paragraphs),
        cmocka_unit_test(test_r18_classes),
        cmocka_unit_test(test_r19_formulas),
        cmocka_unit_test(test_latex_is_checked),
        cmocka_unit_test(test_r20_figures),
        cmocka_unit_test(test_captions),
        cmocka_unit_test(test_charts),
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_r21_tables),
        cmocka_unit_test(test_r21_unclosed_tables),
        cmocka_unit_test(test_nested_tables),
        cmocka_unit_test(test_huge_spans),
        cmocka_unit_test(test_r23_lists),
        cmocka_unit_test(test_r24_wrappers),
        cmocka_unit_test(test_r25_r26_order_and_boxes),
        cmocka_unit_test(test_r27_complete),
        cmocka_unit_test(test_r28_truncated),
        cmocka_unit_test(test_r29_warnings),
        cmocka_unit_test(test_loops_of_blocks),
        cmocka_unit_test(test_loops_of_text),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_r30_pure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
