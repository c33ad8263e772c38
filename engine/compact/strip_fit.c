/* SPDX-License-Identifier: Apache-2.0 */
/* Rectangle and centre line of one line of text. The rectangle is the minimum-area rectangle of the pixel
 * squares (the reference dilates by one pixel and takes the contour's pixel centres: the same figure). The
 * centre line is a polynomial fitted to the middles of the pixel columns by reweighted least squares, so
 * that punctuation, accents and frayed ends do not pull it. */
#include "engine/compact/strip_fit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNCLIP_RATIO 1.6       /* compact-models.md 2.3, step 5 */
#define HEIGHTS_PER_DEGREE 6.0 /* pages-in-the-wild.md 2 */
#define REWEIGHTINGS 4
#define HUBER_FLOOR 0.25    /* pixels: the map's own quantisation */
#define DEGREE_GAIN 0.9     /* a higher degree must lower the error to this share... */
#define DEGREE_FLOOR 0.02   /* ...or the error is below this share of the thickness: keep the lower */
#define EDGE_PERCENTILE 0.9 /* of the columns' edges: the enclosing rectangle without spikes */
#define MAX_COLUMNS ((size_t)1 << 20)
#define TERMS (ENG_STRIP_DEGREE + 1)

void eng_fit_space_free(struct eng_fit_space *space)
{
    free(space->values);
    memset(space, 0, sizeof *space);
}

static enum b_code reserve(struct eng_fit_space *space, size_t values, struct b_err *err)
{
    if (values <= space->capacity)
        return B_OK;
    size_t capacity = values + values / 2;
    double *grown = realloc(space->values, capacity * sizeof *grown);
    if (!grown)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory to fit a line of %zu columns", values);
    space->values = grown;
    space->capacity = capacity;
    return B_OK;
}

double eng_unclip_distance(double width, double height)
{
    double half_perimeter = width + height;
    return half_perimeter > 0.0 ? width * height * UNCLIP_RATIO / (2.0 * half_perimeter) : 0.0;
}

/* Second moments in closed form: sum over a run of x and x^2. */
static void moments(const struct eng_run *runs, size_t n, double aspect, struct eng_piece *p)
{
    double area = 0, sum = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    for (size_t i = 0; i < n; i++) {
        double len = runs[i].x1 - runs[i].x0, mid = 0.5 * (runs[i].x0 + runs[i].x1), y = (runs[i].y + 0.5) * aspect;
        area += len;
        sum += (double)runs[i].sum;
        sx += len * mid;
        sy += len * y;
        sxx += len * (mid * mid + (len * len - 1.0) / 12.0);
        sxy += len * mid * y;
        syy += len * y * y;
    }
    p->area = area * aspect;
    p->score = sum / area;
    p->mean = (struct eng_dpoint){sx / area, sy / area};
    double cxx = sxx / area - p->mean.x * p->mean.x, cyy = syy / area - p->mean.y * p->mean.y;
    double cxy = sxy / area - p->mean.x * p->mean.y;
    double angle = 0.5 * atan2(2.0 * cxy, cxx - cyy);
    p->axis = (struct eng_dpoint){cos(angle), sin(angle)};
}

