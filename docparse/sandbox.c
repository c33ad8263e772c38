/* SPDX-License-Identifier: Apache-2.0 */
/* The program's side of the fork server: asking for decoders and ending them. Requests to the fork server are one at a
 * time, under a lock; each is answered at once. Invariant: a decoder is killed by a descriptor of its process, so that
 * the signal cannot hit another one, whatever became of the fork server. */
#include "docparse/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "docparse/sandbox_private.h"
#include "engine/base/log.h"
#include "engine/base/memfile.h"

struct dp_sandbox {
    pthread_mutex_t lock; /* one request at a time on the socket */
    int socket, spare;    /* of the fork server, and of the one that takes over should it end; -1: none */
    pid_t server;         /* the first one, our child */
    struct dp_decoder_level level;
    atomic_ullong started, crashed, stopped;
};

/* One request to the fork server. fd goes along (-1: none); a descriptor that comes back is the caller's. */
static bool exchange(int socket, const struct dp_server_request *q, int fd, struct dp_server_reply *reply, int *back)
{
    int fds[DP_PACKET_FDS], n = 0;
    *reply = (struct dp_server_reply){0};
    *back = -1;
    if (!dp_packet_send(socket, q, sizeof *q, &fd, fd >= 0 ? 1 : 0) ||
        !dp_packet_receive(socket, reply, sizeof *reply, fds, &n))
        return false;
    for (int i = 1; i < n; i++)
        (void)close(fds[i]);
    *back = n > 0 ? fds[0] : -1;
    return true;
}

/* Has the fork server make one more that waits. */
static void make_spare(struct dp_sandbox *s)
{
    struct dp_server_reply reply;
    int ends[2], back;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    const struct dp_server_request q = {.ask = DP_SERVER_SPARE};
    if (exchange(s->socket, &q, ends[1], &reply, &back) && reply.error == 0)
        s->spare = ends[0];
    else
        (void)close(ends[0]);
    (void)close(ends[1]);
}

/* A fork server that was killed is replaced by its spare, once a request. */
static bool ask_server(struct dp_sandbox *s, const struct dp_server_request *q, int fd, struct dp_server_reply *reply,
                       int *back)
{
    pthread_mutex_lock(&s->lock);
    bool answered = exchange(s->socket, q, fd, reply, back);
    if (!answered && s->spare >= 0) {
        b_log(B_LOG_WARNING, DP_SANDBOX_DOMAIN, "the fork server of the sandbox has ended: its spare takes over");
        (void)close(s->socket);
        s->socket = s->spare;
        s->spare = -1;
        make_spare(s);
        answered = exchange(s->socket, q, fd, reply, back);
    }
    pthread_mutex_unlock(&s->lock);
    return answered;
}

/* Room for the largest answer, which a file size limit (ulimit -f) may forbid. */
static enum b_code check_room(struct b_err *err)
{
    const struct dp_limits l = dp_limits_default();
    struct rlimit most;
    int fd = -1;
    if (getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur < l.page_arena + l.page_pixels * 3 + DP_ANSWER_ALIGN)
        return b_fail(err, B_UNSUPPORTED, DP_SANDBOX_DOMAIN,
                      "the limit on file sizes (ulimit -f) leaves no room for page images in shared memory");
    const enum b_code code = b_memfile_of("", 1, &fd, err);
    if (code == B_OK)
        (void)close(fd);
    return code;
}

static enum b_code start_server(struct dp_sandbox *s, struct b_err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return b_fail(err, B_UNSUPPORTED, DP_SANDBOX_DOMAIN, "no sockets: %s", strerror(errno));
    const pid_t program = getpid();
    s->server = fork();
    if (s->server == 0) {
        (void)close(ends[0]);
        dp_sandbox_serve(ends[1], program);
    }
    const int why = errno;
    (void)close(ends[1]);
    s->socket = ends[0];
    if (s->server < 0)
        return b_fail(err, B_UNSUPPORTED, DP_SANDBOX_DOMAIN, "no processes: %s", strerror(why));
    return B_OK;
}

static enum b_code start(enum dp_sandbox_use use, struct dp_sandbox **out, struct b_err *err)
{
    struct dp_server_reply reply;
    int back = -1;
    struct dp_sandbox *s = calloc(1, sizeof *s);
    if (!s)
        return b_fail(err, B_NO_MEMORY, DP_SANDBOX_DOMAIN, "out of memory");
    s->socket = s->spare = -1;
    pthread_mutex_init(&s->lock, NULL);
    enum b_code code = check_room(err);
    if (code == B_OK)
        code = start_server(s, err);
    if (code == B_OK && !ask_server(s, &(struct dp_server_request){.ask = DP_SERVER_PROBE}, -1, &reply, &back))
        code = b_fail(err, B_UNSUPPORTED, DP_SANDBOX_DOMAIN, "the fork server does not answer");
    if (code == B_OK)
        s->level = reply.level;
    if (code == B_OK && use == DP_SANDBOX_ON && !s->level.filtered)
        code = b_fail(err, B_UNSUPPORTED, DP_SANDBOX_DOMAIN, "this system does not filter system calls (seccomp)");
    if (code != B_OK) {
        dp_sandbox_stop(s);
        return code;
    }
    make_spare(s);
    *out = s;
    return B_OK;
}

