/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_SUGGEST_H
#define SERVICE_SUGGEST_H

#include <stddef.h>

/* "Did you mean": the one of a few names that a mistyped word is closest to. Pure; thread-safe. */

/* Keeps in *best the name that is closest to `word`, fed one name after the other. Start with {0}. */
struct svc_suggestion {
    const char *name; /* borrowed; NULL: nothing is close enough */
    size_t distance;
};
void svc_suggest(struct svc_suggestion *best, const char *word, const char *name);

/* Edits (insert, delete, replace, swap neighbours) that turn a into b; words over 63 bytes count by their
 * first 63. */
size_t svc_edit_distance(const char *a, const char *b);

#endif
