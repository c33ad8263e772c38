/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_ASSEMBLY_PRIVATE_H
#define DOCPARSE_ASSEMBLY_ASSEMBLY_PRIVATE_H

#include "docparse/assembly.h"

/* Private to assembly. A line of the page is an item; items of one row are joined to rows, rows that follow
 * each other to chains, chains are split into paragraphs (blocks), blocks are ordered and named. All
 * decisions are made in flattened coordinates in which text runs to the right and lines follow downwards. */

/* From page pixels to the flattened upright page. Plain value. */
struct dp_flat_frame {
    int turns;                  /* clockwise quarter turns that bring the page upright */
    float page_w, page_h;       /* page image */
    float w, h;                 /* upright page */
    bool warped;                /* the fields below are in use */
    double cx, cy, scale;       /* normalised coordinates: (x - cx) / scale */
    double down[15], across[6]; /* displacement fields, pixels; see frame.c */
};

/* Two points of one level rule; flattened upright page. */
struct dp_rule_step {
    struct dp_point a, b;
};

enum { DP_PUNCT_SENTENCE = 1, DP_PUNCT_HYPHEN = 2, DP_PUNCT_COLON = 4 };

/* Dots that lead to a number at the line's end, as in a table of contents. */
enum { DP_LEADER_NONE, DP_LEADER_OPEN /* the line ends in dots */, DP_LEADER_NUMBER /* behind the dots */ };

/* One line of the page. */
struct dp_item {
    struct dp_rect box; /* in the frame of its direction: x along the text, y downwards */
    float size;         /* type size, pixels; comparable between sources only roughly */
    int32_t line;       /* index into page->lines */
    int32_t chars;      /* visible ones */
    int32_t cjk, digits, letters, capitals, rtl, spaces;
    uint32_t first, last; /* code points; 0 when the line has no text */
    int32_t marker;       /* bytes of a list marker at the start; 0: none */
    const char *drawn;    /* the sign of a list marker that is drawn in front of it and no part of its text, or NULL */
    uint8_t ends;         /* DP_PUNCT_ bits of the last character */
    uint8_t direction;    /* text runs 0 right, 1 down, 2 left, 3 up on the upright page */
    bool bold, mono, vertical;
    bool listing;     /* of lines in a fixed face that stand in columns and are no table */
    bool lone_marker; /* nothing but a bullet or list number */
    uint8_t leader;   /* DP_LEADER_ */
    bool led;         /* a dotted rule goes from its end to the next item of its row */
    bool place;       /* a number below or above others that leaders lead to */
    int32_t table;    /* index into dp_assembly.tables, DP_IN_FORMULA or DP_NONE */
};

/* Pieces side by side that are read as one line. */
struct dp_row {
    struct dp_rect box;
    float size, height;   /* height: of its largest piece */
    int32_t first, count; /* into dp_assembly.row_items */
    int32_t chars, cjk, digits, letters;
    int32_t above, below; /* neighbours in its chain or DP_NONE */
    int32_t head, tail;   /* first and last item in reading order */
    bool bold, mono, rtl;
    bool entry; /* of a table of contents: it ends in a leader and a number */
};

/* A paragraph in the making. */
struct dp_draft_block {
    struct dp_rect box;   /* in the main frame */
    int32_t first, count; /* into dp_assembly.block_rows; count 0: merged into another block */
    int32_t chars, lines;
    float size, height; /* median row height */
    enum dp_block_type type;
    int32_t level, marker; /* marker: bytes of the list marker of its first line */
    const char *drawn;     /* in front of its first line, as in dp_item */
    uint8_t direction;
    bool bold, aside, rtl, grid; /* aside: turned text outside the flow; grid: rows of cells */
    bool before, after;          /* page header: before the body; page footer: behind it */
    int32_t table;               /* index into dp_assembly.tables, or DP_NONE */
    int32_t picture;             /* index into dp_assembly.pictures, or DP_NONE; such a block may have no rows */
    int32_t formula;             /* index into dp_assembly.formulas + 1, or 0 */
    int32_t inside;              /* the picture that the block lies over, or DP_NONE: it is read behind it */
};

#define DP_PICTURES_MOST 64 /* of one page; more are ornaments */

