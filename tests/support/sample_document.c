/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed sample document: every block type at least once, and texts that try to leave their place. */
#include <stdlib.h>

#include "tests/support/make_document.h"

static struct dp_block *last(struct t_page *t)
{
    return &t->page->blocks[t->page->n_blocks - 1];
}

static void head(struct t_page *t)
{
    t_block(t, DP_HEADER, (struct dp_rect){100, 40, 700, 66}, "Harbour Office · Annual Report");
    t_lines(t, 1);
    t_block(t, DP_TITLE, (struct dp_rect){100, 120, 900, 176}, "Tides, Trade & Traffic");
    last(t)->confidence = 0.991f;
    t_lines(t, 1);
    t_block(t, DP_HEADING, (struct dp_rect){100, 210, 520, 246}, "1 Summary");
    last(t)->confidence = 0.98f;
    t_lines(t, 1);
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 260, 1100, 400},
            "The harbour handled more ships than ever before. Freight rose by 4 % (see table 1), while passenger "
            "traffic fell "
            "slightly; costs stayed below $5 a ton and between $3 and $4 for grain. File names such as "
            "tide_table_2024.csv and "
            "signs such as * < > & \" ' ` | \\ [x](y) stay what they are.");
    last(t)->confidence = 0.967f;
    last(t)->language = "en";
    last(t)->script = "Latn";
    t_lines(t, 3);
    static const struct {
        int32_t word;
        uint32_t style;
    } styles[] = {{1, DP_BOLD}, {2, DP_BOLD}, {3, DP_BOLD | DP_ITALIC}, {5, DP_SUPERSCRIPT}, {9, DP_ITALIC}};
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        t->page->words[t->page->lines[last(t)->first_line].first_word + styles[i].word].style = styles[i].style;
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 410, 1100, 470},
            "2. A line that begins like a list and <script>alert('x')</script> that must not run.");
    last(t)->confidence = 0.41f;
    last(t)->flags = DP_FLAG_LOW_CONFIDENCE;
    t_lines(t, 1);
}

static void lists(struct t_page *t)
{
    const int32_t outer = t_block(t, DP_LIST, (struct dp_rect){120, 490, 900, 640}, "");
    const int32_t first = t_block(t, DP_LIST_ITEM, (struct dp_rect){120, 490, 900, 520}, "Berths and quays");
    t->page->blocks[first].parent = outer;
    t->page->blocks[first].marker = "•";
    t_lines(t, 1);
    const int32_t inner = t_block(t, DP_LIST, (struct dp_rect){150, 520, 900, 580}, "");
    t->page->blocks[inner].parent = first;
    t->page->blocks[inner].level = 1;
    for (int i = 0; i < 2; i++) {
        const int32_t item =
            t_block(t, DP_LIST_ITEM, (struct dp_rect){150, 520 + 30.0f * (float)i, 900, 550 + 30.0f * (float)i},
                    i == 0 ? "north quay, 420 m" : "south quay, 310 m");
        t->page->blocks[item].parent = inner;
        t->page->blocks[item].level = 1;
        t->page->blocks[item].marker = i == 0 ? "1." : "2.";
        t_lines(t, 1);
    }
    const int32_t second = t_block(t, DP_LIST_ITEM, (struct dp_rect){120, 580, 900, 610}, "Pilots on call");
    t->page->blocks[second].parent = outer;
    t->page->blocks[second].marker = "•";
    t_lines(t, 1);
}

static void plain_table(struct t_page *t)
{
    static const char *const cells[4][3] = {{"Goods", "2023", "2024"},
                                            {"Grain", "1,204", "1,310"},
                                            {"=HYPERLINK(\"http://x\")", "-12", "+7 | 3"},
                                            {"Timber", "087", ""}};
    const int32_t caption =
        t_block(t, DP_CAPTION, (struct dp_rect){100, 660, 600, 686}, "Table 1: freight in kilotons");
    t_lines(t, 1);
    const int32_t table = t_block(t, DP_TABLE, (struct dp_rect){100, 690, 800, 850}, "Goods\t2023\t2024\n…");
    t->page->blocks[caption].caption_of = table;
    last(t)->confidence = 0.93f;
    t_table(t, 4, 3);
    for (int32_t r = 0; r < 4; r++)
        for (int32_t c = 0; c < 3; c++) {
            t_cell(t, r, c, 1, 1, r == 0 ? DP_COLUMN_HEADER : c == 0 ? DP_ROW_HEADER : DP_NOT_HEADER, cells[r][c]);
            t->page->cells[t->page->n_cells - 1].bbox = (struct dp_rect){
                100 + 233.0f * (float)c, 690 + 40.0f * (float)r, 333 + 233.0f * (float)c, 730 + 40.0f * (float)r};
            t->page->cells[t->page->n_cells - 1].confidence = 0.9f;
        }
}

