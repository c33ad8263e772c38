/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer's files. Both published forms are read: tokenizer.json, checked to describe what split.c and
 * unicode.c do, or vocab.json with merges.txt. Invariant: every id in the tables is in [0, size), every byte has a
 * token, and every merge's parts and result are tokens. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/utf8.h"
#include "engine/qwen25vl/config.h"
#include "engine/qwen25vl/json_read.h"
#include "engine/qwen25vl/split.h"
#include "engine/qwen25vl/tokenizer_private.h"

#define DOMAIN "tokenizer"
/* Longest name of a token in vocab.json; the published ones have at most 512 bytes. */
#define MAX_NAME 4096
#define MAX_ADDED_TEXT 1024
#define MAX_POOL ((size_t)64 << 20)

struct loader {
    struct eng_tokenizer *tok;
    const json_t *vocab;
    int32_t rank; /* of the next merge */
    struct b_err *err;
};

/* Printable bytes of Latin-1 stand for themselves, the other 68 for U+0100 on. */
static uint32_t char_of_byte(unsigned byte)
{
    if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174)
        return byte;
    const unsigned below = byte < 33 ? byte : byte < 161 ? byte - 127 + 33 : 67;
    return 256 + below;
}

static int byte_of_char(uint32_t cp)
{
    if (cp >= 256 && cp < 256 + 68) {
        const int below = (int)cp - 256;
        return below < 33 ? below : below < 67 ? below - 33 + 127 : 173;
    }
    return cp < 256 && char_of_byte(cp) == cp ? (int)cp : -1;
}

/* Bytes that a token's name stands for: mapped back, or the name itself where a character stands for no byte. */
static void put_bytes(struct b_buf *pool, const char *name, size_t len)
{
    const size_t from = pool->len;
    for (size_t i = 0; i < len;) {
        const int byte = byte_of_char(b_utf8_next(name, len, &i));
        if (byte < 0) {
            pool->len = pool->failed ? pool->len : from;
            b_buf_append(pool, name, len);
            return;
        }
        b_buf_putc(pool, (char)byte);
    }
}

static enum b_code set_entry(struct loader *l, int32_t id, const char *name, size_t len, uint8_t kind)
{
    struct tok_entry *entry = &l->tok->entries[id];
    const size_t from = l->tok->pool.len;
    put_bytes(&l->tok->pool, name, len);
    enum b_code code = b_buf_check(&l->tok->pool, DOMAIN, l->err);
    if (code)
        return code;
    const size_t n = l->tok->pool.len - from;
    if (!(entry->kind & TOK_NONE) &&
        (entry->len != n || memcmp(l->tok->pool.data + entry->at, l->tok->pool.data + from, n) != 0))
        return b_fail(l->err, B_FORMAT, DOMAIN, "two tokens have the id %d", id);
    *entry = (struct tok_entry){.at = (uint32_t)from, .len = (uint32_t)n, .kind = kind};
    return B_OK;
}

/* Makes ids below `size` valid indices. */
static enum b_code reserve_ids(struct loader *l, int64_t size)
{
    struct eng_tokenizer *tok = l->tok;
    if (size <= tok->size)
        return B_OK;
    if (size > ENG_QWEN_MAX_VOCAB)
        return b_fail(l->err, B_LIMIT, DOMAIN, "a token's id is above %d", ENG_QWEN_MAX_VOCAB - 1);
    struct tok_entry *entries = realloc(tok->entries, (size_t)size * sizeof *entries);
    if (!entries)
        return b_fail(l->err, B_NO_MEMORY, DOMAIN, "no memory for %lld tokens", (long long)size);
    tok->entries = entries;
    for (int64_t i = tok->size; i < size; i++)
        entries[i] = (struct tok_entry){.kind = TOK_NONE};
    tok->size = (int32_t)size;
    return B_OK;
}

static bool id_of(const json_t *value, int32_t *id)
{
    const json_int_t number = json_integer_value(value);
    *id = (int32_t)(number & INT32_MAX);
    return json_is_integer(value) && number >= 0 && number < ENG_QWEN_MAX_VOCAB;
}

