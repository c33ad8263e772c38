/* SPDX-License-Identifier: Apache-2.0 */
/* Follows how a page is drawn. Poppler draws it once more, on a cairo script surface, whose script is read
 * back (pdf_script.h): words without a glyph are not shown, glyphs without a word are text that Poppler's
 * selection leaves out (turned lines, parts of right-to-left pages), strokes and thin boxes are lines. A page
 * whose script grows out of bounds simply has no marks: its words count as shown. */
#include <cairo-script.h>
#include <cairo.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/pdf_private.h"
#include "docparse/pdf_script.h"
#include "engine/base/utf8.h"

#define SCRIPT_BYTES_MAX ((size_t)48 << 20) /* a dense page of vector graphics has 5 MiB */
#define MARKS_MAX 400000u

#define SCALE_FINE 4.0      /* surface units per point: hairlines are snapped to whole units */
#define SCALE_COARSE 1.0    /* pages of pictures: their pixels are in the script, reduced to this */
#define PICTURES_SHARE 0.15 /* of the page, from which the coarse scale is taken */
#define CELL_POINTS 1.5     /* side of a cell of the maps of glyphs and words */
#define CELLS_SIDE_MAX 1024
#define COVER_CELLS_MAX ((uint64_t)1 << 28) /* cells that covers may clear in all */
#define SAMPLE_ALONG 0.4f                   /* where in a glyph its cell is: of its advance, of its height */
#define SAMPLE_UP 0.25f
#define SAMPLE_BASE 0.03f
#define WORD_GAP 0.2f       /* font sizes between glyphs of one word, at most */
#define REPEATED_SHARE 0.5f /* of a gathered word's box below other words: Poppler has left it out on purpose */
#define DESCENT 0.22f       /* of the font size, below and above the baseline */
#define ASCENT 0.78f

/* Cairo's script surface keeps a record of its own in every font that it shows, and fonts of the system are
 * shared by all threads without a lock around those records: two scripts at a time crash sooner or later. */
static pthread_mutex_t one_script = PTHREAD_MUTEX_INITIALIZER;

/* A coarse map of the page. */
struct map {
    uint8_t *cells;
    int cols, rows;
    double cell; /* points */
};

enum { GLYPH = 1, WORD = 2, PICTURE = 4 };

/* Where a script goes. Poppler keeps the mask of a group until the next one is drawn, and with it a surface whose end
 * is written, too, long after the page: such a sink takes nothing more, but lives as long as the document. */
struct dp_pdf_sink {
    struct dp_pdf_sink *next;
    char *data;
    size_t size, cap;
    struct b_cancel *cancel;
    bool full;
    bool starved; /* full for want of memory, not of room */
    bool held;    /* will be written to once more, some day */
    bool over;    /* takes nothing more */
};

static cairo_status_t take_script(void *closure, const unsigned char *data, unsigned int length)
{
    struct dp_pdf_sink *k = closure;
    if (k->full)
        return CAIRO_STATUS_WRITE_ERROR;
    if (k->over)
        return CAIRO_STATUS_SUCCESS;
    if (length > k->cap - k->size) {
        size_t cap = k->cap ? k->cap : (size_t)1 << 16;
        while (cap - k->size < length && cap < SCRIPT_BYTES_MAX)
            cap *= 2;
        const bool fits = cap - k->size >= length && b_cancel_check(k->cancel, NULL) == B_OK;
        char *grown = fits ? realloc(k->data, cap) : NULL;
        if (!grown) {
            k->full = true;
            k->starved = fits;
            return CAIRO_STATUS_WRITE_ERROR;
        }
        k->data = grown;
        k->cap = cap;
    }
    memcpy(k->data + k->size, data, length);
    k->size += length;
    return CAIRO_STATUS_SUCCESS;
}

/* The scale by a number of its own for every script, last bits aside the same: cairo then gives it fonts of its own. It shares
 * scaled fonts between scripts and notes in each glyph the address of the script that holds its outline; the next script
 * is often made at the same address, and would lack the glyphs' extents. (A variation in the font options would tell fonts
 * apart as well, but cairo 1.16 frees it twice when Poppler asks for the options.) */
