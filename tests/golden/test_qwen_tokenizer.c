/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer and the chat prompt against the reference's results: the shared vectors, texts of many kinds,
 * ill-formed bytes, decoding token by token, and both forms of the tokenizer's files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/chat.h"
#include "engine/qwen25vl/grammar.h"
#include "engine/qwen25vl/tokenizer.h"
#include "tests/support/shared_files.h"

static struct eng_tokenizer *qwen2;

static void expect_ids(const struct eng_tokenizer *tok, const char *text, size_t len, enum eng_special special,
                       const int *want, size_t n_want, const char *what)
{
    struct eng_ids ids = {.max = 1 << 20};
    struct b_err err;
    assert_int_equal(eng_tokenizer_encode(tok, text, len, special, &ids, &err), B_OK);
    if (ids.count != n_want || memcmp(ids.items ? ids.items : (int32_t *)&err, want, n_want * sizeof *want) != 0) {
        fprintf(stderr, "%s: text \"%.*s\"\n got", what, (int)len, text);
        for (size_t i = 0; i < ids.count; i++)
            fprintf(stderr, " %d", ids.items[i]);
        fprintf(stderr, "\nwant");
        for (size_t i = 0; i < n_want; i++)
            fprintf(stderr, " %d", want[i]);
        fprintf(stderr, "\n");
        fail();
    }
    eng_ids_free(&ids);
}

static void expect_text(const int *ids, size_t n, bool skip, const char *want, size_t len)
{
    struct b_buf out;
    b_buf_init(&out, 1 << 20);
    eng_tokenizer_decode(qwen2, ids, n, skip, &out);
    assert_int_equal(out.failed, B_OK);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data ? out.data : "", want, len);
    b_buf_free(&out);
}

static void published_vectors(void **state)
{
    (void)state;
    static const char mark[] = "\n__ggml_vocab_test__\n";
    char *texts = t_read(t_shared("qwen2-tokenizer/vectors.inp"), NULL);
    char *lines = t_read(t_shared("qwen2-tokenizer/vectors.out"), NULL);
    char *line = lines;
    int count = 0;
    for (char *text = texts; text;) {
        char *end = strstr(text, mark), *line_end = line + strcspn(line, "\n");
        const size_t len = end ? (size_t)(end - text) : strlen(text);
        int want[512];
        size_t n = 0;
        for (char *at = line, *next; at < line_end && n < 512; at = next) {
            want[n] = (int)strtol(at, &next, 10);
            if (next == at)
                break;
            n++;
        }
        expect_ids(qwen2, text, len, ENG_SPECIAL_PARSE, want, n, "vectors");
        count++;
        text = end ? end + strlen(mark) : NULL;
        line = line_end + (*line_end == '\n');
    }
    assert_int_equal(count, 47);
    free(texts);
    free(lines);
}

/* Calls fn with every line of a .jsonl file. */
static int each_line(const char *name, void (*fn)(const json_t *))
{
    char *text = t_read(t_shared(name), NULL);
    int count = 0;
    for (char *line = text, *end; *line; line = end + 1, count++) {
        end = strchr(line, '\n');
        json_t *root = json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
        assert_non_null(root);
        fn(root);
        json_decref(root);
    }
    free(text);
    return count;
}

static void check_case(const json_t *root)
{
    const json_t *text = json_object_get(root, "text"), *plain = json_object_get(root, "ids_no_special");
    const char *utf8 = json_string_value(text), *group = json_string_value(json_object_get(root, "group"));
    const size_t len = json_string_length(text);
    size_t n, n_plain;
    int *ids = t_ints(json_object_get(root, "ids"), &n);
    int *plain_ids = t_ints(plain ? plain : json_object_get(root, "ids"), &n_plain);
    expect_ids(qwen2, utf8, len, ENG_SPECIAL_PARSE, ids, n, group);
    expect_ids(qwen2, utf8, len, ENG_SPECIAL_AS_TEXT, plain_ids, n_plain, group);
    const json_t *decoded = json_object_get(root, "decoded"), *skipped = json_object_get(root, "decoded_skip_special");
    decoded = decoded ? decoded : text;
    skipped = skipped ? skipped : decoded;
    expect_text(ids, n, false, json_string_value(decoded), json_string_length(decoded));
    expect_text(ids, n, true, json_string_value(skipped), json_string_length(skipped));
    free(ids);
    free(plain_ids);
}

