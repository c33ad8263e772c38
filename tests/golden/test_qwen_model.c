/* SPDX-License-Identifier: Apache-2.0 */
/* The model against the golden vectors, block by block and token by token. Bounds are those of the vectors' README. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/qwen25vl/vision.h"
#include "tests/support/qwen_case.h"

enum { ANSWER = 32, LAST = 4 };

static const char *const cases[] = {
    "a_image_140x196",    "b1_not_multiple_101x157", "b2_half_even_70x98", "b3_below_min_20x30", "b4_above_max_230x322",
    "b5_wide_660x33",     "b6_tall_28x560",          "c_two_images",       "d_text_only",        "e1_video_6f_fps2",
    "e2_video_6f_fps1.5", "e3_video_5f_fps4",        "f_image_and_video",  "g_long_prompt",
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static struct t_bound bound_of(const char *name)
{
    if (strstr(name, "merger") || strstr(name, "patch_embed") || strcmp(name, "inputs_embeds") == 0)
        return (struct t_bound){5e-5, 0};
    return (struct t_bound){1e-4, 1e-5};
}

/* final_norm of all rows and the logits of the last four, from the output of the last layer. */
static void check_head(const struct eng_qwen *model, struct eng_session *session, const struct t_case *c,
                       const struct t_seen *last)
{
    size_t rows = c->count, hidden = last->width, vocab = (size_t)model->config.text.vocab;
    float *x = malloc(rows * hidden * sizeof *x), *logits = malloc(LAST * vocab * sizeof *logits);
    memcpy(x, last->data, rows * hidden * sizeof *x);
    model->kernels->rmsnorm(x, rows, hidden, model->final_norm, model->config.text.eps, x);
    if (eng_checkpoint_find(c->tensors, "layer0") || eng_checkpoint_find(c->tensors, "layer0.sub"))
        t_compare(c, "final_norm", x, rows * hidden, bound_of("final_norm"));
    memcpy(x, last->data + (rows - LAST) * hidden, LAST * hidden * sizeof *x);
    eng_decoder_logits(model, &session->ops, x, LAST, logits);
    t_compare(c, "logits_last4", logits, LAST * vocab, (struct t_bound){2e-4, 0});
    free(x);
    free(logits);
}

static void check_greedy(struct eng_session *session, const struct t_case *c)
{
    static const char *const penalties[] = {"1.00", "1.05"};
    struct eng_prompt prompt = t_case_prompt(c);
    for (int p = 0; p < 2; p++) {
        int32_t ids[ANSWER];
        size_t got;
        json_t *greedy = json_object_get(json_object_get(c->json, "greedy"), penalties[p]);
        json_t *expected = json_object_get(greedy, "ids");
        assert_int_equal(json_array_size(expected), ANSWER);
        t_greedy(session, &prompt, p ? 1.05 : 1.0, ANSWER, true, ids, &got);
        assert_int_equal(got, ANSWER);
        for (size_t i = 0; i < ANSWER; i++)
            if (ids[i] != json_integer_value(json_array_get(expected, i))) {
                print_error("penalty %s: token %zu is %d, expected %d\n", penalties[p], i, (int)ids[i],
                            (int)json_integer_value(json_array_get(expected, i)));
                fail();
            }
    }
}

/* Block by block, then token by token. */
static void check_case(const struct eng_qwen *model, struct eng_session *session, const struct t_case *c)
{
    struct t_trace seen = {.c = c};
    struct eng_trace trace = t_trace_of(&seen);
    struct eng_prompt prompt = t_case_prompt(c);
    struct b_err err = {0};
    char last[32];
    eng_session_set_trace(session, &trace);
    assert_int_equal(eng_session_prompt(session, &prompt, ANSWER, NULL, &err), B_OK);
    eng_session_set_trace(session, NULL);
    assert_int_equal(session->delta, json_integer_value(json_object_get(c->json, "rope_delta")));
    if (eng_checkpoint_find(c->tensors, "layer0") || eng_checkpoint_find(c->tensors, "layer0.sub"))
        for (size_t i = 0; i < seen.n_items; i++)
            t_compare(c, seen.items[i].name, seen.items[i].data, seen.items[i].count, bound_of(seen.items[i].name));
    (void)snprintf(last, sizeof last, "layer%d", model->config.text.layers - 1);
    check_head(model, session, c, t_trace_find(&seen, last));
    check_greedy(session, c);
    t_trace_free(&seen);
}

