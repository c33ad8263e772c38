/* SPDX-License-Identifier: Apache-2.0 */
/* What image loaders share. Invariant: nothing proportional to a stored size is allocated before
 * dp_raster_plan has accepted it, and a page image never exceeds page_pixels and page_side. */
#include "docparse/raster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/loader_private.h"
#include "docparse/orient.h"

#define FACTOR_MAX 4096     /* 255 * 4096^2 still fits the 32-bit sums */
#define DPI_MIN 30.0        /* coarser grids carry no readable text; such tags are defaults or noise */
#define DPI_MAX 2400.0      /* film scanners end at 2400 for pages */
#define SQUARE_ENOUGH 1.01  /* 1 %: below, letters are not visibly squashed */
#define ASPECT_MAX 4.0      /* fax modes reach 408 x 98; beyond, the tag is noise */
#define WEIGHT_ONE 4096u    /* resampling weights: 12 bits, sums of 255 * 4096 fit easily */

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

static bool fits(uint64_t width, uint64_t height, const struct dp_limits *limits)
{
    uint64_t side = limits->page_side > 0 ? (uint64_t)limits->page_side : 1;
    return width <= side && height <= side && width * height <= limits->page_pixels;
}

enum b_code dp_raster_plan(uint64_t width, uint64_t height, const struct dp_limits *limits, int *factor,
                           struct b_err *err)
{
    *factor = 1;
    if (width == 0 || height == 0)
        return b_fail(err, B_FORMAT, "image", "the image is empty: %llu x %llu pixels", (unsigned long long)width,
                      (unsigned long long)height);
    if (width > DP_STORED_SIDE_MAX || height > DP_STORED_SIDE_MAX || width * height > limits->source_pixels) {
        (void)b_fail(err, B_LIMIT, "image", "the image claims %llu x %llu pixels, more than the bound of %llu pixels "
                     "and %d a side", (unsigned long long)width, (unsigned long long)height,
                     (unsigned long long)limits->source_pixels, DP_STORED_SIDE_MAX);
        b_advise(err, "scan at a lower resolution, or raise source_pixels if the input is trusted");
        return B_LIMIT;
    }
    uint64_t f = 1;
    while (f <= FACTOR_MAX && !fits(ceil_div(width, f), ceil_div(height, f), limits))
        f++;
    if (f > FACTOR_MAX)
        return b_fail(err, B_LIMIT, "image", "%llu x %llu pixels cannot be reduced to the page bound of %llu pixels",
                      (unsigned long long)width, (unsigned long long)height, (unsigned long long)limits->page_pixels);
    *factor = (int)f;
    return B_OK;
}

enum b_code dp_rows_begin(struct dp_rows *rows, int width, int height, int channels, int factor, struct b_err *err)
{
    *rows = (struct dp_rows){.width = width, .height = height, .channels = channels, .factor = factor};
    int ow = (int)ceil_div((uint64_t)width, (uint64_t)factor), oh = (int)ceil_div((uint64_t)height, (uint64_t)factor);
    enum b_code code = b_image_new(ow, oh, channels, UINT64_MAX, &rows->image, err);
    if (code != B_OK || factor == 1)
        return code;
    rows->sums = calloc((size_t)ow * (size_t)channels, sizeof *rows->sums);
    if (!rows->sums) {
        dp_rows_free(rows);
        return b_fail(err, B_NO_MEMORY, "image", "out of memory");
    }
    return B_OK;
}

static uint8_t *image_row(struct b_image *image, int y)
{
    return image->pixels + (size_t)y * (size_t)image->width * (size_t)image->channels;
}

uint8_t *dp_rows_place(struct dp_rows *rows)
{
    return rows->factor == 1 && rows->next < rows->height ? image_row(&rows->image, rows->next) : NULL;
}

/* Adds a row to the sums; NULL is white. */
static void add_row(struct dp_rows *rows, const uint8_t *row)
{
    int ch = rows->channels, f = rows->factor, x = 0;
    for (uint32_t *sum = rows->sums; x < rows->width; sum += ch) {
        int end = rows->width - x < f ? rows->width : x + f;
        for (; x < end; x++)
            for (int c = 0; c < ch; c++)
                sum[c] += row ? row[(size_t)x * (size_t)ch + (size_t)c] : 255u;
    }
}

