/* SPDX-License-Identifier: Apache-2.0 */
/* A loader whose work is done by a decoder process. What the decoder answers is data of a stranger: it is frozen, its
 * size is known, and it is read by bounds-checking readers (sheet_wire.h). A decoder that crashes or is late costs the
 * page in work; the next page gets a new one, until the document has used up its share. Invariant: a decoder that
 * lives has the document open and no request in work. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "docparse/sandbox_private.h"
#include "docparse/sheet_wire.h"
#include "engine/base/memfile.h"

#define POLL_MS 50 /* between two looks at the cancel flag */
#define INFO_ARENA_BYTES ((size_t)64 << 20)
#define ADDRESS_PER_PIXEL 16 /* bytes: cairo's surface, the image, a decoder's working copy */

struct remote {
    struct dp_sandbox *sandbox;
    const struct dp_source *source;
    struct dp_loader_options options; /* password: own copy */
    char password[DP_PASSWORD_BYTES];
    struct dp_decoder decoder;
    struct b_arena *arena; /* strings of the file's facts */
    uint64_t answer_bytes;
    atomic_int own_crashes;
};

static atomic_int *crashes_of(struct remote *r)
{
    return r->options.crashes ? r->options.crashes : &r->own_crashes;
}

static void remote_close(void *state)
{
    struct remote *r = state;
    (void)dp_sandbox_end(r->sandbox, &r->decoder, DP_DECODER_CLOSED);
    b_arena_drop(r->arena);
    explicit_bzero(r->password, sizeof r->password);
    free(r);
}

/* "PDF", "TIFF"...: whose decoder it was. */
static const char *format_of(const struct dp_source *source)
{
    static const char *const names[] = {[DP_MEDIA_PDF] = "PDF",   [DP_MEDIA_TIFF] = "TIFF", [DP_MEDIA_PNG] = "PNG",
                                        [DP_MEDIA_JPEG] = "JPEG", [DP_MEDIA_WEBP] = "WebP"};
    const size_t i = (size_t)source->media;
    return i < sizeof names / sizeof names[0] && names[i] ? names[i] : "document";
}

/* How a decoder that went away by itself ended. */
static enum b_code crashed(struct remote *r, struct b_err *err)
{
    const int status = dp_sandbox_end(r->sandbox, &r->decoder, DP_DECODER_CRASHED);
    const char *format = format_of(r->source);
    const int sig = status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    enum b_code code = B_LIBRARY;
    atomic_fetch_add(crashes_of(r), 1);
    if (sig == SIGKILL)
        code = b_fail(err, B_LIBRARY, DP_SANDBOX_DOMAIN,
                      "the %s decoder was killed (signal 9), perhaps for want of memory", format);
    else if (sig == SIGABRT || sig == SIGTRAP)
        code = b_fail(err, B_LIBRARY, DP_SANDBOX_DOMAIN,
                      "the %s decoder gave up (signal %d), perhaps for want of memory", format, sig);
    else if (sig == SIGXCPU)
        code = b_fail(err, B_DEADLINE, DP_SANDBOX_DOMAIN, "the %s decoder used more processor time than it may", format);
    else if (sig == SIGSYS)
        code = b_fail(err, B_LIBRARY, DP_SANDBOX_DOMAIN, "the %s decoder tried what it must not (signal %d)", format, sig);
    else if (sig)
        code = b_fail(err, B_LIBRARY, DP_SANDBOX_DOMAIN, "the %s decoder crashed (signal %d, %s)", format, sig,
                      strsignal(sig));
    else
        code = b_fail(err, B_LIBRARY, DP_SANDBOX_DOMAIN, "the %s decoder ended unasked", format);
    b_advise(err, sig == SIGKILL || sig == SIGABRT || sig == SIGTRAP
                      ? "give it more memory or run fewer jobs; a damaged or hostile file may do this as well"
                      : "the file is damaged or hostile: open it in a viewer and save it anew");
    return code;
}

static enum b_code late(struct remote *r, struct b_err *err)
{
    (void)dp_sandbox_end(r->sandbox, &r->decoder, DP_DECODER_STOPPED);
    atomic_fetch_add(crashes_of(r), 1);
    (void)b_fail(err, B_DEADLINE, DP_SANDBOX_DOMAIN, "the %s decoder did not answer in time and was ended",
                 format_of(r->source));
    b_advise(err, "allow more seconds per page");
    return B_DEADLINE;
}

