/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_PAGE_PRIVATE_H
#define ENGINE_COMPACT_PAGE_PRIVATE_H

#include "engine/compact/compact.h"
#include "engine/compact/detector.h"
#include "engine/compact/direction.h"
#include "engine/compact/read_tasks.h"

/* Seconds of the last page, for benches. */
struct eng_page_times {
    double detect, direction, read, again;
};

struct eng_page_engine {
    struct eng_detector *detector;
    struct eng_reading_crew crew;
    struct eng_page_times times;
    const struct eng_models *models;
    struct eng_layout *layout; /* NULL until somebody asks */
    int threads;
};

/* What is known of one strip while its page is being read. */
struct eng_page_line {
    struct eng_sense sense;     /* of the reading below */
    struct eng_reading reading; /* in a scratch arena of the crew */
    bool read;
};

/* A page being read: the steps of eng_page_read pass it on. */
struct eng_page_job {
    struct eng_reading_crew *crew;
    struct b_image_view page;
    const struct eng_strip *strips; /* [n], as the detector gave them */
    const bool *active;             /* [n]: to be recognised */
    struct eng_page_line *lines;    /* [n] */
    size_t n;
    int quarter_turns;
    struct eng_sense main_sense;
    bool main_axis_is_x;
    struct b_cancel *cancel;
};

/* One way to read line `line`, ready for eng_crew_read. */
struct eng_read_task eng_page_task(const struct eng_page_job *job, size_t line, struct eng_sense sense,
                                   enum eng_line_look look);

/* Fills quarter_turns, main_sense and main_axis_is_x, and keeps the trial's readings. */
enum b_code eng_page_decide_direction(struct eng_page_job *job, bool upright, struct b_err *err) B_MUST_CHECK;

/* Reads what the trial did not. */
enum b_code eng_page_read_rest(struct eng_page_job *job, struct b_err *err) B_MUST_CHECK;

/* Tries other ways on lines that read badly; keeps what reads better. */
enum b_code eng_page_second_look(struct eng_page_job *job, struct b_err *err) B_MUST_CHECK;

/* Angle of the lines on the upright page, degrees, and the most curved line's deviation in heights. */
void eng_page_figures(const struct eng_page_job *job, float *skew, float *curl);

#endif
