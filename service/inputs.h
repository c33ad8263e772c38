/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_INPUTS_H
#define SERVICE_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* What the user named on the command line, as a list of files with the names of their outputs.
 * Arguments may be files, folders (searched recursively, in byte order of the names), "-" (standard
 * input) and "@LIST" (a text file with one path a line). One thread at a time. */
struct svc_input {
    char *path;  /* as it is opened; "-" is standard input */
    char *stem;  /* relative output path without extension, such as "2024/scan-07" */
    bool failed; /* the argument itself could not be used; err says why */
    struct b_err err;
};

struct svc_inputs {
    struct svc_input *items;
    size_t count, cap;
    bool skip_known; /* skip_device and skip_inode name the folder that searches leave out */
    uint64_t skip_device, skip_inode;
};

/* Searches leave out this folder (the output folder below an input folder). Call it before svc_inputs_add. */
void svc_inputs_skip_folder(struct svc_inputs *inputs, const char *folder);

/* Adds one argument. Only files whose extension is known are taken from folders, results of earlier runs left
 * out; a file that was named is always taken. Outputs are named by the path below the folder that was named,
 * by the last component of a file, by the whole path of a file or folder in a list. An argument that cannot be
 * read becomes a failed item, not an error. */
enum b_code svc_inputs_add(struct svc_inputs *inputs, const char *argument, struct b_err *err) B_MUST_CHECK;

/* Gives colliding outputs different stems: "a.pdf" and "a.tif" keep their extensions ("a.pdf", "a.tif"),
 * what still collides gets "~2", "~3"... in list order. */
enum b_code svc_inputs_name(struct svc_inputs *inputs, struct b_err *err) B_MUST_CHECK;

/* Keeps the items of shard `index` of `count` (1-based): every count-th item. */
void svc_inputs_shard(struct svc_inputs *inputs, size_t index, size_t count);

void svc_inputs_free(struct svc_inputs *inputs);

#endif
