/* SPDX-License-Identifier: Apache-2.0 */
/* Fonts that a PDF uses without holding them: the page is drawn with another font, or its characters are
 * missing. Poppler lists fonts by walking pages from the first on, so the list grows with the pages read. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "docparse/pdf_private.h"

#define STEP_PAGES 16         /* between two looks at the cancel flag */
#define AHEAD_PAGES 1000      /* farther jumps are not followed: a second of walking */
#define LARGE_BYTES (2 << 20) /* of a font file: CJK fonts */
#define MISSING_MAX 256       /* fonts remembered */

struct missing {
    gchar *name, *substitute; /* substitute NULL: nothing was found */
    bool standard, large;
};

struct dp_pdf_fonts {
    PopplerFontInfo *info;
    int32_t seen; /* pages walked */
    struct missing missing[MISSING_MAX];
    int n_missing;
};

void dp_pdf_fonts_free(struct dp_pdf_fonts *fonts)
{
    if (!fonts)
        return;
    for (int i = 0; i < fonts->n_missing; i++) {
        g_free(fonts->missing[i].name);
        g_free(fonts->missing[i].substitute);
    }
    g_object_unref(fonts->info);
    free(fonts);
}

/* The fonts that every reader of PDF brings along, and their usual twins. */
static bool is_standard(const char *name)
{
    static const char *const families[] = {"Helvetica",    "Times", "Courier",       "Symbol",
                                           "ZapfDingbats", "Arial", "TimesNewRoman", "CourierNew"};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (g_ascii_strncasecmp(name, families[i], strlen(families[i])) == 0)
            return true;
    return false;
}

static void remember(struct dp_pdf_fonts *f, PopplerFontsIter *iter)
{
    const char *name = poppler_fonts_iter_get_name(iter);
    if (!name || !name[0] || poppler_fonts_iter_is_embedded(iter) || f->n_missing == MISSING_MAX)
        return;
    const PopplerFontType type = poppler_fonts_iter_get_font_type(iter);
    if (type == POPPLER_FONT_TYPE_TYPE3 || type == POPPLER_FONT_TYPE_UNKNOWN)
        return; /* drawn by the file itself */
    struct missing m = {.name = g_strdup(name), .standard = is_standard(name)};
    const char *file = poppler_fonts_iter_get_file_name(iter);
    struct stat st;
    m.substitute = g_strdup(poppler_fonts_iter_get_substitute_name(iter));
    m.large = file && stat(file, &st) == 0 && st.st_size > LARGE_BYTES;
    f->missing[f->n_missing++] = m;
}

/* Walks on to page `number`. */
static void walk(struct dp_pdf_fonts *f, int32_t number, struct b_cancel *cancel)
{
    while (f->seen < number && b_cancel_check(cancel, NULL) == B_OK) {
        PopplerFontsIter *iter = NULL;
        const bool some = poppler_font_info_scan(f->info, STEP_PAGES, &iter);
        f->seen += STEP_PAGES;
        if (!some || !iter)
            continue;
        do
            remember(f, iter);
        while (poppler_fonts_iter_next(iter));
        poppler_fonts_iter_free(iter);
    }
}

/* A word's font is not in the file. */
static void report(const struct missing *m, struct dp_pdf_content *content, struct dp_sheet *sheet)
{
    content->large_font = content->large_font || m->large;
    if (!m->standard)
        dp_sheet_warn(sheet, "the font %s is not in the file: %s is drawn instead", m->name,
                      m->substitute ? m->substitute : "another font");
}

void dp_pdf_fonts_check(struct dp_pdf *pdf, struct b_cancel *cancel, struct dp_pdf_content *content,
                        struct dp_sheet *sheet)
{
    if (!pdf->fonts) {
        pdf->fonts = calloc(1, sizeof *pdf->fonts);
        if (!pdf->fonts)
            return;
        pdf->fonts->info = poppler_font_info_new(pdf->document);
    }
    struct dp_pdf_fonts *f = pdf->fonts;
    if (sheet->n_words == 0 || sheet->number > f->seen + AHEAD_PAGES)
        return;
    walk(f, sheet->number, cancel);
    const char *last = NULL;
    for (int32_t i = 0; i < sheet->n_words && f->n_missing > 0; i++) {
        const char *font = sheet->words[i].font;
        if (!font || font == last)
            continue;
        last = font;
        for (int k = 0; k < f->n_missing; k++)
            if (strcmp(font, f->missing[k].name) == 0)
                report(&f->missing[k], content, sheet);
    }
}
