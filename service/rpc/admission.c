/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: two queues under one mutex. Each queue is one list in order of arrival; the next ticket is the
 * oldest one of the client that was served least recently, found by walking the list, which is short by
 * design (its bound is a few hundred). Invariant: bytes and counts are the sums over the tickets that have
 * not left. */
#include "service/rpc/admission.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cancel.h"

#define DOMAIN "admission"
#define FIRST_GUESS_NS 2000000000LL        /* a call before any has been seen to the end */
#define FIRST_GUESS_MODEL_NS 30000000000LL /* the same of a question to the large model */
#define AVERAGED 8
#define MIN_RETRY_MS 200
#define MAX_RETRY_MS 60000
#define TURNS 64 /* clients whose last turn is remembered; beyond, the oldest is forgotten */

struct turn {
    char client[SVC_CLIENT_NAME];
    uint64_t served; /* number of the start that it got last */
};

struct svc_admission {
    pthread_mutex_t lock;
    pthread_cond_t wake[SVC_KINDS], express;
    struct svc_admission_limits limits;
    struct svc_ticket *head[SVC_CLASSES], *tail[SVC_CLASSES];
    int waiting[SVC_KINDS][SVC_CLASSES];
    int running[SVC_KINDS];
    int at_interactive;     /* workers, without the express, that run interactive pages */
    int64_t interactive_ns; /* when one last did */
    uint64_t bytes;
    uint64_t starts;
    int interactive_in_a_row[SVC_KINDS];
    int64_t typical_ns[SVC_KINDS]
                      [SVC_CLASSES];  /* running time of a call: a guess, a mean, then an exponential average */
    int seen[SVC_KINDS][SVC_CLASSES]; /* calls in the mean, at most AVERAGED */
    struct turn turns[TURNS];
    struct svc_clients *clients;
    bool draining, closed;
};

/* The conditions; timed waits do not mind a clock that is set. */
static bool init_conds(struct svc_admission *a)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    const bool fine = pthread_cond_init(&a->wake[SVC_PAGES], NULL) == 0 &&
                      pthread_cond_init(&a->wake[SVC_MODEL], NULL) == 0 && pthread_cond_init(&a->express, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    return fine;
}

enum b_code svc_admission_new(const struct svc_admission_limits *limits, struct svc_admission **out, struct b_err *err)
{
    struct svc_admission *a = calloc(1, sizeof *a);
    *out = a;
    if (!a)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for the queue");
    a->limits = *limits;
    for (int class = 0; class < SVC_CLASSES; class ++) {
        a->typical_ns[SVC_PAGES][class] = FIRST_GUESS_NS;
        a->typical_ns[SVC_MODEL][class] = FIRST_GUESS_MODEL_NS;
    }
    if (pthread_mutex_init(&a->lock, NULL) != 0 || !init_conds(a)) {
        free(a);
        *out = NULL;
        return b_fail(err, B_NO_MEMORY, DOMAIN, "the system refuses a lock");
    }
    const enum b_code code = svc_clients_new(&a->clients, err);
    if (code != B_OK) {
        svc_admission_drop(a);
        *out = NULL;
    }
    return code;
}

