/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema to grammar. Every text of the grammar is accepted by the schema; where the schema leaves things open
 * (members nobody named, white space, spellings of a number) the grammar takes one way. A keyword that would narrow the
 * values further than the grammar does is refused, never ignored. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/grammar_private.h"
#include "engine/qwen25vl/json_read.h"

#define DOMAIN "schema"
#define MAX_DEPTH 64
#define MAX_SCHEMAS 4096
#define MAX_MEMBERS 256
#define MAX_TIMES 65536
#define MAX_LISTED 1024 /* whole numbers between two bounds, written out */
#define MAX_INDENT 40

struct known {
    const json_t *schema;
    uint32_t rule;
};

struct reader {
    struct gr_builder b;
    json_t *root;
    struct known known[MAX_SCHEMAS];
    size_t n_known;
    uint32_t space, gap, letter, any, string, integer, natural, number, positive; /* rules; 0: not made yet */
};

static uint32_t value_rule(struct reader *r, const json_t *schema, int depth);

static uint32_t rule_elem(uint32_t rule)
{
    return GR_ELEM(GR_RULE, rule);
}

static void put_text(struct reader *r, struct gr_seq *seq, const char *text)
{
    gmr_put_bytes(&r->b, seq, text, strlen(text));
}

static uint32_t class_of(struct reader *r, const char *ranges)
{
    struct gr_range list[8];
    size_t n = 0;
    for (; ranges[2 * n]; n++)
        list[n] = (struct gr_range){(unsigned char)ranges[2 * n], (unsigned char)ranges[2 * n + 1]};
    return gmr_class(&r->b, list, n, false);
}

/* --- what all documents are made of --- */

/* Nothing, a space, or a line break with an indent. */
static uint32_t space_rule(struct reader *r)
{
    if (!r->space) {
        struct gr_seq none = {0}, one = {0}, line = {0};
        r->space = gmr_new_rule(&r->b);
        gmr_alternative(&r->b, r->space, &none);
        put_text(r, &one, " ");
        gmr_alternative(&r->b, r->space, &one);
        put_text(r, &line, "\n");
        gmr_put_repeat(&r->b, &line, class_of(r, "  \t\t"), 0, MAX_INDENT);
        gmr_alternative(&r->b, r->space, &line);
    }
    return rule_elem(r->space);
}

/* Behind a colon: nothing or a space. */
static uint32_t gap_rule(struct reader *r)
{
    if (!r->gap) {
        struct gr_seq none = {0}, one = {0};
        r->gap = gmr_new_rule(&r->b);
        gmr_alternative(&r->b, r->gap, &none);
        put_text(r, &one, " ");
        gmr_alternative(&r->b, r->gap, &one);
    }
    return rule_elem(r->gap);
}

/* One character of a string: itself, a short escape, or \uXXXX that is no half of a pair. */
static uint32_t letter_rule(struct reader *r)
{
    static const struct gr_range not_plain[] = {{0, 0x1f}, {'"', '"'}, {'\\', '\\'}};
    if (r->letter)
        return rule_elem(r->letter);
    struct gr_seq plain = {0}, escape = {0}, code = {0}, d_code = {0};
    r->letter = gmr_new_rule(&r->b);
    gmr_put(&r->b, &plain, gmr_class(&r->b, not_plain, 3, true));
    gmr_alternative(&r->b, r->letter, &plain);
    put_text(r, &escape, "\\");
    gmr_put(&r->b, &escape, class_of(r, "\"\"\\\\//bbffnnrrtt"));
    gmr_alternative(&r->b, r->letter, &escape);
    const uint32_t hex = class_of(r, "09afAF");
    put_text(r, &code, "\\u");
    gmr_put(&r->b, &code, class_of(r, "09acefACEF"));
    gmr_put_repeat(&r->b, &code, hex, 3, 3);
    gmr_alternative(&r->b, r->letter, &code);
    put_text(r, &d_code, "\\u");
    gmr_put(&r->b, &d_code, class_of(r, "ddDD"));
    gmr_put(&r->b, &d_code, class_of(r, "07"));
    gmr_put_repeat(&r->b, &d_code, hex, 2, 2);
    gmr_alternative(&r->b, r->letter, &d_code);
    return rule_elem(r->letter);
}