static double cross(struct eng_dpoint o, struct eng_dpoint a, struct eng_dpoint b)
{
    return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

/* Appends p to a hull side that keeps turning the way of `sign`. */
static size_t hull_push(struct eng_dpoint *side, size_t n, struct eng_dpoint p, double sign)
{
    while (n >= 2 && sign * cross(side[n - 2], side[n - 1], p) <= 0.0)
        n--;
    side[n] = p;
    return n + 1;
}

/* Convex hull of the pixel squares of runs sorted by y: left side downwards, then right side upwards. */
static size_t convex_hull(const struct eng_run *runs, size_t n, double aspect, struct eng_dpoint *left,
                          struct eng_dpoint *right)
{
    size_t nl = 0, nr = 0;
    for (size_t i = 0; i < n;) {
        size_t last = i;
        while (last + 1 < n && runs[last + 1].y == runs[i].y)
            last++;
        for (int edge = 0; edge < 2; edge++) {
            double y = (runs[i].y + edge) * aspect;
            nl = hull_push(left, nl, (struct eng_dpoint){runs[i].x0, y}, -1.0);
            nr = hull_push(right, nr, (struct eng_dpoint){runs[last].x1, y}, 1.0);
        }
        i = last + 1;
    }
    while (nr > 0)
        left[nl++] = right[--nr];
    return nl;
}

/* Minimum-area rectangle: one side lies along a side of the hull. */
static void min_area_rectangle(const struct eng_dpoint *hull, size_t n, struct eng_piece *p)
{
    double best = DBL_MAX;
    for (size_t i = 0; i < n; i++) {
        struct eng_dpoint a = hull[i], b = hull[(i + 1) % n];
        double norm = hypot(b.x - a.x, b.y - a.y);
        if (norm <= 0.0)
            continue;
        double ex = (b.x - a.x) / norm, ey = (b.y - a.y) / norm;
        double u_min = DBL_MAX, u_max = -DBL_MAX, v_min = DBL_MAX, v_max = -DBL_MAX;
        for (size_t j = 0; j < n; j++) {
            double u = hull[j].x * ex + hull[j].y * ey, v = hull[j].y * ex - hull[j].x * ey;
            u_min = fmin(u_min, u);
            u_max = fmax(u_max, u);
            v_min = fmin(v_min, v);
            v_max = fmax(v_max, v);
        }
        double w = u_max - u_min, h = v_max - v_min;
        if (w * h >= best)
            continue;
        best = w * h;
        p->flipped = w < h;
        p->along = p->flipped ? (struct eng_dpoint){-ey, ex} : (struct eng_dpoint){ex, ey};
        p->length = p->flipped ? h : w;
        p->thickness = p->flipped ? w : h;
        p->corner = (struct eng_dpoint){u_min * ex - v_min * ey, u_min * ey + v_min * ex};
    }
}

enum b_code eng_piece_measure(const struct eng_run *runs, size_t n_runs, double aspect, struct eng_fit_space *space,
                              struct eng_piece *out, struct b_err *err)
{
    memset(out, 0, sizeof *out);
    if (n_runs == 0)
        return b_fail(err, B_INTERNAL, "detector", "a component without pixels");
    out->runs = runs;
    out->n_runs = n_runs;
    moments(runs, n_runs, aspect, out);
    /* Each row gives at most two points a side; the left list also takes the right one. */
    size_t rows = (size_t)(runs[n_runs - 1].y - runs[0].y) + 1, points = 2 * rows + 2;
    enum b_code code = reserve(space, points * 3 * 2, err);
    if (code != B_OK)
        return code;
    struct eng_dpoint *left = (struct eng_dpoint *)(void *)space->values, *right = left + points * 2;
    size_t n = convex_hull(runs, n_runs, aspect, left, right);
    min_area_rectangle(left, n, out);
    return B_OK;
}

/* Columns of one pixel width across the axis. */
struct columns {
    size_t n;
    double u_min;
    double *count, *sum, *lo, *hi, *weight, *sorted;
};

static void frame_extent(const struct eng_piece *p, struct eng_dpoint axis, double aspect, double *u_min, double *u_max)
{
    *u_min = DBL_MAX;
    *u_max = -DBL_MAX;
    for (size_t i = 0; i < p->n_runs; i++) {
        double y = ((p->runs[i].y + 0.5) * aspect - p->mean.y) * axis.y;
        double a = (p->runs[i].x0 + 0.5 - p->mean.x) * axis.x + y;
        double b = (p->runs[i].x1 - 0.5 - p->mean.x) * axis.x + y;
        *u_min = fmin(*u_min, fmin(a, b));
        *u_max = fmax(*u_max, fmax(a, b));
    }
}

static void fill_columns(const struct eng_piece *p, struct eng_dpoint axis, double aspect, struct columns *c)
{
    for (size_t i = 0; i < c->n; i++) {
        c->count[i] = c->sum[i] = 0.0;
        c->lo[i] = DBL_MAX;
        c->hi[i] = -DBL_MAX;
    }
    for (size_t i = 0; i < p->n_runs; i++) {
        double dy = (p->runs[i].y + 0.5) * aspect - p->mean.y;
        for (int x = p->runs[i].x0; x < p->runs[i].x1; x++) {
            double dx = x + 0.5 - p->mean.x;
            double u = dx * axis.x + dy * axis.y, v = dy * axis.x - dx * axis.y;
            double at = u - c->u_min;
            size_t k = at > 0.0 ? (size_t)at : 0;
            k = k < c->n ? k : c->n - 1;
            c->count[k] += 1.0;
            c->sum[k] += v;
            c->lo[k] = fmin(c->lo[k], v);
            c->hi[k] = fmax(c->hi[k], v);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Value at `share` of the sorted list. */
static double percentile(double *values, size_t n, double share)
{
    if (n == 0)
        return 0.0;
    qsort(values, n, sizeof *values, by_value);
    size_t at = (size_t)((double)(n - 1) * share + 0.5);
    return values[at < n ? at : n - 1];
}

/* Solves the symmetric positive definite system a x = b of n terms in place; false when singular. */
static bool solve(double a[TERMS][TERMS], double b[TERMS], int n)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            double s = a[i][j];
            for (int k = 0; k < j; k++)
                s -= a[i][k] * a[j][k];
            if (i == j) {
                if (s <= 1e-9)
                    return false;
                a[i][i] = sqrt(s);
            } else {
                a[i][j] = s / a[j][j];
            }
        }
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
    return true;
}

static double poly(const double *coef, int degree, double t)
{
    double v = 0.0;
    for (int i = degree; i >= 0; i--)
        v = v * t + coef[i];
    return v;
}

static double column_t(const struct columns *c, size_t i, const struct eng_line_fit *fit)
{
    double mid = 0.5 * (fit->u0 + fit->u1), half = 0.5 * (fit->u1 - fit->u0);
    return (c->u_min + (double)i + 0.5 - mid) / half;
}

/* Weighted least squares of one degree; *error gets the weighted mean absolute residual. */
static bool fit_degree(const struct columns *c, const struct eng_line_fit *fit, int degree, double coef[TERMS],
                       double *error)
{
    double scale = DBL_MAX;
    memset(coef, 0, sizeof(double) * TERMS);
    for (int round = 0; round < REWEIGHTINGS; round++) {
        double a[TERMS][TERMS] = {{0}}, b[TERMS] = {0}, spread = 0.0, total = 0.0;
        for (size_t i = 0; i < c->n; i++) {
            if (c->weight[i] <= 0.0)
                continue;
            double t = column_t(c, i, fit), y = c->sum[i] / c->count[i];
            double r = fabs(y - poly(coef, degree, t));
            double w = c->weight[i] * (r > scale ? scale / r : 1.0);
            double basis[TERMS];
            basis[0] = 1.0;
            for (int k = 1; k <= degree; k++)
                basis[k] = basis[k - 1] * t;
            for (int k = 0; k <= degree; k++) {
                b[k] += w * y * basis[k];
                for (int m = 0; m <= k; m++)
                    a[k][m] += w * basis[k] * basis[m];
            }
        }
        if (!solve(a, b, degree + 1))
            return false;
        memcpy(coef, b, sizeof(double) * TERMS);
        for (size_t i = 0; i < c->n; i++) {
            if (c->weight[i] <= 0.0)
                continue;
            double r = fabs(c->sum[i] / c->count[i] - poly(coef, degree, column_t(c, i, fit)));
            spread += c->weight[i] * r;
            total += c->weight[i];
        }
        *error = total > 0.0 ? spread / total : 0.0;
        scale = fmax(HUBER_FLOOR, 1.5 * *error);
    }
    return true;
}

/* The lowest degree that is as good as the highest one allowed. */
static void fit_centre(const struct columns *c, double thickness, struct eng_line_fit *fit)
{
    double length = fit->u1 - fit->u0, coef[TERMS];
    int highest = (int)fmin(ENG_STRIP_DEGREE, floor(length / (HEIGHTS_PER_DEGREE * fmax(thickness, 1.0))));
    double error[TERMS] = {0}, all[TERMS][TERMS] = {{0}};
    int top = -1;
    for (int d = 0; d <= highest; d++) {
        if (!fit_degree(c, fit, d, coef, &error[d]))
            break;
        memcpy(all[d], coef, sizeof coef);
        top = d;
    }
    fit->degree = 0;
    if (top < 0)
        return;
    int chosen = 0;
    double enough = fmax(DEGREE_FLOOR * thickness, error[top] / DEGREE_GAIN);
    while (chosen < top && error[chosen] > enough)
        chosen++;
    fit->degree = chosen;
    fit->residual = error[chosen];
    memcpy(fit->coef, all[chosen], sizeof fit->coef);
}

/* Thickness between the 90th percentiles of the upper and the lower edges; recentres the line. */
static void fit_height(struct columns *c, double pixel, struct eng_line_fit *fit)
{
    double edge[2];
    for (int side = 0; side < 2; side++) {
        size_t n = 0;
        for (size_t i = 0; i < c->n; i++) {
            if (c->count[i] <= 0.0)
                continue;
            double centre = poly(fit->coef, fit->degree, column_t(c, i, fit));
            c->sorted[n++] = side ? c->hi[i] - centre : centre - c->lo[i];
        }
        edge[side] = percentile(c->sorted, n, EDGE_PERCENTILE) + pixel;
    }
    fit->height = fmax(edge[0] + edge[1], 1.0);
    fit->coef[0] += 0.5 * (edge[1] - edge[0]);
}

/* How solid the columns are: more than one line in a component leaves gaps or doubles the thickness. */
static void judge_columns(struct columns *c, double solid, struct eng_line_fit *fit)
{
    size_t n = 0, gaps = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->count[i] <= 0.0)
            continue;
        /* Columns of a slanted frame hold one pixel more or less than their height. */
        gaps += (c->hi[i] - c->lo[i]) * solid + 1.0 > c->count[i] * 1.25 + 2.0;
        c->sorted[n++] = c->count[i];
    }
    double median = percentile(c->sorted, n, 0.5), high = percentile(c->sorted, n, 0.95);
    fit->thickest = median > 0.0 ? high / median : 1.0;
    fit->gap_share = n > 0 ? (double)gaps / (double)n : 0.0;
    for (size_t i = 0; i < c->n; i++)
        c->weight[i] = fmin(c->count[i], 1.5 * median);
}

