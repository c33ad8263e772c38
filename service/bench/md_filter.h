/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_MD_FILTER_H
#define SERVICE_BENCH_MD_FILTER_H

#include "service/bench/norm.h"

/* A predicted page of Markdown cut into what the protocol compares. */

enum bm_piece_kind { BM_TEXT, BM_EQUATION, BM_HTML_TABLE, BM_LATEX_TABLE, BM_RESCUE /* a formula to fall back on */ };
enum bm_fine {
    BM_FINE_NONE,
    BM_FINE_TEXT,
    BM_FINE_CODE,
    BM_FINE_INLINE,
    BM_FINE_PIPE_TABLE,
    BM_FINE_CAPTION, /* beside a formula */
    BM_FINE_RESCUE   /* found in an image's text, a table's cell or a paragraph */
};

struct bm_piece {
    enum bm_piece_kind kind;
    enum bm_fine fine;
    struct bm_str content;
    size_t start, end; /* position in the page, by which the pieces are ordered */
    size_t found;      /* order of discovery */
};

struct bm_pieces {
    struct bm_piece *at;
    size_t n, cap;
};

/* All pieces by position (ties keep the order of discovery). */
struct bm_pieces bm_md_filter(struct bm_mem *mem, struct bm_str markdown, enum bm_version version);

void bm_add_piece(struct bm_mem *mem, struct bm_pieces *pieces, const struct bm_piece *piece);

/* ![alternative](target) within one line. */
struct bm_image {
    struct bm_str alternative;
    size_t start, end;
};
bool bm_next_image(struct bm_str markdown, size_t from, struct bm_image *out);
/* Lines stripped, empty ones dropped. */
struct bm_str bm_tidy_lines(struct bm_mem *mem, struct bm_str text);

/* Pipe tables (each line that starts and ends with a pipe) rewritten as HTML, the rest unchanged. */
struct bm_str bm_pipes_to_html(struct bm_mem *mem, struct bm_str markdown);
size_t bm_count_pipe_rows(struct bm_str markdown);

#endif
