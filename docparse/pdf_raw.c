/* SPDX-License-Identifier: Apache-2.0 */
/* A small reader of PDF syntax for what Poppler's GLib interface keeps to itself. It looks for objects by their
 * "N G obj" headers, as repair tools do, and never trusts an offset of the file. Invariant: every function gets
 * [at, end) and reads nothing outside; nothing recurses. */
#include "docparse/pdf_raw.h"

#include <stdlib.h>
#include <string.h>

#define TAIL_BYTES 1024           /* where readers look for startxref */
#define HEAD_BYTES 1024           /* where they look for the header */
#define OBJECT_NUMBER_MAX 8388607 /* ISO 32000-1, annex C */
#define REFERENCE_BYTES 64        /* "N G R" with its white space */
#define TREE_DEPTH_MAX 64
#define DICTIONARY_BYTES ((size_t)16 << 20) /* a page node with 100,000 kids has 1 MiB */

struct span {
    const uint8_t *at, *end;
};

static bool is_white(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\0';
}

static bool is_delimiter(uint8_t c)
{
    return c == '(' || c == ')' || c == '<' || c == '>' || c == '[' || c == ']' || c == '{' || c == '}' || c == '/' ||
           c == '%';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static void skip_white(struct span *s)
{
    while (s->at < s->end) {
        if (*s->at == '%')
            while (s->at < s->end && *s->at != '\n' && *s->at != '\r')
                s->at++;
        else if (is_white(*s->at))
            s->at++;
        else
            break;
    }
}

static bool read_int(struct span *s, uint64_t *out)
{
    skip_white(s);
    uint64_t value = 0;
    const uint8_t *from = s->at;
    for (; s->at < s->end && is_digit(*s->at) && value <= INT64_MAX / 16; s->at++)
        value = value * 10 + (uint64_t)(*s->at - '0');
    *out = value;
    return s->at > from;
}

static bool read_word(struct span *s, const char *word)
{
    const size_t n = strlen(word);
    skip_white(s);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

static void skip_string(struct span *s)
{
    int depth = 0;
    for (; s->at < s->end; s->at++) {
        if (*s->at == '\\') {
            s->at += s->end - s->at > 1;
        } else if (*s->at == '(') {
            depth++;
        } else if (*s->at == ')' && --depth == 0) {
            s->at++;
            return;
        }
    }
}

/* Steps over one token; +1 / -1 when it opens or closes a dictionary or array. */
static int skip_token(struct span *s)
{
    skip_white(s);
    if (s->at >= s->end)
        return 0;
    const uint8_t c = *s->at;
    const bool twice = s->end - s->at > 1 && s->at[1] == c;
    if (c == '(') {
        skip_string(s);
        return 0;
    }
    if ((c == '<' || c == '>') && twice) {
        s->at += 2;
        return c == '<' ? 1 : -1;
    }
    if (c == '[' || c == ']') {
        s->at++;
        return c == '[' ? 1 : -1;
    }
    s->at++;
    if (c == '<') { /* hexadecimal string */
        while (s->at < s->end && *s->at++ != '>')
            continue;
    } else if (c == '/' || !is_delimiter(c)) {
        while (s->at < s->end && !is_white(*s->at) && !is_delimiter(*s->at))
            s->at++;
    }
    return 0;
}

/* The value of a key of the dictionary that starts at `object`; what follows it is in the span as well. */
static bool find_key(struct span object, const char *key, struct span *value)
{
    const size_t n = strlen(key);
    struct span s = object;
    if (!read_word(&s, "<<"))
        return false;
    for (int depth = 1; depth > 0 && s.at < s.end;) {
        skip_white(&s);
        const uint8_t *from = s.at;
        depth += skip_token(&s);
        if (depth == 1 && (size_t)(s.at - from) == n + 1 && from[0] == '/' && memcmp(from + 1, key, n) == 0) {
            *value = s;
            return true;
        }
    }
    return false;
}

static bool read_reference(struct span *s, uint64_t *number)
{
    uint64_t generation;
    struct span at = *s;
    if (!read_int(&at, number) || !read_int(&at, &generation) || !read_word(&at, "R") || *number > OBJECT_NUMBER_MAX)
        return false;
    *s = at;
    return true;
}

/* From "obj" back to the object's number; false when there is none. */
static bool number_before(const uint8_t *start, const uint8_t *obj, uint64_t *number)
{
    const uint8_t *p = obj;
    for (int k = 0; k < 2; k++) {
        const uint8_t *blank = p;
        while (p > start && is_white(p[-1]))
            p--;
        if (p == blank && k == 0 && p > start && !is_digit(p[-1]))
            return false;
        const uint8_t *digits = p;
        while (p > start && is_digit(p[-1]) && digits - p < 11)
            p--;
        if (p == digits)
            return false;
    }
    struct span s = {p, obj};
    return read_int(&s, number) && *number <= OBJECT_NUMBER_MAX && (p == start || !is_digit(p[-1]));
}

/* Next "N G obj" at or behind s->at: its number, and its content as *object. */
static bool next_object(const uint8_t *start, struct span *s, uint64_t *number, struct span *object)
{
    while (s->at < s->end) {
        const uint8_t *hit = memmem(s->at, (size_t)(s->end - s->at), "obj", 3);
        if (!hit)
            break;
        s->at = hit + 3;
        if (!number_before(start, hit, number))
            continue;
        *object = *s;
        if ((size_t)(object->end - object->at) > DICTIONARY_BYTES)
            object->end = object->at + DICTIONARY_BYTES;
        return true;
    }
    s->at = s->end;
    return false;
}

/* The last definition of an object. */
static bool find_object(struct span file, uint64_t wanted, struct span *object)
{
    struct span s = file, content;
    uint64_t number;
    bool found = false;
    while (next_object(file.at, &s, &number, &content))
        if (number == wanted) {
            *object = content;
            found = true;
        }
    return found;
}

/* The last "key N G R" that stands outside of strings as far as a search can tell. */
static bool last_reference(struct span file, const char *key, uint64_t *number)
{
    bool found = false;
    const size_t n = strlen(key);
    for (struct span s = file; s.at < s.end;) {
        const uint8_t *hit = memmem(s.at, (size_t)(s.end - s.at), key, n);
        if (!hit)
            break;
        s.at = hit + n;
        struct span at = s;
        uint64_t value;
        if ((size_t)(at.end - at.at) > REFERENCE_BYTES)
            at.end = at.at + REFERENCE_BYTES;
        if (read_reference(&at, &value)) {
            *number = value;
            found = true;
        }
    }
    return found;
}

static bool has_name(struct span file, const char *name)
{
    const size_t n = strlen(name);
    while (file.at < file.end) {
        const uint8_t *hit = memmem(file.at, (size_t)(file.end - file.at), name, n);
        if (!hit)
            return false;
        file.at = hit + n;
        if (file.at == file.end || is_white(*file.at) || is_delimiter(*file.at) || is_digit(*file.at))
            return true;
    }
    return false;
}

/* Whether a cross-reference table or stream starts at the offset. */
static bool table_at(struct span file, uint64_t offset)
{
    uint64_t number, generation;
    if (offset >= (uint64_t)(file.end - file.at))
        return false;
    struct span s = {file.at + offset, file.end};
    struct span again = s;
    return read_word(&s, "xref") ||
           (read_int(&again, &number) && read_int(&again, &generation) && read_word(&again, "obj"));
}

static bool needs_repair(struct span file)
{
    const size_t size = (size_t)(file.end - file.at), tail = size < TAIL_BYTES ? size : TAIL_BYTES;
    const uint8_t *header = memmem(file.at, size < HEAD_BYTES ? size : HEAD_BYTES, "%PDF-", 5);
    struct span s = {file.end - tail, file.end}, last = {NULL, file.end};
    while (s.at < s.end) {
        const uint8_t *hit = memmem(s.at, (size_t)(s.end - s.at), "startxref", 9);
        if (!hit)
            break;
        s.at = hit + 9;
        last.at = s.at;
    }
    uint64_t offset;
    if (!last.at || !read_int(&last, &offset))
        return true;
    /* Offsets count from the header where junk stands before it. */
    const uint64_t shift = header ? (uint64_t)(header - file.at) : 0;
    return !table_at(file, offset) && !table_at(file, offset + shift);
}

static void read_language(struct span value, char out[DP_PDF_LANGUAGE_BYTES])
{
    size_t n = 0;
    if (!read_word(&value, "("))
        return;
    for (; value.at < value.end && *value.at != ')' && n + 1 < DP_PDF_LANGUAGE_BYTES; value.at++) {
        const uint8_t c = *value.at;
        if (!is_digit(c) && c != '-' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')) {
            n = 0; /* not a language tag: encrypted or UTF-16 */
            break;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
}

void dp_pdf_raw_read(const uint8_t *data, size_t size, struct dp_pdf_raw *out)
{
    const struct span file = {data, data + size};
    struct span catalogue, value, marked;
    uint64_t root;
    *out = (struct dp_pdf_raw){0};
    out->encrypted = has_name(file, "/Encrypt");
    out->repaired = needs_repair(file);
    out->has_units = has_name(file, "/UserUnit");
    if (!last_reference(file, "/Root", &root) || !find_object(file, root, &catalogue))
        return;
    if (find_key(catalogue, "MarkInfo", &value) && find_key(value, "Marked", &marked))
        out->tagged = read_word(&marked, "true");
    if (!out->encrypted && find_key(catalogue, "Lang", &value))
        read_language(value, out->language);
}

/* Where an object's content lies; end 0: there is no such object, or it was visited. */
struct place {
    size_t at, end;
};

/* Index of all objects by number. Contents do not overlap, so that visiting each once is linear. */
static bool index_objects(struct span file, struct place **index, uint64_t *most)
{
    struct span s = file, content;
    uint64_t number, biggest = 0, before = 0;
    while (next_object(file.at, &s, &number, &content))
        biggest = number > biggest ? number : biggest;
    *most = biggest;
    *index = calloc((size_t)biggest + 1, sizeof **index);
    s = file;
    while (*index && next_object(file.at, &s, &number, &content)) {
        const size_t at = (size_t)(content.at - file.at);
        if ((*index)[before].at < at && (*index)[before].end > at)
            (*index)[before].end = at;
        (*index)[number] = (struct place){at, (size_t)(content.end - file.at)};
        before = number;
    }
    return *index != NULL;
}

static float read_unit(struct span value)
{
    uint64_t whole = 0, part = 0;
    float scale = 1.0f;
    const bool has_whole = read_int(&value, &whole);
    if (value.at < value.end && *value.at == '.') {
        value.at++;
        const uint8_t *from = value.at;
        if (read_int(&value, &part))
            for (const uint8_t *p = from; p < value.at; p++)
                scale *= 10.0f;
    } else if (!has_whole) {
        return 1.0f;
    }
    const float unit = (float)whole + (float)part / scale;
    return unit >= 0.01f && unit <= 75000.0f ? unit : 1.0f;
}

/* Where the walk through the page tree stands: the rest of a Kids array, one a level. */
struct tree {
    struct span file;
    struct place *index;
    uint64_t most;
    struct span kids[TREE_DEPTH_MAX];
    int depth;
};

/* Takes an object out of the index. */
static bool visit(struct tree *t, uint64_t number, struct span *object)
{
    if (number > t->most || t->index[number].end == 0)
        return false;
    *object = (struct span){t->file.at + t->index[number].at, t->file.at + t->index[number].end};
    t->index[number].end = 0;
    return true;
}

/* Enters object `number`: a node (its kids are pushed, 0) or a page (*unit is set, 1). -1: the tree is broken. */
static int enter(struct tree *t, uint64_t number, float *unit)
{
    struct span node, value;
    if (!visit(t, number, &node))
        return -1;
    if (!find_key(node, "Kids", &value)) {
        *unit = find_key(node, "UserUnit", &value) ? read_unit(value) : 1.0f;
        return 1;
    }
    if (t->depth == TREE_DEPTH_MAX || !read_word(&value, "["))
        return -1;
    t->kids[t->depth++] = value;
    return 0;
}

static bool walk_pages(struct tree *t, uint64_t pages, float *units, int32_t n_pages)
{
    int32_t n = 0;
    float unit;
    int found = enter(t, pages, &unit);
    while (found >= 0 && t->depth > 0) {
        uint64_t kid;
        if (!read_reference(&t->kids[t->depth - 1], &kid)) {
            t->depth--;
            continue;
        }
        found = enter(t, kid, &unit);
        if (found == 1 && n == n_pages)
            return false;
        if (found == 1)
            units[n++] = unit;
    }
    return found >= 0 && n == n_pages;
}

bool dp_pdf_raw_units(const uint8_t *data, size_t size, float *units, int32_t n_pages)
{
    struct tree t = {.file = {data, data + size}};
    struct span catalogue, value;
    uint64_t root, pages;
    bool good = last_reference(t.file, "/Root", &root) && index_objects(t.file, &t.index, &t.most) &&
                visit(&t, root, &catalogue) && find_key(catalogue, "Pages", &value) && read_reference(&value, &pages) &&
                walk_pages(&t, pages, units, n_pages);
    free(t.index);
    for (int32_t i = 0; !good && i < n_pages; i++)
        units[i] = 1.0f;
    return good;
}
