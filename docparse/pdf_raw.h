/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_PDF_RAW_H
#define DOCPARSE_PDF_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What Poppler's GLib interface does not tell, read from the bytes of a PDF themselves. Only objects that
 * stand in the file as text are seen, not those inside compressed object streams; strings of encrypted files
 * are not read. Pure functions of the bytes: thread-safe, bounded, linear in the size. */

#define DP_PDF_LANGUAGE_BYTES 64

struct dp_pdf_raw {
    bool encrypted;
    bool repaired;  /* the cross-reference table is not where the file says: readers have to rebuild it */
    bool tagged;    /* the catalogue says Marked */
    bool has_units; /* some dictionary holds a UserUnit */
    char language[DP_PDF_LANGUAGE_BYTES]; /* the catalogue's Lang, ASCII; "" when absent */
};

void dp_pdf_raw_read(const uint8_t *data, size_t size, struct dp_pdf_raw *out);

/* UserUnit of each page in page order. False when the page tree cannot be followed in plain text or does not
 * have n_pages pages; then units are all 1. */
bool dp_pdf_raw_units(const uint8_t *data, size_t size, float *units, int32_t n_pages);

#endif
