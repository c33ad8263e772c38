/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_PAGE_SCRIPT_H
#define TESTS_SUPPORT_PAGE_SCRIPT_H

#include "docparse/loader.h"
#include "docparse/regions.h"

/* Pages written down as text, so that seeds of fuzz targets can be read and made by hand. A line is a command and its
 * numbers (missing ones are 0); what is no command is passed over, numbers are brought into their bounds:
 *
 *   p WIDTH HEIGHT DPI KIND         a page: pixels, 0 a picture, 1 a scan, 2 born digital; one stands at the start
 *   t X Y SIZE STYLE FONT TEXT      words of text, half an em a character, from the upper left corner on
 *   r X0 Y0 X1 Y1                   a rule of a PDF
 *   b X0 Y0 X1 Y1 FLAGS             a shape: 1 free, 2 filled
 *   i X0 Y0 X1 Y1                   a placed image
 *   k X0 Y0 X1 Y1 GREY              ink: pixels of that grey
 *   n X0 Y0 X1 Y1 KIND SCORE        a region as the layout network sees it, score in percent
 *   g X Y SIZE FONT CODE            a glyph that is no character of the text; code 1114112: a bar of that size
 *   o LEVEL PAGE TITLE              an entry of the outline
 *
 * STYLE: the dp_style bits; T_STYLE_HIDDEN drawn invisibly; T_STYLE_END the line ends here; T_STYLE_DOWN upright
 * characters one below the other; T_STYLE_GLYPHS the characters are glyphs as well. FONT: an index into a list of
 * names. */

enum { T_STYLE_HIDDEN = 32, T_STYLE_END = 64, T_STYLE_DOWN = 128, T_STYLE_GLYPHS = 256 };

#define T_SCRIPT_PAGES 4
#define T_SCRIPT_REGIONS 32
#define T_SCRIPT_OUTLINE 16

struct t_script_page {
    struct dp_sheet sheet;
    struct dp_region regions[T_SCRIPT_REGIONS];
    int32_t n_regions;
};

struct t_script {
    struct t_script_page pages[T_SCRIPT_PAGES];
    int32_t n_pages;
    struct dp_outline_item outline[T_SCRIPT_OUTLINE];
    int32_t n_outline;
    struct b_arena *arena;
};

/* Reads text[0..size). False: no memory. Every sheet keeps what loader.h promises. */
bool t_script_read(const char *text, size_t size, struct t_script *out);
void t_script_free(struct t_script *script);

/* The page's words as lines of a new page, as a reader that trusts the text layer makes them. */
enum b_code t_script_lines(const struct t_script_page *from, struct dp_page **out, struct b_err *err) B_MUST_CHECK;

#endif
