/* SPDX-License-Identifier: Apache-2.0 */
/* The desk of the jobs: clients take turns, each in its own order; what waits at the end is still done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/rpc/job_desk.h"

struct piece {
    struct svc_desk_item item; /* first */
    char name;
};

static char done[SVC_DESK_MAX + 8];
static size_t n_done;

static void run(struct svc_desk_item *item)
{
    done[n_done++] = ((struct piece *)(void *)item)->name;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static struct svc_desk *new_desk(void (*look)(void *ctx), void *ctx)
{
    struct svc_desk *desk = NULL;
    struct b_err err;
    n_done = 0;
    memset(done, 0, sizeof done);
    assert_int_equal(svc_desk_new(look, nothing, ctx, &desk, &err), B_OK);
    return desk;
}

static bool put(struct svc_desk *desk, struct piece *piece, const char *client, char name)
{
    *piece = (struct piece){.item = {.run = run}, .name = name};
    (void)snprintf(piece->item.client, sizeof piece->item.client, "%s", client);
    return svc_desk_put(desk, &piece->item);
}

static void open_and_drop(struct svc_desk *desk)
{
    struct b_err err;
    assert_int_equal(svc_desk_open(desk, &err), B_OK);
    svc_desk_drop(desk);
}

static void test_turns(void **state)
{
    static const char names[] = "abcdefXYz";
    static const char *const clients[] = {"one", "one", "one", "one", "one", "one", "two", "two", "three"};
    struct piece pieces[sizeof names];
    struct svc_desk *desk = new_desk(nothing, NULL);
    (void)state;
    for (size_t i = 0; i < sizeof names - 1; i++)
        assert_true(put(desk, &pieces[i], clients[i], names[i]));
    open_and_drop(desk);
    assert_string_equal(done, "aXzbYcdef");
}

/* Who asks again as soon as it was answered waits for those who asked before. */
struct insistent {
    struct piece piece; /* first */
    struct svc_desk *desk;
    int left;
};

static void run_again(struct svc_desk_item *item)
{
    struct insistent *i = (struct insistent *)(void *)item;
    run(item);
    if (i->left-- > 0)
        assert_true(svc_desk_put(i->desk, item));
}

static void test_nobody_starves(void **state)
{
    struct piece pieces[3];
    struct svc_desk *desk = new_desk(nothing, NULL);
    struct insistent again = {.piece = {.item = {.run = run_again, .client = "again"}, .name = '.'}, .desk = desk, .left = 4};
    (void)state;
    assert_true(svc_desk_put(desk, &again.piece.item));
    for (int i = 0; i < 3; i++)
        assert_true(put(desk, &pieces[i], "patient", (char)('a' + i)));
    open_and_drop(desk);
    assert_string_equal(done, ".ab.c...");
}

static void test_bound(void **state)
{
    struct piece *pieces = calloc(SVC_DESK_MAX + 1, sizeof *pieces);
    struct svc_desk *desk = new_desk(nothing, NULL);
    (void)state;
    assert_non_null(pieces);
    for (int i = 0; i < SVC_DESK_MAX; i++)
        assert_true(put(desk, &pieces[i], i % 2 ? "odd" : "even", 'x'));
    assert_false(put(desk, &pieces[SVC_DESK_MAX], "other", 'y'));
    open_and_drop(desk);
    assert_int_equal(n_done, SVC_DESK_MAX);
    free(pieces);
}

static void look(void *ctx)
{
    ++*(int *)ctx;
    done[n_done++] = '!';
}

static void test_woken_first(void **state)
{
    struct piece piece;
    int looks = 0;
    struct svc_desk *desk = new_desk(look, &looks);
    (void)state;
    assert_true(put(desk, &piece, "one", 'a'));
    svc_desk_wake(desk);
    svc_desk_wake(desk);
    open_and_drop(desk);
    assert_string_equal(done, "!a");
    assert_int_equal(looks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_nobody_starves),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_woken_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
