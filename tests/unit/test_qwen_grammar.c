/* SPDX-License-Identifier: Apache-2.0 */
/* Grammars and JSON Schemas: which texts they let through, byte by byte and token by token; what is refused; answers
 * drawn at random that must all be documents of the schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/qwen25vl/grammar.h"
#include "tests/support/tiny_vocab.h"

#define STOP 262

static struct eng_tokenizer *tok;

static struct eng_matcher *matcher_of(const struct eng_grammar *g)
{
    static const int32_t stop = STOP;
    struct eng_matcher *m = NULL;
    assert_int_equal(eng_matcher_new(g, tok, &stop, 1, &m, NULL), B_OK);
    return m;
}

static struct eng_grammar *rules(const char *text)
{
    struct eng_grammar *g = NULL;
    struct b_err err;
    if (eng_grammar_parse(text, strlen(text), &g, &err) != B_OK)
        fail_msg("%s: %s", text, err.message);
    return g;
}

static struct eng_grammar *schema(const char *text)
{
    struct eng_grammar *g = NULL;
    struct b_err err;
    if (eng_grammar_from_schema(text, strlen(text), &g, &err) != B_OK)
        fail_msg("%s: %s", text, err.message);
    return g;
}

/* Whether the text is whole under the grammar, its bytes given one token each. */
static bool takes(const struct eng_grammar *g, const char *text)
{
    struct eng_matcher *m = matcher_of(g);
    bool ok = true;
    for (const char *at = text; *at && ok; at++) {
        const int32_t id = (unsigned char)*at;
        const bool allowed = eng_matcher_allows(m, id);
        ok = eng_matcher_accept(m, id);
        assert_int_equal(allowed, ok);
    }
    ok = ok && eng_matcher_may_end(m);
    assert_int_equal(ok && eng_matcher_allows(m, STOP), ok);
    eng_matcher_drop(m);
    return ok;
}

/* texts: those that match, "", those that do not, NULL. */
static void check_texts(struct eng_grammar *g, const char *const *texts)
{
    bool want = true;
    for (; *texts; texts++) {
        if (!**texts && want)
            want = false;
        else if (takes(g, *texts) != want)
            fail_msg("\"%s\" is %staken", *texts, want ? "not " : "");
    }
    eng_grammar_drop(g);
}
#define CHECK(g, ...) check_texts(g, (const char *const[]){__VA_ARGS__, NULL})

static void written_rules(void **state)
{
    (void)state;
    CHECK(rules("root ::= \"yes\" | \"no\""), "yes", "no", "", "ye", "yesno", "maybe");
    CHECK(rules("root ::= \"a\"+ \"b\"? \"c\"*"), "a", "aab", "aabccc", "ac", "", "b", "abb", "abca");
    CHECK(rules("root ::= (\"x\" | \"yz\"){2,3} \".\""), "xx.", "xyz.", "yzyzyz.", "", "x.", "xxxx.", "xy.");
    CHECK(rules("root ::= [a-c0-9_\\]-]{2}"), "a9", "_]", "--", "", "a", "d0", "abc");
    CHECK(rules("root ::= [^a-y\"]"), "z", "\n", "\xc3\xa9", "\xf0\x9f\x98\x80", "", "a", "\"", "zz", "\xc3");
    CHECK(rules("root ::= ."), "a", "\xe4\xbd\xa0", "", "ab", "\xff", "\xed\xa0\x80", "\xc0\x80");
    CHECK(rules("root ::= [\\u00e0-\\U0001f600]"), "\xc3\xa0", "\xe4\xbd\xa0", "\xf0\x9f\x98\x80", "", "\xc3\x9f",
          "\xf0\x9f\x98\x81", "a");
    CHECK(rules("# sums\nroot ::= sum # end\nsum ::= term (\"+\" term)*\nterm ::= [0-9]+ | \"(\" sum \")\"\n"), "1+22",
          "(1+(2))+3", "", "1+", "((1)", "+1");
    CHECK(rules("root ::= item{3} \"\\x41\\n\\t\\\"\\\\\"\nitem ::= \"\\u4f60\""),
          "\xe4\xbd\xa0\xe4\xbd\xa0\xe4\xbd\xa0"
          "A\n\t\"\\",
          "", "A");
    CHECK(rules("root ::= \"a\" root \"b\" | \"\""), "ab", "aaabbb", "", "aab", "abb", "ba");
}