void svc_admission_drop(struct svc_admission *a)
{
    if (!a)
        return;
    svc_clients_drop(a->clients);
    pthread_cond_destroy(&a->wake[SVC_PAGES]);
    pthread_cond_destroy(&a->wake[SVC_MODEL]);
    pthread_cond_destroy(&a->express);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void svc_admission_set_limits(struct svc_admission *a, const struct svc_admission_limits *limits)
{
    pthread_mutex_lock(&a->lock);
    const int workers = a->limits.workers, sessions = a->limits.sessions;
    a->limits = *limits;
    a->limits.workers = workers;
    a->limits.sessions = sessions;
    pthread_mutex_unlock(&a->lock);
}

void svc_ticket_init(struct svc_ticket *ticket, const char *client, enum svc_class class)
{
    const size_t len = strnlen(client, SVC_CLIENT_NAME - 1);
    *ticket = (struct svc_ticket){.class = class};
    memcpy(ticket->client, client, len);
}

/* Time until a ticket behind `ahead` others would start. */
static int64_t wait_ns(const struct svc_admission *a, enum svc_kind kind, enum svc_class class, int ahead)
{
    const int threads = kind == SVC_MODEL ? a->limits.sessions : a->limits.workers;
    const int workers = threads > 0 ? threads : 1;
    const int before = ahead + (a->running[kind] >= workers ? a->running[kind] - workers + 1 : 0);
    return a->typical_ns[kind][class] * before / workers;
}

static int64_t retry_after(const struct svc_admission *a, const struct svc_ticket *ticket)
{
    const int64_t ms = wait_ns(a, ticket->kind, ticket->class, 1) / 1000000;
    return ms < MIN_RETRY_MS ? MIN_RETRY_MS : (ms > MAX_RETRY_MS ? MAX_RETRY_MS : ms);
}

enum b_code svc_admission_begin(struct svc_admission *a, struct svc_ticket *ticket, struct svc_refusal *refusal,
                                struct b_err *err)
{
    pthread_mutex_lock(&a->lock);
    *refusal = (struct svc_refusal){.retry_ms = retry_after(a, ticket)};
    const enum b_code code = svc_clients_begin(a->clients, &a->limits.client, ticket->client, refusal, err);
    ticket->begun = code == B_OK;
    pthread_mutex_unlock(&a->lock);
    return code;
}

/* The server's own budget. */
static enum b_code has_room(const struct svc_admission *a, const struct svc_ticket *ticket, uint64_t bytes,
                            struct svc_refusal *refusal, struct b_err *err)
{
    if (a->bytes <= a->limits.bytes && bytes <= a->limits.bytes - a->bytes)
        return B_OK;
    const bool never = ticket->bytes > a->limits.bytes || bytes > a->limits.bytes - ticket->bytes;
    *refusal = (struct svc_refusal){.reason = "BYTES_EXHAUSTED", .retry_ms = never ? -1 : 0};
    return b_fail(err, B_LIMIT, DOMAIN, "the server holds %llu of %llu bytes of documents",
                  (unsigned long long)a->bytes, (unsigned long long)a->limits.bytes);
}

enum b_code svc_admission_hold(struct svc_admission *a, struct svc_ticket *ticket, uint64_t bytes,
                               struct svc_refusal *refusal, struct b_err *err)
{
    pthread_mutex_lock(&a->lock);
    enum b_code code = has_room(a, ticket, bytes, refusal, err);
    if (code == B_OK)
        code = svc_clients_hold(a->clients, &a->limits.client, ticket->client, bytes, ticket->bytes, refusal, err);
    if (code == B_OK) {
        a->bytes += bytes;
        ticket->bytes += bytes;
    } else if (refusal->retry_ms >= 0) {
        refusal->retry_ms = retry_after(a, ticket);
    }
    pthread_mutex_unlock(&a->lock);
    return code;
}

static int waiting_of(const struct svc_admission *a, const char *client)
{
    int n = 0;
    for (int c = 0; c < SVC_CLASSES; c++)
        for (const struct svc_ticket *t = a->head[c]; t; t = t->next)
            n += strcmp(t->client, client) == 0;
    return n;
}

static bool is_fast(const struct svc_ticket *ticket)
{
    return ticket->kind == SVC_PAGES && ticket->class == SVC_INTERACTIVE;
}

static int waiting_kind(const struct svc_admission *a, enum svc_kind kind)
{
    return a->waiting[kind][SVC_INTERACTIVE] + a->waiting[kind][SVC_BULK];
}

static enum b_code may_enter(const struct svc_admission *a, const struct svc_ticket *ticket, int64_t deadline_ns,
                             struct svc_refusal *refusal, struct b_err *err)
{
    const int waiting = waiting_kind(a, SVC_PAGES) + waiting_kind(a, SVC_MODEL);
    *refusal = (struct svc_refusal){.reason = "DRAINING", .retry_ms = retry_after(a, ticket)};
    if (a->draining)
        return b_fail(err, B_CANCELLED, DOMAIN, "the server is stopping");
    if (ticket->ours)
        return B_OK;
    refusal->reason = "QUEUE_FULL";
    if (waiting >= a->limits.queue)
        return b_fail(err, B_LIMIT, DOMAIN, "the queue is full: %d calls wait", waiting);
    if (ticket->class == SVC_BULK && waiting >= a->limits.queue - a->limits.queue / SVC_BULK_SPARES)
        return b_fail(err, B_LIMIT, DOMAIN, "the queue is full for bulk calls: %d calls wait", waiting);
    refusal->reason = "CLIENT_QUEUE";
    if (a->limits.queue_per_client > 0 && waiting_of(a, ticket->client) >= a->limits.queue_per_client)
        return b_fail(err, B_LIMIT, DOMAIN, "%d calls of this client wait already", a->limits.queue_per_client);
    const enum b_code code =
        svc_clients_may_read(a->clients, &a->limits.client, ticket->client, b_now_ns(), refusal, err);
    if (code != B_OK)
        return code;
    const int ahead =
        ticket->class == SVC_INTERACTIVE ? a->waiting[ticket->kind][SVC_INTERACTIVE] : waiting_kind(a, ticket->kind);
    *refusal = (struct svc_refusal){.reason = "DEADLINE_TOO_SHORT", .retry_ms = -1};
    if (deadline_ns != 0 && b_now_ns() + wait_ns(a, ticket->kind, ticket->class, ahead) >= deadline_ns)
        return b_fail(err, B_DEADLINE, DOMAIN, "the deadline would pass while %d calls are served first", ahead);
    return B_OK;
}

enum b_code svc_admission_peek(struct svc_admission *a, const struct svc_ticket *ticket, int64_t deadline_ns,
                               struct svc_refusal *refusal, struct b_err *err)
{
    pthread_mutex_lock(&a->lock);
    const enum b_code code = may_enter(a, ticket, deadline_ns, refusal, err);
    pthread_mutex_unlock(&a->lock);
    return code;
}

enum b_code svc_admission_may_read(struct svc_admission *a, const char *client, struct svc_refusal *refusal,
                                   struct b_err *err)
{
    pthread_mutex_lock(&a->lock);
    const enum b_code code = svc_clients_may_read(a->clients, &a->limits.client, client, b_now_ns(), refusal, err);
    pthread_mutex_unlock(&a->lock);
    return code;
}

void svc_admission_page(struct svc_admission *a, const char *client)
{
    pthread_mutex_lock(&a->lock);
    svc_clients_page(a->clients, &a->limits.client, client, b_now_ns());
    pthread_mutex_unlock(&a->lock);
}

enum b_code svc_admission_enter(struct svc_admission *a, struct svc_ticket *ticket, int64_t deadline_ns,
                                struct svc_refusal *refusal, struct b_err *err)
{
    const enum svc_class class = ticket->class;
    pthread_mutex_lock(&a->lock);
    const enum b_code code = may_enter(a, ticket, deadline_ns, refusal, err);
    if (code == B_OK) {
        ticket->next = NULL;
        ticket->waiting = true;
        ticket->queued_ns = b_now_ns();
        if (a->tail[class])
            a->tail[class]->next = ticket;
        else
            a->head[class] = ticket;
        a->tail[class] = ticket;
        a->waiting[ticket->kind][class]++;
        pthread_cond_signal(&a->wake[ticket->kind]);
        if (is_fast(ticket))
            pthread_cond_signal(&a->express);
    }
    pthread_mutex_unlock(&a->lock);
    return code;
}

static void take_out(struct svc_admission *a, struct svc_ticket *ticket)
{
    const enum svc_class class = ticket->class;
    struct svc_ticket *before = NULL;
    for (struct svc_ticket *t = a->head[class]; t != ticket; t = t->next)
        before = t;
    if (before)
        before->next = ticket->next;
    else
        a->head[class] = ticket->next;
    if (a->tail[class] == ticket)
        a->tail[class] = before;
    ticket->next = NULL;
    ticket->waiting = false;
    a->waiting[ticket->kind][class]--;
}

static uint64_t last_turn(const struct svc_admission *a, const char *client)
{
    for (size_t i = 0; i < TURNS; i++)
        if (strcmp(a->turns[i].client, client) == 0)
            return a->turns[i].served;
    return 0;
}

static void note_turn(struct svc_admission *a, const char *client)
{
    struct turn *slot = &a->turns[0];
    for (size_t i = 0; i < TURNS; i++) {
        if (strcmp(a->turns[i].client, client) == 0) {
            slot = &a->turns[i];
            break;
        }
        if (a->turns[i].served < slot->served)
            slot = &a->turns[i];
    }
    memcpy(slot->client, client, strlen(client) + 1);
    slot->served = ++a->starts;
}

/* The oldest ticket of the client whose last turn is longest ago. */
static struct svc_ticket *choose_of(const struct svc_admission *a, enum svc_kind kind, enum svc_class class)
{
    struct svc_ticket *best = NULL;
    uint64_t best_turn = UINT64_MAX;
    for (struct svc_ticket *t = a->head[class]; t; t = t->next) {
        const uint64_t turn = last_turn(a, t->client);
        if (t->kind == kind && turn < best_turn) {
            best = t;
            best_turn = turn;
        }
    }
    return best;
}

static struct svc_ticket *choose(struct svc_admission *a, enum svc_kind kind)
{
    enum svc_class class = SVC_INTERACTIVE;
    if (a->waiting[kind][SVC_INTERACTIVE] == 0 ||
        (a->waiting[kind][SVC_BULK] > 0 && a->interactive_in_a_row[kind] >= SVC_BULK_SHARE - 1))
        class = SVC_BULK;
    a->interactive_in_a_row[kind] = class == SVC_INTERACTIVE ? a->interactive_in_a_row[kind] + 1 : 0;
    return choose_of(a, kind, class);
}

static void start(struct svc_admission *a, struct svc_ticket *ticket, bool express)
{
    take_out(a, ticket);
    note_turn(a, ticket->client);
    ticket->running = true;
    ticket->express = express;
    a->at_interactive += is_fast(ticket) && !express;
    ticket->waited_ns = b_now_ns() - ticket->queued_ns;
    ticket->queued_ns += ticket->waited_ns; /* from here on: when it started */
    a->running[ticket->kind]++;
}

struct svc_ticket *svc_admission_next(struct svc_admission *a, enum svc_kind kind)
{
    struct svc_ticket *ticket = NULL;
    pthread_mutex_lock(&a->lock);
    while (waiting_kind(a, kind) == 0 && !a->closed)
        pthread_cond_wait(&a->wake[kind], &a->lock);
    if (waiting_kind(a, kind) > 0) {
        ticket = choose(a, kind);
        start(a, ticket, false);
    }
    pthread_mutex_unlock(&a->lock);
    return ticket;
}

/* When the express may take an interactive ticket: a time that lies behind, or INT64_MAX. */
static int64_t express_due_ns(const struct svc_admission *a)
{
    int64_t since_ns = INT64_MAX;
    for (const struct svc_ticket *t = a->head[SVC_INTERACTIVE]; t; t = t->next)
        if (is_fast(t) && t->queued_ns < since_ns)
            since_ns = t->queued_ns;
    if (since_ns == INT64_MAX || a->at_interactive > 0)
        return INT64_MAX;
    return (since_ns > a->interactive_ns ? since_ns : a->interactive_ns) + SVC_EXPRESS_MS * 1000000LL;
}

struct svc_ticket *svc_admission_express(struct svc_admission *a)
{
    struct svc_ticket *ticket = NULL;
    pthread_mutex_lock(&a->lock);
    while (!a->closed && !ticket) {
        const int64_t due = express_due_ns(a);
        if (due <= b_now_ns()) {
            ticket = choose_of(a, SVC_PAGES, SVC_INTERACTIVE);
            start(a, ticket, true);
        } else if (due == INT64_MAX) {
            pthread_cond_wait(&a->express, &a->lock);
        } else {
            const struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
            pthread_cond_timedwait(&a->express, &a->lock, &until);
        }
    }
    pthread_mutex_unlock(&a->lock);
    return ticket;
}

struct svc_ticket *svc_admission_lend(struct svc_admission *a)
{
    struct svc_ticket *ticket = NULL;
    pthread_mutex_lock(&a->lock);
    if (a->waiting[SVC_PAGES][SVC_INTERACTIVE] > 0) {
        ticket = choose_of(a, SVC_PAGES, SVC_INTERACTIVE);
        start(a, ticket, false);
    }
    pthread_mutex_unlock(&a->lock);
    return ticket;
}

enum svc_place svc_admission_withdraw(struct svc_admission *a, struct svc_ticket *ticket)
{
    pthread_mutex_lock(&a->lock);
    const enum svc_place place = ticket->waiting ? SVC_WAITING : (ticket->running ? SVC_RUNNING : SVC_ELSEWHERE);
    if (place == SVC_WAITING)
        take_out(a, ticket);
    pthread_mutex_unlock(&a->lock);
    return place;
}

void svc_admission_leave(struct svc_admission *a, struct svc_ticket *ticket)
{
    pthread_mutex_lock(&a->lock);
    if (ticket->waiting)
        take_out(a, ticket);
    if (ticket->running) {
        const int64_t took = b_now_ns() - ticket->queued_ns;
        int64_t *typical = &a->typical_ns[ticket->kind][ticket->class];
        int *seen = &a->seen[ticket->kind][ticket->class];
        *seen += *seen < AVERAGED; /* the first one replaces the guess */
        *typical += (took - *typical) / *seen;
        a->running[ticket->kind]--;
        ticket->running = false;
        if (is_fast(ticket) && !ticket->express) {
            a->at_interactive--;
            a->interactive_ns = b_now_ns();
            pthread_cond_signal(&a->express);
        }
    }
    svc_clients_release(a->clients, ticket->client, ticket->bytes);
    a->bytes -= ticket->bytes;
    ticket->bytes = 0;
    if (ticket->begun)
        svc_clients_end(a->clients, ticket->client);
    ticket->begun = false;
    pthread_mutex_unlock(&a->lock);
}

void svc_admission_drain(struct svc_admission *a)
{
    pthread_mutex_lock(&a->lock);
    a->draining = true;
    pthread_mutex_unlock(&a->lock);
}

void svc_admission_close(struct svc_admission *a)
{
    pthread_mutex_lock(&a->lock);
    a->draining = true;
    a->closed = true;
    pthread_cond_broadcast(&a->wake[SVC_PAGES]);
    pthread_cond_broadcast(&a->wake[SVC_MODEL]);
    pthread_cond_broadcast(&a->express);
    pthread_mutex_unlock(&a->lock);
}

static int waiting_class(const struct svc_admission *a, enum svc_class class)
{
    return a->waiting[SVC_PAGES][class] + a->waiting[SVC_MODEL][class];
}

void svc_admission_look(struct svc_admission *a, struct svc_admission_state *state)
{
    pthread_mutex_lock(&a->lock);
    *state = (struct svc_admission_state){
        .running = a->running[SVC_PAGES] + a->running[SVC_MODEL],
        .model_running = a->running[SVC_MODEL],
        .waiting = {waiting_class(a, SVC_INTERACTIVE), waiting_class(a, SVC_BULK)},
        .bytes = a->bytes,
        .limits = a->limits,
        .expected_wait_ms = wait_ns(a, SVC_PAGES, SVC_INTERACTIVE, a->waiting[SVC_PAGES][SVC_INTERACTIVE]) / 1000000,
        .draining = a->draining};
    pthread_mutex_unlock(&a->lock);
}

int svc_admission_position(struct svc_admission *a, const struct svc_ticket *ticket)
{
    int ahead = 0;
    pthread_mutex_lock(&a->lock);
    if (ticket->waiting) {
        if (ticket->class == SVC_BULK)
            ahead = a->waiting[ticket->kind][SVC_INTERACTIVE];
        for (const struct svc_ticket *t = a->head[ticket->class]; t && t != ticket; t = t->next)
            ahead += t->kind == ticket->kind;
        ahead++; /* a place in the queue is 1 or more: 0 means that it is being worked on */
    }
    pthread_mutex_unlock(&a->lock);
    return ahead;
}