/* Writes the sums of the block row that ends before stored row `end` and clears them. */
static void emit_sums(struct dp_rows *rows, int end)
{
    int f = rows->factor, ch = rows->channels, oy = (end - 1) / f;
    uint32_t high = (uint32_t)(end - oy * f);
    uint8_t *out = image_row(&rows->image, oy);
    for (int ox = 0; ox < rows->image.width; ox++) {
        int left = rows->width - ox * f;
        uint32_t n = high * (uint32_t)(left < f ? left : f);
        for (int c = 0; c < ch; c++)
            out[(size_t)ox * (size_t)ch + (size_t)c] = (uint8_t)((rows->sums[ox * ch + c] + n / 2) / n);
    }
    memset(rows->sums, 0, (size_t)rows->image.width * (size_t)ch * sizeof *rows->sums);
}

void dp_rows_put(struct dp_rows *rows, const uint8_t *row)
{
    if (rows->next >= rows->height)
        return;
    size_t bytes = (size_t)rows->width * (size_t)rows->channels;
    if (rows->factor == 1) {
        uint8_t *to = image_row(&rows->image, rows->next);
        if (!row)
            memset(to, 255, bytes);
        else if (to != row)
            memcpy(to, row, bytes);
        rows->next++;
        return;
    }
    add_row(rows, row);
    rows->next++;
    if (rows->next % rows->factor == 0 || rows->next == rows->height)
        emit_sums(rows, rows->next);
}

void dp_rows_put_white(struct dp_rows *rows, int count)
{
    for (; count > 0 && rows->next < rows->height; count--)
        dp_rows_put(rows, NULL);
}

void dp_rows_take(struct dp_rows *rows, struct b_image *out)
{
    dp_rows_put_white(rows, rows->height - rows->next);
    *out = rows->image;
    rows->image = (struct b_image){0};
    dp_rows_free(rows);
}

void dp_rows_free(struct dp_rows *rows)
{
    b_image_free(&rows->image);
    free(rows->sums);
    *rows = (struct dp_rows){0};
}

/* One output sample along an axis: the stored samples first..first+count-1 with weights that add up to
 * WEIGHT_ONE. */
struct tap {
    int first, count;
    uint32_t *weights;
};

struct taps {
    struct tap *taps;
    uint32_t *weights;
};

static void taps_free(struct taps *t)
{
    free(t->taps);
    free(t->weights);
    *t = (struct taps){0};
}

/* Rounds w[0..count) of real weights to integers that add up to WEIGHT_ONE; the rest goes to the largest. */
static void round_weights(const double *real, struct tap *tap)
{
    double total = 0;
    uint32_t sum = 0;
    int largest = 0;
    for (int i = 0; i < tap->count; i++)
        total += real[i];
    for (int i = 0; i < tap->count; i++) {
        tap->weights[i] = (uint32_t)(real[i] / total * WEIGHT_ONE);
        sum += tap->weights[i];
        if (real[i] > real[largest])
            largest = i;
    }
    tap->weights[largest] += WEIGHT_ONE - sum;
}

static void area_tap(int from, double scale, int i, double *real, struct tap *tap)
{
    double left = i * scale, right = (i + 1) * scale;
    int first = (int)left, last = (int)ceil(right);
    if (last > from)
        last = from;
    if (first >= last)
        first = last - 1;
    tap->first = first;
    tap->count = last - first;
    for (int k = first; k < last; k++) {
        double a = k > left ? k : left, b = k + 1 < right ? k + 1 : right;
        real[k - first] = b > a ? b - a : 1e-9;
    }
}

static void linear_tap(int from, double scale, int i, double *real, struct tap *tap)
{
    double at = (i + 0.5) * scale - 0.5;
    int first = (int)floor(at);
    double part = at - first;
    if (first < 0 || from == 1) {
        first = 0;
        part = 0;
    } else if (first >= from - 1) {
        first = from - 2;
        part = 1;
    }
    tap->first = first;
    tap->count = from == 1 ? 1 : 2;
    real[0] = 1 - part;
    real[1] = part;
}