static size_t utf8(uint32_t cp, char *out)
{
    const size_t n = b_utf8_put(cp, out);
    out[n] = '\0';
    return n;
}

/* Ranges of code points against their definition, around every edge that UTF-8 has. */
static void ranges_of_characters(void **state)
{
    (void)state;
    static const uint32_t edges[] = {0x20,   0x7f,    0x80,    0xbf,    0xc0,    0x7ff,   0x800,
                                     0x83f,  0x840,   0xfff,   0x1000,  0x1041,  0xd7ff,  0xe000,
                                     0xffff, 0x10000, 0x10fff, 0x11001, 0x3ffff, 0x40000, 0x10ffff};
    const size_t n = sizeof edges / sizeof *edges;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i; k < n; k++) {
            char rule[64], text[8];
            snprintf(rule, sizeof rule, "root ::= [\\U%08x-\\U%08x]", edges[i], edges[k]);
            struct eng_grammar *g = rules(rule);
            for (size_t e = 0; e < n; e++)
                for (int d = -1; d <= 1; d++) {
                    const uint32_t cp = edges[e] + (uint32_t)d;
                    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
                        continue;
                    utf8(cp, text);
                    if (takes(g, text) != (cp >= edges[i] && cp <= edges[k]))
                        fail_msg("%s with U+%04x", rule, cp);
                }
            eng_grammar_drop(g);
        }
    }
}

static void refused_rules(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "a ::= \"x\"",
        "root ::= missing",
        "root ::= \"x",
        "root ::= [a",
        "root ::= [z-a]",
        "root ::= []",
        "root ::= (\"a\"",
        "root ::= \"a\")",
        "root ::= \"a\"{2,1}",
        "root ::= \"a\"{",
        "root ::= \"a\"{99999999}",
        "root ::= \"\\q\"",
        "root ::= \"\\ud800\"",
        "root ::= root \"a\" | \"b\"",
        "root ::= a \"x\"\na ::= b\nb ::= \"\" | a",
        "root ::= (\"a\"*)*",
        "root ::= \"a\"\nroot ::= \"b\"",
        "::= \"a\"",
        "root = \"a\"",
        "root ::= \"a\" ** ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct eng_grammar *g = NULL;
        struct b_err err;
        if (eng_grammar_parse(bad[i], strlen(bad[i]), &g, &err) == B_OK)
            fail_msg("accepted: %s", bad[i]);
        assert_null(g);
        assert_true(err.message[0] != '\0');
    }
    char nested[3000] = "root ::= ";
    memset(nested + 9, '(', 1000);
    struct eng_grammar *g = NULL;
    assert_int_equal(eng_grammar_parse(nested, strlen(nested), &g, NULL), B_FORMAT);
}

