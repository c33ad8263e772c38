/* SPDX-License-Identifier: Apache-2.0 */
/* Input bytes and what they are. The type is decided by the first bytes alone; the name only serves messages
 * ("named .pdf, but holds plain text"). Invariant: an opened source is not empty, its media is known, its name
 * is valid UTF-8 without control characters. */
#include "docparse/source.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "docparse/digest.h"
#include "engine/base/buf.h"
#include "engine/base/utf8.h"

#define LOOK_BYTES 1024u     /* ISO 32000-1 annex H.3.4: readers accept a PDF header within the first 1024 bytes */
#define NAME_BYTES_MAX 1024u /* four times NAME_MAX: an invalid byte becomes three */

#define READ_LIST "PDF, TIFF, PNG, JPEG and WebP are read"

struct magic {
    const char *bytes;
    size_t len, at;
};

struct known_media {
    struct magic magic;
    enum dp_media media;
};

static const struct known_media known[] = {
    {{"%PDF-", 5, 0}, DP_MEDIA_PDF},
    {{"II*\0", 4, 0}, DP_MEDIA_TIFF},
    {{"MM\0*", 4, 0}, DP_MEDIA_TIFF},
    {{"II+\0", 4, 0}, DP_MEDIA_TIFF}, /* BigTIFF */
    {{"MM\0+", 4, 0}, DP_MEDIA_TIFF},
    {{"\x89PNG\r\n\x1a\n", 8, 0}, DP_MEDIA_PNG},
    {{"\xff\xd8\xff", 3, 0}, DP_MEDIA_JPEG},
};

#define TO_PDF "save or print it as PDF first (soffice --headless --convert-to pdf FILE)"
#define TO_PNG "convert it to PNG or JPEG first"
#define UNPACK "unpack it first"
#define CONVERT "convert the file first"

struct foreign {
    struct magic magic;
    const char *what, *advice;
};

/* What people hand in by mistake; names for the message only. */
static const struct foreign foreign[] = {
    {{"PK\3\4", 4, 0}, "a ZIP archive or an Office document", UNPACK ", or save an Office document as PDF"},
    {{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, 0}, "an old Office document", TO_PDF},
    {{"GIF8", 4, 0}, "a GIF image", TO_PNG},
    {{"BM", 2, 0}, "a BMP image", TO_PNG},
    {{"ftyphei", 7, 4}, "a HEIC photo", TO_PNG},
    {{"ftypmif1", 8, 4}, "a HEIC photo", TO_PNG},
    {{"ftypavif", 8, 4}, "an AVIF image", TO_PNG},
    {{"ftyp", 4, 4}, "an MP4 or QuickTime file", CONVERT},
    {{"\0\0\0\x0cjP  ", 8, 0}, "a JPEG 2000 image", TO_PNG},
    {{"\xff\x4f\xff\x51", 4, 0}, "a JPEG 2000 image", TO_PNG},
    {{"\x97JB2", 4, 0}, "a JBIG2 image", TO_PNG},
    {{"\0\0\0\x0cJXL ", 8, 0}, "a JPEG XL image", TO_PNG},
    {{"\xff\x0a", 2, 0}, "a JPEG XL image", TO_PNG},
    {{"AT&TFORM", 8, 0}, "a DjVu document", "convert it to PDF first"},
    {{"%!PS", 4, 0}, "a PostScript document", "convert it to PDF first"},
    {{"{\\rtf", 5, 0}, "an RTF document", TO_PDF},
    {{"\x1f\x8b", 2, 0}, "gzip-compressed data", UNPACK},
    {{"BZh", 3, 0}, "bzip2-compressed data", UNPACK},
    {{"7z\xbc\xaf\x27\x1c", 6, 0}, "a 7-Zip archive", UNPACK},
    {{"Rar!", 4, 0}, "a RAR archive", UNPACK},
    {{"RIFF", 4, 0}, "a RIFF file that is not WebP", CONVERT},
    {{"<?xml", 5, 0}, "an XML document", CONVERT},
    {{"<!DOCTYPE html", 14, 0}, "an HTML page", "print it to PDF from a browser first"},
    {{"<html", 5, 0}, "an HTML page", "print it to PDF from a browser first"},
    {{"\x7f" "ELF", 4, 0}, "a program", CONVERT},
};

static bool matches(const struct magic *magic, const uint8_t *data, size_t size)
{
    return size >= magic->at + magic->len && memcmp(data + magic->at, magic->bytes, magic->len) == 0;
}

static bool pdf_header_within(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 5 <= size; i++)
        if (memcmp(data + i, "%PDF-", 5) == 0)
            return true;
    return false;
}

enum dp_media dp_media_of(const uint8_t *data, size_t size)
{
    if (size > LOOK_BYTES)
        size = LOOK_BYTES;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (matches(&known[i].magic, data, size))
            return known[i].media;
    if (size >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
        return DP_MEDIA_WEBP;
    /* Last, because it is the weakest evidence: junk before a PDF header. */
    return pdf_header_within(data, size) ? DP_MEDIA_PDF : DP_MEDIA_UNKNOWN;
}

const char *dp_media_type_name(enum dp_media media)
{
    switch (media) {
    case DP_MEDIA_PDF:
        return "application/pdf";
    case DP_MEDIA_TIFF:
        return "image/tiff";
    case DP_MEDIA_PNG:
        return "image/png";
    case DP_MEDIA_JPEG:
        return "image/jpeg";
    case DP_MEDIA_WEBP:
        return "image/webp";
    case DP_MEDIA_UNKNOWN:
        break;
    }
    return "application/octet-stream";
}

/* UTF-8 throughout the first bytes, without controls; a sequence cut by the end of the window is fine. */
static bool looks_like_text(const uint8_t *data, size_t size)
{
    size_t window = size < LOOK_BYTES ? size : LOOK_BYTES;
    char head[LOOK_BYTES];
    memcpy(head, data, window);
    for (size_t pos = 0; pos < window;) {
        size_t at = pos;
        uint32_t cp = b_utf8_next(head, window, &pos);
        if ((cp == 0xFFFD && (window == size || window - at >= 4)) || (b_cp_is_control(cp) && cp != '\f' && cp != 0x1b))
            return false;
    }
    return true;
}

static bool all_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size && i < LOOK_BYTES; i++)
        if (data[i])
            return false;
    return true;
}

