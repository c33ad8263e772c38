/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing operators of cairo's script language: what they leave on the page, as marks. Glyphs are kept one by
 * one, paths only where they are straight lines or opaque boxes, everything else by its effect on those. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/pdf_script_private.h"

#define PATH_MAX_POINTS 200000u
#define LEVEL 0.35          /* surface units a line may rise and still be straight */
#define THIN_RATIO 4.0      /* length over thickness of a filled box that counts as a line */
#define WHITE 0.995         /* a channel of white paper */
#define GUESSED_ADVANCE 0.5 /* of the font size, where the script hides the metrics (TrueType) */

static void transform(const struct script_matrix *m, double *x, double *y)
{
    const double a = *x, b = *y;
    *x = m->xx * a + m->xy * b + m->x0;
    *y = m->yx * a + m->yy * b + m->y0;
}

static void transform_distance(const struct script_matrix *m, double *x, double *y)
{
    const double a = *x, b = *y;
    *x = m->xx * a + m->xy * b;
    *y = m->yx * a + m->yy * b;
}

static bool invert(const struct script_matrix *m, struct script_matrix *out)
{
    const double det = m->xx * m->yy - m->xy * m->yx;
    if (!isfinite(det) || fabs(det) < 1e-12)
        return false;
    *out = (struct script_matrix){m->yy / det, -m->yx / det, -m->xy / det, m->xx / det, 0, 0};
    out->x0 = -(out->xx * m->x0 + out->xy * m->y0);
    out->y0 = -(out->yx * m->x0 + out->yy * m->y0);
    return true;
}

void dp_script_add_mark(struct script *s, const struct script_context *ctx, struct dp_pdf_mark mark)
{
    if (!isfinite(mark.x0) || !isfinite(mark.y0) || !isfinite(mark.x1) || !isfinite(mark.y1))
        return;
    mark.surface = ctx->surface;
    if (dp_script_grow(s, (void **)&s->out->marks, &s->cap_marks, s->out->n_marks, sizeof mark,
                       s->most + s->out->n_shapes))
        s->out->marks[s->out->n_marks++] = mark;
}

/* A box within the clip, ordered; false when nothing is left. */
static bool clipped(const struct script_context *ctx, double box[4])
{
    box[0] = fmax(box[0], ctx->clip[0]);
    box[1] = fmax(box[1], ctx->clip[1]);
    box[2] = fmin(box[2], ctx->clip[2]);
    box[3] = fmin(box[3], ctx->clip[3]);
    return box[2] > box[0] && box[3] > box[1];
}

static void add_line(struct script *s, const struct script_context *ctx, double x0, double y0, double x1, double y1,
                     double width)
{
    const bool vertical = fabs(x1 - x0) < fabs(y1 - y0);
    const double half = fmax(width, 0.02) * 0.5;
    double box[4] = {fmin(x0, x1), fmin(y0, y1), fmax(x0, x1), fmax(y0, y1)};
    box[vertical ? 0 : 1] -= half;
    box[vertical ? 2 : 3] += half;
    if (clipped(ctx, box))
        dp_script_add_mark(s, ctx,
                 (struct dp_pdf_mark){.kind = DP_PDF_LINE,
                                      .x0 = (float)box[0],
                                      .y0 = (float)box[1],
                                      .x1 = (float)box[2],
                                      .y1 = (float)box[3],
                                      .up_x = (float)width});
}

static void add_point(struct script *s, struct script_context *ctx, double x, double y, uint8_t kind)
{
    transform(&ctx->ctm, &x, &y);
    if (dp_script_grow(s, (void **)&ctx->path, &ctx->cap_path, ctx->n_path, sizeof *ctx->path, PATH_MAX_POINTS))
        ctx->path[ctx->n_path++] = (struct script_point){x, y, kind};
}

/* Horizontal and vertical segments of the stroke. */
static void stroke(struct script *s, struct script_context *ctx)
{
    double wx = ctx->line_width, wy = 0;
    transform_distance(&ctx->ctm, &wx, &wy);
    const double width = hypot(wx, wy);
    struct script_point start = {0}, at = {0};
    for (size_t i = 0; i < ctx->n_path && !s->failed; i++) {
        struct script_point p = ctx->path[i];
        if (p.kind == 'h')
            p = (struct script_point){start.x, start.y, 'l'};
        if (p.kind == 'm')
            start = p;
        const double dx = fabs(p.x - at.x), dy = fabs(p.y - at.y);
        if (p.kind == 'l' && fmin(dx, dy) <= LEVEL && fmax(dx, dy) > width)
            add_line(s, ctx, at.x, at.y, p.x, p.y, width);
        at = p;
    }
    dp_script_add_shapes(s, ctx, false);
}

