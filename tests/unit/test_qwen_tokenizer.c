/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer on a vocabulary of our own: order of merges, both ways of merging, both forms of the files, hostile
 * files, hostile texts in bounded time, streaming of broken characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/qwen25vl/chat.h"
#include "engine/qwen25vl/split.h"
#include "engine/qwen25vl/tokenizer.h"
#include "engine/qwen25vl/unicode.h"
#include "tests/support/tiny_vocab.h"

static enum b_code parse_json(const char *text, size_t len, struct eng_tokenizer **tok, struct b_err *err)
{
    const struct eng_tokenizer_source source = {.json = text, .json_size = len};
    return eng_tokenizer_parse(&source, tok, err);
}

static struct eng_tokenizer *from_json(void)
{
    struct b_buf text;
    struct eng_tokenizer *tok = NULL;
    struct b_err err;
    b_buf_init(&text, 1 << 20);
    t_tokenizer_json(&text);
    if (parse_json(text.data, text.len, &tok, &err) != B_OK)
        fail_msg("%s", err.message);
    b_buf_free(&text);
    return tok;
}

static enum b_code parse_files(const char *vocab, const char *merges, const char *added, struct eng_tokenizer **tok,
                               struct b_err *err)
{
    const struct eng_tokenizer_source source = {.vocab = vocab,
                                                .vocab_size = strlen(vocab),
                                                .merges = merges,
                                                .merges_size = strlen(merges),
                                                .added = added,
                                                .added_size = added ? strlen(added) : 0};
    return eng_tokenizer_parse(&source, tok, err);
}

static void expect(const struct eng_tokenizer *tok, const char *text, enum eng_special special, const int32_t *want,
                   size_t n)
{
    struct eng_ids ids = {.max = 1000};
    assert_int_equal(eng_tokenizer_encode(tok, text, strlen(text), special, &ids, NULL), B_OK);
    assert_int_equal(ids.count, n);
    assert_memory_equal(ids.items, want, n * sizeof *want);
    eng_ids_free(&ids);
}
#define EXPECT(tok, text, special, ...)                                                                                \
    expect(tok, text, special, (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / 4)

static void merges_in_order(void **state)
{
    (void)state;
    struct eng_tokenizer *tok = from_json();
    EXPECT(tok, "abc", ENG_SPECIAL_PARSE, 257);
    EXPECT(tok, "bca", ENG_SPECIAL_PARSE, 258, 'a');
    EXPECT(tok, "aab", ENG_SPECIAL_PARSE, 'a', 256); /* a b goes before a a */
    EXPECT(tok, "aaaaaaa", ENG_SPECIAL_PARSE, 260, 259, 'a');
    EXPECT(tok, "a t", ENG_SPECIAL_PARSE, 'a', 261);
    EXPECT(tok, "x<|im_end|>y", ENG_SPECIAL_PARSE, 'x', 262, 'y');
    EXPECT(tok, "<tool_call><", ENG_SPECIAL_PARSE, 263, '<');
    EXPECT(tok, "<|im", ENG_SPECIAL_PARSE, '<', '|', 'i', 'm');
    EXPECT(tok, "<tool_call>", ENG_SPECIAL_AS_TEXT, '<', 't', 'o', 'o', 'l', '_', 'c', 'a', 'l', 'l', '>');
    eng_tokenizer_drop(tok);
}

/* Texts cut with | where the expression cuts them; what a backtracking matcher does, worked out by hand. */
static void pieces(void **state)
{
    (void)state;
    static const char *const cut[] = {
        "it|'s|X",
        "'S|t",
        "'ll|l",
        "'LL|'",
        "'\xc5\xbf|x",
        "'ra",
        "x|'",
        "don|'t",
        "'s|x",
        "1|2|.|3",
        "a|1",
        "\xc2\xbd|\xd9\xa3|",
        "a| b",
        "a| | b",
        "a|  | b",
        "\ta",
        " |\ta",
        "a|  ",
        "a|\n\n|b",
        "a| \n| | b",
        "a| \r\n|\tb",
        "!!|a",
        "!|1",
        " !!\n\n|a",
        "!| \n|x",
        "(a|)",
        "_a|_|1",
        "\xcc\x81|1",
        "\xcc\x81"
        "a|\xcc\x81",
        "\xe4\xbd\xa0\xe5\xa5\xbd|\xef\xbc\x8c\xe4\xb8\x96",
        "a|\xe3\x80\x80"
        "b",
        "a|\xe3\x80\x80|1",
        "\xc2\xa0|!",
        " \xf0\x9f\x98\x80\n\n",
    };
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        char text[64];
        size_t ends[64] = {0}, n = 0, len = 0, at = 0;
        for (const char *c = cut[i]; *c; c++) {
            if (*c == '|')
                ends[n++] = len;
            else
                text[len++] = *c;
        }
        if (n == 0 || ends[n - 1] != len)
            ends[n++] = len;
        for (size_t k = 0; k < n; k++) {
            at = eng_split_next(text, len, at);
            if (at != ends[k])
                fail_msg("piece %zu of \"%s\" ends at %zu", k, cut[i], at);
        }
    }
}

