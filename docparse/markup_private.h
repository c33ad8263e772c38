/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_MARKUP_PRIVATE_H
#define DOCPARSE_MARKUP_PRIVATE_H

#include "docparse/markup.h"
#include "engine/base/buf.h"

/* Inside of the parser: cleaner (markup_clean.c) -> window -> prose (markup_prose.c), lexer (markup_lex.c,
 * markup_tag.c, markup_class.c) or JSON reader (markup_json.c) -> what a tag does first (markup_tags.c) -> structure
 * (markup_tree.c on libxml2) -> builder (markup_build.c, markup_end.c, markup_text.c, markup_table.c) -> page and loop
 * guard (markup_page.c), and the end (markup_finish.c). */

#define MK_DOMAIN "markup"

enum {
    MK_TAG_MAX = 8192,   /* bytes of one tag: a style attribute of a page's table takes 2 KiB */
    MK_PIECE = 16384,    /* bytes cleaned at a time: stays in the first-level cache */
    MK_DEPTH_MAX = 64,   /* size of the stacks; limits.depth stays below */
    MK_ENTITY_MAX = 34,  /* "&" + 32 + ";" */
    MK_SPECIAL_MAX = 44, /* "<|" + 40 + "|>" */
    MK_TRIES = 4,        /* '>' inside of one quoted value before its quote counts as missing */
    MK_FENCE_MAX = 48,   /* bytes of a fence line */
    MK_PERIOD = 8,       /* blocks, or rows, that may repeat together */
    MK_REPEATS_MAX = 7,  /* four times as many repeats of MK_PERIOD blocks fit into the ring */
    MK_KEY_MAX = 64      /* bytes of a JSON key that are looked at */
};

/* Kinds of elements; the catalogue in markup_tag.c gives each name one. */
enum mk_kind {
    MK_K_ROOT,    /* html, head, body: never reach the structure */
    MK_K_WRAP,    /* div, section... */
    MK_K_TEXT,    /* p, figcaption... */
    MK_K_HEADING, /* h1..h6 */
    MK_K_ADDRESS,
    MK_K_PRE,
    MK_K_CODE, /* a block outside of text, inline inside */
    MK_K_LIST,
    MK_K_ITEM,
    MK_K_TABLE,
    MK_K_GROUP, /* thead, tbody, tfoot */
    MK_K_ROW,
    MK_K_CELL,
    MK_K_CAPTION,
    MK_K_INLINE,
    MK_K_SCRIPT, /* sup, sub */
    MK_K_BREAK,  /* br, hr */
    MK_K_IMG,
    MK_K_INPUT,
    MK_K_VOID, /* meta, link...: dropped */
    MK_K_RAW   /* style, script, title: dropped with their content */
};

struct mk_name {
    const char *name;
    const char *skeleton; /* what libxml2 is told; NULL: nothing */
    uint8_t kind, level;  /* enum mk_kind; h1..h6 */
};
enum { MK_NAMES_MAX = 112 };
/* Index of a name in the catalogue (any case), or -1. */
int mk_name_find(const char *name, size_t len);
const struct mk_name *mk_name_at(int index);

struct mk_slice {
    const char *p;
    size_t n;
};

/* Numbers of a box as they came. */
struct mk_numbers {
    double v[8];
    int n;
    bool seen, bad; /* bad: more than eight, or no closing quote */
};
void mk_numbers_read(const char *s, size_t n, struct mk_numbers *out);

/* A tag with the attributes that mean something. Slices point into the window. */
struct mk_tag {
    int name;
    bool closing, self_closing, checked, joined, has_marker, has_start;
    struct mk_numbers box;
    struct mk_slice cls, scope, type, marker, kind, lang, flags, source;
    int32_t rowspan, colspan, start; /* spans: 1 when absent; 0 is kept */
    int32_t id, of, parent;          /* DP_NONE when absent */
    int32_t width, height;           /* of body */
    double dpi;
    float confidence;
    uint64_t offset;
};
/* Reads the tag at s[0..n), s[0] == '<'. Returns its length, 0 when it is none, -1 when it may go on behind n.
 * force: a value without a closing quote ends at the first '>'. */
int mk_tag_read(const char *s, size_t n, bool force, struct mk_tag *out);

/* What a class means. */
enum mk_class_role {
    MK_C_NONE,
    MK_C_TYPE,
    MK_C_IMAGE,
    MK_C_IMAGE_CAPTION,
    MK_C_IMAGE_OCR,
    MK_C_CHART,
    MK_C_FORMULA,
    MK_C_DRAWN
};
struct mk_class {
    enum mk_class_role role;
    enum dp_block_type type;
    bool is_inline;   /* formula set inside a line */
    const char *rest; /* chart: words behind "chart", in `words` */
    char words[64];
};
void mk_class_read(struct mk_slice value, struct mk_class *out);

