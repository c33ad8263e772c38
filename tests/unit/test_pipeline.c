/* SPDX-License-Identifier: Apache-2.0 */
/* docparse/pipeline.c with a loader and a reader of the test's own: order, bounds, failing pages, cancel,
 * deadline, images. The fakes below take the place of docparse/loader.c and docparse/reader*.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "docparse/assembly.h"
#include "docparse/line_builder.h"
#include "docparse/pipeline.h"

#define MAX_PAGES 600

/* What the fake document does. One test at a time. */
struct script {
    int32_t pages;
    int open_fails;          /* this many opens succeed, then all fail; 0: none fails */
    int32_t bad_page;        /* its loading fails */
    int32_t damaged_page;    /* loads with a warning about damage */
    int32_t unreadable_page; /* the reader fails */
    int32_t broken_page;     /* the reader leaves a broken page without noticing */
    enum dp_source_kind source; /* of all lines */
    int32_t slow_page;       /* the reader waits for its deadline or cancel */
    int nap_us;              /* of every page */
};

static struct script script;
static atomic_int handed_out, most_ahead, loaders, opened, readers, looks;

struct dp_loader {
    struct dp_file_info info;
    const struct dp_limits limits;
};

struct dp_reader {
    int threads;
    atomic_bool busy;
};

static void nap(int us)
{
    struct timespec t = {.tv_nsec = us * 1000L};
    (void)nanosleep(&t, NULL);
}

enum b_code dp_loader_open(const struct dp_source *source, const struct dp_loader_options *options,
                           struct dp_loader **out, struct b_err *err)
{
    (void)source;
    (void)options;
    *out = NULL;
    if (script.open_fails && atomic_fetch_add(&opened, 1) >= script.open_fails)
        return b_fail(err, B_IO, "test", "cannot be opened again");
    struct dp_loader *l = calloc(1, sizeof *l);
    if (!l)
        return b_fail(err, B_NO_MEMORY, "test", "out of memory");
    l->info.page_count = script.pages;
    atomic_fetch_add(&loaders, 1);
    *out = l;
    return B_OK;
}

void dp_loader_close(struct dp_loader *loader)
{
    if (loader)
        atomic_fetch_sub(&loaders, 1);
    free(loader);
}

const struct dp_file_info *dp_loader_info(const struct dp_loader *loader)
{
    return &loader->info;
}

enum b_code dp_loader_page(struct dp_loader *loader, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                           struct b_err *err)
{
    (void)loader;
    static const char *damage[] = {"damaged strip 3"};
    *out = (struct dp_sheet){.number = number, .dpi = 100};
    enum b_code code = b_cancel_check(cancel, err);
    if (code != B_OK)
        return code;
    if (number == script.bad_page)
        return b_fail(err, B_FORMAT, "test", "page %d is bad", number);
    code = b_image_new(40, 30, 1, 10000, &out->image, err);
    if (code != B_OK)
        return code;
    memset(out->image.pixels, number & 0xff, 40 * 30);
    if (number == script.damaged_page) {
        out->warnings = damage;
        out->n_warnings = 1;
    }
    int ahead = number - atomic_load(&handed_out), most = atomic_load(&most_ahead);
    while (ahead > most && !atomic_compare_exchange_weak(&most_ahead, &most, ahead))
        continue;
    return B_OK;
}

void dp_sheet_free(struct dp_sheet *sheet)
{
    if (sheet->dpi > 0 && sheet->image.pixels)
        b_image_free(&sheet->image);
    *sheet = (struct dp_sheet){0};
}

enum b_code dp_reader_new(const struct dp_model *model, enum dp_text_layer text_layer, int threads,
                          struct dp_reader **out, struct b_err *err)
{
    (void)model;
    (void)text_layer;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return b_fail(err, B_NO_MEMORY, "test", "out of memory");
    (*out)->threads = threads;
    atomic_fetch_add(&readers, 1);
    return B_OK;
}