static double scale_of_its_own(double scale)
{
    static atomic_uint script_count;
    return scale * (1.0 + (double)(atomic_fetch_add(&script_count, 1) & 0xFFFFF) * 0x1p-52);
}

static bool render(PopplerPage *page, cairo_surface_t *surface, double scale)
{
    cairo_t *cr = cairo_create(surface);
    const double own = scale_of_its_own(scale);
    cairo_scale(cr, own, own);
    /* Without hinting, advances are the font's own, to which the script's places refer. */
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_set_font_options(cr, options);
    cairo_font_options_destroy(options);
    poppler_page_render(page, cr);
    const bool good = cairo_status(cr) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cr);
    return good;
}

static cairo_device_t *script_device(struct dp_pdf_sink *sink)
{
    cairo_device_t *device = cairo_script_create_for_stream(take_script, sink);
    cairo_script_set_mode(device, CAIRO_SCRIPT_MODE_ASCII);
    return device;
}

/* Ends the script; sink->held when somebody else still holds a part of it. */
static void finish_device(cairo_device_t *device, struct dp_pdf_sink *sink)
{
    cairo_device_finish(device);
    sink->held = sink->held || cairo_device_get_reference_count(device) > 1;
    cairo_device_destroy(device);
}

/* Draws the page as a script; false when it did not fit or cairo broke off. */
static bool write_direct(PopplerPage *page, const struct dp_pdf_content *c, double scale, struct dp_pdf_sink *sink)
{
    cairo_device_t *device = script_device(sink);
    cairo_surface_t *surface =
        cairo_script_surface_create(device, CAIRO_CONTENT_COLOR_ALPHA, c->width * scale, c->height * scale);
    const bool good = render(page, surface, scale);
    cairo_surface_finish(surface);
    cairo_surface_destroy(surface);
    finish_device(device, sink);
    return good && !sink->full;
}

/* The same by way of a recording. Cairo 1.16 breaks off a script surface that groups with soft masks are drawn on
 * (shadows of web pages), but writes the script of a recording of them. */
static bool write_recording(PopplerPage *page, const struct dp_pdf_content *c, double scale, struct dp_pdf_sink *sink)
{
    const cairo_rectangle_t extents = {0, 0, c->width * scale, c->height * scale};
    cairo_surface_t *surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &extents);
    bool good = render(page, surface, scale);
    if (good) {
        cairo_device_t *device = script_device(sink);
        good = cairo_script_from_recording_surface(device, surface) == CAIRO_STATUS_SUCCESS;
        finish_device(device, sink);
    }
    cairo_surface_finish(surface);
    cairo_surface_destroy(surface);
    return good && !sink->full;
}

/* Closes a sink: what it holds is let go, and so is the sink unless somebody still writes to it. */
static void close_sink(struct dp_pdf *pdf, struct dp_pdf_sink *sink)
{
    free(sink->data);
    sink->data = NULL;
    sink->cap = sink->size = 0;
    sink->cancel = NULL;
    sink->over = true;
    if (!sink->held) {
        free(sink);
        return;
    }
    sink->next = pdf->sinks;
    pdf->sinks = sink;
}

void dp_pdf_sinks_free(struct dp_pdf_sink *sinks)
{
    for (struct dp_pdf_sink *next; sinks; sinks = next) {
        next = sinks->next;
        free(sinks);
    }
}

/* Draws the page into a new sink; *complete: all of it. */
static enum b_code write_script(struct dp_pdf *pdf, PopplerPage *page, const struct dp_pdf_content *c, double scale,
                                struct b_cancel *cancel, struct dp_pdf_sink **out, bool *complete, struct b_err *err)
{
    enum b_code code = B_OK;
    *out = NULL;
    *complete = false;
    for (int way = 0; way < 2 && code == B_OK && !*complete; way++) {
        struct dp_pdf_sink *sink = calloc(1, sizeof *sink);
        if (!sink)
            return b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "out of memory");
        sink->cancel = cancel;
        pthread_mutex_lock(&one_script);
        *complete = way == 0 ? write_direct(page, c, scale, sink) : write_recording(page, c, scale, sink);
        pthread_mutex_unlock(&one_script);
        code = b_cancel_check(cancel, err);
        if (code == B_OK && sink->starved)
            code = b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "out of memory");
        const bool full = sink->full;
        if (code == B_OK && *complete)
            *out = sink;
        else
            close_sink(pdf, sink);
        if (full)
            break; /* another way would be as long */
    }
    return code;
}