/* Whether points [first, last) are the corners of an upright box, all four of them; fills box. */
static bool is_box(const struct script_context *ctx, size_t first, size_t last, double box[4])
{
    if (last - first < 4 || last - first > 6)
        return false;
    box[0] = box[1] = INFINITY;
    box[2] = box[3] = -INFINITY;
    for (size_t i = first; i < last; i++) {
        const struct script_point *p = &ctx->path[i];
        if (p->kind == 'c')
            return false;
        if (p->kind == 'h')
            continue;
        box[0] = fmin(box[0], p->x);
        box[1] = fmin(box[1], p->y);
        box[2] = fmax(box[2], p->x);
        box[3] = fmax(box[3], p->y);
    }
    const bool flat = box[2] - box[0] < 2 * LEVEL || box[3] - box[1] < 2 * LEVEL;
    unsigned corners = 0;
    for (size_t i = first; i < last; i++) {
        const struct script_point *p = &ctx->path[i];
        const bool left = fabs(p->x - box[0]) < LEVEL, top = fabs(p->y - box[1]) < LEVEL;
        const bool on_x = left || fabs(p->x - box[2]) < LEVEL, on_y = top || fabs(p->y - box[3]) < LEVEL;
        if (p->kind != 'h' && !(on_x && on_y))
            return false;
        if (p->kind != 'h')
            corners |= 1u << (2 * left + top);
    }
    return flat || corners == 15;
}

static void add_box(struct script *s, const struct script_context *ctx, uint8_t kind, const double box[4], bool picture)
{
    dp_script_add_mark(s, ctx,
             (struct dp_pdf_mark){.kind = kind,
                                  .picture = picture,
                                  .x0 = (float)box[0],
                                  .y0 = (float)box[1],
                                  .x1 = (float)box[2],
                                  .y1 = (float)box[3]});
}

static void add_cover(struct script *s, const struct script_context *ctx, double box[4], bool picture)
{
    if (clipped(ctx, box))
        add_box(s, ctx, DP_PDF_COVER, box, picture);
}

/* Where the pattern puts its picture. */
static bool picture_box(const struct script_object *p, double box[4])
{
    struct script_matrix to;
    if (!p->picture || p->width <= 0 || p->height <= 0 || !invert(&p->matrix, &to))
        return false;
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? p->width : 0, y = i & 2 ? p->height : 0;
        transform(&to, &x, &y);
        box[0] = i ? fmin(box[0], x) : x;
        box[1] = i ? fmin(box[1], y) : y;
        box[2] = i ? fmax(box[2], x) : x;
        box[3] = i ? fmax(box[3], y) : y;
    }
    return true;
}

static void add_picture(struct script *s, const struct script_context *ctx, const struct script_object *p,
                        const double box[4])
{
    dp_script_add_mark(s, ctx,
             (struct dp_pdf_mark){.kind = DP_PDF_PICTURE,
                                  .picture = true,
                                  .turned = fabs(p->matrix.xx) < fabs(p->matrix.xy),
                                  .x0 = (float)box[0],
                                  .y0 = (float)box[1],
                                  .x1 = (float)box[2],
                                  .y1 = (float)box[3]});
}

/* Draws a picture by its own area. */
static void draw_picture(struct script *s, const struct script_context *ctx, const struct script_object *p)
{
    double box[4];
    if (!picture_box(p, box))
        return;
    add_picture(s, ctx, p, box);
    if (p->opaque)
        add_cover(s, ctx, box, true);
}

static void fill_box(struct script *s, const struct script_context *ctx, double box[4])
{
    const double w = box[2] - box[0], h = box[3] - box[1];
    if (ctx->source.solid && fmax(w, h) >= THIN_RATIO * fmin(w, h)) {
        if (w >= h)
            add_line(s, ctx, box[0], (box[1] + box[3]) * 0.5, box[2], (box[1] + box[3]) * 0.5, h);
        else
            add_line(s, ctx, (box[0] + box[2]) * 0.5, box[1], (box[0] + box[2]) * 0.5, box[3], w);
    }
    if (ctx->source.solid && ctx->source.opaque)
        add_cover(s, ctx, box, false);
}