enum mk_role {
    MK_R_WRAP,
    MK_R_SOFT, /* a line of its own inside of the text that is being collected */
    MK_R_LIST,
    MK_R_TABLE,
    MK_R_GROUP,
    MK_R_ROW,
    /* roles from here on collect text */
    MK_R_TEXT,
    MK_R_ITEM,
    MK_R_CELL,
    MK_R_CAPTION, /* of a table */
    MK_R_FIGURE,
    MK_R_CHART,
    MK_R_FORMULA,
    MK_R_INNER, /* the div with the formula's source */
    MK_R_DRAWN  /* code, music, chemistry: white space is kept */
};

/* What an element says of its block besides type, text and box. Texts lie in the arena. */
struct mk_meta {
    const char *lang, *marker, *kind;
    int32_t id, of, parent;
    uint32_t flags;
    float confidence;
    int8_t source; /* enum dp_source_kind or -1 */
    bool joined, has_marker;
};

struct mk_elem {
    uint8_t name, role, kind;
    uint8_t type;    /* enum dp_block_type, DP_BLOCK_TYPES: none of its own */
    uint8_t level;   /* headings 1..6; lists: nesting */
    uint8_t pending; /* of its text: 0, ' ' or '\n' is due before the next character */
    bool boxed, child_boxed, soft_boxed, box_guessed;
    bool told;  /* libxml2 knows of it; rows and cells it does not */
    bool pre;   /* white space is kept */
    bool image; /* an img was inside */
    bool ordered, display, description, saw_box;
    int8_t col;                      /* element that collects text here, or -1 */
    int32_t block;                   /* reserved on the page, or DP_NONE */
    int32_t count;                   /* lists: items so far */
    int32_t rowspan, colspan, scope; /* cells; scope: 0, 'r', 'c' */
    size_t start;                    /* of its text in mk.text */
    const char *latex;               /* formulas */
    struct dp_rect box, soft_box;
    struct mk_meta meta;
    uint64_t offset;
};

/* A cell before its table is complete. */
struct mk_cell {
    int32_t row, row_span, col_span;
    int32_t col; /* set when placed; -1: left out */
    struct dp_rect box;
    const char *text;
    float confidence;
    bool th, head;
    int8_t scope;
};
struct mk_table {
    int32_t first_cell; /* in mk.cells */
    int32_t rows;       /* rows begun */
    bool row_open, in_head, closed, repaired;
    const char *caption;
};

enum mk_mode {
    MK_M_THINK, /* thoughts: dropped up to </think> */
    MK_M_PROSE, /* nothing known yet: prose, a fence, JSON, HTML or the whole plain answer */
    MK_M_HTML,
    MK_M_RAW, /* inside style, script, title */
    MK_M_COMMENT,
    MK_M_DECL, /* <!doctype, <? */
    MK_M_JSON
};

/* Cleaner's state between pieces. */
struct mk_clean {
    unsigned char tail[4];
    int n_tail;
    bool cr, begun;
};

/* The loop guard's memory: the last completed blocks. */
struct mk_seen {
    uint64_t hash;
    struct dp_rect box;
    int32_t block, last; /* last: highest index among this block and all completed before it */
    bool boxed, heavy;   /* heavy: repeats soon look like a loop */
};
enum { MK_SEEN = 256 }; /* ring; more than MK_PERIOD times the most repeats that are waited for */
struct mk_loop {
    struct mk_seen ring[MK_SEEN];
    int64_t n;                  /* blocks completed */
    int64_t told;               /* blocks handed to on_block */
    int32_t run[MK_PERIOD + 1]; /* completed blocks in a row that repeat the one `period` before */
    int32_t period, phase;      /* of the loop being cut, or 0; place in it */
};

/* JSON reader: see markup_json.c. */
struct mk_value {
    bool object, boxed, is_point, key_next, emitted, closed_box;
    int16_t box_depth; /* depth of the array that holds the box's numbers; 0: none */
    char key[MK_KEY_MAX];
    size_t start; /* of its pairs in mk.text */
    struct mk_numbers box;
    uint64_t offset;
};
struct mk_json {
    struct mk_value stack[MK_DEPTH_MAX];
    int depth;
    int skip;   /* values deeper than the limit */
    char quote; /* in a string: its quote */
    bool escape, in_key, bare, any, done;
    int hex; /* digits of \u still to come */
    uint32_t unit, high;
    size_t string; /* start of the string in mk.text */
};

