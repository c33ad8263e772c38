/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of ours fails once: a writer then ends with an error, frees what it had, and half a page never
 * counts as a page. The linker sends malloc, calloc and realloc of the program (not of shared libraries) here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/collect.h"
#include "tests/support/make_document.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long countdown = -1; /* allocations until the one that fails; negative: none fails */

static int refused(void)
{
    return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return refused() ? NULL : __real_realloc(old, size);
}

static enum b_code ignore(void *ctx, const void *data, size_t size, struct b_err *err)
{
    (void)ctx;
    (void)data;
    (void)size;
    (void)err;
    return B_OK;
}

static enum b_code ignore_side(void *ctx, const char *name, const void *data, size_t size, struct b_err *err)
{
    (void)name;
    return ignore(ctx, data, size, err);
}

/* A document through a writer whose n-th allocation fails. *left: what remained of the countdown. */
static enum b_code render(const struct out_format *f, const struct dp_document *d, const struct b_image_view *image,
                          long n, long *left)
{
    const struct out_options options = {.words = true, .page_images = true};
    const struct out_sink sink = {.write = ignore, .side = ignore_side};
    struct out_writer *w = NULL;
    struct b_err err = {0};
    countdown = n;
    enum b_code code = out_open(f, &options, &sink, &w, &err);
    if (code == B_OK)
        code = out_begin(w, &d->info, NULL, 0, &err);
    for (int32_t i = 0; i < d->n_pages && code == B_OK; i++)
        code = out_page(w, d->pages[i], image, &err);
    if (code == B_OK)
        code = out_end(w, d->status, &err);
    *left = countdown;
    countdown = -1;
    out_drop(w);
    if (code != B_OK && (err.code != code || err.message[0] == 0))
        fail_msg("%s: %s, but the error says %s: %s", f->name, b_code_name(code), b_code_name(err.code), err.message);
    return code;
}

static void one_format(const struct out_format *f, const struct dp_document *d, const struct b_image_view *image)
{
    enum { STEPS_MAX = 400 };
    long left, all = 1L << 30;
    assert_int_equal(render(f, d, image, all, &left), B_OK);
    all -= left;
    const long step = all > STEPS_MAX ? all / STEPS_MAX : 1;
    for (long n = 0; n < all; n += step) {
        const enum b_code code = render(f, d, image, n, &left);
        /* libjpeg's picture is optional beside the PNG, so that a failure there may pass. */
        if (code != B_NO_MEMORY && code != B_LIBRARY && code != B_OK)
            fail_msg("%s: allocation %ld of %ld fails as %s", f->name, n, all, b_code_name(code));
        if (code == B_OK && !f->needs_image)
            fail_msg("%s: allocation %ld of %ld fails unseen", f->name, n, all);
    }
}

static void every_allocation(void **state)
{
    struct dp_document d;
    struct b_image image;
    (void)state;
    assert_true(t_sample_document(&d));
    assert_int_equal(b_image_new(1240, 60, 3, 1 << 20, &image, NULL), B_OK);
    memset(image.pixels, 0x7F, 1240 * 60 * 3);
    const struct b_image_view view = b_image_view_of(&image);
    for (const struct out_format *f = out_formats(); f->name; f++)
        one_format(f, &d, &view);
    b_image_free(&image);
    dp_document_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