static void place_source(struct script *s, const struct script_context *ctx)
{
    if (!ctx->source.solid && !ctx->source.picture && ctx->source.id >= 0)
        dp_script_place(s, ctx->source.id, ctx->surface, &ctx->source.matrix);
}

static void fill(struct script *s, struct script_context *ctx)
{
    place_source(s, ctx);
    if (ctx->source.picture) {
        draw_picture(s, ctx, &ctx->source);
        return;
    }
    for (size_t first = 0; first < ctx->n_path && !s->failed;) {
        size_t last = first + 1;
        double box[4];
        while (last < ctx->n_path && ctx->path[last].kind != 'm')
            last++;
        if (is_box(ctx, first, last, box))
            fill_box(s, ctx, box);
        first = last;
    }
    dp_script_add_shapes(s, ctx, true);
}

/* A picture painted whole covers its own area; a group brings its marks. */
static void paint(struct script *s, const struct script_context *ctx)
{
    double box[4] = {ctx->clip[0], ctx->clip[1], ctx->clip[2], ctx->clip[3]};
    place_source(s, ctx);
    if (ctx->source.picture)
        draw_picture(s, ctx, &ctx->source);
    else if (ctx->source.solid && ctx->source.opaque)
        add_cover(s, ctx, box, false);
}

/* A picture seen through a mask, or the mask itself, painted with a colour. Neither hides what is below. */
static void mask(struct script *s, const struct script_context *ctx, const struct script_object *through)
{
    double box[4];
    place_source(s, ctx);
    if (picture_box(&ctx->source, box))
        add_picture(s, ctx, &ctx->source, box);
    else if (picture_box(through, box))
        add_picture(s, ctx, through, box);
}

void dp_script_place(struct script *s, int32_t from, int32_t to, const struct script_matrix *matrix)
{
    struct script_matrix m;
    if (from == to || (size_t)from >= s->cap_starts || !invert(matrix, &m))
        return;
    for (size_t i = s->starts[from]; i < s->out->n_marks; i++) {
        struct dp_pdf_mark *mark = &s->out->marks[i];
        if (s->moves_left-- == 0) {
            s->failed = true;
            return;
        }
        if (mark->surface != from)
            continue;
        double x0 = mark->x0, y0 = mark->y0, x1 = mark->x1, y1 = mark->y1, ux = mark->up_x, uy = mark->up_y;
        transform(&m, &x0, &y0);
        transform(&m, &x1, &y1);
        if (mark->kind == DP_PDF_GLYPHS)
            transform_distance(&m, &ux, &uy);
        mark->x0 = (float)x0;
        mark->y0 = (float)y0;
        mark->x1 = (float)x1;
        mark->y1 = (float)y1;
        mark->up_x = (float)ux;
        mark->up_y = (float)uy;
        mark->surface = to;
    }
}

/* Where the next glyph is drawn, and how glyphs stand. */
struct pen {
    const struct script_font *font;
    double x, y;             /* surface units */
    double along_x, along_y; /* one font size in writing direction */
    double up_x, up_y;
};

static void advance_of(const struct pen *pen, uint32_t glyph, double *x, double *y, float ink[4])
{
    double ax = GUESSED_ADVANCE, ay = 0;
    if (pen->font && glyph < pen->font->cap)
        memcpy(ink, pen->font->advances[glyph].ink, sizeof pen->font->advances[glyph].ink);
    if (pen->font && pen->font->last_repeats && glyph >= pen->font->cap)
        glyph = (uint32_t)pen->font->cap - 1;
    if (pen->font && glyph < pen->font->cap && pen->font->advances[glyph].known) {
        ax = pen->font->advances[glyph].x;
        ay = pen->font->advances[glyph].y;
    }
    *x = pen->along_x * ax - pen->up_x * ay;
    *y = pen->along_y * ax - pen->up_y * ay;
}

/* Which bytes of the text each glyph shows: clusters of (bytes, glyphs); all of it at the first glyph of its
 * cluster. */
struct clusters {
    const uint32_t *pairs; /* NULL: no text is known */
    size_t n, at;
    size_t text, text_end;
    uint32_t left; /* glyphs of the cluster in work */
};