static void span_table(struct t_page *t)
{
    t_block(t, DP_TABLE, (struct dp_rect){100, 880, 800, 1040}, "");
    t_table(t, 3, 4);
    t->page->tables[t->page->n_tables - 1].caption = "Ships by size";
    t_cell(t, 0, 0, 2, 1, DP_COLUMN_HEADER, "Class");
    t_cell(t, 0, 1, 1, 3, DP_COLUMN_HEADER, "Calls");
    t_cell(t, 1, 1, 1, 1, DP_COLUMN_HEADER, "spring");
    t_cell(t, 1, 2, 1, 2, DP_COLUMN_HEADER, "rest\nof the year");
    t_cell(t, 2, 0, 1, 1, DP_ROW_HEADER, "up to 90 m");
    t_cell(t, 2, 1, 1, 1, DP_NOT_HEADER, "51");
    t_cell(t, 2, 3, 1, 1, DP_NOT_HEADER, "98");
}

static void end_of_first(struct t_page *t)
{
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 1060, 1100, 1120},
            "At low water the channel keeps a depth of nine metres, and dred-");
    last(t)->joined = true;
    t_lines(t, 1);
    t_block(t, DP_FOOTNOTE, (struct dp_rect){100, 1140, 1100, 1170}, "¹ Gross tonnage; see the port's rules.");
    t_lines(t, 1);
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 1180, 1100, 1210}, "Die Einfahrt ist bei Hochwasser möglich.");
    last(t)->language = "de";
    last(t)->script = "Latn";
    t_lines(t, 1);
    t_block(t, DP_FOOTER, (struct dp_rect){100, 1560, 500, 1590}, "Confidential");
    t_lines(t, 1);
    t_block(t, DP_PAGE_NUMBER, (struct dp_rect){1080, 1560, 1110, 1590}, "1");
    t_lines(t, 1);
}

static void formulas(struct t_page *t)
{
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 60, 1100, 90}, "ging is needed only every second year.");
    t_lines(t, 1);
    t_block(t, DP_FORMULA, (struct dp_rect){300, 120, 900, 190}, "x = (-b ± √(b² − 4ac)) / 2a");
    last(t)->latex = "x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a} \\tag{3}";
    last(t)->display = true;
    last(t)->source = DP_FROM_VLM;
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 200, 1100, 230}, "where $a \\neq 0$ and the flow is $Q_{\\max}$.");
    last(t)->source = DP_FROM_VLM;
    t_block(t, DP_FORMULA, (struct dp_rect){300, 240, 900, 290}, "\\nosuchthing{x}");
    last(t)->latex = "\\nosuchthing{x} + {";
    last(t)->display = true;
    last(t)->source = DP_FROM_VLM;
    last(t)->flags = DP_FLAG_BAD_LATEX;
    t_block(t, DP_CODE, (struct dp_rect){100, 300, 900, 380}, "for (i = 0; i < n; i++)\n    puts(\"``` </code>\");");
    last(t)->language = "c";
}

static void pictures(struct t_page *t)
{
    const int32_t figure = t_block(t, DP_FIGURE, (struct dp_rect){100, 400, 560, 700}, "North quay");
    t_block(t, DP_CAPTION, (struct dp_rect){100, 705, 560, 730}, "Figure 1: the harbour from the east");
    last(t)->caption_of = figure;
    t_lines(t, 1);
    t_block(t, DP_CHART, (struct dp_rect){600, 400, 1100, 700}, "");
    last(t)->chart_kind = "bar";
    t_table(t, 2, 2);
    t_cell(t, 0, 0, 1, 1, DP_COLUMN_HEADER, "Year");
    t_cell(t, 0, 1, 1, 1, DP_COLUMN_HEADER, "Ships");
    t_cell(t, 1, 0, 1, 1, DP_NOT_HEADER, "2024");
    t_cell(t, 1, 1, 1, 1, DP_NOT_HEADER, "1,187");
}

