/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of the cache is the document as ParseStream tells it: a list of ParseEvent messages. Telling it again is
 * unpacking one after the other. */
#include "service/rpc/parse_memory.h"

#include <string.h>
#include <sys/stat.h>

#include "docparse/digest.h"
#include "output/writer.h"
#include "service/rpc/messages.h"
#include "service/rpc/unpack.h"
#include "service/rpc/wire.h"

#define DOMAIN "cache"
#define KEY_MATERIAL_MAX ((size_t)16 << 20)
#define FIELD_EVENT 1u
#define RENDERED_MAX ((size_t)1 << 30)

/* --- the key --- */

/* A part with its length in front, so that no two lists of parts give the same bytes. */
static void put_part(struct b_buf *out, const void *data, size_t size)
{
    b_buf_printf(out, "%zu:", size);
    b_buf_append(out, data, size);
}

static void put_text(struct b_buf *out, const char *text)
{
    put_part(out, text, strlen(text));
}

/* Another build may read otherwise under the same version. */
static void put_program(struct b_buf *out)
{
    struct stat st = {0};
    (void)stat("/proc/self/exe", &st);
    put_text(out, DOCPARSE_VERSION);
    b_buf_printf(out, "%lld,%lld.%ld;", (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void put_limits(struct b_buf *out, const struct dp_limits *l)
{
    b_buf_printf(out, "%llu,%llu,%d,%d,%d,%d,%d,%llu,%d,%d;", (unsigned long long)l->page_pixels,
                 (unsigned long long)l->source_pixels, l->page_side, l->pages, l->words_per_page, l->rules_per_page,
                 l->images_per_page, (unsigned long long)l->page_arena, l->nesting, l->table_cells);
}

/* Whose result it is. A token's owner and a certificate of the same name are two. */
static void put_owner(struct b_buf *out, struct svc_server *server, const char *client)
{
    const bool shared = svc_server_options(server)->cache_shared || !svc_server_has_identities(server);
    put_text(out, shared ? "" : svc_server_tokens(server) ? "token" : "certificate");
    put_text(out, shared ? "" : client);
}

static enum b_code put_options(struct b_buf *out, const Docparse__V1__ParseOptions *options)
{
    Docparse__V1__ParseOptions plain = DOCPARSE__V1__PARSE_OPTIONS__INIT;
    struct b_buf packed;
    if (options)
        plain = *options;
    plain.priority = DOCPARSE__V1__PRIORITY__PRIORITY_UNSPECIFIED; /* when it is read changes nothing */
    b_buf_init(&packed, KEY_MATERIAL_MAX);
    const enum b_code code = svc_wire_pack(&packed, &plain.base, NULL);
    put_part(out, packed.data ? packed.data : "", packed.len);
    b_buf_free(&packed);
    return code;
}

static bool make_key(struct svc_server *server, const struct svc_parse_input *input, const char *source_sha256,
                     char key[SVC_CACHE_KEY])
{
    const struct svc_server_options *o = svc_server_options(server);
    const struct dp_model *model = svc_parse_wants_large(input->options) ? o->large_model : o->model;
    const struct dp_limits limits = svc_server_limits(server);
    struct b_buf material;
    b_buf_init(&material, KEY_MATERIAL_MAX);
    put_program(&material);
    put_text(&material, dp_model_sha256(model));
    put_text(&material, dp_model_options(model));
    put_limits(&material, &limits);
    put_owner(&material, server, input->client);
    put_text(&material, source_sha256);
    put_text(&material, input->name);
    enum b_code code = put_options(&material, input->options);
    if (code == B_OK)
        code = b_buf_check(&material, DOMAIN, NULL);
    if (code == B_OK)
        code = dp_sha256_hex(material.data, material.len, key, NULL);
    b_buf_free(&material);
    return code == B_OK;
}

/* --- recording --- */

/* An entry that grows too large is given up; the document goes on. */
static void record(struct svc_parse_memory *m, const Docparse__V1__ParseEvent *event)
{
    if (m->cache && svc_wire_message(&m->record, FIELD_EVENT, &event->base, NULL) != B_OK)
        m->cache = NULL;
}

static enum b_code record_opened(void *ctx, const Docparse__V1__DocumentInfo *info, int32_t pages, struct b_err *err)
{
    struct svc_parse_memory *m = ctx;
    Docparse__V1__Opened opened = DOCPARSE__V1__OPENED__INIT;
    Docparse__V1__ParseEvent event = DOCPARSE__V1__PARSE_EVENT__INIT;
    opened.info = svc_borrow_message(info);
    opened.pages_to_read = pages;
    event.event_case = DOCPARSE__V1__PARSE_EVENT__EVENT_OPENED;
    event.opened = &opened;
    record(m, &event);
    return m->inner->opened(m->inner->ctx, info, pages, err);
}

static enum b_code record_page(void *ctx, const Docparse__V1__Page *page, struct b_err *err)
{
    struct svc_parse_memory *m = ctx;
    Docparse__V1__ParseEvent event = DOCPARSE__V1__PARSE_EVENT__INIT;
    event.event_case = DOCPARSE__V1__PARSE_EVENT__EVENT_PAGE;
    event.page = svc_borrow_message(page);
    record(m, &event);
    return m->inner->page(m->inner->ctx, page, err);
}

void svc_parse_memory_begin(struct svc_parse_memory *m, struct svc_server *server, const struct svc_parse_input *input,
                            const char *source_sha256, const struct svc_parse_events *events)
{
    *m = (struct svc_parse_memory){.inner = events, .events = *events};
    struct svc_cache *cache = svc_server_cache(server);
    if (!cache || !input->remember || (svc_parse_wants_large(input->options) && !svc_server_options(server)->large_model) || (input->options && input->options->password[0]) ||
        !make_key(server, input, source_sha256, m->key))
        return;
    m->cache = cache;
    m->events = (struct svc_parse_events){.ctx = m, .opened = record_opened, .page = record_page};
    b_buf_init(&m->record, svc_cache_entry_max(cache));
}

void svc_parse_memory_keep(struct svc_parse_memory *m, const struct svc_parse_result *result)
{
    struct b_buf finished, event;
    if (!m->cache || result->status != DP_STATUS_OK)
        return;
    b_buf_init(&finished, m->record.max);
    b_buf_init(&event, m->record.max);
    svc_wire_number(&finished, 1, (uint64_t)svc_status_message(result->status));
    svc_wire_number(&finished, 2, (uint64_t)result->pages_ok);
    svc_wire_number(&finished, 3, (uint64_t)result->pages_failed);
    enum b_code code = svc_parse_put_rendered(result, &finished, 4, NULL);
    if (code == B_OK) {
        svc_wire_bytes(&event, DOCPARSE__V1__PARSE_EVENT__EVENT_FINISHED, finished.data, finished.len);
        svc_wire_bytes(&m->record, FIELD_EVENT, event.data ? event.data : "", event.len);
        code = b_buf_check(&event, DOMAIN, NULL);
    }
    if (code == B_OK)
        code = b_buf_check(&m->record, DOMAIN, NULL);
    if (code == B_OK)
        svc_cache_put(m->cache, m->key, m->record.data, m->record.len);
    b_buf_free(&finished);
    b_buf_free(&event);
}

void svc_parse_memory_end(struct svc_parse_memory *m)
{
    b_buf_free(&m->record);
}

/* --- telling --- */

/* The next event's bytes; false at the end or where there is none. */
static bool next_event(const uint8_t **at, const uint8_t *end, const uint8_t **data, size_t *size)
{
    uint64_t length = 0;
    unsigned shift = 0;
    if (*at >= end || *(*at)++ != (FIELD_EVENT << 3 | 2u))
        return false;
    for (; *at < end && (**at & 0x80) && shift < 56; shift += 7)
        length |= (uint64_t)(*(*at)++ & 0x7f) << shift;
    if (*at >= end)
        return false;
    length |= (uint64_t)(*(*at)++ & 0x7f) << shift;
    if (length > (uint64_t)(end - *at))
        return false;
    *data = *at;
    *size = (size_t)length;
    *at += length;
    return true;
}

static enum b_code take_finished(const Docparse__V1__Finished *f, struct svc_parse_result *result, struct b_err *err)
{
    result->status = DP_STATUS_OK; /* nothing else is kept */
    result->pages_ok = f->pages_ok;
    result->pages_failed = f->pages_failed;
    for (size_t i = 0; i < f->n_rendered && i < SVC_MAX_RENDERED; i++) {
        const ProtobufCBinaryData *bytes = &f->rendered[i]->content;
        result->formats[i] = out_format_find(f->rendered[i]->format);
        if (!result->formats[i])
            return b_fail(err, B_INTERNAL, DOMAIN, "a kept result has an unknown format");
        b_buf_init(&result->rendered[i], RENDERED_MAX);
        result->n_rendered = i + 1;
        b_buf_append(&result->rendered[i], bytes->data ? bytes->data : (const uint8_t *)"", bytes->len);
        const enum b_code code = b_buf_check(&result->rendered[i], DOMAIN, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

static enum b_code tell_event(const struct svc_parse_memory *m, const uint8_t *data, size_t size,
                              struct svc_parse_result *result, bool *finished, struct b_err *err)
{
    struct b_arena *arena = b_arena_new(svc_unpack_budget(size) * 2);
    ProtobufCMessage *message = NULL;
    enum b_code code = arena ? svc_unpack(&docparse__v1__parse_event__descriptor, data, size, arena, &message, err)
                             : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code == B_OK) {
        const Docparse__V1__ParseEvent *e = (const Docparse__V1__ParseEvent *)(const void *)message;
        if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_OPENED)
            code = m->inner->opened(m->inner->ctx, e->opened->info, e->opened->pages_to_read, err);
        else if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_PAGE)
            code = m->inner->page(m->inner->ctx, e->page, err);
        else if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_FINISHED) {
            *finished = true;
            code = take_finished(e->finished, result, err);
        }
    }
    b_arena_drop(arena);
    return code;
}

bool svc_parse_memory_tell(struct svc_parse_memory *m, struct svc_parse_result *result, struct b_cancel *cancel,
                           enum b_code *code, struct b_err *err)
{
    struct b_bytes file;
    const uint8_t *at = NULL, *data = NULL;
    size_t size = 0;
    bool finished = false;
    if (!m->cache)
        return false;
    const bool found = svc_cache_get(m->cache, m->key, &file, &at, &size);
    *code = B_OK;
    for (const uint8_t *end = found ? at + size : NULL; found && *code == B_OK && next_event(&at, end, &data, &size);) {
        *code = b_cancel_check(cancel, err);
        if (*code == B_OK)
            *code = tell_event(m, data, size, result, &finished, err);
    }
    if (found && *code == B_OK && !finished)
        *code = b_fail(err, B_INTERNAL, DOMAIN, "a kept result has no end");
    b_bytes_close(&file);
    return found;
}
