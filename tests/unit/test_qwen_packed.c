/* SPDX-License-Identifier: Apache-2.0 */
/* Files of packed weights: a model opened with one answers bit by bit as one that packed for itself; a file that is
 * damaged, cut or made for another is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/qwen_case.h"

enum { TOKENS = 40 };

static char folder[64], path[4096];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "qwen_packed_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void answer(const struct eng_qwen *model, struct eng_token *out)
{
    struct eng_session *session = t_session(model, 2);
    struct eng_visual visual;
    json_t *json = json_load_file(t_golden("overfit/expected.json"), 0, NULL);
    const json_t *list = json_object_get(json_array_get(json_object_get(json, "pages"), 0), "prompt_ids");
    int32_t ids[512];
    const size_t n = json_array_size(list);
    assert_true(n <= 512);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    t_visual_load(t_golden("overfit/pages/p1.png"), eng_qwen_config_of(model), NULL, &visual);
    const struct eng_prompt prompt = {ids, n, &visual, 1};
    const struct eng_generate how = {.max_tokens = TOKENS};
    size_t count;
    assert_int_equal(eng_session_prompt(session, &prompt, TOKENS, NULL, NULL), B_OK);
    assert_int_equal(eng_session_generate(session, &how, NULL, NULL), B_OK);
    const struct eng_token *tokens = eng_session_answer(session, &count);
    assert_int_equal(count, TOKENS);
    memcpy(out, tokens, TOKENS * sizeof *out);
    eng_session_drop(session);
    eng_visual_free(&visual);
    json_decref(json);
}

static void same_answers(void **state)
{
    (void)state;
    static const enum eng_qwen_precision precisions[] = {ENG_QWEN_INT8, ENG_QWEN_INT4};
    for (size_t i = 0; i < 2; i++) {
        struct eng_qwen_options options = {.precision = precisions[i], .threads = 2, .packed = folder};
        struct eng_token own[TOKENS], mapped[TOKENS];
        struct b_err err;
        struct eng_qwen *model = t_qwen_open(t_golden("overfit"), &options);
        assert_false(eng_qwen_is_packed(model));
        answer(model, own);
        if (eng_qwen_pack(model, folder, path, sizeof path, &err) != B_OK)
            fail_msg("%s", err.message);
        eng_qwen_drop(model);
        model = t_qwen_open(t_golden("overfit"), &options);
        assert_true(eng_qwen_is_packed(model));
        answer(model, mapped);
        assert_memory_equal(own, mapped, sizeof own);
        eng_qwen_drop(model);
        /* Another checkpoint does not look at it. */
        model = t_qwen_open(t_golden("tiny"), &options);
        assert_false(eng_qwen_is_packed(model));
        eng_qwen_drop(model);
        assert_int_equal(unlink(path), 0);
    }
}

static void int4_checkpoint(void **state)
{
    (void)state;
    struct eng_qwen_options options = {.precision = ENG_QWEN_INT4, .packed = folder};
    struct eng_qwen *model = t_qwen_open(t_golden("awq"), &options), *again;
    assert_int_equal(eng_qwen_pack(model, folder, path, sizeof path, NULL), B_OK);
    again = t_qwen_open(t_golden("awq"), &options);
    assert_true(eng_qwen_is_packed(again));
    for (int i = 0; i < eng_qwen_config_of(model)->text.layers; i++) {
        const struct eng_linear *a = &model->layers[i].down, *b = &again->layers[i].down;
        assert_int_equal(a->kind, b->kind);
        assert_memory_equal(a->w, b->w, a->n * a->w_row);
        assert_memory_equal(a->shift, b->shift, a->n * sizeof(float));
    }
    assert_true(eng_qwen_step_bytes(model) == eng_qwen_step_bytes(again));
    eng_qwen_drop(model);
    eng_qwen_drop(again);
    assert_int_equal(unlink(path), 0);
}

static void write_file(const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

static enum b_code open_again(const struct eng_qwen_options *options)
{
    struct eng_qwen *model = NULL;
    struct b_err err;
    const enum b_code code = eng_qwen_open(t_golden("overfit"), options, &model, &err);
    if (code != B_OK)
        assert_true(err.advice[0] != '\0');
    eng_qwen_drop(model);
    return code;
}

static void damaged_files(void **state)
{
    (void)state;
    struct eng_qwen_options options = {.precision = ENG_QWEN_INT8, .packed = folder};
    struct eng_qwen *model = t_qwen_open(t_golden("overfit"), &options);
    struct b_bytes bytes;
    struct b_err err;
    assert_int_equal(eng_qwen_pack(model, "no/such/folder", path, sizeof path, &err), B_IO);
    assert_int_equal(eng_qwen_pack(model, folder, path, sizeof path, &err), B_OK);
    eng_qwen_drop(model);
    assert_int_equal(b_bytes_map(path, UINT64_MAX, &bytes, &err), B_OK);
    uint8_t *copy = malloc(bytes.size);
    static const size_t cuts[] = {0, 7, 127, 128, 191, 192, 5000};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        write_file(bytes.data, cuts[i]);
        assert_int_equal(open_again(&options), B_FORMAT);
    }
    write_file(bytes.data, bytes.size - 1);
    assert_int_equal(open_again(&options), B_FORMAT);
    /* magic, identity, instruction set, precision, size; kind, outputs, inputs of the first layer */
    static const size_t places[] = {0, 10, 73, 104, 112, 128, 136, 144};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        memcpy(copy, bytes.data, bytes.size);
        copy[places[i]] ^= 1;
        write_file(copy, bytes.size);
        assert_int_equal(open_again(&options), B_FORMAT);
    }
    memcpy(copy, bytes.data, bytes.size);
    copy[108] = 3; /* fewer layers than there are */
    write_file(copy, bytes.size);
    assert_int_equal(open_again(&options), B_FORMAT);
    write_file(bytes.data, bytes.size);
    assert_int_equal(open_again(&options), B_OK);
    options.precision = ENG_QWEN_EXACT;
    model = t_qwen_open(t_golden("overfit"), &options);
    char other[4096];
    assert_int_equal(eng_qwen_pack(model, folder, other, sizeof other, &err), B_ARGUMENT);
    eng_qwen_drop(model);
    free(copy);
    b_bytes_close(&bytes);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_answers),
        cmocka_unit_test(int4_checkpoint),
        cmocka_unit_test(damaged_files),
    };
    (void)t_golden("overfit");
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
