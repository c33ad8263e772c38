/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as shapes: what a drawing on the page is made of. A part of a path is an upright box, perhaps with round
 * corners, or it is free: it has curves or slanted lines. Level lines are marks of their own (pdf_script_draw.c).
 * Invariant: linear in the points of a path, and the shapes of a drawing are bounded. */
#include <math.h>

#include "docparse/pdf_script_private.h"

#define LEVEL 0.35   /* surface units a line may rise and still be straight */
#define BOX_FILL 0.8 /* of its bounds, that the corners of a box with round corners enclose; those of a circle: half   \
                      */
#define CORNER 0.55  /* of the lesser side: a round corner takes no more */

/* What is known of one part of a path so far. */
struct part {
    double box[4];
    double area;  /* twice what the corners enclose, signed */
    bool free;    /* has a curve or a slanted line, */
    double reach; /* which go so far at most along one side */
    struct script_point start, at;
};

static void begin(struct part *p, struct script_point at)
{
    *p = (struct part){.box = {at.x, at.y, at.x, at.y}, .start = at, .at = at};
}

static void step(struct part *p, struct script_point to)
{
    const double dx = fabs(to.x - p->at.x), dy = fabs(to.y - p->at.y);
    p->box[0] = fmin(p->box[0], to.x);
    p->box[1] = fmin(p->box[1], to.y);
    p->box[2] = fmax(p->box[2], to.x);
    p->box[3] = fmax(p->box[3], to.y);
    p->area += p->at.x * to.y - to.x * p->at.y;
    if (fmin(dx, dy) > LEVEL) {
        p->free = true;
        p->reach = fmax(p->reach, fmax(dx, dy));
    }
    p->at = to;
}

static void end(struct script *s, const struct script_context *ctx, const struct part *p, double width, bool filled)
{
    const double w = p->box[2] - p->box[0], h = p->box[3] - p->box[1];
    const double area = fabs(p->area + p->at.x * p->start.y - p->start.x * p->at.y) * 0.5;
    if (fmax(w, h) <= LEVEL || (!p->free && fmin(w, h) <= LEVEL) || s->out->n_shapes >= DP_PDF_SHAPES_MAX)
        return; /* nothing, or a level line */
    const double x0 = fmax(p->box[0] - width * 0.5, ctx->clip[0]), y0 = fmax(p->box[1] - width * 0.5, ctx->clip[1]);
    const double x1 = fmin(p->box[2] + width * 0.5, ctx->clip[2]), y1 = fmin(p->box[3] + width * 0.5, ctx->clip[3]);
    if (!(x1 > x0 && y1 > y0))
        return;
    const size_t before = s->out->n_marks;
    dp_script_add_mark(
        s, ctx,
        (struct dp_pdf_mark){.kind = DP_PDF_SHAPE,
                             .free = p->free && (area < BOX_FILL * w * h || p->reach > CORNER * fmin(w, h)),
                             .filled = filled,
                             .x0 = (float)x0,
                             .y0 = (float)y0,
                             .x1 = (float)x1,
                             .y1 = (float)y1});
    s->out->n_shapes += s->out->n_marks - before;
}

void dp_script_add_shapes(struct script *s, const struct script_context *ctx, bool filled)
{
    const double width = filled ? 0 : ctx->line_width * hypot(ctx->ctm.xx, ctx->ctm.yx);
    struct part part = {.area = 0};
    if (ctx->source.solid && ctx->source.unseen)
        return;
    for (size_t i = 0; i < ctx->n_path && !s->failed; i++) {
        const struct script_point p = ctx->path[i];
        if (i == 0 || p.kind == 'm') {
            if (i > 0)
                end(s, ctx, &part, width, filled);
            begin(&part, p);
        } else {
            step(&part, p.kind == 'h' ? part.start : p);
        }
    }
    if (ctx->n_path > 1)
        end(s, ctx, &part, width, filled);
}
