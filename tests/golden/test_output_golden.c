/* SPDX-License-Identifier: Apache-2.0 */
/* The sample document in every text format against the files in tests/golden/output, which were looked at.
 *   test_output_golden --compare            (default) names the first byte that differs
 *   test_output_golden --generate           writes the files anew; look at the difference before committing
 *   test_output_golden --print FORMAT       one format to standard output
 *   test_output_golden --random FOLDER N    N random documents, with pictures, in every format */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "tests/support/collect.h"
#include "tests/support/make_document.h"

static const char *const golden_formats[] = {"json",        "jsonl", "html", "md",   "text",
                                             "qwenvl-html", "csv",   "hocr", "alto", "overlay"};

enum mode { COMPARE, GENERATE };

static bool write_file(const char *path, const void *data, size_t size)
{
    struct b_err err = {0};
    char folder[1024];
    (void)snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    FILE *file = b_make_dirs(folder, &err) == B_OK ? fopen(path, "wb") : NULL;
    bool ok = file && fwrite(data, 1, size, file) == size;
    if (file)
        ok = fclose(file) == 0 && ok;
    if (!ok)
        fprintf(stderr, "%s cannot be written\n", path);
    return ok;
}

static bool compare_file(const char *path, const void *data, size_t size)
{
    struct b_err err = {0};
    struct b_bytes want;
    const unsigned char *got = data;
    size_t i = 0, line = 1;
    if (b_bytes_map(path, (uint64_t)1 << 26, &want, &err) != B_OK) {
        fprintf(stderr, "%s: %s\n", path, err.message);
        return false;
    }
    while (i < size && i < want.size && got[i] == want.data[i])
        line += got[i++] == '\n';
    const bool same = i == size && i == want.size;
    if (!same) {
        fprintf(stderr, "%s differs at byte %zu (line %zu): expected \"%.*s\", got \"%.*s\"\n", path, i, line,
                (int)(want.size - i < 60 ? want.size - i : 60), (const char *)want.data + i,
                (int)(size - i < 60 ? size - i : 60), (const char *)data + i);
    }
    b_bytes_close(&want);
    return same;
}

static bool handle(enum mode mode, const char *name, const void *data, size_t size)
{
    const char *root = getenv("DP_SOURCE");
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/tests/golden/output/%s", root ? root : ".", name);
    return mode == GENERATE ? write_file(path, data, size) : compare_file(path, data, size);
}

/* Stored names end in one of the suffixes that the checks of the tree know as data. */
static const char *suffix(const char *extension)
{
    const char *dot = strrchr(extension, '.');
    return dot && (strcmp(dot, ".json") == 0 || strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".html") == 0 ||
                   strcmp(dot, ".md") == 0 || strcmp(dot, ".txt") == 0 || strcmp(dot, ".csv") == 0)
               ? ""
               : ".txt";
}

static bool one_format(enum mode mode, const struct out_format *format, const struct dp_document *document)
{
    struct out_options options = {.words = true, .pretty = true};
    struct t_collect got;
    struct b_err err = {0};
    char name[256];
    bool ok = true;
    t_collect_init(&got);
    if (t_render(format, &options, document, false, NULL, &got, &err) != B_OK) {
        fprintf(stderr, "%s: %s\n", format->name, err.message);
        ok = false;
    }
    (void)snprintf(name, sizeof name, "sample%s%s", format->extension, suffix(format->extension));
    if (ok && !format->side_outputs)
        ok = handle(mode, name, got.main.data ? got.main.data : "", got.main.len);
    for (size_t i = 0; ok && i < got.n_sides; i++) {
        (void)snprintf(name, sizeof name, "sample%s/%s%s", format->extension, got.sides[i].name,
                       suffix(got.sides[i].name));
        ok = handle(mode, name, got.sides[i].data, got.sides[i].size);
    }
    t_collect_free(&got);
    return ok;
}

static int print_format(const char *name, const struct dp_document *document)
{
    const struct out_format *format = out_format_find(name);
    struct out_options options = {.words = true, .pretty = true, .page_images = true};
    struct t_collect got;
    struct b_err err = {0};
    if (!format)
        return 2;
    t_collect_init(&got);
    const enum b_code code = t_render(format, &options, document, true, NULL, &got, &err);
    if (code == B_OK && got.main.len > 0)
        (void)fwrite(got.main.data, 1, got.main.len, stdout);
    if (code != B_OK)
        fprintf(stderr, "%s\n", err.message);
    t_collect_free(&got);
    return code == B_OK ? 0 : 1;
}

static bool random_document(const char *folder, uint64_t seed)
{
    struct t_random random = {.state = seed, .hostile = seed % 2 == 0, .spans = seed % 3 == 0};
    const struct out_options options = {.words = true, .pretty = seed % 3 == 0, .page_images = seed % 4 == 0};
    struct dp_document document;
    char path[1024];
    bool ok = t_random_document(&random, 1 + (int32_t)(seed % 3), &document);
    for (const struct out_format *f = out_formats(); ok && f->name; f++) {
        struct t_collect got;
        struct b_err err = {0};
        t_collect_init(&got);
        ok = t_render(f, &options, &document, true, NULL, &got, &err) == B_OK;
        if (!ok)
            fprintf(stderr, "seed %d, %s: %s\n", (int)seed, f->name, err.message);
        (void)snprintf(path, sizeof path, "%s/r%d%s", folder, (int)seed, f->extension);
        if (ok && !f->side_outputs)
            ok = write_file(path, got.main.data ? got.main.data : "", got.main.len);
        for (size_t i = 0; ok && i < got.n_sides; i++) {
            (void)snprintf(path, sizeof path, "%s/r%d%s-%s", folder, (int)seed, f->extension, got.sides[i].name);
            ok = write_file(path, got.sides[i].data, got.sides[i].size);
        }
        t_collect_free(&got);
    }
    dp_document_clear(&document);
    return ok;
}

int main(int argc, char **argv)
{
    struct dp_document document;
    int failed = 0;
    struct b_err err = {0};
    if (!t_sample_document(&document) || dp_document_check(&document, &err) != B_OK) {
        fprintf(stderr, "the sample document is broken: %s\n", err.message);
        return 1;
    }
    if (argc == 3 && strcmp(argv[1], "--print") == 0) {
        failed = print_format(argv[2], &document);
    } else if (argc == 4 && strcmp(argv[1], "--random") == 0) {
        for (long seed = 1; seed <= strtol(argv[3], NULL, 10); seed++)
            failed += !random_document(argv[2], (uint64_t)seed);
    } else {
        const enum mode mode = argc > 1 && strcmp(argv[1], "--generate") == 0 ? GENERATE : COMPARE;
        for (size_t i = 0; i < sizeof golden_formats / sizeof golden_formats[0]; i++) {
            const struct out_format *format = out_format_find(golden_formats[i]);
            failed += !format || !one_format(mode, format, &document);
        }
    }
    dp_document_clear(&document);
    return failed ? 1 : 0;
}