static void schemas(void **state)
{
    (void)state;
    CHECK(schema("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}},"
                 "\"required\":[\"a\",\"b\"]}"),
          "{\"a\":1,\"b\":\"x\"}", "{\"a\": -12, \"b\": \"\\n\\u00e9\\ud7ff\\\"\"}", "{\n  \"a\": 0,\n  \"b\": \"\"\n}",
          "", "{}", "{\"a\":1}", "{\"b\":\"x\",\"a\":1}", "{\"a\":01,\"b\":\"\"}", "{\"a\":1.5,\"b\":\"\"}",
          "{\"a\":1,\"b\":\"\n\"}", "{\"a\":1,\"b\":\"\\ud800\"}", "{\"a\":1,\"b\":\"x\"} ", "{\"a\":1,\"b\":\"x\",}");
    CHECK(schema("{\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"type\":\"boolean\"},\"c\":{\"const\":3}},"
                 "\"required\":[\"b\"]}"),
          "{\"b\":true}", "{\"a\":null,\"b\":false,\"c\":3}", "{\"b\":true,\"c\":3}", "", "{}", "{\"a\":null}",
          "{\"c\":3}", "{\"a\":null,\"c\":3}", "{\"a\":null\"b\":true}");
    CHECK(schema("{\"properties\":{\"a\":{\"const\":1},\"b\":{\"const\":2}}}"), "{}", "{\"a\":1}", "{\"b\":2}",
          "{\"a\":1,\"b\":2}", "", "{,\"b\":2}", "{\"b\":2,\"a\":1}");
    CHECK(schema("{\"type\":\"array\",\"items\":{\"type\":\"number\",\"minimum\":0},\"minItems\":1,\"maxItems\":3}"),
          "[0]", "[1, 2.50,3e+10]", "", "[]", "[1,2,3,4]", "[-1]", "[1,]", "[.5]", "[1.]", "[1e999]");
    CHECK(schema("{\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"integer\"}],\"items\":false}"), "[\"x\",1]", "",
          "[]", "[\"x\"]", "[\"x\",1,2]");
    CHECK(schema("{\"enum\":[\"a\\\"b\",null,{\"k\":[1,true]}]}"), "\"a\\\"b\"", "null", "{\"k\":[1,true]}", "",
          "\"a\"", "{\"k\":[1]}");
    CHECK(schema("{\"type\":[\"string\",\"null\"],\"minLength\":2,\"maxLength\":3}"), "\"ab\"",
          "\"\xe4\xbd\xa0\\u0041c\"", "null", "", "\"a\"", "\"abcd\"", "1");
    CHECK(schema("{\"type\":\"integer\",\"minimum\":-2,\"exclusiveMaximum\":2}"), "-2", "0", "1", "", "2", "-3", "-0");
    CHECK(schema("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}]}"), "\"x\"",
          "[\"x\",[\"y\",[]]]", "", "1", "[1]");
    CHECK(schema("{\"$ref\":\"#/$defs/no~1de\",\"$defs\":{\"no/de\":{\"properties\":{\"v\":{\"type\":\"integer\"},"
                 "\"next\":{\"$ref\":\"#/$defs/no~1de\"}},\"required\":[\"v\"]}}}"),
          "{\"v\":1,\"next\":{\"v\":2}}", "", "{\"next\":{\"v\":2}}");
    CHECK(schema("{}"), "{\"x\":[1,\"a\",{},[],null]}", "3", "", "{x:1}", "[1 2]", "tru");
    CHECK(schema("{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}"), "{}", "{\"any\":1, \"b\":2}",
          "", "{\"a\":\"x\"}");
    CHECK(schema("{\"required\":[\"q\"]}"), "{\"q\":[1]}", "", "{}");
}