/* Processor time ends a decoder even while this program is stopped. */
static void limit_time(const struct remote *r, int64_t deadline_ns)
{
    clockid_t clock;
    struct timespec used;
    struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
    if (deadline_ns == 0 || !dp_decoder_lives(&r->decoder))
        return;
    if (clock_getcpuclockid(r->decoder.pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return;
    const int64_t left = deadline_ns - b_now_ns() + DP_DECODER_GRACE_NS;
    most.rlim_cur = (rlim_t)(used.tv_sec + 2 + (left > 0 ? left / 1000000000 : 0));
    (void)prlimit(r->decoder.pid, RLIMIT_CPU, &most, NULL);
}

/* Waits until the decoder answers or has gone. */
static enum b_code wait_for(struct remote *r, const struct dp_decoder_request *q, struct b_cancel *cancel,
                            struct b_err *err)
{
    struct pollfd socket = {.fd = r->decoder.socket, .events = POLLIN};
    for (;;) {
        const int n = poll(&socket, 1, POLL_MS);
        if (n > 0)
            return B_OK;
        if (n < 0 && errno != EINTR)
            return b_fail(err, B_INTERNAL, DP_SANDBOX_DOMAIN, "waiting failed: %s", strerror(errno));
        if (q->deadline_ns != 0 && b_now_ns() > q->deadline_ns + DP_DECODER_GRACE_NS)
            return late(r, err);
        if (b_cancel_check(cancel, err) == B_CANCELLED) {
            (void)dp_sandbox_end(r->sandbox, &r->decoder, DP_DECODER_CLOSED);
            return B_CANCELLED;
        }
    }
}

/* The decoder's own error, in our words: its code and texts are a stranger's. */
static enum b_code reported(struct dp_decoder_reply *reply, struct b_err *err)
{
    struct b_err *e = &reply->err;
    e->domain[sizeof e->domain - 1] = e->message[sizeof e->message - 1] = e->advice[sizeof e->advice - 1] = '\0';
    const enum b_code code = reply->code <= B_PASSWORD ? (enum b_code)reply->code : B_INTERNAL;
    (void)b_fail(err, code, e->domain, "%s", e->message);
    if (e->advice[0])
        b_advise(err, "%s", e->advice);
    return code;
}

/* One request and its answer. */
static enum b_code exchange(struct remote *r, const struct dp_decoder_request *q, const int *fds, int n_fds,
                            struct b_cancel *cancel, struct dp_decoder_reply *reply, struct b_err *err)
{
    limit_time(r, q->deadline_ns);
    if (!dp_packet_send(r->decoder.socket, q, sizeof *q, fds, n_fds))
        return crashed(r, err);
    const enum b_code code = wait_for(r, q, cancel, err);
    if (code != B_OK)
        return code;
    if (!dp_packet_receive(r->decoder.socket, reply, sizeof *reply, NULL, NULL))
        return crashed(r, err);
    return reply->code == B_OK ? B_OK : reported(reply, err);
}

/* A decoder that broke the rules is not asked again. */
static enum b_code distrust(struct remote *r, enum b_code code)
{
    (void)dp_sandbox_end(r->sandbox, &r->decoder, DP_DECODER_STOPPED);
    atomic_fetch_add(crashes_of(r), 1);
    return code;
}

/* Freezes the answer and maps its record. */
static enum b_code map_record(struct remote *r, int answer, uint64_t bytes, const void **record, struct b_err *err)
{
    enum b_code code = b_memfile_freeze(answer, err);
    if (code == B_OK && (bytes == 0 || bytes > r->answer_bytes))
        code = b_fail(err, B_FORMAT, DP_SANDBOX_DOMAIN, "the decoder's answer has an impossible size");
    void *at = code == B_OK ? mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, answer, 0) : MAP_FAILED;
    if (code == B_OK && at == MAP_FAILED)
        code = b_fail(err, B_NO_MEMORY, DP_SANDBOX_DOMAIN, "the decoder's answer cannot be mapped");
    *record = at;
    return code;
}

static int64_t open_deadline(const struct remote *r)
{
    const double seconds = r->options.limits.page_seconds;
    return seconds > 0 ? b_now_ns() + (int64_t)(seconds * 1e9) : 0;
}

static enum b_code read_info(struct remote *r, int answer, uint64_t bytes, struct dp_file_info *info, struct b_err *err)
{
    const void *record = NULL;
    enum b_code code = map_record(r, answer, bytes, &record, err);
    if (code == B_OK) {
        code = dp_file_info_read(record, (size_t)bytes, r->arena, info, err);
        (void)munmap((void *)(uintptr_t)record, (size_t)bytes);
    }
    return code == B_OK ? B_OK : distrust(r, code);
}

/* Has the decoder open the document. info may be NULL when its facts are known. */
static enum b_code ask_open(struct remote *r, struct dp_file_info *info, struct b_cancel *cancel, struct b_err *err)
{
    struct dp_decoder_reply reply;
    struct dp_decoder_request q = {.ask = DP_DECODER_OPEN,
                                   .deadline_ns = open_deadline(r),
                                   .media = (uint32_t)r->source->media,
                                   .size = r->source->bytes.size,
                                   .dpi = r->options.dpi,
                                   .limits = r->options.limits};
    memcpy(q.password, r->password, sizeof q.password);
    int answer;
    enum b_code code = b_memfile_new(r->answer_bytes, &answer, err);
    if (code != B_OK)
        return code;
    code = exchange(r, &q, (const int[]){r->source->shared, answer}, 2, cancel, &reply, err);
    if (code == B_OK && info)
        code = read_info(r, answer, reply.bytes, info, err);
    (void)close(answer);
    explicit_bzero(q.password, sizeof q.password);
    return code;
}

static enum b_code used_up(struct remote *r, struct b_err *err)
{
    if (atomic_load(crashes_of(r)) < DP_DECODER_CRASHES)
        return B_OK;
    (void)b_fail(err, B_LIMIT, DP_SANDBOX_DOMAIN, "%d decoders were lost to this document: the rest of it is not read",
                 DP_DECODER_CRASHES);
    b_advise(err, "open it in a viewer and save it anew, or read single pages");
    return B_LIMIT;
}

/* Makes sure that a decoder lives and has the document open. */
static enum b_code need_decoder(struct remote *r, struct dp_file_info *info, struct b_cancel *cancel, struct b_err *err)
{
    if (r->decoder.pid > 0)
        return B_OK;
    const struct dp_limits *l = &r->options.limits;
    const struct dp_decoder_bounds bounds = {
        .memory = l->decoder_bytes + l->page_pixels * ADDRESS_PER_PIXEL + r->source->bytes.size,
        .answer = r->answer_bytes,
        .files = r->source->media == DP_MEDIA_PDF};
    enum b_code code = used_up(r, err);
    if (code == B_OK)
        code = dp_sandbox_fork(r->sandbox, &bounds, &r->decoder, err);
    if (code == B_OK)
        code = ask_open(r, info, cancel, err);
    if (code != B_OK)
        (void)dp_sandbox_end(r->sandbox, &r->decoder, DP_DECODER_CLOSED);
    return code;
}

/* The pixels behind the record, as an image of their own. */
static enum b_code map_pixels(struct remote *r, int answer, uint64_t record, struct b_image *image, struct b_err *err)
{
    const uint64_t at = (record + DP_ANSWER_ALIGN - 1) / DP_ANSWER_ALIGN * DP_ANSWER_ALIGN;
    const uint64_t bytes = (uint64_t)image->width * (uint64_t)image->height * (uint64_t)image->channels;
    if (at > r->answer_bytes || bytes > r->answer_bytes - at)
        return b_fail(err, B_FORMAT, DP_SANDBOX_DOMAIN, "the decoder's answer has an impossible size");
    void *pixels = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, answer, (off_t)at);
    if (pixels == MAP_FAILED)
        return b_fail(err, B_NO_MEMORY, DP_SANDBOX_DOMAIN, "the page image cannot be mapped");
    image->pixels = pixels;
    image->mapped = (size_t)bytes;
    return B_OK;
}

