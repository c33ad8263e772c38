/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG through libjpeg-turbo. libjpeg reports fatal errors by a call that must not return: the jump goes from
 * there to `guarded` below, over frames of libjpeg alone. Everything that must outlive a jump is in struct job.
 * Sole user of jpeglib.h. */
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "docparse/loader_private.h"
#include "docparse/orient.h"
#include "docparse/raster.h"

/* Scans of a progressive image. Encoders write about 10, exhaustive optimisers below 70; an empty scan costs
 * a few bytes of file and a pass over all coefficients (the known denial of service). */
#define SCANS_MAX 100
/* libjpeg keeps all coefficients of a multi-scan image: 6 bytes a pixel for three full components. */
#define LIBRARY_BYTES_MAX ((long)1 << 30)
#define CM_PER_INCH 2.54
#define POLL_ROWS 256

struct jpeg {
    const uint8_t *data;
    size_t size;
    struct dp_loader_options options;
    int width, height;
    struct dp_grid grid;
};

struct job {
    struct jpeg_decompress_struct lib;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    struct b_cancel *cancel;
    struct b_err failure;    /* code B_OK until a jump */
    char warning[JMSG_LENGTH_MAX];
    char damage[JMSG_LENGTH_MAX];
    bool file_ended;         /* libjpeg asked for bytes beyond the file */
    int64_t cut;             /* first output row without data; -1: none */
    int64_t good;            /* output rows delivered */
    struct dp_rows rows;
    uint8_t *line, *page_line;
};

static struct job *job_of(j_common_ptr lib)
{
    return lib->client_data;
}

static enum b_code code_of(int msg_code)
{
    switch (msg_code) {
    case JERR_OUT_OF_MEMORY:
        return B_NO_MEMORY;
    case JERR_NO_BACKING_STORE: /* LIBRARY_BYTES_MAX reached */
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        return B_LIMIT;
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
        return B_UNSUPPORTED;
    default:
        return B_FORMAT;
    }
}

_Noreturn static void on_error(j_common_ptr lib)
{
    struct job *job = job_of(lib);
    char text[JMSG_LENGTH_MAX];
    lib->err->format_message(lib, text);
    enum b_code code = code_of(lib->err->msg_code);
    (void)b_fail(&job->failure, code, "jpeg", "%s", text);
    if (code == B_LIMIT)
        b_advise(&job->failure, "save the image with fewer pixels or without progressive mode");
    longjmp(job->jump, 1);
}

/* Warnings about lost pixels, as opposed to oddities that change nothing. */
static bool loses_pixels(int msg_code)
{
    return msg_code == JWRN_HIT_MARKER || msg_code == JWRN_HUFF_BAD_CODE || msg_code == JWRN_MUST_RESYNC ||
           msg_code == JWRN_ARITH_BAD_CODE || msg_code == JWRN_BOGUS_PROGRESSION;
}

static void on_message(j_common_ptr lib, int level)
{
    if (level >= 0)
        return; /* traces */
    struct job *job = job_of(lib);
    const struct jpeg_decompress_struct *d = &job->lib;
    bool loss = loses_pixels(lib->err->msg_code);
    char *text = loss ? job->damage : job->warning;
    if (!text[0])
        lib->err->format_message(lib, text);
    /* The scan's data ended early. Nothing resumes it unless restart markers follow in the file. */
    bool first_scan = !d->progressive_mode || d->input_scan_number <= 1;
    if (lib->err->msg_code == JWRN_HIT_MARKER && first_scan && job->cut < 0 &&
        (job->file_ended || d->restart_interval == 0))
        job->cut = (int64_t)d->input_iMCU_row * d->max_v_samp_factor * DCTSIZE;
}

static void on_output(j_common_ptr lib)
{
    (void)lib; /* never to standard error */
}