enum b_code dp_reader_formulas(struct dp_reader *reader, const struct dp_sheet *sheet, const struct dp_regions *seen,
                               struct dp_page *page, struct b_cancel *cancel, struct b_err *err)
{
    (void)reader;
    (void)sheet;
    (void)seen;
    (void)page;
    (void)cancel;
    (void)err;
    return B_OK;
}

enum b_code dp_reader_regions(struct dp_reader *reader, const struct dp_sheet *sheet, const struct dp_page *page,
                              struct b_arena *arena, struct dp_regions *out, struct b_cancel *cancel,
                              struct b_err *err)
{
    (void)reader;
    (void)sheet;
    (void)page;
    (void)arena;
    (void)cancel;
    (void)err;
    atomic_fetch_add(&looks, 1);
    *out = (struct dp_regions){.n = 0};
    return B_OK;
}

void dp_reader_drop(struct dp_reader *reader)
{
    if (reader)
        atomic_fetch_sub(&readers, 1);
    free(reader);
}

static enum b_code write_line(struct dp_page *page, const char *text, struct b_err *err)
{
    struct dp_line_builder builder;
    struct dp_word word = {.text = text, .bbox = {1, 1, 20, 10}, .confidence = 1};
    struct dp_line line = {.bbox = {1, 1, 20, 10}, .confidence = 1, .source = script.source};
    dp_quad_of_box(line.bbox, 0, line.quad);
    dp_line_builder_begin(&builder, page);
    word.text = b_arena_text(page->arena, text, strlen(text));
    enum b_code code = dp_line_builder_word(&builder, &word, err);
    return code == B_OK ? dp_line_builder_end(&builder, &line, err) : code;
}

enum b_code dp_reader_read(struct dp_reader *reader, const struct dp_sheet *sheet, struct dp_page *page,
                           struct b_cancel *cancel, struct b_err *err)
{
    enum b_code code = B_OK;
    char text[32];
    if (atomic_exchange(&reader->busy, true))
        return b_fail(err, B_INTERNAL, "test", "one reader, two threads");
    (void)snprintf(text, sizeof text, "text %d", sheet->number);
    nap(script.nap_us + (sheet->number % 3) * script.nap_us);
    while (sheet->number == script.slow_page && code == B_OK) {
        nap(1000);
        code = b_cancel_check(cancel, err);
    }
    if (code == B_OK && sheet->number == script.unreadable_page)
        code = b_fail(err, B_UNSUPPORTED, "test", "cannot read page %d", sheet->number);
    if (code == B_OK)
        code = write_line(page, text, err);
    if (code == B_OK && sheet->number == script.broken_page)
        page->lines[0].first_word = 77;
    atomic_store(&reader->busy, false);
    return code;
}

const char *dp_model_options(const struct dp_model *model)
{
    (void)model;
    return "";
}

const char *dp_model_name(const struct dp_model *model)
{
    (void)model;
    return "fake";
}

const char *dp_model_sha256(const struct dp_model *model)
{
    (void)model;
    return "0000000000000000000000000000000000000000000000000000000000000000";
}

/* Blocks are not this test's business. */
enum b_code dp_assemble_seen(const struct dp_sheet *sheet, const struct dp_regions *regions, struct dp_page *page,
                             struct b_err *err)
{
    (void)regions;
    (void)sheet;
    (void)page;
    (void)err;
    return B_OK;
}

struct seen {
    int32_t numbers[MAX_PAGES], n, announced;
    enum dp_status status[MAX_PAGES];
    enum b_code codes[MAX_PAGES];
    int images, wrong_texts, cancel_at, fail_at, nap_us;
    struct b_cancel cancel;
    char options[65];
};

static enum b_code on_begin(void *ctx, const struct dp_document_info *info, int32_t pages, struct b_err *err)
{
    (void)err;
    struct seen *seen = ctx;
    assert_string_equal(info->model_name, "fake");
    memcpy(seen->options, info->options_sha256, sizeof seen->options);
    seen->announced = pages;
    return B_OK;
}

