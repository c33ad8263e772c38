/* SPDX-License-Identifier: Apache-2.0 */
/* WebP through libwebp's incremental decoder, which says how many rows a cut file gave. Of an animation the
 * first frame is read. Sole user of webp/decode.h and webp/demux.h. */
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "docparse/loader_private.h"
#include "docparse/orient.h"
#include "docparse/raster.h"

#define FORMAT_LOSSLESS 2 /* WebPBitstreamFeatures.format */

struct webp {
    struct dp_loader_options options;
    const uint8_t *data; /* the still image or the first frame */
    size_t size;
    WebPBitstreamFeatures features;
    struct dp_grid grid;
    uint32_t frames;
};

static enum b_code webp_failure(VP8StatusCode why, const char *what, struct b_err *err)
{
    switch (why) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return b_fail(err, B_NO_MEMORY, "webp", "out of memory");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return b_fail(err, B_UNSUPPORTED, "webp", "%s: the file uses a feature that libwebp does not read", what);
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return b_fail(err, B_FORMAT, "webp", "%s: the file is cut off", what);
    default:
        return b_fail(err, B_FORMAT, "webp", "%s: the bitstream is damaged", what);
    }
}

/* RGBA -> RGB on white. */
static void flatten(const uint8_t *rgba, struct b_image *image)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    uint8_t *out = image->pixels;
    for (size_t i = 0; i < pixels; i++, rgba += 4)
        for (int c = 0; c < 3; c++)
            *out++ = dp_over_white(rgba[c], rgba[3]);
}

static void set_output(const struct webp *webp, WebPDecoderConfig *config, uint8_t *pixels, size_t channels,
                       const struct b_image *image, int factor)
{
    config->output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config->output.is_external_memory = 1;
    config->output.u.RGBA.rgba = pixels;
    config->output.u.RGBA.stride = (int)((size_t)image->width * channels);
    config->output.u.RGBA.size = (size_t)image->width * (size_t)image->height * channels;
    config->output.width = image->width;
    config->output.height = image->height;
    config->input = webp->features;
    if (factor > 1) {
        config->options.use_scaling = 1;
        config->options.scaled_width = image->width;
        config->options.scaled_height = image->height;
    }
}

/* Decodes into *image, which is white beforehand; damage goes to the sheet. */
static enum b_code decode(const struct webp *webp, int factor, struct b_image *image, struct dp_sheet *sheet,
                          struct b_err *err)
{
    size_t channels = webp->features.has_alpha ? 4 : 3, size = (size_t)image->width * (size_t)image->height * channels;
    uint8_t *pixels = channels == 3 ? image->pixels : malloc(size);
    WebPDecoderConfig config;
    WebPIDecoder *decoder = NULL;
    enum b_code code = B_OK;
    if (!pixels) {
        code = b_fail(err, B_NO_MEMORY, "webp", "out of memory");
        goto out;
    }
    memset(pixels, 255, size);
    if (!WebPInitDecoderConfig(&config)) {
        code = b_fail(err, B_LIBRARY, "webp", "the libwebp at hand does not fit this build");
        goto out;
    }
    set_output(webp, &config, pixels, channels, image, factor);
    decoder = WebPIDecode(NULL, 0, &config);
    if (!decoder) {
        code = b_fail(err, B_NO_MEMORY, "webp", "the decoder cannot start");
        goto out;
    }
    VP8StatusCode status = WebPIUpdate(decoder, webp->data, webp->size);
    int rows = 0;
    if (status != VP8_STATUS_OK) {
        if (!WebPIDecGetRGB(decoder, &rows, NULL, NULL, NULL) || rows < 1)
            code = webp_failure(status, "no pixel can be decoded", err);
        else
            code = dp_raster_salvage(sheet, rows, image->height, rows,
                                     status == VP8_STATUS_SUSPENDED ? "the file is cut off" : "damaged bitstream", err);
    }
    if (code == B_OK && channels == 4)
        flatten(pixels, image);
out:
    WebPIDelete(decoder);
    if (pixels != image->pixels)
        free(pixels);
    return code;
}

