/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_WEB_H
#define SERVICE_RPC_WEB_H

#include <stdint.h>

#include "engine/base/err.h"

/* The page over HTTP: drop a file, see its pages with their boxes beside the result. Off unless the server's options
 * name an address. Its requests wait in the same queue as gRPC calls (class interactive), hold bytes of the same
 * budget, and need a token when the server has a token file. Nothing of a request outlives it.
 *
 *   GET /, /app.js, /app.css, /icon.svg   the page: constant files, no token needed
 *   GET /api/info                         limits and formats
 *   POST /api/parse                       multipart/form-data with `file` and, optional, `pages` ("1-3,9"),
 * `text_layer`
 *                                         ("trust" or "off"), `password`, `formats` ("md,html"); answers with JSON
 * lines
 *
 * The lines of an answer: {"event":"waiting","place":n} and {"event":"working","pages_done":n,"pages":n} about once a
 * second while nothing else comes; "opened" with the document's line of the jsonl format; "page" with the page's line
 * of it and its picture as a data URI; "finished" or "error" at the end. `parts` of any of them holds the next piece of
 * each text format, `binary` of the last one whole files in base64. Refusals are
 * {"error":{"reason","message","advice"}} with a fitting HTTP status. */
struct svc_web;
struct svc_server;

/* Listens at the address of the server's options, with threads of its own. */
enum b_code svc_web_new(struct svc_server *server, struct svc_web **out, struct b_err *err) B_MUST_CHECK;
int svc_web_port(const struct svc_web *web);

/* About once a second, on any one thread: cuts connections that take too long to say what they want. */
void svc_web_tick(struct svc_web *web, int64_t now_ns);

/* Once the queue drains: lets running requests end for up to grace_ms, then cancels them. The workers still run. */
void svc_web_end(struct svc_web *web, int64_t grace_ms);
/* After the workers have ended. */
void svc_web_drop(struct svc_web *web);

#endif