/* What the bytes look like, for the message, and what its owner may do. */
static struct foreign describe(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (matches(&foreign[i].magic, data, size))
            return foreign[i];
    if (all_zero(data, size))
        return (struct foreign){.what = "only zero bytes (an interrupted copy or a damaged disk)", .advice = "fetch it again"};
    if (looks_like_text(data, size))
        return (struct foreign){.what = "plain text", .advice = "text needs no reading"};
    return (struct foreign){.advice = CONVERT};
}

/* The ending of the name when it promises a type that we read, or NULL. */
static const char *promised_ending(const char *name)
{
    static const char *const endings[] = {".pdf", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return endings[i];
    return NULL;
}

static enum b_code refuse(const struct dp_source *source, struct b_err *err)
{
    const uint8_t *data = source->bytes.data;
    size_t size = source->bytes.size;
    const struct foreign found = describe(data, size);
    const char *ending = promised_ending(source->name);
    char seen[96];
    if (found.what)
        (void)snprintf(seen, sizeof seen, "holds %s", found.what);
    else
        (void)snprintf(seen, sizeof seen, "holds unknown content (it starts with %02x %02x %02x %02x)", data[0],
                       size > 1 ? data[1] : 0, size > 2 ? data[2] : 0, size > 3 ? data[3] : 0);
    enum b_code code = ending ? b_fail(err, B_UNSUPPORTED, "source", "%s is named %s but %s", source->name, ending, seen)
                              : b_fail(err, B_UNSUPPORTED, "source", "%s %s", source->name, seen);
    b_advise(err, READ_LIST "; %s", found.advice);
    return code;
}

/* Last path component as valid UTF-8 without control characters. */
static char *clean_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash && slash[1] ? slash + 1 : path;
    struct b_buf buf;
    b_buf_init(&buf, NAME_BYTES_MAX);
    size_t len = strlen(name);
    for (size_t pos = 0; pos < len && buf.len + 4 <= NAME_BYTES_MAX;) {
        char utf8[4];
        uint32_t cp = b_utf8_next(name, len, &pos);
        bool odd = b_cp_is_control(cp) || cp == '\t' || cp == '\n' || cp == '\r';
        b_buf_append(&buf, utf8, b_utf8_put(odd ? 0xFFFD : cp, utf8));
    }
    if (buf.len == 0)
        b_buf_puts(&buf, "input");
    if (buf.failed != B_OK)
        b_buf_free(&buf);
    return buf.data;
}

/* Names, recognises and hashes bytes that source->bytes already holds; closes everything on failure. */
static enum b_code finish(struct dp_source *source, const char *path, struct b_err *err)
{
    enum b_code code = B_OK;
    source->shared = -1;
    source->name = clean_name(path);
    if (!source->name) {
        code = b_fail(err, B_NO_MEMORY, "source", "out of memory");
        goto out;
    }
    if (source->bytes.size == 0) {
        code = b_fail(err, B_FORMAT, "source", "%s is empty (0 bytes)", source->name);
        b_advise(err, "check that the copy or upload finished");
        goto out;
    }
    source->media = dp_media_of(source->bytes.data, source->bytes.size);
    code = source->media == DP_MEDIA_UNKNOWN
               ? refuse(source, err)
               : dp_sha256_hex(source->bytes.data, source->bytes.size, source->sha256, err);
out:
    if (code != B_OK)
        dp_source_close(source);
    return code;
}

enum b_code dp_source_open(const char *path, const struct dp_limits *limits, struct dp_source *out, struct b_err *err)
{
    *out = (struct dp_source){0};
    enum b_code code = b_bytes_map(path, limits->input_bytes, &out->bytes, err);
    return code == B_OK ? finish(out, path, err) : code;
}

enum b_code dp_source_of_bytes(const void *data, size_t size, const char *name, const struct dp_limits *limits,
                               struct dp_source *out, struct b_err *err)
{
    *out = (struct dp_source){0};
    if (size > limits->input_bytes) {
        enum b_code code = b_fail(err, B_LIMIT, "source", "the input of %zu bytes is larger than the bound of %llu", size,
                                  (unsigned long long)limits->input_bytes);
        b_advise(err, "raise the input limit if the input is trusted");
        return code;
    }
    b_bytes_borrow(data, size, &out->bytes);
    return finish(out, name ? name : "input", err);
}

enum b_code dp_source_of_fd(int fd, const char *name, const struct dp_limits *limits, struct dp_source *out,
                            struct b_err *err)
{
    *out = (struct dp_source){0};
    enum b_code code = b_bytes_read_fd(fd, limits->input_bytes, &out->bytes, err);
    return code == B_OK ? finish(out, name ? name : "standard input", err) : code;
}

enum b_code dp_source_share(struct dp_source *source, struct b_err *err)
{
    return b_bytes_share(&source->bytes, &source->shared, err);
}

void dp_source_close(struct dp_source *source)
{
    if (!source)
        return;
    b_bytes_close(&source->bytes);
    free(source->name);
    *source = (struct dp_source){0};
}
