/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* A fresh folder of one test. Functions fail the running cmocka test when the system refuses. */
struct t_folder {
    char path[256];
};

void t_folder_make(struct t_folder *folder);
void t_folder_remove(const struct t_folder *folder); /* with everything in it */

/* Path below the folder; valid until the next call with the same buffer. */
const char *t_folder_at(const struct t_folder *folder, const char *name, char *out, size_t size);
/* Writes a file below the folder, making its folders. */
void t_folder_write(const struct t_folder *folder, const char *name, const char *text);
/* Whole text of a file below the folder, "" when there is none; free it. */
char *t_folder_read(const struct t_folder *folder, const char *name);
/* Number of entries of the folder `name` below the folder ("" is itself), 0 when there is none. */
size_t t_folder_count(const struct t_folder *folder, const char *name);

#endif