static enum b_code on_page(void *ctx, const struct dp_page *page, const struct b_image_view *image, struct b_err *err)
{
    struct seen *seen = ctx;
    char text[32];
    nap(seen->nap_us);
    if (image) {
        seen->images++;
        if (image->pixels[0] != (page->number & 0xff) || image->width != 40)
            seen->wrong_texts++;
    }
    (void)snprintf(text, sizeof text, "text %d", page->number);
    if (page->status != DP_STATUS_FAILED && (page->n_lines != 1 || strcmp(page->lines[0].text, text) != 0))
        seen->wrong_texts++;
    if (page->status == DP_STATUS_FAILED && (page->n_lines || !page->error.message[0]))
        seen->wrong_texts++;
    seen->numbers[seen->n] = page->number;
    seen->status[seen->n] = page->status;
    seen->codes[seen->n] = page->error.code;
    seen->n++;
    atomic_fetch_add(&handed_out, 1);
    if (seen->n == seen->cancel_at)
        b_cancel_request(&seen->cancel);
    return seen->n == seen->fail_at ? b_fail(err, B_IO, "test", "disk full") : B_OK;
}

/* Runs the script; checks that everything was given back. */
static enum b_code run(struct seen *seen, int jobs, const struct dp_parse_options *changes, enum dp_status *status,
                       struct b_err *err)
{
    static const struct dp_source source = {.media = DP_MEDIA_PDF};
    struct dp_parse_options options = {.limits = dp_limits_default()};
    if (changes)
        options = *changes;
    struct dp_parse_events events = {.ctx = seen, .begin = on_begin, .page = on_page};
    struct dp_pipeline *pipeline = NULL;
    b_cancel_init(&seen->cancel);
    atomic_store(&handed_out, 0);
    atomic_store(&most_ahead, 0);
    atomic_store(&looks, 0);
    atomic_store(&opened, 0);
    b_err_clear(err);
    assert_int_equal(dp_pipeline_new(NULL, DP_TEXT_TRUST, jobs, &pipeline, err), B_OK);
    enum b_code code = dp_pipeline_parse(pipeline, &source, &options, &events, status, &seen->cancel, err);
    assert_int_equal(atomic_load(&loaders), 0);
    dp_pipeline_drop(pipeline);
    assert_int_equal(atomic_load(&readers), 0);
    assert_int_equal(seen->wrong_texts, 0);
    return code;
}

static int reset(void **state)
{
    (void)state;
    script = (struct script){.pages = 20, .nap_us = 200};
    return 0;
}

static void pages_come_in_order(void **state)
{
    (void)state;
    for (int jobs = 1; jobs <= 8; jobs *= 2) {
        struct seen seen = {0};
        enum dp_status status;
        struct b_err err;
        script.pages = 60;
        assert_int_equal(run(&seen, jobs, NULL, &status, &err), B_OK);
        assert_int_equal(status, DP_STATUS_OK);
        assert_int_equal(seen.n, 60);
        assert_int_equal(seen.announced, 60);
        for (int32_t i = 0; i < seen.n; i++)
            assert_int_equal(seen.numbers[i], i + 1);
    }
}

static void memory_stays_bounded(void **state)
{
    (void)state;
    struct seen seen = {.nap_us = 300}; /* a slow receiver: workers must wait */
    enum dp_status status;
    struct b_err err;
    script = (struct script){.pages = 500};
    struct dp_parse_options options = {.limits = dp_limits_default(), .keep_images = true};
    assert_int_equal(run(&seen, 4, &options, &status, &err), B_OK);
    assert_int_equal(seen.n, 500);
    assert_int_equal(seen.images, 500);
    assert_int_equal(atomic_load(&most_ahead), 7); /* jobs + 3, the page in the receiver's hands among them */
}

