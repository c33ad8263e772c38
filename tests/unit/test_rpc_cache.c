/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of results on disk: what it gives back, what it forgets first, what it makes of damage and leftovers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/rpc/result_cache.h"
#include "tests/support/folder.h"

#define MIB ((size_t)1 << 20)

static int setup(void **state)
{
    struct t_folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    t_folder_make(folder);
    *state = folder->path; /* the folder's first member */
    return 0;
}

static int teardown(void **state)
{
    struct t_folder *folder = *state;
    t_folder_remove(folder);
    free(folder);
    return 0;
}

static char *key_of(unsigned n, char key[SVC_CACHE_KEY])
{
    (void)snprintf(key, SVC_CACHE_KEY, "%08x%056x", n * 2654435761u, n);
    return key;
}

static void put(struct svc_cache *c, unsigned n, size_t size)
{
    char key[SVC_CACHE_KEY], *data = malloc(size ? size : 1);
    memset(data, (int)('a' + n % 26), size);
    svc_cache_put(c, key_of(n, key), data, size);
    free(data);
}

static bool has(struct svc_cache *c, unsigned n, size_t size)
{
    char key[SVC_CACHE_KEY];
    struct b_bytes file;
    const uint8_t *data = NULL;
    size_t got = 0;
    bool same = svc_cache_get(c, key_of(n, key), &file, &data, &got);
    if (same)
        assert_int_equal(got, size);
    for (size_t i = 0; same && i < got; i++)
        assert_int_equal(data[i], 'a' + n % 26);
    b_bytes_close(&file);
    return same;
}

static struct svc_cache *open_cache(const char *dir, uint64_t bytes)
{
    struct svc_cache *c = NULL;
    assert_int_equal(svc_cache_open(dir, bytes, &c, NULL), B_OK);
    return c;
}

static struct svc_cache_state look(struct svc_cache *c)
{
    struct svc_cache_state s;
    svc_cache_look(c, &s);
    return s;
}

static void keeps_and_forgets(void **state)
{
    struct svc_cache *c = open_cache(*state, 8 * MIB);
    assert_false(has(c, 1, 10));
    put(c, 1, 10);
    put(c, 2, 0);
    assert_true(has(c, 1, 10));
    assert_true(has(c, 2, 0));
    put(c, 3, 2 * MIB); /* above an eighth of the whole: not kept */
    assert_false(has(c, 3, 2 * MIB));
    for (unsigned n = 10; n < 20; n++) {
        put(c, n, MIB - 1000);
        assert_true(has(c, 1, 10)); /* used again and again: stays */
    }
    assert_false(has(c, 10, MIB - 1000)); /* the oldest went */
    assert_true(has(c, 19, MIB - 1000));
    const struct svc_cache_state s = look(c);
    assert_true(s.bytes <= 8 * MIB && s.bytes > 7 * MIB);
    assert_true(s.evicted >= 2 && s.stored == 12 && s.storing && s.failures == 0);
    svc_cache_set_bytes(c, MIB);
    assert_true(look(c).bytes <= MIB);
    svc_cache_close(c);
}

static void survives_a_restart(void **state)
{
    struct svc_cache *c = open_cache(*state, 8 * MIB), *second = NULL;
    for (unsigned n = 0; n < 5; n++)
        put(c, n, 1000);
    usleep(20000);
    assert_true(has(c, 0, 1000)); /* used last, and the next process knows */
    struct b_err err;
    assert_int_equal(svc_cache_open(*state, MIB, &second, &err), B_IO);
    assert_non_null(strstr(err.message, "another server"));
    svc_cache_close(c);
    c = open_cache(*state, 8 * MIB);
    assert_int_equal(look(c).entries, 5);
    svc_cache_set_bytes(c, 1500);
    assert_true(has(c, 0, 1000));
    for (unsigned n = 1; n < 5; n++)
        assert_false(has(c, n, 1000));
    svc_cache_close(c);
}

static void entry_path(const char *dir, unsigned n, char path[4096])
{
    char key[SVC_CACHE_KEY];
    key_of(n, key);
    (void)snprintf(path, 4096, "%s/results/%.2s/%s", dir, key, key);
}

static void damage_is_a_miss(void **state)
{
    char path[4096], other[4160];
    struct svc_cache *c = open_cache(*state, 8 * MIB);
    for (unsigned n = 0; n < 4; n++)
        put(c, n, 1000);
    entry_path(*state, 0, path); /* cut */
    assert_int_equal(truncate(path, 500), 0);
    entry_path(*state, 1, path); /* one bit */
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, 700, SEEK_SET);
    fputc('b' ^ 1, f);
    fclose(f);
    entry_path(*state, 2, path); /* gone */
    assert_int_equal(unlink(path), 0);
    for (unsigned n = 0; n < 3; n++)
        assert_false(has(c, n, 1000));
    assert_true(has(c, 3, 1000));
    entry_path(*state, 0, path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(look(c).damaged, 3);
    assert_int_equal(look(c).entries, 1);
    put(c, 0, 1000); /* and may be kept again */
    assert_true(has(c, 0, 1000));
    svc_cache_close(c);
    /* what a killed process left, and what is no entry at all, is removed at the next start */
    (void)snprintf(other, sizeof other, "%s.AbCdEf", path);
    f = fopen(other, "wb");
    assert_non_null(f);
    fputs("half", f);
    fclose(f);
    entry_path(*state, 3, path);
    assert_int_equal(truncate(path, 0), 0);
    c = open_cache(*state, 8 * MIB);
    assert_int_not_equal(access(other, F_OK), 0);
    assert_false(has(c, 3, 1000));
    assert_true(has(c, 0, 1000));
    svc_cache_close(c);
}

static void a_disk_that_refuses_only_pauses(void **state)
{
    char path[4096], key[SVC_CACHE_KEY];
    struct svc_cache *c = open_cache(*state, 8 * MIB);
    put(c, 0, 1000);
    (void)snprintf(path, sizeof path, "%s/results/%.2s", (const char *)*state, key_of(1, key));
    assert_int_equal(rmdir(path), 0); /* no folder, no file: like a full disk, but for everybody */
    put(c, 1, 1000);
    assert_int_equal(look(c).failures, 1);
    assert_false(look(c).storing);
    put(c, 2, 1000);
    assert_false(has(c, 2, 1000));
    assert_int_equal(look(c).failures, 1);
    assert_true(has(c, 0, 1000));
    svc_cache_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_and_forgets, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_a_miss, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_refuses_only_pauses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
