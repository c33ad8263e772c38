/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_JSON_READ_H
#define ENGINE_QWEN25VL_JSON_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Private to this folder: jansson with bounds. A reader keeps its first failure, so that a caller may read all
 * fields and look at code once. */

/* Largest texts parsed: published config files have 2 kB, an index or a header of weights 0.5 MB, tokenizer.json 7 to
 * 11 MB. A tree takes many times its text, hence no more than needed. */
#define QJ_MAX_CONFIG ((size_t)1 << 20)
#define QJ_MAX_HEADER ((size_t)8 << 20)
#define QJ_MAX_TOKENIZER ((size_t)16 << 20)
/* Objects and arrays of one text, each of which takes some 230 bytes: the published tokenizer.json has 151,000. */
#define QJ_MAX_NESTS ((size_t)1 << 20)

/* Parses an object (strings may hold NUL); *out is owned by the caller (json_decref), NULL on failure. */
enum b_code qj_parse(const char *text, size_t size, size_t max, const char *what, json_t **out,
                     struct b_err *err) B_MUST_CHECK;
/* The same, refusing a key that stands twice in an object. */
enum b_code qj_parse_strict(const char *text, size_t size, size_t max, const char *what, json_t **out,
                            struct b_err *err) B_MUST_CHECK;
/* File `name` of a folder. B_NOT_FOUND when it is not there. */
enum b_code qj_load(const char *dir, const char *name, size_t max, json_t **out, struct b_err *err) B_MUST_CHECK;
/* dir/name in path[cap]. */
enum b_code qj_path(const char *dir, const char *name, char *path, size_t cap, struct b_err *err) B_MUST_CHECK;
enum { QJ_PATH_MAX = 4096 };

struct qj_reader {
    const json_t *object;   /* looked at first; may be NULL */
    const json_t *fallback; /* looked at second; may be NULL */
    const char *where;      /* for messages: "config.json" */
    struct b_err *err;
    enum b_code code;
};

/* The value under key, or NULL where it is missing or null. */
const json_t *qj_find(const struct qj_reader *r, const char *key);

/* Marks a field that must be there. */
#define QJ_REQUIRED INT64_MIN
/* Number in [low, high], else the reader fails; fallback where the key is missing. Returns low after a failure,
 * so that what follows stays in bounds. */
int64_t qj_int(struct qj_reader *r, const char *key, int64_t low, int64_t high, int64_t fallback);
double qj_real(struct qj_reader *r, const char *key, double low, double high, double fallback);
bool qj_bool(struct qj_reader *r, const char *key, bool fallback);
/* Text under key, or NULL. Borrowed from the tree. Another type is a failure. */
const char *qj_text(struct qj_reader *r, const char *key);
/* Object or array under key, or NULL. */
const json_t *qj_object(struct qj_reader *r, const char *key);
const json_t *qj_array(struct qj_reader *r, const char *key);
void qj_fail(struct qj_reader *r, enum b_code code, const char *fmt, ...) B_PRINTF(3, 4);

#endif
