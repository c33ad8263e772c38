/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of JSON files with bounds on size and values. Invariant: after the first failure a reader's code and
 * message do not change, and numbers it returns are inside the range that was asked for. */
#include "engine/qwen25vl/json_read.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/file.h"

#define DOMAIN "checkpoint"

/* Opening brackets, those inside texts too: there are few. */
static size_t count_nests(const char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += text[i] == '[' || text[i] == '{';
    return n;
}

static enum b_code parse(const char *text, size_t size, size_t max, size_t flags, const char *what, json_t **out,
                         struct b_err *err)
{
    json_error_t why;
    *out = NULL;
    if (size > max)
        return b_fail(err, B_LIMIT, DOMAIN, "%s has more than %zu bytes", what, max);
    if (count_nests(text, size) > QJ_MAX_NESTS)
        return b_fail(err, B_LIMIT, DOMAIN, "%s has more than %zu objects and arrays", what, QJ_MAX_NESTS);
    *out = json_loadb(text, size, flags, &why);
    if (!*out)
        return b_fail(err, json_error_code(&why) == json_error_out_of_memory ? B_NO_MEMORY : B_FORMAT, DOMAIN,
                      "%s, line %d: %s", what, why.line, why.text);
    if (json_is_object(*out))
        return B_OK;
    json_decref(*out);
    *out = NULL;
    return b_fail(err, B_FORMAT, DOMAIN, "%s does not hold a JSON object", what);
}

enum b_code qj_parse(const char *text, size_t size, size_t max, const char *what, json_t **out, struct b_err *err)
{
    return parse(text, size, max, JSON_ALLOW_NUL, what, out, err);
}

enum b_code qj_parse_strict(const char *text, size_t size, size_t max, const char *what, json_t **out,
                            struct b_err *err)
{
    return parse(text, size, max, JSON_REJECT_DUPLICATES, what, out, err);
}

enum b_code qj_path(const char *dir, const char *name, char *path, size_t cap, struct b_err *err)
{
    const int n = snprintf(path, cap, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= cap)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the path of the checkpoint is too long");
    return B_OK;
}

enum b_code qj_load(const char *dir, const char *name, size_t max, json_t **out, struct b_err *err)
{
    char path[QJ_PATH_MAX];
    struct b_bytes bytes;
    *out = NULL;
    enum b_code code = qj_path(dir, name, path, sizeof path, err);
    if (code)
        return code;
    code = b_bytes_map(path, max, &bytes, err);
    if (!code)
        code = qj_parse((const char *)bytes.data, bytes.size, max, path, out, err);
    b_bytes_close(&bytes);
    return code;
}

void qj_fail(struct qj_reader *r, enum b_code code, const char *fmt, ...)
{
    if (r->code)
        return;
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->code = b_fail(r->err, code, DOMAIN, "%s: %s", r->where, text);
}

const json_t *qj_find(const struct qj_reader *r, const char *key)
{
    const json_t *value = json_object_get(r->object, key);
    if (!value || json_is_null(value))
        value = json_object_get(r->fallback, key);
    return value && json_is_null(value) ? NULL : value;
}

int64_t qj_int(struct qj_reader *r, const char *key, int64_t low, int64_t high, int64_t fallback)
{
    const json_t *value = qj_find(r, key);
    if (!value && fallback != QJ_REQUIRED)
        return fallback;
    if (!value) {
        qj_fail(r, B_FORMAT, "%s is missing", key);
        return low;
    }
    int64_t number = low;
    bool whole = json_is_integer(value);
    if (whole) {
        number = json_integer_value(value);
    } else if (json_is_real(value)) {
        const double real = json_real_value(value);
        whole = real == floor(real) && fabs(real) < 9.0e15;
        number = whole ? (int64_t)real : low;
    }
    if (!whole || number < low || number > high) {
        qj_fail(r, B_FORMAT, "%s is not a whole number from %lld to %lld", key, (long long)low, (long long)high);
        return low;
    }
    return number;
}

double qj_real(struct qj_reader *r, const char *key, double low, double high, double fallback)
{
    const json_t *value = qj_find(r, key);
    if (!value)
        return fallback;
    const double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= low && number <= high)) {
        qj_fail(r, B_FORMAT, "%s is not a number from %g to %g", key, low, high);
        return low;
    }
    return number;
}

bool qj_bool(struct qj_reader *r, const char *key, bool fallback)
{
    const json_t *value = qj_find(r, key);
    if (!value)
        return fallback;
    if (!json_is_boolean(value))
        qj_fail(r, B_FORMAT, "%s is neither true nor false", key);
    return json_is_true(value);
}

const char *qj_text(struct qj_reader *r, const char *key)
{
    const json_t *value = qj_find(r, key);
    if (value && !json_is_string(value))
        qj_fail(r, B_FORMAT, "%s is not a text", key);
    return json_string_value(value);
}

const json_t *qj_object(struct qj_reader *r, const char *key)
{
    const json_t *value = qj_find(r, key);
    if (value && !json_is_object(value)) {
        qj_fail(r, B_FORMAT, "%s is not an object", key);
        return NULL;
    }
    return value;
}

const json_t *qj_array(struct qj_reader *r, const char *key)
{
    const json_t *value = qj_find(r, key);
    if (value && !json_is_array(value)) {
        qj_fail(r, B_FORMAT, "%s is not an array", key);
        return NULL;
    }
    return value;
}
