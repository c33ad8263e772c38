/* SPDX-License-Identifier: Apache-2.0 */
/* A table of clients, found by walking it: it holds those who were seen last. When it is full the one that was seen
 * longest ago and uses nothing now gives up its place, and with it what it has read in this minute; when all use
 * something, newcomers share one place. Invariant: calls and bytes are the sums over what has not ended, whatever the
 * limits were. */
#include "service/rpc/clients.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/cancel.h"

#define DOMAIN "clients"
#define PLACES 1024

struct client {
    char name[SVC_CLIENT_NAME];
    int calls;
    uint64_t bytes;
    double pages; /* read and not yet forgiven by the rate, at read_ns */
    int64_t read_ns, seen_ns;
};

struct svc_clients {
    struct client places[PLACES + 1]; /* the last one: whoever finds no place */
    size_t used;
};

enum b_code svc_clients_new(struct svc_clients **out, struct b_err *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? B_OK : b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for the table of clients");
}

void svc_clients_drop(struct svc_clients *clients)
{
    free(clients);
}

static struct client *find(struct svc_clients *all, const char *name)
{
    for (size_t i = 0; i < all->used; i++)
        if (strcmp(all->places[i].name, name) == 0)
            return &all->places[i];
    return NULL;
}

/* The place of whoever uses nothing and was seen longest ago; NULL when all use something. */
static struct client *oldest(struct svc_clients *all)
{
    struct client *best = NULL;
    for (size_t i = 0; i < PLACES; i++) {
        struct client *c = &all->places[i];
        if (c->calls == 0 && c->bytes == 0 && (!best || c->seen_ns < best->seen_ns))
            best = c;
    }
    return best;
}

static struct client *place_of(struct svc_clients *all, const char *name)
{
    const int64_t now = b_now_ns();
    struct client *c = find(all, name);
    if (!c) {
        c = all->used < PLACES ? &all->places[all->used++] : oldest(all);
        if (!c)
            return &all->places[PLACES];
        *c = (struct client){.read_ns = now};
        memcpy(c->name, name, strnlen(name, SVC_CLIENT_NAME - 1));
    }
    c->seen_ns = now;
    return c;
}

/* The place that a client has, without giving it a new one. */
static struct client *known(struct svc_clients *all, const char *name)
{
    struct client *c = find(all, name);
    return c ? c : &all->places[PLACES];
}

enum b_code svc_clients_begin(struct svc_clients *all, const struct svc_client_limits *limits, const char *name,
                              struct svc_refusal *refusal, struct b_err *err)
{
    struct client *c = place_of(all, name);
    if (limits->calls > 0 && c->calls >= limits->calls) {
        refusal->reason = "CLIENT_CALLS";
        return b_fail(err, B_LIMIT, DOMAIN, "%d calls of this client are in flight, as many as it may have", c->calls);
    }
    c->calls++;
    return B_OK;
}

void svc_clients_end(struct svc_clients *all, const char *name)
{
    struct client *c = known(all, name);
    c->calls -= c->calls > 0;
}

enum b_code svc_clients_hold(struct svc_clients *all, const struct svc_client_limits *limits, const char *name,
                             uint64_t bytes, uint64_t own, struct svc_refusal *refusal, struct b_err *err)
{
    struct client *c = place_of(all, name);
    if (limits->bytes > 0 && (c->bytes > limits->bytes || bytes > limits->bytes - c->bytes)) {
        *refusal = (struct svc_refusal){.reason = "CLIENT_BYTES", .retry_ms = 0};
        if (own > limits->bytes || bytes > limits->bytes - own)
            refusal->retry_ms = -1;
        return b_fail(err, B_LIMIT, DOMAIN,
                      "this client's calls hold %llu bytes; with %llu more they would exceed %llu",
                      (unsigned long long)c->bytes, (unsigned long long)bytes, (unsigned long long)limits->bytes);
    }
    c->bytes += bytes;
    return B_OK;
}

void svc_clients_release(struct svc_clients *all, const char *name, uint64_t bytes)
{
    struct client *c = known(all, name);
    c->bytes -= bytes < c->bytes ? bytes : c->bytes;
}

/* Pages on the account now. */
static double pages_now(const struct client *c, int per_minute, int64_t now_ns)
{
    const double left = c->pages - (double)(now_ns - c->read_ns) * 1e-9 * per_minute / 60.0;
    return left > 0 ? left : 0;
}

void svc_clients_page(struct svc_clients *all, const struct svc_client_limits *limits, const char *name, int64_t now_ns)
{
    if (limits->pages_per_minute <= 0)
        return;
    struct client *c = place_of(all, name);
    c->pages = pages_now(c, limits->pages_per_minute, now_ns) + 1;
    c->read_ns = now_ns;
}

enum b_code svc_clients_may_read(struct svc_clients *all, const struct svc_client_limits *limits, const char *name,
                                 int64_t now_ns, struct svc_refusal *refusal, struct b_err *err)
{
    const int rate = limits->pages_per_minute;
    const struct client *c = rate > 0 ? find(all, name) : NULL;
    const double pages = c ? pages_now(c, rate, now_ns) : 0;
    if (!c || pages <= (double)rate - 1)
        return B_OK;
    *refusal =
        (struct svc_refusal){.reason = "CLIENT_PAGES", .retry_ms = (int64_t)((pages - rate + 1) * 60000.0 / rate) + 1};
    return b_fail(err, B_LIMIT, DOMAIN, "this client may have %d pages read a minute and is %.0f ahead", rate,
                  pages - rate + 1);
}
