/* SPDX-License-Identifier: Apache-2.0 */
/* libtiff over memory that is already here. Messages go to the handle they belong to: nothing is printed and no
 * process-wide handler is touched. Invariant: libtiff sees `size` bytes, never more. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "docparse/tiff_private.h"

static tmsize_t file_read(thandle_t handle, void *buf, tmsize_t count)
{
    struct dp_tiff_file *file = handle;
    uint64_t left = file->at < file->size ? file->size - file->at : 0;
    if (count < 0)
        return 0;
    uint64_t n = (uint64_t)count < left ? (uint64_t)count : left;
    if (n)
        memcpy(buf, file->data + file->at, (size_t)n);
    file->at += n;
    return (tmsize_t)n;
}

static tmsize_t file_write(thandle_t handle, void *buf, tmsize_t count)
{
    (void)handle;
    (void)buf;
    (void)count;
    return 0;
}

static toff_t file_seek(thandle_t handle, toff_t offset, int whence)
{
    struct dp_tiff_file *file = handle;
    uint64_t base = whence == SEEK_CUR ? file->at : whence == SEEK_END ? file->size : 0;
    file->at = base + offset;
    return file->at;
}

static int file_shut(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t file_size(thandle_t handle)
{
    const struct dp_tiff_file *file = handle;
    return file->size;
}

/* libtiff only reads through the mapping when the handle is open for reading. */
static int file_map(thandle_t handle, void **base, toff_t *size)
{
    const struct dp_tiff_file *file = handle;
    memcpy(base, &file->data, sizeof file->data);
    *size = file->size;
    return 1;
}

static void file_unmap(thandle_t handle, void *base, toff_t size)
{
    (void)handle;
    (void)base;
    (void)size;
}

static void keep(char *first, const char *text)
{
    if (!first[0])
        (void)snprintf(first, DP_TIFF_TEXT_MAX, "%s", text);
}

static int on_error(TIFF *tif, void *user, const char *module, const char *fmt, va_list args)
{
    struct dp_tiff_file *file = user;
    char text[DP_TIFF_TEXT_MAX];
    (void)tif;
    (void)module;
    (void)vsnprintf(text, sizeof text, fmt, args);
    keep(file->error, text);
    return 1; /* handled: the global handler stays out */
}

static int on_warning(TIFF *tif, void *user, const char *module, const char *fmt, va_list args)
{
    struct dp_tiff_file *file = user;
    char text[DP_TIFF_TEXT_MAX];
    (void)tif;
    (void)module;
    (void)vsnprintf(text, sizeof text, fmt, args);
    keep(file->warning, text);
    /* tif_fax3.c and libjpeg: the rows that follow are invented. */
    if (strstr(text, "Premature E") || strstr(text, "remature end"))
        file->premature = true;
    return 1;
}

enum b_code dp_tiff_file_open(struct dp_tiff_file *file, const uint8_t *data, size_t size, uint64_t offset,
                              struct b_err *err)
{
    *file = (struct dp_tiff_file){.data = data, .size = size};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)DP_BAND_BYTES_MAX);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, file);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, file);
    /* h: no directory yet, the caller names one */
    file->tif = TIFFClientOpenExt("input", "rh", file, file_read, file_write, file_seek, file_shut, file_size,
                                  file_map, file_unmap, options);
    TIFFOpenOptionsFree(options);
    if (!file->tif)
        return b_fail(err, B_FORMAT, "tiff", "the file header is damaged: %s", file->error);
    if (!TIFFSetSubDirectory(file->tif, offset))
        return b_fail(err, B_FORMAT, "tiff", "the page's directory is damaged: %s",
                      file->error[0] ? file->error : file->warning);
    return B_OK;
}

void dp_tiff_file_close(struct dp_tiff_file *file)
{
    if (file->tif)
        TIFFClose(file->tif);
    file->tif = NULL;
}

const uint8_t *dp_tiff_strile_bytes(const struct dp_tiff_file *file, uint32_t strile, uint64_t *declared,
                                    uint64_t *there)
{
    int bad_offset = 0, bad_count = 0;
    uint64_t offset = TIFFGetStrileOffsetWithErr(file->tif, strile, &bad_offset);
    *declared = TIFFGetStrileByteCountWithErr(file->tif, strile, &bad_count);
    *there = 0;
    if (bad_offset || bad_count || offset == 0 || offset >= file->size)
        return NULL;
    *there = *declared < file->size - offset ? *declared : file->size - offset;
    return file->data + offset;
}
