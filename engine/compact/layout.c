/* SPDX-License-Identifier: Apache-2.0 */
/* Layout network: the page stretched to 608x800, four levels of grid cells, each with ten class scores and the
 * distances to the four sides as distributions over eight bins; then suppression of doubles class by class. */
#include "engine/compact/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/compact/net_input.h"

#define NET_W 608
#define NET_H 800
#define LEVELS 4
#define BINS 8
#define PER_LEVEL 1000 /* grid cells kept of a level */
#define PER_CLASS 200  /* candidates of a class */
#define KEPT_PER_CLASS 100
#define DOUBLE_OVERLAP 0.5f
#define DEFAULT_SCORE 0.5f

struct eng_layout {
    struct eng_runner *runner;
};

/* One grid cell above the threshold in some class. */
struct candidate {
    const float *scores;
    float box[4], best;
    int index; /* in the order of the levels: ties keep it */
};

const char *eng_layout_class_name(enum eng_layout_class class_of)
{
    static const char *const names[] = {"text",          "title",  "figure", "figure_caption", "table",
                                        "table_caption", "header", "footer", "reference",      "equation"};
    return class_of < ENG_LAYOUT_CLASSES ? names[class_of] : "unknown";
}

enum b_code eng_layout_new(const struct eng_graph *graph, int threads, struct eng_layout **out, struct b_err *err)
{
    struct eng_layout *layout = calloc(1, sizeof *layout);
    struct eng_runner_options options = {.threads = threads, .max_plans = 1};
    *out = NULL;
    if (!layout)
        return b_fail(err, B_NO_MEMORY, "layout", "out of memory");
    enum b_code code = eng_runner_new(graph, &options, &layout->runner, err);
    if (code != B_OK) {
        free(layout);
        return code;
    }
    *out = layout;
    return B_OK;
}

void eng_layout_drop(struct eng_layout *layout)
{
    if (!layout)
        return;
    eng_runner_drop(layout->runner);
    free(layout);
}

/* Expectation of a distribution given as logits over the bins. */
static float expectation(const float *logits)
{
    float most = logits[0], total = 0, sum = 0;
    for (int i = 1; i < BINS; i++)
        most = fmaxf(most, logits[i]);
    for (int i = 0; i < BINS; i++) {
        float p = expf(logits[i] - most);
        total += p;
        sum += p * (float)i;
    }
    return sum / total;
}

static int by_best(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->best > y->best || x->best < y->best)
        return x->best > y->best ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Fills candidates of one level, best first, at most PER_LEVEL; boxes in network pixels. */
static size_t read_level(const struct eng_tensor *scores, const struct eng_tensor *sides, int stride, float min_score,
                         struct candidate *out, size_t room)
{
    int wide = (NET_W + stride - 1) / stride, cells = (int)scores->dims[1];
    size_t n = 0;
    for (int i = 0; i < cells && n < room; i++) {
        const float *s = scores->data + (size_t)i * ENG_LAYOUT_CLASSES;
        float best = 0;
        for (int c = 0; c < ENG_LAYOUT_CLASSES; c++)
            best = fmaxf(best, s[c]);
        if (!(best > min_score))
            continue;
        const float *d = sides->data + (size_t)i * 4 * BINS;
        float x = ((float)(i % wide) + 0.5f) * (float)stride, y = ((float)(i / wide) + 0.5f) * (float)stride;
        out[n++] = (struct candidate){s,
                                      {x - expectation(d) * (float)stride, y - expectation(d + BINS) * (float)stride,
                                       x + expectation(d + 2 * BINS) * (float)stride,
                                       y + expectation(d + 3 * BINS) * (float)stride},
                                      best,
                                      i};
    }
    if (n)
        qsort(out, n, sizeof *out, by_best);
    return n < PER_LEVEL ? n : PER_LEVEL;
}

static float overlap(const float *a, const float *b)
{
    float w = fminf(a[2], b[2]) - fmaxf(a[0], b[0]), h = fminf(a[3], b[3]) - fmaxf(a[1], b[1]);
    if (w <= 0 || h <= 0)
        return 0;
    float both = w * h, all = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both;
    return both / (all + 1e-5f);
}

struct scored {
    float score;
    size_t candidate;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score > y->score || x->score < y->score)
        return x->score > y->score ? -1 : 1;
    return x->candidate < y->candidate ? -1 : x->candidate > y->candidate;
}

static float inside(float value, float most)
{
    return fminf(fmaxf(value, 0), most);
}