static double choose_scale(const struct dp_pdf_content *c)
{
    double area = 0;
    for (int i = 0; i < c->n_images; i++)
        area += (c->images[i].x1 - c->images[i].x0) * (c->images[i].y1 - c->images[i].y0);
    return area > PICTURES_SHARE * c->width * c->height ? SCALE_COARSE : SCALE_FINE;
}

static void scale_marks(struct dp_pdf_drawing *d, double scale)
{
    const float f = (float)(1.0 / scale);
    for (size_t i = 0; i < d->n_marks; i++) {
        struct dp_pdf_mark *m = &d->marks[i];
        m->x0 *= f;
        m->y0 *= f;
        m->x1 *= f;
        m->y1 *= f;
        m->up_x *= f;
        m->up_y *= f;
    }
}

static int clamp_cell(double v, double cell, int most)
{
    const double c = floor(v / cell);
    return c < 0 ? 0 : c > most ? most : (int)c;
}

/* The cell of a glyph, `up` font sizes above the baseline, or NULL beside the page. */
static uint8_t *glyph_cell(const struct map *map, const struct dp_pdf_mark *m, float up)
{
    const double x = (m->x0 + (m->x1 - m->x0) * SAMPLE_ALONG + m->up_x * up) / map->cell;
    const double y = (m->y0 + (m->y1 - m->y0) * SAMPLE_ALONG + m->up_y * up) / map->cell;
    if (!(x >= 0 && y >= 0 && x < map->cols && y < map->rows))
        return NULL;
    return &map->cells[(size_t)y * (size_t)map->cols + (size_t)x];
}

/* Takes the glyphs below an opaque box out of the map. */
static void cover(struct map *map, const struct dp_pdf_mark *m, uint64_t *budget)
{
    const int x0 = clamp_cell(m->x0 + map->cell * 0.5, map->cell, map->cols);
    const int x1 = clamp_cell(m->x1 + map->cell * 0.5, map->cell, map->cols);
    const int y0 = clamp_cell(m->y0 + map->cell * 0.5, map->cell, map->rows);
    const int y1 = clamp_cell(m->y1 + map->cell * 0.5, map->cell, map->rows);
    if (x1 <= x0 || y1 <= y0)
        return;
    const uint64_t cells = (uint64_t)(x1 - x0) * (uint64_t)(y1 - y0);
    if (cells > *budget)
        return;
    *budget -= cells;
    for (int y = y0; y < y1; y++)
        memset(map->cells + (size_t)y * (size_t)map->cols + x0, m->picture ? PICTURE : 0, (size_t)(x1 - x0));
}

/* Glyphs that are seen in the end, and where pictures lie. */
static void draw_map(struct map *map, const struct dp_pdf_drawing *d)
{
    uint64_t budget = COVER_CELLS_MAX;
    for (size_t i = 0; i < d->n_marks; i++) {
        const struct dp_pdf_mark *m = &d->marks[i];
        if (m->kind == DP_PDF_COVER)
            cover(map, m, &budget);
        uint8_t *cell = m->kind == DP_PDF_GLYPHS ? glyph_cell(map, m, SAMPLE_UP) : NULL;
        if (cell)
            *cell |= GLYPH;
    }
}

/* Words without a glyph; marks the cells of all words. */
static void judge_words(struct map *map, struct dp_sheet *s)
{
    for (int32_t i = 0; i < s->n_words; i++) {
        const struct dp_rect b = s->words[i].bbox;
        const int x0 = clamp_cell(b.x0, map->cell, map->cols - 1), x1 = clamp_cell(b.x1, map->cell, map->cols - 1);
        const int y0 = clamp_cell(b.y0, map->cell, map->rows - 1), y1 = clamp_cell(b.y1, map->cell, map->rows - 1);
        uint8_t found = 0;
        for (int y = y0; y <= y1; y++)
            for (int x = x0; x <= x1; x++) {
                uint8_t *cell = &map->cells[(size_t)y * (size_t)map->cols + (size_t)x];
                found |= *cell;
                *cell |= WORD;
            }
        s->word_hidden[i] = found & GLYPH     ? DP_PDF_SHOWN
                            : found & PICTURE ? DP_PDF_NOT_SHOWN_ON_PICTURE
                                              : DP_PDF_NOT_SHOWN;
    }
}