static void texts_of_many_kinds(void **state)
{
    (void)state;
    assert_int_equal(each_line("golden/tokenizer/cases.jsonl", check_case), 414);
}

static size_t unhex(const char *text, char *out)
{
    size_t n = 0;
    for (unsigned value; sscanf(text + 2 * n, "%2x", &value) == 1; n++)
        out[n] = (char)value;
    return n;
}

static void check_invalid(const json_t *root)
{
    char bytes[256];
    const size_t len = unhex(json_string_value(json_object_get(root, "bytes")), bytes);
    size_t n;
    int *ids = t_ints(json_object_get(root, "ids"), &n);
    expect_ids(qwen2, bytes, len, ENG_SPECIAL_PARSE, ids, n, "invalid");
    expect_ids(qwen2, bytes, len, ENG_SPECIAL_AS_TEXT, ids, n, "invalid");
    free(ids);
}

static void ill_formed_bytes(void **state)
{
    (void)state;
    assert_true(each_line("golden/tokenizer/invalid_utf8.jsonl", check_invalid) >= 16);
}

static void check_stream(const json_t *root)
{
    size_t n;
    int *ids = t_ints(json_object_get(root, "ids"), &n);
    struct eng_stream stream = {.n_pending = 0};
    struct b_buf out;
    b_buf_init(&out, 4096);
    for (size_t i = 0; i < n; i++) {
        char want[64];
        size_t len, bytes = unhex(json_string_value(json_array_get(json_object_get(root, "bytes"), i)), want);
        const char *got = eng_tokenizer_bytes(qwen2, ids[i], &len);
        assert_int_equal(len, bytes);
        assert_memory_equal(got, want, len);
        const json_t *each = json_array_get(json_object_get(root, "decode_each"), i);
        expect_text(&ids[i], 1, false, json_string_value(each), json_string_length(each));
        const json_t *prefix = json_array_get(json_object_get(root, "decode_prefix"), i);
        expect_text(ids, i + 1, false, json_string_value(prefix), json_string_length(prefix));
        eng_stream_push(&stream, qwen2, ids[i], false, &out);
        size_t whole = json_string_length(prefix);
        if (stream.n_pending) {
            assert_true(whole >= 3);
            assert_memory_equal(json_string_value(prefix) + whole - 3, "\xef\xbf\xbd", 3);
            whole -= 3;
        }
        assert_int_equal(out.len, whole);
        assert_memory_equal(out.data ? out.data : "", json_string_value(prefix), whole);
    }
    eng_stream_finish(&stream, &out);
    const json_t *whole = json_array_get(json_object_get(root, "decode_prefix"), n - 1);
    assert_int_equal(out.len, json_string_length(whole));
    assert_memory_equal(out.data, json_string_value(whole), out.len);
    b_buf_free(&out);
    free(ids);
}

static void token_by_token(void **state)
{
    (void)state;
    assert_int_equal(each_line("golden/tokenizer/decode_stream.jsonl", check_stream), 8);
}

#define MAX_TURNS 8
#define MAX_PARTS 8

static size_t read_parts(const json_t *content, struct eng_part *parts)
{
    if (json_is_string(content)) {
        parts[0] = (struct eng_part){.text = json_string_value(content), .text_len = json_string_length(content)};
        return 1;
    }
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *item = json_array_get(content, i), *text = json_object_get(item, "text");
        const char *type = json_string_value(json_object_get(item, "type"));
        parts[i] = (struct eng_part){.pads = 1, .text = json_string_value(text), .text_len = json_string_length(text)};
        if (strncmp(type, "image", 5) == 0)
            parts[i].kind = ENG_PART_IMAGE;
        else if (strcmp(type, "video") == 0)
            parts[i].kind = ENG_PART_VIDEO;
    }
    return json_array_size(content);
}

