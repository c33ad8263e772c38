/* SPDX-License-Identifier: Apache-2.0 */
/* Packets with descriptors on sequential-packet sockets. Invariant: a descriptor that arrives is either handed to the
 * caller or closed here. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "docparse/sandbox_private.h"

/* Control data, aligned as the system wants it. */
union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(DP_PACKET_FDS * sizeof(int))];
};

bool dp_packet_send(int socket, const void *data, size_t size, const int *fds, int n_fds)
{
    union {
        const void *in;
        void *out;
    } body = {.in = data}; /* sendmsg does not write to it */
    struct iovec part = {.iov_base = body.out, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union control control = {0};
    if (n_fds > 0) {
        const size_t bytes = (size_t)n_fds * sizeof *fds;
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(bytes);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(bytes);
        memcpy(CMSG_DATA(head), fds, bytes);
    }
    ssize_t n;
    do
        n = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)size;
}

static int take_fds(struct msghdr *message, int fds[DP_PACKET_FDS])
{
    int count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (count < DP_PACKET_FDS)
                fds[count++] = fd;
            else
                (void)close(fd);
        }
    }
    return count;
}

bool dp_packet_receive(int socket, void *data, size_t size, int fds[DP_PACKET_FDS], int *n_fds)
{
    union control control = {0};
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = fds ? control.bytes : NULL,
                             .msg_controllen = fds ? sizeof control.bytes : 0};
    ssize_t n;
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    const int count = n >= 0 && fds ? take_fds(&message, fds) : 0;
    const bool whole = n == (ssize_t)size && !(message.msg_flags & MSG_TRUNC);
    for (int i = 0; i < count && !whole; i++)
        (void)close(fds[i]);
    if (n_fds)
        *n_fds = whole ? count : 0;
    return whole;
}
