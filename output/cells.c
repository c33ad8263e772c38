/* SPDX-License-Identifier: Apache-2.0 */
/* Cells that look like formulas or numbers to a spreadsheet. */
#include "output/cells.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"

#define DIGITS_MAX 15 /* what a double keeps of every decimal number */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "-12", "+3.5 %", "-1,204.50": a sign, digits with separators, perhaps a per cent sign. */
static bool signed_number(const char *p)
{
    if (*p != '-' && *p != '+')
        return false;
    p++;
    if (!digit(*p))
        return false;
    while (digit(*p) || ((*p == '.' || *p == ',') && digit(p[1])))
        p++;
    p += strspn(p, " ");
    if (*p == '%')
        p++;
    return *p == '\0';
}

bool out_is_formula(const char *text)
{
    static const char *const wide[] = {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D",
                                       "\xEF\xBC\xA0"}; /* U+FF1D 0B 0D 20 */
    if (*text == '\t' || *text == '\n' || *text == '\r')
        return true;
    const char *p = text;
    for (const size_t len = strlen(text); *p;) { /* spreadsheets and people overlook blanks of any kind */
        size_t next = (size_t)(p - text);
        if (!b_cp_is_space(b_utf8_next(text, len, &next)))
            break;
        p = text + next;
    }
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (strncmp(p, wide[i], 3) == 0)
            return true;
    return *p && strchr("=+-@", *p) && !(p == text && signed_number(p));
}

bool out_is_exact_number(const char *text, double *value)
{
    const char *p = text + (*text == '-');
    size_t digits = strspn(p, "0123456789");
    const char *rest = p + digits;
    if (digits == 0 || (digits > 1 && p[0] == '0'))
        return false;
    if (*rest == '.') {
        const size_t decimals = strspn(rest + 1, "0123456789");
        if (decimals == 0 || rest[decimals] == '0')
            return false;
        digits += decimals;
        rest += decimals + 1;
    }
    /* "-0" is a zero with a sign; more than eleven digits are shown with an exponent. */
    if (*rest != '\0' || digits > DIGITS_MAX || strcmp(text, "-0") == 0 || (size_t)(rest - p) > 11)
        return false;
    *value = strtod(text, NULL);
    return true;
}
