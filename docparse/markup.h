/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_MARKUP_H
#define DOCPARSE_MARKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "docparse/document.h"

/* Model output -> page. Reads what a Qwen-VL model answers to a page image: QwenVL-HTML, plain HTML, grounding
 * or key-value JSON, or plain text, each possibly fenced, preceded by prose, damaged, looping or cut. The
 * contract rule by rule is docparse/MARKUP.md. Bytes may arrive in any pieces; the result depends only on
 * their concatenation. Never fails because of the input: what cannot be read is left out, with a warning.
 * One parser is used by one thread at a time; different parsers are independent. */

/* The unit of the coordinates in the output: known from the model, never guessed from the numbers. */
enum dp_markup_unit {
    DP_MARKUP_FRAME_PIXELS, /* Qwen2.5-VL: pixels of the resized image (frame_width x frame_height) */
    DP_MARKUP_THOUSANDTHS   /* Qwen3-VL: 0..1000 across the page */
};

/* Why the model stopped, as the decoder knows it. */
enum dp_markup_stop {
    DP_MARKUP_STOP_TOKEN,  /* the model ended its answer itself */
    DP_MARKUP_STOP_LENGTH, /* the token limit cut the answer */
    DP_MARKUP_STOP_UNKNOWN /* a file, or a server that does not say */
};

/* Bounds; docparse/MARKUP.md gives the reasons. Reaching one is a warning and cuts the page, never an error. */
struct dp_markup_limits {
    uint64_t input_bytes; /* of the answer: 16 MiB */
    size_t block_text;    /* bytes of text of the blocks that are open at one time: 1 MiB */
    int32_t blocks;       /* of a page: 20000 */
    int32_t table_cells;  /* grid positions of one table, and cells of the open tables: 100000 */
    int32_t table_cols;   /* columns of a table and the largest span: 1000 */
    int32_t depth;        /* open elements, or open values of JSON: 32; at most 60 */
    int32_t silent_tags;  /* start tags in a row without any text: 4096 */
    int32_t repeats;      /* of a block, or a row of blocks, before it counts as a loop: 5 */
};

struct dp_markup_options {
    enum dp_markup_unit unit;
    int32_t frame_width, frame_height; /* of the image that the model saw; 0: coordinates are those of the page */
    enum dp_source_kind source;        /* given to every block */
    bool thinking;                     /* the answer starts with thoughts: everything up to </think> is dropped */
    bool keep_raw;                     /* result.raw holds the answer as it came */
    struct dp_markup_limits limits;
    /* Called with each block once it is complete: in reading order, but for lists, items and tables that hold
     * further blocks and come behind those. May be NULL. Captions are linked and lines derived only at the end. */
    void (*on_block)(void *ctx, const struct dp_page *page, int32_t block);
    void *ctx;
};

/* Qwen2.5-VL with the coordinates of the page itself, DP_FROM_VLM, default limits. */
struct dp_markup_options dp_markup_options_default(void);

enum dp_markup_kind { DP_MARKUP_EMPTY, DP_MARKUP_HTML, DP_MARKUP_JSON, DP_MARKUP_TEXT };

enum dp_markup_warning_code {
    DP_MARKUP_W_ENCODING,     /* bytes that are not UTF-8, or control characters, were replaced or dropped */
    DP_MARKUP_W_PREAMBLE,     /* prose before the first block */
    DP_MARKUP_W_POSTAMBLE,    /* prose behind the closing fence */
    DP_MARKUP_W_NOT_A_TAG,    /* '<' that starts no known tag: kept as text */
    DP_MARKUP_W_CUT_TAG,      /* the answer ended inside a tag: dropped with its box */
    DP_MARKUP_W_BAD_BOX,      /* not four numbers, or an unclosed value: no box */
    DP_MARKUP_W_BOX_REPAIRED, /* corners swapped or clamped to the page */
    DP_MARKUP_W_BOX_DROPPED,  /* nothing left of the box inside the page */
    DP_MARKUP_W_BARE_TEXT,    /* text outside of any block: a paragraph was made of it */
    DP_MARKUP_W_TABLE,        /* a table was repaired to a consistent grid */
    DP_MARKUP_W_NESTING,      /* elements deeper than the limit were flattened */
    DP_MARKUP_W_LATEX,        /* unbalanced LaTeX */
    DP_MARKUP_W_LOOP,         /* a loop was cut */
    DP_MARKUP_W_TRUNCATED,    /* the answer ended before its end */
    DP_MARKUP_W_LIMIT,        /* a bound was reached: something was left out */
    DP_MARKUP_W_JSON,         /* JSON that had to be repaired or skipped */
    DP_MARKUP_W_SEPARATOR,    /* content dropped: style, script, title */
    DP_MARKUP_WARNINGS        /* number of codes */
};

struct dp_markup_warning {
    enum dp_markup_warning_code code;
    uint64_t offset; /* byte of the answer as cleaned (equal to the raw offset while all is valid UTF-8) */
};

#define DP_MARKUP_WARNINGS_KEPT 64 /* warnings kept with their offset (of "encoding" the first only); all are counted  \
                                    */

/* Everything lies in the page's arena. */
struct dp_markup_result {
    enum dp_markup_kind kind;
    bool complete;        /* ended by the model, with everything closed that its format closes */
    bool truncated;       /* the answer ended early; the last block may be partial (DP_FLAG_TRUNCATED) */
    bool looped;          /* a loop was cut */
    const char *preamble; /* prose before the first block, "" when there was none */
    const char *raw;      /* with keep_raw: the answer; NULL otherwise or when the arena had no room */
    size_t raw_size;
    char sha256[65]; /* of the raw answer */
    uint64_t bytes;  /* of the raw answer */
    struct dp_markup_warning warnings[DP_MARKUP_WARNINGS_KEPT];
    int32_t n_warnings;                 /* kept */
    int32_t counts[DP_MARKUP_WARNINGS]; /* all, by code */
};

struct dp_markup;

/* New parser that fills `page` (from dp_page_new, without blocks; borrowed until dp_markup_drop). Set its
 * width and height before: boxes are mapped to these pixels; with 0 they take the frame's size. */
enum b_code dp_markup_new(struct dp_page *page, const struct dp_markup_options *options, struct dp_markup **out,
                          struct b_err *err) B_MUST_CHECK;

/* More bytes of the answer. Fails only for want of memory (B_NO_MEMORY). */
enum b_code dp_markup_push(struct dp_markup *markup, const void *data, size_t size, struct b_err *err) B_MUST_CHECK;

/* True when reading on is of no use: a loop was found, a limit reached, or the document was closed. The
 * decoder may stop; pushing more is allowed. */
bool dp_markup_wants_stop(const struct dp_markup *markup);

/* Ends the answer: completes open blocks, links captions, derives lines, sets the page's status, error and
 * warnings. To be called once; only dp_markup_drop may follow. The page then satisfies dp_page_check. */
enum b_code dp_markup_finish(struct dp_markup *markup, enum dp_markup_stop stop, struct dp_markup_result *result,
                             struct b_err *err) B_MUST_CHECK;
void dp_markup_drop(struct dp_markup *markup);

/* All of the above for an answer that lies in memory. result may be NULL. */
enum b_code dp_markup_parse(const void *data, size_t size, const struct dp_markup_options *options,
                            enum dp_markup_stop stop, struct dp_page *page, struct dp_markup_result *result,
                            struct b_err *err) B_MUST_CHECK;

/* Stable name of a warning, such as "bad_box"; never NULL. */
const char *dp_markup_warning_name(enum dp_markup_warning_code code);

#endif