static uint32_t string_rule(struct reader *r, int64_t min, int64_t max)
{
    if (min == 0 && max < 0 && r->string)
        return rule_elem(r->string);
    struct gr_seq seq = {0};
    const uint32_t rule = gmr_new_rule(&r->b);
    put_text(r, &seq, "\"");
    gmr_put_repeat(&r->b, &seq, letter_rule(r), min, max);
    put_text(r, &seq, "\"");
    gmr_alternative(&r->b, rule, &seq);
    if (min == 0 && max < 0)
        r->string = rule;
    return rule_elem(rule);
}

/* Up to 18 digits, so that any reader's 64-bit integers hold it. */
static uint32_t digits_rule(struct reader *r)
{
    if (!r->natural) {
        struct gr_seq zero = {0}, other = {0};
        r->natural = gmr_new_rule(&r->b);
        put_text(r, &zero, "0");
        gmr_alternative(&r->b, r->natural, &zero);
        gmr_put(&r->b, &other, class_of(r, "19"));
        gmr_put_repeat(&r->b, &other, class_of(r, "09"), 0, 17);
        gmr_alternative(&r->b, r->natural, &other);
    }
    return rule_elem(r->natural);
}

static uint32_t integer_rule(struct reader *r, bool sign)
{
    if (!sign)
        return digits_rule(r);
    if (!r->integer) {
        struct gr_seq plain = {0}, minus = {0};
        r->integer = gmr_new_rule(&r->b);
        gmr_put(&r->b, &plain, digits_rule(r));
        gmr_alternative(&r->b, r->integer, &plain);
        put_text(r, &minus, "-");
        gmr_put(&r->b, &minus, digits_rule(r));
        gmr_alternative(&r->b, r->integer, &minus);
    }
    return rule_elem(r->integer);
}

static uint32_t number_rule(struct reader *r, bool sign)
{
    uint32_t *rule = sign ? &r->number : &r->positive;
    if (*rule)
        return rule_elem(*rule);
    struct gr_seq seq = {0}, part = {0}, power = {0};
    const uint32_t fraction = gmr_new_rule(&r->b), exponent = gmr_new_rule(&r->b), digit = class_of(r, "09");
    *rule = gmr_new_rule(&r->b);
    put_text(r, &part, ".");
    gmr_put_repeat(&r->b, &part, digit, 1, 17);
    gmr_alternative(&r->b, fraction, &part);
    gmr_put(&r->b, &power, class_of(r, "eeEE"));
    gmr_put_repeat(&r->b, &power, class_of(r, "++--"), 0, 1);
    gmr_put_repeat(&r->b, &power, digit, 1, 2);
    gmr_alternative(&r->b, exponent, &power);
    gmr_put(&r->b, &seq, integer_rule(r, sign));
    gmr_put_repeat(&r->b, &seq, rule_elem(fraction), 0, 1);
    gmr_put_repeat(&r->b, &seq, rule_elem(exponent), 0, 1);
    gmr_alternative(&r->b, *rule, &seq);
    return rule_elem(*rule);
}

/* A comma and one more element. */
static uint32_t comma_rule(struct reader *r, uint32_t elem)
{
    struct gr_seq seq = {0};
    const uint32_t rule = gmr_new_rule(&r->b);
    put_text(r, &seq, ",");
    gmr_put(&r->b, &seq, space_rule(r));
    gmr_put(&r->b, &seq, elem);
    gmr_alternative(&r->b, rule, &seq);
    return rule_elem(rule);
}

/* open, elements between min and max, close. */
static uint32_t list_rule(struct reader *r, const char *open, uint32_t elem, const char *close, int64_t min,
                          int64_t max)
{
    const uint32_t rule = gmr_new_rule(&r->b);
    struct gr_seq none = {0}, some = {0};
    if (min == 0) {
        put_text(r, &none, open);
        put_text(r, &none, close);
        gmr_alternative(&r->b, rule, &none);
    }
    if (max != 0) {
        put_text(r, &some, open);
        gmr_put(&r->b, &some, space_rule(r));
        gmr_put(&r->b, &some, elem);
        gmr_put_repeat(&r->b, &some, comma_rule(r, elem), min > 1 ? min - 1 : 0, max < 0 ? -1 : max - 1);
        gmr_put(&r->b, &some, space_rule(r));
        put_text(r, &some, close);
        gmr_alternative(&r->b, rule, &some);
    }
    return rule_elem(rule);
}