static uint8_t take_text(struct clusters *c, uint32_t *offset, bool *coded)
{
    *offset = (uint32_t)c->text;
    *coded = false;
    while (c->pairs && c->left == 0 && c->at + 1 < c->n) {
        const size_t bytes = c->pairs[c->at];
        c->left = c->pairs[c->at + 1];
        c->at += 2;
        const size_t end = c->text + bytes < c->text_end ? c->text + bytes : c->text_end;
        const size_t count = end - c->text;
        *offset = (uint32_t)c->text;
        c->text = end;
        if (c->left == 0)
            continue; /* text that no glyph shows */
        c->left--;
        *coded = bytes == 0;
        return count < 256 ? (uint8_t)count : 0;
    }
    if (c->left > 0)
        c->left--;
    return 0;
}

static void show_run(struct script *s, const struct script_context *ctx, struct pen *pen, struct clusters *text,
                     const struct script_item *run)
{
    for (size_t i = 0; i < run->count && !s->failed; i++) {
        double dx, dy;
        uint32_t offset;
        bool coded;
        struct dp_pdf_mark mark = {.kind = DP_PDF_GLYPHS, .font = ctx->font};
        advance_of(pen, s->glyphs[run->first + i], &dx, &dy, mark.ink);
        const bool has_text = text->pairs != NULL;
        const uint8_t bytes = take_text(text, &offset, &coded);
        const bool inside = pen->x + dx >= ctx->clip[0] && pen->x <= ctx->clip[2] && pen->y >= ctx->clip[1] &&
                            pen->y + pen->up_y <= ctx->clip[3];
        mark.x0 = (float)pen->x;
        mark.y0 = (float)pen->y;
        mark.x1 = (float)(pen->x + dx);
        mark.y1 = (float)(pen->y + dy);
        mark.up_x = (float)pen->up_x;
        mark.up_y = (float)pen->up_y;
        mark.text = offset;
        mark.text_bytes = bytes;
        mark.coded = coded;
        if (inside && (bytes > 0 || coded || !has_text))
            dp_script_add_mark(s, ctx, mark);
        pen->x += dx;
        pen->y += dy;
    }
}

/* [x y <run> dx <run> x y <run>...]: two numbers are a place, one a step along x in surface units. */
static void show_glyphs(struct script *s, const struct script_object *array, struct clusters *text)
{
    struct script_context *ctx = dp_script_context(s);
    if (!ctx || array->kind != SCRIPT_ARRAY)
        return;
    struct pen pen = {0};
    if (ctx->font >= 0 && (size_t)ctx->font < s->cap_fonts)
        pen.font = &s->fonts[ctx->font];
    pen.along_x = ctx->font_matrix.xx;
    pen.along_y = ctx->font_matrix.yx;
    pen.up_x = -ctx->font_matrix.xy;
    pen.up_y = -ctx->font_matrix.yy;
    transform_distance(&ctx->ctm, &pen.along_x, &pen.along_y);
    transform_distance(&ctx->ctm, &pen.up_x, &pen.up_y);
    double numbers[2] = {0, 0};
    int n = 0;
    for (size_t i = 0; i < array->count; i++) {
        const struct script_item *item = &s->items[array->first + i];
        if (!item->is_run) {
            if (n < 2)
                numbers[n++] = item->number;
            continue;
        }
        if (n == 1) {
            pen.x += numbers[0];
        } else if (n == 2) {
            transform_distance(&ctx->ctm, &numbers[0], &numbers[1]);
            pen.x = numbers[0];
            pen.y = numbers[1];
        }
        n = 0;
        show_run(s, ctx, &pen, text, item);
    }
}

static void show_text_glyphs(struct script *s)
{
    (void)dp_script_pop(s); /* direction */
    const struct script_object clusters = dp_script_pop(s), array = dp_script_pop(s), string = dp_script_pop(s);
    struct clusters text = {0};
    uint32_t *numbers = NULL;
    if (string.kind == SCRIPT_STRING && clusters.kind == SCRIPT_ARRAY && clusters.count > 0) {
        const struct script_item *first = &s->items[clusters.first];
        text.text = string.first;
        text.text_end = string.first + string.count;
        text.n = first->is_run ? first->count : clusters.count;
        if (first->is_run)
            text.pairs = s->glyphs ? s->glyphs + first->first : NULL;
        else if ((numbers = calloc(text.n, sizeof *numbers)) != NULL)
            for (size_t i = 0; i < text.n; i++)
                numbers[i] = (uint32_t)fmin(fmax(first[i].number, 0), 1e6);
        if (numbers)
            text.pairs = numbers;
        s->starved = s->starved || (!first->is_run && !numbers);
    }
    show_glyphs(s, &array, &text);
    free(numbers);
}

