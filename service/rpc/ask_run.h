/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_ASK_RUN_H
#define SERVICE_RPC_ASK_RUN_H

#include "docparse/ask.h"
#include "docparse/v1/parser.pb-c.h"
#include "service/rpc/server_private.h"

/* One question about one document on a thread of the large model: what Ask, AskStream, Extract and Locate have in
 * common. */

#define SVC_ASK_TOKENS_MAX 100000
#define SVC_ASK_TEXT_MAX ((size_t)64 << 10)  /* bytes of a question */
#define SVC_ASK_SCHEMA_MAX ((size_t)1 << 20) /* bytes of a JSON Schema */
#define SVC_ASK_PIXELS ((uint64_t)100000000) /* of all pages of a question together: 300 MB */

struct svc_ask_input {
    const char *client;          /* whose pages these are */
    const char *name, *password; /* password NULL or "": none */
    const uint8_t *data;
    size_t size;
    Docparse__V1__PageRange *const *pages; /* none: all */
    size_t n_pages;
    const char *text;   /* what the model is asked */
    const char *schema; /* what its answer is held to; NULL: nothing */
    int max_tokens;     /* 0: dp_ask's default */
    bool keep_tokens;
    /* Each token as it comes; false ends the answer. May be NULL. */
    bool (*on_token)(void *ctx, const Docparse__V1__Token *token);
    void *ctx;
};

struct svc_ask_result {
    struct dp_answer answer;
    int width, height; /* of the first page's image */
    struct b_arena *arena;
    Docparse__V1__Token **tokens; /* when kept; in the arena */
    size_t n_tokens, tokens_cap;
};

/* Fill with {0} before; free afterwards in any case. */
enum b_code svc_ask_run(struct svc_worker *worker, const struct svc_ask_input *input, struct b_cancel *cancel,
                        struct svc_ask_result *result, struct b_err *err) B_MUST_CHECK;
void svc_ask_result_free(struct svc_ask_result *result);

/* What a located answer says: boxes and points from pixels of the frame to pixels of a page image of width x height,
 * cut to it. Messages live in the arena. B_FORMAT: the answer is no such list. */
enum b_code svc_ask_places(const struct svc_ask_result *result, int32_t page, struct b_arena *arena,
                           Docparse__V1__Location ***out, size_t *count, struct b_err *err) B_MUST_CHECK;

#endif