/* The lossless decoder keeps 4 bytes for every stored pixel, whatever the output size. */
static enum b_code check_lossless(const WebPBitstreamFeatures *features, struct b_err *err)
{
    uint64_t bytes = (uint64_t)features->width * (uint64_t)features->height * 4;
    if (features->format != FORMAT_LOSSLESS || bytes <= DP_BAND_BYTES_MAX)
        return B_OK;
    (void)b_fail(err, B_LIMIT, "webp", "a lossless image of %d x %d pixels needs %llu bytes to decode", features->width,
                 features->height, (unsigned long long)bytes);
    b_advise(err, "scan at a lower resolution or save as TIFF");
    return B_LIMIT;
}

static enum b_code webp_page(void *state, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                             struct b_err *err)
{
    const struct webp *webp = state;
    struct b_image image = {0};
    int factor, width = webp->features.width, height = webp->features.height;
    (void)cancel; /* at most 16383 x 16383 pixels (RFC 9649 §2.7): seconds */
    enum b_code code = dp_raster_plan((uint64_t)width, (uint64_t)height, &webp->options.limits, &factor, err);
    if (code == B_OK)
        code = check_lossless(&webp->features, err);
    if (code == B_OK)
        code = dp_sheet_begin(out, number, &webp->options.limits, err);
    if (code == B_OK)
        code = b_image_new((width + factor - 1) / factor, (height + factor - 1) / factor, 3, UINT64_MAX, &image, err);
    if (code == B_OK)
        code = decode(webp, factor, &image, out, err);
    if (code != B_OK) {
        b_image_free(&image);
        return code;
    }
    if (webp->frames > 1)
        dp_sheet_warn(out, "an animation of %u frames: only the first was read", webp->frames);
    struct dp_grid grid = webp->grid;
    grid.reduced = factor;
    return dp_raster_finish(out, &image, &grid, &webp->options, err);
}

static enum b_code webp_page_size(void *state, int32_t number, double *width, double *height, struct b_err *err)
{
    const struct webp *webp = state;
    bool turned = webp->grid.orientation >= 5;
    (void)number;
    (void)err;
    *width = turned ? webp->features.height : webp->features.width;
    *height = turned ? webp->features.width : webp->features.height;
    return B_OK;
}

static void webp_close(void *state)
{
    free(state);
}

/* Extended files: Exif and the first frame of an animation. The demuxer takes cut files as well. */
static void look_inside(struct webp *webp)
{
    WebPData data = {webp->data, webp->size};
    WebPDemuxState state;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    if (!demuxer)
        return;
    WebPChunkIterator chunk;
    if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
        struct dp_exif exif;
        dp_exif_parse(chunk.chunk.bytes, chunk.chunk.size, &exif);
        webp->grid.orientation = exif.orientation;
        webp->grid.x_dpi = exif.x_dpi;
        webp->grid.y_dpi = exif.y_dpi;
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    WebPIterator frame;
    if (webp->features.has_animation && WebPDemuxGetFrame(demuxer, 1, &frame)) {
        webp->frames = WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT);
        webp->data = frame.fragment.bytes;
        webp->size = frame.fragment.size;
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(demuxer);
}

enum b_code dp_load_webp_open(const struct dp_source *source, const struct dp_loader_options *options,
                              struct dp_loader *out, struct b_err *err)
{
    static const struct dp_loader_ops ops = {webp_close, webp_page, webp_page_size};
    struct webp *webp = calloc(1, sizeof *webp);
    if (!webp)
        return b_fail(err, B_NO_MEMORY, "webp", "out of memory");
    out->ops = &ops;
    out->state = webp;
    out->info.page_count = 1;
    webp->options = *options;
    webp->data = source->bytes.data;
    webp->size = source->bytes.size;
    VP8StatusCode status = WebPGetFeatures(webp->data, webp->size, &webp->features);
    if (status == VP8_STATUS_OK) {
        look_inside(webp);
        if (webp->frames)
            status = WebPGetFeatures(webp->data, webp->size, &webp->features);
        else if (webp->features.has_animation)
            status = VP8_STATUS_NOT_ENOUGH_DATA;
    }
    return status == VP8_STATUS_OK ? B_OK : webp_failure(status, "the header cannot be read", err);
}
