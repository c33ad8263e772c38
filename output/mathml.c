/* SPDX-License-Identifier: Apache-2.0 */
/* LaTeX to MathML. */
#include "output/mathml.h"

#include <string.h>

#include "output/escape.h"

/* Letters, digits and blanks need no knowledge of LaTeX; everything else is shown as source so far. */
bool out_mathml(struct b_buf *buf, const char *latex, bool display)
{
    if (strspn(latex, "0123456789 abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(latex))
        return false;
    b_buf_puts(buf, display ? "<math display=\"block\">" : "<math>");
    for (const char *p = latex; *p; p++) {
        const char one[2] = {*p, '\0'};
        if (*p == ' ')
            continue;
        b_buf_puts(buf, *p <= '9' ? "<mn>" : "<mi>");
        b_buf_puts(buf, one);
        b_buf_puts(buf, *p <= '9' ? "</mn>" : "</mi>");
    }
    b_buf_puts(buf, "</math>");
    return true;
}
