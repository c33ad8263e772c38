/* SPDX-License-Identifier: Apache-2.0 */
/* Times the way from lines to blocks, and writes what comes of it. Each page is read once; assembly then runs
 * ROUNDS times on fresh copies of its lines, and the least CPU time of a round counts.
 * usage: bench_assembly [-m MODELS] [-r ROUNDS] [-l 0|1: layout network] [-t 0|1: text layer] [-c CACHE] [-o DIR]
 *                       [-d DPI] FILE...
 * -c keeps what was read in a folder of its own, so that a change of assembly is judged in seconds; empty it when
 * loaders, readers or models change. -o writes DIR/STEM.md (benchmark Markdown), a JSON and an overlay picture a page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "docparse/assembly.h"
#include "docparse/line_builder.h"
#include "docparse/reader.h"
#include "engine/base/buf.h"
#include "output/writer.h"

struct settings {
    const char *models, *cache, *dir;
    int rounds, layout, text_layer;
    double dpi;
    struct dp_model *model;
    struct dp_reader *reader;
    double total, worst, network;
    int pages;
};

static int die(const char *what, const struct b_err *err)
{
    (void)fprintf(stderr, "%s: %s\n", what, err ? err->message : "failed");
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- what was read, kept in a file of this machine's own layout ---- */

static void put(FILE *f, const void *data, size_t size)
{
    if (fwrite(data, 1, size, f) != size)
        die("cache", NULL);
}

static void put_text(FILE *f, const char *text)
{
    const int32_t n = text ? (int32_t)strlen(text) : -1;
    put(f, &n, sizeof n);
    if (n > 0)
        put(f, text, (size_t)n);
}

static bool get(FILE *f, void *data, size_t size)
{
    return fread(data, 1, size, f) == size;
}

static const char *get_text(FILE *f, struct b_arena *arena)
{
    int32_t n = 0;
    if (!get(f, &n, sizeof n) || n < 0)
        return NULL;
    char *text = b_arena_alloc(arena, (size_t)n + 1, 1);
    if (!text || !get(f, text, (size_t)n))
        die("cache", NULL);
    text[n] = '\0';
    return text;
}

static void save(const char *path, const struct dp_page *page, const struct dp_regions *regions)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        die(path, NULL);
    put(f, page, sizeof *page);
    put(f, &regions->n, sizeof regions->n);
    if (regions->n)
        put(f, regions->at, (size_t)regions->n * sizeof *regions->at);
    for (int32_t i = 0; i < page->n_lines; i++) {
        put(f, &page->lines[i], sizeof page->lines[i]);
        for (int32_t k = 0; k < page->lines[i].n_words; k++) {
            const struct dp_word *w = &page->words[page->lines[i].first_word + k];
            put(f, w, sizeof *w);
            put_text(f, w->text);
            put_text(f, w->font);
        }
    }
    (void)fclose(f);
}

static struct dp_page *restore(FILE *f, struct dp_regions *regions)
{
    struct dp_page was, *page = NULL;
    struct b_err err = {0};
    struct dp_line_builder builder;
    if (!get(f, &was, sizeof was) || dp_page_new(was.number, (size_t)512 << 20, &page, &err) != B_OK)
        die("cache", &err);
    page->width = was.width;
    page->height = was.height;
    page->dpi = was.dpi;
    page->rotation = was.rotation;
    page->skew = was.skew;
    if (!get(f, &regions->n, sizeof regions->n))
        die("cache", NULL);
    struct dp_region *at = B_ARENA_ARRAY(page->arena, (size_t)regions->n, struct dp_region);
    if (!at || !get(f, at, (size_t)regions->n * sizeof *at))
        die("cache", NULL);
    regions->at = at;
    dp_line_builder_begin(&builder, page);
    for (int32_t i = 0; i < was.n_lines; i++) {
        struct dp_line line;
        struct dp_word word;
        if (!get(f, &line, sizeof line))
            die("cache", NULL);
        for (int32_t k = 0; k < line.n_words; k++) {
            if (!get(f, &word, sizeof word))
                die("cache", NULL);
            word.text = get_text(f, page->arena);
            word.font = get_text(f, page->arena);
            if (dp_line_builder_word(&builder, &word, &err) != B_OK)
                die("cache", &err);
        }
        if (dp_line_builder_end(&builder, &line, &err) != B_OK)
            die("cache", &err);
    }
    return page;
}

/* ---- one page ---- */