/* Words of glyphs that no word accounts for. */
struct gathering {
    const struct dp_pdf_drawing *drawing;
    const struct map *map;
    struct dp_pdf_content *content;
    struct dp_sheet *sheet;
    size_t capacity;
    int most;
    char text[256];
    size_t n;
    struct dp_rect box;
    const struct dp_pdf_mark *last;
    float size;
};

static float size_of(const struct dp_pdf_mark *m)
{
    return hypotf(m->up_x, m->up_y);
}

static void widen(struct dp_rect *box, float x, float y)
{
    box->x0 = fminf(box->x0, x);
    box->y0 = fminf(box->y0, y);
    box->x1 = fmaxf(box->x1, x);
    box->y1 = fmaxf(box->y1, y);
}

static void add_to_box(struct dp_rect *box, const struct dp_pdf_mark *m)
{
    for (int end = 0; end < 2; end++) {
        const float x = end ? m->x1 : m->x0, y = end ? m->y1 : m->y0;
        widen(box, x + m->up_x * ASCENT, y + m->up_y * ASCENT);
        widen(box, x - m->up_x * DESCENT, y - m->up_y * DESCENT);
    }
}

/* Share of the box's cells that words account for. */
static float share_of_words(const struct map *map, struct dp_rect b)
{
    const int x0 = clamp_cell(b.x0, map->cell, map->cols - 1), x1 = clamp_cell(b.x1, map->cell, map->cols - 1);
    const int y0 = clamp_cell(b.y0, map->cell, map->rows - 1), y1 = clamp_cell(b.y1, map->cell, map->rows - 1);
    int words = 0;
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++)
            words += (map->cells[(size_t)y * (size_t)map->cols + (size_t)x] & WORD) != 0;
    return (float)words / (float)((x1 - x0 + 1) * (y1 - y0 + 1));
}

static enum b_code end_word(struct gathering *g, bool line_end, struct b_err *err)
{
    struct dp_sheet *s = g->sheet;
    if (g->n == 0 || share_of_words(g->map, g->box) > REPEATED_SHARE) {
        g->n = 0;
        return B_OK;
    }
    char *text = b_arena_text(s->arena, g->text, g->n);
    if (!text || !dp_pdf_word_room(s, &g->capacity))
        return b_arena_refused(s->arena, DP_PDF_DOMAIN, err);
    s->word_hidden[s->n_words] = DP_PDF_SHOWN;
    s->word_line_end[s->n_words] = line_end;
    s->words[s->n_words++] =
        (struct dp_word){.bbox = g->box, .text = text, .confidence = DP_NO_CONFIDENCE, .font_size = g->size};
    if (!(g->content->body_size > 0))
        g->content->body_size = g->size;
    g->n = 0;
    return B_OK;
}

/* Whether glyph m stands right behind the last one, on the same baseline. *same_line: at least in its line. */
static bool follows(const struct gathering *g, const struct dp_pdf_mark *m, bool *same_line)
{
    const struct dp_pdf_mark *a = g->last;
    const float size = fmaxf(size_of(a), size_of(m));
    const float dx = m->x0 - a->x1, dy = m->y0 - a->y1;
    const float up = (dx * a->up_x + dy * a->up_y) / size;
    const float along = (-dx * a->up_y + dy * a->up_x) / size;
    const float turn = (a->up_x * m->up_x + a->up_y * m->up_y) / (size_of(a) * size_of(m));
    *same_line = turn > 0.98f && fabsf(up) < 0.3f * size && along > -size && along < 2.0f * size;
    return *same_line && along < WORD_GAP * size && along > -0.5f * size;
}