static void on_progress(j_common_ptr lib)
{
    struct job *job = job_of(lib);
    if (job->lib.input_scan_number > SCANS_MAX) {
        (void)b_fail(&job->failure, B_LIMIT, "jpeg", "the image has more than %d scans", SCANS_MAX);
        b_advise(&job->failure, "save the image again without progressive mode");
        longjmp(job->jump, 1);
    }
    if (b_cancel_check(job->cancel, &job->failure) != B_OK)
        longjmp(job->jump, 1);
}

static void source_nothing(j_decompress_ptr lib)
{
    (void)lib;
}

/* The file is over: an end-of-image marker lets libjpeg finish with what it has. */
static boolean source_fill(j_decompress_ptr lib)
{
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    job_of((j_common_ptr)lib)->file_ended = true;
    lib->src->next_input_byte = end;
    lib->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void source_skip(j_decompress_ptr lib, long count)
{
    if (count <= 0)
        return;
    if ((size_t)count > lib->src->bytes_in_buffer) {
        (void)source_fill(lib);
        return;
    }
    lib->src->next_input_byte += count;
    lib->src->bytes_in_buffer -= (size_t)count;
}

/* Runs a step of libjpeg calls; a fatal error of libjpeg ends it with job->failure. */
static enum b_code guarded(struct job *job, void (*step)(struct job *), struct b_err *err)
{
    if (setjmp(job->jump) == 0)
        step(job);
    if (job->failure.code != B_OK && err)
        *err = job->failure;
    return job->failure.code;
}

static void step_header(struct job *job)
{
    jpeg_create_decompress(&job->lib);
    job->lib.client_data = job;
    job->lib.mem->max_memory_to_use = LIBRARY_BYTES_MAX;
    job->lib.progress = &job->progress;
    job->lib.src = &job->source;
    jpeg_save_markers(&job->lib, JPEG_APP0 + 1, 0xFFFF);
    (void)jpeg_read_header(&job->lib, TRUE);
}

static struct job *job_new(const struct jpeg *jpeg, struct b_cancel *cancel, struct b_err *err)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        (void)b_fail(err, B_NO_MEMORY, "jpeg", "out of memory");
        return NULL;
    }
    job->cut = -1;
    job->cancel = cancel;
    job->lib.err = jpeg_std_error(&job->errors);
    job->lib.client_data = job;
    job->errors.error_exit = on_error;
    job->errors.emit_message = on_message;
    job->errors.output_message = on_output;
    job->progress.progress_monitor = on_progress;
    job->source = (struct jpeg_source_mgr){.next_input_byte = jpeg->data,
                                           .bytes_in_buffer = jpeg->size,
                                           .init_source = source_nothing,
                                           .fill_input_buffer = source_fill,
                                           .skip_input_data = source_skip,
                                           .resync_to_restart = jpeg_resync_to_restart,
                                           .term_source = source_nothing};
    return job;
}

static void job_drop(struct job *job)
{
    if (!job)
        return;
    jpeg_destroy_decompress(&job->lib);
    dp_rows_free(&job->rows);
    free(job->line);
    free(job->page_line);
    free(job);
}

static void read_grid(const struct job *job, struct dp_grid *grid)
{
    struct dp_exif exif = {0};
    const struct jpeg_decompress_struct *lib = &job->lib;
    for (jpeg_saved_marker_ptr m = lib->marker_list; m; m = m->next)
        if (m->data_length >= 6 && memcmp(m->data, "Exif\0", 5) == 0) {
            dp_exif_parse(m->data, m->data_length, &exif);
            break;
        }
    *grid = (struct dp_grid){.orientation = exif.orientation, .reduced = 1};
    if (lib->saw_JFIF_marker && lib->density_unit != 0) {
        double unit = lib->density_unit == 2 ? CM_PER_INCH : 1;
        grid->x_dpi = lib->X_density * unit;
        grid->y_dpi = lib->Y_density * unit;
    } else if (exif.x_dpi > 0) {
        grid->x_dpi = exif.x_dpi;
        grid->y_dpi = exif.y_dpi;
    } else if (lib->saw_JFIF_marker && lib->X_density && lib->Y_density) {
        grid->aspect_only = true;
        grid->x_dpi = lib->X_density;
        grid->y_dpi = lib->Y_density;
    }
}

