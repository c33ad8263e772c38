/* SPDX-License-Identifier: Apache-2.0 */
/* The fork server: makes decoder processes for a program that has threads and must not fork itself. It never sees a
 * document. Invariant: it has one thread, and reaps a child only when it is told to, so that a process id that
 * the program holds cannot belong to anybody else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "docparse/pdf_system.h"
#include "docparse/sandbox_private.h"

#define SERVER_FD 3 /* the only descriptor besides the standard ones */
#define REAP_FIRST_US 100
#define REAP_LAST_US 2000000

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static _Noreturn void answer_requests(void);

/* Puts `fd` at `wanted` and closes everything above. */
static void keep_only(int fd, int wanted)
{
    if (fd != wanted) {
        (void)dup2(fd, wanted);
        (void)close(fd);
    }
    if (syscall(SYS_close_range, (unsigned)wanted + 1, ~0u, 0) == 0)
        return;
    struct rlimit most;
    const rlim_t end = getrlimit(RLIMIT_NOFILE, &most) == 0 && most.rlim_cur < 65536 ? most.rlim_cur : 65536;
    for (int i = wanted + 1; i < (int)end; i++)
        (void)close(i);
}

/* Nothing of the terminal's, and nothing to say: a program that was taken over must not write escape sequences.
 * Sanitizers report on standard error. */
static void quiet(void)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    (void)dup2(null, STDERR_FILENO);
#endif
    if (null > STDERR_FILENO)
        (void)close(null);
}

/* Ends with its parent, and leaves signals of the terminal to the program. */
static bool follow(pid_t parent)
{
    static const int left[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        (void)signal(left[i], SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    return getppid() == parent;
}

static void run_child(pid_t server, int socket, const struct dp_decoder_bounds *bounds)
{
    keep_only(socket, SERVER_FD);
    if (follow(server))
        dp_decoder_run(SERVER_FD, bounds);
    _exit(0);
}

/* Forks a decoder; its process as a descriptor, or -1. */
static int fork_decoder(const struct dp_server_request *q, int socket, bool *warm, struct dp_server_reply *reply)
{
    if (q->bounds.files && !*warm) {
        dp_pdf_warm();
        *warm = true;
    }
    const pid_t server = getpid();
    reply->pid = fork();
    if (reply->pid == 0)
        run_child(server, socket, &q->bounds);
    if (reply->pid > 0)
        return (int)syscall(SYS_pidfd_open, reply->pid, 0);
    reply->error = errno;
    return -1;
}

/* A fork server that waits for this one's end. It outlives its parent, and ends with the program, whose end of its socket
 * closes then. */
static void fork_spare(int socket, struct dp_server_reply *reply)
{
    reply->pid = fork();
    if (reply->pid == 0) {
        keep_only(socket, SERVER_FD);
        (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
        answer_requests();
    }
    if (reply->pid < 0)
        reply->error = errno;
}

/* The child has been killed or is on its way out: it is gone within milliseconds, unless the kernel holds it. */
static void reap(pid_t pid, struct dp_server_reply *reply)
{
    pid_t got = 0;
    for (useconds_t wait = REAP_FIRST_US; got == 0 && wait < REAP_LAST_US; wait *= 2) {
        got = waitpid(pid, &reply->status, WNOHANG);
        if (got == 0)
            (void)usleep(wait);
    }
    if (got != pid)
        reply->error = got < 0 ? errno : EAGAIN;
}

/* What a decoder would be locked up with, tried in a process that does nothing else. */
static void probe(struct dp_server_reply *reply)
{
    const struct dp_decoder_bounds bounds = {.memory = (uint64_t)1 << 30};
    const pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        const struct dp_decoder_level level = dp_sandbox_lock(&bounds);
        _exit((level.filtered ? 1 : 0) | (level.confined ? 2 : 0));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return;
    reply->level = (struct dp_decoder_level){WEXITSTATUS(status) & 1, WEXITSTATUS(status) & 2};
}

static _Noreturn void answer_requests(void)
{
    for (bool warm = false;;) {
        struct dp_server_request q;
        struct dp_server_reply reply = {0};
        int fds[DP_PACKET_FDS], n_fds = 0, process = -1;
        if (!dp_packet_receive(SERVER_FD, &q, sizeof q, fds, &n_fds))
            _exit(0); /* the program has gone, or stops the sandbox */
        if (q.ask == DP_SERVER_FORK && n_fds == 1)
            process = fork_decoder(&q, fds[0], &warm, &reply);
        else if (q.ask == DP_SERVER_SPARE && n_fds == 1)
            fork_spare(fds[0], &reply);
        else if (q.ask == DP_SERVER_REAP)
            reap(q.pid, &reply);
        else if (q.ask == DP_SERVER_PROBE)
            probe(&reply);
        else
            reply.error = EINVAL;
        for (int i = 0; i < n_fds; i++)
            (void)close(fds[i]);
        if (!dp_packet_send(SERVER_FD, &reply, sizeof reply, &process, process >= 0 ? 1 : 0))
            _exit(0);
        if (process >= 0)
            (void)close(process);
    }
}

_Noreturn void dp_sandbox_serve(int socket, pid_t program)
{
    keep_only(socket, SERVER_FD);
    quiet();
    (void)prctl(PR_SET_NAME, "docparse-fork", 0, 0, 0);
    if (!follow(program))
        _exit(0);
    answer_requests();
}
