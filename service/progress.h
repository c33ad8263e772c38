/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_PROGRESS_H
#define SERVICE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/* Progress on standard error: one line that is redrawn on a terminal, a plain line a document elsewhere.
 * One thread at a time; log lines clear and redraw the line through the log hook. */
enum svc_progress_mode { SVC_PROGRESS_AUTO, SVC_PROGRESS_PLAIN, SVC_PROGRESS_NONE };

struct svc_progress;

/* NULL when out of memory: all functions accept NULL. */
struct svc_progress *svc_progress_new(enum svc_progress_mode mode, size_t documents);
void svc_progress_drop(struct svc_progress *progress);

void svc_progress_document(struct svc_progress *progress, const char *name, int pages);
void svc_progress_page(struct svc_progress *progress);
/* A document that an earlier run finished. */
void svc_progress_skip(struct svc_progress *progress);
/* outcome: "ok", "partial: 2 pages failed", "failed"... */
void svc_progress_done(struct svc_progress *progress, const char *outcome);

#endif