static enum b_code to_buf(void *ctx, const void *data, size_t size, struct b_err *err)
{
    (void)err;
    b_buf_append(ctx, data, size);
    return B_OK;
}

static enum b_code to_file(void *ctx, const char *name, const void *data, size_t size, struct b_err *err)
{
    char path[4096];
    (void)err;
    (void)snprintf(path, sizeof path, "%s.%s", (const char *)ctx, name);
    FILE *f = fopen(path, "wb");
    if (f) {
        put(f, data, size);
        (void)fclose(f);
    }
    return B_OK;
}

static enum b_code to_stem(void *ctx, const void *data, size_t size, struct b_err *err)
{
    return to_file(ctx, "out", data, size, err);
}

static void write_overlay(char *stem, const struct dp_sheet *sheet, const struct dp_page *page)
{
    const struct out_format *format = out_format_find("overlay");
    struct out_sink sink = {.ctx = stem, .write = to_stem, .side = to_file};
    struct out_options options = {0};
    struct out_writer *w = NULL;
    struct dp_document_info info = {.source_name = "x", .media_type = "", .model_name = "", .page_count = 1};
    const struct b_image_view view = b_image_view_of(&sheet->image);
    struct b_err err = {0};
    if (!format || out_open(format, &options, &sink, &w, &err) != B_OK || out_begin(w, &info, NULL, 0, &err) != B_OK ||
        out_page(w, page, &view, &err) != B_OK || out_end(w, DP_STATUS_OK, &err) != B_OK)
        (void)fprintf(stderr, "overlay: %s\n", err.message);
    out_drop(w);
}

static void write_json(const char *stem, struct dp_page *page)
{
    char path[4200];
    struct dp_page *pages[1] = {page};
    struct b_buf buf;
    struct b_err err = {0};
    static const struct out_options options = {0};
    struct dp_document document = {.info = {.source_name = "x", .media_type = "", .model_name = "", .page_count = 1},
                                   .pages = pages,
                                   .n_pages = 1};
    b_buf_init(&buf, (size_t)64 << 20);
    if (out_render(out_format_find("json"), &options, &document, &buf, &err) != B_OK)
        die("json", &err);
    (void)snprintf(path, sizeof path, "%s.p%d.json", stem, page->number);
    FILE *f = fopen(path, "wb");
    if (f) {
        put(f, buf.data, buf.len);
        (void)fclose(f);
    }
    b_buf_free(&buf);
}

struct markdown {
    struct b_buf buf;
    struct out_writer *writer;
};

static void markdown_begin(struct markdown *m)
{
    static const struct out_options options = {.html_tables = true};
    const struct out_sink sink = {.ctx = &m->buf, .write = to_buf};
    struct dp_document_info info = {.source_name = "x", .media_type = "", .model_name = "", .page_count = 1};
    struct b_err err = {0};
    b_buf_init(&m->buf, (size_t)64 << 20);
    if (out_open(out_format_find("md"), &options, &sink, &m->writer, &err) != B_OK ||
        out_begin(m->writer, &info, NULL, 0, &err) != B_OK)
        die("md", &err);
}

static void one_page(struct settings *s, const char *name, struct dp_sheet *sheet, struct markdown *m)
{
    char path[4096];
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    struct b_err err = {0};
    struct b_cancel cancel;
    b_cancel_init(&cancel);
    (void)snprintf(path, sizeof path, "%s/%s.%d.read", s->cache ? s->cache : "/tmp", base, sheet->number);
    FILE *f = s->cache ? fopen(path, "rb") : NULL;
    if (!f) {
        struct dp_page *page = NULL;
        struct dp_regions regions;
        if (!s->model && (dp_model_open_compact(s->models, &s->model, &err) != B_OK ||
                          dp_reader_new(s->model, s->text_layer ? DP_TEXT_TRUST : DP_TEXT_OFF, 1, &s->reader, &err) != B_OK))
            die("model", &err);
        if (dp_page_new(sheet->number, (size_t)512 << 20, &page, &err) != B_OK)
            die(name, &err);
        page->width = sheet->image.width;
        page->height = sheet->image.height;
        page->dpi = sheet->dpi;
        if (dp_reader_read(s->reader, sheet, page, &cancel, &err) != B_OK)
            die(name, &err);
        const double start = cpu_seconds();
        if (dp_reader_regions(s->reader, sheet, page, page->arena, &regions, &cancel, &err) != B_OK)
            die(name, &err);
        s->network += cpu_seconds() - start;
        save(path, page, &regions);
        dp_page_drop(page);
        f = fopen(path, "rb");
        if (!f)
            die(path, NULL);
    }
    double best = 1e9;
    struct dp_page *page = NULL;
    for (int r = 0; r < s->rounds; r++) {
        struct dp_regions regions;
        dp_page_drop(page);
        rewind(f);
        page = restore(f, &regions);
        const double start = cpu_seconds();
        if (dp_assemble_seen(sheet, s->layout ? &regions : NULL, page, &err) != B_OK)
            die(name, &err);
        best = fmin(best, cpu_seconds() - start);
        if (dp_page_check(page, &err) != B_OK)
            die(name, &err);
    }
    (void)fclose(f);
    printf("%-60s p%-4d %5d lines %4d blocks %7.2f ms\n", base, sheet->number, page->n_lines, page->n_blocks, best * 1e3);
    s->total += best;
    s->worst = fmax(s->worst, best);
    s->pages++;
    if (s->dir) {
        const char *dot = strrchr(base, '.');
        (void)snprintf(path, sizeof path, "%s/%.*s", s->dir, dot ? (int)(dot - base) : (int)strlen(base), base);
        write_overlay(path, sheet, page);
        write_json(path, page);
        if (out_page(m->writer, page, NULL, &err) != B_OK)
            die("md", &err);
    }
    dp_page_drop(page);
}

