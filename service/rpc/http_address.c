/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in text and out of it. Everything that comes from a request is only compared, never resolved. */
#include "service/rpc/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool svc_http_address(const char *text, struct sockaddr_storage *out)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    const long port = colon ? strtol(colon + 1, &end, 10) : -1;
    const size_t len = colon ? (size_t)(colon - text) : 0;
    if (port < 0 || port > 65535 || end == colon + 1 || *end || len == 0 || len >= sizeof host)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    memset(out, 0, sizeof *out);
    if (host[0] == '[' && host[len - 1] == ']') {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out;
        host[len - 1] = '\0';
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        return inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1;
    }
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)out;
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

bool svc_http_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
        return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    }
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
    return address->ss_family == AF_INET && ntohl(four->sin_addr.s_addr) >> 24 == 127;
}

void svc_http_peer(const struct sockaddr *address, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "";
    (void)snprintf(out, size, "unknown");
    if (!address)
        return;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
        if (inet_ntop(AF_INET, &four->sin_addr, text, sizeof text))
            (void)snprintf(out, size, "ipv4:%s", text);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
        if (inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text))
            (void)snprintf(out, size, "ipv6:[%s]", text);
    }
}

bool svc_http_host(const char *header, char *out, size_t size)
{
    const char *end = header[0] == '[' ? strchr(header, ']') : strchr(header, ':');
    if (header[0] == '[' && !end)
        return false;
    const size_t len = header[0] == '[' ? (size_t)(end - header) + 1 : (end ? (size_t)(end - header) : strlen(header));
    const char *port = header + len;
    if (len == 0 || len >= size || (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1))))
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(header[i] >= 'A' && header[i] <= 'Z' ? header[i] + 32 : header[i]);
    out[len] = '\0';
    return true;
}