static void check_tiny(const char *dir, int threads, int isa, size_t step)
{
    struct eng_qwen_options options = {.isa = isa};
    struct eng_qwen *model = t_qwen_open(t_golden(dir), &options);
    for (size_t i = 0; i < N_CASES; i += step) {
        struct t_case c;
        struct eng_session *session = t_session(model, threads); /* fresh: nothing is reused */
        print_message("%s, %s, %d threads\n", cases[i], eng_qwen_isa(model), threads);
        t_case_load(cases[i], eng_qwen_config_of(model), &c);
        check_case(model, session, &c);
        t_case_free(&c);
        eng_session_drop(session);
    }
    eng_qwen_drop(model);
}

static void test_tiny(void **state)
{
    (void)state;
    check_tiny("tiny", 1, 0, 1);
    check_tiny("tiny", 2, 0, 3);
}

static void test_tiny_sharded(void **state)
{
    (void)state;
    check_tiny("tiny-sharded", 1, 0, 4);
}

static void test_every_instruction_set(void **state)
{
    (void)state;
    for (int isa = ENG_LM_PLAIN; isa < ENG_LM_ISA_COUNT; isa++)
        if (eng_lm_for((enum eng_lm_isa)isa))
            check_tiny("tiny", 1, isa + 1, 6);
}

static void check_single(const char *dir, const char *json, const char *tensors, const char *picture)
{
    struct t_case c;
    struct eng_qwen *model = t_qwen_open(t_golden(dir), NULL);
    struct eng_session *session = t_session(model, 1);
    t_case_load_single(t_golden(json), t_golden(tensors), t_golden(picture), eng_qwen_config_of(model), &c);
    check_case(model, session, &c);
    t_case_free(&c);
    eng_session_drop(session);
    eng_qwen_drop(model);
}

static void test_tied(void **state)
{
    (void)state;
    check_single("tiny-tied", "tiny-tied/case.json", "tiny-tied/case.safetensors",
                 "tiny/cases/a_image_140x196.img0.png");
}

static void test_awq(void **state)
{
    (void)state;
    check_single("awq", "awq/expected.json", "awq/expected.safetensors", "awq/awq.img0.png");
}

/* --- overfit: pages to text --- */

struct overfit {
    json_t *json;
    struct eng_visual visuals[8];
    int32_t *prompts[8], *answers[8];
    size_t n_prompt[8], n_answer[8], count;
};