/* The layout network looks at pages read from pixels, at all or at none. */
static void layout_is_asked_where_it_pays(void **state)
{
    static const enum dp_layout modes[] = {DP_LAYOUT_AUTO, DP_LAYOUT_ON, DP_LAYOUT_OFF};
    (void)state;
    for (int seen_pixels = 0; seen_pixels < 2; seen_pixels++)
        for (size_t m = 0; m < 3; m++) {
            struct seen seen = {0};
            enum dp_status status;
            struct b_err err;
            struct dp_parse_options options = {.limits = dp_limits_default(), .layout = modes[m]};
            script = (struct script){.pages = 5, .source = seen_pixels ? DP_FROM_COMPACT : DP_FROM_TEXT_LAYER};
            assert_int_equal(run(&seen, 2, &options, &status, &err), B_OK);
            const bool asked = modes[m] == DP_LAYOUT_ON || (modes[m] == DP_LAYOUT_AUTO && seen_pixels);
            assert_int_equal(atomic_load(&looks), asked ? 5 : 0);
        }
}

static void ranges_choose_pages(void **state)
{
    (void)state;
    struct seen seen = {0};
    enum dp_status status;
    struct b_err err;
    const struct dp_page_range ranges[] = {{18, INT32_MAX}, {2, 4}, {3, 5}};
    static const int32_t expected[] = {2, 3, 4, 5, 18, 19, 20};
    struct dp_parse_options options = {.limits = dp_limits_default(), .ranges = ranges, .n_ranges = 3};
    assert_int_equal(run(&seen, 3, &options, &status, &err), B_OK);
    assert_int_equal(seen.n, 7);
    for (int i = 0; i < 7; i++)
        assert_int_equal(seen.numbers[i], expected[i]);
    const struct dp_page_range beyond = {21, 30};
    options.ranges = &beyond;
    options.n_ranges = 1;
    struct seen none = {0};
    assert_int_equal(run(&none, 3, &options, &status, &err), B_ARGUMENT);
    assert_true(none.n == 0 && err.advice[0]);
}

static void bad_pages_do_not_end_the_document(void **state)
{
    (void)state;
    struct seen seen = {0};
    enum dp_status status;
    struct b_err err;
    script = (struct script){.pages = 8, .bad_page = 2, .damaged_page = 4, .unreadable_page = 5, .broken_page = 7};
    assert_int_equal(run(&seen, 2, NULL, &status, &err), B_OK);
    assert_int_equal(status, DP_STATUS_PARTIAL);
    assert_int_equal(seen.n, 8);
    static const enum dp_status expected[] = {DP_STATUS_OK,     DP_STATUS_FAILED, DP_STATUS_OK,     DP_STATUS_PARTIAL,
                                              DP_STATUS_FAILED, DP_STATUS_OK,     DP_STATUS_FAILED, DP_STATUS_OK};
    for (int i = 0; i < 8; i++)
        assert_int_equal(seen.status[i], expected[i]);
    assert_int_equal(seen.codes[1], B_FORMAT);
    assert_int_equal(seen.codes[3], B_FORMAT);
    assert_int_equal(seen.codes[4], B_UNSUPPORTED);
    assert_int_equal(seen.codes[6], B_INTERNAL);
}

static void all_pages_bad_is_failed(void **state)
{
    (void)state;
    struct seen seen = {0};
    enum dp_status status;
    struct b_err err;
    script = (struct script){.pages = 1, .bad_page = 1};
    assert_int_equal(run(&seen, 2, NULL, &status, &err), B_OK);
    assert_int_equal(status, DP_STATUS_FAILED);
    assert_int_equal(seen.n, 1);
}

static void workers_without_loader_fail_their_pages(void **state)
{
    (void)state;
    struct seen seen = {0};
    enum dp_status status;
    struct b_err err;
    script.open_fails = 1; /* only the first open succeeds */
    assert_int_equal(run(&seen, 4, NULL, &status, &err), B_OK);
    assert_int_equal(seen.n, 20);
    script.open_fails = -1;
    struct seen none = {0};
    assert_int_equal(run(&none, 4, NULL, &status, &err), B_IO);
    assert_int_equal(none.n, 0);
}