/* A picture. */
struct dp_picture {
    struct dp_rect page_box, box; /* page pixels; main frame */
    float score;                  /* of the network, or DP_NO_CONFIDENCE */
    bool seen;                    /* by the network */
};

/* A drawing made of paths. */
struct dp_drawing {
    struct dp_rect page_box; /* page pixels */
    bool sure;               /* no table and no formula is looked for in it */
};

/* One cell of a table in the making; words that fall into it are found when the table is written. */
struct dp_draft_cell {
    int32_t row, col, row_span, col_span;
};

/* A table: its lines, and the positions of its columns and rows. */
struct dp_draft_table {
    struct dp_rect box; /* in the main frame */
    int32_t *items, n_items;
    float *xs, *ys; /* [cols + 1], [rows + 1] */
    int32_t rows, cols;
    int32_t *owner;              /* [rows * cols]: cell that covers the position */
    struct dp_draft_cell *cells; /* row by row */
    int32_t n_cells, header_rows;
    bool header_column; /* the first column names the rows */
    bool rtl;           /* its text runs from right to left, and so do its columns: the first one is rightmost */
    uint8_t direction;  /* of its text; xs and ys are in the frame of this direction */
};

#define DP_IN_FORMULA (-2) /* dp_item.table: the line belongs to a displayed formula */

/* A displayed formula: its lines, and what its glyphs say. */
struct dp_draft_formula {
    struct dp_rect box; /* in the main frame */
    int32_t *items, n_items;
    const char *latex, *tag; /* in the scratch arena */
    float confidence;
};

struct dp_assembly {
    struct dp_page *page;
    const struct dp_sheet *sheet;     /* may be NULL */
    const struct dp_regions *regions; /* may be NULL */
    struct b_arena *arena;            /* scratch */
    struct dp_flat_frame frame;
    struct dp_item *items; /* one per line of the page, same index */
    int32_t n_items;
    struct dp_row *rows;
    int32_t n_rows;
    int32_t n_row_items;
    int32_t *row_items, *block_rows; /* block_rows has room for every row three times: grids and figures are appended */
    int32_t n_block_rows;
    struct dp_draft_block *blocks;
    int32_t n_blocks, blocks_room;
    int32_t *order; /* block indices in reading order; n_order of them */
    int32_t n_order;
    struct dp_rect *rules; /* flattened, main frame; vertical ones first */
    int32_t n_vertical, n_rules;
    struct dp_rule_step *bends; /* steps along long rules; these are level on paper */
    int32_t n_bends;
    struct dp_draft_table *tables;
    int32_t n_tables;
    struct dp_picture *pictures;
    int32_t n_pictures;
    struct dp_drawing *drawings;
    int32_t n_drawings;
    struct dp_draft_formula *formulas;
    int32_t n_formulas;
    const uint8_t *grey; /* the page image in grey once somebody asked for it */
    uint8_t *upright;    /* the same turned upright, where it is not */
    uint8_t *flat;       /* the same as it would be flat, where it is bent; of the latest frame */
    struct dp_rule_search *search; /* runs of pixels of the latest frame, or NULL; image_rules.c */
    float *strokes;      /* stroke width of each item's line, pixels; weight.c */
    float height;        /* median row height of the main direction */
    float leading;       /* usual gap between lines over their height; 0 unknown */
    float body;          /* type size, weighted by text length */
    int main_direction;
    bool rtl; /* most letters are right-to-left */
};

