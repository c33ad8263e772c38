/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_DOCUMENT_H
#define DOCPARSE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/err.h"

/* The document model. A page is self-contained: flat arrays in the page's own arena, indices instead of
 * pointers between them, so that pages are made on any thread, written as soon as they are ready and
 * freed at once (memory stays flat over 10,000 pages). A document is a header plus its pages.
 *
 * Coordinates: pixels of the page image, x to the right, y down, pixel centres at +0.5. Indices are
 * int32, -1 meaning none. Texts are UTF-8, NUL-terminated, without control characters, never NULL
 * unless said. Confidence is 0..1, or DP_NO_CONFIDENCE where nobody measured one. */

#define DP_NONE (-1)
#define DP_NO_CONFIDENCE (-1.0f)

struct dp_rect {
    float x0, y0, x1, y1; /* x0 <= x1, y0 <= y1 */
};

struct dp_point {
    float x, y;
};

enum dp_block_type {
    DP_TITLE, DP_HEADING, DP_PARAGRAPH, DP_LIST, DP_LIST_ITEM, DP_TABLE, DP_FIGURE, DP_CHART, DP_FORMULA,
    DP_CODE, DP_CAPTION, DP_HEADER, DP_FOOTER, DP_PAGE_NUMBER, DP_FOOTNOTE, DP_REFERENCE, DP_STAMP,
    DP_HANDWRITING, DP_BARCODE, DP_MUSIC, DP_CHEMISTRY, DP_OTHER,
    DP_BLOCK_TYPES /* number of types */
};

enum dp_source_kind { DP_FROM_TEXT_LAYER, DP_FROM_COMPACT, DP_FROM_VLM, DP_FROM_REPAIR };

/* Flags of blocks and lines; names by dp_flag_name. */
enum dp_flag {
    DP_FLAG_LOW_CONFIDENCE = 1u << 0,      /* read with a confidence below 0.5 */
    DP_FLAG_UNREADABLE = 1u << 1,          /* ink that looks like text and could not be read; text may be "" */
    DP_FLAG_TEXT_LAYER_MISMATCH = 1u << 2, /* the text layer here did not fit the ink and was not used */
    DP_FLAG_LOOP_GUARD = 1u << 3,          /* truncated_by_loop_guard: repeated model output was cut */
    DP_FLAG_TRUNCATED = 1u << 4,           /* the model's output ended inside this block */
    DP_FLAG_REPAIRED = 1u << 5,            /* structure was repaired: spans, nesting, coordinates */
    DP_FLAG_BAD_LATEX = 1u << 6,           /* formula source is unbalanced or unknown: shown as source */
    DP_FLAG_VERTICAL = 1u << 7,            /* the line runs from top to bottom */
    DP_FLAG_TURNED = 1u << 8,              /* the line is turned against its page */
    DP_FLAG_HIDDEN = 1u << 9,              /* text-layer words that are invisible on the page (OCR layer) */
    DP_FLAG_BOX_GUESSED = 1u << 10         /* the box was derived, not given */
};

/* Font style bits of a word. */
enum dp_style { DP_BOLD = 1u << 0, DP_ITALIC = 1u << 1, DP_MONO = 1u << 2, DP_SUPERSCRIPT = 1u << 3, DP_SUBSCRIPT = 1u << 4 };

struct dp_word {
    struct dp_rect bbox;
    const char *text;
    float confidence;
    float font_size;  /* points; 0 when unknown */
    const char *font; /* name as the file gives it; NULL when unknown */
    uint32_t style;   /* dp_style bits */
    bool joined;      /* no space between this word and the next one of its line */
};

struct dp_line {
    struct dp_rect bbox;
    struct dp_point quad[4]; /* top-left, top-right, bottom-right, bottom-left in reading direction */
    const char *text;        /* the words with their spaces */
    float confidence;
    enum dp_source_kind source;
    uint32_t flags;
    int32_t block;           /* the block that holds it; DP_NONE before assembly */
    int32_t first_word, n_words;
    float font_size;         /* points: the median of its words, or from the line's height; 0 unknown */
};

enum dp_header_kind { DP_NOT_HEADER, DP_COLUMN_HEADER, DP_ROW_HEADER };

struct dp_cell {
    int32_t row, col, row_span, col_span; /* 0-based; spans >= 1 and inside the grid */
    enum dp_header_kind header;
    struct dp_rect bbox;                  /* all zero when unknown */
    const char *text;                     /* without the dots that lead to the next cell */
    float confidence;
};

/* A consistent grid: every grid position is covered by at most one cell, cells in row-major order. Column 0 is the one
 * that is read first: the rightmost one where text runs from right to left. */
struct dp_table {
    int32_t rows, cols;
    int32_t first_cell, n_cells;
    const char *caption;   /* NULL when none */
    bool continues;        /* it goes on with the last table of the page before, whose block is `joined` */
    int32_t repeated_rows; /* rows at its start that repeat that table's head */
};

