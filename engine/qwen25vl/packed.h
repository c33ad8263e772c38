/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_PACKED_H
#define ENGINE_QWEN25VL_PACKED_H

#include "engine/qwen25vl/linear.h"
#include "engine/qwen25vl/qwen25vl.h"

/* Private to the compute side: a file of packed layers in the order in which a model opens them, mapped read-only, so
 * that opening takes no time and processes share the memory. The file says which checkpoint, precision and instruction
 * set it was made for. Sizes are checked, values are taken as they are: the file is the user's own. */
struct eng_packfile;

/* What a file must be made for. */
struct eng_packfile_key {
    const char *identity; /* of the checkpoint, 64 digits */
    enum eng_qwen_precision precision;
    const char *isa;
};

/* Name of the file in its folder, for any of these three. */
enum b_code eng_packfile_path(const char *folder, const struct eng_packfile_key *key, char *path, size_t cap,
                              struct b_err *err) B_MUST_CHECK;

/* B_NOT_FOUND: there is none. B_FORMAT: it is damaged or made for another. */
enum b_code eng_packfile_open(const char *path, const struct eng_packfile_key *key, struct eng_packfile **out,
                              struct b_err *err) B_MUST_CHECK;
void eng_packfile_drop(struct eng_packfile *packed);
/* The next layer, which must be of that kind and size; bias stays NULL. One thread at a time. */
enum b_code eng_packfile_take(struct eng_packfile *packed, enum eng_linear_kind kind, size_t n, size_t k,
                              struct eng_linear *out, struct b_err *err) B_MUST_CHECK;

/* Writes layers (all of packed kinds) as a file that appears when it is complete. */
enum b_code eng_packfile_write(const char *path, const struct eng_packfile_key *key,
                               const struct eng_linear *const *layers, size_t count, struct b_err *err) B_MUST_CHECK;

#endif
