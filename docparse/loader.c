/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatch to the loader of a source's type, and the life of a sheet. Invariant: a sheet that a failed call
 * leaves behind is empty, so dp_sheet_free is always allowed. */
#include "docparse/loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/loader_private.h"
#include "docparse/sandbox_private.h"

#define WARNING_BYTES 320

/* The loader of the source's type, in this process. */
static enum b_code open_here(const struct dp_source *source, const struct dp_loader_options *options,
                             struct dp_loader *loader, struct b_err *err)
{
    switch (source->media) {
    case DP_MEDIA_PDF:
        return dp_load_pdf_open(source, options, loader, err);
    case DP_MEDIA_TIFF:
        return dp_load_tiff_open(source, options, loader, err);
    case DP_MEDIA_PNG:
        return dp_load_png_open(source, options, loader, err);
    case DP_MEDIA_JPEG:
        return dp_load_jpeg_open(source, options, loader, err);
    case DP_MEDIA_WEBP:
        return dp_load_webp_open(source, options, loader, err);
    case DP_MEDIA_UNKNOWN:
        break;
    }
    return b_fail(err, B_UNSUPPORTED, "loader", "%s is not read yet", dp_media_type_name(source->media));
}

enum b_code dp_loader_open(const struct dp_source *source, const struct dp_loader_options *options,
                           struct dp_loader **out, struct b_err *err)
{
    *out = NULL;
    struct dp_loader *loader = calloc(1, sizeof *loader);
    if (!loader)
        return b_fail(err, B_NO_MEMORY, "loader", "out of memory");
    enum b_code code = options->sandbox ? dp_load_remote_open(source, options, loader, err)
                                        : open_here(source, options, loader, err);
    if (code != B_OK) {
        dp_loader_close(loader);
        return code;
    }
    loader->info.media = source->media;
    *out = loader;
    return B_OK;
}

void dp_loader_close(struct dp_loader *loader)
{
    if (!loader)
        return;
    if (loader->ops && loader->state)
        loader->ops->close(loader->state);
    free(loader);
}

const struct dp_file_info *dp_loader_info(const struct dp_loader *loader)
{
    return &loader->info;
}

static enum b_code check_number(const struct dp_loader *loader, int32_t number, struct b_err *err)
{
    if (number >= 1 && number <= loader->info.page_count)
        return B_OK;
    return b_fail(err, B_ARGUMENT, "loader", "there is no page %d: the file has %d", (int)number,
                  (int)loader->info.page_count);
}

enum b_code dp_loader_page(struct dp_loader *loader, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                           struct b_err *err)
{
    *out = (struct dp_sheet){0};
    enum b_code code = check_number(loader, number, err);
    if (code == B_OK)
        code = b_cancel_check(cancel, err);
    if (code == B_OK)
        code = loader->ops->page(loader->state, number, cancel, out, err);
    if (code != B_OK)
        dp_sheet_free(out);
    return code;
}

enum b_code dp_loader_page_size(struct dp_loader *loader, int32_t number, double *width, double *height,
                                struct b_err *err)
{
    *width = *height = 0;
    enum b_code code = check_number(loader, number, err);
    return code == B_OK ? loader->ops->page_size(loader->state, number, width, height, err) : code;
}

enum b_code dp_sheet_begin(struct dp_sheet *sheet, int32_t number, const struct dp_limits *limits, struct b_err *err)
{
    *sheet = (struct dp_sheet){.number = number};
    sheet->arena = b_arena_new((size_t)limits->page_arena);
    return sheet->arena ? B_OK : b_fail(err, B_NO_MEMORY, "loader", "out of memory");
}

void dp_sheet_warn(struct dp_sheet *sheet, const char *fmt, ...)
{
    char text[WARNING_BYTES];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0 || sheet->n_warnings >= DP_WARNINGS_MAX)
        return;
    /* Library messages quote bytes of the file: only printable ASCII passes. */
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            text[i] = '?';
    for (int32_t i = 0; i < sheet->n_warnings; i++)
        if (strcmp(sheet->warnings[i], text) == 0)
            return;
    size_t count = (size_t)sheet->n_warnings;
    const char **grown = B_ARENA_ARRAY(sheet->arena, count + 1, const char *);
    const char *copy = b_arena_text(sheet->arena, text, len);
    if (!grown || !copy)
        return; /* an arena without room for a line fails the page elsewhere */
    if (count)
        memcpy(grown, sheet->warnings, count * sizeof *grown);
    grown[count] = copy;
    sheet->warnings = grown;
    sheet->n_warnings++;
}

void dp_sheet_free(struct dp_sheet *sheet)
{
    if (!sheet)
        return;
    b_image_free(&sheet->image);
    b_arena_drop(sheet->arena);
    *sheet = (struct dp_sheet){0};
}
