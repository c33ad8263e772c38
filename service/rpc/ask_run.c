/* SPDX-License-Identifier: Apache-2.0 */
/* From a document to an answer. Pages are loaded as small as the model's picture of them allows, so that many pages of
 * one question do not take the memory of as many full images; all are freed before the call ends. */
#include "service/rpc/ask_run.h"

#include <stdlib.h>
#include <string.h>

#include "docparse/loader.h"

#define DOMAIN "ask"
#define TOKENS_BYTES ((size_t)64 << 20)

struct pages {
    struct dp_sheet sheets[DP_ASK_PAGES_MAX];
    struct b_image_view views[DP_ASK_PAGES_MAX];
    size_t count;
};

static bool wanted(const struct svc_ask_input *input, int32_t number)
{
    for (size_t i = 0; i < input->n_pages; i++)
        if (number >= input->pages[i]->first && (input->pages[i]->last == 0 || number <= input->pages[i]->last))
            return true;
    return input->n_pages == 0;
}

/* Numbers of the wanted pages, ascending. */
static enum b_code choose_pages(const struct svc_ask_input *input, int32_t n, int32_t *numbers, size_t *count,
                                struct b_err *err)
{
    *count = 0;
    for (int32_t number = 1; number <= n; number++) {
        if (!wanted(input, number))
            continue;
        if (*count == DP_ASK_PAGES_MAX) {
            (void)b_fail(err, B_LIMIT, DOMAIN, "more than the %d pages that one question may be about",
                         (int)DP_ASK_PAGES_MAX);
            b_advise(err, "choose some with the field pages");
            return B_LIMIT;
        }
        numbers[(*count)++] = number;
    }
    return *count > 0 ? B_OK : b_fail(err, B_ARGUMENT, DOMAIN, "the document has none of these pages: it has %d", n);
}

static enum b_code load_pages(const struct dp_source *source, const struct svc_ask_input *input,
                              struct dp_loader_options options, struct pages *pages, struct b_cancel *cancel,
                              struct b_err *err)
{
    int32_t numbers[DP_ASK_PAGES_MAX];
    size_t n = 0;
    struct dp_loader *loader = NULL;
    enum b_code code = dp_loader_open(source, &options, &loader, err);
    if (code == B_OK)
        code = choose_pages(input, dp_loader_info(loader)->page_count, numbers, &n, err);
    if (code == B_OK && options.limits.page_pixels > SVC_ASK_PIXELS / n) {
        dp_loader_close(loader);
        options.limits.page_pixels = SVC_ASK_PIXELS / n;
        code = dp_loader_open(source, &options, &loader, err);
    }
    while (code == B_OK && pages->count < n) {
        struct dp_sheet *sheet = &pages->sheets[pages->count];
        code = dp_loader_page(loader, numbers[pages->count], cancel, sheet, err);
        if (code == B_OK)
            pages->views[pages->count++] = b_image_view_of(&sheet->image);
    }
    dp_loader_close(loader);
    return code;
}

/* --- the answer --- */

struct listener {
    const struct svc_ask_input *input;
    struct svc_ask_result *result;
    enum b_code code;
    struct b_err *err;
};

static bool keep(struct svc_ask_result *r, const char *text, size_t len, float log_probability)
{
    if (r->n_tokens == r->tokens_cap) {
        Docparse__V1__Token **grown =
            b_arena_grow(r->arena, r->tokens, r->n_tokens, &r->tokens_cap, sizeof(Docparse__V1__Token *));
        if (!grown)
            return false;
        r->tokens = grown;
    }
    Docparse__V1__Token *t = b_arena_alloc(r->arena, sizeof *t, 16);
    if (!t)
        return false;
    docparse__v1__token__init(t);
    t->text = b_arena_text(r->arena, text, len);
    t->log_probability = log_probability;
    if (!t->text)
        return false;
    r->tokens[r->n_tokens++] = t;
    return true;
}

static bool on_token(void *ctx, const char *text, size_t len, float log_probability)
{
    struct listener *l = ctx;
    if (l->input->keep_tokens && !keep(l->result, text, len, log_probability)) {
        l->code = b_arena_refused(l->result->arena, DOMAIN, l->err);
        return false;
    }
    if (!l->input->on_token)
        return true;
    Docparse__V1__Token token = DOCPARSE__V1__TOKEN__INIT;
    char copy[256]; /* of a token's text, which has an end here */
    if (len >= sizeof copy)
        len = sizeof copy - 1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    token.text = copy;
    token.log_probability = log_probability;
    return l->input->on_token(l->input->ctx, &token);
}

static enum b_code ask(struct svc_worker *worker, const struct svc_ask_input *input, const struct pages *pages,
                       struct b_cancel *cancel, struct svc_ask_result *result, struct b_err *err)
{
    struct dp_asker *asker = NULL;
    struct listener l = {.input = input, .result = result, .code = B_OK, .err = err};
    const struct dp_question q = {.pages = pages->views,
                                  .n_pages = pages->count,
                                  .text = input->text,
                                  .max_tokens = input->max_tokens,
                                  .schema = input->schema,
                                  .on_token = on_token,
                                  .ctx = &l};
    enum b_code code = svc_worker_asker(worker, &asker, err);
    if (code == B_OK)
        code = dp_ask(asker, &q, &result->answer, cancel, err);
    result->width = (int)pages->views[0].width;
    result->height = (int)pages->views[0].height;
    return code == B_OK ? l.code : code;
}

enum b_code svc_ask_run(struct svc_worker *worker, const struct svc_ask_input *input, struct b_cancel *cancel,
                        struct svc_ask_result *result, struct b_err *err)
{
    const struct dp_loader_options options = {
        .limits = svc_server_limits(worker->server),
        .password = input->password && input->password[0] ? input->password : NULL,
        .sandbox = svc_server_options(worker->server)->sandbox,
        .cancel = cancel};
    struct dp_source source = {0};
    struct pages *pages = calloc(1, sizeof *pages);
    result->arena = b_arena_new(TOKENS_BYTES);
    if (!pages || !result->arena) {
        free(pages);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    enum b_code code = dp_source_of_bytes(input->data, input->size, input->name[0] ? input->name : "document",
                                          &options.limits, &source, err);
    if (code == B_OK && options.sandbox)
        code = dp_source_share(&source, err);
    if (code == B_OK)
        code = load_pages(&source, input, options, pages, cancel, err);
    for (size_t i = 0; i < pages->count; i++)
        svc_admission_page(svc_server_admission(worker->server), input->client);
    if (code == B_OK)
        code = ask(worker, input, pages, cancel, result, err);
    for (size_t i = 0; i < pages->count; i++)
        dp_sheet_free(&pages->sheets[i]);
    free(pages);
    dp_source_close(&source);
    return code;
}

void svc_ask_result_free(struct svc_ask_result *result)
{
    dp_answer_free(&result->answer);
    b_arena_drop(result->arena);
}
