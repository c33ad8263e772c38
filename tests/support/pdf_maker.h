/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_PDF_MAKER_H
#define TESTS_SUPPORT_PDF_MAKER_H

#include "tests/support/images.h"

/* PDF files written object by object for tests. Aborts on failure like tests/support/images.h. */
struct t_pdf {
    struct t_bytes bytes;
    size_t offsets[2048]; /* of objects 1.. */
    int n_objects;
    bool encrypted;
    uint8_t key[5];
};

void t_pdf_begin(struct t_pdf *pdf, const char *version);
/* Starts encryption (RC4, 40 bits) with a user password; call before any object. */
void t_pdf_encrypt(struct t_pdf *pdf, const char *password);
/* Adds object `number` with the printed body. */
void t_pdf_object(struct t_pdf *pdf, int number, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Adds a stream object; extra is put into its dictionary. */
void t_pdf_stream(struct t_pdf *pdf, int number, const char *extra, const void *data, size_t size);
/* Table, trailer with Root 1 0 R and `extra`. */
void t_pdf_end(struct t_pdf *pdf, const char *extra);
void t_pdf_free(struct t_pdf *pdf);

/* One page in one call: objects 1 catalogue, 2 pages, 3 page, 4 content, 5 Helvetica (/F1), from 6 on the
 * caller's. page_extra goes into the page's dictionary, resources into its Resources. */
void t_pdf_page(struct t_pdf *pdf, const char *page_extra, const char *resources, const char *content);
/* A document of n pages, each with its number as text. */
void t_pdf_pages(struct t_pdf *pdf, int n);
/* Object 6: a grey picture of width x height pixels (/Im1), as t_pattern makes it. */
void t_pdf_picture(struct t_pdf *pdf, int width, int height);

#endif
