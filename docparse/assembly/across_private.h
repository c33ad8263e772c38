/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_ACROSS_PRIVATE_H
#define DOCPARSE_ASSEMBLY_ACROSS_PRIVATE_H

#include "docparse/assembly.h"

/* Private to the document's pass. */

#define DP_ACROSS_STYLES 32   /* heading styles that are told apart */
#define DP_ACROSS_PAGES 8     /* pages whose edges are remembered: two of each kind even where four kinds alternate */
#define DP_ACROSS_EDGES 16    /* blocks near the edges of one page */
#define DP_ACROSS_LANGUAGES 16 /* that are told apart */
#define DP_ACROSS_TEXT 96     /* bytes of such a block's text that are compared */

/* How a block near the top or the foot of a page looks; positions in shares of the page. */
struct dp_edge {
    char text[DP_ACROSS_TEXT]; /* digits as '#', small letters, single spaces */
    float y, x0, x1, height;
    int32_t number; /* when the text is a number and decoration around it; -1 otherwise */
    int32_t block;
    bool top;
};

struct dp_edges {
    struct dp_edge at[DP_ACROSS_EDGES];
    int32_t n, page; /* page number */
};

/* Type of headings that was met, with the level it got. */
struct dp_heading_style {
    float size; /* points, or thousandths of the page height where points are unknown */
    bool bold;
    int32_t level;
};

/* A language of the document. */
struct dp_across_language {
    const char *language, *script; /* static strings */
    int64_t bytes;                 /* of text that is in it */
};

struct dp_across {
    const struct dp_outline_item *outline;
    int32_t n_outline;
    struct dp_edges seen[DP_ACROSS_PAGES]; /* a ring; the last one stands before `next_seen` */
    int32_t n_seen, next_seen;
    struct dp_heading_style styles[DP_ACROSS_STYLES];
    int32_t n_styles;
    int32_t offset;   /* level of a numbered heading less the depth of its number, */
    bool has_offset;  /* once one was met */
    struct dp_across_language languages[DP_ACROSS_LANGUAGES];
    int32_t n_languages, counted; /* last page that is in them */
};

/* across_edges.c: running heads, feet and page numbers of `page`, told from the pages before it and from `next`. */
void dp_across_edges(struct dp_across *across, struct dp_page *page, const struct dp_page *next);
/* Remembers the page's edges; behind the last dp_across_edges on it. */
void dp_across_remember(struct dp_across *across, const struct dp_page *page);

/* across_levels.c: levels of the page's headings. */
void dp_across_levels(struct dp_across *across, struct dp_page *page);

/* across_tables.c: the page's last table, where it goes on as the first one of the next page. */
void dp_across_tables(struct dp_page *page, struct dp_page *next);

/* across_languages.c: language and script of the page and its blocks where they are too short to tell. */
void dp_across_languages(struct dp_across *across, struct dp_page *page, const struct dp_page *next);


#endif
