/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_SHARED_FILES_H
#define TESTS_SUPPORT_SHARED_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The shared test data, by names relative to its folder "data". Everything here fails the test on an error. */

/* Path of a shared file; valid until the next call but three. */
const char *t_shared(const char *name);
/* Prints a SKIP line and exits with 77 when name is not there. */
void t_need_shared(const char *name);
/* The same for a file of the models folder, $DOCPARSE_MODELS. */
void t_need_model(const char *name);
/* Whole file, NUL-terminated; free with free(). */
char *t_read(const char *path, size_t *size);
json_t *t_json(const char *path);
/* Array of whole numbers in malloc'ed memory. */
int *t_ints(const json_t *list, size_t *count);
/* 64 hexadecimal digits. */
void t_sha256(const void *data, size_t size, char out[65]);

#endif