/* A member of any name. */
static uint32_t pair_rule(struct reader *r, uint32_t value)
{
    struct gr_seq seq = {0};
    const uint32_t rule = gmr_new_rule(&r->b);
    gmr_put(&r->b, &seq, string_rule(r, 0, -1));
    put_text(r, &seq, ":");
    gmr_put(&r->b, &seq, gap_rule(r));
    gmr_put(&r->b, &seq, value);
    gmr_alternative(&r->b, rule, &seq);
    return rule_elem(rule);
}

static void one_of(struct reader *r, uint32_t rule, uint32_t elem)
{
    struct gr_seq seq = {0};
    gmr_put(&r->b, &seq, elem);
    gmr_alternative(&r->b, rule, &seq);
}

static uint32_t word_rule(struct reader *r, const char *text)
{
    struct gr_seq seq = {0};
    const uint32_t rule = gmr_new_rule(&r->b);
    put_text(r, &seq, text);
    gmr_alternative(&r->b, rule, &seq);
    return rule_elem(rule);
}

static uint32_t any_rule(struct reader *r)
{
    if (!r->any) {
        r->any = gmr_new_rule(&r->b);
        const uint32_t any = rule_elem(r->any);
        one_of(r, r->any, string_rule(r, 0, -1));
        one_of(r, r->any, number_rule(r, true));
        one_of(r, r->any, word_rule(r, "true"));
        one_of(r, r->any, word_rule(r, "false"));
        one_of(r, r->any, word_rule(r, "null"));
        one_of(r, r->any, list_rule(r, "[", any, "]", 0, -1));
        one_of(r, r->any, list_rule(r, "{", pair_rule(r, any), "}", 0, -1));
    }
    return rule_elem(r->any);
}

/* --- keywords --- */

static const char *const describing[] = {"title",     "description", "default", "examples",    "example",    "$schema",
                                         "$id",       "$comment",    "$defs",   "definitions", "deprecated", "readOnly",
                                         "writeOnly", "format",      "$anchor", NULL};
static const char *const of_object[] = {"properties", "required", "additionalProperties", NULL};
static const char *const of_array[] = {"items", "prefixItems", "minItems", "maxItems", NULL};
static const char *const of_string[] = {"minLength", "maxLength", NULL};
static const char *const of_number[] = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", NULL};

static bool in_list(const char *const *list, const char *word)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

/* Refuses keywords other than `first`, `second` and those that only describe; all typed ones pass with typed. */
static void check_keys(struct reader *r, const json_t *schema, const char *first, const char *second, bool typed)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)schema, key, value)
    {
        if ((first && strcmp(key, first) == 0) || (second && strcmp(key, second) == 0) || in_list(describing, key))
            continue;
        if (typed &&
            (in_list(of_object, key) || in_list(of_array, key) || in_list(of_string, key) || in_list(of_number, key)))
            continue;
        if (strcmp(key, "uniqueItems") == 0 && json_is_false(value))
            continue;
        gmr_fail(&r->b, B_UNSUPPORTED, "the schema's keyword \"%.60s\" cannot be held here", key);
    }
}

static int64_t count_of(struct reader *r, const json_t *schema, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(schema, key);
    if (!value)
        return fallback;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > MAX_TIMES) {
        gmr_fail(&r->b, B_FORMAT, "%s is not a whole number from 0 to %d", key, MAX_TIMES);
        return 0;
    }
    return json_integer_value(value);
}

static bool has_any(const json_t *schema, const char *const *keys)
{
    for (; *keys; keys++)
        if (json_object_get(schema, *keys))
            return true;
    return false;
}

/* --- objects --- */

