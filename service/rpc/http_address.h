/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_HTTP_ADDRESS_H
#define SERVICE_RPC_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/* Numeric addresses of the two HTTP listeners (metrics, web page) and the names that stand in `Host`. No name is ever
 * looked up. Thread-safe. */

/* "127.0.0.1:9090" or "[::1]:9090" (port 0: any free one) as a struct sockaddr_storage of at least 128 bytes. */
struct sockaddr_storage;
bool svc_http_address(const char *text, struct sockaddr_storage *out);

/* Whether only this machine reaches the address. */
bool svc_http_is_loopback(const struct sockaddr_storage *address);

/* The client's address as text: "ipv4:10.0.0.7", "ipv6:[::1]", as the gRPC side names its peers. */
struct sockaddr;
void svc_http_peer(const struct sockaddr *address, char *out, size_t size);

/* The value of a Host header without its port, in lower case; false when it is none. */
bool svc_http_host(const char *header, char *out, size_t size);

#endif
