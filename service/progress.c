/* SPDX-License-Identifier: Apache-2.0 */
/* Progress display. Invariant: the redrawn line never exceeds one terminal row and is cleared before
 * anything else is printed. The time left is an estimate from the pages read so far; documents that were
 * not opened yet count with the mean number of pages of those that were. */
#include "service/progress.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/base/cancel.h"
#include "engine/base/log.h"

#define REDRAW_NS 100000000 /* at most ten times a second */

struct svc_progress {
    enum svc_progress_mode mode;
    size_t documents, opened, finished, skipped;
    long pages_known, pages_done; /* over all documents */
    int doc_pages, doc_done;
    char name[96];
    int64_t start, doc_start, drawn;
    bool on_screen;
};

static void clear_line(struct svc_progress *p)
{
    if (p->on_screen)
        fputs("\r\033[K", stderr);
    p->on_screen = false;
}

static void format_time(double seconds, char *out, size_t size)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        (void)snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        (void)snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

static void draw(struct svc_progress *p)
{
    struct winsize size = {0};
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
    double elapsed = (double)(b_now_ns() - p->start) / 1e9;
    double rate = elapsed > 0 ? (double)p->pages_done / elapsed : 0;
    double mean = p->opened ? (double)p->pages_known / (double)p->opened : 0;
    double total = (double)p->pages_known + mean * (double)(p->documents - p->opened - p->skipped);
    char left[32] = "-:--", line[512];
    if (rate > 0)
        format_time((total - (double)p->pages_done) / rate, left, sizeof left);
    (void)snprintf(line, sizeof line, "[%zu/%zu] page %d/%d  %.1f pages/s  %s left  %s", p->opened + p->skipped, p->documents,
                   p->doc_done, p->doc_pages, rate, left, p->name);
    if ((int)strlen(line) > columns - 1)
        line[columns - 1] = '\0';
    fprintf(stderr, "\r%s\033[K", line);
    (void)fflush(stderr);
    p->on_screen = true;
    p->drawn = b_now_ns();
}

static void around_log(void *ctx, int before)
{
    struct svc_progress *p = ctx;
    if (before && p->on_screen) {
        /* write(2), as log lines are: stdio's buffer would come after them. */
        ssize_t ignored = write(STDERR_FILENO, "\r\033[K", 4);
        (void)ignored;
    }
}

struct svc_progress *svc_progress_new(enum svc_progress_mode mode, size_t documents)
{
    struct svc_progress *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->mode = mode == SVC_PROGRESS_AUTO && !isatty(STDERR_FILENO) ? SVC_PROGRESS_PLAIN : mode;
    p->documents = documents;
    p->start = b_now_ns();
    if (p->mode == SVC_PROGRESS_AUTO)
        b_log_set_hook(around_log, p);
    return p;
}

void svc_progress_drop(struct svc_progress *p)
{
    if (!p)
        return;
    clear_line(p);
    b_log_set_hook(NULL, NULL);
    double elapsed = (double)(b_now_ns() - p->start) / 1e9;
    char before[40] = "";
    if (p->skipped > 0)
        (void)snprintf(before, sizeof before, ", %zu done before", p->skipped);
    if (p->mode != SVC_PROGRESS_NONE && p->documents > 1)
        fprintf(stderr, "%zu of %zu documents%s, %ld pages in %.1f s (%.2f pages/s)\n", p->finished, p->documents, before,
                p->pages_done, elapsed, elapsed > 0 ? (double)p->pages_done / elapsed : 0.0);
    free(p);
}

void svc_progress_document(struct svc_progress *p, const char *name, int pages)
{
    if (!p)
        return;
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    for (char *c = p->name; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = '?';
    p->opened++;
    p->pages_known += pages;
    p->doc_pages = pages;
    p->doc_done = 0;
    p->doc_start = b_now_ns();
    if (p->mode == SVC_PROGRESS_AUTO)
        draw(p);
}

void svc_progress_page(struct svc_progress *p)
{
    if (!p)
        return;
    p->doc_done++;
    p->pages_done++;
    if (p->mode == SVC_PROGRESS_AUTO && (b_now_ns() - p->drawn > REDRAW_NS || p->doc_done == p->doc_pages))
        draw(p);
}

void svc_progress_skip(struct svc_progress *p)
{
    if (p)
        p->skipped++;
}

void svc_progress_done(struct svc_progress *p, const char *outcome)
{
    if (!p)
        return;
    p->finished++;
    if (p->mode == SVC_PROGRESS_NONE)
        return;
    clear_line(p);
    double seconds = (double)(b_now_ns() - p->doc_start) / 1e9;
    fprintf(stderr, "%s: %d page%s, %.2f s, %s\n", p->name, p->doc_done, p->doc_done == 1 ? "" : "s", seconds, outcome);
}