struct mk_id {
    int32_t id, block;
};
struct mk_ref {
    int32_t block, of, parent;
};

struct mk_tree; /* libxml2's side: markup_tree.c */
struct dp_sha256;

/* Cleaned bytes that are not yet lexed: bytes[at, end). */
struct mk_window {
    char *bytes;
    size_t at, end, cap;
    uint64_t base; /* offset of bytes[0] in the cleaned answer */
};

struct mk_lexer {
    enum mk_mode mode;
    bool final;       /* no more bytes will come */
    bool line_start;  /* prose: at the start of a line */
    bool inline_tags; /* prose: tags of text were met */
    char math;        /* 0, '$', '2' for $$, ')' or ']' */
    bool money, tex;  /* of an open '$': begins with a digit; holds signs of LaTeX */
    size_t no_gt;     /* no '>' in the window between its `at` and this place */
    uint64_t held_at; /* offset of the tag that waits for more bytes */
    size_t held_from; /* where its next '>' is looked for, relative to the tag */
    int held_tries;
    int raw_name;   /* RAW: the element */
    int dashes;     /* COMMENT: '-' in a row, at most 2 */
    int32_t silent; /* start tags since the last text */
    struct b_buf prose;
    uint64_t prose_offset;
};

/* What was left out for want of room. text, prose: something was since the buffer had room for everything. */
struct mk_full {
    bool memory, arena, input, blocks, text, prose;
};

/* The open tables, inner ones behind outer ones. */
struct mk_grids {
    struct mk_cell *cells;
    int32_t n_cells, cap_cells;
    struct mk_table tables[MK_DEPTH_MAX];
    int n_tables;
};

/* Names of blocks, and who refers to them: settled at the end. */
struct mk_links {
    struct mk_id *ids;
    struct mk_ref *refs;
    int32_t n_ids, cap_ids, n_refs, cap_refs;
};

struct dp_markup {
    struct dp_page *page;
    struct dp_markup_options opt;
    struct dp_markup_result res;
    struct dp_sha256 *sha;
    struct b_buf raw;
    struct mk_full full;
    bool ended;
    bool fenced, fence_closed; /* an opening, a closing fence was met */
    bool saw_root, html_end;   /* <html> or <body>, </body> or </html> */
    bool cutting, cut_tag;     /* closing what the answer left open; it ended inside a tag */
    struct mk_window win;
    struct mk_clean clean;
    struct mk_lexer lex;
    /* frame */
    double frame_w, frame_h;
    enum dp_source_kind source;
    /* structure and builder */
    struct mk_tree *tree;
    const struct mk_tag *starting; /* handed to the structure, not yet begun */
    int ending;                    /* name of the end tag at work, or -1 */
    int32_t n_inlined;             /* sum of inlined[] */
    struct mk_elem stack[MK_DEPTH_MAX];
    int depth;                        /* elements open; stack[0] is the page */
    uint16_t opened[MK_NAMES_MAX];    /* open elements by name */
    uint32_t flattened[MK_NAMES_MAX]; /* start tags left out by name: their end tags are left out too */
    uint32_t inlined[MK_NAMES_MAX];   /* start tags of text taken as marks */
    uint64_t first_bad_byte;          /* of the encoding warnings only the first is kept, put in its place at the end */
    uint64_t place;                   /* of what is at work: a tag, the start of bare text, a sign of JSON */
    struct {
        bool open;       /* the top of the stack is made up, for text outside of any block */
        uint64_t offset; /* of its first character */
    } anon;
    struct {
        bool open; /* inside sup or sub */
        char sign; /* '^' or '_' */
        size_t start;
    } script;
    struct b_buf text; /* texts being collected, inner ones behind outer ones */
    bool empty_box;    /* an empty p with a box waits for an address */
    struct mk_elem empty;
    struct mk_grids grids;
    struct mk_loop loop;
    struct mk_json json;
    struct mk_links links;
    struct {
        size_t blocks, tables, cells; /* of the page's arrays */
    } room;
};

/* markup.c */
void mk_warn(struct dp_markup *m, enum dp_markup_warning_code code, uint64_t offset);
uint64_t mk_offset(const struct dp_markup *m, size_t at); /* of a place in the window */
/* A copy in the arena; "" and m->full.arena when there is no room. */
const char *mk_text_copy(struct dp_markup *m, const char *text, size_t len);
bool mk_grow(struct dp_markup *m, void **array, int32_t count, int32_t *cap, size_t size);

