/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_MESSAGES_H
#define SERVICE_RPC_MESSAGES_H

#include <stdbool.h>

#include "docparse/document.h"
#include "docparse/v1/document.pb-c.h"

/* The document model as protobuf messages: the only place that knows both. Messages live in the arena given
 * and borrow texts from the page or info, which must outlive them; they are packed and forgotten, never freed
 * one by one. Thread-safe on different arenas. */

struct svc_message_options {
    bool omit_words; /* lines without words */
    bool omit_lines; /* blocks without lines */
};

enum b_code svc_page_message(const struct dp_page *page, const struct svc_message_options *options,
                             struct b_arena *arena, Docparse__V1__Page **out, struct b_err *err) B_MUST_CHECK;

enum b_code svc_info_message(const struct dp_document_info *info, struct b_arena *arena,
                             Docparse__V1__DocumentInfo **out, struct b_err *err) B_MUST_CHECK;

/* The error as a message; texts are copied into the arena. */
enum b_code svc_problem_message(const struct b_err *problem, struct b_arena *arena, Docparse__V1__Problem **out,
                                struct b_err *err) B_MUST_CHECK;

Docparse__V1__Status svc_status_message(enum dp_status status);

/* "FORMAT" for B_FORMAT: the stable reason codes of Problem.reason and ErrorInfo.reason. Borrowed. */
const char *svc_reason_name(enum b_code code);

#endif