/* frame.c */
enum b_code dp_frame_make(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* Fits the frame again, to a->bends too, where the page is warped or they say so: lines of text say less than long
 * rules do. */
enum b_code dp_frame_refine(struct dp_assembly *a, bool *changed, struct b_err *err) B_MUST_CHECK;
/* The point of the upright page that flattening moves to `flat`. */
struct dp_point dp_frame_unflatten(const struct dp_flat_frame *frame, struct dp_point flat);
struct dp_point dp_frame_upright(const struct dp_flat_frame *frame, struct dp_point p);
struct dp_point dp_frame_flatten(const struct dp_flat_frame *frame, struct dp_point upright);
/* Boxes between the upright page and the frame of text that runs in `direction`. */
struct dp_rect dp_frame_to_direction(const struct dp_flat_frame *frame, struct dp_rect upright, int direction);
struct dp_rect dp_frame_from_direction(const struct dp_flat_frame *frame, struct dp_rect box, int direction);
int dp_line_direction(const struct dp_flat_frame *frame, const struct dp_line *line);

/* weight.c: marks bold lines of recognised text. */
enum b_code dp_items_weigh(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* The page image in grey, made once; rows are *width apart. *grey NULL: the page has no image. */
enum b_code dp_page_grey(struct dp_assembly *a, const uint8_t **grey, int32_t *width, int32_t *height,
                         struct b_err *err) B_MUST_CHECK;

/* image_rules.c: looks for rules in the page's pixels and notes into a->bends what they say about the frame. Then, once
 * the frame is settled, the rules themselves, into a->rules. */
enum b_code dp_image_look(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
enum b_code dp_image_rules(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;

/* items.c: lines as items, rules; page-wide measures. */
enum b_code dp_items_make(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* Bytes of a list marker ("•", "1.", "(a)", "第一", "①") with the space behind it; 0 when there is none. */
int32_t dp_marker_length(const char *text);

/* rows.c: items -> rows. */
enum b_code dp_rows_make(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;

/* grid.c: whether the blocks set[0..n), which fall into columns at the n_cuts positions, are rows of cells
 * rather than columns of prose. */
bool dp_is_grid(const struct dp_assembly *a, const int32_t *set, int32_t n, const float *cuts, int32_t n_cuts);
/* Makes one block of their rows, row by row, in place of set[0]; the others become empty. */
enum b_code dp_grid_merge(struct dp_assembly *a, const int32_t *set, int32_t n, struct b_err *err) B_MUST_CHECK;

/* drawings.c: what the file draws with paths; behind the items. */
enum b_code dp_drawings_find(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* Whether most of the box (page pixels) is in a sure one. */
bool dp_on_drawing(const struct dp_assembly *a, struct dp_rect page_box);

#define DP_LISTS_DEEP 8

struct dp_open_list {
    int32_t list, item; /* blocks of the page; item: its latest */
    float edge;         /* where its items begin */
};

/* The lists that the next item may belong to, outermost first; plain value. */
struct dp_lists {
    struct dp_open_list at[DP_LISTS_DEEP];
    int32_t depth;
    struct dp_rect last; /* the latest item */
};

/* lists.c: before `item` becomes a block; true when a list was opened at blocks[index], so that the item comes behind it.
 * Then, once the item is blocks[index], its place in the lists. */
bool dp_lists_before(struct dp_lists *lists, struct dp_page *page, const struct dp_draft_block *item, int32_t index);
void dp_lists_behind(struct dp_lists *lists, struct dp_page *page, int32_t index);

/* drawn_marks.c: list markers that are drawn; behind the drawings. */
enum b_code dp_drawn_marks_find(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;

/* pictures.c: pictures become blocks with their lettering; behind the blocks of text and tables. */
enum b_code dp_pictures_find(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;

/* figures.c: lettering above a figure's caption becomes one figure; after the blocks have their names. */
enum b_code dp_figures_gather(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;

/* tables.c: finds ruled and half-ruled tables; their items leave the rows. */
enum b_code dp_tables_find(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* A block for each table, behind the others. */
enum b_code dp_tables_make_blocks(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* Fills `block` with a row for each of the items, which are in no row yet: downwards, each printed row from the left. */
enum b_code dp_block_of_items(struct dp_assembly *a, const int32_t *items, int32_t n, struct dp_draft_block *block,
                              struct b_err *err) B_MUST_CHECK;
/* The block's rows of cells as a table; leaves it as it is where they are too few or too loose. */
enum b_code dp_tables_from_grid(struct dp_assembly *a, struct dp_draft_block *block, struct b_err *err) B_MUST_CHECK;

/* formulas.c: finds the displayed formulas of a page whose glyphs are known; their items leave the rows and are no
 * part of tables. Then a block for each, behind the others; what it adds to the block that is written. */
enum b_code dp_formulas_find(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
enum b_code dp_formulas_make_blocks(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
enum b_code dp_formula_emit(struct dp_assembly *a, const struct dp_draft_formula *formula, struct dp_block *out,
                            struct b_err *err) B_MUST_CHECK;

/* inline_formulas.c: formulas inside of the text of finished blocks, as spans of the page. */
enum b_code dp_inline_formulas_find(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* scripts.c: styles and spans of raised and lowered words; behind the formulas. */
enum b_code dp_scripts_find(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;

/* table_grid.c: columns and rows of a region whose items are known; false when it is no table. */
enum b_code dp_table_grid(struct dp_assembly *a, struct dp_draft_table *table, bool borderless, bool *is_table,
                          struct b_err *err) B_MUST_CHECK;

/* table_text.c: writes the table into the page; its lines stand at lines[0..n) in any order. */
enum b_code dp_table_emit(struct dp_assembly *a, const struct dp_draft_table *table, struct dp_block *block,
                          struct b_err *err) B_MUST_CHECK;

/* paragraphs.c: rows -> chains -> blocks. */
enum b_code dp_paragraphs_make(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* A new block of the row at block_rows[at]; a block cut down to its first row. */
int32_t dp_block_of_row(struct dp_assembly *a, int32_t at);
void dp_block_keep_row(struct dp_assembly *a, struct dp_draft_block *block);
/* Makes *block anew of block_rows[first .. first + count); scratch has room for as many numbers. */
void dp_block_set_rows(struct dp_assembly *a, struct dp_draft_block *block, int32_t first, int32_t count, float *scratch);

/* order.c: fills a->order. */
enum b_code dp_order_blocks(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;

/* classify.c: headers, footers and page numbers before ordering; the other types after it. */
void dp_classify_furniture(struct dp_assembly *a);
void dp_classify_blocks(struct dp_assembly *a);
/* Level of a heading as its size and number on this page tell, 1..6. */
int32_t dp_heading_level(const struct dp_assembly *a, const struct dp_draft_block *b);

/* chapters.c: bytes of a chapter's label at the start of a heading ("Chapter 3. ", "PART II", "第三章") with what parts it
 * from the title; 0: none. */
size_t dp_chapter_label(const char *text);
/* Labels over titles and their titles become one heading; behind dp_classify_blocks. */
void dp_chapters_join(struct dp_assembly *a);

/* code.c: whether a region that looks like a table is a listing; its items are marked. */
bool dp_is_listing(struct dp_assembly *a, const int32_t *items, int32_t n, struct dp_rect box);
/* Pieces of code below each other become one block; behind dp_classify_blocks. */
void dp_code_join(struct dp_assembly *a);

/* references.c: entries of a bibliography become blocks of their own; behind dp_chapters_join. */
enum b_code dp_references_name(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;
/* Whether `behind`, the first reference of a column or of `page`, is the rest of the entry before it. */
bool dp_reference_goes_on(const struct dp_page *page, const struct dp_block *behind);

/* votes.c: what the layout network adds to the names; before the title is found. */
void dp_votes_count(struct dp_assembly *a);

/* emit.c: writes blocks into the page, reorders its lines. */
enum b_code dp_emit_blocks(struct dp_assembly *a, struct b_err *err) B_MUST_CHECK;

/* The lines of one block as running text: space between Latin, none between CJK, end-of-line hyphens undone
 * before a small letter. NULL when the arena is full. */
char *dp_join_lines(struct b_arena *arena, const struct dp_line *lines, int32_t n);

/* joins.c: whether the paragraph `before`, the last of its column or page, goes on in `behind`. */
bool dp_goes_on(const struct dp_page *page, const struct dp_block *before, const struct dp_page *next_page,
                const struct dp_block *behind);
/* Marks paragraphs of the finished page that go on in the next column. */
void dp_join_columns(struct dp_page *page);

/* Small geometry shared by all. */
static inline float dp_overlap(float a0, float a1, float b0, float b1)
{
    const float lo = a0 > b0 ? a0 : b0, hi = a1 < b1 ? a1 : b1;
    return hi - lo;
}

static inline struct dp_rect dp_rect_union(struct dp_rect a, struct dp_rect b)
{
    return (struct dp_rect){a.x0 < b.x0 ? a.x0 : b.x0, a.y0 < b.y0 ? a.y0 : b.y0, a.x1 > b.x1 ? a.x1 : b.x1,
                            a.y1 > b.y1 ? a.y1 : b.y1};
}

/* Median of n values; sorts them. 0 for none. */
float dp_median(float *values, int32_t n);

#endif