static bool pop_matrix(struct script *s, struct script_matrix *out)
{
    const struct script_object o = dp_script_pop(s);
    if (o.kind != SCRIPT_ARRAY || o.count != 6)
        return false;
    const struct script_item *i = &s->items[o.first];
    *out = (struct script_matrix){i[0].number, i[1].number, i[2].number, i[3].number, i[4].number, i[5].number};
    return true;
}

static void set_matrix(struct script *s)
{
    struct script_matrix m;
    if (!pop_matrix(s, &m) || s->depth == 0)
        return;
    struct script_object *top = &s->stack[s->depth - 1];
    if (top->kind == SCRIPT_PATTERN)
        top->matrix = m;
    else if (top->kind == SCRIPT_CONTEXT)
        s->contexts[top->id].ctm = m;
}

static void solid(struct script *s, int channels, bool alpha)
{
    struct script_object o = {.kind = SCRIPT_PATTERN, .id = -1, .solid = true, .opaque = true};
    const double cover = alpha ? dp_script_number(s) : 1.0;
    bool white = channels > 0;
    for (int i = 0; i < channels; i++)
        white = dp_script_number(s) > WHITE && white;
    o.opaque = cover >= 0.999;
    o.unseen = white || cover < 1.0 - WHITE;
    if (s->depth < DP_SCRIPT_STACK)
        s->stack[s->depth++] = o;
}

static void gradient(struct script *s, int numbers)
{
    struct script_object o = {.kind = SCRIPT_PATTERN, .id = -1};
    for (int i = 0; i < numbers; i++)
        (void)dp_script_number(s);
    if (s->depth < DP_SCRIPT_STACK)
        s->stack[s->depth++] = o;
}

static void make_pattern(struct script *s)
{
    const struct script_object from = dp_script_pop(s);
    struct script_object o = {.kind = SCRIPT_PATTERN,
                              .id = from.id,
                              .matrix = {1, 0, 0, 1, 0, 0},
                              .width = from.width,
                              .height = from.height,
                              .picture = from.picture,
                              .opaque = from.opaque && from.picture};
    if (s->depth < DP_SCRIPT_STACK)
        s->stack[s->depth++] = o;
}

/* The middle of a curve, so that its bulge is known: v holds its control points and its end. */
static void add_middle(struct script *s, struct script_context *ctx, const double *v)
{
    double x = (3 * v[0] + 3 * v[2] + v[4]) / 7, y = (3 * v[1] + 3 * v[3] + v[5]) / 7;
    const struct script_point from = ctx->path[ctx->n_path - 1];
    if (from.kind == 'h')
        return;
    transform(&ctx->ctm, &x, &y);
    if (dp_script_grow(s, (void **)&ctx->path, &ctx->cap_path, ctx->n_path, sizeof *ctx->path, PATH_MAX_POINTS))
        ctx->path[ctx->n_path++] = (struct script_point){(from.x + 7 * x) / 8, (from.y + 7 * y) / 8, 'c'};
}

/* m, l, c, h, rectangle: of the context's path, or of a mesh pattern, which is of no interest. */
static void build_path(struct script *s, char op)
{
    double v[6] = {0};
    const int n = op == 'c' ? 6 : op == 'r' ? 4 : op == 'h' ? 0 : 2;
    for (int i = n; i-- > 0;)
        v[i] = dp_script_number(s);
    struct script_context *ctx = dp_script_context(s);
    if (!ctx)
        return;
    if (op == 'r') {
        add_point(s, ctx, v[0], v[1], 'm');
        add_point(s, ctx, v[0] + v[2], v[1], 'l');
        add_point(s, ctx, v[0] + v[2], v[1] + v[3], 'l');
        add_point(s, ctx, v[0], v[1] + v[3], 'l');
        add_point(s, ctx, 0, 0, 'h');
    } else {
        if (op == 'c' && ctx->n_path > 0)
            add_middle(s, ctx, v);
        add_point(s, ctx, n ? v[n - 2] : 0, n ? v[n - 1] : 0, (uint8_t)op);
    }
}