static enum b_code take_sheet(struct remote *r, int32_t number, int answer, uint64_t bytes, struct dp_sheet *out,
                              struct b_err *err)
{
    const void *record = NULL;
    enum b_code code = map_record(r, answer, bytes, &record, err);
    if (code == B_OK) {
        code = dp_sheet_read(record, (size_t)bytes, &r->options.limits, out, err);
        (void)munmap((void *)(uintptr_t)record, (size_t)bytes);
    }
    if (code == B_OK && out->number != number)
        code = b_fail(err, B_FORMAT, DP_SANDBOX_DOMAIN, "the decoder answered with page %d, not page %d",
                      (int)out->number, (int)number);
    if (code == B_OK)
        code = map_pixels(r, answer, bytes, &out->image, err);
    return code == B_OK ? B_OK : distrust(r, code);
}

static enum b_code remote_page(void *state, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                               struct b_err *err)
{
    struct remote *r = state;
    struct dp_decoder_reply reply;
    const struct dp_decoder_request q = {.ask = DP_DECODER_PAGE,
                                         .number = number,
                                         .deadline_ns = cancel ? atomic_load(&cancel->deadline_ns) : 0};
    int answer;
    enum b_code code = need_decoder(r, NULL, cancel, err);
    if (code != B_OK)
        return code;
    code = b_memfile_new(r->answer_bytes, &answer, err);
    if (code != B_OK)
        return code;
    code = exchange(r, &q, &answer, 1, cancel, &reply, err);
    if (code == B_OK)
        code = take_sheet(r, number, answer, reply.bytes, out, err);
    (void)close(answer);
    return code;
}

