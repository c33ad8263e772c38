/* SPDX-License-Identifier: Apache-2.0 */
/* The detector against another engine's boxes on the golden pages: from that engine's own probability maps
 * (post-processing alone) and from the pages' pixels (the whole detector). Needs the network and ../shared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/compact/detector.h"
#include "engine/compact/models_private.h"
#include "tests/support/png_page.h"
#include "tests/support/shared_files.h"

#define PAGES 3

struct golden {
    struct b_image page, map;
    json_t *root, *lines;
};

struct setting {
    struct eng_models *models;
    struct golden pages[PAGES];
};

static struct eng_point point_of(const json_t *p)
{
    return (struct eng_point){(float)json_number_value(json_array_get(p, 0)),
                              (float)json_number_value(json_array_get(p, 1))};
}

static void quad_of(const json_t *line, struct eng_point quad[4])
{
    for (size_t i = 0; i < 4; i++)
        quad[i] = point_of(json_array_get(json_object_get(line, "quad"), i));
}

static double area_of(const struct eng_point *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const struct eng_point a = p[i], b = p[(i + 1) % n];
        sum += (double)a.x * (double)b.y - (double)b.x * (double)a.y;
    }
    return sum / 2;
}

/* The part of a polygon on the right of a -> b, where y grows downward and corners go clockwise. */
static size_t clip_side(const struct eng_point *in, size_t n, struct eng_point a, struct eng_point b,
                        struct eng_point *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const struct eng_point p = in[i], q = in[(i + 1) % n];
        const float dp = (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
        const float dq = (b.x - a.x) * (q.y - a.y) - (b.y - a.y) * (q.x - a.x);
        if (dp >= 0)
            out[m++] = p;
        if ((dp > 0 && dq < 0) || (dp < 0 && dq > 0)) {
            const float t = dp / (dp - dq);
            out[m++] = (struct eng_point){p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)};
        }
    }
    return m;
}

static double iou(const struct eng_point a[4], const struct eng_point b[4])
{
    struct eng_point buffers[2][16];
    size_t n = 4;
    memcpy(buffers[0], a, 4 * sizeof *a);
    for (size_t i = 0; i < 4; i++)
        n = clip_side(buffers[i % 2], n, b[i], b[(i + 1) % 4], buffers[(i + 1) % 2]);
    const double common = n >= 3 ? area_of(buffers[0], n) : 0;
    return common / (area_of(a, 4) + area_of(b, 4) - common);
}

/* The strip that overlaps most with a box of the reference. */
static const struct eng_strip *closest(const struct eng_strip_list *list, const struct eng_point quad[4], double *best)
{
    const struct eng_strip *found = NULL;
    *best = -1;
    for (size_t i = 0; i < list->count; i++) {
        const double overlap = iou(list->strips[i].quad, quad);
        if (overlap > *best) {
            *best = overlap;
            found = &list->strips[i];
        }
    }
    return found;
}

static double corner_distance(const struct eng_strip *strip, const struct eng_point quad[4])
{
    double most = 0;
    for (size_t i = 0; i < 4; i++)
        most = fmax(most, fmax(fabs((double)strip->quad[i].x - (double)quad[i].x),
                               fabs((double)strip->quad[i].y - (double)quad[i].y)));
    return most;
}

/* The reference's map in 8 bits gives the reference's boxes, all of them and one other: the lone "I" of page c,
 * whose pixels score well but whose rectangle does not. */
static void maps_give_the_reference_boxes(void **state)
{
    struct setting *s = *state;
    double sum = 0;
    size_t n = 0;
    for (int p = 0; p < PAGES; p++) {
        const struct golden *g = &s->pages[p];
        const size_t pixels = (size_t)g->map.width * (size_t)g->map.height;
        float *prob = malloc(pixels * sizeof *prob);
        struct eng_strip_list list;
        assert_non_null(prob);
        for (size_t i = 0; i < pixels; i++)
            prob[i] = (float)g->map.pixels[3 * i] / 255.0f;
        assert_int_equal(
            eng_strips_from_map(prob, g->map.width, g->map.height, g->page.width, g->page.height, NULL, &list, NULL),
            B_OK);
        free(prob);
        size_t i;
        const json_t *line;
        json_array_foreach(g->lines, i, line)
        {
            struct eng_point quad[4];
            double overlap;
            quad_of(line, quad);
            const struct eng_strip *strip = closest(&list, quad, &overlap);
            assert_non_null(strip);
            const double away = corner_distance(strip, quad);
            if (away > 2.0)
                print_message("page %c line %zu: %.1f pixels, overlap %.3f\n", 'a' + p, i, away, overlap);
            assert_true(away <= 2.0);
            sum += away;
            n++;
        }
        assert_int_equal(list.count, json_array_size(g->lines) + (p == 2));
        eng_strip_list_free(&list);
    }
    print_message("%zu boxes, mean of the largest corner differences %.2f pixels\n", n, sum / (double)n);
    assert_int_equal(n, 75);
}