static void clip(struct script_context *ctx)
{
    double box[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = 0; i < ctx->n_path; i++) {
        if (ctx->path[i].kind == 'h')
            continue;
        box[0] = fmin(box[0], ctx->path[i].x);
        box[1] = fmin(box[1], ctx->path[i].y);
        box[2] = fmax(box[2], ctx->path[i].x);
        box[3] = fmax(box[3], ctx->path[i].y);
    }
    for (int i = 0; i < 2; i++) {
        ctx->clip[i] = fmax(ctx->clip[i], box[i]);
        ctx->clip[i + 2] = fmin(ctx->clip[i + 2], box[i + 2]);
    }
}

enum operator{
    OP_PATTERN,
    OP_RGB,
    OP_RGBA,
    OP_GREY,
    OP_ALPHA,
    OP_LINEAR,
    OP_RADIAL,
    OP_MESH,
    OP_SET_MATRIX,
    OP_SHOW_TEXT,
    OP_SHOW,
    OP_MASK,
    OP_MOVE,
    OP_LINE,
    OP_CURVE,
    OP_CLOSE,
    OP_RECTANGLE,
    OP_NEW_PATH,
    OP_STROKE,
    OP_FILL,
    OP_PAINT,
    OP_CLIP,
    OP_RESET_CLIP,
    OP_SOURCE,
    OP_SCALE,
    OP_LINE_WIDTH,
    OP_FONT_MATRIX,
    OP_FONT_FACE,
    OP_SCALED_FONT,
    OP_TAKE_1,
    OP_TAKE_2,
    OP_TAKE_3,
    OP_TAKE_5,
    OP_NOTHING
};

static const struct {
    const char *name;
    enum operator op;
} operators[] = {{"c", OP_CURVE},
                 {"l", OP_LINE},
                 {"m", OP_MOVE},
                 {"h", OP_CLOSE},
                 {"n", OP_NEW_PATH},
                 {"g", OP_GREY},
                 {"a", OP_ALPHA},
                 {"rgb", OP_RGB},
                 {"rgba", OP_RGBA},
                 {"linear", OP_LINEAR},
                 {"radial", OP_RADIAL},
                 {"mesh", OP_MESH},
                 {"pattern", OP_PATTERN},
                 {"set-matrix", OP_SET_MATRIX},
                 {"show-text-glyphs", OP_SHOW_TEXT},
                 {"show-glyphs", OP_SHOW},
                 {"mask", OP_MASK},
                 {"rectangle", OP_RECTANGLE},
                 {"stroke+", OP_STROKE},
                 {"fill+", OP_FILL},
                 {"paint", OP_PAINT},
                 {"clip+", OP_CLIP},
                 {"reset-clip", OP_RESET_CLIP},
                 {"set-source", OP_SOURCE},
                 {"scale", OP_SCALE},
                 {"set-line-width", OP_LINE_WIDTH},
                 {"set-font-matrix", OP_FONT_MATRIX},
                 {"set-font-face", OP_FONT_FACE},
                 {"set-scaled-font", OP_SCALED_FONT},
                 {"set-extend", OP_TAKE_1},
                 {"set-filter", OP_TAKE_1},
                 {"set-operator", OP_TAKE_1},
                 {"set-fill-rule", OP_TAKE_1},
                 {"set-tolerance", OP_TAKE_1},
                 {"set-antialias", OP_TAKE_1},
                 {"set-line-cap", OP_TAKE_1},
                 {"set-line-join", OP_TAKE_1},
                 {"set-miter-limit", OP_TAKE_1},
                 {"set-font-options", OP_TAKE_1},
                 {"transform", OP_TAKE_1},
                 {"set-dash", OP_TAKE_2},
                 {"translate", OP_TAKE_2},
                 {"set-control-point", OP_TAKE_3},
                 {"set-corner-color", OP_TAKE_5},
                 {"add-color-stop", OP_TAKE_5},
                 {"begin-patch", OP_NOTHING},
                 {"end-patch", OP_NOTHING},
                 {"copy-page", OP_NOTHING},
                 {"show-page", OP_NOTHING}};

