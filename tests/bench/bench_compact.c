/* SPDX-License-Identifier: Apache-2.0 */
/* Reads PNG pages with the compact engine and writes what it read: STEM.json (lines with boxes, the shape
 * that score_text.py reads) and STEM.md (lines in order, for score_lost.py). Prints one row a page: time,
 * lines, direction, and the last round's seconds by stage (detector, direction, reading, second looks).
 * usage: bench_compact [-t THREADS] [-r ROUNDS] [-m MODELS] [-o DIR] [-v] PAGE.png...
 * bench_compact -i takes the pages' names from standard input and prints, for each, its seconds, its CPU seconds
 * and its lines (for paired_rapidocr.py). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/utf8.h"
#include "engine/compact/page_private.h"
#include "tests/support/png_page.h"

struct settings {
    int threads, rounds;
    const char *models, *dir;
    bool verbose, interactive;
};

static void put_json_text(FILE *f, const char *text, size_t len)
{
    putc('"', f);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\')
            putc('\\', f);
        putc(text[i], f);
    }
    putc('"', f);
}

static void put_box(FILE *f, const struct eng_strip *s, float u0, float u1)
{
    float x0, y0, x1, y1;
    eng_strip_bounds(s, u0, u1, &x0, &y0, &x1, &y1);
    (void)fprintf(f, "\"bbox\":{\"x0\":%.1f,\"y0\":%.1f,\"x1\":%.1f,\"y1\":%.1f}", (double)x0, (double)y0, (double)x1,
                  (double)y1);
}

static void put_words(FILE *f, const struct eng_line *l)
{
    const size_t most = l->reading.n_glyphs;
    struct eng_word *words = calloc(most ? most : 1, sizeof *words);
    const size_t n = words ? eng_reading_words(&l->reading, l->strip.height, words, most) : 0;
    for (size_t i = 0; i < n; i++) {
        char text[4 * 256];
        size_t len = 0;
        for (size_t g = 0; g < words[i].count && len + 4 <= sizeof text; g++)
            len += b_utf8_put(l->reading.glyphs[words[i].first + g].cp, text + len);
        (void)fputs(i ? ",{" : "{", f);
        put_box(f, &l->strip, words[i].u0, words[i].u1);
        (void)fputs(",\"text\":", f);
        put_json_text(f, text, len);
        putc('}', f);
    }
    free(words);
}

struct row {
    float x, y, height; /* middle of the left edge on the upright page; thickness */
    size_t line;
};

static int by_y(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->y > y->y) - (x->y < y->y);
}

static int by_x(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->x > y->x) - (x->x < y->x);
}

/* Lines by rows of the upright page, then left to right: enough for scores that take blocks apart. */
static struct row *order_lines(const struct eng_page_lines *page)
{
    struct row *rows = calloc(page->count ? page->count : 1, sizeof *rows);
    static const float right_x[4] = {1, 0, -1, 0}, right_y[4] = {0, -1, 0, 1};
    const float rx = right_x[page->quarter_turns], ry = right_y[page->quarter_turns];
    for (size_t i = 0; rows && i < page->count; i++) {
        const struct eng_strip *s = &page->lines[i].strip;
        const struct eng_point p = eng_strip_at(s, s->u0, 0), q = eng_strip_at(s, (s->u0 + s->u1) / 2, 0);
        rows[i] = (struct row){p.x * rx + p.y * ry, q.y * rx - q.x * ry, s->height, i};
    }
    if (!rows)
        return NULL;
    qsort(rows, page->count, sizeof *rows, by_y);
    for (size_t i = 0, end; i < page->count; i = end) {
        for (end = i + 1; end < page->count && rows[end].y - rows[end - 1].y < rows[end].height * 0.3f; end++)
            ;
        qsort(rows + i, end - i, sizeof *rows, by_x);
    }
    return rows;
}

static int write_page(const struct settings *set, const char *stem, const struct eng_page_lines *page)
{
    char path[4096];
    struct row *rows = order_lines(page);
    (void)snprintf(path, sizeof path, "%s/%s.json", set->dir, stem);
    FILE *json = fopen(path, "w");
    (void)snprintf(path, sizeof path, "%s/%s.md", set->dir, stem);
    FILE *md = fopen(path, "w");
    const int failed = !json || !md || !rows;
    if (!failed) {
        (void)fprintf(json, "{\"pages\":[{\"rotation\":%d,\"skew\":%.3f,\"curl\":%.3f,\"blocks\":[{\"lines\":[",
                      page->quarter_turns * 90, (double)page->skew, (double)page->curl);
        for (size_t i = 0; i < page->count; i++) {
            const struct eng_line *l = &page->lines[rows[i].line];
            (void)fputs(i ? ",\n{" : "\n{", json);
            put_box(json, &l->strip, l->strip.u0, l->strip.u1);
            (void)fprintf(json, ",\"confidence\":%.4f,", (double)l->reading.confidence);
            (void)fprintf(json, "\"unreadable\":%s,\"text\":", l->unreadable ? "true" : "false");
            put_json_text(json, l->reading.text, strlen(l->reading.text));
            (void)fputs(",\"words\":[", json);
            put_words(json, l);
            (void)fputs("]}", json);
            (void)fprintf(md, "%s\n\n", l->reading.text);
        }
        (void)fputs("]}]}]}\n", json);
    }
    if (json)
        (void)fclose(json);
    if (md)
        (void)fclose(md);
    free(rows);
    return failed;
}

