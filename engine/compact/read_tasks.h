/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_READ_TASKS_H
#define ENGINE_COMPACT_READ_TASKS_H

#include <stddef.h>

#include "engine/base/arena.h"
#include "engine/compact/line_image.h"
#include "engine/compact/recogniser.h"

/* Readings of many strips on several threads. Private to engine/compact. */

/* What reads: one scratch arena a worker; readings stay in them until the next page. */
struct eng_reading_crew {
    struct eng_recogniser *recogniser;
    struct b_arena **scratch; /* [workers] */
    int workers;
};

enum b_code eng_crew_new(const struct eng_graph *graph, int workers, struct eng_reading_crew *out, struct b_err *err)
    B_MUST_CHECK;
void eng_crew_free(struct eng_reading_crew *crew);
void eng_crew_forget(struct eng_reading_crew *crew); /* all readings */

/* One way to read one strip. */
struct eng_read_task {
    size_t line;              /* caller's */
    struct eng_strip strip;   /* read from its u0 to its u1 */
    enum eng_line_look look;
    struct eng_reading reading; /* result; empty when the strip is degenerate */
};

/* Does all tasks, the longest first, dealt to the workers. The results do not depend on their number. */
enum b_code eng_crew_read(struct eng_reading_crew *crew, struct b_image_view page, struct eng_read_task *tasks,
                          size_t n, struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

#endif
