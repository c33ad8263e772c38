/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_TEAM_H
#define ENGINE_QWEN25VL_TEAM_H

#include <stddef.h>

#include "engine/base/err.h"

/* Threads that stay between the many short pieces of work of one token. Used by one thread at a time. */
struct eng_team;

/* threads 1 .. 256, the caller being one of them. */
enum b_code eng_team_new(int threads, struct eng_team **out, struct b_err *err) B_MUST_CHECK;
void eng_team_drop(struct eng_team *team);
int eng_team_threads(const struct eng_team *team);

/* Calls work(context, index, worker) for index 0 .. count-1, handed out in order, and returns when all are done.
 * worker: 0 .. threads-1. */
typedef void (*eng_team_work)(void *context, size_t index, int worker);
void eng_team_run(struct eng_team *team, size_t count, eng_team_work work, void *context);

#endif