/* Ink to light; Adobe's encoders store 255 for no ink (libjpeg.txt, "CMYK and YCCK"). */
static void cmyk_to_rgb(const uint8_t *cmyk, size_t width, bool inverted, uint8_t *rgb)
{
    for (size_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
        unsigned flip = inverted ? 0 : 255, k = cmyk[3] ^ flip;
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(((cmyk[c] ^ flip) * k + 127) / 255);
    }
}

static void step_start(struct job *job)
{
    (void)jpeg_start_decompress(&job->lib);
}

static void step_rows(struct job *job)
{
    struct jpeg_decompress_struct *lib = &job->lib;
    bool cmyk = lib->out_color_space == JCS_CMYK;
    while (lib->output_scanline < lib->output_height) {
        if (lib->output_scanline % POLL_ROWS == 0 && b_cancel_check(job->cancel, &job->failure) != B_OK)
            return;
        uint8_t *place = cmyk ? NULL : dp_rows_place(&job->rows);
        JSAMPROW row = place ? place : job->line;
        if (jpeg_read_scanlines(lib, &row, 1) != 1)
            return;
        /* cut is in stored rows; scaling by the DCT makes min_DCT_scaled_size of every DCTSIZE. */
        if (job->cut >= 0 && job->good >= job->cut * lib->min_DCT_scaled_size / DCTSIZE)
            return;
        if (cmyk) {
            cmyk_to_rgb(job->line, lib->output_width, lib->saw_Adobe_marker != 0, job->page_line);
            dp_rows_put(&job->rows, job->page_line);
        } else {
            dp_rows_put(&job->rows, row);
        }
        job->good++;
    }
}

static enum b_code choose_output(struct job *job, struct b_err *err)
{
    struct jpeg_decompress_struct *lib = &job->lib;
    switch (lib->jpeg_color_space) {
    case JCS_GRAYSCALE:
        lib->out_color_space = JCS_GRAYSCALE;
        return B_OK;
    case JCS_CMYK:
    case JCS_YCCK:
        lib->out_color_space = JCS_CMYK;
        return B_OK;
    case JCS_RGB:
    case JCS_YCbCr:
        lib->out_color_space = JCS_RGB;
        return B_OK;
    default:
        return b_fail(err, B_UNSUPPORTED, "jpeg", "an image of %d components is not read", lib->num_components);
    }
}

/* Whole scans that are missing from a file that ended early. */
static bool scans_missing(const struct job *job)
{
    const struct jpeg_decompress_struct *lib = &job->lib;
    if (!job->file_ended)
        return false;
    if (!lib->progressive_mode)
        return lib->input_scan_number < (lib->comps_in_scan == 1 ? lib->num_components : 1);
    for (int c = 0; lib->coef_bits && c < lib->num_components; c++)
        for (int i = 0; i < DCTSIZE2; i++)
            if (lib->coef_bits[c][i] != 0)
                return true;
    return false;
}

/* What the warnings of a decode mean for the page. */
static enum b_code judge(struct job *job, struct dp_sheet *sheet, struct b_err *err)
{
    const char *why = job->damage[0] ? job->damage : job->failure.message;
    int64_t total = job->rows.height;
    if (job->warning[0])
        dp_sheet_warn(sheet, "the JPEG decoder says: %s", job->warning);
    if (job->good < total)
        return dp_raster_salvage(sheet, job->good, total, job->good, why, err);
    if (scans_missing(job))
        dp_sheet_warn(sheet, "damaged: the file ends in scan %d: detail is missing", job->lib.input_scan_number);
    else if (job->damage[0])
        dp_sheet_warn(sheet, "damaged: parts of the image are wrong (%s)", job->damage);
    return B_OK;
}

