/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_LIMITS_H
#define DOCPARSE_LIMITS_H

#include <stdint.h>

/* Every bound of the product in one place: name, default, reason. Plain value; dp_limits_default gives
 * the defaults, the command line and the service may change single fields. */
struct dp_limits {
    uint64_t input_bytes;     /* one input file: 2 GiB; scans of whole books reach a few hundred MiB */
    uint64_t page_pixels;     /* page image: 50 million, an A3 page at 400 dpi; 150 MB of RGB */
    uint64_t source_pixels;   /* an image as stored, before any reduction: 400 million (decoders stream or refuse) */
    int page_side;            /* longest side of a page image: 32000 px */
    int pages;                /* pages of one document: 100000 */
    int words_per_page;       /* text-layer words of one page: 200000; a dense newspaper page has 10000 */
    int rules_per_page;       /* vector rules kept of one page: 50000; maps and CAD drawings have more, flagged */
    int images_per_page;      /* placed images kept of one page: 10000 */
    uint64_t page_arena;      /* bytes of results of one page: 256 MiB */
    uint64_t decoder_bytes;   /* address space of a decoder process beyond its input and 16 bytes a pixel of page_pixels:
                                 4 GiB; twice what 400 million stored pixels and a row of tiles take */
    double page_seconds;      /* time for one page: 120 s; 0 means no deadline */
    int nesting;              /* nesting of blocks, lists and tables: 64 */
    int table_cells;          /* grid cells of one table: 100000 */
};

struct dp_limits dp_limits_default(void);

#endif
