/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a located answer as messages. The answer was held to dp_ask_locate_schema, but is read as if it had not
 * been: a model's numbers are never trusted to lie on the page. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "service/rpc/ask_run.h"
#include "service/rpc/client.h"
#include "service/rpc/message_json.h"

#define DOMAIN "ask"
#define PLACES_BYTES ((size_t)64 << 20)

struct scale {
    double x, y;
    float width, height;
};

static float cut(double value, float most)
{
    return value > 0 ? (value < (double)most ? (float)value : most) : 0;
}

/* numbers[n] of an array in pixels of the page: x, y, x, y... */
static bool read_numbers(const json_t *array, const struct scale *s, size_t n, float *numbers)
{
    if (!json_is_array(array) || json_array_size(array) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(array, i);
        const double value = json_number_value(item);
        if (!json_is_number(item) || !isfinite(value))
            return false;
        numbers[i] = i % 2 ? cut(value * s->y, s->height) : cut(value * s->x, s->width);
    }
    return true;
}

static enum b_code put_shape(const json_t *item, const struct scale *s, struct b_arena *arena,
                             Docparse__V1__Location *out, struct b_err *err)
{
    float n[4];
    const json_t *box = json_object_get(item, "bbox_2d");
    if (read_numbers(box ? box : json_object_get(item, "bbox"), s, 4, n)) {
        out->box = b_arena_alloc(arena, sizeof *out->box, 16);
        if (!out->box)
            return b_arena_refused(arena, DOMAIN, err);
        docparse__v1__box__init(out->box);
        out->box->x0 = fminf(n[0], n[2]);
        out->box->y0 = fminf(n[1], n[3]);
        out->box->x1 = fmaxf(n[0], n[2]);
        out->box->y1 = fmaxf(n[1], n[3]);
        return B_OK;
    }
    if (!read_numbers(json_object_get(item, "point_2d"), s, 2, n))
        return b_fail(err, B_FORMAT, DOMAIN, "the model's answer has an object with neither a box nor a point");
    out->point = b_arena_alloc(arena, sizeof *out->point, 16);
    if (!out->point)
        return b_arena_refused(arena, DOMAIN, err);
    docparse__v1__point__init(out->point);
    out->point->x = n[0];
    out->point->y = n[1];
    return B_OK;
}

static enum b_code put_places(const json_t *list, const struct scale *s, int32_t page, struct b_arena *arena,
                              Docparse__V1__Location ***out, size_t *count, struct b_err *err)
{
    const size_t n = json_array_size(list);
    Docparse__V1__Location *items = B_ARENA_ARRAY(arena, n, Docparse__V1__Location);
    Docparse__V1__Location **pointers = B_ARENA_ARRAY(arena, n, Docparse__V1__Location *);
    if (!items || !pointers)
        return b_arena_refused(arena, DOMAIN, err);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        const char *label = json_string_value(json_object_get(item, "label"));
        docparse__v1__location__init(&items[i]);
        items[i].label = b_arena_text(arena, label ? label : "", label ? strlen(label) : 0);
        items[i].page = page;
        if (!items[i].label)
            return b_arena_refused(arena, DOMAIN, err);
        const enum b_code code = put_shape(item, s, arena, &items[i], err);
        if (code != B_OK)
            return code;
        pointers[i] = &items[i];
    }
    *out = pointers;
    *count = n;
    return B_OK;
}

enum b_code svc_ask_places(const struct svc_ask_result *r, int32_t page, struct b_arena *arena,
                           Docparse__V1__Location ***out, size_t *count, struct b_err *err)
{
    const struct dp_answer *a = &r->answer;
    const struct scale s = {.x = a->frames[0].width > 0 ? (double)r->width / a->frames[0].width : 0,
                            .y = a->frames[0].height > 0 ? (double)r->height / a->frames[0].height : 0,
                            .width = (float)r->width,
                            .height = (float)r->height};
    size_t size = 0;
    const char *text = dp_answer_json(a->text.data, a->text.len, &size);
    json_t *list = text ? json_loadb(text, size, 0, NULL) : NULL;
    const enum b_code code = json_is_array(list)
                                 ? put_places(list, &s, page, arena, out, count, err)
                                 : b_fail(err, B_FORMAT, DOMAIN, "the model's answer is no list of places");
    json_decref(list);
    return code;
}

enum b_code svc_locate_json(const struct dp_answer *answer, int width, int height, int32_t number, char **out,
                            struct b_err *err)
{
    const struct svc_ask_result result = {.answer = *answer, .width = width, .height = height}; /* borrows */
    Docparse__V1__LocateResponse message = DOCPARSE__V1__LOCATE_RESPONSE__INIT;
    struct b_arena *arena = b_arena_new(PLACES_BYTES);
    *out = NULL;
    enum b_code code = arena ? svc_ask_places(&result, number, arena, &message.locations, &message.n_locations, err)
                             : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    message.confidence = answer->confidence;
    message.width = width;
    message.height = height;
    if (code == B_OK)
        code = svc_message_json(&message.base, out, err);
    b_arena_drop(arena);
    return code;
}
