/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures of quotation marks that engine/compact/quotes.c decides by, for engine/training/quotes.py: reads PNG pages and
 * prints a row for every mark: the page's name, the line, the mark's place in it, the text before and
 * behind it (one character each, a space at the ends), which of its pictures, and 12 x 16 darknesses as two hexadecimal
 * digits each.
 * usage: quote_patches MODELS PAGE.png... */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/utf8.h"
#include "engine/compact/page_private.h"
#include "engine/compact/quotes.h"
#include "tests/support/png_page.h"

static uint32_t neighbour(const struct eng_reading *r, size_t i, int step)
{
    return step < 0 ? (i > 0 ? r->glyphs[i - 1].cp : ' ') : (i + 1 < r->n_glyphs ? r->glyphs[i + 1].cp : ' ');
}

static void print_patch(const char *page, size_t line, size_t at, const struct eng_reading *r, int which,
                        const struct eng_quote_patch *patch)
{
    (void)printf("%s\t%zu\t%zu\t%u\t%u\t%u\t%d\t", page, line, at, r->glyphs[at].cp, neighbour(r, at, -1),
                 neighbour(r, at, 1), which);
    for (int y = 0; y < ENG_QUOTE_ROWS; y++)
        for (int x = 0; x < ENG_QUOTE_COLUMNS; x++)
            (void)printf("%02x", (unsigned)(patch->ink[y][x] * 255.0f + 0.5f));
    (void)putchar('\n');
}

static enum b_code read_page(struct eng_page_engine *engine, const char *path, struct b_err *err)
{
    struct b_image image;
    struct eng_line_image line_image = {0};
    struct eng_page_lines page = {.lines = NULL};
    enum b_code code = t_png_page(path, &image, err);
    if (code != B_OK)
        return code;
    struct b_arena *arena = b_arena_new((size_t)256 << 20);
    code = eng_page_read(engine, b_image_view_of(&image), NULL, arena, &page, NULL, err);
    for (size_t i = 0; code == B_OK && i < page.count; i++) {
        const struct eng_line *l = &page.lines[i];
        const struct eng_reading *r = &l->reading;
        code = eng_line_image_make(&line_image, b_image_view_of(&image), &l->strip, ENG_LOOK_ROOMY, err);
        for (size_t g = 0; code == B_OK && g < r->n_glyphs; g++) {
            struct eng_quote_patch patches[2];
            struct eng_glyph *mark = &r->glyphs[g];
            if (mark->cp == 0x2018 || mark->cp == 0x2019)
                mark->cp = '\'';
            else if (mark->cp == 0x201C || mark->cp == 0x201D)
                mark->cp = '"';
            else if (mark->cp != '\'' && mark->cp != '"')
                continue;
            const int n = eng_quote_patches(&line_image, mark, patches);
            for (int k = 0; k < n; k++)
                print_patch(path, i, g, r, k, &patches[k]);
        }
    }
    eng_line_image_free(&line_image);
    b_arena_drop(arena);
    b_image_free(&image);
    return code;
}

int main(int argc, char **argv)
{
    struct b_err err = {.code = B_OK};
    struct eng_models *models = NULL;
    struct eng_page_engine *engine = NULL;
    if (argc < 2)
        return 2;
    enum b_code code = eng_models_load(argv[1], &models, &err);
    if (code == B_OK)
        code = eng_page_engine_new(models, 1, &engine, &err);
    for (int i = 2; i < argc && code == B_OK; i++)
        code = read_page(engine, argv[i], &err);
    eng_page_engine_drop(engine);
    eng_models_drop(models);
    if (code != B_OK)
        (void)fprintf(stderr, "quote_patches: %s\n", err.message);
    return code != B_OK;
}
