/* SPDX-License-Identifier: Apache-2.0 */
/* Running text and formulas in HTML. */
#include <string.h>

#include "output/escape.h"
#include "output/flow.h"
#include "output/html_private.h"
#include "output/mathml.h"

void out_html_formula(struct b_buf *buf, const char *latex, bool display)
{
    if (out_mathml(buf, latex, display))
        return;
    b_buf_puts(buf, "<code class=\"latex\" title=\"LaTeX source\">");
    out_xml_text(buf, latex);
    b_buf_puts(buf, "</code>");
}

static void formula_in_text(struct b_buf *buf, const char *text, const struct out_inline_math *m)
{
    struct b_buf latex;
    b_buf_init(&latex, OUT_PAGE_MAX);
    b_buf_append(&latex, text + m->body, m->body_end - m->body);
    if (latex.data)
        out_html_formula(buf, latex.data, m->display);
    if (latex.failed != B_OK)
        buf->failed = latex.failed;
    b_buf_free(&latex);
}

static void with_breaks(struct b_buf *buf, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        const char *nl = memchr(text + i, '\n', len - i);
        const size_t end = nl ? (size_t)(nl - text) : len;
        out_xml_textn(buf, text + i, end - i);
        if (nl)
            b_buf_puts(buf, "<br>");
        i = end + (nl != NULL);
    }
}

void out_html_text(struct b_buf *buf, const char *text, bool math)
{
    const size_t len = strlen(text);
    struct out_inline_math m;
    size_t from = 0;
    while (math && out_next_math(text, len, from, &m)) {
        with_breaks(buf, text + from, m.begin - from);
        formula_in_text(buf, text, &m);
        from = m.end;
    }
    with_breaks(buf, text + from, len - from);
}
