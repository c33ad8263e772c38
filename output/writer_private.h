/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_WRITER_PRIVATE_H
#define OUTPUT_WRITER_PRIVATE_H

#include <string.h>

#include "engine/base/buf.h"
#include "output/writer.h"

/* What every format shares: the pending bytes, the order of calls and the lists of blocks by parent.
 * A format's own struct starts with struct out_writer; its functions append to writer->buf, which the
 * frame (writer.c) hands to the sink after begin, after every page and at the end. */

#define OUT_DOMAIN "output"
#define OUT_PAGE_MAX ((size_t)1 << 30) /* bytes of one page in one format: pages with a picture of 50 Mpx stay below   \
                                        */

struct out_ops {
    /* Any of them may be NULL. drop frees what the format added to struct out_writer. */
    enum b_code (*begin)(struct out_writer *writer, struct b_err *err);
    enum b_code (*page)(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                        struct b_err *err);
    enum b_code (*end)(struct out_writer *writer, enum dp_status status, struct b_err *err);
    void (*drop)(struct out_writer *writer);
};

enum out_state { OUT_OPENED, OUT_BEGUN, OUT_ENDED, OUT_BROKEN };

struct out_writer {
    const struct out_ops *ops;
    struct out_options options;
    struct out_sink sink;
    struct b_buf buf; /* written, not yet handed to the sink */
    const struct dp_document_info *info; /* a copy, with its texts */
    struct b_arena *info_arena;
    const void *source;
    size_t source_size;
    enum out_state state;
    int32_t last_page, n_pages;
};

/* Zeroed writer of `size` bytes (>= sizeof(struct out_writer)) with its first part filled in. */
enum b_code out_writer_new(size_t size, const struct out_ops *ops, const struct out_options *options,
                           const struct out_sink *sink, struct out_writer **out, struct b_err *err) B_MUST_CHECK;


/* One further output; B_UNSUPPORTED when the caller takes none. */
enum b_code out_side(struct out_writer *writer, const char *name, const void *data, size_t size,
                     struct b_err *err) B_MUST_CHECK;

/* Blocks of a page by parent: children in reading order. Freed with out_tree_free. */
struct out_tree {
    int32_t first;         /* first block without parent, or DP_NONE */
    int32_t *child, *next; /* first child of a block; next block with the same parent */
    int32_t *caption;      /* first caption of a block; next_caption chains further ones */
    int32_t *next_caption;
};
enum b_code out_tree_new(const struct dp_page *page, struct out_tree *tree, struct b_err *err) B_MUST_CHECK;
void out_tree_free(struct out_tree *tree);

/* The block's table when it has cells; NULL otherwise: then its text is all there is. */
const struct dp_table *out_grid(const struct dp_page *page, const struct dp_block *block);
bool out_table_has_spans(const struct dp_page *page, const struct dp_table *table);

/* Openers of the formats; the registry in writer.c names them. */
#define OUT_OPENER(name)                                                                                               \
    enum b_code name(const struct out_options *options, const struct out_sink *sink, struct out_writer **out,          \
                     struct b_err *err)
OUT_OPENER(out_json_open);
OUT_OPENER(out_jsonl_open);
OUT_OPENER(out_html_open);
OUT_OPENER(out_markdown_open);
OUT_OPENER(out_text_open);
OUT_OPENER(out_qwenvl_html_open);
OUT_OPENER(out_csv_open);
OUT_OPENER(out_hocr_open);
OUT_OPENER(out_alto_open);
OUT_OPENER(out_figures_open);
OUT_OPENER(out_xlsx_open);
OUT_OPENER(out_pdf_open);
OUT_OPENER(out_overlay_open);

/* The block is in another language than its page, for formats that say the page's at the page. */
static inline bool out_own_language(const struct dp_page *page, const struct dp_block *block)
{
    return block->language && block->type != DP_CODE && (!page->language || strcmp(block->language, page->language) != 0);
}

#endif