static enum b_code read_vocab(struct loader *l)
{
    int32_t id, last = -1;
    for (void *it = json_object_iter((json_t *)(uintptr_t)l->vocab); it;
         it = json_object_iter_next((json_t *)(uintptr_t)l->vocab, it)) {
        if (!id_of(json_object_iter_value(it), &id))
            return b_fail(l->err, B_FORMAT, DOMAIN, "the id of token \"%.40s\" is out of range",
                          json_object_iter_key(it));
        last = id > last ? id : last;
    }
    enum b_code code = reserve_ids(l, (int64_t)last + 1);
    for (void *it = json_object_iter((json_t *)(uintptr_t)l->vocab); it && !code;
         it = json_object_iter_next((json_t *)(uintptr_t)l->vocab, it)) {
        const char *name = json_object_iter_key(it);
        (void)id_of(json_object_iter_value(it), &id);
        if (!(l->tok->entries[id].kind & TOK_NONE))
            return b_fail(l->err, B_FORMAT, DOMAIN, "two tokens have the id %d", id);
        code = set_entry(l, id, name, strlen(name), TOK_VOCAB);
    }
    for (unsigned byte = 0; byte < 256 && !code; byte++) {
        char name[5] = {0};
        (void)b_utf8_put(char_of_byte(byte), name);
        if (!id_of(json_object_get(l->vocab, name), &l->tok->byte_id[byte]))
            code = b_fail(l->err, B_FORMAT, DOMAIN, "the vocabulary has no token for byte %u", byte);
    }
    return code;
}

static enum b_code add_merge(struct loader *l, const char *left, size_t left_len, const char *right, size_t right_len)
{
    char name[2 * MAX_NAME + 1];
    if (left_len == 0 || right_len == 0 || left_len > MAX_NAME || right_len > MAX_NAME)
        return b_fail(l->err, B_FORMAT, DOMAIN, "merge %d is not two tokens", l->rank);
    struct tok_merge merge = {.rank = l->rank++};
    memcpy(name, left, left_len);
    name[left_len] = '\0';
    bool known = id_of(json_object_get(l->vocab, name), &merge.left);
    memcpy(name, right, right_len);
    name[right_len] = '\0';
    known = known && id_of(json_object_get(l->vocab, name), &merge.right);
    memcpy(name, left, left_len);
    memcpy(name + left_len, right, right_len);
    name[left_len + right_len] = '\0';
    if (!known || !id_of(json_object_get(l->vocab, name), &merge.id))
        return b_fail(l->err, B_FORMAT, DOMAIN, "merge %d needs a token that the vocabulary lacks", l->rank - 1);
    return tok_put_merge(l->tok, merge, l->err);
}

static enum b_code add_line(struct loader *l, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    if (!space)
        return b_fail(l->err, B_FORMAT, DOMAIN, "merge %d is not two tokens", l->rank);
    const size_t left = (size_t)(space - line);
    return add_merge(l, line, left, space + 1, len - left - 1);
}

static enum b_code reserve_merges(struct loader *l, size_t count)
{
    struct eng_tokenizer *tok = l->tok;
    if (count > ENG_QWEN_MAX_VOCAB)
        return b_fail(l->err, B_LIMIT, DOMAIN, "%zu merges are more than %d", count, ENG_QWEN_MAX_VOCAB);
    for (tok->merge_bits = 4; ((size_t)1 << tok->merge_bits) < 2 * count;)
        tok->merge_bits++;
    const size_t places = (size_t)1 << tok->merge_bits;
    tok->merges = malloc(places * sizeof *tok->merges);
    if (!tok->merges)
        return b_fail(l->err, B_NO_MEMORY, DOMAIN, "no memory for %zu merges", count);
    for (size_t i = 0; i < places; i++)
        tok->merges[i] = (struct tok_merge){.left = -1};
    return B_OK;
}

static enum b_code read_merges_text(struct loader *l, const char *text, size_t size)
{
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    enum b_code code = reserve_merges(l, lines);
    for (size_t at = 0; at < size && !code;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t len = end ? (size_t)(end - text) - at : size - at;
        const size_t next = at + len + 1;
        if (len && text[at + len - 1] == '\r')
            len--;
        if (len && !(len >= 8 && memcmp(text + at, "#version", 8) == 0))
            code = add_line(l, text + at, len);
        at = next;
    }
    return code;
}

