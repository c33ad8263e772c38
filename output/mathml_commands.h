/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_MATHML_COMMANDS_H
#define OUTPUT_MATHML_COMMANDS_H

#include "output/mathml_private.h"

/* Commands inside of a row. */

/* What an element is, as far as the spaces around names of functions need it. */
enum math_class { MATH_ORDINARY, MATH_OTHER, MATH_NAME, MATH_SPACE };

/* Where an element has its scripts. */
enum math_limits {
    MATH_NO_LIMITS, /* to the right */
    MATH_MOVABLE,   /* above and below in display style */
    MATH_ALWAYS     /* above and below */
};

#define MATH_THIN_SPACE "<mspace width=\"0.167em\"/>"

/* The command at m->pos with its arguments as one element. */
enum math_class math_command_atom(struct math *m, enum math_limits *limits);
/* Skips a command that shows nothing, such as \nonumber or \label{...}; false when there is none. */
bool math_skip_command(struct math *m);
bool math_is_delimiter_command(const char *name, size_t len); /* \left, \big and their like */
void math_put_space(struct b_buf *buf, int width);            /* in 1/1000 em */
/* Rows and cells without \begin: as an aligned environment, to the end of the text. */
enum math_end math_bare_lines(struct math *m);

#endif