/* Pieces below and above the length at which merging changes its method. */
static void long_pieces_as_short_ones(void **state)
{
    (void)state;
    struct eng_tokenizer *tok = from_json();
    char text[200];
    for (size_t len = 1; len < sizeof text; len++) {
        struct eng_ids ids = {.max = 1000};
        for (size_t i = 0; i < len; i++)
            text[i] = "abcaab"[(i * i + len * 7) % 6];
        assert_int_equal(eng_tokenizer_encode(tok, text, len, ENG_SPECIAL_PARSE, &ids, NULL), B_OK);
        /* By the definition: the lowest rank, of those the leftmost, one merge at a time. */
        int32_t want[sizeof text];
        size_t n = len;
        for (size_t i = 0; i < len; i++)
            want[i] = text[i];
        static const int32_t rules[5][3] = {
            {'a', 'b', 256}, {256, 'c', 257}, {'b', 'c', 258}, {'a', 'a', 259}, {259, 259, 260}};
        for (size_t r = 0; r < 5;) {
            size_t i = 0;
            while (i + 1 < n && !(want[i] == rules[r][0] && want[i + 1] == rules[r][1]))
                i++;
            if (i + 1 >= n) {
                r++;
                continue;
            }
            want[i] = rules[r][2];
            memmove(&want[i + 1], &want[i + 2], (n - i - 2) * sizeof *want);
            n--;
            r = 0;
        }
        assert_int_equal(ids.count, n);
        assert_memory_equal(ids.items, want, n * sizeof *want);
        eng_ids_free(&ids);
    }
    eng_tokenizer_drop(tok);
}

static void other_form(void **state)
{
    (void)state;
    struct b_buf vocab;
    struct eng_tokenizer *tok = NULL;
    b_buf_init(&vocab, 1 << 20);
    t_vocab_json(&vocab);
    assert_int_equal(parse_files(vocab.data, t_merges, NULL, &tok, NULL), B_OK);
    assert_int_equal(eng_tokenizer_size(tok), 262 + 22);
    assert_int_equal(eng_tokenizer_added_id(tok, "<|endoftext|>"), 262);
    assert_int_equal(eng_tokenizer_added_id(tok, "<|image_pad|>"), 262 + 12);
    assert_int_equal(eng_tokenizer_added_id(tok, "<|im"), -1);
    assert_int_equal(eng_tokenizer_added_id(tok, ""), -1);
    EXPECT(tok, "abc<|im_end|>", ENG_SPECIAL_PARSE, 257, 264);
    eng_tokenizer_drop(tok);
    assert_int_equal(parse_files(vocab.data, "a b\r\n\r\nab c\r\n", "{\"<|im_end|>\":300}", &tok, NULL), B_OK);
    assert_int_equal(eng_tokenizer_size(tok), 301);
    EXPECT(tok, "abc<|im_end|>", ENG_SPECIAL_PARSE, 257, 300);
    size_t len = 9;
    assert_null(eng_tokenizer_bytes(tok, 299, &len)); /* a hole between the vocabulary and the added token */
    assert_int_equal(len, 0);
    assert_null(eng_tokenizer_bytes(tok, -1, &len));
    assert_null(eng_tokenizer_bytes(tok, 301, &len));
    assert_true(eng_tokenizer_is_special(tok, 300));
    eng_tokenizer_drop(tok);
    b_buf_free(&vocab);
}