static enum b_code read_merges_array(struct loader *l, const json_t *list)
{
    enum b_code code = reserve_merges(l, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list) && !code; i++) {
        const json_t *item = json_array_get(list, i), *a = json_array_get(item, 0), *b = json_array_get(item, 1);
        if (json_is_string(item))
            code = add_line(l, json_string_value(item), json_string_length(item));
        else if (json_array_size(item) == 2 && json_is_string(a) && json_is_string(b))
            code =
                add_merge(l, json_string_value(a), json_string_length(a), json_string_value(b), json_string_length(b));
        else
            code = b_fail(l->err, B_FORMAT, DOMAIN, "merge %zu is not two tokens", i);
    }
    return code;
}

static enum b_code add_token(struct loader *l, int32_t id, const char *text, size_t len, bool special)
{
    if (len == 0 || len > MAX_ADDED_TEXT)
        return b_fail(l->err, B_FORMAT, DOMAIN, "added token %d has %zu bytes", id, len);
    enum b_code code = reserve_ids(l, (int64_t)id + 1);
    if (!code)
        code = set_entry(l, id, text, len, (uint8_t)(TOK_ADDED | (special ? TOK_SPECIAL : 0)));
    return code ? code : tok_put_added(l->tok, text, len, id, l->err);
}

/* One entry of added_tokens or added_tokens_decoder. */
static enum b_code read_added_object(struct loader *l, int32_t id, const json_t *item)
{
    static const char *const odd[] = {"single_word", "lstrip", "rstrip"};
    const json_t *content = json_object_get(item, "content");
    if (!json_is_string(content))
        return b_fail(l->err, B_FORMAT, DOMAIN, "added token %d has no content", id);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        if (json_is_true(json_object_get(item, odd[i])))
            return b_fail(l->err, B_UNSUPPORTED, DOMAIN, "added token %d asks for %s", id, odd[i]);
    return add_token(l, id, json_string_value(content), json_string_length(content),
                     json_is_true(json_object_get(item, "special")));
}

static enum b_code read_added_list(struct loader *l, const json_t *list)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < json_array_size(list) && !code; i++) {
        const json_t *item = json_array_get(list, i);
        int32_t id;
        code = id_of(json_object_get(item, "id"), &id)
                   ? read_added_object(l, id, item)
                   : b_fail(l->err, B_FORMAT, DOMAIN, "added token %zu has no id", i);
    }
    return code;
}

static enum b_code read_added_decoder(struct loader *l, json_t *map)
{
    enum b_code code = B_OK;
    for (void *it = json_object_iter(map); it && !code; it = json_object_iter_next(map, it)) {
        const char *key = json_object_iter_key(it);
        char *end = NULL;
        const long id = strtol(key, &end, 10);
        if (end == key || *end || id < 0 || id >= ENG_QWEN_MAX_VOCAB)
            return b_fail(l->err, B_FORMAT, DOMAIN, "added token \"%.20s\" has no id", key);
        code = read_added_object(l, (int32_t)id, json_object_iter_value(it));
    }
    return code;
}

/* The published added tokens in the order of their ids; those that answers leave out come first. */
static const char *const published[] = {
    "<|endoftext|>",  "<|im_start|>",   "<|im_end|>",    "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>",    "<|quad_start|>", "<|quad_end|>",  "<|vision_start|>",     "<|vision_end|>",     "<|vision_pad|>",
    "<|image_pad|>",  "<|video_pad|>",  "<tool_call>",   "</tool_call>",         "<|fim_prefix|>",     "<|fim_middle|>",
    "<|fim_suffix|>", "<|fim_pad|>",    "<|repo_name|>", "<|file_sep|>",
};
#define N_PUBLISHED (sizeof published / sizeof *published)
#define N_SPECIAL 14

static bool is_published_special(const char *text)
{
    for (size_t i = 0; i < N_SPECIAL; i++)
        if (strcmp(published[i], text) == 0)
            return true;
    return false;
}

static enum b_code read_added_names(struct loader *l, json_t *map)
{
    enum b_code code = B_OK;
    int32_t id;
    for (void *it = json_object_iter(map); it && !code; it = json_object_iter_next(map, it)) {
        const char *text = json_object_iter_key(it);
        code = id_of(json_object_iter_value(it), &id)
                   ? add_token(l, id, text, strlen(text), is_published_special(text))
                   : b_fail(l->err, B_FORMAT, DOMAIN, "added token \"%.40s\" has no id", text);
    }
    return code;
}