static void find(struct eng_detector *detector, const struct b_image *page, struct eng_strip_list *list)
{
    struct b_err err = {.code = B_OK};
    if (eng_detector_find(detector, b_image_view_of(page), NULL, list, NULL, &err) != B_OK)
        fail_msg("%s", err.message);
}

/* From the pixels, with our resampling and scale: every box of the reference, overlapping by 0.9 or more. */
static void pages_give_the_reference_boxes(void **state)
{
    struct setting *s = *state;
    struct eng_detector *detector = NULL;
    assert_int_equal(eng_detector_new(s->models->detector, 2, &detector, NULL), B_OK);
    for (int p = 0; p < PAGES; p++) {
        const struct golden *g = &s->pages[p];
        struct eng_strip_list list;
        find(detector, &g->page, &list);
        size_t i, bad = 0;
        const json_t *line;
        json_array_foreach(g->lines, i, line)
        {
            struct eng_point quad[4];
            double overlap;
            quad_of(line, quad);
            const struct eng_strip *strip = closest(&list, quad, &overlap);
            assert_non_null(strip);
            if (overlap < 0.9)
                print_message("page %c: %s: overlap %.3f\n", 'a' + p, json_string_value(json_object_get(line, "text")),
                              overlap);
            bad += overlap < 0.9;
        }
        assert_int_equal(bad, 0);
        assert_int_equal(list.count, json_array_size(g->lines) + (p == 2));
        eng_strip_list_free(&list);
    }
    eng_detector_drop(detector);
}

/* Same bytes for any number of threads, and for a second run on the same detector. */
static void threads_change_nothing(void **state)
{
    struct setting *s = *state;
    struct eng_strip_list lists[3];
    for (int i = 0; i < 2; i++) {
        struct eng_detector *detector = NULL;
        assert_int_equal(eng_detector_new(s->models->detector, i + 1, &detector, NULL), B_OK);
        find(detector, &s->pages[2].page, &lists[i]);
        if (i == 1)
            find(detector, &s->pages[2].page, &lists[2]);
        eng_detector_drop(detector);
    }
    for (int i = 1; i < 3; i++) {
        assert_int_equal(lists[i].count, lists[0].count);
        assert_memory_equal(lists[i].strips, lists[0].strips, lists[0].count * sizeof *lists[0].strips);
        eng_strip_list_free(&lists[i]);
    }
    eng_strip_list_free(&lists[0]);
}

static void odd_pages_are_looked_at(void **state)
{
    struct setting *s = *state;
    static const int sizes[][2] = {{1, 1}, {3, 2}, {4000, 2}, {2, 4000}, {33, 700}};
    struct eng_detector *detector = NULL;
    assert_int_equal(eng_detector_new(s->models->detector, 1, &detector, NULL), B_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            struct b_image page;
            struct eng_strip_list list;
            assert_int_equal(b_image_new(sizes[i][0], sizes[i][1], channels, UINT64_C(1) << 20, &page, NULL), B_OK);
            memset(page.pixels, 200, (size_t)(channels * page.width) * (size_t)page.height);
            find(detector, &page, &list);
            assert_int_equal(list.count, 0);
            eng_strip_list_free(&list);
            b_image_free(&page);
        }
    struct eng_strip_list list;
    const struct b_image_view none = {.pixels = NULL};
    assert_int_equal(eng_detector_find(detector, none, NULL, &list, NULL, NULL), B_ARGUMENT);
    assert_null(list.strips);
    eng_detector_drop(detector);
}

static void load_golden(char name, struct golden *out)
{
    char file[64];
    (void)snprintf(file, sizeof file, "golden-compact/page_%c.png", name);
    assert_int_equal(t_png_page(t_shared(file), &out->page, NULL), B_OK);
    (void)snprintf(file, sizeof file, "golden-compact/page_%c_prob.png", name);
    assert_int_equal(t_png_page(t_shared(file), &out->map, NULL), B_OK);
    (void)snprintf(file, sizeof file, "golden-compact/page_%c.json", name);
    out->root = json_load_file(t_shared(file), 0, NULL);
    assert_non_null(out->root);
    out->lines = json_object_get(out->root, "lines");
}

static int set_up(void **state)
{
    struct setting *s = calloc(1, sizeof *s);
    struct b_err err = {.code = B_OK};
    if (!s)
        return -1;
    if (eng_models_load(getenv("DOCPARSE_MODELS"), &s->models, &err) != B_OK) {
        print_message("%s\n", err.message);
        return -1;
    }
    for (int i = 0; i < PAGES; i++)
        load_golden((char)('a' + i), &s->pages[i]);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *s = *state;
    for (int i = 0; i < PAGES; i++) {
        b_image_free(&s->pages[i].page);
        b_image_free(&s->pages[i].map);
        json_decref(s->pages[i].root);
    }
    eng_models_drop(s->models);
    free(s);
    return 0;
}

int main(void)
{
    t_need_shared("golden-compact/page_a.json");
    t_need_model("PP-OCRv6_det_small.onnx");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_give_the_reference_boxes),
        cmocka_unit_test(pages_give_the_reference_boxes),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(odd_pages_are_looked_at),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
