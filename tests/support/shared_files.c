/* SPDX-License-Identifier: Apache-2.0 */
/* Access to the shared test data. */
#include "tests/support/shared_files.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void give_up(const char *what, const char *path)
{
    fprintf(stderr, "%s: %s\n", what, path);
    exit(1);
}

const char *t_shared(const char *name)
{
    static char paths[4][4096];
    static int turn;
    const char *root = getenv("DP_SHARED");
    char *path = paths[turn = (turn + 1) % 4];
    const int n = snprintf(path, sizeof paths[0], "%s/data/%s", root ? root : "../shared", name);
    if (n < 0 || (size_t)n >= sizeof paths[0])
        give_up("path too long", name);
    return path;
}

void t_need_shared(const char *name)
{
    const char *path = t_shared(name);
    if (access(path, R_OK) == 0)
        return;
    printf("SKIP: no shared test data at %s\n", path);
    exit(77);
}

void t_need_model(const char *name)
{
    const char *folder = getenv("DOCPARSE_MODELS");
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
    if (folder && n > 0 && (size_t)n < sizeof path && access(path, R_OK) == 0)
        return;
    printf("SKIP: no %s in DOCPARSE_MODELS\n", name);
    exit(77);
}

char *t_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        give_up("cannot open", path);
    size_t cap = 1 << 16, len = 0, n;
    char *data = malloc(cap + 1);
    while (data && (n = fread(data + len, 1, cap - len, f)) > 0) {
        len += n;
        if (len == cap) {
            cap *= 2;
            data = realloc(data, cap + 1);
        }
    }
    fclose(f);
    if (!data)
        give_up("no memory for", path);
    data[len] = '\0';
    if (size)
        *size = len;
    return data;
}

json_t *t_json(const char *path)
{
    json_error_t why;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &why);
    if (!root)
        give_up(why.text, path);
    return root;
}

int *t_ints(const json_t *list, size_t *count)
{
    const size_t n = json_array_size(list);
    int *out = malloc((n + 1) * sizeof *out);
    if (!out)
        give_up("no memory for", "numbers");
    for (size_t i = 0; i < n; i++)
        out[i] = (int)json_integer_value(json_array_get(list, i));
    *count = n;
    return out;
}

void t_sha256(const void *data, size_t size, char out[65])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (EVP_Digest(data, size, md, &len, EVP_sha256(), NULL) != 1 || len != 32)
        give_up("no SHA-256", "libcrypto");
    for (unsigned int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", md[i]);
}
