/* SPDX-License-Identifier: Apache-2.0 */
/* The loader that has decoders do the work, against decoders that lie: a thread stands in for the decoder process and
 * answers as each case says. Whatever it does, the loader gives an error and the next page a new decoder. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "docparse/sandbox_private.h"
#include "docparse/sheet_wire.h"
#include "engine/base/memfile.h"
#include "tests/support/sheets.h"

enum lie {
    HONEST,
    WRITABLE,      /* keeps the answer mapped for writing */
    HUGE_RECORD,   /* a record larger than the memory */
    EMPTY_RECORD,
    DAMAGED_RECORD,
    OTHER_PAGE,
    STRANGE_CODE,  /* no reason code of ours, texts without an end */
    SHORT_PACKET,
    CLOSES,        /* ends without a word */
    SILENT,
    WITH_DESCRIPTOR /* sends a descriptor along */
};

static enum lie lie; /* of pages; documents open honestly */
static int forks, ends[3];
static pthread_t decoder;
static int decoder_socket;

static void answer_page(struct dp_decoder_reply *reply, int number, int answer)
{
    struct b_buf buf;
    struct dp_sheet sheet;
    char pixels[100 * 50 * 3];
    memset(pixels, 200, sizeof pixels);
    b_buf_init(&buf, 65536);
    t_sheet_make(&sheet, lie == OTHER_PAGE ? number + 1 : number);
    dp_sheet_write(&buf, &sheet);
    if (lie == DAMAGED_RECORD)
        buf.data[30] ^= 0x40;
    assert_int_equal(b_memfile_write(answer, buf.data, buf.len, 0, NULL), B_OK);
    assert_int_equal(b_memfile_write(answer, pixels, sizeof pixels, DP_ANSWER_ALIGN, NULL), B_OK);
    reply->bytes = lie == HUGE_RECORD ? UINT64_MAX / 2 : lie == EMPTY_RECORD ? 0 : buf.len;
    dp_sheet_free(&sheet);
    b_buf_free(&buf);
    if (lie == WRITABLE)
        (void)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, answer, 0);
    if (lie == STRANGE_CODE) {
        memset(&reply->err, 0x1b, sizeof reply->err);
        reply->code = 0xffffffffu;
    }
}

static void answer_open(struct dp_decoder_reply *reply, int answer)
{
    const struct dp_file_info info = {.page_count = 3};
    struct b_buf buf;
    b_buf_init(&buf, 4096);
    dp_file_info_write(&buf, &info);
    assert_int_equal(b_memfile_write(answer, buf.data, buf.len, 0, NULL), B_OK);
    reply->bytes = buf.len;
    b_buf_free(&buf);
}

static void *decode(void *arg)
{
    const int socket = *(int *)arg;
    struct dp_decoder_request q;
    int fds[DP_PACKET_FDS], n = 0;
    while (dp_packet_receive(socket, &q, sizeof q, fds, &n)) {
        struct dp_decoder_reply reply = {0};
        if (q.ask == DP_DECODER_OPEN)
            answer_open(&reply, fds[1]);
        else
            answer_page(&reply, q.number, fds[0]);
        for (int i = 0; i < n; i++)
            (void)close(fds[i]);
        if (q.ask == DP_DECODER_PAGE && lie == CLOSES)
            break;
        if (q.ask == DP_DECODER_PAGE && lie == SILENT)
            continue;
        (void)dp_packet_send(socket, &reply, q.ask == DP_DECODER_PAGE && lie == SHORT_PACKET ? 10 : sizeof reply, &socket,
                             q.ask == DP_DECODER_PAGE && lie == WITH_DESCRIPTOR ? 1 : 0);
    }
    (void)close(socket);
    return NULL;
}

/* Stand for those of sandbox.c, which is not linked: a process is a thread. */
enum b_code dp_sandbox_fork(struct dp_sandbox *sandbox, const struct dp_decoder_bounds *bounds, struct dp_decoder *out,
                            struct b_err *err)
{
    int pair[2];
    (void)sandbox;
    (void)err;
    assert_true(bounds->answer > 0 && bounds->memory > 0 && !bounds->files);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    decoder_socket = pair[1];
    assert_int_equal(pthread_create(&decoder, NULL, decode, &decoder_socket), 0);
    forks++;
    *out = (struct dp_decoder){.pid = getpid(), .socket = pair[0], .process = -1};
    return B_OK;
}

bool dp_decoder_lives(const struct dp_decoder *d)
{
    return d->pid > 0;
}

int dp_sandbox_end(struct dp_sandbox *sandbox, struct dp_decoder *d, enum dp_decoder_end why)
{
    (void)sandbox;
    if (d->pid <= 0)
        return -1;
    ends[why]++;
    (void)close(d->socket);
    (void)pthread_join(decoder, NULL);
    *d = (struct dp_decoder){.socket = -1, .process = -1};
    return SIGSEGV; /* a status of waitpid: ended by it */
}

struct fixture {
    struct dp_source source;
    struct dp_loader loader;
    struct b_err err;
};

