/* SPDX-License-Identifier: Apache-2.0 */
/* The failing allocator behind --wrap. */
#include "tests/torture/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t count, fail_at;
static atomic_bool failed;
static atomic_long balance;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);
void __wrap_free(void *p);

void t_alloc_fail_at(size_t n)
{
    atomic_store(&count, 0);
    atomic_store(&failed, false);
    atomic_store(&balance, 0);
    atomic_store(&fail_at, n);
}

size_t t_alloc_count(void)
{
    return atomic_load(&count);
}

bool t_alloc_failed(void)
{
    return atomic_load(&failed);
}

long t_alloc_balance(void)
{
    return atomic_load(&balance);
}

static bool refuse(void)
{
    const size_t n = atomic_fetch_add(&count, 1) + 1;
    if (n != atomic_load(&fail_at))
        return false;
    atomic_store(&failed, true);
    return true;
}

static void *counted(void *p)
{
    if (p)
        atomic_fetch_add(&balance, 1);
    return p;
}

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (refuse())
        return NULL;
    void *p = __real_realloc(old, size);
    return old ? p : counted(p);
}

char *__wrap_strndup(const char *text, size_t max)
{
    const size_t len = strnlen(text, max);
    char *copy = __wrap_malloc(len + 1);
    if (copy) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

void __wrap_free(void *p)
{
    if (p)
        atomic_fetch_sub(&balance, 1);
    __real_free(p);
}
