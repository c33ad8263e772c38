/* SPDX-License-Identifier: Apache-2.0 */
/* Poppler's and fontconfig's dealings with the system: done ahead, and named. Poppler forgets its encodings with its last
 * document, so the document of dp_pdf_warm is kept on purpose. */
#include "docparse/pdf_system.h"

#include <cairo.h>
#include <fontconfig/fontconfig.h>
#include <stdbool.h>
#include <string.h>

#include "docparse/pdf_private.h"

/* A line in a font that is never in a file: text and drawing both look it up. */
static const char page[] =
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    "2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 16 16]/Contents 4 0 R"
    "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>>>>>endobj\n"
    "4 0 obj<</Length 28>>stream\nBT /F 8 Tf 2 2 Td (a) Tj ET \nendstream endobj\n"
    "trailer<</Root 1 0 R/Size 5>>\n";

/* Poppler converts metadata and passwords with modules of the C library that are loaded when first used, and let go when
 * nobody uses them: decoders could not load code. */
static void hold_converters(void)
{
    static const char *const charsets[] = {"UTF-16BE", "UTF-16LE", "UTF-16", "ISO-8859-1"};
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
        (void)g_iconv_open("UTF-8", charsets[i]);
        (void)g_iconv_open(charsets[i], "UTF-8");
    }
}

void dp_pdf_warm(void)
{
    GBytes *bytes = g_bytes_new_static(page, sizeof page - 1);
    PopplerDocument *document = poppler_document_new_from_bytes(bytes, NULL, NULL);
    PopplerPage *first = document ? poppler_document_get_page(document, 0) : NULL;
    if (first) {
        cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 16, 16);
        cairo_t *cr = cairo_create(surface);
        g_free(poppler_page_get_text(first));
        poppler_page_render(first, cr);
        cairo_destroy(cr);
        cairo_surface_destroy(surface);
        g_object_unref(first);
    }
    g_bytes_unref(bytes);
    hold_converters();
    /* the document stays: see above */
}

static size_t add_list(FcStrList *list, const char **out, size_t n, size_t most)
{
    for (FcChar8 *name; list && n < most && (name = FcStrListNext(list)) != NULL;)
        out[n++] = (const char *)name;
    if (list)
        FcStrListDone(list);
    return n;
}

size_t dp_pdf_folders(const char **out, size_t most)
{
    static const char *const fixed[] = {"/usr/share", "/usr/local/share", "/etc/fonts"};
    size_t n = 0;
    for (; n < sizeof fixed / sizeof fixed[0] && n < most; n++)
        out[n] = fixed[n];
    n = add_list(FcConfigGetFontDirs(NULL), out, n, most);
    return add_list(FcConfigGetCacheDirs(NULL), out, n, most);
}
