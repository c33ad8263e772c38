/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder process: one document, one request at a time. Invariant: it is locked up before the first byte of a document
 * is read, and it holds nothing but its socket, the input and the memory for the answer in work. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "docparse/sandbox_private.h"
#include "docparse/sheet_wire.h"
#include "engine/base/memfile.h"

struct decoder {
    struct dp_source source; /* bytes borrowed from a mapping that ends with the process */
    struct dp_loader *loader;
    struct dp_limits limits;
    struct dp_decoder_reply reply;
};

/* The record, then the pixels. */
static enum b_code write_answer(struct decoder *d, int answer, const struct b_buf *record, const struct b_image *image,
                                struct b_err *err)
{
    enum b_code code = b_buf_check(record, DP_SANDBOX_DOMAIN, err);
    if (code == B_OK)
        code = b_memfile_write(answer, record->data, record->len, 0, err);
    d->reply.bytes = record->len;
    const uint64_t at = (record->len + DP_ANSWER_ALIGN - 1) / DP_ANSWER_ALIGN * DP_ANSWER_ALIGN;
    if (code == B_OK && image)
        code = b_memfile_write(answer, image->pixels,
                               (size_t)image->width * (size_t)image->height * (size_t)image->channels, at, err);
    return code;
}

static enum b_code open_document(struct decoder *d, struct dp_decoder_request *q, int input, int answer,
                                 struct b_err *err)
{
    const void *bytes = q->size > 0 ? mmap(NULL, (size_t)q->size, PROT_READ, MAP_SHARED, input, 0) : MAP_FAILED;
    if (bytes == MAP_FAILED || d->loader)
        return b_fail(err, B_INTERNAL, DP_SANDBOX_DOMAIN, "the input cannot be mapped");
    b_bytes_borrow(bytes, (size_t)q->size, &d->source.bytes);
    d->source.media = (enum dp_media)q->media;
    d->limits = q->limits;
    q->password[DP_PASSWORD_BYTES - 1] = '\0';
    const struct dp_loader_options options = {
        .limits = q->limits, .dpi = q->dpi, .password = q->password[0] ? q->password : NULL};
    enum b_code code = dp_loader_open(&d->source, &options, &d->loader, err);
    if (code != B_OK)
        return code;
    struct b_buf record;
    b_buf_init(&record, DP_INFO_BYTES);
    dp_file_info_write(&record, dp_loader_info(d->loader));
    code = write_answer(d, answer, &record, NULL, err);
    b_buf_free(&record);
    return code;
}

static enum b_code load_page(struct decoder *d, const struct dp_decoder_request *q, int answer, struct b_err *err)
{
    struct b_cancel cancel;
    struct dp_sheet sheet = {0};
    struct b_buf record;
    b_cancel_init(&cancel);
    b_cancel_set_deadline(&cancel, q->deadline_ns);
    b_buf_init(&record, (size_t)d->limits.page_arena);
    enum b_code code = dp_loader_page(d->loader, q->number, &cancel, &sheet, err);
    if (code == B_OK) {
        dp_sheet_write(&record, &sheet);
        code = write_answer(d, answer, &record, &sheet.image, err);
    }
    b_buf_free(&record);
    dp_sheet_free(&sheet);
    return code;
}

static enum b_code answer_request(struct decoder *d, struct dp_decoder_request *q, const int *fds, int n_fds,
                                  struct b_err *err)
{
    if (q->ask == DP_DECODER_OPEN && n_fds == 2)
        return open_document(d, q, fds[0], fds[1], err);
    if (q->ask == DP_DECODER_PAGE && n_fds == 1 && d->loader)
        return load_page(d, q, fds[0], err);
    if (q->ask == DP_DECODER_SIZE && d->loader)
        return dp_loader_page_size(d->loader, q->number, &d->reply.width, &d->reply.height, err);
    return b_fail(err, B_INTERNAL, DP_SANDBOX_DOMAIN, "the request makes no sense");
}

_Noreturn void dp_decoder_run(int socket, const struct dp_decoder_bounds *bounds)
{
    struct decoder d = {.source.media = DP_MEDIA_UNKNOWN};
    (void)prctl(PR_SET_NAME, "docparse-decode", 0, 0, 0);
    const struct dp_decoder_level level = dp_sandbox_lock(bounds);
    if ((bounds->least.filtered && !level.filtered) || (bounds->least.confined && !level.confined))
        _exit(1);
    for (;;) {
        struct dp_decoder_request q;
        int fds[DP_PACKET_FDS], n_fds = 0;
        if (!dp_packet_receive(socket, &q, sizeof q, fds, &n_fds))
            _exit(0); /* the loader was closed */
        memset(&d.reply, 0, sizeof d.reply);
        d.reply.code = (uint32_t)answer_request(&d, &q, fds, n_fds, &d.reply.err);
        for (int i = 0; i < n_fds; i++)
            (void)close(fds[i]);
        if (!dp_packet_send(socket, &d.reply, sizeof d.reply, NULL, 0))
            _exit(0);
    }
}