/* markup_clean.c: cleans as much of data as the window takes; the number of bytes used. */
size_t mk_clean_into(struct dp_markup *m, const unsigned char *data, size_t size);
void mk_clean_end(struct dp_markup *m);

/* Readers of the window: take what is complete, all of it when m->lex.final. */
void mk_lex_html(struct dp_markup *m);
void mk_lex_prose(struct dp_markup *m);
void mk_prose_end(struct dp_markup *m); /* the answer was never anything else */
void mk_json_read(struct dp_markup *m);
void mk_json_end(struct dp_markup *m);
/* The tag at the window's front: its length, MK_NO_TAG, MK_HOLD (more bytes must come) or MK_CUT (the answer
 * ends inside of it). `known` says whether its name was in the catalogue. */
enum { MK_NO_TAG = 0, MK_HOLD = -1, MK_CUT = -2 };
int mk_find_tag(struct dp_markup *m, struct mk_tag *out, bool *known);
/* Length of a special token such as <|im_end|> at s: 0 none, -1 not yet known. */
int mk_special(const char *s, size_t n, bool final);
/* Takes on data that was held back as prose. */
void mk_replay(struct dp_markup *m, const char *data, size_t size);

/* markup_tree.c: the only code that sees libxml2. */
bool mk_tree_open(struct dp_markup *m);
uint32_t mk_tree_entity(const char *name, size_t len); /* code point of a named reference, 0: unknown */
void mk_tree_start(struct dp_markup *m, const struct mk_tag *tag);
void mk_tree_end(struct dp_markup *m, int name);
void mk_tree_close_top(struct dp_markup *m);
void mk_tree_drop(struct mk_tree *tree);

/* markup_tags.c: what a tag does, before and after the structure. */
void mk_tag_take(struct dp_markup *m, const struct mk_tag *tag);
void mk_close_all(struct dp_markup *m);

/* markup_build.c: elements begin; markup_end.c: they end. */
void mk_build_start(struct dp_markup *m, const struct mk_tag *tag);
void mk_build_end(struct dp_markup *m);
void mk_image(struct dp_markup *m, const struct mk_tag *tag);
void mk_anon_open(struct dp_markup *m);
void mk_anon_close(struct dp_markup *m);
void mk_flush_empty(struct dp_markup *m);
struct mk_meta mk_meta_read(struct dp_markup *m, const struct mk_tag *tag);
bool mk_box_of(struct dp_markup *m, const struct mk_numbers *numbers, uint64_t offset, struct dp_rect *out,
               uint32_t *flags);

/* markup_text.c */
void mk_text(struct dp_markup *m, const char *s, size_t n);
void mk_text_break(struct dp_markup *m); /* the next character starts a line */
void mk_text_mark(struct dp_markup *m, char script, bool open);
struct mk_slice mk_collected(struct dp_markup *m, struct mk_elem *e); /* trimmed */
void mk_text_drop(struct dp_markup *m, struct mk_elem *e);            /* forgets the text of e */
/* Appends as many whole characters as buf's maximum allows; false when some were left out. */
bool mk_bounded_append(struct b_buf *buf, const char *s, size_t n);
size_t mk_loop_in_text(const char *text, size_t len); /* length without a loop at its end */
struct mk_slice mk_unfence(struct mk_slice text);     /* without the fence lines around code */
struct mk_slice mk_trim(struct mk_slice text);
/* Collapses the white space of collected text where it lies. */
struct mk_slice mk_squeeze(struct dp_markup *m, struct mk_slice text);

/* markup_table.c */
bool mk_cell_add(struct dp_markup *m, const struct mk_elem *e, const char *text);
/* Completes the innermost open table: its index on the page, or DP_NONE when it is empty. */
int32_t mk_table_finish(struct dp_markup *m, uint64_t offset, bool *repaired, bool *looped);
const char *mk_table_text(struct dp_markup *m, int32_t table);

/* markup_page.c */
int32_t mk_block_add(struct dp_markup *m, enum dp_block_type type, int32_t level, int32_t parent);
void mk_block_drop_last(struct dp_markup *m, int32_t block);
void mk_complete(struct dp_markup *m, int32_t block);
void mk_loop_flush(struct dp_markup *m);
void mk_set_box(struct dp_block *b, const struct mk_elem *e);
void mk_set_meta(struct dp_markup *m, int32_t block, const struct mk_meta *meta);

/* markup_finish.c */
void mk_finish_page(struct dp_markup *m, enum dp_markup_stop stop);

#endif
