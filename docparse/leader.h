/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_LEADER_H
#define DOCPARSE_LEADER_H

#include <stdint.h>

/* Leaders: rows of dots that lead from one text of a line to the next. Words of lines begin and end where they do. */

enum { DP_LEADER_LEAST = 4 }; /* dots; three are an ellipsis */

/* How many dots of a leader the character stands for; 0: it is none. */
static inline int32_t dp_leader_dots(uint32_t cp)
{
    switch (cp) {
    case '.':
    case 0xB7:   /* middle dot */
    case 0x2024: /* one dot leader */
    case 0x22C5: /* dot operator */
    case 0x30FB: /* katakana middle dot */
    case 0xFF0E: /* full-width full stop */
        return 1;
    case 0x2025: /* two dot leader */
        return 2;
    case 0x2026: /* ellipsis */
    case 0x22EF: /* midline ellipsis */
        return 3;
    default:
        return 0;
    }
}

#endif