static void open_it(struct fixture *f)
{
    struct dp_limits limits = dp_limits_default();
    limits.page_seconds = 0; /* else processor time of this very process would be limited */
    const struct dp_loader_options options = {.limits = limits, .sandbox = (struct dp_sandbox *)(void *)f};
    memset(f, 0, sizeof *f);
    memset(ends, 0, sizeof ends);
    forks = 0;
    assert_int_equal(dp_source_of_bytes("\x89PNG\r\n\x1a\n...", 11, "a.png", &limits, &f->source, &f->err), B_OK);
    assert_int_equal(dp_load_remote_open(&f->source, &options, &f->loader, &f->err), B_INTERNAL); /* not shared */
    assert_int_equal(dp_source_share(&f->source, &f->err), B_OK);
    assert_int_equal(dp_load_remote_open(&f->source, &options, &f->loader, &f->err), B_OK);
    assert_int_equal(f->loader.info.page_count, 3);
}

static void close_it(struct fixture *f)
{
    f->loader.ops->close(f->loader.state);
    dp_source_close(&f->source);
}

static enum b_code load(struct fixture *f, int number, enum lie how, struct b_cancel *cancel)
{
    struct dp_sheet sheet = {0};
    lie = how;
    const enum b_code code = f->loader.ops->page(f->loader.state, number, cancel, &sheet, &f->err);
    if (code == B_OK) {
        assert_int_equal(sheet.number, number);
        assert_int_equal(sheet.n_words, T_SHEET_WORDS);
        assert_int_equal(sheet.image.pixels[0], 200);
        assert_int_equal(sheet.image.pixels[100 * 50 * 3 - 1], 200);
        sheet.image.pixels[5] = 1; /* ours to write */
    }
    dp_sheet_free(&sheet);
    return code;
}

static void test_honest(void **state)
{
    (void)state;
    struct fixture f;
    open_it(&f);
    for (int n = 1; n <= 3; n++)
        assert_int_equal(load(&f, n, HONEST, NULL), B_OK);
    assert_int_equal(load(&f, 1, WITH_DESCRIPTOR, NULL), B_OK); /* thrown away by the kernel */
    assert_int_equal(forks, 1);
    close_it(&f);
    assert_int_equal(ends[DP_DECODER_CLOSED], 1);
}

static void test_lies(void **state)
{
    (void)state;
    static const struct {
        enum lie lie;
        enum b_code code;
        enum dp_decoder_end end;
        const char *says;
    } cases[] = {
        {WRITABLE, B_IO, DP_DECODER_STOPPED, "frozen"},
        {HUGE_RECORD, B_FORMAT, DP_DECODER_STOPPED, "impossible size"},
        {EMPTY_RECORD, B_FORMAT, DP_DECODER_STOPPED, "impossible size"},
        {DAMAGED_RECORD, B_FORMAT, DP_DECODER_STOPPED, "malformed"},
        {OTHER_PAGE, B_FORMAT, DP_DECODER_STOPPED, "page 3, not page 2"},
        {SHORT_PACKET, B_LIBRARY, DP_DECODER_CRASHED, "signal 11"},
        {CLOSES, B_LIBRARY, DP_DECODER_CRASHED, "signal 11"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        open_it(&f);
        assert_int_equal(load(&f, 1, HONEST, NULL), B_OK);
        assert_int_equal(load(&f, 2, cases[i].lie, NULL), cases[i].code);
        assert_non_null(strstr(f.err.message, cases[i].says));
        assert_int_equal(ends[cases[i].end], 1);
        assert_int_equal(load(&f, 3, HONEST, NULL), B_OK); /* by a new one */
        assert_int_equal(forks, 2);
        close_it(&f);
    }
}

static void test_strange_error(void **state)
{
    (void)state;
    struct fixture f;
    open_it(&f);
    assert_int_equal(load(&f, 1, STRANGE_CODE, NULL), B_INTERNAL);
    assert_int_equal(f.err.code, B_INTERNAL);
    assert_null(strchr(f.err.message, 0x1b)); /* no escape sequences */
    assert_null(strchr(f.err.advice, 0x1b));
    assert_true(strlen(f.err.message) < sizeof f.err.message);
    close_it(&f);
}

static void test_late(void **state)
{
    (void)state;
    struct fixture f;
    struct b_cancel cancel;
    open_it(&f);
    b_cancel_init(&cancel);
    b_cancel_set_deadline(&cancel, b_now_ns() + 50000000);
    assert_int_equal(load(&f, 1, SILENT, &cancel), B_DEADLINE);
    assert_non_null(strstr(f.err.message, "did not answer in time"));
    assert_int_equal(ends[DP_DECODER_STOPPED], 1);
    b_cancel_set_deadline(&cancel, 0);
    b_cancel_request(&cancel);
    assert_int_equal(load(&f, 2, SILENT, &cancel), B_CANCELLED);
    close_it(&f);
}

static void test_used_up(void **state)
{
    (void)state;
    struct fixture f;
    open_it(&f);
    for (int i = 0; i < DP_DECODER_CRASHES; i++)
        assert_int_equal(load(&f, 1, CLOSES, NULL), B_LIBRARY);
    assert_int_equal(load(&f, 2, HONEST, NULL), B_LIMIT);
    assert_int_equal(forks, DP_DECODER_CRASHES);
    close_it(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest), cmocka_unit_test(test_lies),    cmocka_unit_test(test_strange_error),
        cmocka_unit_test(test_late),   cmocka_unit_test(test_used_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