static void deadline_costs_one_page(void **state)
{
    (void)state;
    struct seen seen = {0};
    enum dp_status status;
    struct b_err err;
    struct dp_parse_options options = {.limits = dp_limits_default()};
    options.limits.page_seconds = 0.05;
    script = (struct script){.pages = 6, .slow_page = 3};
    assert_int_equal(run(&seen, 2, &options, &status, &err), B_OK);
    assert_int_equal(seen.n, 6);
    assert_int_equal(seen.codes[2], B_DEADLINE);
    assert_int_equal(status, DP_STATUS_PARTIAL);
}

static void cancel_ends_soon(void **state)
{
    (void)state;
    struct seen seen = {.cancel_at = 3};
    enum dp_status status;
    struct b_err err;
    struct dp_parse_options options = {.limits = dp_limits_default()};
    options.limits.page_seconds = 0;
    script = (struct script){.pages = 20, .slow_page = 5}; /* would never end by itself; page 4 must be there before 3 is handed out */
    int64_t start = b_now_ns();
    assert_int_equal(run(&seen, 2, &options, &status, &err), B_CANCELLED);
    assert_int_equal(seen.n, 3);
    assert_true(b_now_ns() - start < 5000000000);
}

static void failing_receiver_ends_the_parse(void **state)
{
    (void)state;
    struct seen seen = {.fail_at = 5};
    enum dp_status status;
    struct b_err err;
    assert_int_equal(run(&seen, 4, NULL, &status, &err), B_IO);
    assert_string_equal(err.message, "disk full");
    assert_int_equal(seen.n, 5);
    assert_int_equal(status, DP_STATUS_FAILED);
}

static void page_bound_counts_what_is_read(void **state)
{
    (void)state;
    struct seen seen = {0};
    enum dp_status status;
    struct b_err err;
    struct dp_parse_options options = {.limits = dp_limits_default()};
    options.limits.pages = 10;
    assert_int_equal(run(&seen, 2, &options, &status, &err), B_LIMIT);
    assert_int_equal(seen.n, 0);
    const struct dp_page_range range = {11, 20};
    options.ranges = &range;
    options.n_ranges = 1;
    assert_int_equal(run(&seen, 2, &options, &status, &err), B_OK);
    assert_int_equal(seen.n, 10);
    script.pages = 0;
    assert_int_equal(run(&seen, 2, &options, &status, &err), B_FORMAT);
}

static void options_have_a_digest(void **state)
{
    (void)state;
    struct seen a = {0}, b = {0}, c = {0};
    enum dp_status status;
    struct b_err err;
    struct dp_parse_options options = {.limits = dp_limits_default()};
    assert_int_equal(run(&a, 1, &options, &status, &err), B_OK);
    assert_int_equal(run(&b, 4, &options, &status, &err), B_OK);
    options.dpi = 300;
    assert_int_equal(run(&c, 1, &options, &status, &err), B_OK);
    assert_string_equal(a.options, b.options); /* the number of jobs changes nothing */
    assert_string_not_equal(a.options, c.options);
}

static void readers_are_kept_between_documents(void **state)
{
    (void)state;
    static const struct dp_source source = {.media = DP_MEDIA_PDF};
    struct dp_parse_options options = {.limits = dp_limits_default()};
    struct dp_pipeline *pipeline = NULL;
    struct b_err err = {0};
    enum dp_status status;
    assert_int_equal(dp_pipeline_new(NULL, DP_TEXT_TRUST, 2, &pipeline, &err), B_OK);
    assert_int_equal(dp_pipeline_new(NULL, DP_TEXT_TRUST, 0, &(struct dp_pipeline *){NULL}, &err), B_ARGUMENT);
    for (int i = 0; i < 3; i++) {
        struct seen seen = {0};
        struct dp_parse_events events = {.ctx = &seen, .begin = on_begin, .page = on_page};
        script.pages = i == 1 ? 1 : 4;
        assert_int_equal(dp_pipeline_parse(pipeline, &source, &options, &events, &status, NULL, &err), B_OK);
    }
    assert_int_equal(atomic_load(&readers), 3); /* two for pages side by side, one for lone pages */
    dp_pipeline_drop(pipeline);
    dp_pipeline_drop(NULL);
}

