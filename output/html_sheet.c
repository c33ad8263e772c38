/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a page with its blocks as boxes in reading order. A box is a link to its block, so it works
 * without the script as well; the script lights up both when the pointer is on either. */
#include <math.h>

#include "output/escape.h"
#include "output/html_private.h"
#include "output/picture.h"

#define SHEET_WIDTH 1400 /* px: small print stays readable, an office page takes about 200 KB */

const char out_html_script[] =
    "(()=>{const f=(e,on)=>{const t=e.target.closest&&e.target.closest('[data-for],.text [id][data-bbox]'"
    ");if(!t)return;const id=t.dataset.for||t.id,b=document.getElementById(id);document.querySelectorAll("
    "'[data-for=\"'+id+'\"]').forEach(x=>x.classList.toggle('hot',on));if(b)b.classList.toggle('hot',on)};f"
    "or(const[n,on]of[['mouseover',true],['mouseout',false],['focusin',true],['focusout',false]])document"
    ".addEventListener(n,e=>f(e,on))})()";

/* SHA-256 of the script, base64; held against it by a test. */
const char out_html_script_sha256[] = "ZM5GPFA4BdvrlBblHf+PxfaJcneDuQOKi1KVOg+xh1E=";

const char out_html_sheet_css[] =
    ".sheets header.document,.sheets footer.document,.sheets main{max-width:112rem}\n"
    ".with-sheet{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:2rem;padding:2.2rem 1.5rem "
    "1.5rem}\n"
    ".with-sheet>.text{min-width:0}\n"
    ".frame{position:sticky;top:1rem;line-height:0;border:1px solid var(--line);border-radius:3px;overflow:hidden}\n"
    ".frame img{width:100%;height:auto;display:block;background:#fff}\n"
    ".box{--c:37 99 235;position:absolute;border:1.5px solid "
    "rgb(var(--c)/.55);border-radius:2px;background:rgb(var(--c)/.05)}\n"
    ".box[data-type=title],.box[data-type=heading]{--c:190 24 93}.box[data-type=table],.box[data-type=chart]{--c:21 "
    "128 61}"
    ".box[data-type=figure]{--c:202 104 4}.box[data-type=formula]{--c:126 34 206}.box[data-type=caption]{--c:161 98 7}"
    ".box[data-type=list_item],.box[data-type=list]{--c:14 116 144}.box[data-type=code]{--c:71 85 105}"
    ".box[data-type=header],.box[data-type=footer],.box[data-type=page_number]{--c:120 130 145}\n"
    ".box:hover,.box.hot,.box:focus{background:rgb(var(--c)/.22);border-color:rgb(var(--c));outline:none}\n"
    ".text .hot{background:rgb(37 99 235/.12);box-shadow:0 0 0 .3rem rgb(37 99 235/.12);border-radius:2px}\n"
    "@media (max-width:60rem){.with-sheet{grid-template-columns:1fr}.frame{position:relative}}\n"
    "@media print{.sheet{display:none}.with-sheet{display:block}}\n";

static void percent(struct b_buf *buf, const char *name, float value, int32_t whole)
{
    b_buf_printf(buf, "%s:", name);
    out_fixed(buf, 100.0 * (double)value / (double)whole, 2);
    b_buf_puts(buf, "%;");
}

static void box(struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    const int32_t width = h->page->width, height = h->page->height;
    const float x0 = fmaxf(b->bbox.x0, 0), y0 = fmaxf(b->bbox.y0, 0);
    const float x1 = fminf(b->bbox.x1, (float)width), y1 = fminf(b->bbox.y1, (float)height);
    if (!b->has_bbox || !(x1 > x0 && y1 > y0))
        return;
    b_buf_printf(h->buf, "<a class=\"box\" href=\"#p%d-b%d\" data-for=\"p%d-b%d\" data-type=\"%s\" style=\"",
                 h->page->number, i, h->page->number, i, dp_block_type_name(b->type));
    percent(h->buf, "left", x0, width);
    percent(h->buf, "top", y0, height);
    percent(h->buf, "width", x1 - x0, width);
    percent(h->buf, "height", y1 - y0, height);
    b_buf_printf(h->buf, "\" title=\"%d %s", b->order + 1, dp_block_type_name(b->type));
    if (b->confidence >= 0.0f) {
        b_buf_putc(h->buf, ' ');
        out_fixed(h->buf, 100.0 * (double)b->confidence, 1);
        b_buf_puts(h->buf, " %");
    }
    b_buf_puts(h->buf, "\"></a>\n");
}

void out_html_sheet(struct html_page *h)
{
    if (h->page->width < 1 || h->page->height < 1)
        return;
    b_buf_printf(
        h->buf,
        "<div class=\"sheet\"><div class=\"frame\"><img width=\"%d\" height=\"%d\" alt=\"Picture of page %d\" src=\"",
        h->image->width, h->image->height, h->page->number);
    if (h->code == B_OK)
        h->code = out_data_uri(h->buf, *h->image, SHEET_WIDTH, h->err);
    b_buf_puts(h->buf, "\">\n");
    /* Lists come with their items: those have boxes of their own. */
    for (int32_t i = 0; i < h->page->n_blocks; i++)
        if (h->page->blocks[i].type != DP_LIST || h->tree->child[i] == DP_NONE)
            box(h, i);
    b_buf_puts(h->buf, "</div></div>\n");
}
