/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_PARSE_MEMORY_H
#define SERVICE_RPC_PARSE_MEMORY_H

#include "service/rpc/parse_run.h"
#include "service/rpc/result_cache.h"

/* Results of documents, remembered in the cache: under which key, how they are recorded while a document is read, and
 * how they are told again. A key is the digest of everything that the result depends on: program, networks, limits,
 * options, content and name, and, unless the server shares results, whose result it is. Remembered are results without
 * any failed page; never those of documents that need a password, which would lie on the disk without it. */
struct svc_parse_memory {
    struct svc_cache *cache; /* NULL: nothing is remembered */
    char key[SVC_CACHE_KEY];
    const struct svc_parse_events *inner;
    struct svc_parse_events events; /* to be used instead of the inner ones: they record */
    struct b_buf record;
};

/* source_sha256: of the content. */
void svc_parse_memory_begin(struct svc_parse_memory *memory, struct svc_server *server,
                            const struct svc_parse_input *input, const char *source_sha256,
                            const struct svc_parse_events *events);
/* True: the result was there, *code is how telling it went. */
bool svc_parse_memory_tell(struct svc_parse_memory *memory, struct svc_parse_result *result, struct b_cancel *cancel,
                           enum b_code *code, struct b_err *err);
/* After a document was read to its end. */
void svc_parse_memory_keep(struct svc_parse_memory *memory, const struct svc_parse_result *result);
void svc_parse_memory_end(struct svc_parse_memory *memory);

#endif