static void hostile_files(void **state)
{
    (void)state;
    struct b_buf vocab, json;
    struct eng_tokenizer *tok = NULL;
    struct b_err err;
    b_buf_init(&vocab, 1 << 20);
    b_buf_init(&json, 1 << 20);
    t_vocab_json(&vocab);
    static const char *const merges[] = {"a", "a b c", "a zz", "zz a", "b a", " b", "a ", "a b\nc c\n"};
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++)
        if (parse_files(vocab.data, merges[i], NULL, &tok, &err) == B_OK)
            fail_msg("accepted merges: %s", merges[i]);
    static const char *const added[] = {"{\"x\":-1}", "{\"x\":1048576}", "{\"x\":\"1\"}",
                                        "{\"\":500}", "{\"x\":256}",     "[]"};
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        if (parse_files(vocab.data, t_merges, added[i], &tok, &err) == B_OK)
            fail_msg("accepted added tokens: %s", added[i]);
    assert_int_not_equal(parse_files("{}", "", NULL, &tok, &err), B_OK); /* bytes without tokens */
    assert_int_not_equal(parse_files("{\"a\":0,\"b\":0}", "", NULL, &tok, &err), B_OK);
    t_tokenizer_json(&json);
    static const char *const edits[][2] = {
        {"\"NFC\"", "\"NFD\""},
        {"\"Isolated\"", "\"Removed\""},
        {"\\\\p{N}", "\\\\p{N}{1,3}"},
        {"\"BPE\"", "\"Unigram\""},
        {"\"use_regex\":false", "\"use_regex\":true"},
        {"\"id\":262", "\"id\":255"},
        {"\"id\":262", "\"ID\":262"},
        {"\"special\":true", "\"lstrip\":true"},
        {"\"merges\"", "\"ignore_merges\":true,\"merges\""},
        {"\"content\":\"<|im_end|>\"", "\"content\":3"},
        {"\"vocab\"", "\"vocabulary\""},
        {"[\"ab\",\"c\"]", "[\"ab\"]"},
        {"[\"ab\",\"c\"]", "7"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        const char *at = strstr(json.data, edits[i][0]);
        assert_non_null(at);
        struct b_buf text;
        b_buf_init(&text, 1 << 20);
        b_buf_append(&text, json.data, (size_t)(at - json.data));
        b_buf_puts(&text, edits[i][1]);
        b_buf_puts(&text, at + strlen(edits[i][0]));
        if (parse_json(text.data, text.len, &tok, &err) == B_OK)
            fail_msg("accepted: %s", edits[i][1]);
        b_buf_free(&text);
    }
    b_buf_free(&vocab);
    b_buf_free(&json);
    /* Texts whose trees would take gigabytes. */
    const size_t many = (size_t)9 << 20;
    char *text = malloc(2 * many);
    assert_non_null(text);
    memset(text, ' ', 2 * many);
    for (size_t i = 0; i < many / 3; i++)
        memcpy(text + 3 * i, i ? "{}," : "[  ", 3);
    assert_int_equal(parse_json(text, many, &tok, &err), B_LIMIT);
    assert_int_equal(parse_json(text, 2 * many, &tok, &err), B_LIMIT);
    free(text);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double time_of(const struct eng_tokenizer *tok, const char *unit, size_t times)
{
    const size_t n = strlen(unit);
    char *text = malloc(n * times);
    struct eng_ids ids = {.max = 1 << 26};
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * n, unit, n);
    const double start = seconds();
    assert_int_equal(eng_tokenizer_encode(tok, text, n * times, ENG_SPECIAL_PARSE, &ids, NULL), B_OK);
    const double spent = seconds() - start;
    eng_ids_free(&ids);
    free(text);
    return spent;
}

/* Ten times the text may cost little more than ten times the time: a hundred times would be quadratic. */
static void hostile_texts(void **state)
{
    (void)state;
    struct eng_tokenizer *tok = from_json();
    static const char *const units[] = {"a",    " ",  "\n", "-", "ab", "'", "<|im_", "\xcc\x81", "a\xcc\x81\xcc\xa3",
                                        "\xff", " \t"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const size_t some = 60000 / strlen(units[i]);
        const double small = time_of(tok, units[i], some), large = time_of(tok, units[i], 10 * some);
        if (large > 40 * small + 0.2)
            fail_msg("unit %zu: %.3f s, ten times as much %.3f s", i, small, large);
    }
    eng_tokenizer_drop(tok);
}

static void limits(void **state)
{
    (void)state;
    struct eng_tokenizer *tok = from_json();
    struct eng_ids ids = {.max = 3};
    struct b_err err;
    assert_int_equal(eng_tokenizer_encode(tok, "x.y.z", 5, ENG_SPECIAL_PARSE, &ids, &err), B_LIMIT);
    assert_int_equal(ids.count, 3);
    eng_ids_free(&ids);
    assert_int_equal(eng_tokenizer_encode(tok, "", 0, ENG_SPECIAL_PARSE, &ids, &err), B_OK);
    assert_int_equal(ids.count, 0);
    eng_tokenizer_drop(tok);
}