static enum b_code add_published(struct loader *l)
{
    const int32_t first = l->tok->size;
    enum b_code code = B_OK;
    for (size_t i = 0; i < N_PUBLISHED && !code; i++)
        code = add_token(l, first + (int32_t)i, published[i], strlen(published[i]), i < N_SPECIAL);
    return code;
}

static bool text_is(const json_t *object, const char *key, const char *value)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && strcmp(text, value) == 0;
}

/* The only member of a sequence, or the thing itself. */
static const json_t *unwrap(const json_t *thing, const char *members)
{
    const json_t *list = json_object_get(thing, members);
    return text_is(thing, "type", "Sequence") && json_array_size(list) == 1 ? json_array_get(list, 0) : thing;
}

/* Refuses what split.c and bpe.c do not do. */
static enum b_code check_description(struct loader *l, const json_t *root)
{
    const json_t *normal = unwrap(json_object_get(root, "normalizer"), "normalizers");
    const json_t *model = json_object_get(root, "model"), *pre = json_object_get(root, "pre_tokenizer");
    const json_t *steps = json_object_get(pre, "pretokenizers");
    const json_t *split = json_array_get(steps, 0), *bytes = json_array_get(steps, 1);
    l->tok->nfc = text_is(normal, "type", "NFC");
    if (normal && !json_is_null(normal) && !l->tok->nfc)
        return b_fail(l->err, B_UNSUPPORTED, DOMAIN, "tokenizer.json has a normalizer that is not NFC");
    if (json_array_size(steps) != 2 || !text_is(split, "type", "Split") || !text_is(split, "behavior", "Isolated") ||
        !text_is(json_object_get(split, "pattern"), "Regex", ENG_SPLIT_PATTERN) ||
        json_is_true(json_object_get(split, "invert")) || !text_is(bytes, "type", "ByteLevel") ||
        json_is_true(json_object_get(bytes, "add_prefix_space")) || !json_is_false(json_object_get(bytes, "use_regex")))
        return b_fail(l->err, B_UNSUPPORTED, DOMAIN, "tokenizer.json has another pre-tokenizer than Qwen2's");
    const json_t *type = json_object_get(model, "type");
    const char *prefix = json_string_value(json_object_get(model, "continuing_subword_prefix"));
    const char *suffix = json_string_value(json_object_get(model, "end_of_word_suffix"));
    if ((type && !text_is(model, "type", "BPE")) || json_is_true(json_object_get(model, "byte_fallback")) ||
        json_is_true(json_object_get(model, "ignore_merges")) || (prefix && *prefix) || (suffix && *suffix))
        return b_fail(l->err, B_UNSUPPORTED, DOMAIN, "tokenizer.json has another model than byte-level BPE");
    return B_OK;
}

static enum b_code read_json(struct loader *l, const struct eng_tokenizer_source *source)
{
    json_t *root = NULL;
    enum b_code code = qj_parse(source->json, source->json_size, QJ_MAX_TOKENIZER, "tokenizer.json", &root, l->err);
    if (!code)
        code = check_description(l, root);
    const json_t *model = json_object_get(root, "model");
    l->vocab = json_object_get(model, "vocab");
    if (!code && !json_is_object(l->vocab))
        code = b_fail(l->err, B_FORMAT, DOMAIN, "tokenizer.json has no vocabulary");
    if (!code)
        code = read_vocab(l);
    if (!code)
        code = read_merges_array(l, json_object_get(model, "merges"));
    if (!code)
        code = read_added_list(l, json_object_get(root, "added_tokens"));
    json_decref(root);
    return code;
}

static enum b_code read_added(struct loader *l, const struct eng_tokenizer_source *source)
{
    json_t *config = NULL, *added = NULL;
    enum b_code code = B_OK;
    if (source->config)
        code = qj_parse(source->config, source->config_size, QJ_MAX_CONFIG, "tokenizer_config.json", &config, l->err);
    if (!code && source->added)
        code = qj_parse(source->added, source->added_size, QJ_MAX_CONFIG, "added_tokens.json", &added, l->err);
    json_t *decoder = json_object_get(config, "added_tokens_decoder");
    if (!code && json_is_object(decoder))
        code = read_added_decoder(l, decoder);
    else if (!code)
        code = added ? read_added_names(l, added) : add_published(l);
    json_decref(config);
    json_decref(added);
    return code;
}

