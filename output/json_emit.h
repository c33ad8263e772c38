/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_JSON_EMIT_H
#define OUTPUT_JSON_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"

/* Writes JSON token by token into a buffer: commas, indentation and escaping are its work, the nesting is the
 * caller's. key is NULL inside arrays. Numbers have a fixed number of decimals, so the bytes are the
 * same everywhere. */
struct out_json {
    struct b_buf *buf;
    bool pretty;
    bool need_comma; /* something was written in the innermost open array or object */
    int depth;
    int flat; /* > 0: inside a value that is kept on one line even when pretty */
};

void out_json_open_object(struct out_json *json, const char *key);
void out_json_close_object(struct out_json *json);
void out_json_open_array(struct out_json *json, const char *key);
void out_json_close_array(struct out_json *json);

void out_json_text(struct out_json *json, const char *key, const char *value);
void out_json_textn(struct out_json *json, const char *key, const char *value, size_t len);
void out_json_int(struct out_json *json, const char *key, int64_t value);
void out_json_number(struct out_json *json, const char *key, double value, int decimals);
void out_json_bool(struct out_json *json, const char *key, bool value);

#endif
