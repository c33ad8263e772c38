/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_HTML_TABLE_H
#define OUTPUT_HTML_TABLE_H

#include "docparse/document.h"
#include "engine/base/buf.h"

/* How the formats that write HTML tables differ. */
struct out_table_style {
    /* Appends attributes of <table> and of a cell (each with a leading blank); NULL: none. */
    void (*table_attributes)(struct b_buf *buf, void *ctx);
    void (*cell_attributes)(struct b_buf *buf, const struct dp_cell *cell, void *ctx);
    void (*cell_text)(struct b_buf *buf, const char *text, void *ctx); /* NULL: escaped, newlines become spaces */
    void *ctx;
    bool sections; /* <thead> and <tbody>, scope of header cells, <caption> */
    bool caption;  /* <caption> also without sections */
    bool lines;    /* one row a line */
    int32_t first; /* rows before this one are left out */
    bool more;     /* only rows (with sections: a <tbody> of its own), as a further part of a table */
    bool open;     /* without </table>: further parts follow */
};

/* The table as HTML. Without style compact on one line: rowspan and colspan are the only attributes. Positions
 * that no cell covers become empty cells. A long run of them becomes one cell with a span. */
void out_html_table(struct b_buf *buf, const struct dp_page *page, const struct dp_table *table,
                    const struct out_table_style *style);

#endif