static bool is_required(const json_t *required, const char *name)
{
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *text = json_string_value(json_array_get(required, i));
        if (text && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

static void put_json(struct reader *r, struct gr_seq *seq, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!text)
        gmr_fail(&r->b, B_NO_MEMORY, "no memory for a value of the schema");
    else
        put_text(r, seq, text);
    free(text);
}

static uint32_t member_rule(struct reader *r, const char *name, const json_t *schema, int depth)
{
    struct gr_seq seq = {0};
    json_t *key = json_string(name);
    const uint32_t rule = gmr_new_rule(&r->b);
    put_json(r, &seq, key);
    put_text(r, &seq, ":");
    gmr_put(&r->b, &seq, gap_rule(r));
    gmr_put(&r->b, &seq, schema ? value_rule(r, schema, depth + 1) : any_rule(r));
    gmr_alternative(&r->b, rule, &seq);
    json_decref(key);
    return rule_elem(rule);
}

/* Members from place i on, as two chains: `first` where none was written yet, `more` where one was. */
struct chains {
    uint32_t first, more;
    bool first_possible; /* an object may begin with none of them: all the rest is optional */
};

static void chain_member(struct reader *r, uint32_t member, bool required, struct chains *c)
{
    struct gr_seq begin = {0}, go_on = {0}, skip_first = {0}, skip_more = {0};
    const uint32_t first = gmr_new_rule(&r->b), more = gmr_new_rule(&r->b);
    gmr_put(&r->b, &begin, member);
    gmr_put(&r->b, &begin, rule_elem(c->more));
    gmr_alternative(&r->b, first, &begin);
    gmr_put(&r->b, &go_on, comma_rule(r, member));
    gmr_put(&r->b, &go_on, rule_elem(c->more));
    gmr_alternative(&r->b, more, &go_on);
    if (!required) {
        gmr_put(&r->b, &skip_more, rule_elem(c->more));
        gmr_alternative(&r->b, more, &skip_more);
        if (c->first) {
            gmr_put(&r->b, &skip_first, rule_elem(c->first));
            gmr_alternative(&r->b, first, &skip_first);
        }
    }
    c->first_possible = c->first_possible && !required;
    c->first = first;
    c->more = more;
}

static uint32_t fixed_object(struct reader *r, json_t *properties, const json_t *required, int depth)
{
    const struct gr_seq nothing = {0};
    struct chains c = {.more = gmr_new_rule(&r->b), .first_possible = true};
    const char *names[MAX_MEMBERS], *name;
    const json_t *schemas[MAX_MEMBERS];
    size_t n = 0;
    json_t *schema;
    gmr_alternative(&r->b, c.more, &nothing);
    json_object_foreach(properties, name, schema)
    {
        if (n == MAX_MEMBERS) {
            gmr_fail(&r->b, B_LIMIT, "an object has more than %d members", MAX_MEMBERS);
            return 0;
        }
        names[n] = name;
        schemas[n++] = schema;
    }
    for (size_t i = 0; i < json_array_size(required); i++) {
        name = json_string_value(json_array_get(required, i));
        if (!name || n == MAX_MEMBERS)
            gmr_fail(&r->b, B_FORMAT, "required is not a list of names");
        else if (!json_object_get(properties, name)) {
            names[n] = name;
            schemas[n++] = NULL;
        }
    }
    for (size_t i = n; i-- > 0 && !r->b.code;)
        chain_member(r, member_rule(r, names[i], schemas[i], depth), is_required(required, names[i]), &c);
    const uint32_t rule = gmr_new_rule(&r->b);
    struct gr_seq some = {0};
    if (c.first) {
        put_text(r, &some, "{");
        gmr_put(&r->b, &some, space_rule(r));
        gmr_put(&r->b, &some, rule_elem(c.first));
        gmr_put(&r->b, &some, space_rule(r));
        put_text(r, &some, "}");
        gmr_alternative(&r->b, rule, &some);
    }
    if (c.first_possible)
        one_of(r, rule, word_rule(r, "{}"));
    return rule_elem(rule);
}

static uint32_t object_rule(struct reader *r, const json_t *schema, int depth)
{
    json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required"),
                 *more = json_object_get(schema, "additionalProperties");
    if ((properties && !json_is_object(properties)) || (required && !json_is_array(required)))
        gmr_fail(&r->b, B_FORMAT, "properties is no object, or required no list");
    if (json_object_size(properties) || json_array_size(required))
        return fixed_object(r, properties, required, depth);
    if (json_is_false(more))
        return word_rule(r, "{}");
    const uint32_t value = json_is_object(more) ? value_rule(r, more, depth + 1) : any_rule(r);
    return list_rule(r, "{", pair_rule(r, value), "}", 0, -1);
}

/* --- arrays, strings, numbers --- */

static uint32_t array_rule(struct reader *r, const json_t *schema, int depth)
{
    const json_t *prefix = json_object_get(schema, "prefixItems"), *items = json_object_get(schema, "items");
    const int64_t min = count_of(r, schema, "minItems", 0), max = count_of(r, schema, "maxItems", -1);
    const int64_t n = (int64_t)json_array_size(prefix);
    const bool closed = json_is_false(items);
    if ((max >= 0 && (max < min || max < n)) || (closed && min > n) || json_is_array(items)) {
        gmr_fail(&r->b, B_UNSUPPORTED, "an array's bounds and items leave no array, or none that is written here");
        return 0;
    }
    const uint32_t elem = closed ? 0 : items ? value_rule(r, items, depth + 1) : any_rule(r);
    if (n == 0)
        return closed ? word_rule(r, "[]") : list_rule(r, "[", elem, "]", min, max);
    const uint32_t rule = gmr_new_rule(&r->b);
    struct gr_seq seq = {0};
    put_text(r, &seq, "[");
    gmr_put(&r->b, &seq, space_rule(r));
    for (size_t i = 0; i < (size_t)n && !r->b.code; i++) {
        const uint32_t one = value_rule(r, json_array_get(prefix, i), depth + 1);
        gmr_put(&r->b, &seq, i ? comma_rule(r, one) : one);
    }
    if (!closed)
        gmr_put_repeat(&r->b, &seq, comma_rule(r, elem), min > n ? min - n : 0, max < 0 ? -1 : max - n);
    gmr_put(&r->b, &seq, space_rule(r));
    put_text(r, &seq, "]");
    gmr_alternative(&r->b, rule, &seq);
    return rule_elem(rule);
}

/* A bound as the smallest or largest whole number it admits. */
static void take_bound(struct reader *r, const json_t *schema, const char *key, int sign, bool exclusive, bool *given,
                       double *bound)
{
    const json_t *value = json_object_get(schema, key);
    if (!value)
        return;
    double number = json_number_value(value);
    if (!json_is_number(value) || fabs(number) > 1e15) {
        gmr_fail(&r->b, B_FORMAT, "%s is not a number from -1e15 to 1e15", key);
        return;
    }
    number = sign > 0 ? ceil(number) + (exclusive && ceil(number) == number)
                      : floor(number) - (exclusive && floor(number) == number);
    if (!*given || (sign > 0 ? number > *bound : number < *bound))
        *bound = number;
    *given = true;
}

static uint32_t numeric_rule(struct reader *r, const json_t *schema, bool whole)
{
    bool low_given = false, high_given = false;
    double low = 0, high = 0;
    take_bound(r, schema, "minimum", 1, false, &low_given, &low);
    take_bound(r, schema, "exclusiveMinimum", 1, true, &low_given, &low);
    take_bound(r, schema, "maximum", -1, false, &high_given, &high);
    take_bound(r, schema, "exclusiveMaximum", -1, true, &high_given, &high);
    if (!low_given && !high_given)
        return whole ? integer_rule(r, true) : number_rule(r, true);
    const bool natural = !high_given && low == 0 && !json_object_get(schema, "exclusiveMinimum");
    if (natural)
        return whole ? integer_rule(r, false) : number_rule(r, false);
    if (!whole || !low_given || !high_given || high < low || high - low >= MAX_LISTED) {
        gmr_fail(&r->b, B_UNSUPPORTED, "numbers can be held to minimum 0, or whole ones to a range of up to %d",
                 MAX_LISTED);
        return 0;
    }
    const uint32_t rule = gmr_new_rule(&r->b);
    for (double x = low; x <= high && !r->b.code; x++) {
        struct gr_seq seq = {0};
        json_t *value = json_integer((json_int_t)x);
        put_json(r, &seq, value);
        gmr_alternative(&r->b, rule, &seq);
        json_decref(value);
    }
    return rule_elem(rule);
}

static uint32_t typed_rule(struct reader *r, const char *type, const json_t *schema, int depth)
{
    if (strcmp(type, "object") == 0)
        return object_rule(r, schema, depth);
    if (strcmp(type, "array") == 0)
        return array_rule(r, schema, depth);
    if (strcmp(type, "string") == 0) {
        const int64_t min = count_of(r, schema, "minLength", 0), max = count_of(r, schema, "maxLength", -1);
        if (max >= 0 && max < min)
            gmr_fail(&r->b, B_UNSUPPORTED, "no text is as long as minLength and as short as maxLength");
        return r->b.code ? 0 : string_rule(r, min, max);
    }
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
        return numeric_rule(r, schema, *type == 'i');
    if (strcmp(type, "null") == 0)
        return word_rule(r, "null");
    if (strcmp(type, "boolean") == 0) {
        const uint32_t rule = gmr_new_rule(&r->b);
        one_of(r, rule, word_rule(r, "true"));
        one_of(r, rule, word_rule(r, "false"));
        return rule_elem(rule);
    }
    gmr_fail(&r->b, B_FORMAT, "\"%.40s\" is no type", type);
    return 0;
}

/* --- schemas --- */

static bool has_type(const json_t *value, const char *type)
{
    return strcmp(type, "object") == 0    ? json_is_object(value)
           : strcmp(type, "array") == 0   ? json_is_array(value)
           : strcmp(type, "string") == 0  ? json_is_string(value)
           : strcmp(type, "integer") == 0 ? json_is_integer(value)
           : strcmp(type, "number") == 0  ? json_is_number(value)
           : strcmp(type, "boolean") == 0 ? json_is_boolean(value)
           : strcmp(type, "null") == 0    ? json_is_null(value)
                                          : false;
}

static bool fits_type(const json_t *value, const json_t *type)
{
    if (!type)
        return true;
    if (json_is_string(type))
        return has_type(value, json_string_value(type));
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *text = json_string_value(json_array_get(type, i));
        if (text && has_type(value, text))
            return true;
    }
    return false;
}