static void refused_schemas(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum b_code code;
    } bad[] = {
        {"[]", B_FORMAT},
        {"{", B_FORMAT},
        {"{\"type\":\"text\"}", B_FORMAT},
        {"{\"type\":3}", B_FORMAT},
        {"{\"type\":\"string\",\"pattern\":\"a+\"}", B_UNSUPPORTED},
        {"{\"type\":\"number\",\"minimum\":1}", B_UNSUPPORTED},
        {"{\"type\":\"number\",\"exclusiveMinimum\":0}", B_UNSUPPORTED},
        {"{\"type\":\"integer\",\"multipleOf\":2}", B_UNSUPPORTED},
        {"{\"type\":\"array\",\"uniqueItems\":true}", B_UNSUPPORTED},
        {"{\"type\":\"array\",\"minItems\":3,\"maxItems\":2}", B_UNSUPPORTED},
        {"{\"type\":\"string\",\"maxLength\":-1}", B_FORMAT},
        {"{\"type\":\"string\",\"minLength\":1e9}", B_FORMAT},
        {"{\"not\":{}}", B_UNSUPPORTED},
        {"{\"allOf\":[{}]}", B_UNSUPPORTED},
        {"{\"anyOf\":[]}", B_FORMAT},
        {"{\"anyOf\":[{}],\"minLength\":2}", B_UNSUPPORTED},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", B_UNSUPPORTED},
        {"{\"enum\":[]}", B_FORMAT},
        {"{\"enum\":[1],\"type\":\"string\"}", B_FORMAT},
        {"{\"$ref\":\"#\"}", B_FORMAT},
        {"{\"$ref\":\"#/$defs/x\"}", B_FORMAT},
        {"{\"$ref\":\"http://example.org/s.json\"}", B_UNSUPPORTED},
        {"{\"properties\":3}", B_FORMAT},
        {"{\"properties\":{\"a\":3}}", B_FORMAT},
        {"{\"properties\":{\"a\":false}}", B_FORMAT},
        {"{\"required\":[1]}", B_FORMAT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct eng_grammar *g = NULL;
        struct b_err err;
        const enum b_code code = eng_grammar_from_schema(bad[i].text, strlen(bad[i].text), &g, &err);
        if (code != bad[i].code)
            fail_msg("%s gives %s", bad[i].text, b_code_name(code));
        assert_null(g);
    }
    struct b_buf deep;
    b_buf_init(&deep, 1 << 20);
    for (int i = 0; i < 500; i++)
        b_buf_puts(&deep, "{\"items\":");
    b_buf_puts(&deep, "{}");
    for (int i = 0; i < 500; i++)
        b_buf_putc(&deep, '}');
    struct eng_grammar *g = NULL;
    assert_int_equal(eng_grammar_from_schema(deep.data, deep.len, &g, NULL), B_LIMIT);
    b_buf_free(&deep);
}

static void tokens_of_several_bytes(void **state)
{
    (void)state;
    struct eng_grammar *g = rules("root ::= \"a\" \"bc\" | \"ab\" \"x\"");
    struct eng_matcher *m = matcher_of(g);
    uint8_t allowed[263];
    assert_true(eng_matcher_allows(m, 256));  /* ab */
    assert_true(eng_matcher_allows(m, 257));  /* abc */
    assert_false(eng_matcher_allows(m, 258)); /* bc */
    assert_false(eng_matcher_allows(m, STOP));
    assert_false(eng_matcher_allows(m, 263)); /* an added token */
    assert_false(eng_matcher_allows(m, -1));
    assert_false(eng_matcher_allows(m, 100000));
    assert_int_equal(eng_matcher_mask(m, allowed, 263), 3);
    assert_true(allowed['a'] && allowed[256] && allowed[257]);
    assert_false(eng_matcher_accept(m, 258));
    assert_true(eng_matcher_accept(m, 256));
    assert_int_equal(eng_matcher_mask(m, allowed, 263), 2); /* c and x */
    assert_true(eng_matcher_accept(m, 'c'));
    assert_true(eng_matcher_must_end(m));
    assert_int_equal(eng_matcher_mask(m, allowed, 263), 1);
    assert_true(allowed[STOP]);
    assert_true(eng_matcher_accept(m, STOP));
    assert_false(eng_matcher_accept(m, STOP));
    eng_matcher_reset(m);
    assert_true(eng_matcher_accept(m, 257));
    eng_matcher_drop(m);
    eng_grammar_drop(g);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Draws tokens until the stop; the text goes to out. Ends are preferred after a while. */
static void draw(struct eng_matcher *m, uint64_t seed, struct b_buf *out)
{
    static const char closing[] = "\"}]0";
    uint8_t allowed[264];
    for (int i = 0; i < 4000; i++) {
        size_t n = eng_matcher_mask(m, allowed, sizeof allowed), pick = next_random(&seed) % n;
        int32_t id = 0;
        for (int32_t k = 0; k < (int32_t)sizeof allowed; k++)
            assert_int_equal(allowed[k], eng_matcher_allows(m, k));
        while (!allowed[id] || pick--)
            id++;
        for (size_t k = 0; i > 60 && k < sizeof closing; k++)
            if (allowed[(unsigned char)closing[k]] && closing[k]) {
                id = closing[k];
                break;
            }
        if (i > 60 && allowed[STOP])
            id = STOP;
        assert_true(eng_matcher_accept(m, id));
        if (id == STOP)
            return;
        size_t len;
        const char *bytes = eng_tokenizer_bytes(tok, id, &len);
        b_buf_append(out, bytes, len);
    }
    fail_msg("no end: %s", out->data);
}

static void random_answers(void **state)
{
    (void)state;
    struct eng_grammar *g = schema(
        "{\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":9},\"n\":{\"type\":\"integer\",\"minimum\":1,"
        "\"maximum\":50},\"tags\":{\"type\":\"array\",\"items\":{\"enum\":[\"abc\",\"ab\",\"t\"]},\"maxItems\":4},"
        "\"more\":{}},\"required\":[\"n\",\"tags\"]}");
    struct eng_matcher *m = matcher_of(g);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct b_buf text;
        json_error_t why;
        b_buf_init(&text, 1 << 20);
        eng_matcher_reset(m);
        draw(m, seed * 0x9e3779b97f4a7c15u, &text);
        json_t *root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
        if (!root) /* members of free objects may repeat or have a zero in their name, which the library refuses */
            root = json_loadb(text.data, text.len, JSON_ALLOW_NUL, &why);
        if (!root && !strstr(why.text, "NUL byte in object key"))
            fail_msg("%s: %s", text.data, why.text);
        if (root) {
            const json_t *n = json_object_get(root, "n"), *tags = json_object_get(root, "tags");
            assert_true(json_is_integer(n) && json_integer_value(n) >= 1 && json_integer_value(n) <= 50);
            assert_true(json_is_array(tags) && json_array_size(tags) <= 4);
        }
        json_decref(root);
        b_buf_free(&text);
    }
    eng_matcher_drop(m);
    eng_grammar_drop(g);
}

