/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the name that was probably meant. Invariant: a suggestion is at most a third of the word away, or the
 * word is its beginning, so that a hint is right or absent. */
#include "service/suggest.h"

#include <string.h>

#define WORD_BYTES 63

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t svc_edit_distance(const char *a, const char *b)
{
    /* Three rows of the usual table: two before, one before, this one. */
    size_t rows[3][WORD_BYTES + 1] = {{0}};
    const size_t na = least(strlen(a), WORD_BYTES), nb = least(strlen(b), WORD_BYTES);
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            const size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(change, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

void svc_suggest(struct svc_suggestion *best, const char *word, const char *name)
{
    const size_t len = strlen(word);
    size_t distance = svc_edit_distance(word, name);
    if (len >= 3 && strncmp(word, name, len) == 0)
        distance = 0;
    if (distance > len / 3 || (best->name && best->distance <= distance))
        return;
    *best = (struct svc_suggestion){name, distance};
}