static uint32_t enum_rule(struct reader *r, const json_t *schema, const json_t *list, const json_t *only)
{
    const json_t *type = json_object_get(schema, "type");
    const uint32_t rule = gmr_new_rule(&r->b);
    size_t n = 0;
    for (size_t i = 0; i < (only ? 1 : json_array_size(list)) && !r->b.code; i++) {
        const json_t *value = only ? only : json_array_get(list, i);
        struct gr_seq seq = {0};
        if (!fits_type(value, type))
            continue;
        put_json(r, &seq, value);
        gmr_alternative(&r->b, rule, &seq);
        n++;
    }
    if (n == 0)
        gmr_fail(&r->b, B_FORMAT, "enum or const leaves no value");
    return rule_elem(rule);
}

/* Branches of oneOf must not overlap, which is known of different types only. */
static void check_apart(struct reader *r, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *a = json_string_value(json_object_get(json_array_get(list, i), "type"));
        for (size_t k = 0; k < i; k++) {
            const char *b = json_string_value(json_object_get(json_array_get(list, k), "type"));
            const bool apart =
                a && b && strcmp(a, b) != 0 &&
                !(strchr("in", *a) && strchr("in", *b) && strcmp(a, "null") != 0 && strcmp(b, "null") != 0);
            if (!apart) {
                gmr_fail(&r->b, B_UNSUPPORTED, "branches of oneOf are not of different types: use anyOf");
                return;
            }
        }
    }
}