static void check_chat(const json_t *root)
{
    const json_t *messages = json_object_get(root, "messages"), *options = json_object_get(root, "options");
    struct eng_part parts[MAX_TURNS][MAX_PARTS];
    struct eng_turn turns[MAX_TURNS];
    const size_t n_turns = json_array_size(messages);
    for (size_t i = 0; i < n_turns; i++) {
        const json_t *message = json_array_get(messages, i);
        turns[i].role = json_string_value(json_object_get(message, "role"));
        turns[i].parts = parts[i];
        turns[i].n_parts = read_parts(json_object_get(message, "content"), parts[i]);
    }
    struct eng_chat_options chat = {.no_generation_prompt =
                                        json_is_false(json_object_get(options, "add_generation_prompt")),
                                    .vision_ids = json_is_true(json_object_get(options, "add_vision_id")),
                                    .parse_special = true};
    const json_t *text = json_object_get(root, "text");
    struct b_buf out;
    b_buf_init(&out, 1 << 20);
    eng_chat_text(turns, n_turns, &chat, &out);
    assert_string_equal(out.data, json_string_value(text));
    b_buf_free(&out);
    size_t n;
    int *want = t_ints(json_object_get(root, "ids"), &n);
    const bool control_inside = strstr(json_string_value(json_object_get(root, "name")), "special") != NULL;
    for (int parse = 0; parse < 2; parse++) {
        struct eng_ids ids = {.max = 4096};
        chat.parse_special = parse;
        assert_int_equal(eng_chat_ids(qwen2, turns, n_turns, &chat, &ids, NULL), B_OK);
        if (control_inside && !parse) {
            assert_true(ids.count > n); /* the text's <|im_end|> is spelled out */
        } else {
            assert_int_equal(ids.count, n);
            assert_memory_equal(ids.items, want, n * sizeof *want);
        }
        eng_ids_free(&ids);
    }
    free(want);
}

static void chat_prompts(void **state)
{
    (void)state;
    json_t *root = t_json(t_shared("golden/tokenizer/chat_template.json"));
    assert_int_equal(json_array_size(root), 23);
    for (size_t i = 0; i < json_array_size(root); i++)
        check_chat(json_array_get(root, i));
    json_decref(root);
}

/* The overfit checkpoint has both forms; its prompts were made by the reference from its tokenizer.json. */
static void check_overfit(const struct eng_tokenizer *tok, const json_t *pages)
{
    assert_int_equal(json_array_size(pages), 6);
    for (size_t p = 0; p < 6; p++) {
        const json_t *page = json_array_get(pages, p);
        const char *name = json_string_value(json_object_get(page, "name"));
        size_t n, n_answer;
        int *ids = t_ints(json_object_get(page, "prompt_ids"), &n);
        int *answer = t_ints(json_object_get(page, "answer_ids"), &n_answer);
        const json_t *text = json_object_get(page, "prompt_text");
        expect_ids(tok, json_string_value(text), json_string_length(text), ENG_SPECIAL_PARSE, ids, n, name);
        const json_t *grid = json_object_get(page, "grid_thw");
        int64_t pads = 1;
        for (size_t i = 0; i < 3; i++)
            pads *= json_integer_value(json_array_get(grid, i));
        const struct eng_part parts[] = {{.kind = ENG_PART_IMAGE, .pads = pads / 4},
                                         {.text = "QwenVL HTML", .text_len = strlen("QwenVL HTML")}};
        const struct eng_turn turn = {.role = "user", .parts = parts, .n_parts = 2};
        struct eng_ids built = {.max = 4096};
        assert_int_equal(eng_chat_ids(tok, &turn, 1, NULL, &built, NULL), B_OK);
        assert_int_equal(built.count, n);
        assert_memory_equal(built.items, ids, n * sizeof *ids);
        eng_ids_free(&built);
        const json_t *html = json_object_get(page, "html");
        expect_ids(tok, json_string_value(html), json_string_length(html), ENG_SPECIAL_AS_TEXT, answer, n_answer - 1,
                   name);
        free(ids);
        free(answer);
    }
}