struct outer {
    struct dp_pipeline *pipeline;
    struct seen seen, guests;
    int times, status_ok;
};

static enum b_code on_outer_begin(void *ctx, const struct dp_document_info *info, int32_t pages, struct b_err *err)
{
    struct outer *o = ctx;
    return on_begin(&o->seen, info, pages, err);
}

static enum b_code on_outer_page(void *ctx, const struct dp_page *page, const struct b_image_view *image,
                                 struct b_err *err)
{
    struct outer *o = ctx;
    return on_page(&o->seen, page, image, err);
}

static void on_between(void *ctx)
{
    static const struct dp_source source = {.media = DP_MEDIA_PDF};
    struct outer *o = ctx;
    const struct dp_parse_options options = {.limits = dp_limits_default()};
    const struct dp_page_range one = {2, 3};
    struct dp_parse_options some = options;
    struct dp_parse_events events = {.ctx = &o->guests, .begin = on_begin, .page = on_page};
    enum dp_status status;
    some.ranges = &one;
    some.n_ranges = 1;
    o->times++;
    o->status_ok += dp_pipeline_parse(o->pipeline, &source, &some, &events, &status, NULL, NULL) == B_OK;
}

/* Between two pages the reader is free: another document is read with it, on the thread that reads. */
static void a_guest_is_read_between_pages(void **state)
{
    (void)state;
    static const struct dp_source source = {.media = DP_MEDIA_PDF};
    const struct dp_parse_options options = {.limits = dp_limits_default()};
    struct outer o = {0};
    const struct dp_parse_events events = {
        .ctx = &o, .between = on_between, .begin = on_outer_begin, .page = on_outer_page};
    struct b_err err = {0};
    enum dp_status status;
    script.pages = 12;
    assert_int_equal(dp_pipeline_new(NULL, DP_TEXT_TRUST, 1, &o.pipeline, &err), B_OK);
    assert_int_equal(dp_pipeline_parse(o.pipeline, &source, &options, &events, &status, NULL, &err), B_OK);
    assert_int_equal(status, DP_STATUS_OK);
    assert_int_equal(o.seen.n, 12);
    assert_int_equal(o.times, 11); /* neither before the first page nor behind the last */
    assert_int_equal(o.status_ok, 11);
    assert_int_equal(o.guests.n, 22);
    assert_int_equal(o.seen.wrong_texts + o.guests.wrong_texts, 0);
    assert_int_equal(atomic_load(&readers), 1);
    dp_pipeline_drop(o.pipeline);
}

int main(void)
{
#define WITH_SCRIPT(test) cmocka_unit_test_setup(test, reset)
    const struct CMUnitTest tests[] = {
        WITH_SCRIPT(pages_come_in_order),
        WITH_SCRIPT(memory_stays_bounded),
        WITH_SCRIPT(ranges_choose_pages),
        WITH_SCRIPT(bad_pages_do_not_end_the_document),
        WITH_SCRIPT(all_pages_bad_is_failed),
        WITH_SCRIPT(workers_without_loader_fail_their_pages),
        WITH_SCRIPT(deadline_costs_one_page),
        WITH_SCRIPT(layout_is_asked_where_it_pays),
        WITH_SCRIPT(cancel_ends_soon),
        WITH_SCRIPT(failing_receiver_ends_the_parse),
        WITH_SCRIPT(page_bound_counts_what_is_read),
        WITH_SCRIPT(options_have_a_digest),
        WITH_SCRIPT(readers_are_kept_between_documents),
        WITH_SCRIPT(a_guest_is_read_between_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