static uint32_t branches_rule(struct reader *r, const json_t *list, int depth)
{
    const uint32_t rule = gmr_new_rule(&r->b);
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > MAX_MEMBERS)
        gmr_fail(&r->b, B_FORMAT, "anyOf or oneOf is no list of schemas");
    for (size_t i = 0; i < json_array_size(list) && !r->b.code; i++)
        one_of(r, rule, value_rule(r, json_array_get(list, i), depth + 1));
    return rule_elem(rule);
}

/* "#/$defs/name" and the like; names may hold ~0, ~1. */
static const json_t *follow(struct reader *r, const char *ref)
{
    const json_t *at = r->root;
    if (*ref != '#') {
        gmr_fail(&r->b, B_UNSUPPORTED, "$ref \"%.60s\" leads out of the schema", ref);
        return NULL;
    }
    for (ref++; *ref && at;) {
        char name[256];
        size_t n = 0;
        if (*ref++ != '/')
            at = NULL;
        for (; *ref && *ref != '/' && n + 1 < sizeof name; ref++) {
            name[n++] = *ref;
            if (*ref == '~' && (ref[1] == '0' || ref[1] == '1'))
                name[n - 1] = *++ref == '0' ? '~' : '/';
        }
        name[n] = '\0';
        at = json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10)) : json_object_get(at, name);
    }
    if (!at)
        gmr_fail(&r->b, B_FORMAT, "a $ref leads nowhere");
    return at;
}