static double cpu_seconds(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static enum b_code answer(struct eng_page_engine *engine, const char *path, struct b_err *err)
{
    struct b_image image;
    enum b_code code = t_png_page(path, &image, err);
    if (code != B_OK)
        return code;
    struct b_arena *arena = b_arena_new((size_t)256 << 20);
    struct eng_page_lines page = {.lines = NULL};
    const int64_t start = b_now_ns();
    const double cpu = cpu_seconds();
    code = eng_page_read(engine, b_image_view_of(&image), NULL, arena, &page, NULL, err);
    (void)printf("%.4f %.4f %zu\n", (double)(b_now_ns() - start) * 1e-9, cpu_seconds() - cpu, page.count);
    (void)fflush(stdout);
    b_arena_drop(arena);
    b_image_free(&image);
    return code;
}

static enum b_code answer_all(struct eng_page_engine *engine, struct b_err *err)
{
    char path[4096];
    enum b_code code = B_OK;
    while (code == B_OK && fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = '\0';
        code = answer(engine, path, err);
    }
    return code;
}

static void stem_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(out, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot)
        *dot = '\0';
}

static enum b_code read_page(const struct settings *set, struct eng_page_engine *engine, const char *path,
                             double *total, struct b_err *err)
{
    struct b_image image;
    enum b_code code = t_png_page(path, &image, err);
    if (code != B_OK)
        return code;
    struct b_arena *arena = b_arena_new((size_t)256 << 20);
    struct eng_page_lines page = {.lines = NULL};
    double best = INFINITY, sum = 0;
    for (int r = 0; r < set->rounds && code == B_OK && arena; r++) {
        b_arena_reset(arena);
        const int64_t start = b_now_ns();
        code = eng_page_read(engine, b_image_view_of(&image), NULL, arena, &page, NULL, err);
        const double seconds = (double)(b_now_ns() - start) * 1e-9;
        best = seconds < best ? seconds : best;
        sum += seconds;
    }
    if (code == B_OK && arena) {
        char stem[512];
        stem_of(path, stem, sizeof stem);
        size_t unread = 0;
        for (size_t i = 0; i < page.count; i++)
            unread += page.lines[i].unreadable;
        (void)printf(
            "%-44.44s %4dx%-4d lines %3zu unreadable %2zu turns %d skew %6.2f curl %5.2f  %7.3f s (mean %.3f)\n", stem,
            image.width, image.height, page.count, unread, page.quarter_turns, (double)page.skew, (double)page.curl,
            best, sum / set->rounds);
        const struct eng_page_times *t = &engine->times;
        (void)printf("    detect %.3f direction %.3f read %.3f again %.3f\n", t->detect, t->direction, t->read,
                     t->again);
        for (size_t i = 0; set->verbose && i < page.count; i++)
            (void)printf("  %.3f %s\n", (double)page.lines[i].reading.confidence, page.lines[i].reading.text);
        if (set->dir && write_page(set, stem, &page))
            code = b_fail(err, B_IO, "bench", "%s cannot be written", set->dir);
        *total += best;
    }
    b_arena_drop(arena);
    b_image_free(&image);
    return code;
}

int main(int argc, char **argv)
{
    struct settings set = {.threads = 2, .rounds = 1, .models = getenv("DOCPARSE_MODELS")};
    for (int c; (c = getopt(argc, argv, "t:r:m:o:vi")) != -1;) {
        if (c == 't')
            set.threads = (int)strtol(optarg, NULL, 10);
        else if (c == 'r')
            set.rounds = (int)strtol(optarg, NULL, 10);
        else if (c == 'm')
            set.models = optarg;
        else if (c == 'o')
            set.dir = optarg;
        else if (c == 'v')
            set.verbose = true;
        else if (c == 'i')
            set.interactive = true;
        else
            return 2;
    }
    if (!set.models)
        set.models = "build/models";
    struct b_err err = {.code = B_OK};
    struct eng_models *models = NULL;
    struct eng_page_engine *engine = NULL;
    const int64_t start = b_now_ns();
    enum b_code code = eng_models_load(set.models, &models, &err);
    if (code == B_OK)
        code = eng_page_engine_new(models, set.threads, &engine, &err);
    const double load = (double)(b_now_ns() - start) * 1e-9;
    double total = 0;
    if (code == B_OK && set.interactive)
        code = answer_all(engine, &err);
    for (int i = optind; i < argc && code == B_OK; i++)
        code = read_page(&set, engine, argv[i], &total, &err);
    eng_page_engine_drop(engine);
    eng_models_drop(models);
    if (code != B_OK) {
        (void)fprintf(stderr, "bench_compact: %s\n", err.message);
        return 1;
    }
    if (set.interactive)
        return 0;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("pages %d threads %d load %.3f s total %.3f s peak memory %ld MB\n", argc - optind, set.threads, load,
                 total, usage.ru_maxrss / 1024);
    return 0;
}
