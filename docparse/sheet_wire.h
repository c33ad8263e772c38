/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_SHEET_WIRE_H
#define DOCPARSE_SHEET_WIRE_H

#include "docparse/loader.h"
#include "engine/base/buf.h"

/* Sheets and file facts as bytes, on their way from a decoder process to its parent: same machine, same program, so
 * numbers are in the machine's own form. Writers trust their input; readers trust nothing: whatever the bytes
 * are, they give a sheet that keeps loader.h's promises, or B_FORMAT. Thread-safe on different objects.
 *
 * A record is a header (counts), fixed-size entries array by array, then the texts in the order of the entries, each
 * ended by a NUL. Nothing refers to anything by position: a reader only moves forward and must end exactly at
 * the end. */

/* Appends the sheet without its pixels; the image's size is in the record. */
void dp_sheet_write(struct b_buf *buf, const struct dp_sheet *sheet);

/* Fills a sheet in an arena of its own. out->image has its size and no pixels yet. Boxes are put in order and clipped to
 * the image, since code behind uses them as indices. */
enum b_code dp_sheet_read(const void *data, size_t size, const struct dp_limits *limits, struct dp_sheet *out,
                          struct b_err *err) B_MUST_CHECK;

void dp_file_info_write(struct b_buf *buf, const struct dp_file_info *info);

/* Strings and outline go to the arena; media is the caller's business. */
enum b_code dp_file_info_read(const void *data, size_t size, struct b_arena *arena, struct dp_file_info *out,
                              struct b_err *err) B_MUST_CHECK;

#endif