static void one_file(struct settings *s, const char *name)
{
    struct dp_source source;
    struct dp_loader *loader = NULL;
    struct b_err err = {0};
    struct b_cancel cancel;
    struct markdown m;
    const struct dp_limits limits = dp_limits_default();
    const struct dp_loader_options options = {.limits = limits, .dpi = s->dpi};
    b_cancel_init(&cancel);
    if (dp_source_open(name, &limits, &source, &err) != B_OK ||
        dp_loader_open(&source, &options, &loader, &err) != B_OK)
        die(name, &err);
    markdown_begin(&m);
    for (int32_t n = 1; n <= dp_loader_info(loader)->page_count; n++) {
        struct dp_sheet sheet = {0};
        if (dp_loader_page(loader, n, &cancel, &sheet, &err) != B_OK)
            die(name, &err);
        one_page(s, name, &sheet, &m);
        dp_sheet_free(&sheet);
    }
    if (out_end(m.writer, DP_STATUS_OK, &err) != B_OK)
        die("md", &err);
    out_drop(m.writer);
    if (s->dir) {
        char path[4096];
        const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name, *dot = strrchr(base, '.');
        (void)snprintf(path, sizeof path, "%s/%.*s.md", s->dir, dot ? (int)(dot - base) : (int)strlen(base), base);
        FILE *f = fopen(path, "wb");
        if (!f)
            die(path, NULL);
        put(f, m.buf.data ? m.buf.data : "", m.buf.len);
        (void)fclose(f);
    }
    b_buf_free(&m.buf);
    dp_loader_close(loader);
    dp_source_close(&source);
}

int main(int argc, char **argv)
{
    struct settings s = {.models = getenv("DOCPARSE_MODELS"), .rounds = 5, .layout = 1, .text_layer = 1};
    for (int id; (id = getopt(argc, argv, "m:r:l:t:c:o:d:")) != -1;)
        switch (id) {
        case 'm':
            s.models = optarg;
            break;
        case 'r':
            s.rounds = (int)strtol(optarg, NULL, 10);
            break;
        case 'l':
            s.layout = (int)strtol(optarg, NULL, 10);
            break;
        case 't':
            s.text_layer = (int)strtol(optarg, NULL, 10);
            break;
        case 'c':
            s.cache = optarg;
            (void)mkdir(optarg, 0777);
            break;
        case 'o':
            s.dir = optarg;
            (void)mkdir(optarg, 0777);
            break;
        case 'd':
            s.dpi = strtod(optarg, NULL);
            break;
        default:
            return 2;
        }
    if (!s.models)
        s.models = "build/models";
    if (s.rounds < 1)
        s.rounds = 1;
    for (int i = optind; i < argc; i++)
        one_file(&s, argv[i]);
    if (s.pages)
        printf("%d pages, mean %.2f ms, worst %.2f ms; layout network %.1f ms a page that was read (CPU)\n", s.pages,
               s.total / s.pages * 1e3, s.worst * 1e3, s.network / s.pages * 1e3);
    dp_reader_drop(s.reader);
    dp_model_drop(s.model);
    return 0;
}
