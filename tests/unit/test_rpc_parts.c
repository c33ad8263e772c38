/* SPDX-License-Identifier: Apache-2.0 */
/* The service's parts that know nothing of gRPC: admission, messages, status details, unpacking, the wire
 * format and the descriptor walker. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "docparse/v1/parser.pb-c.h"
#include "engine/base/cancel.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "service/rpc/admission.h"
#include "service/rpc/descriptors.h"
#include "service/rpc/messages.h"
#include "service/rpc/status.h"
#include "service/rpc/trace.h"
#include "service/rpc/unpack.h"
#include "service/rpc/wire.h"
#include "engine/base/utf8.h"
#include "tests/support/make_document.h"

extern const uint8_t svc_schemas[];
extern const size_t svc_schemas_size;

static struct svc_admission *new_admission(int queue, int per_client, uint64_t bytes, int workers)
{
    const struct svc_admission_limits limits = {
        .queue = queue, .queue_per_client = per_client, .bytes = bytes, .workers = workers};
    struct svc_admission *a = NULL;
    assert_int_equal(svc_admission_new(&limits, &a, NULL), B_OK);
    return a;
}

static enum b_code enter(struct svc_admission *a, struct svc_ticket *t, const char *client, enum svc_class class)
{
    struct svc_refusal refusal;
    svc_ticket_init(t, client, class);
    return svc_admission_enter(a, t, 0, &refusal, NULL);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct svc_admission *a = new_admission(2, 0, 100, 1);
    struct svc_ticket t[3], held;
    struct b_err err;
    struct svc_refusal refusal;
    assert_int_equal(enter(a, &t[0], "a", SVC_INTERACTIVE), B_OK);
    assert_int_equal(enter(a, &t[1], "a", SVC_BULK), B_OK);
    assert_int_equal(enter(a, &t[2], "b", SVC_INTERACTIVE), B_LIMIT);
    svc_ticket_init(&held, "c", SVC_BULK);
    assert_int_equal(svc_admission_hold(a, &held, 100, &refusal, &err), B_OK);
    assert_int_equal(svc_admission_hold(a, &held, 1, &refusal, &err), B_LIMIT);
    assert_int_equal(refusal.retry_ms, -1); /* with its own 100 it cannot fit at all */
    assert_string_equal(refusal.reason, "BYTES_EXHAUSTED");
    svc_admission_leave(a, &held);
    svc_admission_leave(a, &held);
    assert_int_equal(svc_admission_hold(a, &held, 100, &refusal, &err), B_OK);
    svc_admission_leave(a, &held);
    assert_int_equal(svc_admission_withdraw(a, &t[0]), SVC_WAITING);
    assert_int_equal(svc_admission_withdraw(a, &t[0]), SVC_ELSEWHERE);
    assert_int_equal(enter(a, &t[2], "b", SVC_INTERACTIVE), B_OK);
    svc_admission_drain(a);
    assert_int_equal(enter(a, &t[0], "a", SVC_INTERACTIVE), B_CANCELLED);
    svc_admission_drop(a);
}

static void bounds_one_client(void **state)
{
    (void)state;
    struct svc_admission *a = new_admission(10, 2, 100, 1);
    struct svc_ticket t[4];
    assert_int_equal(enter(a, &t[0], "a", SVC_BULK), B_OK);
    assert_int_equal(enter(a, &t[1], "a", SVC_INTERACTIVE), B_OK);
    assert_int_equal(enter(a, &t[2], "a", SVC_BULK), B_LIMIT);
    assert_int_equal(enter(a, &t[3], "b", SVC_BULK), B_OK);
    svc_admission_drop(a);
}

/* What the workers would get, as letters of the clients. */
static void order_of(struct svc_admission *a, int n, char *out)
{
    for (int i = 0; i < n; i++) {
        struct svc_ticket *t = svc_admission_next(a, SVC_PAGES);
        out[i] = t->client[0];
        svc_admission_leave(a, t);
    }
    out[n] = '\0';
}

static void clients_take_turns(void **state)
{
    (void)state;
    struct svc_admission *a = new_admission(10, 0, 100, 1);
    struct svc_ticket t[5];
    char got[8];
    for (int i = 0; i < 4; i++)
        assert_int_equal(enter(a, &t[i], "a", SVC_INTERACTIVE), B_OK);
    assert_int_equal(enter(a, &t[4], "b", SVC_INTERACTIVE), B_OK);
    assert_int_equal(svc_admission_position(a, &t[4]), 5);
    order_of(a, 5, got);
    assert_string_equal(got, "abaaa");
    svc_admission_drop(a);
}

