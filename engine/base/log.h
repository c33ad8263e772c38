/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_LOG_H
#define ENGINE_BASE_LOG_H

#include "engine/base/err.h"

/* One log line per call, to standard error, written with a single write so that lines of different
 * threads never mix. Thread-safe. */
enum b_log_level { B_LOG_ERROR, B_LOG_WARNING, B_LOG_INFO, B_LOG_DEBUG };

/* Lines above `level` are dropped; the default is B_LOG_WARNING. Any thread. */
void b_log_set_level(enum b_log_level level);

/* A hook that runs before and after each line, so that a progress line can be cleared and redrawn.
 * NULL removes it. Call it before threads start. */
void b_log_set_hook(void (*hook)(void *ctx, int before), void *ctx);

void b_log(enum b_log_level level, const char *domain, const char *fmt, ...) B_PRINTF(3, 4);

#endif