enum b_code eng_piece_fit(const struct eng_piece *piece, struct eng_dpoint axis, double aspect,
                          struct eng_fit_space *space, struct eng_line_fit *out, struct b_err *err)
{
    double u_min = 0.0, u_max = 0.0;
    memset(out, 0, sizeof *out);
    frame_extent(piece, axis, aspect, &u_min, &u_max);
    double half_u = 0.5 * (fabs(axis.x) + fabs(axis.y) * aspect);
    double half_v = 0.5 * (fabs(axis.y) + fabs(axis.x) * aspect);
    out->origin = piece->mean;
    out->axis = axis;
    out->u0 = u_min - half_u;
    out->u1 = u_max + half_u;
    size_t n = (size_t)(out->u1 - out->u0) + 1;
    if (n > MAX_COLUMNS)
        return b_fail(err, B_LIMIT, "detector", "a line of %zu columns", n);
    enum b_code code = reserve(space, n * 6, err);
    if (code != B_OK)
        return code;
    double *v = space->values;
    struct columns c = {n, out->u0, v, v + n, v + 2 * n, v + 3 * n, v + 4 * n, v + 5 * n};
    fill_columns(piece, axis, aspect, &c);
    judge_columns(&c, 1.0 / fmax(aspect, 1e-6), out);
    fit_centre(&c, piece->area / (out->u1 - out->u0), out);
    fit_height(&c, half_v, out);
    return B_OK;
}