static const char *implied_type(const json_t *schema)
{
    return has_any(schema, of_object)   ? "object"
           : has_any(schema, of_array)  ? "array"
           : has_any(schema, of_string) ? "string"
           : has_any(schema, of_number) ? "number"
                                        : NULL;
}

static uint32_t types_rule(struct reader *r, const json_t *schema, int depth)
{
    const json_t *type = json_object_get(schema, "type");
    check_keys(r, schema, "type", NULL, true);
    if (!type) {
        const char *implied = implied_type(schema);
        return implied ? typed_rule(r, implied, schema, depth) : any_rule(r);
    }
    if (json_is_string(type))
        return typed_rule(r, json_string_value(type), schema, depth);
    const uint32_t rule = gmr_new_rule(&r->b);
    for (size_t i = 0; i < json_array_size(type) && !r->b.code; i++) {
        const char *text = json_string_value(json_array_get(type, i));
        one_of(r, rule, typed_rule(r, text ? text : "", schema, depth));
    }
    if (json_array_size(type) == 0 || json_array_size(type) > 7)
        gmr_fail(&r->b, B_FORMAT, "type is no list of types");
    return rule_elem(rule);
}

static uint32_t schema_rule(struct reader *r, const json_t *schema, int depth)
{
    static const char *const branches[] = {"anyOf", "oneOf"};
    const json_t *value;
    if ((value = json_object_get(schema, "$ref")) != NULL) {
        check_keys(r, schema, "$ref", NULL, false);
        const json_t *target = json_is_string(value) ? follow(r, json_string_value(value)) : NULL;
        if (!target)
            gmr_fail(&r->b, B_FORMAT, "$ref is no text");
        return target ? value_rule(r, target, depth + 1) : 0;
    }
    for (size_t i = 0; i < 2; i++) {
        if ((value = json_object_get(schema, branches[i])) == NULL)
            continue;
        check_keys(r, schema, branches[i], NULL, false);
        if (i == 1)
            check_apart(r, value);
        return branches_rule(r, value, depth);
    }
    if ((value = json_object_get(schema, "enum")) != NULL) {
        check_keys(r, schema, "enum", "type", false);
        return enum_rule(r, schema, value, NULL);
    }
    if ((value = json_object_get(schema, "const")) != NULL) {
        check_keys(r, schema, "const", "type", false);
        return enum_rule(r, schema, NULL, value);
    }
    return types_rule(r, schema, depth);
}

/* Element for a schema; each is read once, so that a schema may refer to itself. */
static uint32_t value_rule(struct reader *r, const json_t *schema, int depth)
{
    if (r->b.code)
        return 0;
    for (size_t i = 0; i < r->n_known; i++)
        if (r->known[i].schema == schema)
            return rule_elem(r->known[i].rule);
    if (json_is_true(schema))
        return any_rule(r);
    if (!json_is_object(schema) || depth > MAX_DEPTH || r->n_known == MAX_SCHEMAS) {
        gmr_fail(&r->b, json_is_object(schema) ? B_LIMIT : B_FORMAT, "%s",
                 json_is_object(schema) ? "the schema is nested too deeply or too large" : "a schema is no object");
        return 0;
    }
    const uint32_t rule = gmr_new_rule(&r->b);
    r->known[r->n_known++] = (struct known){schema, rule};
    one_of(r, rule, schema_rule(r, schema, depth));
    return rule_elem(rule);
}

enum b_code eng_grammar_from_schema(const char *schema, size_t len, struct eng_grammar **out, struct b_err *err)
{
    *out = NULL;
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory to read a schema");
    enum b_code code = qj_parse(schema, len, QJ_MAX_CONFIG, "the schema", &r->root, err);
    if (!code)
        code = gmr_begin(&r->b, err);
    if (!code) {
        one_of(r, 0, value_rule(r, r->root, 0));
        code = gmr_finish(&r->b, out);
    }
    json_decref(r->root);
    free(r);
    return code;
}
