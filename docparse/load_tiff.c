/* SPDX-License-Identifier: Apache-2.0 */
/* TIFF pages: what the tags of a directory mean for its pixels, its size and its place on the page. Every page
 * opens its own libtiff handle, so a directory that confuses libtiff costs one page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/tiff_chain.h"
#include "docparse/tiff_private.h"
#include "engine/base/utf8.h"

#define SAMPLES_MAX 32      /* per pixel; multispectral images are not pages */
#define INFO_BYTES 256
#define CM_PER_INCH 2.54

struct tiff {
    const uint8_t *data;
    size_t size;
    struct dp_loader_options options;
    struct dp_tiff_chain chain;
    char title[INFO_BYTES], author[INFO_BYTES], subject[INFO_BYTES], creator[INFO_BYTES], created[INFO_BYTES];
};

static uint16_t tag_u16(TIFF *tif, uint32_t tag, uint16_t otherwise)
{
    uint16_t value = 0;
    return TIFFGetFieldDefaulted(tif, tag, &value) ? value : otherwise;
}

static enum b_code unsupported(const char *what, unsigned value, struct b_err *err)
{
    enum b_code code = b_fail(err, B_UNSUPPORTED, "tiff", "the page uses %s %u, which is not read", what, value);
    b_advise(err, "save the page as an ordinary grey or RGB TIFF");
    return code;
}

static enum b_code check_compression(uint16_t compression, struct b_err *err)
{
    /* jbigkit aborts the process when the sizes inside its data are hostile. */
    if (compression == COMPRESSION_JBIG || !TIFFIsCODECConfigured(compression))
        return unsupported("compression", compression, err);
    return B_OK;
}

/* Photometric interpretation, or what is usual where the tag is missing. */
static uint16_t photometric_of(TIFF *tif, uint16_t compression, int samples)
{
    uint16_t value;
    if (TIFFGetField(tif, TIFFTAG_PHOTOMETRIC, &value))
        return value;
    bool fax = compression == COMPRESSION_CCITTRLE || compression == COMPRESSION_CCITTRLEW ||
               compression == COMPRESSION_CCITTFAX3 || compression == COMPRESSION_CCITTFAX4;
    return fax ? PHOTOMETRIC_MINISWHITE : samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
}

static enum b_code read_palette(TIFF *tif, int bits, struct dp_colour *colour, struct b_err *err)
{
    uint16_t *rgb[3], most = 0;
    if (bits < 1 || bits > 8)
        return unsupported("a palette with a depth of", (unsigned)bits, err);
    if (!TIFFGetField(tif, TIFFTAG_COLORMAP, &rgb[0], &rgb[1], &rgb[2]))
        return b_fail(err, B_FORMAT, "tiff", "the page has palette colours but no palette");
    int n = 1 << bits;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            most = rgb[c][i] > most ? rgb[c][i] : most;
    int shift = most > 255 ? 8 : 0; /* some writers store 8-bit values */
    colour->grey_palette = true;
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < 3; c++)
            colour->palette[i][c] = (uint8_t)(rgb[c][i] >> shift);
        colour->grey_palette &= rgb[0][i] == rgb[1][i] && rgb[0][i] == rgb[2][i];
    }
    return B_OK;
}

/* Colour kind and the number of colour samples. */
static enum b_code read_colour(TIFF *tif, struct dp_tiff_layout *layout, uint16_t photometric, int *n, struct b_err *err)
{
    struct dp_colour *colour = &layout->colour;
    switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
        *n = 1;
        colour->kind = DP_COLOUR_INVERTED;
        return B_OK;
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_MASK:
        *n = 1;
        colour->kind = DP_COLOUR_GREY;
        return B_OK;
    case PHOTOMETRIC_PALETTE:
        *n = 1;
        colour->kind = DP_COLOUR_PALETTE;
        layout->samples.indices = true;
        return read_palette(tif, layout->samples.bits, colour, err);
    case PHOTOMETRIC_RGB:
        *n = 3;
        colour->kind = DP_COLOUR_RGB;
        return B_OK;
    case PHOTOMETRIC_SEPARATED:
        *n = 4;
        colour->kind = DP_COLOUR_CMYK;
        if (tag_u16(tif, TIFFTAG_INKSET, INKSET_CMYK) != INKSET_CMYK && tag_u16(tif, TIFFTAG_NUMBEROFINKS, 4) != 4)
            return unsupported("an ink set of", tag_u16(tif, TIFFTAG_NUMBEROFINKS, 0), err);
        return B_OK;
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
        *n = 3;
        colour->kind = photometric == PHOTOMETRIC_CIELAB ? DP_COLOUR_CIELAB : DP_COLOUR_ICCLAB;
        return B_OK;
    default:
        return unsupported("photometric interpretation", photometric, err);
    }
}

