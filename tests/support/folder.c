/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of tests, below $TMPDIR or the build's own folder. */
#include "tests/support/folder.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void t_folder_make(struct t_folder *folder)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder->path, sizeof folder->path, "%s/docparse-test-XXXXXX", base && base[0] ? base : ".");
    assert_non_null(mkdtemp(folder->path));
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void t_folder_remove(const struct t_folder *folder)
{
    (void)nftw(folder->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *t_folder_at(const struct t_folder *folder, const char *name, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/%s", folder->path, name);
    return out;
}

void t_folder_write(const struct t_folder *folder, const char *name, const char *text)
{
    char path[1024];
    t_folder_at(folder, name, path, sizeof path);
    for (char *at = path + strlen(folder->path) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        (void)mkdir(path, 0777);
        *at = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

char *t_folder_read(const struct t_folder *folder, const char *name)
{
    char path[1024];
    FILE *f = fopen(t_folder_at(folder, name, path, sizeof path), "r");
    char *text = calloc(1, 65536);
    assert_non_null(text);
    if (f) {
        size_t n = fread(text, 1, 65535, f);
        text[n] = '\0';
        (void)fclose(f);
    }
    return text;
}

size_t t_folder_count(const struct t_folder *folder, const char *name)
{
    char path[1024];
    size_t count = 0;
    DIR *dir = opendir(t_folder_at(folder, name, path, sizeof path));
    for (struct dirent *e; dir && (e = readdir(dir));)
        count += e->d_name[0] != '.' || (e->d_name[1] && strcmp(e->d_name, "..") != 0);
    if (dir)
        (void)closedir(dir);
    return count;
}