static void bulk_waits_but_never_starves(void **state)
{
    (void)state;
    struct svc_admission *a = new_admission(100, 0, 100, 1);
    struct svc_ticket fast[20], slow[2];
    char got[24];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(enter(a, &slow[i], "B", SVC_BULK), B_OK);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(enter(a, &fast[i], "i", SVC_INTERACTIVE), B_OK);
    order_of(a, 22, got);
    assert_string_equal(got, "iiiiiiiBiiiiiiiBiiiiii");
    svc_admission_drop(a);
}

static void bulk_leaves_room_for_interactive_calls(void **state)
{
    (void)state;
    struct svc_admission *a = new_admission(8, 0, 100, 1);
    struct svc_ticket bulk[7], fast[3], ours;
    struct svc_refusal refusal;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(enter(a, &bulk[i], "B", SVC_BULK), B_OK);
    assert_int_equal(enter(a, &bulk[6], "B", SVC_BULK), B_LIMIT);
    assert_int_equal(enter(a, &fast[0], "i", SVC_INTERACTIVE), B_OK);
    assert_int_equal(enter(a, &fast[1], "i", SVC_INTERACTIVE), B_OK);
    assert_int_equal(enter(a, &fast[2], "i", SVC_INTERACTIVE), B_LIMIT);
    svc_ticket_init(&ours, "jobs", SVC_BULK); /* stored jobs get their turn whatever waits */
    ours.ours = true;
    assert_int_equal(svc_admission_enter(a, &ours, 0, &refusal, NULL), B_OK);
    svc_admission_drop(a);
}

static void a_bulk_worker_lends_itself(void **state)
{
    (void)state;
    struct svc_admission *a = new_admission(8, 0, 100, 1);
    struct svc_ticket bulk[2], fast[2];
    assert_int_equal(enter(a, &bulk[0], "B", SVC_BULK), B_OK);
    assert_ptr_equal(svc_admission_next(a, SVC_PAGES), &bulk[0]);
    assert_int_equal(enter(a, &bulk[1], "C", SVC_BULK), B_OK);
    assert_null(svc_admission_lend(a)); /* only interactive work is a guest */
    assert_int_equal(enter(a, &fast[0], "i", SVC_INTERACTIVE), B_OK);
    assert_int_equal(enter(a, &fast[1], "j", SVC_INTERACTIVE), B_OK);
    assert_ptr_equal(svc_admission_lend(a), &fast[0]);
    assert_int_equal(svc_admission_withdraw(a, &fast[0]), SVC_RUNNING);
    assert_ptr_equal(svc_admission_lend(a), &fast[1]);
    assert_null(svc_admission_lend(a));
    svc_admission_leave(a, &fast[0]);
    svc_admission_leave(a, &fast[1]);
    svc_admission_leave(a, &bulk[0]);
    assert_ptr_equal(svc_admission_next(a, SVC_PAGES), &bulk[1]);
    svc_admission_drop(a);
}

struct express {
    struct svc_admission *a;
    atomic_int taken;
    pthread_t thread;
};

static void *take_express(void *arg)
{
    struct express *e = arg;
    for (struct svc_ticket *t; (t = svc_admission_express(e->a)) != NULL; svc_admission_leave(e->a, t))
        atomic_fetch_add(&e->taken, 1);
    return NULL;
}

static void pass_ms(long ms)
{
    assert_int_equal(nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL), 0);
}

