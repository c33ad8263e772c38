/* SPDX-License-Identifier: Apache-2.0 */
/* Pages full of words at known places as searchable PDF and as JSON, for check_pdf.py to compare:
 *   write_pdf OUT.pdf OUT.json PAGES WIDTH HEIGHT [SOURCE.pdf]     the pages' images are WIDTH x HEIGHT at 150 dpi */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "tests/support/collect.h"
#include "tests/support/make_document.h"

static const char *const texts[] = {"harbour", "Größe",  "naïve", "fi-ligature", "1,204.50", "(see",
                                    "below)",  "日本語", "𝔸𝕏",    "a",           "Ελλάς",    "Москва",
                                    "x²",      "<tag>",  "\\/",   "%PDF-1.7",    "100%",     "…"};

/* One line of words from (x, y) on; d: 0 to the right, 1 down, 3 up. */
static void line(struct t_page *t, struct t_random *r, float x, float y, int d, int n)
{
    struct dp_page *p = t->page;
    const int32_t first = p->n_words;
    float at = 0;
    struct b_buf text;
    b_buf_init(&text, 4096);
    for (int i = 0; i < n && p->n_words < t->room; i++) {
        const char *word = texts[t_random_below(r, sizeof texts / sizeof texts[0])];
        const float length = 20.0f + (float)t_random_below(r, 60), height = 18.0f + (float)t_random_below(r, 8);
        struct dp_rect box = {x + at, y, x + at + length, y + height};
        if (d == 1)
            box = (struct dp_rect){x, y + at, x + height, y + at + length};
        if (d == 3)
            box = (struct dp_rect){x, y - at - length, x + height, y - at};
        p->words[p->n_words++] = (struct dp_word){.bbox = box, .text = word, .confidence = 0.9f};
        b_buf_printf(&text, "%s%s", i > 0 ? " " : "", word);
        at += length + 14.0f;
    }
    const int32_t block = t_block(t, DP_PARAGRAPH, (struct dp_rect){x, y, x + 10, y + 10}, text.data);
    struct dp_line *l = &p->lines[p->n_lines++];
    *l = (struct dp_line){.bbox = {x, y, x + 10, y + 10},
                          .text = p->blocks[block].text,
                          .confidence = 0.9f,
                          .source = DP_FROM_COMPACT,
                          .block = block,
                          .first_word = first,
                          .n_words = p->n_words - first};
    const float ux = d == 0 ? 10.0f : 0.0f, uy = d == 1 ? 10.0f : d == 3 ? -10.0f : 0.0f;
    l->quad[0] = l->quad[3] = (struct dp_point){x, y};
    l->quad[1] = l->quad[2] = (struct dp_point){x + ux, y + uy};
    p->blocks[block].first_line = p->n_lines - 1;
    p->blocks[block].n_lines = 1;
    b_buf_free(&text);
}

static bool page(int32_t number, int32_t width, int32_t height, struct dp_page **out)
{
    struct t_page t;
    struct t_random r = {.state = (uint64_t)number};
    if (!t_page_begin(&t, number, width, height, 150.0))
        return false;
    *out = t.page;
    for (float y = 60; y < (float)height - 420.0f; y += 44.0f)
        line(&t, &r, 50.0f + (float)t_random_below(&r, 40), y, 0, (width - 200) / 100);
    line(&t, &r, 100.0f, (float)height - 380.0f, 1, 3);
    line(&t, &r, 300.0f, (float)height - 40.0f, 3, 3);
    return t.ok;
}

static bool write_format(const char *name, const struct dp_document *document, const struct b_buf *source,
                         const char *path)
{
    struct t_collect got;
    struct b_err err = {0};
    const struct out_format *format = out_format_find(name);
    FILE *file = NULL;
    t_collect_init(&got);
    bool ok = format && t_render(format, NULL, document, !source, source, &got, &err) == B_OK &&
              (file = fopen(path, "wb")) != NULL;
    ok = ok && fwrite(got.main.data, 1, got.main.len, file) == got.main.len;
    if (file)
        ok = fclose(file) == 0 && ok;
    if (!ok)
        fprintf(stderr, "%s: %s\n", path, err.message);
    t_collect_free(&got);
    return ok;
}

int main(int argc, char **argv)
{
    struct dp_document document = {
        .info = {.source_name = "words.pdf", .media_type = "application/pdf", .model_name = "test"}};
    struct b_bytes source = {0};
    struct b_buf bytes;
    struct b_err err = {0};
    if (argc < 6)
        return 2;
    const int32_t n = (int32_t)strtol(argv[3], NULL, 10);
    b_buf_init(&bytes, (size_t)1 << 28);
    if (argc > 6) {
        if (b_bytes_map(argv[6], (uint64_t)1 << 28, &source, &err) != B_OK)
            return 1;
        b_buf_append(&bytes, source.data, source.size);
        b_bytes_close(&source);
    }
    bool ok = n > 0 && n < 1000 && (document.pages = calloc((size_t)n, sizeof *document.pages)) != NULL;
    document.info.page_count = n;
    for (int32_t i = 0; ok && i < n; i++) {
        ok = page(i + 1, (int32_t)strtol(argv[4], NULL, 10), (int32_t)strtol(argv[5], NULL, 10), &document.pages[i]);
        document.n_pages += document.pages[i] != NULL;
    }
    ok = ok && write_format("pdf", &document, argc > 6 ? &bytes : NULL, argv[1]) &&
         write_format("json", &document, NULL, argv[2]);
    b_buf_free(&bytes);
    dp_document_clear(&document);
    return ok ? 0 : 1;
}