/* Nesting beyond the bound ends where it must, and a text of many open readings stays quick. */
static void bounds(void **state)
{
    (void)state;
    struct eng_grammar *g = schema("{}");
    struct eng_matcher *m = matcher_of(g);
    int depth = 0;
    while (depth < 10000 && eng_matcher_accept(m, '['))
        depth++;
    assert_int_equal(depth, ENG_GRAMMAR_MAX_DEPTH + 1); /* the innermost can only be empty */
    for (int i = 0; i < depth; i++)
        assert_true(eng_matcher_accept(m, ']'));
    assert_true(eng_matcher_must_end(m));
    eng_matcher_reset(m);
    for (int i = 0; i < 200000; i++) /* a long list holds no more than a short one */
        assert_true(eng_matcher_accept(m, i == 0 ? '[' : i % 2 ? '1' : ','));
    eng_matcher_drop(m);
    eng_grammar_drop(g);
    g = rules("root ::= a{1000}\na ::= \"x\" | \"xx\" | \"xxx\" | b\nb ::= \"x\"? \"x\"? \"x\"? \"x\"");
    m = matcher_of(g);
    for (int i = 0; i < 300; i++)
        assert_true(eng_matcher_accept(m, 'x'));
    eng_matcher_drop(m);
    eng_grammar_drop(g);
}

int main(void)
{
    struct b_buf text;
    b_buf_init(&text, 1 << 20);
    t_tokenizer_json(&text);
    const struct eng_tokenizer_source source = {.json = text.data, .json_size = text.len};
    if (eng_tokenizer_parse(&source, &tok, NULL) != B_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_rules),   cmocka_unit_test(ranges_of_characters),
        cmocka_unit_test(refused_rules),   cmocka_unit_test(schemas),
        cmocka_unit_test(refused_schemas), cmocka_unit_test(tokens_of_several_bytes),
        cmocka_unit_test(random_answers),  cmocka_unit_test(bounds),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    eng_tokenizer_drop(tok);
    b_buf_free(&text);
    return failed;
}