/* Interactive work waits for interactive work, never for a bulk page. */
static void the_express_waits_for_no_bulk_page(void **state)
{
    (void)state;
    struct express e = {.a = new_admission(8, 0, 100, 1)};
    struct svc_ticket bulk, fast[3], *own;
    atomic_init(&e.taken, 0);
    assert_int_equal(pthread_create(&e.thread, NULL, take_express, &e), 0);
    assert_int_equal(enter(e.a, &bulk, "B", SVC_BULK), B_OK);
    pass_ms(SVC_EXPRESS_MS + 100);
    assert_ptr_equal(svc_admission_next(e.a, SVC_PAGES), &bulk); /* the express takes no bulk work */
    const int64_t since_ns = b_now_ns();
    assert_int_equal(enter(e.a, &fast[0], "i", SVC_INTERACTIVE), B_OK);
    while (atomic_load(&e.taken) < 1)
        pass_ms(1);
    assert_true(b_now_ns() - since_ns >= SVC_EXPRESS_MS * 1000000LL);
    assert_int_equal(enter(e.a, &fast[1], "i", SVC_INTERACTIVE), B_OK);
    own = svc_admission_lend(e.a); /* the worker has come to the end of its page, and takes its time */
    assert_ptr_equal(own, &fast[1]);
    assert_int_equal(enter(e.a, &fast[2], "j", SVC_INTERACTIVE), B_OK);
    pass_ms(SVC_EXPRESS_MS + 200);
    assert_int_equal(atomic_load(&e.taken), 1);
    svc_admission_leave(e.a, own);
    while (atomic_load(&e.taken) < 2)
        pass_ms(1);
    svc_admission_leave(e.a, &bulk);
    svc_admission_close(e.a);
    assert_int_equal(pthread_join(e.thread, NULL), 0);
    svc_admission_drop(e.a);
}

static void refuses_deadlines_that_cannot_be_met(void **state)
{
    (void)state;
    struct svc_admission *a = new_admission(100, 0, 100, 1);
    struct svc_ticket first, second;
    struct svc_refusal refusal;
    assert_int_equal(enter(a, &first, "a", SVC_INTERACTIVE), B_OK);
    svc_ticket_init(&second, "b", SVC_INTERACTIVE);
    assert_int_equal(svc_admission_enter(a, &second, b_now_ns() + 1000000, &refusal, NULL), B_DEADLINE);
    assert_int_equal(svc_admission_enter(a, &second, b_now_ns() + 3600000000000LL, &refusal, NULL), B_OK);
    svc_admission_drop(a);
}

static void messages_carry_the_page(void **state)
{
    (void)state;
    struct dp_document document = {0};
    assert_true(t_sample_document(&document));
    for (int32_t i = 0; i < document.pages[1]->n_tables; i++) {
        document.pages[1]->tables[i].continues = true;
        document.pages[1]->tables[i].repeated_rows = 1;
    }
    for (int32_t i = 0; i < document.n_pages; i++) {
        const struct dp_page *page = document.pages[i];
        struct b_arena *arena = b_arena_new((size_t)16 << 20);
        Docparse__V1__Page *m = NULL;
        struct b_buf buf;
        assert_int_equal(svc_page_message(page, NULL, arena, &m, NULL), B_OK);
        b_buf_init(&buf, (size_t)16 << 20);
        assert_int_equal(svc_wire_pack(&buf, &m->base, NULL), B_OK);
        assert_int_equal(buf.len, docparse__v1__page__get_packed_size(m));
        Docparse__V1__Page *back = docparse__v1__page__unpack(NULL, buf.len, (const uint8_t *)buf.data);
        assert_non_null(back);
        assert_int_equal(back->n_blocks, page->n_blocks);
        for (int32_t b = 0; b < page->n_blocks; b++) {
            assert_string_equal(back->blocks[b]->text, page->blocks[b].text);
            assert_int_equal(back->blocks[b]->type, page->blocks[b].type + 1);
            assert_int_equal(back->blocks[b]->parent, page->blocks[b].parent);
            assert_int_equal(back->blocks[b]->n_lines, page->blocks[b].n_lines);
            assert_true((back->blocks[b]->table != NULL) == (page->blocks[b].table != DP_NONE));
            if (page->blocks[b].table != DP_NONE) {
                assert_int_equal(back->blocks[b]->table->continues, i == 1);
                assert_int_equal(back->blocks[b]->table->repeated_rows, i == 1);
            }
            int32_t first;
            assert_int_equal(back->blocks[b]->n_spans, dp_spans_of(page, b, &first));
            for (size_t k = 0; k < back->blocks[b]->n_spans; k++) {
                const Docparse__V1__Span *got = back->blocks[b]->spans[k];
                const struct dp_span *want = &page->spans[first + (int32_t)k];
                assert_int_equal(got->kind, want->kind + 1);
                assert_int_equal(got->start, b_utf8_count(page->blocks[b].text, (size_t)want->begin));
                assert_int_equal(got->end, b_utf8_count(page->blocks[b].text, (size_t)want->end));
                assert_string_equal(got->latex, want->latex ? want->latex : "");
            }
        }
        docparse__v1__page__free_unpacked(back, NULL);
        b_buf_free(&buf);
        b_arena_drop(arena);
    }
    dp_document_clear(&document);
}