static enum b_code gather_glyph(struct gathering *g, const struct dp_pdf_mark *m, struct b_err *err)
{
    const char *text = g->drawing->text + m->text;
    bool same_line = true;
    if (g->last && g->last->text_bytes == m->text_bytes && fabsf(g->last->x0 - m->x0) < 0.1f * size_of(m) &&
        fabsf(g->last->y0 - m->y0) < 0.1f * size_of(m))
        return B_OK; /* drawn twice to look bold */
    const bool joined = g->last && follows(g, m, &same_line);
    size_t at = 0;
    const bool blank = b_cp_is_space(b_utf8_next(text, m->text_bytes, &at));
    enum b_code code = B_OK;
    if (!joined || blank || g->n + m->text_bytes > sizeof g->text)
        code = end_word(g, !same_line, err);
    if (code == B_OK && !blank) {
        if (g->n == 0) {
            g->size = size_of(m);
            g->box = (struct dp_rect){m->x0, m->y0, m->x0, m->y0};
        }
        memcpy(g->text + g->n, text, m->text_bytes);
        g->n += m->text_bytes;
        add_to_box(&g->box, m);
    }
    g->last = m;
    return code;
}

static enum b_code gather_words(struct gathering *g, struct b_err *err)
{
    const struct map *map = g->map;
    enum b_code code = B_OK;
    g->capacity = (size_t)g->sheet->n_words;
    for (size_t i = 0; i < g->drawing->n_marks && code == B_OK && g->sheet->n_words < g->most; i++) {
        const struct dp_pdf_mark *m = &g->drawing->marks[i];
        if (m->kind != DP_PDF_GLYPHS || m->text_bytes == 0 || !(size_of(m) > 0.1f))
            continue;
        /* Boxes of fonts with wrong metrics are thin, but hold the baseline. */
        const uint8_t *cell = glyph_cell(map, m, SAMPLE_UP), *base = glyph_cell(map, m, SAMPLE_BASE);
        if (cell && base && (*cell & GLYPH) && !((*cell | *base) & WORD))
            code = gather_glyph(g, m, err);
    }
    return code == B_OK ? end_word(g, true, err) : code;
}

/* Maps the page, judges its words and adds what is missing. */
static enum b_code use_glyphs(const struct dp_pdf *pdf, const struct dp_pdf_drawing *d, struct dp_pdf_content *c,
                              struct dp_sheet *sheet, struct b_err *err)
{
    struct map map = {.cell = fmax(CELL_POINTS, fmax(c->width, c->height) / CELLS_SIDE_MAX)};
    map.cols = clamp_cell(c->width, map.cell, CELLS_SIDE_MAX) + 1;
    map.rows = clamp_cell(c->height, map.cell, CELLS_SIDE_MAX) + 1;
    map.cells = calloc((size_t)map.cols * (size_t)map.rows, 1);
    if (!map.cells)
        return b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "out of memory");
    draw_map(&map, d);
    judge_words(&map, sheet);
    struct gathering g = {
        .drawing = d, .map = &map, .content = c, .sheet = sheet, .most = pdf->options.limits.words_per_page};
    enum b_code code = gather_words(&g, err);
    free(map.cells);
    return code;
}

enum b_code dp_pdf_read_marks(struct dp_pdf *pdf, PopplerPage *page, struct dp_pdf_content *content,
                              struct b_cancel *cancel, struct dp_sheet *sheet, struct b_err *err)
{
    struct dp_pdf_sink *sink = NULL;
    struct dp_pdf_drawing drawing = {0};
    const double scale = choose_scale(content);
    bool complete = false;
    if (content->large_font)
        return B_OK; /* the script would hold the whole font on every page */
    enum b_code code = write_script(pdf, page, content, scale, cancel, &sink, &complete, err);
    if (code == B_OK && complete) {
        code = dp_pdf_script_read(sink->data ? sink->data : "", sink->size, MARKS_MAX, &drawing, err);
        if (code == B_OK && !drawing.truncated) {
            scale_marks(&drawing, scale);
            code = use_glyphs(pdf, &drawing, content, sheet, err);
            if (code == B_OK)
                code = dp_pdf_take_glyphs(&drawing, content, sheet, err);
            if (code == B_OK)
                code = dp_pdf_take_lines(pdf, &drawing, content, sheet, err);
            if (code == B_OK)
                code = dp_pdf_take_shapes(&drawing, content, sheet, err);
            dp_pdf_take_pictures(content, &drawing);
            content->marks_known = true;
        }
    }
    dp_pdf_drawing_free(&drawing);
    if (sink)
        close_sink(pdf, sink);
    return code;
}
