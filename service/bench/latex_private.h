/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_LATEX_PRIVATE_H
#define SERVICE_BENCH_LATEX_PRIVATE_H

#include "service/bench/text.h"

/* Between latex_parse.c, latex_text.c and latex_symbols.c: the tree of a piece of LaTeX. */

enum bm_latex_kind {
    BM_LATEX_CHARS,
    BM_LATEX_GROUP,
    BM_LATEX_MACRO,
    BM_LATEX_ENV,
    BM_LATEX_SPECIAL,
    BM_LATEX_MATH,
    BM_LATEX_COMMENT
};

#define BM_LATEX_ARGS 6

struct bm_latex_list {
    struct bm_latex *first, *last;
};

struct bm_latex {
    enum bm_latex_kind kind;
    struct bm_str text;       /* characters; name of a macro, an environment; the special itself */
    struct bm_str post_space; /* after a macro's name, after a comment */
    struct bm_latex_list inner;
    struct bm_latex *args[BM_LATEX_ARGS]; /* NULL: an absent optional argument */
    int n_args;
    bool bare;    /* a macro that got no argument at all */
    bool no_args; /* its arguments could not be read */
    bool display; /* of a formula */
    struct bm_latex *next;
};

/* The whole text as a list; false when it nests too deeply. */
bool bm_latex_parse(struct bm_mem *mem, struct bm_str text, struct bm_latex_list *out);

/* Arguments of a macro or of an environment: '{' mandatory, '[' optional, '*' a star. "" for none. */
const char *bm_latex_macro_args(struct bm_str name);
const char *bm_latex_env_args(struct bm_str name);

/* What stands for a macro: plain text, or with %s, %1..%6 for its arguments; NULL when the table has none. */
const char *bm_latex_macro_text(struct bm_str name, char room[static 64]);

#endif
