/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_IMAGE_PRIVATE_H
#define DOCPARSE_ASSEMBLY_IMAGE_PRIVATE_H

/* What the search for rules in the page's pixels is made of; only its own files see this. */
#include "docparse/assembly/assembly_private.h"

#define DP_RUNS_MAX 60000 /* a page of ruled paper has 5000; halftone photographs have more and no tables */

/* A straight run of marked pixels: row (or column) and extent along it. */
struct dp_run {
    int32_t at, from, to;
};

struct dp_runs {
    struct dp_run *list;
    int32_t n, cap;
    struct b_arena *arena;
    bool starved; /* there was no memory for one */
};

/* The picture that is searched. Lengths of what is found depend on `height`, that of a line of text. */
struct dp_pixels {
    const uint8_t *grey; /* [h][w] */
    int32_t w, h;
    int32_t reach; /* pixels across a line to where its ground is looked at */
    int32_t gap;   /* pixels that a dashed line may pause */
    float height;
};

/* The page in grey as it would be flat and upright; the page itself where it is. *grey NULL: the page has no image. */
enum b_code dp_flat_grey(struct dp_assembly *a, const uint8_t **grey, int32_t *width, int32_t *height,
                         struct b_err *err) B_MUST_CHECK;

/* Runs of level lines, of level edges of bands, of upright lines. At most DP_RUNS_MAX each, in no order. False:
 * no memory. */
bool dp_runs_level(const struct dp_pixels *p, struct dp_runs *out);
bool dp_runs_edges(const struct dp_pixels *p, struct dp_runs *out);
bool dp_runs_upright(const struct dp_pixels *p, struct dp_runs *out);

#endif
