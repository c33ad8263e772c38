/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_MATHML_H
#define OUTPUT_MATHML_H

#include <stdbool.h>

#include "engine/base/buf.h"

/* LaTeX (without delimiters) to a MathML <math> element, appended to buf. False when the source holds what is
 * not known or is not balanced; then nothing is appended and the caller shows the source. Bounded in
 * nesting and linear in the length; thread-safe. */
bool out_mathml(struct b_buf *buf, const char *latex, bool display);

#endif