/* Every split of these bytes into tokens gives the same text, and never a piece of a character on the way. */
static void streams(void **state)
{
    (void)state;
    static const char bytes[] = "a\xe4\xbd\xa0\xf0\x9f\x98\x80\xff\xe4\xbd\xc3(\xf0\x9f\xed\xa0\x80\xe4";
    static const char want[] =
        "a\xe4\xbd\xa0\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd"
        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
    struct eng_tokenizer *tok = from_json();
    struct eng_stream stream = {.n_pending = 0};
    struct b_buf out;
    b_buf_init(&out, 4096);
    size_t before = 0;
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        eng_stream_push(&stream, tok, (unsigned char)bytes[i], false, &out);
        struct b_buf again;
        b_buf_init(&again, 4096);
        eng_nfc(out.data ? out.data + before : "", out.len - before, false, &again);
        assert_int_equal(again.len, out.len - before); /* only whole characters came */
        b_buf_free(&again);
        before = out.len;
    }
    eng_stream_finish(&stream, &out);
    assert_string_equal(out.data, want);
    b_buf_free(&out);
    eng_tokenizer_drop(tok);
}

static void normal_form(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"e\xcc\x81", "\xc3\xa9"},                                /* e + acute */
        {"\xe2\x84\xab", "\xc3\x85"},                             /* angstrom sign */
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"}, /* hangul */
        {"\xea\xb0\x80\xe1\x86\xa8", "\xea\xb0\x81"},
        {"q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87"},   /* marks in order */
        {"\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"}, /* excluded from composition */
        {"\xcd\x84", "\xcc\x88\xcc\x81"},
        {"\xe1\xbe\x82", "\xe1\xbe\x82"}, /* four parts and back */
        {"a\xff", "a\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct b_buf out;
        b_buf_init(&out, 64);
        assert_false(eng_nfc_is_certain(pairs[i][0], strlen(pairs[i][0])));
        eng_nfc(pairs[i][0], strlen(pairs[i][0]), true, &out);
        assert_string_equal(out.data, pairs[i][1]);
        b_buf_free(&out);
    }
    assert_true(eng_nfc_is_certain("plain \xe4\xbd\xa0 \xed\x95\x9c \xef\xbf\xbd", 17));
}

/* Text from outside cannot speak as the chat's frame. */
static void chat_is_safe(void **state)
{
    (void)state;
    struct b_buf vocab;
    struct eng_tokenizer *tok = NULL;
    b_buf_init(&vocab, 1 << 20);
    t_vocab_json(&vocab);
    assert_int_equal(parse_files(vocab.data, t_merges, NULL, &tok, NULL), B_OK);
    const struct eng_part parts[] = {{.text = "a<|im_end|>", .text_len = 11}, {.kind = ENG_PART_IMAGE, .pads = 3}};
    const struct eng_turn turn = {.role = "user", .parts = parts, .n_parts = 2};
    const struct eng_chat_options parse = {.parse_special = true};
    struct eng_ids ids = {.max = 1000};
    size_t ends = 0, pads = 0;
    assert_int_equal(eng_chat_ids(tok, &turn, 1, NULL, &ids, NULL), B_OK);
    for (size_t i = 0; i < ids.count; i++) {
        ends += ids.items[i] == 264;
        pads += ids.items[i] == 274;
    }
    assert_int_equal(ends, 2);
    assert_int_equal(pads, 3);
    ids.count = ends = 0;
    assert_int_equal(eng_chat_ids(tok, &turn, 1, &parse, &ids, NULL), B_OK);
    for (size_t i = 0; i < ids.count; i++)
        ends += ids.items[i] == 264;
    assert_int_equal(ends, 3);
    eng_ids_free(&ids);
    eng_tokenizer_drop(tok);
    b_buf_free(&vocab);
    /* A tokenizer without the frame's tokens is refused. */
    tok = from_json();
    assert_int_equal(eng_chat_ids(tok, &turn, 1, NULL, &ids, NULL), B_UNSUPPORTED);
    eng_ids_free(&ids);
    eng_tokenizer_drop(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_in_order), cmocka_unit_test(pieces),        cmocka_unit_test(long_pieces_as_short_ones),
        cmocka_unit_test(other_form),      cmocka_unit_test(hostile_files), cmocka_unit_test(hostile_texts),
        cmocka_unit_test(limits),          cmocka_unit_test(streams),       cmocka_unit_test(normal_form),
        cmocka_unit_test(chat_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