static void both_forms_of_files(void **state)
{
    (void)state;
    json_t *expected = t_json(t_shared("golden/overfit/expected.json"));
    const json_t *pages = json_object_get(expected, "pages");
    struct eng_tokenizer *tok = NULL;
    assert_int_equal(eng_tokenizer_open(t_shared("golden/overfit"), &tok, NULL), B_OK);
    check_overfit(tok, pages);
    eng_tokenizer_drop(tok);
    for (int added = 0; added < 3; added++) {
        struct eng_tokenizer_source s = {.json = NULL};
        char *vocab = t_read(t_shared("golden/overfit/vocab.json"), &s.vocab_size);
        char *merges = t_read(t_shared("golden/overfit/merges.txt"), &s.merges_size);
        char *names = t_read(t_shared("golden/overfit/added_tokens.json"), &s.added_size);
        char *config = t_read(t_shared("golden/overfit/tokenizer_config.json"), &s.config_size);
        s.vocab = vocab;
        s.merges = merges;
        s.added = added == 1 ? names : NULL;
        s.config = added == 2 ? config : NULL;
        assert_int_equal(eng_tokenizer_parse(&s, &tok, NULL), B_OK);
        check_overfit(tok, pages);
        assert_int_equal(eng_tokenizer_size(tok), 417);
        assert_int_equal(eng_tokenizer_added_id(tok, "<|im_end|>"), 397);
        assert_true(eng_tokenizer_is_special(tok, 397));
        assert_false(eng_tokenizer_is_special(tok, eng_tokenizer_added_id(tok, "<tool_call>")));
        assert_true(eng_tokenizer_is_added(tok, eng_tokenizer_added_id(tok, "<tool_call>")));
        eng_tokenizer_drop(tok);
        free(vocab);
        free(merges);
        free(names);
        free(config);
    }
    json_decref(expected);
}

/* The mask of a grammar says of every token what asking for it alone says, in places of all kinds: between members,
 * inside a text (twice, so that a kept mask is met again), inside a number. */
static void masks(void **state)
{
    (void)state;
    static const char schema[] = "{\"properties\":{\"title\":{\"type\":\"string\"},\"rows\":{\"type\":\"array\","
                                 "\"items\":{\"type\":\"number\"}}},\"required\":[\"title\",\"rows\"]}";
    static const char *const parts[] = {"{\"", "title", "\":", " \"", "Fl", "\xc3", "\xbc", "sse", "\",", " \"", "rows"};
    const size_t vocab = (size_t)eng_tokenizer_size(qwen2) + 7;
    const int32_t stop = eng_tokenizer_added_id(qwen2, "<|im_end|>");
    struct eng_grammar *g = NULL;
    struct eng_matcher *m = NULL;
    uint8_t *allowed = malloc(vocab);
    assert_non_null(allowed);
    assert_int_equal(eng_grammar_from_schema(schema, strlen(schema), &g, NULL), B_OK);
    assert_int_equal(eng_matcher_new(g, qwen2, &stop, 1, &m, NULL), B_OK);
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        size_t n = eng_matcher_mask(m, allowed, vocab);
        for (size_t id = 0; id < vocab; id++) {
            n -= allowed[id];
            if (allowed[id] != eng_matcher_allows(m, (int32_t)id))
                fail_msg("token %zu is %s after part %zu", id, allowed[id] ? "let through" : "barred", p);
        }
        assert_int_equal(n, 0);
        int32_t take = -1;
        for (int32_t id = 0; id < eng_tokenizer_size(qwen2) && take < 0; id++) {
            size_t len;
            const char *bytes = eng_tokenizer_bytes(qwen2, id, &len);
            if (bytes && len == strlen(parts[p]) && memcmp(bytes, parts[p], len) == 0)
                take = id;
        }
        if (take < 0 || !eng_matcher_accept(m, take))
            fail_msg("part %zu is no token that may come", p);
    }
    eng_matcher_drop(m);
    eng_grammar_drop(g);
    free(allowed);
}

int main(void)
{
    t_need_shared("qwen2-tokenizer/vocab.json");
    t_need_shared("golden/tokenizer/cases.jsonl");
    struct b_err err;
    if (eng_tokenizer_open(t_shared("qwen2-tokenizer"), &qwen2, &err) != B_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors), cmocka_unit_test(texts_of_many_kinds),
        cmocka_unit_test(ill_formed_bytes),  cmocka_unit_test(token_by_token),
        cmocka_unit_test(chat_prompts),      cmocka_unit_test(both_forms_of_files),
        cmocka_unit_test(masks),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    eng_tokenizer_drop(qwen2);
    return failed;
}