static enum b_code read_files(struct loader *l, const struct eng_tokenizer_source *source)
{
    json_t *vocab = NULL;
    enum b_code code = qj_parse(source->vocab, source->vocab_size, QJ_MAX_TOKENIZER, "vocab.json", &vocab, l->err);
    l->vocab = vocab;
    l->tok->nfc = true;
    if (!code)
        code = read_vocab(l);
    if (!code)
        code = read_merges_text(l, source->merges, source->merges_size);
    if (!code)
        code = read_added(l, source);
    json_decref(vocab);
    return code;
}

enum b_code eng_tokenizer_parse(const struct eng_tokenizer_source *source, struct eng_tokenizer **out,
                                struct b_err *err)
{
    *out = NULL;
    if (!source->json && (!source->vocab || !source->merges))
        return b_fail(err, B_ARGUMENT, DOMAIN, "neither tokenizer.json nor vocab.json with merges.txt");
    struct eng_tokenizer *tok = calloc(1, sizeof *tok);
    if (!tok)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a tokenizer");
    b_buf_init(&tok->pool, MAX_POOL);
    struct loader l = {.tok = tok, .err = err};
    enum b_code code = source->json ? read_json(&l, source) : read_files(&l, source);
    if (!code)
        code = tok_put_in_order(tok, err);
    if (code)
        eng_tokenizer_drop(tok);
    else
        *out = tok;
    return code;
}

void eng_tokenizer_drop(struct eng_tokenizer *tok)
{
    if (!tok)
        return;
    free(tok->entries);
    free(tok->merges);
    free(tok->nodes);
    free(tok->order);
    b_buf_free(&tok->pool);
    free(tok);
}

/* File of a folder into bytes; *text stays NULL when it is not there. */
static enum b_code map_file(const char *dir, const char *name, struct b_bytes *bytes, const char **text, size_t *size,
                            struct b_err *err)
{
    char path[QJ_PATH_MAX];
    b_bytes_borrow(NULL, 0, bytes);
    enum b_code code = qj_path(dir, name, path, sizeof path, err);
    if (!code)
        code = b_bytes_map(path, QJ_MAX_TOKENIZER, bytes, err);
    if (code)
        return code == B_NOT_FOUND ? B_OK : code;
    *text = (const char *)bytes->data;
    *size = bytes->size;
    return B_OK;
}

enum b_code eng_tokenizer_open(const char *dir, struct eng_tokenizer **out, struct b_err *err)
{
    struct eng_tokenizer_source s = {.json = NULL};
    struct b_bytes bytes[5];
    *out = NULL;
    for (int i = 0; i < 5; i++)
        b_bytes_borrow(NULL, 0, &bytes[i]);
    enum b_code code = map_file(dir, "tokenizer.json", &bytes[0], &s.json, &s.json_size, err);
    if (!code && !s.json)
        code = map_file(dir, "vocab.json", &bytes[1], &s.vocab, &s.vocab_size, err);
    if (!code && s.vocab)
        code = map_file(dir, "merges.txt", &bytes[2], &s.merges, &s.merges_size, err);
    if (!code && s.vocab)
        code = map_file(dir, "added_tokens.json", &bytes[3], &s.added, &s.added_size, err);
    if (!code && s.vocab)
        code = map_file(dir, "tokenizer_config.json", &bytes[4], &s.config, &s.config_size, err);
    if (!code && !s.json && (!s.vocab || !s.merges)) {
        code =
            b_fail(err, B_NOT_FOUND, DOMAIN, "%.250s holds neither tokenizer.json nor vocab.json with merges.txt", dir);
        b_advise(err, "name a folder that holds a checkpoint as published, its tokenizer included");
    }
    if (!code)
        code = eng_tokenizer_parse(&s, out, err);
    for (int i = 0; i < 5; i++)
        b_bytes_close(&bytes[i]);
    return code;
}
