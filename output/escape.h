/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_ESCAPE_H
#define OUTPUT_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"

/* Text and numbers as the formats want them. Everything here takes any bytes: ill-formed UTF-8, control
 * characters, lone surrogates and noncharacters become U+FFFD, so that no text can leave its place in the
 * output. NULL counts as "". Thread-safe; no locale. */

/* Next code point of text[*pos..len) with the replacements above; tab and newline pass, CR becomes newline. */
uint32_t out_next(const char *text, size_t len, size_t *pos);

/* One code point as UTF-8. */
void out_put(struct b_buf *buf, uint32_t cp);

/* Content of HTML and XML elements: & < > become references. "]]>" cannot arise. */
void out_xml_text(struct b_buf *buf, const char *text);
void out_xml_textn(struct b_buf *buf, const char *text, size_t len);
/* Value of an attribute in double quotes: also quotes, tab and newline. */
void out_xml_attr(struct b_buf *buf, const char *text);
void out_xml_attrn(struct b_buf *buf, const char *text, size_t len);

/* JSON string with its quotes; "</" is written "<\/" and U+2028/9 escaped, so that it may stand in a script. */
void out_json_string(struct b_buf *buf, const char *text);
void out_json_stringn(struct b_buf *buf, const char *text, size_t len);

/* As it is, apart from the replacements. */
void out_plain(struct b_buf *buf, const char *text);
void out_plainn(struct b_buf *buf, const char *text, size_t len);

/* value with at most `decimals` (0..6) decimals, trailing zeros cut, a dot, never an exponent; NaN is 0 and
 * numbers beyond +-1e12 are clamped. The same everywhere, whatever the locale. */
void out_fixed(struct b_buf *buf, double value, int decimals);

void out_base64(struct b_buf *buf, const void *data, size_t size);

#endif
