/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MANIFEST_H
#define SERVICE_MANIFEST_H

#include <stdbool.h>

#include "docparse/document.h"

/* DIR/docparse-manifest.jsonl: one line for each finished input, so that an interrupted conversion of an
 * archive goes on where it stopped. Lines are appended with one write; a torn last line is ignored. Several
 * processes (shards) may append to the same file. One thread at a time. */
struct svc_manifest;

/* key: what makes results comparable (formats, options, model); entries with another key count as not done. */
enum b_code svc_manifest_open(const char *dir, const char *key, struct svc_manifest **out,
                              struct b_err *err) B_MUST_CHECK;
void svc_manifest_close(struct svc_manifest *manifest);

/* True when the input, unchanged in path, size and modification time, has its outputs from an earlier run;
 * *status says how complete they are: OK or PARTIAL (a failed input counts as not done). */
bool svc_manifest_done(const struct svc_manifest *manifest, const char *path, const char *stem, enum dp_status *status);

/* why: what went wrong when status is not OK, for whoever reads the file (its reason and message); NULL: nothing is known.
 * Names that are no UTF-8 are recorded with their odd bytes as \xHH. */
enum b_code svc_manifest_record(struct svc_manifest *manifest, const char *path, const char *stem, enum dp_status status,
                                const struct b_err *why, struct b_err *err) B_MUST_CHECK;

#endif