/* Lab of 8 or 16 bits: its high bytes are read as they are, since a and b are signed. */
static enum b_code check_samples(struct dp_tiff_layout *layout, struct b_err *err)
{
    bool lab = layout->colour.kind == DP_COLOUR_CIELAB || layout->colour.kind == DP_COLOUR_ICCLAB;
    if (lab)
        layout->samples.format = DP_SAMPLE_UINT;
    if (!dp_samples_known(&layout->samples) || (lab && layout->samples.bits != 8 && layout->samples.bits != 16))
        return unsupported("a sample depth of", (unsigned)layout->samples.bits, err);
    return B_OK;
}

static enum b_code read_samples(TIFF *tif, struct dp_samples *samples, struct b_err *err)
{
    uint16_t format = tag_u16(tif, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
    samples->bits = tag_u16(tif, TIFFTAG_BITSPERSAMPLE, 1);
    samples->low = 0;
    samples->high = 1;
    switch (format) {
    case SAMPLEFORMAT_UINT:
    case SAMPLEFORMAT_VOID:
        samples->format = DP_SAMPLE_UINT;
        return B_OK;
    case SAMPLEFORMAT_INT:
        samples->format = DP_SAMPLE_INT;
        return B_OK;
    case SAMPLEFORMAT_IEEEFP: {
        double low, high;
        samples->format = DP_SAMPLE_FLOAT;
        if (TIFFGetField(tif, TIFFTAG_SMINSAMPLEVALUE, &low) && TIFFGetField(tif, TIFFTAG_SMAXSAMPLEVALUE, &high) &&
            high > low) {
            samples->low = low;
            samples->high = high;
        }
        return B_OK;
    }
    default:
        return unsupported("sample format", format, err);
    }
}

/* Which samples of a pixel are read: colour, and alpha where one is declared. */
static enum b_code read_extras(TIFF *tif, struct dp_tiff_layout *layout, int colours, int samples, struct b_err *err)
{
    struct dp_colour *colour = &layout->colour;
    uint16_t n = 0, *kinds = NULL;
    if (samples < colours || samples > SAMPLES_MAX)
        return b_fail(err, B_FORMAT, "tiff", "the page has %d samples a pixel where %d are needed", samples, colours);
    colour->alpha = -1;
    if (TIFFGetFieldDefaulted(tif, TIFFTAG_EXTRASAMPLES, &n, &kinds))
        for (int i = 0; i < n && colours + i < samples && colour->alpha < 0; i++)
            if (kinds[i] == EXTRASAMPLE_ASSOCALPHA || kinds[i] == EXTRASAMPLE_UNASSALPHA) {
                colour->alpha = colours + i;
                colour->premultiplied = kinds[i] == EXTRASAMPLE_ASSOCALPHA;
            }
    colour->per_pixel = samples;
    if (layout->separate) {
        if (colour->alpha > colours)
            colour->alpha = -1; /* not worth a plane behind unknown ones */
        layout->n_planes = colours + (colour->alpha >= 0);
        colour->per_pixel = layout->n_planes;
    }
    return B_OK;
}

static enum b_code read_bands(TIFF *tif, struct dp_tiff_layout *layout, struct b_err *err)
{
    uint32_t rows = 0;
    if (TIFFIsTiled(tif)) {
        if (!TIFFGetField(tif, TIFFTAG_TILEWIDTH, &layout->tile_width) ||
            !TIFFGetField(tif, TIFFTAG_TILELENGTH, &layout->tile_height) || layout->tile_width == 0 ||
            layout->tile_height == 0 || layout->tile_width > DP_STORED_SIDE_MAX ||
            layout->tile_height > DP_STORED_SIDE_MAX)
            return b_fail(err, B_FORMAT, "tiff", "the tiles of the page have an impossible size");
        rows = layout->tile_height;
    } else if (!TIFFGetFieldDefaulted(tif, TIFFTAG_ROWSPERSTRIP, &rows) || rows == 0) {
        rows = layout->height;
    }
    layout->band_rows = rows < layout->height ? rows : layout->height;
    return B_OK;
}

static enum b_code read_layout(TIFF *tif, struct dp_tiff_layout *layout, struct b_err *err)
{
    int samples = tag_u16(tif, TIFFTAG_SAMPLESPERPIXEL, 1), colours = 0;
    layout->compression = tag_u16(tif, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
    layout->separate = tag_u16(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE && samples > 1;
    uint16_t photometric = photometric_of(tif, layout->compression, samples);
    enum b_code code = check_compression(layout->compression, err);
    if (code == B_OK)
        code = read_bands(tif, layout, err);
    if (code != B_OK)
        return code;
    if (photometric == PHOTOMETRIC_YCBCR && layout->compression == COMPRESSION_JPEG && !layout->separate) {
        (void)TIFFSetField(tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        photometric = PHOTOMETRIC_RGB;
    }
    layout->convert = photometric == PHOTOMETRIC_YCBCR || photometric == PHOTOMETRIC_LOGL ||
                      photometric == PHOTOMETRIC_LOGLUV || layout->compression == COMPRESSION_OJPEG;
    if (layout->convert) {
        layout->colour.kind = DP_COLOUR_RGB;
        layout->colour.alpha = -1;
        return B_OK;
    }
    code = read_samples(tif, &layout->samples, err);
    if (code == B_OK)
        code = read_colour(tif, layout, photometric, &colours, err);
    if (code == B_OK)
        code = check_samples(layout, err);
    return code == B_OK ? read_extras(tif, layout, colours, samples, err) : code;
}

static void read_grid(TIFF *tif, struct dp_grid *grid)
{
    float x = 0, y = 0;
    uint16_t unit = tag_u16(tif, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
    (void)TIFFGetField(tif, TIFFTAG_XRESOLUTION, &x);
    (void)TIFFGetField(tif, TIFFTAG_YRESOLUTION, &y);
    double to_inch = unit == RESUNIT_CENTIMETER ? CM_PER_INCH : 1;
    grid->x_dpi = (double)x * to_inch;
    grid->y_dpi = (double)y * to_inch;
    grid->aspect_only = unit == RESUNIT_NONE;
    grid->orientation = tag_u16(tif, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
}

/* What the codecs complained about, and the end of a broken chain. */
static enum b_code judge(const struct tiff *tiff, const struct dp_tiff_file *file, const struct dp_tiff_loss *loss,
                         int64_t height, struct dp_sheet *sheet, struct b_err *err)
{
    const char *said = file->error[0] ? file->error : file->premature ? file->warning : "";
    if (loss->rows > 0) {
        enum b_code code = dp_raster_salvage(sheet, height - loss->rows, height, loss->first, said, err);
        if (code != B_OK)
            return code;
    } else if (file->error[0]) {
        dp_sheet_warn(sheet, "damaged: parts of the image are wrong (%s)", file->error);
    }
    if (tiff->chain.problem[0] && sheet->number == tiff->chain.n_pages)
        dp_sheet_warn(sheet, "damaged: pages may be missing behind this one: %s", tiff->chain.problem);
    return B_OK;
}

/* Opens the page and, for separate strips, one further handle a plane: each streams its own rows. */
static enum b_code open_planes(const struct tiff *tiff, uint64_t offset, const struct dp_tiff_layout *layout,
                               struct dp_tiff_file *files, struct b_err *err)
{
    enum b_code code = B_OK;
    for (int p = 1; code == B_OK && layout->separate && !layout->tile_width && p < layout->n_planes; p++)
        code = dp_tiff_file_open(&files[p], tiff->data, tiff->size, offset, err);
    return code;
}

static enum b_code page_pixels(const struct tiff *tiff, uint64_t offset, struct dp_tiff_file *files,
                               struct b_cancel *cancel, struct dp_sheet *out, struct dp_rows *rows,
                               struct dp_grid *grid, struct b_err *err)
{
    struct dp_tiff_layout layout = {0};
    struct dp_tiff_loss loss;
    int factor;
    TIFF *tif = files[0].tif;
    (void)TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &layout.width);
    (void)TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &layout.height);
    enum b_code code = dp_raster_plan(layout.width, layout.height, &tiff->options.limits, &factor, err);
    if (code == B_OK)
        code = read_layout(tif, &layout, err);
    if (code == B_OK)
        code = open_planes(tiff, offset, &layout, files, err);
    if (code != B_OK)
        return code;
    read_grid(tif, grid);
    grid->reduced = factor;
    code = dp_rows_begin(rows, (int)layout.width, (int)layout.height, dp_colour_channels(&layout.colour), factor, err);
    files[0].error[0] = '\0'; /* from here on, messages are about pixels */
    if (code == B_OK)
        code = dp_tiff_decode(files, &layout, rows, cancel, &loss, err);
    return code == B_OK ? judge(tiff, &files[0], &loss, layout.height, out, err) : code;
}

static enum b_code tiff_page(void *state, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                             struct b_err *err)
{
    const struct tiff *tiff = state;
    const struct dp_tiff_page *page = &tiff->chain.pages[number - 1];
    struct dp_tiff_file *files = calloc(DP_TIFF_PLANES_MAX, sizeof *files);
    struct dp_rows rows = {0};
    struct b_image image = {0};
    struct dp_grid grid = {0};
    enum b_code code = files ? dp_sheet_begin(out, number, &tiff->options.limits, err)
                             : b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
    int factor;
    if (code == B_OK) /* before libtiff sees the directory: its own arrays grow with the size */
        code = dp_raster_plan(page->width, page->height, &tiff->options.limits, &factor, err);
    if (code == B_OK)
        code = dp_tiff_file_open(&files[0], tiff->data, tiff->size, page->offset, err);
    if (code == B_OK)
        code = page_pixels(tiff, page->offset, files, cancel, out, &rows, &grid, err);
    if (code == B_OK) {
        dp_rows_take(&rows, &image);
        code = dp_raster_finish(out, &image, &grid, &tiff->options, err);
    }
    dp_rows_free(&rows);
    for (int i = 0; files && i < DP_TIFF_PLANES_MAX; i++)
        dp_tiff_file_close(&files[i]);
    free(files);
    return code;
}

static enum b_code tiff_page_size(void *state, int32_t number, double *width, double *height, struct b_err *err)
{
    const struct tiff *tiff = state;
    const struct dp_tiff_page *page = &tiff->chain.pages[number - 1];
    (void)err;
    bool turned = page->orientation >= 5;
    *width = (double)(turned ? page->height : page->width);
    *height = (double)(turned ? page->width : page->height);
    return B_OK;
}

static void tiff_close(void *state)
{
    struct tiff *tiff = state;
    dp_tiff_chain_free(&tiff->chain);
    free(tiff);
}

/* Copies a text tag as clean UTF-8; NULL when it is absent or empty. */
static const char *text_tag(TIFF *tif, uint32_t tag, char out[INFO_BYTES])
{
    char *text = NULL;
    size_t n = 0;
    if (!TIFFGetField(tif, tag, &text) || !text)
        return NULL;
    size_t len = strnlen(text, INFO_BYTES);
    for (size_t pos = 0; pos < len && n + 4 < INFO_BYTES;) {
        char utf8[4];
        uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_control(cp) || cp == '\n' || cp == '\r' || cp == '\t')
            cp = ' ';
        size_t bytes = b_utf8_put(cp, utf8);
        memcpy(out + n, utf8, bytes);
        n += bytes;
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return n ? out : NULL;
}

/* "YYYY:MM:DD HH:MM:SS" (TIFF 6.0 DateTime) -> ISO 8601. */
static const char *date_tag(TIFF *tif, char out[INFO_BYTES])
{
    static const char form[] = "dddd:dd:dd dd:dd:dd";
    const char *text = text_tag(tif, TIFFTAG_DATETIME, out);
    if (!text || strlen(text) != sizeof form - 1)
        return NULL;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return NULL;
    out[4] = out[7] = '-';
    out[10] = 'T';
    return out;
}

static void read_info(struct tiff *tiff, struct dp_file_info *info)
{
    struct dp_tiff_file file;
    struct b_err ignored;
    const struct dp_tiff_page *page = &tiff->chain.pages[0];
    int factor;
    if (dp_raster_plan(page->width, page->height, &tiff->options.limits, &factor, &ignored) != B_OK)
        return;
    if (dp_tiff_file_open(&file, tiff->data, tiff->size, page->offset, &ignored) == B_OK) {
        info->title = text_tag(file.tif, TIFFTAG_DOCUMENTNAME, tiff->title);
        info->author = text_tag(file.tif, TIFFTAG_ARTIST, tiff->author);
        info->subject = text_tag(file.tif, TIFFTAG_IMAGEDESCRIPTION, tiff->subject);
        info->creator = text_tag(file.tif, TIFFTAG_SOFTWARE, tiff->creator);
        info->created = date_tag(file.tif, tiff->created);
    }
    dp_tiff_file_close(&file);
}

enum b_code dp_load_tiff_open(const struct dp_source *source, const struct dp_loader_options *options,
                              struct dp_loader *out, struct b_err *err)
{
    static const struct dp_loader_ops ops = {tiff_close, tiff_page, tiff_page_size};
    struct tiff *tiff = calloc(1, sizeof *tiff);
    if (!tiff)
        return b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
    out->ops = &ops;
    out->state = tiff;
    tiff->data = source->bytes.data;
    tiff->size = source->bytes.size;
    tiff->options = *options;
    enum b_code code = dp_tiff_chain_read(tiff->data, tiff->size, options->limits.pages, &tiff->chain, err);
    if (code != B_OK)
        return code;
    out->info.page_count = tiff->chain.n_pages;
    read_info(tiff, &out->info);
    return B_OK;
}