static enum b_code taps_make(int from, int to, struct taps *out, struct b_err *err)
{
    double scale = (double)from / to;
    size_t most = (size_t)ceil(scale) + 2; /* samples that one output can touch */
    *out = (struct taps){0};
    double *real = calloc(most, sizeof *real);
    out->taps = calloc((size_t)to, sizeof *out->taps);
    out->weights = calloc((size_t)to * most, sizeof *out->weights);
    if (!real || !out->taps || !out->weights) {
        free(real);
        taps_free(out);
        return b_fail(err, B_NO_MEMORY, "image", "out of memory");
    }
    for (int i = 0; i < to; i++) {
        struct tap *tap = &out->taps[i];
        tap->weights = out->weights + (size_t)i * most;
        if (scale > 1)
            area_tap(from, scale, i, real, tap);
        else
            linear_tap(from, scale, i, real, tap);
        round_weights(real, tap);
    }
    free(real);
    return B_OK;
}

static enum b_code resize_columns(const struct b_image *in, int width, struct b_image *out, struct b_err *err)
{
    struct taps t;
    enum b_code code = taps_make(in->width, width, &t, err);
    if (code == B_OK)
        code = b_image_new(width, in->height, in->channels, UINT64_MAX, out, err);
    size_t ch = (size_t)in->channels;
    for (int y = 0; code == B_OK && y < in->height; y++) {
        const uint8_t *row = in->pixels + (size_t)y * (size_t)in->width * ch;
        uint8_t *to = image_row(out, y);
        for (int x = 0; x < width; x++)
            for (size_t c = 0; c < ch; c++) {
                uint32_t sum = WEIGHT_ONE / 2;
                for (int k = 0; k < t.taps[x].count; k++)
                    sum += t.taps[x].weights[k] * row[(size_t)(t.taps[x].first + k) * ch + c];
                *to++ = (uint8_t)(sum / WEIGHT_ONE);
            }
    }
    taps_free(&t);
    return code;
}

static enum b_code resize_rows(const struct b_image *in, int height, struct b_image *out, struct b_err *err)
{
    struct taps t;
    enum b_code code = taps_make(in->height, height, &t, err);
    size_t bytes = (size_t)in->width * (size_t)in->channels;
    uint32_t *sums = malloc(bytes * sizeof *sums);
    if (code == B_OK && !sums)
        code = b_fail(err, B_NO_MEMORY, "image", "out of memory");
    if (code == B_OK)
        code = b_image_new(in->width, height, in->channels, UINT64_MAX, out, err);
    for (int y = 0; code == B_OK && y < height; y++) {
        for (size_t i = 0; i < bytes; i++)
            sums[i] = WEIGHT_ONE / 2;
        for (int k = 0; k < t.taps[y].count; k++) {
            const uint8_t *row = in->pixels + (size_t)(t.taps[y].first + k) * bytes;
            uint32_t weight = t.taps[y].weights[k];
            for (size_t i = 0; i < bytes; i++)
                sums[i] += weight * row[i];
        }
        uint8_t *to = image_row(out, y);
        for (size_t i = 0; i < bytes; i++)
            to[i] = (uint8_t)(sums[i] / WEIGHT_ONE);
    }
    free(sums);
    taps_free(&t);
    return code;
}

enum b_code dp_raster_resize(struct b_image *image, int width, int height, struct b_err *err)
{
    struct b_image made = {0};
    if (width != image->width) {
        enum b_code code = resize_columns(image, width, &made, err);
        if (code != B_OK)
            return code;
        b_image_free(image);
        *image = made;
    }
    if (height != image->height) {
        enum b_code code = resize_rows(image, height, &made, err);
        if (code != B_OK)
            return code;
        b_image_free(image);
        *image = made;
    }
    return B_OK;
}

static bool plausible(double dpi)
{
    return dpi >= DPI_MIN && dpi <= DPI_MAX; /* false for NaN */
}

