/* SPDX-License-Identifier: Apache-2.0 */
/* Decides a page's direction by reading a few lines in the senses that are possible, cheapest and
 * likeliest first, and stops as soon as one reads well: an upright page pays nothing, since the trial's
 * readings are kept. */
#include "engine/base/utf8.h"
#include "engine/compact/page_private.h"

#define TRIAL_LINES 6
#define READS_WELL 0.85f  /* mean confidence; text upside down or lying reads at 0.6 to 0.7 */
#define PREFERENCE 0.03f  /* that a later sense must be better by than an earlier one */
#define COLUMNS_READ 0.8f /* measured: 0.99 on columns, 0.48 on turned pages of the same script */
#define STANDING_WORSE 0.05f
#define LEAST 0.72f /* for a later sense: an unknown script reads equally badly in every sense */

struct eng_read_task eng_page_task(const struct eng_page_job *job, size_t line, struct eng_sense sense,
                                   enum eng_line_look look)
{
    const struct eng_strip *s = &job->strips[line];
    return (struct eng_read_task){.line = line,
                                  .strip = sense.reversed ? eng_strip_reversed(s) : *s,
                                  .look = sense.stacked ? ENG_LOOK_STACKED : look};
}

/* Mean confidence over the lines, longer ones counting more. */
static float quality_of(const struct eng_read_task *tasks, size_t n)
{
    double sum = 0.0, weight = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double w = (double)(eng_strip_length(&tasks[i].strip) / tasks[i].strip.height);
        sum += w * (double)tasks[i].reading.confidence;
        weight += w;
    }
    return weight > 0.0 ? (float)(sum / weight) : 0.0f;
}

static void keep_readings(struct eng_page_job *job, const struct eng_read_task *tasks, size_t n, struct eng_sense sense)
{
    for (size_t i = 0; i < n; i++)
        job->lines[tasks[i].line] = (struct eng_page_line){sense, tasks[i].reading, true};
}

static bool mostly_cjk(const struct eng_page_job *job, const size_t *chosen, size_t n)
{
    size_t cjk = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        const struct eng_reading *r = &job->lines[chosen[i]].reading;
        for (size_t g = 0; g < r->n_glyphs; g++)
            cjk += b_cp_is_cjk(r->glyphs[g].cp);
        all += r->n_glyphs;
    }
    return cjk * 2 > all;
}

/* The recogniser also reads columns of upright CJK characters lying on their side, so a good reading along
 * y is either a turned page or an upright page of columns: in columns, the characters stand. */
static enum b_code check_columns(struct eng_page_job *job, const size_t *chosen, size_t n, float best,
                                 struct b_err *err)
{
    const struct eng_sense standing = {.reversed = job->main_sense.reversed, .stacked = true};
    struct eng_read_task tasks[TRIAL_LINES];
    for (size_t i = 0; i < n; i++)
        tasks[i] = eng_page_task(job, chosen[i], standing, ENG_LOOK_ROOMY);
    enum b_code code = eng_crew_read(job->crew, job->page, tasks, n, job->cancel, err);
    const float quality = quality_of(tasks, n);
    if (code != B_OK || quality < COLUMNS_READ)
        return code;
    job->quarter_turns = eng_quarter_turns(job->main_axis_is_x, standing);
    if (quality >
        best - STANDING_WORSE) { /* a reading of what lies drops commas and full stops, and is sure of itself */
        job->main_sense = standing;
        keep_readings(job, tasks, n, standing);
    }
    return code;
}

enum b_code eng_page_decide_direction(struct eng_page_job *job, bool upright, struct b_err *err)
{
    size_t chosen[TRIAL_LINES];
    struct eng_read_task tasks[TRIAL_LINES];
    job->main_axis_is_x = upright || eng_main_axis_is_x(job->strips, job->active, job->n);
    job->main_sense = eng_sense_at(0);
    job->quarter_turns = 0;
    if (upright)
        return B_OK;
    const size_t n = eng_trial_lines(job->strips, job->active, job->n, job->main_axis_is_x, chosen, TRIAL_LINES);
    float best = -1.0f;
    for (int s = 0; s < ENG_SENSES && n > 0 && best < READS_WELL; s++) {
        const struct eng_sense sense = eng_sense_at(s);
        for (size_t i = 0; i < n; i++)
            tasks[i] = eng_page_task(job, chosen[i], sense, ENG_LOOK_ROOMY);
        enum b_code code = eng_crew_read(job->crew, job->page, tasks, n, job->cancel, err);
        if (code != B_OK)
            return code;
        const float quality = quality_of(tasks, n);
        if (s > 0 && (quality <= best + PREFERENCE || quality < LEAST))
            continue;
        best = quality;
        job->main_sense = sense;
        keep_readings(job, tasks, n, sense);
    }
    if (n == 0)
        return B_OK;
    job->quarter_turns = eng_quarter_turns(job->main_axis_is_x, job->main_sense);
    if (!job->main_axis_is_x && !job->main_sense.stacked && mostly_cjk(job, chosen, n))
        return check_columns(job, chosen, n, best, err);
    return B_OK;
}