static int32_t *ids_of(const json_t *list, size_t *count)
{
    *count = json_array_size(list);
    int32_t *ids = calloc(*count, sizeof *ids);
    for (size_t i = 0; i < *count; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return ids;
}

static void overfit_load(const struct eng_qwen *model, struct overfit *o)
{
    size_t i;
    json_t *page;
    *o = (struct overfit){.json = json_load_file(t_golden("overfit/expected.json"), 0, NULL)};
    json_array_foreach(json_object_get(o->json, "pages"), i, page)
    {
        char path[64];
        (void)snprintf(path, sizeof path, "overfit/%s", json_string_value(json_object_get(page, "png")));
        t_visual_load(t_golden(path), eng_qwen_config_of(model), NULL, &o->visuals[i]);
        o->prompts[i] = ids_of(json_object_get(page, "prompt_ids"), &o->n_prompt[i]);
        o->answers[i] = ids_of(json_object_get(page, "answer_ids"), &o->n_answer[i]);
        o->count++;
    }
    assert_int_equal(o->count, 6);
}

static void overfit_free(struct overfit *o)
{
    for (size_t i = 0; i < o->count; i++) {
        eng_visual_free(&o->visuals[i]);
        free(o->prompts[i]);
        free(o->answers[i]);
    }
    json_decref(o->json);
}

static void check_answer(const struct overfit *o, size_t page, const struct eng_token *answer, size_t count)
{
    assert_int_equal(count, o->n_answer[page]);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(answer[i].id, o->answers[page][i]);
}

static void check_merger(const struct overfit *o, size_t page, const struct eng_session *session)
{
    const json_t *p = json_array_get(json_object_get(o->json, "pages"), page);
    size_t hidden = (size_t)session->model->config.text.hidden, tokens = session->visuals[0].tokens;
    const float *rows[2] = {session->visuals[0].embedding, session->visuals[0].embedding + (tokens - 1) * hidden};
    static const char *const names[2] = {"merger_row0_first8", "merger_last_row_first8"};
    for (int r = 0; r < 2; r++)
        for (size_t i = 0; i < 8; i++)
            assert_true(fabs((double)rows[r][i] - json_number_value(json_array_get(json_object_get(p, names[r]), i))) <
                        1e-3);
}

static void check_overfit(enum eng_qwen_precision precision, enum eng_qwen_cache cache, int large, int threads)
{
    struct overfit o;
    struct eng_qwen_options options = {.precision = precision, .cache = cache, .large = large};
    struct eng_qwen *model = t_qwen_open(t_golden("overfit"), &options);
    struct eng_session *session = t_session(model, threads);
    overfit_load(model, &o);
    for (size_t i = 0; i < o.count; i++) {
        struct eng_prompt prompt = {o.prompts[i], o.n_prompt[i], &o.visuals[i], 1};
        struct b_err err = {0};
        struct eng_generate how = {.max_tokens = o.n_answer[i] + 5, .repetition_penalty = i % 2 ? 1.0 : 0};
        size_t count;
        assert_int_equal(eng_session_prompt(session, &prompt, how.max_tokens, NULL, &err), B_OK);
        if (precision == ENG_QWEN_EXACT)
            check_merger(&o, i, session);
        assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
        assert_int_equal(eng_session_finish(session), ENG_FINISH_STOP);
        const struct eng_token *answer = eng_session_answer(session, &count);
        check_answer(&o, i, answer, count);
        for (size_t t = 0; t < count; t++) /* the gaps between first and second are 8 and more */
            assert_true(answer[t].log_probability <= 0 && answer[t].log_probability > -0.05f);
    }
    overfit_free(&o);
    eng_session_drop(session);
    eng_qwen_drop(model);
}

/* With 4 bits the tower is packed block by block while it runs: the result is that of 8 bits. */
static void test_tower_packed(void **state)
{
    (void)state;
    float *out[2];
    size_t bytes = 0;
    for (int i = 0; i < 2; i++) {
        struct overfit o;
        struct eng_ops ops;
        struct eng_qwen_options options = {.precision = i ? ENG_QWEN_INT4 : ENG_QWEN_INT8};
        struct eng_qwen *model = t_qwen_open(t_golden("overfit"), &options);
        assert_true((model->blocks[0].qkv.kind == ENG_LINEAR_S8) == (i == 0));
        overfit_load(model, &o);
        bytes = (size_t)eng_visual_tokens(&o.visuals[0], model->config.vision.merge) *
                (size_t)model->config.vision.out_hidden * sizeof(float);
        out[i] = malloc(bytes);
        assert_int_equal(eng_ops_new(model->kernels, 2, 64, eng_qwen_widest(model), &ops, NULL), B_OK);
        assert_int_equal(eng_vision_run(model, &ops, &o.visuals[0], out[i], NULL, NULL, NULL), B_OK);
        eng_ops_free(&ops);
        overfit_free(&o);
        eng_qwen_drop(model);
    }
    assert_memory_equal(out[0], out[1], bytes);
    free(out[0]), free(out[1]);
}

static void test_overfit(void **state)
{
    (void)state;
    check_overfit(ENG_QWEN_EXACT, ENG_QWEN_CACHE_AUTO, 0, 1);
}

static void test_overfit_narrow(void **state)
{
    (void)state;
    for (int large = 0; large <= 2; large++) { /* as the processor has it, without oneDNN, with it wherever it can */
        check_overfit(ENG_QWEN_BF16, ENG_QWEN_CACHE_AUTO, large, 2);
        check_overfit(ENG_QWEN_INT8, ENG_QWEN_CACHE_AUTO, large, 2);
    }
    check_overfit(ENG_QWEN_EXACT, ENG_QWEN_CACHE_F16, 0, 2);
    check_overfit(ENG_QWEN_INT8, ENG_QWEN_CACHE_F32, 0, 2);
}

int main(void)
{
    (void)t_golden("");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_tiny_sharded),
        cmocka_unit_test(test_every_instruction_set),
        cmocka_unit_test(test_tied),
        cmocka_unit_test(test_awq),
        cmocka_unit_test(test_overfit),
        cmocka_unit_test(test_overfit_narrow),
        cmocka_unit_test(test_tower_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