/* Operators that make values or take from any top. */
static bool run_values(struct script *s, enum operator op)
{
    static const char path[] = {[OP_MOVE - OP_MOVE] = 'm',
                                [OP_LINE - OP_MOVE] = 'l',
                                [OP_CURVE - OP_MOVE] = 'c',
                                [OP_CLOSE - OP_MOVE] = 'h',
                                [OP_RECTANGLE - OP_MOVE] = 'r'};
    switch (op) {
    case OP_PATTERN:
        make_pattern(s);
        return true;
    case OP_RGB:
    case OP_RGBA:
        solid(s, 3, op == OP_RGBA);
        return true;
    case OP_GREY:
        solid(s, 1, false);
        return true;
    case OP_ALPHA:
        solid(s, 0, true);
        return true;
    case OP_LINEAR:
        gradient(s, 4);
        return true;
    case OP_RADIAL:
        gradient(s, 6);
        return true;
    case OP_MESH:
        gradient(s, 0);
        return true;
    case OP_SET_MATRIX:
        set_matrix(s);
        return true;
    case OP_SHOW_TEXT:
        show_text_glyphs(s);
        return true;
    case OP_MOVE:
    case OP_LINE:
    case OP_CURVE:
    case OP_CLOSE:
    case OP_RECTANGLE:
        build_path(s, path[op - OP_MOVE]);
        return true;
    case OP_TAKE_5:
    case OP_TAKE_3:
    case OP_TAKE_2:
    case OP_TAKE_1:
        for (int i = op == OP_TAKE_5 ? 5 : 1 + (int)(op - OP_TAKE_1); i > 0; i--)
            (void)dp_script_pop(s);
        return true;
    case OP_NOTHING:
        return true;
    default:
        return false;
    }
}

static void set_scale(struct script *s)
{
    const double y = dp_script_number(s), x = dp_script_number(s);
    struct script_context *ctx = dp_script_context(s);
    if (!ctx)
        return;
    ctx->ctm.xx *= x;
    ctx->ctm.yx *= x;
    ctx->ctm.xy *= y;
    ctx->ctm.yy *= y;
}

/* Operators with one operand for the context. */
static void run_setting(struct script *s, enum operator op)
{
    struct script_matrix m = {1, 0, 0, 1, 0, 0};
    struct script_object o = {.kind = SCRIPT_OTHER, .id = -1};
    double number = 0;
    if (op == OP_FONT_MATRIX)
        (void)pop_matrix(s, &m);
    else if (op == OP_LINE_WIDTH)
        number = dp_script_number(s);
    else
        o = dp_script_pop(s);
    struct script_context *ctx = dp_script_context(s);
    if (op == OP_SHOW) {
        struct clusters none = {0};
        show_glyphs(s, &o, &none);
        return;
    }
    if (!ctx)
        return;
    if (op == OP_FONT_MATRIX)
        ctx->font_matrix = ctx->given_matrix = m;
    else if (op == OP_LINE_WIDTH)
        ctx->line_width = number;
    else if (op == OP_SOURCE)
        ctx->source = o;
    else if (op == OP_MASK)
        mask(s, ctx, &o);
    else if (op == OP_FONT_FACE) {
        ctx->font = o.kind == SCRIPT_FONT && o.id >= 0 ? o.id : s->last_font;
        ctx->font_matrix = ctx->given_matrix;
    } else if (op == OP_SCALED_FONT && o.kind == SCRIPT_FONT && o.id >= 0 && (size_t)o.id < s->cap_fonts) {
        ctx->font = o.id;
        ctx->font_matrix = s->fonts[o.id].matrix;
    }
}

bool dp_script_draw(struct script *s, const char *name, size_t len)
{
    enum operator op = OP_NOTHING;
    size_t i = 0;
    const size_t n = sizeof operators / sizeof operators[0];
    while (i < n && (strlen(operators[i].name) != len || memcmp(operators[i].name, name, len) != 0))
        i++;
    if (i == n)
        return false;
    op = operators[i].op;
    if (run_values(s, op))
        return true;
    if (op == OP_SCALE) {
        set_scale(s);
        return true;
    }
    if (op >= OP_SOURCE || op == OP_SHOW || op == OP_MASK) {
        run_setting(s, op);
        return true;
    }
    struct script_context *ctx = dp_script_context(s);
    if (!ctx)
        return true;
    if (op == OP_NEW_PATH)
        ctx->n_path = 0;
    else if (op == OP_STROKE)
        stroke(s, ctx);
    else if (op == OP_FILL)
        fill(s, ctx);
    else if (op == OP_PAINT)
        paint(s, ctx);
    else if (op == OP_CLIP)
        clip(ctx);
    else if (op == OP_RESET_CLIP)
        for (int k = 0; k < 4; k++)
            ctx->clip[k] = k < 2 ? -1e9 : 1e9;
    return true;
}