static enum b_code decode(struct job *job, struct dp_sheet *sheet, struct b_err *err)
{
    enum b_code code = guarded(job, step_start, err);
    struct jpeg_decompress_struct *lib = &job->lib;
    if (code != B_OK)
        return code;
    size_t bytes = (size_t)lib->output_width * 4;
    job->line = malloc(bytes);
    job->page_line = malloc(bytes);
    if (!job->line || !job->page_line)
        return b_fail(err, B_NO_MEMORY, "jpeg", "out of memory");
    code = guarded(job, step_rows, err);
    if (code == B_CANCELLED || code == B_DEADLINE || code == B_NO_MEMORY)
        return code;
    return judge(job, sheet, err);
}

/* Reduction: as much as possible in the DCT (1/2, 1/4, 1/8), the rest of the factor by box means. */
static int dct_share(int factor)
{
    return factor % 8 == 0 ? 8 : factor % 4 == 0 ? 4 : factor % 2 == 0 ? 2 : 1;
}

static enum b_code jpeg_page(void *state, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                             struct b_err *err)
{
    const struct jpeg *jpeg = state;
    int factor;
    struct b_image image = {0};
    struct job *job = NULL;
    enum b_code code = dp_raster_plan((uint64_t)jpeg->width, (uint64_t)jpeg->height, &jpeg->options.limits, &factor,
                                      err);
    if (code == B_OK)
        code = dp_sheet_begin(out, number, &jpeg->options.limits, err);
    if (code != B_OK)
        return code;
    job = job_new(jpeg, cancel, err);
    if (!job)
        return B_NO_MEMORY;
    code = guarded(job, step_header, err);
    if (code == B_OK)
        code = choose_output(job, err);
    if (code != B_OK)
        goto out;
    int share = dct_share(factor);
    job->lib.scale_num = 1;
    job->lib.scale_denom = (unsigned)share;
    jpeg_calc_output_dimensions(&job->lib);
    code = dp_rows_begin(&job->rows, (int)job->lib.output_width, (int)job->lib.output_height,
                         job->lib.out_color_space == JCS_GRAYSCALE ? 1 : 3, factor / share, err);
    if (code == B_OK)
        code = decode(job, out, err);
    if (code != B_OK)
        goto out;
    dp_rows_take(&job->rows, &image);
    struct dp_grid grid = jpeg->grid;
    grid.reduced = factor;
    code = dp_raster_finish(out, &image, &grid, &jpeg->options, err);
out:
    job_drop(job);
    return code;
}

static enum b_code jpeg_page_size(void *state, int32_t number, double *width, double *height, struct b_err *err)
{
    const struct jpeg *jpeg = state;
    bool turned = jpeg->grid.orientation >= 5;
    (void)number;
    (void)err;
    *width = turned ? jpeg->height : jpeg->width;
    *height = turned ? jpeg->width : jpeg->height;
    return B_OK;
}

static void jpeg_close(void *state)
{
    free(state);
}

enum b_code dp_load_jpeg_open(const struct dp_source *source, const struct dp_loader_options *options,
                              struct dp_loader *out, struct b_err *err)
{
    static const struct dp_loader_ops ops = {jpeg_close, jpeg_page, jpeg_page_size};
    struct jpeg *jpeg = calloc(1, sizeof *jpeg);
    if (!jpeg)
        return b_fail(err, B_NO_MEMORY, "jpeg", "out of memory");
    out->ops = &ops;
    out->state = jpeg;
    out->info.page_count = 1;
    jpeg->data = source->bytes.data;
    jpeg->size = source->bytes.size;
    jpeg->options = *options;
    struct job *job = job_new(jpeg, NULL, err);
    if (!job)
        return B_NO_MEMORY;
    enum b_code code = guarded(job, step_header, err);
    if (code == B_OK) {
        jpeg->width = (int)job->lib.image_width;
        jpeg->height = (int)job->lib.image_height;
        read_grid(job, &jpeg->grid);
    }
    job_drop(job);
    return code;
}
