/* SPDX-License-Identifier: Apache-2.0 */
/* What a class says about a block: the classes of the format, of its dialects and of our own writer. The
 * whole value is compared, in lower case, with runs of space and . _ - as one space. */
#include <string.h>

#include "docparse/markup_private.h"

struct known {
    const char *words;
    enum mk_class_role role;
    enum dp_block_type type;
    bool is_inline;
};

static const struct known classes[] = {
    {"image", MK_C_IMAGE, DP_FIGURE, false},
    {"figure", MK_C_IMAGE, DP_FIGURE, false},
    {"picture", MK_C_IMAGE, DP_FIGURE, false},
    {"image caption", MK_C_IMAGE_CAPTION, DP_FIGURE, false},
    {"image ocr", MK_C_IMAGE_OCR, DP_FIGURE, false},
    {"chart", MK_C_CHART, DP_CHART, false},
    {"formula", MK_C_FORMULA, DP_FORMULA, false},
    {"formula machine printed", MK_C_FORMULA, DP_FORMULA, false},
    {"formula handwritten", MK_C_FORMULA, DP_FORMULA, false},
    {"formula display", MK_C_FORMULA, DP_FORMULA, false},
    {"display formula", MK_C_FORMULA, DP_FORMULA, false},
    {"isolate formula", MK_C_FORMULA, DP_FORMULA, false},
    {"equation", MK_C_FORMULA, DP_FORMULA, false},
    {"formula inline", MK_C_FORMULA, DP_FORMULA, true},
    {"inline formula", MK_C_FORMULA, DP_FORMULA, true},
    {"music sheet", MK_C_DRAWN, DP_MUSIC, false},
    {"music", MK_C_DRAWN, DP_MUSIC, false},
    {"chemical formula", MK_C_DRAWN, DP_CHEMISTRY, false},
    {"chemistry", MK_C_DRAWN, DP_CHEMISTRY, false},
    {"code", MK_C_DRAWN, DP_CODE, false},
    {"pseudocode", MK_C_DRAWN, DP_CODE, false},
    {"algorithm", MK_C_DRAWN, DP_CODE, false},
    {"title", MK_C_TYPE, DP_TITLE, false},
    {"doc title", MK_C_TYPE, DP_TITLE, false},
    {"document title", MK_C_TYPE, DP_TITLE, false},
    {"heading", MK_C_TYPE, DP_HEADING, false},
    {"section header", MK_C_TYPE, DP_HEADING, false},
    {"header", MK_C_TYPE, DP_HEADER, false},
    {"page header", MK_C_TYPE, DP_HEADER, false},
    {"footer", MK_C_TYPE, DP_FOOTER, false},
    {"page footer", MK_C_TYPE, DP_FOOTER, false},
    {"page number", MK_C_TYPE, DP_PAGE_NUMBER, false},
    {"footnote", MK_C_TYPE, DP_FOOTNOTE, false},
    {"page footnote", MK_C_TYPE, DP_FOOTNOTE, false},
    {"reference", MK_C_TYPE, DP_REFERENCE, false},
    {"references", MK_C_TYPE, DP_REFERENCE, false},
    {"stamp", MK_C_TYPE, DP_STAMP, false},
    {"seal", MK_C_TYPE, DP_STAMP, false},
    {"handwriting", MK_C_TYPE, DP_HANDWRITING, false},
    {"handwritten", MK_C_TYPE, DP_HANDWRITING, false},
    {"barcode", MK_C_TYPE, DP_BARCODE, false},
    {"qr code", MK_C_TYPE, DP_BARCODE, false},
    {"qrcode", MK_C_TYPE, DP_BARCODE, false},
    {"caption", MK_C_TYPE, DP_CAPTION, false},
    {"table caption", MK_C_TYPE, DP_CAPTION, false},
    {"figure caption", MK_C_TYPE, DP_CAPTION, false},
    {"chart caption", MK_C_TYPE, DP_CAPTION, false},
    {"list item", MK_C_TYPE, DP_LIST_ITEM, false},
    {"list", MK_C_TYPE, DP_LIST, false},
    {"table", MK_C_TYPE, DP_TABLE, false},
    {"text", MK_C_TYPE, DP_PARAGRAPH, false},
    {"paragraph", MK_C_TYPE, DP_PARAGRAPH, false},
    {"other", MK_C_TYPE, DP_OTHER, false},
};

void mk_class_read(struct mk_slice value, struct mk_class *out)
{
    size_t n = 0;
    *out = (struct mk_class){.role = MK_C_NONE, .type = DP_BLOCK_TYPES, .rest = ""};
    if (value.n == 0)
        return;
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '.' || c == '_' || c == '-')
            c = ' ';
        else if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c == ' ' && (n == 0 || out->words[n - 1] == ' '))
            continue;
        if (n + 1 >= sizeof out->words)
            return; /* longer than any class that means something */
        out->words[n++] = c;
    }
    if (n > 0 && out->words[n - 1] == ' ')
        n--;
    out->words[n] = '\0';
    const bool chart = strncmp(out->words, "chart ", 6) == 0;
    for (size_t i = 0; n > 0 && i < sizeof classes / sizeof classes[0]; i++) {
        if (classes[i].words[0] != out->words[0] || strcmp(classes[i].words, out->words) != 0)
            continue;
        out->role = classes[i].role;
        out->type = classes[i].type;
        out->is_inline = classes[i].is_inline;
        return;
    }
    if (chart) { /* "chart bar" names the kind */
        out->role = MK_C_CHART;
        out->type = DP_CHART;
        out->rest = out->words + 6;
    }
}
