/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_PDF_SYSTEM_H
#define DOCPARSE_PDF_SYSTEM_H

#include <stddef.h>

/* What reading PDFs needs of the system, for processes that will lose sight of it. Private to docparse; one thread. */

/* Does once, before decoders are forked, what each would do for itself: reads the font configuration and opens a
 * document of our own. What it finds stays in memory for good. */
void dp_pdf_warm(void);

/* Folders with fonts, the caches of fontconfig and the encodings of Poppler. Strings belong to fontconfig and live as
 * long as the process; returns how many of at most `most` were written. */
size_t dp_pdf_folders(const char **out, size_t most);

#endif
