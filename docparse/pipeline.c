/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the pages of one document on several workers and hands them out in order. Invariant: a worker
 * claims page slot i only while i < handed_out + window, so memory is bounded by the window; the calling
 * thread is the only one that runs callbacks. Every worker opens a loader of its own (Poppler and libtiff
 * handles are not shared) and owns one reader. */
#include "docparse/pipeline.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "docparse/assembly.h"
#include "docparse/digest.h"
#include "docparse/language.h"

#define DOMAIN "pipeline"
#define EXTRA_PAGES 3    /* finished pages that may wait: for a slow predecessor, and one for the page behind it */
#define REGION_BYTES ((size_t)1 << 20) /* what the layout network says of one page takes 56 KiB */
#define POLL_NS 50000000 /* how often the caller looks at its cancel flag while it waits */

struct dp_pipeline {
    const struct dp_model *model;
    enum dp_text_layer text_layer;
    int jobs;
    struct dp_reader **narrow; /* [jobs], one thread each: documents with many pages */
    struct dp_reader *wide;    /* all threads on one page: documents with a single page */
};

/* A finished page on its way to the caller. */
struct slot {
    struct dp_page *page;
    struct b_image image; /* empty unless images are kept */
    bool ready;
};

struct worker {
    struct parse *parse;
    struct dp_reader *reader;
    struct dp_loader *loader; /* NULL until first use, except for worker 0 */
    struct b_cancel cancel;   /* of the page in work; carries the page's deadline */
    pthread_t id;
};

struct parse {
    const struct dp_source *source;
    const struct dp_parse_options *options;
    const struct dp_parse_events *events;
    struct dp_loader_options loader_options;
    atomic_int crashes; /* decoders lost, of all workers */
    int32_t *numbers; /* [n_pages] page numbers to read, ascending */
    int32_t n_pages;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot *slots; /* [window], page i in slots[i % window] */
    int32_t window, next, handed_out;
    bool stop;
    struct worker *workers;
    int n_workers;
    struct dp_across *across; /* used by the caller's thread alone */
};

