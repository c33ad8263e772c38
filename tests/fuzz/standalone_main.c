/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a libFuzzer target without libFuzzer: every file under the folders or files given as arguments is
 * fed whole, then mutated a bounded number of times (cuts, bit flips, swaps) by a fixed generator, so that
 * the same build always runs the same inputs. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SEED_BYTES (4u << 20)
#define DEFAULT_MUTATIONS 200

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void feed(const uint8_t *data, size_t size)
{
    /* An exact-size copy, so that the address sanitizer sees a read past the end. */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return;
    if (size)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void mutate_and_feed(const uint8_t *data, size_t size, long mutations)
{
    const char *seed = getenv("FUZZ_SEED"); /* other mutations of the same files */
    uint64_t state = 0x9e3779b97f4a7c15u ^ size ^ ((uint64_t)(seed ? strtol(seed, NULL, 10) : 0) << 32);
    uint8_t *work = malloc(size ? size : 1);
    if (!work)
        return;
    for (long i = 0; i < mutations && size > 0; i++) {
        memcpy(work, data, size);
        size_t len = size;
        uint64_t kind = next_random(&state) % 4;
        if (kind == 0)
            len = (size_t)(next_random(&state) % size);
        uint64_t edits = 1 + next_random(&state) % 8;
        for (uint64_t e = 0; e < edits && kind != 0; e++) {
            size_t at = (size_t)(next_random(&state) % size);
            if (kind == 1)
                work[at] ^= (uint8_t)(1u << (next_random(&state) % 8));
            else if (kind == 2)
                work[at] = (uint8_t)next_random(&state);
            else
                work[at] = work[next_random(&state) % size];
        }
        feed(work, len);
    }
    free(work);
}

static int run_file(const char *path, long mutations)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    uint8_t *data = malloc(MAX_SEED_BYTES);
    size_t size = data ? fread(data, 1, MAX_SEED_BYTES, f) : 0;
    fclose(f);
    feed(data ? data : (const uint8_t *)"", size);
    if (data)
        mutate_and_feed(data, size, mutations);
    free(data);
    return 0;
}

static int run_path(const char *path, long mutations, int depth, long *count)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "no such seed: %s\n", path);
        return 1;
    }
    if (!S_ISDIR(st.st_mode)) {
        (*count)++;
        return run_file(path, mutations);
    }
    struct dirent **names = NULL;
    int n = depth < 4 ? scandir(path, &names, NULL, alphasort) : 0, bad = 0;
    for (int i = 0; i < n; i++) {
        char child[4096];
        int len = snprintf(child, sizeof child, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && len > 0 && (size_t)len < sizeof child)
            bad |= run_path(child, mutations, depth + 1, count);
        free(names[i]);
    }
    free(names);
    return bad;
}

int main(int argc, char **argv)
{
    const char *asked = getenv("FUZZ_MUTATIONS");
    long mutations = asked ? strtol(asked, NULL, 10) : DEFAULT_MUTATIONS;
    long count = 0;
    int bad = 0;
    feed((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        bad |= run_path(argv[i], mutations, 0, &count);
    printf("%ld seeds, %ld mutations each\n", count, mutations);
    return bad;
}
