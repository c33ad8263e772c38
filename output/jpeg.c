/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG by libjpeg. Its errors end in one setjmp, behind which everything is released. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "output/picture.h"

#define DOMAIN "jpeg"

struct errors {
    struct jpeg_error_mgr manager; /* first: libjpeg hands it back */
    jmp_buf back;
    char message[JMSG_LENGTH_MAX];
};

static void fail(j_common_ptr common)
{
    struct errors *e = (struct errors *)common->err;
    common->err->format_message(common, e->message);
    longjmp(e->back, 1);
}

static void silent(j_common_ptr common)
{
    (void)common;
}

struct encoder {
    struct jpeg_compress_struct jpeg;
    struct errors errors;
    unsigned char *data; /* allocated by libjpeg */
    unsigned long size;
};

/* False with errors.message when libjpeg gave up. Kept apart, so that no local of the caller lives across it. */
static bool encode(struct encoder *e, struct b_image_view view, int quality, double dpi)
{
    if (setjmp(e->errors.back) != 0)
        return false;
    jpeg_create_compress(&e->jpeg);
    jpeg_mem_dest(&e->jpeg, &e->data, &e->size);
    e->jpeg.image_width = (JDIMENSION)view.width;
    e->jpeg.image_height = (JDIMENSION)view.height;
    e->jpeg.input_components = view.channels;
    e->jpeg.in_color_space = view.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&e->jpeg);
    jpeg_set_quality(&e->jpeg, quality, TRUE);
    e->jpeg.optimize_coding = TRUE;
    if (dpi >= 1.0 && dpi <= 65535.0) {
        e->jpeg.density_unit = 1;
        e->jpeg.X_density = e->jpeg.Y_density = (UINT16)(dpi + 0.5);
    }
    jpeg_start_compress(&e->jpeg, TRUE);
    while (e->jpeg.next_scanline < e->jpeg.image_height) {
        /* libjpeg reads the row through a pointer without const. */
        union {
            const uint8_t *in;
            JSAMPLE *row;
        } row = {view.pixels + (size_t)e->jpeg.next_scanline * view.stride};
        (void)jpeg_write_scanlines(&e->jpeg, &row.row, 1);
    }
    jpeg_finish_compress(&e->jpeg);
    return true;
}

enum b_code out_jpeg(struct b_buf *buf, struct b_image_view view, int quality, double dpi, struct b_err *err)
{
    struct encoder *e = calloc(1, sizeof *e);
    if (!e)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    e->jpeg.err = jpeg_std_error(&e->errors.manager);
    e->errors.manager.error_exit = fail;
    e->errors.manager.output_message = silent;
    enum b_code code = B_OK;
    if (encode(e, view, quality, dpi)) {
        b_buf_append(buf, e->data, (size_t)e->size);
        code = b_buf_check(buf, DOMAIN, err);
    } else {
        code = b_fail(err, B_LIBRARY, DOMAIN, "a picture could not be written: %s", e->errors.message);
    }
    jpeg_destroy_compress(&e->jpeg);
    free(e->data);
    free(e);
    return code;
}