struct dp_block {
    enum dp_block_type type;
    int32_t level;  /* headings 1..6, lists: nesting from 0; otherwise 0 */
    int32_t order;  /* reading order on the page, 0-based, unique among the blocks of one page */
    int32_t parent; /* enclosing block (list of an item, figure of a caption...) or DP_NONE */
    struct dp_rect bbox;
    const char *text; /* plain text; tables: cells row by row, tabs and newlines between */
    float confidence;
    enum dp_source_kind source;
    uint32_t flags;
    int32_t first_line, n_lines; /* lines of the block, contiguous and in reading order */
    int32_t table;               /* index into the page's tables or DP_NONE (tables and charts) */
    const char *latex;           /* formulas: LaTeX without delimiters; NULL otherwise */
    bool display;                /* formulas: display style */
    const char *chart_kind;      /* charts: "bar", "line", "pie"...; NULL otherwise */
    int32_t caption_of;          /* captions: the block they belong to, or DP_NONE */
    const char *marker;          /* list items: "•", "1."; NULL otherwise */
    const char *language;        /* code blocks: the language; other blocks: BCP 47 tag when known; NULL otherwise */
    const char *script;          /* of most of its letters, ISO 15924 ("Latn", "Jpan"); NULL: none, or not looked at */
    bool joined;                 /* the paragraph goes on in the next block of its type (column or page break) */
    bool has_bbox;               /* false when no box is known (model output without coordinates) */
};

/* What a stretch of a block's text is. Formulas and what is raised or lowered are found today. */
enum dp_span_kind {
    DP_SPAN_FORMULA, DP_SPAN_SUPERSCRIPT, DP_SPAN_SUBSCRIPT, DP_SPAN_BOLD, DP_SPAN_ITALIC, DP_SPAN_MONO, DP_SPAN_LINK,
    DP_SPAN_KINDS /* number of kinds */
};

/* A stretch of a block's text that is more than its plain characters. The text itself stays complete: a span only
 * says how to show it. Spans of a page are sorted by block and place and do not overlap. */
struct dp_span {
    int32_t block;
    int32_t begin, end; /* bytes of the block's text, at borders of characters; begin < end */
    enum dp_span_kind kind;
    const char *latex;  /* formulas: LaTeX without delimiters, inline style; NULL otherwise */
    struct dp_rect bbox; /* of all its parts, where a line's end cuts it */
    float confidence;
};

enum dp_status { DP_STATUS_OK, DP_STATUS_PARTIAL, DP_STATUS_FAILED };

/* One page with everything it owns; made by dp_page_new, freed by dp_page_drop. Fields may be written by
 * the code that builds the page; afterwards it is read-only and may be shared between threads. */
struct dp_page {
    struct b_arena *arena;
    int32_t number;       /* 1-based */
    int32_t width, height; /* of the page image, pixels */
    double dpi;           /* of the page image; 0 when unknown */
    double rotation;      /* clockwise degrees that bring the page upright: 0, 90, 180, 270 */
    double skew;          /* remaining angle of the lines, degrees, clockwise positive */
    const char *language; /* of most of its text, BCP 47; NULL when not known */
    const char *script;   /* of most of its letters, ISO 15924; NULL: none, or not looked at */
    enum dp_status status;
    struct b_err error;   /* why, when status is not OK */
    const char **warnings; /* complete sentences, such as a pixel limit that was applied */
    int32_t n_warnings;
    struct dp_block *blocks; /* in reading order */
    int32_t n_blocks;
    struct dp_line *lines;
    int32_t n_lines;
    struct dp_word *words;
    int32_t n_words;
    struct dp_table *tables;
    int32_t n_tables;
    struct dp_cell *cells;
    int32_t n_cells;
    struct dp_span *spans;
    int32_t n_spans;
};

/* New empty page whose results may take at most arena_bytes. */
enum b_code dp_page_new(int32_t number, size_t arena_bytes, struct dp_page **out, struct b_err *err) B_MUST_CHECK;
void dp_page_drop(struct dp_page *page);

/* Appends a warning (formatted into the arena; dropped silently only when the arena is full, which the
 * page then reports by its status). */
void dp_page_warn(struct dp_page *page, const char *fmt, ...) B_PRINTF(2, 3);

/* What is known before the first page is read. Strings are borrowed from the producer. */
struct dp_document_info {
    const char *source_name;       /* as the user gave it, without folders */
    char source_sha256[65];        /* lower-case hex */
    const char *media_type;
    int32_t page_count;            /* of the source */
    const char *model_name;        /* "compact" or the checkpoint's name */
    char model_sha256[65];
    char options_sha256[65];
    const char *title, *author, *subject, *language; /* metadata of the file; NULL when absent */
};

/* A whole document in memory (tests, service): header plus pages. Streams hand pages out one by one instead. */
struct dp_document {
    struct dp_document_info info;
    struct dp_page **pages; /* owned */
    int32_t n_pages;
    enum dp_status status;
};
void dp_document_clear(struct dp_document *document); /* drops the pages; info is borrowed */

/* Names the first broken invariant of the page (or B_OK): indices, spans, order, boxes, UTF-8. */
enum b_code dp_page_check(const struct dp_page *page, struct b_err *err) B_MUST_CHECK;
enum b_code dp_document_check(const struct dp_document *document, struct b_err *err) B_MUST_CHECK;

/* Number of the block's spans; they stand at spans[*first] and behind it. Logarithmic in the page's spans. */
int32_t dp_spans_of(const struct dp_page *page, int32_t block, int32_t *first);

/* Stable lower-case names used in JSON and HTML, such as "list_item"; never NULL. */
const char *dp_block_type_name(enum dp_block_type type);
const char *dp_span_kind_name(enum dp_span_kind kind);     /* formula, superscript, subscript, bold, italic, mono, link */
const char *dp_source_kind_name(enum dp_source_kind kind); /* text_layer, compact, vlm, repaired */
const char *dp_status_name(enum dp_status status);         /* ok, partial, failed */
/* Name of one flag bit such as "low_confidence"; NULL for an unknown bit. */
const char *dp_flag_name(uint32_t bit);

#endif
