/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_SANDBOX_PRIVATE_H
#define DOCPARSE_SANDBOX_PRIVATE_H

#include <sys/types.h>

#include "docparse/loader_private.h"
#include "docparse/sandbox.h"

/* Private to the sandbox: who talks to whom, in which packets. Three kinds of processes: the program; the fork server,
 * its child; decoders, the fork server's children. The program has one socket to the fork server and one to each
 * decoder. A packet is one struct of fixed size; the program trusts none that it receives from a decoder.
 *
 *   program -> fork server  dp_server_request (+ the socket of a decoder or of a spare fork server), answered by
 *                           dp_server_reply (+ the decoder's process as a descriptor)
 *   program -> decoder      dp_decoder_request (+ the input, + memory for the answer), answered by dp_decoder_reply
 *
 * A decoder's answer is written into the memory file that came with the request: `bytes` of a record
 * (sheet_wire.h), then, from the next multiple of DP_ANSWER_ALIGN on, the pixels. The program freezes the file
 * before it looks. */

#define DP_SANDBOX_DOMAIN "decoder"
#define DP_ANSWER_ALIGN 4096u
#define DP_PASSWORD_BYTES 1024
#define DP_INFO_BYTES ((uint64_t)64 << 20) /* facts of a document, at most */
#define DP_DECODER_GRACE_NS 1000000000     /* beyond a page's deadline, before its decoder is killed */
#define DP_DECODER_CRASHES 8               /* in one document: then the rest of it is not read */

struct dp_decoder_level {
    bool filtered, confined; /* as in dp_sandbox_state */
};

/* Bounds of a decoder process. */
struct dp_decoder_bounds {
    uint64_t memory; /* bytes of address space, on top of what the program has mapped anyway */
    uint64_t answer; /* bytes of the largest answer */
    bool files;      /* it needs files of the system: fonts, encodings */
    struct dp_decoder_level least; /* a decoder that cannot be locked up like this does not start */
};

enum dp_server_ask { DP_SERVER_FORK = 1, DP_SERVER_REAP, DP_SERVER_PROBE, DP_SERVER_SPARE };

struct dp_server_request {
    uint32_t ask;
    pid_t pid; /* REAP */
    struct dp_decoder_bounds bounds;
};

struct dp_server_reply {
    int32_t error; /* errno of the failure; 0: fine */
    pid_t pid;
    int status; /* REAP: as waitpid gives it */
    struct dp_decoder_level level; /* PROBE */
};

enum dp_decoder_ask { DP_DECODER_OPEN = 1, DP_DECODER_PAGE, DP_DECODER_SIZE };

struct dp_decoder_request {
    uint32_t ask;
    int32_t number;      /* PAGE, SIZE */
    int64_t deadline_ns; /* on b_now_ns's clock, which all processes share; 0: none */
    uint32_t media;      /* OPEN, with all below */
    uint64_t size;
    double dpi;
    struct dp_limits limits;
    char password[DP_PASSWORD_BYTES]; /* "" none */
};

struct dp_decoder_reply {
    uint32_t code;
    struct b_err err;
    uint64_t bytes; /* of the record */
    double width, height; /* SIZE */
};

/* Packets on SOCK_SEQPACKET sockets. At most DP_PACKET_FDS descriptors go along; those received are the caller's.
 * False: the other side is gone, or what came is no such packet. */
#define DP_PACKET_FDS 2
bool dp_packet_send(int socket, const void *data, size_t size, const int *fds, int n_fds);
bool dp_packet_receive(int socket, void *data, size_t size, int fds[DP_PACKET_FDS], int *n_fds);

/* The fork server: never returns. */
_Noreturn void dp_sandbox_serve(int socket, pid_t program);
/* A decoder, on its socket: locks itself up, then answers until the socket closes. */
_Noreturn void dp_decoder_run(int socket, const struct dp_decoder_bounds *bounds);
/* Locks this process up. Whatever the kernel refuses is left out. */
struct dp_decoder_level dp_sandbox_lock(const struct dp_decoder_bounds *bounds);

/* ---- the program's side ---- */

struct dp_decoder {
    pid_t pid; /* 0: none */
    int socket;
    int process; /* pidfd_open(2); -1 where the kernel has none */
};
/* False once the process has ended, and its id may be another's. */
bool dp_decoder_lives(const struct dp_decoder *decoder);

enum b_code dp_sandbox_fork(struct dp_sandbox *sandbox, const struct dp_decoder_bounds *bounds, struct dp_decoder *out,
                            struct b_err *err) B_MUST_CHECK;

/* How a decoder ended. */
enum dp_decoder_end { DP_DECODER_CLOSED, DP_DECODER_CRASHED, DP_DECODER_STOPPED };
/* Ends the decoder (kills it if it still lives) and counts why. Returns its status as waitpid gives it, or -1 when
 * that cannot be known. */
int dp_sandbox_end(struct dp_sandbox *sandbox, struct dp_decoder *decoder, enum dp_decoder_end why);

/* The loader that has a decoder do the work (load_remote.c). */
enum b_code dp_load_remote_open(const struct dp_source *source, const struct dp_loader_options *options,
                                struct dp_loader *out, struct b_err *err) B_MUST_CHECK;

#endif