static enum b_code remote_page_size(void *state, int32_t number, double *width, double *height, struct b_err *err)
{
    struct remote *r = state;
    struct dp_decoder_reply reply;
    const struct dp_decoder_request q = {
        .ask = DP_DECODER_SIZE, .number = number, .deadline_ns = open_deadline(r)};
    enum b_code code = need_decoder(r, NULL, NULL, err);
    if (code == B_OK)
        code = exchange(r, &q, NULL, 0, NULL, &reply, err);
    if (code == B_OK && !(isfinite(reply.width) && isfinite(reply.height) && reply.width >= 0 && reply.height >= 0))
        code = distrust(r, b_fail(err, B_FORMAT, DP_SANDBOX_DOMAIN, "the decoder gave a size that is no number"));
    if (code == B_OK) {
        *width = reply.width;
        *height = reply.height;
    }
    return code;
}

enum b_code dp_load_remote_open(const struct dp_source *source, const struct dp_loader_options *options,
                                struct dp_loader *out, struct b_err *err)
{
    static const struct dp_loader_ops ops = {remote_close, remote_page, remote_page_size};
    const struct dp_limits *l = &options->limits;
    if (source->shared < 0)
        return b_fail(err, B_INTERNAL, DP_SANDBOX_DOMAIN, "the source is not shared");
    if (options->password && strlen(options->password) >= DP_PASSWORD_BYTES)
        return b_fail(err, B_ARGUMENT, DP_SANDBOX_DOMAIN, "the password is longer than %d bytes", DP_PASSWORD_BYTES - 1);
    struct remote *r = calloc(1, sizeof *r);
    if (!r)
        return b_fail(err, B_NO_MEMORY, DP_SANDBOX_DOMAIN, "out of memory");
    r->sandbox = options->sandbox;
    r->source = source;
    r->options = *options;
    r->options.password = NULL;
    (void)snprintf(r->password, sizeof r->password, "%s", options->password ? options->password : "");
    r->decoder.socket = r->decoder.process = -1;
    r->answer_bytes = l->page_arena + DP_ANSWER_ALIGN + l->page_pixels * 3;
    if (r->answer_bytes < DP_INFO_BYTES)
        r->answer_bytes = DP_INFO_BYTES;
    out->ops = &ops;
    out->state = r;
    r->arena = b_arena_new(INFO_ARENA_BYTES);
    if (!r->arena)
        return b_fail(err, B_NO_MEMORY, DP_SANDBOX_DOMAIN, "out of memory");
    const enum b_code code = need_decoder(r, &out->info, options->cancel, err);
    r->options.cancel = NULL; /* the caller's, for this call only */
    return code;
}
