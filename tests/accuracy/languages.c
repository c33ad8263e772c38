/* SPDX-License-Identifier: Apache-2.0 */
/* Reads lines "name TAB length TAB text" from standard input and writes what dp_language_of says of each text, and what
 * the text is taken for on a page of the language "name": name, length, script, language, sure, beside. The time of a
 * text goes to standard error. For languages.py. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "docparse/language.h"

int main(void)
{
    static char line[1 << 16];
    const clock_t start = clock();
    int n = 0;
    while (fgets(line, sizeof line, stdin)) {
        char *rest = NULL;
        const char *name = strtok_r(line, "\t", &rest), *length = strtok_r(NULL, "\t", &rest);
        const char *text = strtok_r(NULL, "\n", &rest);
        if (!name || !length || !text)
            continue;
        const struct dp_language l = dp_language_of(text);
        const char *beside = dp_language_beside(&l, l.script, name);
        printf("%s\t%s\t%s\t%s\t%d\t%s\n", name, length, l.script ? l.script : "-", l.language ? l.language : "-",
               l.sure, beside ? beside : "-");
        n++;
    }
    fprintf(stderr, "%d texts, %.4f ms each\n", n, n ? 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC / n : 0.0);
    return 0;
}
