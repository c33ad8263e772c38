/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_TLS_H
#define SERVICE_RPC_TLS_H

#include "engine/base/err.h"

/* Certificates that are looked at again before each handshake, so that a renewed certificate is served to the
 * next connection without a restart. Thread-safe. */
struct svc_tls;

/* client_ca NULL: clients need no certificate; otherwise each must show one that it signed. */
enum b_code svc_tls_new(const char *cert, const char *key, const char *client_ca, struct svc_tls **out,
                        struct b_err *err) B_MUST_CHECK;
void svc_tls_drop(struct svc_tls *tls); /* after the server that uses its credentials */

/* Takes the files of another object, which is dropped: the next connection is served them. Both have a client_ca, or
 * neither. */
void svc_tls_take(struct svc_tls *tls, struct svc_tls *from);

/* Credentials for a port; released by the caller with grpc_server_credentials_release. */
struct grpc_server_credentials;
struct grpc_server_credentials *svc_tls_credentials(struct svc_tls *tls);

#endif
