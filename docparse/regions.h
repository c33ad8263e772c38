/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_REGIONS_H
#define DOCPARSE_REGIONS_H

#include "docparse/document.h"

/* What a network that looked at the page as a picture takes its parts for. Evidence for assembly, held against the
 * geometry of the lines and what the file says: it owns no text, and what it calls a figure may be a newspaper. */

enum dp_region_kind {
    DP_REGION_TEXT,
    DP_REGION_TITLE,
    DP_REGION_FIGURE,
    DP_REGION_FIGURE_CAPTION,
    DP_REGION_TABLE,
    DP_REGION_TABLE_CAPTION,
    DP_REGION_HEADER,
    DP_REGION_FOOTER,
    DP_REGION_REFERENCE,
    DP_REGION_FORMULA,
    DP_REGION_KINDS
};

struct dp_region {
    enum dp_region_kind kind;
    float score;         /* 0..1 */
    struct dp_rect bbox; /* page pixels */
};

/* Plain value; the array belongs to whoever made it. */
struct dp_regions {
    const struct dp_region *at;
    int32_t n;
};

#endif