enum b_code dp_sandbox_start(enum dp_sandbox_use use, struct dp_sandbox **out, struct b_err *err)
{
    struct b_err why = {0};
    *out = NULL;
    if (use == DP_SANDBOX_OFF)
        return B_OK;
    const enum b_code code = start(use, out, &why);
    if (code != B_OK && use == DP_SANDBOX_ON) {
        (void)b_fail(err, code, DP_SANDBOX_DOMAIN, "the sandbox cannot be had: %s", why.message);
        b_advise(err, "allow it, or say --sandbox auto");
        return code;
    }
    if (code != B_OK)
        b_log(B_LOG_WARNING, DP_SANDBOX_DOMAIN, "documents are decoded in this process, without a sandbox: %s",
              why.message);
    else if (!(*out)->level.filtered)
        b_log(B_LOG_WARNING, DP_SANDBOX_DOMAIN,
              "decoders run in processes of their own, but this system does not filter their system calls");
    else if (!(*out)->level.confined)
        b_log(B_LOG_INFO, DP_SANDBOX_DOMAIN, "this system does not confine the files that decoders may read (Landlock)");
    return B_OK;
}

void dp_sandbox_stop(struct dp_sandbox *s)
{
    if (!s)
        return;
    if (s->socket >= 0)
        (void)close(s->socket);
    if (s->spare >= 0)
        (void)close(s->spare);
    if (s->server > 0)
        (void)waitpid(s->server, NULL, 0);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void dp_sandbox_look(struct dp_sandbox *s, struct dp_sandbox_state *out)
{
    *out = (struct dp_sandbox_state){0};
    if (!s)
        return;
    out->active = true;
    out->filtered = s->level.filtered;
    out->confined = s->level.confined;
    out->started = atomic_load(&s->started);
    out->crashed = atomic_load(&s->crashed);
    out->stopped = atomic_load(&s->stopped);
}

bool dp_sandbox_use_parse(const char *name, enum dp_sandbox_use *out)
{
    static const char *const names[] = {[DP_SANDBOX_AUTO] = "auto", [DP_SANDBOX_ON] = "on", [DP_SANDBOX_OFF] = "off"};
    for (int i = DP_SANDBOX_AUTO; i <= DP_SANDBOX_OFF; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum dp_sandbox_use)i;
            return true;
        }
    return false;
}

const char *dp_sandbox_describe(const struct dp_sandbox_state *state)
{
    if (!state->active)
        return "off: documents are decoded in this process";
    if (!state->filtered)
        return state->confined ? "partly: processes of their own, files confined, system calls not filtered"
                               : "partly: processes of their own, system calls not filtered";
    return state->confined ? "on: system calls filtered, files confined" : "on: system calls filtered, files not confined";
}

enum b_code dp_sandbox_fork(struct dp_sandbox *s, const struct dp_decoder_bounds *bounds, struct dp_decoder *out,
                            struct b_err *err)
{
    struct dp_server_reply reply;
    int ends[2], process = -1;
    *out = (struct dp_decoder){.socket = -1, .process = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return b_fail(err, B_IO, DP_SANDBOX_DOMAIN, "no socket for a decoder: %s", strerror(errno));
    struct dp_server_request q = {.ask = DP_SERVER_FORK, .bounds = *bounds};
    q.bounds.least = s->level;
    const bool answered = ask_server(s, &q, ends[1], &reply, &process);
    (void)close(ends[1]);
    if (answered && reply.error == 0) {
        atomic_fetch_add(&s->started, 1);
        *out = (struct dp_decoder){.pid = reply.pid, .socket = ends[0], .process = process};
        return B_OK;
    }
    (void)close(ends[0]);
    if (answered)
        return b_fail(err, B_NO_MEMORY, DP_SANDBOX_DOMAIN, "no process for a decoder: %s", strerror(reply.error));
    (void)b_fail(err, B_INTERNAL, DP_SANDBOX_DOMAIN, "the fork server of the sandbox has ended");
    b_advise(err, "start the program again");
    return B_INTERNAL;
}

bool dp_decoder_lives(const struct dp_decoder *decoder)
{
    struct pollfd end = {.fd = decoder->process, .events = POLLIN};
    return decoder->pid > 0 && (decoder->process < 0 || poll(&end, 1, 0) == 0);
}

/* A decoder that crashed keeps its status. */
static void kill_decoder(const struct dp_decoder *decoder)
{
    if (decoder->process >= 0)
        (void)syscall(SYS_pidfd_send_signal, decoder->process, SIGKILL, NULL, 0);
    else
        (void)kill(decoder->pid, SIGKILL);
}

int dp_sandbox_end(struct dp_sandbox *s, struct dp_decoder *decoder, enum dp_decoder_end why)
{
    struct dp_server_reply reply;
    int back = -1;
    if (decoder->pid <= 0)
        return -1;
    atomic_ullong *const counters[] = {NULL, &s->crashed, &s->stopped};
    if (counters[why])
        atomic_fetch_add(counters[why], 1);
    (void)close(decoder->socket);
    kill_decoder(decoder);
    if (decoder->process >= 0)
        (void)close(decoder->process);
    const bool answered =
        ask_server(s, &(struct dp_server_request){.ask = DP_SERVER_REAP, .pid = decoder->pid}, -1, &reply, &back);
    *decoder = (struct dp_decoder){.socket = -1, .process = -1};
    return answered && reply.error == 0 ? reply.status : -1;
}