static void a_small_arena_is_an_error(void **state)
{
    (void)state;
    struct dp_document document = {0};
    assert_true(t_sample_document(&document));
    for (size_t budget = 64; budget < 4096; budget += 61) {
        struct b_arena *arena = b_arena_new(budget);
        Docparse__V1__Page *m = NULL;
        const enum b_code code = svc_page_message(document.pages[0], NULL, arena, &m, NULL);
        assert_true(code == B_LIMIT || code == B_NO_MEMORY);
        assert_null(m);
        b_arena_drop(arena);
    }
    dp_document_clear(&document);
}

static void details_say_what_to_do(void **state)
{
    (void)state;
    struct b_err problem;
    struct b_buf buf;
    (void)b_fail(&problem, B_LIMIT, "admission", "the queue is full");
    b_advise(&problem, "come back");
    b_buf_init(&buf, 4096);
    const struct svc_status_details details = {
        .reason = "QUEUE_FULL", .field = "content", .request_id = "r1", .retry_delay_ms = 2500};
    assert_int_equal(svc_status_pack(SVC_GRPC_RESOURCE_EXHAUSTED, &problem, &details, &buf, NULL), B_OK);
    Google__Rpc__Status *s = google__rpc__status__unpack(NULL, buf.len, (const uint8_t *)buf.data);
    assert_non_null(s);
    assert_int_equal(s->code, 8);
    assert_int_equal(s->n_details, 4);
    Google__Rpc__ErrorInfo *info =
        google__rpc__error_info__unpack(NULL, s->details[0]->value.len, s->details[0]->value.data);
    assert_string_equal(info->reason, "QUEUE_FULL");
    assert_int_equal(info->n_metadata, 2);
    Google__Rpc__RetryInfo *retry =
        google__rpc__retry_info__unpack(NULL, s->details[1]->value.len, s->details[1]->value.data);
    assert_int_equal(retry->retry_delay->seconds, 2);
    assert_int_equal(retry->retry_delay->nanos, 500000000);
    google__rpc__retry_info__free_unpacked(retry, NULL);
    google__rpc__error_info__free_unpacked(info, NULL);
    google__rpc__status__free_unpacked(s, NULL);
    b_buf_free(&buf);
    for (int code = 0; code <= B_PASSWORD; code++)
        assert_true(svc_grpc_code_of((enum b_code)code) == SVC_GRPC_OK ? code == B_OK : code != B_OK);
}

static enum b_code unpack_request(const uint8_t *data, size_t size)
{
    struct b_arena *arena = b_arena_new(svc_unpack_budget(size));
    ProtobufCMessage *m = NULL;
    const enum b_code code = svc_unpack(&docparse__v1__parse_request__descriptor, data, size, arena, &m, NULL);
    b_arena_drop(arena);
    return code;
}

static void unpacking_is_bounded(void **state)
{
    (void)state;
    struct b_buf inner, options, request;
    b_buf_init(&inner, 1 << 20);
    b_buf_init(&options, 1 << 20);
    b_buf_init(&request, 1 << 20);
    svc_wire_bytes(&request, 1, "content", 7);
    svc_wire_bytes(&request, 2, "name", 4);
    assert_int_equal(unpack_request((const uint8_t *)request.data, request.len), B_OK);
    svc_wire_bytes(&request, 2, "\xff\xfe", 2);
    assert_int_equal(unpack_request((const uint8_t *)request.data, request.len), B_FORMAT);
    /* A text that is wrong deep inside. */
    b_buf_clear(&request);
    svc_wire_bytes(&inner, 4, "m\xc3", 2);
    svc_wire_bytes(&options, 6, inner.data, inner.len);
    svc_wire_bytes(&request, 4, options.data, options.len);
    assert_int_equal(unpack_request((const uint8_t *)request.data, request.len), B_FORMAT);
    /* Half a million empty page ranges swell to many times their size. */
    b_buf_clear(&request);
    b_buf_clear(&options);
    for (int i = 0; i < 200000; i++)
        svc_wire_bytes(&options, 1, "", 0);
    svc_wire_bytes(&request, 4, options.data, options.len);
    assert_int_equal(unpack_request((const uint8_t *)request.data, request.len), B_FORMAT);
    for (size_t cut = 0; cut < 64; cut++)
        (void)unpack_request((const uint8_t *)request.data, cut);
    b_buf_free(&inner);
    b_buf_free(&options);
    b_buf_free(&request);
}

