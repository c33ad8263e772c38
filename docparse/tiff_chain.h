/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_TIFF_CHAIN_H
#define DOCPARSE_TIFF_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* The pages of a TIFF file: its chain of directories (TIFF 6.0 §2; BigTIFF), without thumbnails and masks.
 * Read here rather than through libtiff, so that one broken directory costs one page. Private to load_tiff. */

struct dp_tiff_page {
    uint64_t offset;        /* of the directory in the file */
    uint64_t width, height; /* as the tags say, unchecked; 0 when absent */
    int orientation;        /* 0..8 */
};

struct dp_tiff_chain {
    struct dp_tiff_page *pages;
    int n_pages;
    char problem[128]; /* why the chain ended early, such as a loop; "" when it ended properly */
};

/* At most `max` pages: more give B_LIMIT. B_FORMAT when not even one directory can be read. */
enum b_code dp_tiff_chain_read(const uint8_t *data, size_t size, int max, struct dp_tiff_chain *out,
                               struct b_err *err) B_MUST_CHECK;
void dp_tiff_chain_free(struct dp_tiff_chain *chain);

#endif
