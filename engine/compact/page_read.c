/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a page's strips once the direction is known, and takes a second look at those that read badly.
 * Invariant: a line's reading is only ever replaced by one of higher confidence. */
#include <stdlib.h>

#include "engine/compact/page_private.h"

#define TURNED_BELOW 0.8f /* a line on the main axis is tried upside down below this; such lines read at 0.6 to 0.75   \
                           */
#define ACROSS_BELOW 0.9f /* a line across the page's text has no neighbours to tell its sense */
#define LYING_WORSE 0.2f  /* that a column may read worse by when it holds numbers or words that lie in it */
#define TURN_GAIN 0.05f   /* that another sense must be better by */
#define LOOK_BELOW 0.85f  /* below this a line is sampled anew, higher and lower */
#define LOOK_GAIN 0.02f
#define GOOD_PAGE 0.8f   /* median confidence from which a bad line is an exception worth another look */
#define SHORT_STRIP 1.8f /* length over height up to which a strip's axis may be wrong by a right angle */

static struct eng_sense first_sense(const struct eng_page_job *job, size_t line)
{
    const struct eng_strip *s = &job->strips[line];
    if (eng_strip_along_x(s) == job->main_axis_is_x)
        return job->main_sense;
    return eng_default_sense(s, job->quarter_turns);
}

enum b_code eng_page_read_rest(struct eng_page_job *job, struct b_err *err)
{
    struct eng_read_task *tasks = malloc((job->n ? job->n : 1) * sizeof *tasks);
    size_t n = 0;
    if (!tasks)
        return b_fail(err, B_NO_MEMORY, "page", "no memory for %zu lines", job->n);
    for (size_t i = 0; i < job->n; i++)
        if (job->active[i] && !job->lines[i].read)
            tasks[n++] = eng_page_task(job, i, first_sense(job, i), ENG_LOOK_ROOMY);
    enum b_code code = eng_crew_read(job->crew, job->page, tasks, n, job->cancel, err);
    for (size_t i = 0; i < n && code == B_OK; i++)
        job->lines[tasks[i].line] = (struct eng_page_line){first_sense(job, tasks[i].line), tasks[i].reading, true};
    free(tasks);
    return code;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Median confidence of the lines that were read; 0 without any. */
static enum b_code usual_confidence(const struct eng_page_job *job, float *usual, struct b_err *err)
{
    float *values = malloc((job->n ? job->n : 1) * sizeof *values);
    size_t n = 0;
    *usual = 0.0f;
    if (!values)
        return b_fail(err, B_NO_MEMORY, "page", "no memory for %zu lines", job->n);
    for (size_t i = 0; i < job->n; i++)
        if (job->lines[i].read)
            values[n++] = job->lines[i].reading.confidence;
    qsort(values, n, sizeof *values, by_value);
    if (n > 0)
        *usual = values[n / 2];
    free(values);
    return B_OK;
}

/* A task and the sense that its line gets if it reads better. */
struct attempt {
    struct eng_sense sense;
    float gain;
};

struct attempts {
    struct eng_read_task *tasks;
    struct attempt *ways;
    size_t count;
};

static void add_attempt(const struct eng_page_job *job, struct attempts *a, size_t line, struct eng_sense sense,
                        enum eng_line_look look, float gain)
{
    a->tasks[a->count] = eng_page_task(job, line, sense, look);
    a->ways[a->count++] = (struct attempt){sense, gain};
}

/* Other senses for a line; up to three attempts. */
static void add_senses(const struct eng_page_job *job, struct attempts *a, size_t line, bool good_page)
{
    const struct eng_strip *s = &job->strips[line];
    const struct eng_page_line *l = &job->lines[line];
    const bool across = eng_strip_along_x(s) != job->main_axis_is_x;
    const bool is_short = s->u1 - s->u0 < SHORT_STRIP * s->height;
    const struct eng_sense turned = {.reversed = !l->sense.reversed, .stacked = l->sense.stacked};
    if (!across && l->sense.stacked) {
        add_attempt(job, a, line, (struct eng_sense){.reversed = l->sense.reversed}, ENG_LOOK_ROOMY, TURN_GAIN);
        return;
    }
    if (!(l->reading.confidence < (across ? ACROSS_BELOW : TURNED_BELOW)) || (!across && !good_page))
        return;
    add_attempt(job, a, line, turned, ENG_LOOK_ROOMY, TURN_GAIN);
    if (!across && !is_short)
        return;
    for (int reversed = 0; reversed < 2; reversed++) {
        const struct eng_sense other = {.reversed = reversed != 0, .stacked = !l->sense.stacked};
        if (reversed == 0 || is_short)
            add_attempt(job, a, line, other, ENG_LOOK_ROOMY, TURN_GAIN);
    }
}

/* Digits and Latin letters: in a column of CJK characters they often lie. */
static size_t lying_glyphs(const struct eng_reading *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_glyphs; i++) {
        const uint32_t cp = r->glyphs[i].cp;
        n += (cp >= '0' && cp <= '9') || (cp >= 'A' && cp <= 'Z') || (cp >= 'a' && cp <= 'z');
    }
    return n;
}

/* What the attempt's reading must be better by than the line's. */
static float gain_of(const struct eng_page_line *l, const struct eng_reading *tried, const struct attempt *way)
{
    const bool lies = l->sense.stacked && !way->sense.stacked && way->sense.reversed == l->sense.reversed;
    return lies && lying_glyphs(tried) > lying_glyphs(&l->reading) ? -LYING_WORSE : way->gain;
}

static enum b_code try_all(struct eng_page_job *job, struct attempts *a, struct b_err *err)
{
    enum b_code code = eng_crew_read(job->crew, job->page, a->tasks, a->count, job->cancel, err);
    for (size_t i = 0; i < a->count && code == B_OK; i++) {
        struct eng_page_line *l = &job->lines[a->tasks[i].line];
        /* Gains are against the best so far: of several better ways the best stays. */
        if (a->tasks[i].reading.confidence > l->reading.confidence + gain_of(l, &a->tasks[i].reading, &a->ways[i])) {
            l->reading = a->tasks[i].reading;
            l->sense = a->ways[i].sense;
        }
    }
    a->count = 0;
    return code;
}

enum b_code eng_page_second_look(struct eng_page_job *job, struct b_err *err)
{
    const size_t most = 3 * (job->n ? job->n : 1);
    struct attempts a = {malloc(most * sizeof *a.tasks), malloc(most * sizeof *a.ways), 0};
    float usual = 0.0f;
    enum b_code code = B_OK;
    if (!a.tasks || !a.ways) {
        code = b_fail(err, B_NO_MEMORY, "page", "no memory for %zu lines", job->n);
        goto out;
    }
    if ((code = usual_confidence(job, &usual, err)) != B_OK)
        goto out;
    for (size_t i = 0; i < job->n; i++)
        if (job->lines[i].read)
            add_senses(job, &a, i, usual >= GOOD_PAGE);
    if ((code = try_all(job, &a, err)) != B_OK)
        goto out;
    for (size_t i = 0; i < job->n && usual >= GOOD_PAGE; i++) {
        const struct eng_page_line *l = &job->lines[i];
        if (!l->read || l->sense.stacked || !(l->reading.confidence < LOOK_BELOW))
            continue;
        add_attempt(job, &a, i, l->sense, ENG_LOOK_TALL, LOOK_GAIN);
        add_attempt(job, &a, i, l->sense, ENG_LOOK_PLAIN, LOOK_GAIN);
    }
    code = try_all(job, &a, err);
out:
    free(a.tasks);
    free(a.ways);
    return code;
}