static void finds_symbols_in_the_descriptor_set(void **state)
{
    (void)state;
    const struct svc_span set = {svc_schemas, svc_schemas_size};
    static const struct {
        const char *symbol, *file;
    } cases[] = {
        {"docparse.v1.DocumentParser", "docparse/v1/parser.proto"},
        {"docparse.v1.DocumentParser.ParseDocument", "docparse/v1/parser.proto"},
        {"docparse.v1.DocumentParser/ParseDocument", "docparse/v1/parser.proto"},
        {"docparse.v1.Page", "docparse/v1/document.proto"},
        {"docparse.v1.Page.blocks", "docparse/v1/document.proto"},
        {"docparse.v1.BlockType", "docparse/v1/document.proto"},
        {"grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"},
        {"docparse.v1.Pag", NULL},
        {"docparse.v1.Page.nothing", NULL},
        {"docparse.v1", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct svc_span file = {0}, same = {0};
        const bool found = svc_file_by_symbol(set, cases[i].symbol, &file);
        assert_true(found == (cases[i].file != NULL));
        if (found) {
            assert_true(svc_file_by_name(set, cases[i].file, &same));
            assert_ptr_equal(file.data, same.data);
        }
    }
    char name[128];
    size_t at = 0, n = 0;
    while (svc_next_service(set, &at, name, sizeof name))
        n++;
    assert_int_equal(n, 5);
}

static void damaged_descriptors_end_the_search(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < svc_schemas_size; cut += 7) {
        uint8_t *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, svc_schemas, cut);
        for (unsigned flip = 0; flip < 3 && cut > 40; flip++)
            copy[(cut * (flip + 3)) % cut] ^= (uint8_t)(1u << (cut % 8));
        struct svc_span file;
        (void)svc_file_by_symbol((struct svc_span){copy, cut}, "docparse.v1.Page.blocks", &file);
        char name[64];
        size_t at = 0;
        while (svc_next_service((struct svc_span){copy, cut}, &at, name, sizeof name))
            continue;
        free(copy);
    }
}

static void bounds_what_one_client_uses(void **state)
{
    (void)state;
    const struct svc_client_limits limits = {.calls = 2, .bytes = 100, .pages_per_minute = 60};
    struct svc_clients *c = NULL;
    struct svc_refusal r;
    assert_int_equal(svc_clients_new(&c, NULL), B_OK);
    assert_int_equal(svc_clients_begin(c, &limits, "a", &r, NULL), B_OK);
    assert_int_equal(svc_clients_begin(c, &limits, "a", &r, NULL), B_OK);
    assert_int_equal(svc_clients_begin(c, &limits, "a", &r, NULL), B_LIMIT);
    assert_string_equal(r.reason, "CLIENT_CALLS");
    assert_int_equal(svc_clients_begin(c, &limits, "b", &r, NULL), B_OK);
    svc_clients_end(c, "a");
    assert_int_equal(svc_clients_begin(c, &limits, "a", &r, NULL), B_OK);
    assert_int_equal(svc_clients_hold(c, &limits, "a", 60, 0, &r, NULL), B_OK);
    assert_int_equal(svc_clients_hold(c, &limits, "a", 60, 0, &r, NULL), B_LIMIT);
    assert_true(r.retry_ms >= 0); /* later */
    assert_int_equal(svc_clients_hold(c, &limits, "a", 60, 60, &r, NULL), B_LIMIT);
    assert_int_equal(r.retry_ms, -1); /* one document of 120 bytes: never */
    svc_clients_release(c, "a", 60);
    assert_int_equal(svc_clients_hold(c, &limits, "a", 100, 0, &r, NULL), B_OK);
    /* 60 pages a minute: the 61st in the first second is one too many, a second later it is not. */
    const int64_t now = b_now_ns();
    for (int i = 0; i < 60; i++) {
        assert_int_equal(svc_clients_may_read(c, &limits, "a", now, &r, NULL), B_OK);
        svc_clients_page(c, &limits, "a", now);
    }
    assert_int_equal(svc_clients_may_read(c, &limits, "a", now, &r, NULL), B_LIMIT);
    assert_string_equal(r.reason, "CLIENT_PAGES");
    assert_in_range(r.retry_ms, 990, 1010);
    assert_int_equal(svc_clients_may_read(c, &limits, "b", now, &r, NULL), B_OK);
    assert_int_equal(svc_clients_may_read(c, &limits, "a", now + 1100000000LL, &r, NULL), B_OK);
    assert_int_equal(svc_clients_may_read(c, &(struct svc_client_limits){0}, "a", now, &r, NULL), B_OK);
    svc_clients_drop(c);
}