static void rare(struct t_page *t)
{
    static const struct {
        enum dp_block_type type;
        const char *text;
    } blocks[] = {
        {DP_REFERENCE, "[1] Port Authority: Tide tables, 2024."},
        {DP_STAMP, "RECEIVED 12 MAR 2025"},
        {DP_HANDWRITING, "seen, K. M."},
        {DP_BARCODE, "4006381333931"},
        {DP_MUSIC, "X:1\nK:D\nDEFG|A2d2|"},
        {DP_CHEMISTRY, "C1=CC=CC=C1"},
        {DP_OTHER, "עברית and 日本語 mixed"},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        const float y = 760 + 40.0f * (float)i;
        t_block(t, blocks[i].type, (struct dp_rect){100, y, 700, y + 30}, blocks[i].text);
    }
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 1060, 700, 1090}, "");
    last(t)->flags = DP_FLAG_UNREADABLE | DP_FLAG_LOW_CONFIDENCE;
    t_block(t, DP_TABLE, (struct dp_rect){100, 1100, 700, 1160}, "rows\twithout\ngrid\tcells");
    last(t)->has_bbox = false;
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 1162, 1100, 1190},
            "For größere Schiffe r2 ≤ a_1, at $7 or $9 a ton, * and y* stay1.");
    t_lines(t, 1);
    t_span(t, DP_SPAN_FORMULA, "r2 ≤ a_1", "r^{2}\\leq a_{1}");
    t_span(t, DP_SPAN_FORMULA, "y*", "y^{*}");
    t_span(t, DP_SPAN_SUPERSCRIPT, "1.", NULL);
    t->page->spans[t->page->n_spans - 1].end--;
    const int32_t line = t->page->n_lines;
    t->page->lines[line] = (struct dp_line){.bbox = {100, 1200, 400, 1230},
                                            .quad = {{100, 1205}, {399, 1200}, {400, 1225}, {101, 1230}},
                                            .text = "a line of no block",
                                            .confidence = 0.5f,
                                            .source = DP_FROM_COMPACT,
                                            .flags = DP_FLAG_TURNED,
                                            .block = DP_NONE,
                                            .first_word = t->page->n_words};
    t->page->n_lines++;
    dp_page_warn(t->page, "the page was read at 150 dpi, because %d pixels are allowed", 4000000);
}

bool t_sample_document(struct dp_document *out)
{
    struct t_page first, second;
    *out = (struct dp_document){
        .info = {.source_name = "harbour.pdf",
                 .source_sha256 = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
                 .media_type = "application/pdf",
                 .page_count = 3,
                 .model_name = "compact",
                 .model_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                 .options_sha256 = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
                 .title = "Tides, Trade & Traffic",
                 .author = "Harbour \"Office\" </title>",
                 .language = "en"},
        .status = DP_STATUS_PARTIAL};
    out->pages = calloc(3, sizeof *out->pages);
    if (!out->pages || !t_page_begin(&first, 1, 1240, 1654, 150.0))
        return false;
    out->pages[out->n_pages++] = first.page;
    first.page->language = "en";
    first.page->script = "Latn";
    head(&first);
    lists(&first);
    plain_table(&first);
    span_table(&first);
    end_of_first(&first);
    if (!t_page_begin(&second, 2, 1240, 1654, 150.0))
        return false;
    out->pages[out->n_pages++] = second.page;
    formulas(&second);
    pictures(&second);
    rare(&second);
    struct dp_page *third = NULL;
    if (dp_page_new(3, 1 << 16, &third, NULL) != B_OK)
        return false;
    out->pages[out->n_pages++] = third;
    third->status = DP_STATUS_FAILED;
    (void)b_fail(&third->error, B_FORMAT, "pdf", "the page's content ends early");
    b_advise(&third->error, "try a copy of the file");
    return first.ok && second.ok;
}