static void keep_class(const struct candidate *all, size_t n, int class_of, float min_score, struct scored *order,
                       float scale_x, float scale_y, struct eng_layout_regions *out)
{
    size_t count = 0, kept = 0;
    size_t chosen[KEPT_PER_CLASS];
    for (size_t i = 0; i < n; i++)
        if (all[i].scores[class_of] > min_score)
            order[count++] = (struct scored){all[i].scores[class_of], i};
    if (count)
        qsort(order, count, sizeof *order, by_score);
    for (size_t i = 0; i < count && i < PER_CLASS && kept < KEPT_PER_CLASS; i++) {
        const float *box = all[order[i].candidate].box;
        bool doubled = false;
        for (size_t k = 0; k < kept && !doubled; k++)
            doubled = overlap(box, all[chosen[k]].box) > DOUBLE_OVERLAP;
        if (doubled)
            continue;
        chosen[kept++] = order[i].candidate;
        out->at[out->n++] = (struct eng_region){(enum eng_layout_class)class_of, order[i].score,
                                                inside(box[0], NET_W) * scale_x, inside(box[1], NET_H) * scale_y,
                                                inside(box[2], NET_W) * scale_x, inside(box[3], NET_H) * scale_y};
    }
}

/* Regions of different classes at the same place: the one with the higher score stays. */
static void drop_doubles(struct eng_layout_regions *out, float limit)
{
    bool gone[ENG_LAYOUT_MAX_REGIONS] = {false};
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++)
        for (size_t k = 0; k < out->n && !gone[i]; k++) {
            const struct eng_region *a = &out->at[i], *b = &out->at[k];
            const float box_a[4] = {a->x0, a->y0, a->x1, a->y1}, box_b[4] = {b->x0, b->y0, b->x1, b->y1};
            bool better = b->score > a->score || (!(b->score < a->score) && k < i);
            gone[i] = k != i && better && !gone[k] && overlap(box_a, box_b) > limit;
        }
    for (size_t i = 0; i < out->n; i++)
        if (!gone[i])
            out->at[n++] = out->at[i];
    out->n = n;
}

static enum b_code check_shapes(const struct eng_tensor outputs[8], struct b_err *err)
{
    for (int l = 0; l < LEVELS; l++) {
        int stride = 8 << l, cells = ((NET_W + stride - 1) / stride) * ((NET_H + stride - 1) / stride);
        const struct eng_tensor *s = &outputs[l], *d = &outputs[LEVELS + l];
        if (s->n_dims != 3 || d->n_dims != 3 || s->dims[1] != cells || d->dims[1] != cells ||
            s->dims[2] != ENG_LAYOUT_CLASSES || d->dims[2] != 4 * BINS)
            return b_fail(err, B_FORMAT, "layout", "level %d of the layout network has an unknown shape", l);
    }
    return B_OK;
}

enum b_code eng_layout_decode(const struct eng_tensor outputs[8], int page_w, int page_h,
                              const struct eng_layout_options *options, struct eng_layout_regions *out,
                              struct b_err *err)
{
    float min_score = options && options->min_score > 0 ? options->min_score : DEFAULT_SCORE;
    out->n = 0;
    enum b_code code = check_shapes(outputs, err);
    if (code != B_OK)
        return code;
    size_t room = 0, n = 0;
    for (int l = 0; l < LEVELS; l++)
        room += (size_t)outputs[l].dims[1];
    struct candidate *all = calloc(room, sizeof *all);
    struct scored *order = calloc(room, sizeof *order);
    if (all && order) {
        for (int l = 0; l < LEVELS; l++)
            n += read_level(&outputs[l], &outputs[LEVELS + l], 8 << l, min_score, all + n, room - n);
        for (int c = 0; c < ENG_LAYOUT_CLASSES; c++)
            keep_class(all, n, c, min_score, order, (float)page_w / NET_W, (float)page_h / NET_H, out);
        if (options && options->same_overlap > 0)
            drop_doubles(out, options->same_overlap);
    } else {
        code = b_fail(err, B_NO_MEMORY, "layout", "out of memory");
    }
    free(all);
    free(order);
    return code;
}

enum b_code eng_layout_find(struct eng_layout *layout, struct b_image_view page,
                            const struct eng_layout_options *options, struct eng_layout_regions *out,
                            struct b_cancel *cancel, struct b_err *err)
{
    const int64_t dims[4] = {1, 3, NET_H, NET_W};
    struct eng_tensor outputs[ENG_MAX_OUTPUTS];
    float *input;
    out->n = 0;
    enum b_code code = eng_runner_input(layout->runner, dims, &input, err);
    if (code == B_OK)
        code = eng_net_fill(page, NET_W, NET_H, NET_W, NET_H, input, err);
    if (code == B_OK)
        code = eng_runner_run(layout->runner, outputs, cancel, err);
    if (code == B_OK)
        code = eng_layout_decode(outputs, page.width, page.height, options, out, err);
    eng_runner_rest(layout->runner);
    return code;
}