/* Checks the grid: fills x, y (both 0 when unknown) and returns whether they are in dots per inch. */
static bool read_grid(struct dp_sheet *sheet, const struct dp_grid *grid, double *x, double *y)
{
    *x = grid->x_dpi;
    *y = grid->y_dpi;
    if (!(*x > 0) || !isfinite(*x))
        *x = isfinite(*y) && *y > 0 ? *y : 0;
    if (!(*y > 0) || !isfinite(*y))
        *y = *x;
    bool any = *x > 0, usable = any && (grid->aspect_only || (plausible(*x) && plausible(*y)));
    double ratio = usable ? fmax(*x / *y, *y / *x) : 1;
    if (any && (!usable || ratio > ASPECT_MAX)) {
        dp_sheet_warn(sheet, "the resolution tag (%.4g x %.4g) is implausible and was ignored", *x, *y);
        *x = *y = 0;
        return false;
    }
    return usable && !grid->aspect_only;
}

/* Size in pixels at which the grid is square and, where asked, at options->dpi; *dpi is updated. */
static void target_size(struct dp_sheet *sheet, const struct b_image *image, double x, double y, bool in_dpi,
                        double *dpi, const struct dp_loader_options *options, int *width, int *height)
{
    double high = fmax(x, y), low = fmin(x, y), w = image->width, h = image->height;
    if (x > 0 && high / low > SQUARE_ENOUGH) {
        bool grow_fits = fits((uint64_t)(w * high / x + 1), (uint64_t)(h * high / y + 1), &options->limits);
        double to = grow_fits ? high : low;
        w *= to / x;
        h *= to / y;
        *dpi *= to / high;
        dp_sheet_warn(sheet, "the pixels are not square (%.4g x %.4g): resampled", x, y);
    }
    if (options->dpi > 0 && in_dpi && fabs(options->dpi / *dpi - 1) > 0.001) {
        double scale = options->dpi / *dpi;
        if (fits((uint64_t)(w * scale + 1), (uint64_t)(h * scale + 1), &options->limits)) {
            w *= scale;
            h *= scale;
            *dpi = options->dpi;
        } else {
            dp_sheet_warn(sheet, "%.4g dpi would exceed the pixel limit: kept at %.4g dpi", options->dpi, *dpi);
        }
    }
    *width = w < 1 ? 1 : (int)(w + 0.5);
    *height = h < 1 ? 1 : (int)(h + 0.5);
}

enum b_code dp_raster_finish(struct dp_sheet *sheet, struct b_image *image, const struct dp_grid *grid,
                             const struct dp_loader_options *options, struct b_err *err)
{
    double x, y;
    bool in_dpi = read_grid(sheet, grid, &x, &y);
    double dpi = in_dpi ? fmax(x, y) / grid->reduced : 0;
    int width, height;
    if (grid->reduced > 1)
        dp_sheet_warn(sheet, "reduced to 1/%.4g of its width and height to stay below the limit of %llu pixels",
                      grid->reduced, (unsigned long long)options->limits.page_pixels);
    target_size(sheet, image, x, y, in_dpi, &dpi, options, &width, &height);
    enum b_code code = dp_raster_resize(image, width, height, err);
    if (code == B_OK)
        code = dp_orient(image, grid->orientation, err);
    if (code != B_OK) {
        b_image_free(image);
        return code;
    }
    sheet->image = *image;
    *image = (struct b_image){0};
    sheet->kind = DP_SHEET_RASTER;
    sheet->dpi = dpi;
    sheet->width_pt = dpi > 0 ? sheet->image.width * 72.0 / dpi : 0;
    sheet->height_pt = dpi > 0 ? sheet->image.height * 72.0 / dpi : 0;
    return B_OK;
}

enum b_code dp_raster_salvage(struct dp_sheet *sheet, int64_t decoded, int64_t total, int64_t first, const char *why,
                              struct b_err *err)
{
    const char *open = why[0] ? " (" : "", *close = why[0] ? ")" : "";
    if (decoded < 1 || decoded * 100 < total * DP_SALVAGE_PERCENT)
        return b_fail(err, B_FORMAT, "image", "only %lld of %lld rows could be decoded%s%s%s", (long long)decoded,
                      (long long)total, open, why, close);
    dp_sheet_warn(sheet, "damaged: %lld of %lld rows are missing, from row %lld on%s%s%s", (long long)(total - decoded),
                  (long long)total, (long long)first + 1, open, why, close);
    return B_OK;
}
