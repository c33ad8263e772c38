/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_SOURCE_H
#define DOCPARSE_SOURCE_H

#include "docparse/limits.h"
#include "engine/base/file.h"

/* Input bytes with their type, decided by content: the name of a file never matters. Immutable after
 * opening: any number of loaders on any threads may read one source. */

enum dp_media { DP_MEDIA_UNKNOWN, DP_MEDIA_PDF, DP_MEDIA_TIFF, DP_MEDIA_PNG, DP_MEDIA_JPEG, DP_MEDIA_WEBP };

struct dp_source {
    struct b_bytes bytes;
    char *name;          /* last path component, for messages and results; owned */
    enum dp_media media;
    char sha256[65];     /* lower-case hex of the bytes */
    int shared;          /* a descriptor of the bytes, of dp_source_share; -1: none yet */
};

/* Opens a file / takes bytes that the caller borrows to the source until dp_source_close. Empty input and
 * unknown content give B_FORMAT / B_UNSUPPORTED with what was seen and what is read. */
enum b_code dp_source_open(const char *path, const struct dp_limits *limits, struct dp_source *out,
                           struct b_err *err) B_MUST_CHECK;
enum b_code dp_source_of_bytes(const void *data, size_t size, const char *name, const struct dp_limits *limits,
                               struct dp_source *out, struct b_err *err) B_MUST_CHECK;
/* Reads a descriptor (standard input) to its end. */
enum b_code dp_source_of_fd(int fd, const char *name, const struct dp_limits *limits, struct dp_source *out,
                            struct b_err *err) B_MUST_CHECK;
/* Makes the bytes visible to decoder processes; before loaders are opened, since the bytes may move. */
enum b_code dp_source_share(struct dp_source *source, struct b_err *err) B_MUST_CHECK;
void dp_source_close(struct dp_source *source);

/* Recognition by the first bytes (at most 1024 are looked at: a PDF header may stand behind junk). */
enum dp_media dp_media_of(const uint8_t *data, size_t size);
const char *dp_media_type_name(enum dp_media media); /* "application/pdf"...; "application/octet-stream" */

#endif
