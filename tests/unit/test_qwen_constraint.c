/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a model held to a grammar, on the overfit model, whose free answers are known: a grammar that holds them
 * changes nothing; a JSON Schema gives a document of it, greedy or drawn, with drafts or without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/qwen_case.h"

enum { TOKENS = 200 };

static struct eng_qwen *model;
static struct eng_visual visual;
static json_t *json;
static int32_t *prompt_ids;
static size_t n_prompt;

static int load(void **state)
{
    (void)state;
    json = json_load_file(t_golden("overfit/expected.json"), 0, NULL);
    model = t_qwen_open(t_golden("overfit"), NULL);
    const json_t *page = json_array_get(json_object_get(json, "pages"), 0), *ids = json_object_get(page, "prompt_ids");
    t_visual_load(t_golden("overfit/pages/p1.png"), eng_qwen_config_of(model), NULL, &visual);
    n_prompt = json_array_size(ids);
    prompt_ids = calloc(n_prompt, sizeof *prompt_ids);
    for (size_t i = 0; i < n_prompt; i++)
        prompt_ids[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    return 0;
}

static int unload(void **state)
{
    (void)state;
    eng_visual_free(&visual);
    eng_qwen_drop(model);
    free(prompt_ids);
    json_decref(json);
    return 0;
}

static struct eng_matcher *matcher_of(const struct eng_grammar *grammar)
{
    const struct eng_qwen_generation *g = &eng_qwen_config_of(model)->generation;
    struct eng_matcher *m = NULL;
    assert_int_equal(eng_matcher_new(grammar, eng_qwen_tokenizer_of(model), g->stops, g->n_stops, &m, NULL), B_OK);
    return m;
}

/* The answer's tokens and its text. */
struct answer {
    struct eng_token tokens[TOKENS];
    size_t count;
    enum eng_finish finish;
    struct b_buf text;
};

static void ask(struct eng_generate how, struct answer *out)
{
    struct eng_session *session = t_session(model, 1);
    const struct eng_prompt prompt = {prompt_ids, n_prompt, &visual, 1};
    struct b_err err;
    how.max_tokens = TOKENS;
    assert_int_equal(eng_session_prompt(session, &prompt, TOKENS, NULL, &err), B_OK);
    assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
    const struct eng_token *tokens = eng_session_answer(session, &out->count);
    memset(out->tokens, 0, sizeof out->tokens);
    memcpy(out->tokens, tokens, out->count * sizeof *tokens);
    out->finish = eng_session_finish(session);
    b_buf_init(&out->text, 1 << 16);
    for (size_t i = 0; i < out->count; i++)
        eng_tokenizer_decode(eng_qwen_tokenizer_of(model), &tokens[i].id, 1, true, &out->text);
    eng_session_drop(session);
}

static void assert_same(const struct answer *a, const struct answer *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->tokens, b->tokens, sizeof a->tokens);
}

static void free_answers_stay(void **state)
{
    (void)state;
    static const char text[] = "root ::= .*";
    struct eng_grammar *g = NULL;
    struct answer plain, held;
    assert_int_equal(eng_grammar_parse(text, strlen(text), &g, NULL), B_OK);
    struct eng_matcher *m = matcher_of(g);
    ask((struct eng_generate){0}, &plain);
    ask((struct eng_generate){.constraint = m}, &held);
    assert_int_equal(held.finish, ENG_FINISH_STOP);
    assert_same(&plain, &held);
    b_buf_free(&plain.text);
    b_buf_free(&held.text);
    ask((struct eng_generate){.sampling = ENG_SAMPLE_RANDOM, .temperature = 0.5, .seed = 3}, &plain);
    ask((struct eng_generate){.sampling = ENG_SAMPLE_RANDOM, .temperature = 0.5, .seed = 3, .constraint = m}, &held);
    assert_same(&plain, &held); /* what is barred was unlikely */
    eng_matcher_drop(m);
    eng_grammar_drop(g);
    b_buf_free(&plain.text);
    b_buf_free(&held.text);
}

/* Proposes what the greedy free answer begins with, which a schema does not allow. */
static size_t wrong(void *context, const int32_t *ids, size_t count, int32_t *out, size_t max)
{
    (void)context;
    (void)ids;
    for (size_t i = 0; i < max; i++)
        out[i] = (int32_t)((count + i) % 256);
    return max;
}

static void check_document(const struct answer *a)
{
    json_t *root = json_loadb(a->text.data, a->text.len, 0, NULL);
    if (!root)
        fail_msg("no JSON: %s", a->text.data);
    assert_int_equal(a->finish, ENG_FINISH_STOP);
    assert_int_equal(json_object_size(root), 2);
    assert_true(json_string_length(json_object_get(root, "title")) <= 20 * 4);
    const json_t *n = json_object_get(root, "n");
    assert_true(json_is_integer(n) && json_integer_value(n) >= 3 && json_integer_value(n) <= 7);
    json_decref(root);
}

static void documents_of_a_schema(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"properties\":{\"title\":{\"type\":\"string\",\"maxLength\":20},\"n\":{\"type\":\"integer\","
        "\"minimum\":3,\"maximum\":7}},\"required\":[\"title\",\"n\"]}";
    struct eng_grammar *g = NULL;
    struct answer greedy, drafted;
    assert_int_equal(eng_grammar_from_schema(schema, strlen(schema), &g, NULL), B_OK);
    struct eng_matcher *m = matcher_of(g);
    ask((struct eng_generate){.constraint = m}, &greedy);
    check_document(&greedy);
    ask((struct eng_generate){.constraint = m, .propose = wrong}, &drafted);
    assert_same(&greedy, &drafted);
    b_buf_free(&drafted.text);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct eng_generate how = {.sampling = ENG_SAMPLE_RANDOM, .temperature = 30, .seed = seed, .constraint = m};
        ask(how, &drafted);
        check_document(&drafted);
        b_buf_free(&drafted.text);
    }
    for (size_t i = 0; i < greedy.count; i++) /* of the model's own distribution, in which these are unlikely */
        assert_true(greedy.tokens[i].log_probability <= 0);
    assert_true(greedy.tokens[0].log_probability < -1);
    eng_matcher_drop(m);
    eng_grammar_drop(g);
    b_buf_free(&greedy.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_answers_stay),
        cmocka_unit_test(documents_of_a_schema),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