enum b_code dp_pipeline_new(const struct dp_model *model, enum dp_text_layer text_layer, int jobs,
                            struct dp_pipeline **out, struct b_err *err)
{
    *out = NULL;
    if (jobs < 1 || jobs > 256)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%d jobs cannot be run: give 1 to 256", jobs);
    struct dp_pipeline *p = calloc(1, sizeof *p);
    if (p)
        p->narrow = calloc((size_t)jobs, sizeof *p->narrow);
    if (!p || !p->narrow) {
        free(p);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    p->model = model;
    p->text_layer = text_layer;
    p->jobs = jobs;
    *out = p;
    return B_OK;
}

void dp_pipeline_drop(struct dp_pipeline *pipeline)
{
    if (!pipeline)
        return;
    for (int i = 0; i < pipeline->jobs; i++)
        dp_reader_drop(pipeline->narrow[i]);
    dp_reader_drop(pipeline->wide);
    free(pipeline->narrow);
    free(pipeline);
}

/* Fills *reader when it is still empty. */
static enum b_code need_reader(struct dp_pipeline *p, struct dp_reader **reader, int threads, struct b_err *err)
{
    return *reader ? B_OK : dp_reader_new(p->model, p->text_layer, threads, reader, err);
}

static bool wanted(const struct dp_parse_options *o, int32_t number)
{
    if (!o->ranges)
        return true;
    for (size_t i = 0; i < o->n_ranges; i++)
        if (number >= o->ranges[i].first && number <= o->ranges[i].last)
            return true;
    return false;
}

static enum b_code choose_pages(struct parse *p, int32_t page_count, struct b_err *err)
{
    if (page_count < 1) {
        (void)b_fail(err, B_FORMAT, DOMAIN, "the document has no pages");
        b_advise(err, "check how the file was made: its page list is empty or damaged");
        return B_FORMAT;
    }
    int32_t count = 0;
    for (int32_t n = 1; n <= page_count; n++)
        count += wanted(p->options, n);
    if (count > p->options->limits.pages) {
        (void)b_fail(err, B_LIMIT, DOMAIN, "%d pages are to be read, more than the bound of %d", (int)count,
                     p->options->limits.pages);
        b_advise(err, "read the document in parts with --pages, or raise --max-pages");
        return B_LIMIT;
    }
    if (count == 0) {
        (void)b_fail(err, B_ARGUMENT, DOMAIN, "none of the pages asked for exists: the document has %d page%s",
                     page_count, page_count == 1 ? "" : "s");
        b_advise(err, "pages are counted from 1");
        return B_ARGUMENT;
    }
    p->numbers = calloc((size_t)count, sizeof *p->numbers);
    if (!p->numbers)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    for (int32_t n = 1; n <= page_count; n++)
        if (wanted(p->options, n))
            p->numbers[p->n_pages++] = n;
    return B_OK;
}

static void mark_failed(struct dp_page *page, const struct b_err *why)
{
    page->status = DP_STATUS_FAILED;
    page->error = *why;
    page->rotation = page->skew = 0;
    page->blocks = NULL;
    page->lines = NULL;
    page->words = NULL;
    page->tables = NULL;
    page->cells = NULL;
    page->spans = NULL;
    page->n_blocks = page->n_lines = page->n_words = page->n_tables = page->n_cells = page->n_spans = 0;
}

/* Copies what the loader noticed; a damaged sheet makes the page partial. */
static void take_warnings(struct dp_page *page, const struct dp_sheet *sheet)
{
    for (int32_t i = 0; i < sheet->n_warnings; i++) {
        dp_page_warn(page, "%s", sheet->warnings[i]);
        if (strncmp(sheet->warnings[i], "damaged", 7) == 0 && page->status == DP_STATUS_OK) {
            page->status = DP_STATUS_PARTIAL;
            (void)b_fail(&page->error, B_FORMAT, "loader", "%s", sheet->warnings[i]);
            b_advise(&page->error, "compare the page with its original");
        }
    }
}

/* Tells what the stage took that began at *since, and begins the next. */
static void tell_stage(const struct parse *p, enum dp_stage stage, int64_t *since)
{
    const int64_t now = b_now_ns();
    if (p->events->took)
        p->events->took(p->events->ctx, stage, now - *since);
    *since = now;
}

/* Most of the page's text was read from its pixels. */
static bool is_seen(const struct dp_page *page)
{
    size_t seen = 0, all = 0;
    for (int32_t i = 0; i < page->n_lines; i++) {
        const size_t len = strlen(page->lines[i].text);
        all += len;
        seen += page->lines[i].source == DP_FROM_COMPACT ? len : 0;
    }
    return seen * 2 > all;
}

static enum b_code assemble(struct worker *w, struct dp_page *page, struct dp_sheet *sheet, struct b_err *err)
{
    const enum dp_layout layout = w->parse->options->layout;
    struct dp_regions regions = {.n = 0};
    struct b_arena *arena = NULL;
    enum b_code code = B_OK;
    if (page->n_lines > 0 && (layout == DP_LAYOUT_ON || (layout == DP_LAYOUT_AUTO && is_seen(page)))) {
        arena = b_arena_new(REGION_BYTES);
        code = arena ? dp_reader_regions(w->reader, sheet, page, arena, &regions, &w->cancel, err)
                     : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    if (code == B_OK)
        code = dp_assemble_seen(sheet, &regions, page, err);
    if (code == B_OK && regions.n > 0)
        code = dp_reader_formulas(w->reader, sheet, &regions, page, &w->cancel, err);
    b_arena_drop(arena);
    return code;
}

static enum b_code read_sheet(struct worker *w, struct dp_page *page, struct dp_sheet *sheet, struct b_err *err)
{
    page->width = sheet->image.width;
    page->height = sheet->image.height;
    page->dpi = sheet->dpi;
    take_warnings(page, sheet);
    int64_t since = b_now_ns();
    enum b_code code = dp_reader_read(w->reader, sheet, page, &w->cancel, err);
    tell_stage(w->parse, DP_STAGE_READ, &since);
    if (code == B_OK && page->n_blocks == 0) { /* a large model's pages come with their blocks */
        code = assemble(w, page, sheet, err);
        tell_stage(w->parse, DP_STAGE_ASSEMBLE, &since);
    }
    if (code == B_OK)
        dp_page_languages(page);
    /* Writers rely on it; a broken invariant of ours costs this page, not the document. */
    return code == B_OK ? dp_page_check(page, err) : code;
}

/* Reads one page; whatever goes wrong ends up in the page. NULL only without memory for the page itself. */
static struct dp_page *read_page(struct worker *w, int32_t number, struct b_image *image)
{
    struct parse *p = w->parse;
    struct dp_page *page = NULL;
    struct dp_sheet sheet = {0};
    struct b_err err = {0};
    if (dp_page_new(number, (size_t)p->options->limits.page_arena, &page, &err) != B_OK)
        return NULL;
    double seconds = p->options->limits.page_seconds;
    b_cancel_set_deadline(&w->cancel, seconds > 0 ? b_now_ns() + (int64_t)(seconds * 1e9) : 0);
    enum b_code code = B_OK;
    int64_t since = b_now_ns();
    if (!w->loader) {
        struct dp_loader_options options = p->loader_options;
        options.cancel = &w->cancel;
        code = dp_loader_open(p->source, &options, &w->loader, &err);
    }
    if (code == B_OK)
        code = dp_loader_page(w->loader, number, &w->cancel, &sheet, &err);
    tell_stage(p, DP_STAGE_LOAD, &since);
    if (code == B_OK)
        code = read_sheet(w, page, &sheet, &err);
    if (code != B_OK)
        mark_failed(page, &err);
    if (p->options->keep_images) {
        *image = sheet.image;
        sheet.image = (struct b_image){0};
    }
    dp_sheet_free(&sheet);
    return page;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct parse *p = w->parse;
    bool has_read = false;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        if (has_read && p->events->between && !p->stop && p->next < p->n_pages) {
            pthread_mutex_unlock(&p->lock);
            p->events->between(p->events->ctx);
            pthread_mutex_lock(&p->lock);
        }
        has_read = true;
        while (!p->stop && p->next < p->n_pages && p->next >= p->handed_out + p->window)
            pthread_cond_wait(&p->changed, &p->lock);
        if (p->stop || p->next >= p->n_pages)
            break;
        int32_t i = p->next++;
        pthread_mutex_unlock(&p->lock);
        struct b_image image = {0};
        struct dp_page *page = read_page(w, p->numbers[i], &image);
        pthread_mutex_lock(&p->lock);
        p->slots[i % p->window] = (struct slot){.page = page, .image = image, .ready = true};
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* With the lock held: waits for slot i while watching the caller's cancel flag. */
static enum b_code wait_for(struct parse *p, int32_t i, struct b_cancel *cancel, struct b_err *err)
{
    while (!p->slots[i % p->window].ready) {
        enum b_code code = b_cancel_check(cancel, err);
        if (code != B_OK)
            return code;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += POLL_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&p->changed, &p->lock, &until);
    }
    return b_cancel_check(cancel, err);
}

struct tally {
    int32_t ok, partial, failed;
};

static enum b_code hand_out(struct slot *slot, const struct dp_parse_events *events, struct tally *tally,
                            struct b_err *err)
{
    if (!slot->page)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory for a page");
    if (slot->page->status == DP_STATUS_OK)
        tally->ok++;
    else if (slot->page->status == DP_STATUS_PARTIAL)
        tally->partial++;
    else
        tally->failed++;
    struct b_image_view view = {0};
    if (slot->image.pixels)
        view = b_image_view_of(&slot->image);
    return events->page(events->ctx, slot->page, slot->image.pixels ? &view : NULL, err);
}

static void slot_clear(struct slot *slot)
{
    dp_page_drop(slot->page);
    b_image_free(&slot->image);
    *slot = (struct slot){0};
}

static enum b_code deliver(struct parse *p, const struct dp_parse_events *events, struct tally *tally,
                           struct b_cancel *cancel, struct b_err *err)
{
    enum b_code code = B_OK;
    for (int32_t i = 0; i < p->n_pages && code == B_OK; i++) {
        pthread_mutex_lock(&p->lock);
        code = wait_for(p, i, cancel, err);
        if (code == B_OK && i + 1 < p->n_pages)
            code = wait_for(p, i + 1, cancel, err);
        struct slot taken = {0};
        struct dp_page *next = NULL; /* stays in its slot: workers are done with it */
        if (code == B_OK) {
            taken = p->slots[i % p->window];
            p->slots[i % p->window] = (struct slot){0};
            next = i + 1 < p->n_pages ? p->slots[(i + 1) % p->window].page : NULL;
        }
        pthread_mutex_unlock(&p->lock);
        if (code == B_OK && taken.page)
            dp_across_settle(p->across, taken.page, next);
        if (code == B_OK)
            code = hand_out(&taken, events, tally, err);
        slot_clear(&taken);
        pthread_mutex_lock(&p->lock);
        p->handed_out = i + 1; /* only now, so that the page being written counts as well */
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
    return code;
}

static enum b_code start_workers(struct dp_pipeline *pl, struct parse *p, struct dp_loader *first, struct b_err *err)
{
    bool lone = p->n_pages == 1 && pl->jobs > 1;
    int want = p->n_pages < pl->jobs ? (int)p->n_pages : pl->jobs;
    p->workers = calloc((size_t)want, sizeof *p->workers);
    p->window = want + EXTRA_PAGES;
    p->slots = calloc((size_t)p->window, sizeof *p->slots);
    if (!p->workers || !p->slots)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    for (int i = 0; i < want; i++) {
        struct worker *w = &p->workers[i];
        struct dp_reader **reader = lone ? &pl->wide : &pl->narrow[i];
        enum b_code code = need_reader(pl, reader, lone ? pl->jobs : 1, err);
        if (code != B_OK)
            return code;
        *w = (struct worker){.parse = p, .reader = *reader};
        b_cancel_init(&w->cancel);
    }
    p->workers[0].loader = first; /* owned by the caller */
    for (; p->n_workers < want; p->n_workers++) {
        struct worker *w = &p->workers[p->n_workers];
        if (pthread_create(&w->id, NULL, work, w) != 0)
            break;
    }
    if (p->n_workers == 0)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "the system refused to start a thread");
    return B_OK;
}

static void stop_workers(struct parse *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    for (int i = 0; i < p->n_workers; i++)
        b_cancel_request(&p->workers[i].cancel);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_workers; i++)
        pthread_join(p->workers[i].id, NULL);
    for (int i = 1; i < p->n_workers; i++)
        dp_loader_close(p->workers[i].loader);
    for (int32_t i = 0; p->slots && i < p->window; i++)
        slot_clear(&p->slots[i]);
}

static void options_sha256(const struct dp_pipeline *pl, const struct dp_parse_options *o, char out[65])
{
    /* What changes a page's result; pages asked for and the number of jobs do not. */
    char text[384];
    int len = snprintf(text, sizeof text,
                       "text_layer=%d layout=%d dpi=%.6g page_pixels=%llu page_side=%d words=%d rules=%d images=%d%s%s",
                       (int)pl->text_layer, (int)o->layout, o->dpi, (unsigned long long)o->limits.page_pixels, o->limits.page_side,
                       o->limits.words_per_page, o->limits.rules_per_page, o->limits.images_per_page,
                       dp_model_options(pl->model)[0] ? " " : "", dp_model_options(pl->model));
    out[0] = '\0';
    if (len > 0 && (size_t)len < sizeof text && dp_sha256_hex(text, (size_t)len, out, NULL) != B_OK)
        out[0] = '\0';
}

static void fill_info(const struct dp_pipeline *pl, const struct parse *p, const struct dp_file_info *file,
                      struct dp_document_info *info)
{
    *info = (struct dp_document_info){
        .source_name = p->source->name,
        .media_type = dp_media_type_name(p->source->media),
        .page_count = file->page_count,
        .model_name = dp_model_name(pl->model),
        .title = file->title,
        .author = file->author,
        .subject = file->subject,
        .language = file->language,
    };
    (void)snprintf(info->source_sha256, sizeof info->source_sha256, "%s", p->source->sha256);
    (void)snprintf(info->model_sha256, sizeof info->model_sha256, "%s", dp_model_sha256(pl->model));
    options_sha256(pl, p->options, info->options_sha256);
}

/* Waits follow the monotonic clock: a clock that is set back must not stall the cancel flag. */
static void init_locks(struct parse *p)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

enum b_code dp_pipeline_parse(struct dp_pipeline *pipeline, const struct dp_source *source,
                              const struct dp_parse_options *options, const struct dp_parse_events *events,
                              enum dp_status *status, struct b_cancel *cancel, struct b_err *err)
{
    struct parse p = {
        .source = source,
        .options = options,
        .events = events,
        .loader_options = {.limits = options->limits,
                           .dpi = options->dpi,
                           .password = options->password,
                           .sandbox = options->sandbox,
                           .cancel = cancel},
    };
    struct dp_loader *loader = NULL;
    struct dp_document_info info;
    struct tally tally = {0};
    *status = DP_STATUS_FAILED;
    atomic_init(&p.crashes, 0);
    p.loader_options.crashes = &p.crashes;
    init_locks(&p);
    enum b_code code = dp_loader_open(source, &p.loader_options, &loader, err);
    if (code != B_OK)
        goto out;
    code = choose_pages(&p, dp_loader_info(loader)->page_count, err);
    if (code != B_OK)
        goto out;
    fill_info(pipeline, &p, dp_loader_info(loader), &info);
    code = dp_across_new(dp_loader_info(loader)->outline, dp_loader_info(loader)->n_outline, &p.across, err);
    if (code == B_OK)
        code = events->begin(events->ctx, &info, p.n_pages, err);
    if (code == B_OK)
        code = start_workers(pipeline, &p, loader, err);
    if (code == B_OK)
        code = deliver(&p, events, &tally, cancel, err);
    stop_workers(&p);
    if (code == B_OK)
        *status = tally.ok == p.n_pages          ? DP_STATUS_OK
                  : tally.ok + tally.partial > 0 ? DP_STATUS_PARTIAL
                                                 : DP_STATUS_FAILED;
out:
    dp_across_drop(p.across);
    dp_loader_close(loader);
    free(p.workers);
    free(p.slots);
    free(p.numbers);
    pthread_cond_destroy(&p.changed);
    pthread_mutex_destroy(&p.lock);
    return code;
}
