/* SPDX-License-Identifier: Apache-2.0 */
/* A request's life and its outbox. The worker appends lines, the connection's thread takes bytes; each waits for the
 * other, never for long: the connection says every second that it is alive, so that a client that left is noticed, and
 * a worker gives up on a client that is a minute late. Invariant: the last reference frees the request, and the ticket
 * has left the queue by then. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "output/json_emit.h"
#include "service/rpc/web_private.h"

#define OUTBOX_BYTES ((size_t)8 << 20) /* the worker waits while this much is not yet taken */
#define OUTBOX_MAX ((size_t)2 << 30)
#define COMPACT_BYTES ((size_t)1 << 20) /* taken bytes are let go of at the latest then */
#define BEAT_NS 1000000000LL
#define LOOK_MS 200

struct web_request *web_request_new(struct svc_server *server, const char *client)
{
    struct web_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->server = server;
    atomic_init(&r->refs, 1);
    b_cancel_init(&r->cancel);
    svc_ticket_init(&r->ticket, client, SVC_INTERACTIVE);
    r->ticket.run = web_work;
    web_form_init(&r->form);
    b_buf_init(&r->outbox, OUTBOX_MAX);
    r->code = SVC_GRPC_CANCELLED; /* until it ends otherwise */
    r->last_event_ns = b_now_ns();
    pthread_mutex_init(&r->lock, NULL);
    svc_monotonic_cond(&r->changed);
    return r;
}

void web_request_ref(struct web_request *r)
{
    atomic_fetch_add(&r->refs, 1);
}

void web_request_unref(struct web_request *r)
{
    if (atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    svc_admission_leave(svc_server_admission(r->server), &r->ticket);
    web_form_free(&r->form);
    b_buf_free(&r->outbox);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void web_request_abandon(struct web_request *r)
{
    b_cancel_request(&r->cancel);
    pthread_mutex_lock(&r->lock);
    r->gone = true;
    b_buf_free(&r->outbox);
    r->taken = 0;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (svc_admission_withdraw(svc_server_admission(r->server), &r->ticket) == SVC_WAITING)
        web_request_unref(r); /* the queue's */
}

static void wait_a_little(struct web_request *r)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

enum b_code web_send(struct web_request *r, const struct b_buf *line, struct b_err *err)
{
    enum b_code code = b_buf_check(line, WEB_DOMAIN, err);
    if (code != B_OK)
        return code;
    pthread_mutex_lock(&r->lock);
    const int64_t until = b_now_ns() + svc_server_options(r->server)->slow_client_s * 1000000000LL;
    while (!r->gone && r->outbox.len - r->taken > OUTBOX_BYTES && b_cancel_check(&r->cancel, NULL) == B_OK &&
           b_now_ns() < until)
        wait_a_little(r);
    if (r->gone || r->outbox.len - r->taken > OUTBOX_BYTES) {
        code = b_fail(err, B_CANCELLED, WEB_DOMAIN, "the client left or takes its answer too slowly");
    } else {
        b_buf_append(&r->outbox, line->data, line->len);
        code = b_buf_check(&r->outbox, WEB_DOMAIN, err);
        r->last_event_ns = b_now_ns();
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return code;
}

void web_over(struct web_request *r, enum svc_grpc_code code)
{
    pthread_mutex_lock(&r->lock);
    r->code = code;
    r->over = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* Nobody at the other end: the connection is closed or broken. */
static bool hung_up(int fd)
{
    char byte;
    const ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* Says where the request stands, when nothing else was said for a while. */
static void add_beat(struct web_request *r)
{
    const int place = svc_admission_position(svc_server_admission(r->server), &r->ticket);
    struct out_json j = {.buf = &r->outbox};
    out_json_open_object(&j, NULL);
    out_json_text(&j, "event", place > 0 ? "waiting" : "working");
    if (place > 0) {
        out_json_int(&j, "place", place);
    } else {
        out_json_int(&j, "pages_done", r->pages_done);
        out_json_int(&j, "pages", r->pages);
    }
    out_json_close_object(&j);
    b_buf_putc(&r->outbox, '\n');
    r->last_event_ns = b_now_ns();
}

long web_take(struct web_request *r, int fd, char *out, size_t max)
{
    long n = -1;
    pthread_mutex_lock(&r->lock);
    while (!r->gone && !r->over && r->outbox.len == r->taken) {
        if (hung_up(fd))
            break;
        if (b_now_ns() - r->last_event_ns >= BEAT_NS)
            add_beat(r);
        else
            wait_a_little(r);
    }
    if (!r->gone && r->outbox.len > r->taken) {
        const size_t left = r->outbox.len - r->taken;
        const size_t take = left < max ? left : max;
        memcpy(out, r->outbox.data + r->taken, take);
        r->taken += take;
        if (r->taken >= COMPACT_BYTES || r->taken == r->outbox.len) {
            const size_t rest = r->outbox.len - r->taken;
            memmove(r->outbox.data, r->outbox.data + r->taken, rest);
            r->outbox.len = rest;
            r->taken = 0;
        }
        pthread_cond_broadcast(&r->changed);
        n = (long)take;
    } else if (r->over && !r->gone) {
        n = 0;
    }
    pthread_mutex_unlock(&r->lock);
    return n;
}