/* More clients than places: those who use something keep theirs, the others share one. */
static void bounds_the_table_of_clients(void **state)
{
    (void)state;
    const struct svc_client_limits limits = {.calls = 1};
    struct svc_clients *c = NULL;
    struct svc_refusal r;
    char name[32];
    assert_int_equal(svc_clients_new(&c, NULL), B_OK);
    for (int i = 0; i < 1500; i++) {
        (void)snprintf(name, sizeof name, "client %d", i);
        const enum b_code code = svc_clients_begin(c, &limits, name, &r, NULL);
        assert_int_equal(code, i <= 1024 ? B_OK : B_LIMIT);
    }
    assert_int_equal(svc_clients_begin(c, &limits, "client 0", &r, NULL), B_LIMIT);
    svc_clients_end(c, "client 0");
    assert_int_equal(svc_clients_begin(c, &limits, "newcomer", &r, NULL), B_OK);
    svc_clients_end(c, "client 0"); /* its place is another's now: nothing to end */
    assert_int_equal(svc_clients_begin(c, &limits, "newcomer", &r, NULL), B_LIMIT);
    svc_clients_drop(c);
}

static void reads_trace_context(void **state)
{
    (void)state;
    static const char good[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char *const bad[] = {"",
                                      "00",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                                      "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                      "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
                                      "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
    char out[SVC_TRACEPARENT];
    struct svc_trace t;
    svc_trace_read(good, "congo=t61rcWkgMzE,rojo=1", &t);
    assert_string_equal(t.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(t.parent, "b7ad6b7169203331");
    assert_string_equal(t.state, "congo=t61rcWkgMzE,rojo=1");
    assert_string_not_equal(t.span, t.parent);
    svc_trace_write(&t, out);
    assert_int_equal(strlen(out), 55);
    assert_memory_equal(out, good, 36);
    assert_memory_equal(out + 36, t.span, 16);
    assert_string_equal(out + 52, "-01");
    svc_trace_read("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes", "\x01=x", &t);
    assert_int_equal(t.trace_id[0], '0'); /* a later version */
    assert_string_equal(t.state, "");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        svc_trace_read(bad[i], "a=1", &t);
        assert_string_equal(t.trace_id, "");
        assert_string_equal(t.state, "");
    }
    assert_true(svc_id_is_sane("order-4711_a.b:c/d+e=f@g", 63));
    assert_false(svc_id_is_sane("", 63) || svc_id_is_sane("a b", 63) || svc_id_is_sane("a\nb", 63) ||
                 svc_id_is_sane("\"", 63) || svc_id_is_sane("abcd", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_what_one_client_uses),
        cmocka_unit_test(bounds_the_table_of_clients),
        cmocka_unit_test(reads_trace_context),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(bounds_one_client),
        cmocka_unit_test(clients_take_turns),
        cmocka_unit_test(bulk_waits_but_never_starves),
        cmocka_unit_test(bulk_leaves_room_for_interactive_calls),
        cmocka_unit_test(a_bulk_worker_lends_itself),
        cmocka_unit_test(the_express_waits_for_no_bulk_page),
        cmocka_unit_test(refuses_deadlines_that_cannot_be_met),
        cmocka_unit_test(messages_carry_the_page),
        cmocka_unit_test(a_small_arena_is_an_error),
        cmocka_unit_test(details_say_what_to_do),
        cmocka_unit_test(unpacking_is_bounded),
        cmocka_unit_test(finds_symbols_in_the_descriptor_set),
        cmocka_unit_test(damaged_descriptors_end_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
