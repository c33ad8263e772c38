/* SPDX-License-Identifier: Apache-2.0 */
/* All methods of the server. */
#include <string.h>

#include "service/rpc/server_private.h"

const struct svc_method *const svc_methods[] = {
    &svc_parse_document, &svc_parse_stream,       &svc_ask,          &svc_ask_stream,   &svc_extract,
    &svc_locate,         &svc_get_server_info,    &svc_get_capacity, &svc_submit_job,   &svc_get_job,
    &svc_list_jobs,      &svc_cancel_job,         &svc_watch_job,    &svc_health_check, &svc_health_watch,
    &svc_reflection_v1,  &svc_reflection_v1alpha,
};
const size_t svc_n_methods = sizeof svc_methods / sizeof svc_methods[0];
_Static_assert(sizeof svc_methods / sizeof svc_methods[0] <= SVC_METHODS_MAX, "a server has room for its methods");
const struct svc_method svc_unknown_method = {.path = "unknown"};

const struct svc_method *svc_method_find(const char *path, bool reflection)
{
    for (size_t i = 0; i < svc_n_methods; i++) {
        const bool hidden =
            !reflection && (svc_methods[i] == &svc_reflection_v1 || svc_methods[i] == &svc_reflection_v1alpha);
        if (!hidden && strcmp(path, svc_methods[i]->path) == 0)
            return svc_methods[i];
    }
    return &svc_unknown_method;
}
