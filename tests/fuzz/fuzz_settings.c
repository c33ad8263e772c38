/* SPDX-License-Identifier: Apache-2.0 */
/* Small texts from outside: the first byte says what the rest is. c: a server's configuration file, t: its token file,
 * m: a manifest of finished inputs, p: page ranges, h: addresses and Host headers, f: the fields of an upload as lines
 * KEY=VALUE. Whatever is accepted keeps what the headers promise. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "docparse/page_ranges.h"
#include "service/manifest.h"
#include "service/rpc/http_address.h"
#include "service/rpc/tokens.h"
#include "service/rpc/web_private.h"
#include "service/serve_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* The bytes as a file that has a path. */
static int file_of(const char *text, size_t len, char *path, size_t path_size)
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    demand(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    (void)snprintf(path, path_size, "/proc/self/fd/%d", fd);
    return fd;
}

static void on_difference(void *ctx, const char *key, bool live, const char *old, const char *new)
{
    (void)live;
    *(size_t *)ctx += strlen(key) + strlen(old) + strlen(new);
}

static void try_config(const char *path)
{
    const struct svc_flags none = {.config = NULL}, flags = {.config = path};
    struct svc_settings plain, s;
    size_t told = 0;
    demand(svc_settings_make(&none, &plain, NULL) == B_OK);
    if (svc_settings_make(&flags, &s, NULL) == B_OK) {
        demand(s.listen && s.listen[0] && s.workers >= 0 && s.queue >= 0 && s.max_pages > 0 && s.max_document > 0);
        (void)svc_settings_precision(&s);
        (void)svc_settings_sandbox(&s);
        (void)svc_settings_log_level(&s);
        svc_settings_diff(&plain, &s, on_difference, &told);
        svc_settings_free(&s);
    }
    svc_settings_free(&plain);
}

/* Every token of a file that was accepted opens the door under its name, and no other text does. */
static void try_tokens(const char *path, const char *text)
{
    struct svc_tokens *tokens = NULL;
    char name[64], header[600];
    if (svc_tokens_open(path, &tokens, NULL) != B_OK)
        return;
    const char *line = text;
    while (*line == '#' || *line == '\n')
        line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n');
    const size_t owner = strcspn(line, " \n"), token = owner + (line[owner] == ' ');
    const int len = (int)strcspn(line + token, " \t\r\n");
    if (line[owner] == ' ' && owner > 0 && len >= 16) {
        (void)snprintf(header, sizeof header, "Bearer %.*s", len, line + token);
        demand(svc_tokens_check(tokens, header, name, sizeof name));
    }
    demand(!svc_tokens_check(tokens, "Bearer no-token-has-blanks in it", name, sizeof name));
    svc_tokens_refresh(tokens);
    svc_tokens_drop(tokens);
}

static void try_manifest(const char *text, size_t len)
{
    char folder[] = "fuzz_manifest_XXXXXX", path[64];
    struct svc_manifest *m = NULL;
    enum dp_status status;
    demand(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/docparse-manifest.jsonl", folder);
    FILE *f = fopen(path, "wb");
    demand(f && fwrite(text, 1, len, f) == len && fclose(f) == 0);
    if (svc_manifest_open(folder, "key", &m, NULL) == B_OK) {
        (void)svc_manifest_done(m, "/dev/null", "out", &status);
        demand(svc_manifest_record(m, "/dev/null", "mine", DP_STATUS_OK, NULL, NULL) == B_OK);
        svc_manifest_close(m);
        /* What is recorded behind it is found again, however the file ended. */
        demand(svc_manifest_open(folder, "key", &m, NULL) == B_OK);
        demand(svc_manifest_done(m, "/dev/null", "mine", &status) && status == DP_STATUS_OK);
        svc_manifest_close(m);
    }
    (void)unlink(path);
    (void)rmdir(folder);
}

static void try_ranges(const char *text)
{
    enum { MOST = 8 };
    struct dp_page_range ranges[MOST];
    const size_t n = dp_page_ranges_parse(text, ranges, MOST);
    demand(n <= MOST + 1);
    for (size_t i = 0; i < n && i < MOST; i++)
        demand(ranges[i].first >= 1 && ranges[i].last >= ranges[i].first);
}

static void try_addresses(const char *text)
{
    struct sockaddr_storage address;
    char out[80];
    if (svc_http_address(text, &address)) {
        (void)svc_http_is_loopback(&address);
        svc_http_peer((const struct sockaddr *)(const void *)&address, out, sizeof out);
        demand(strncmp(out, "ipv", 3) == 0);
    }
    if (svc_http_host(text, out, sizeof out))
        for (const char *p = out; *p; p++)
            demand(!(*p >= 'A' && *p <= 'Z'));
}

static void try_form(const char *text)
{
    struct web_form form;
    bool fine = true;
    web_form_init(&form);
    for (const char *line = text; *line && fine;) {
        const size_t len = strcspn(line, "\n"), key_len = strcspn(line, "=\n");
        char key[64];
        (void)snprintf(key, sizeof key, "%.*s", (int)(key_len < 60 ? key_len : 60), line);
        if (key_len < len) /* in two pieces, as they come over a connection */
            for (size_t at = 0, n = len - key_len - 1; at <= n && fine; at += n / 2 + 1)
                fine = web_form_add(&form, key, "name.pdf", line + key_len + 1 + at, at,
                                    n - at < n / 2 + 1 ? n - at : n / 2 + 1, NULL) == B_OK;
        line += len + (line[len] == '\n');
    }
    if (fine && web_form_check(&form, NULL) == B_OK) {
        demand(form.has_file && form.file.len > 0 && form.n_wanted >= 1 && form.n_wanted <= WEB_FORMATS);
        for (size_t i = 0; i < form.n_ranges; i++)
            demand(form.ranges[i].first >= 1 && form.ranges[i].last >= form.ranges[i].first);
    }
    web_form_free(&form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char path[64], *text = strndup((const char *)data + 1, size - 1);
    demand(text != NULL);
    const int fd = data[0] == 'c' || data[0] == 't' ? file_of((const char *)data + 1, size - 1, path, sizeof path) : -1;
    if (data[0] == 'c')
        try_config(path);
    else if (data[0] == 't')
        try_tokens(path, text);
    else if (data[0] == 'm')
        try_manifest((const char *)data + 1, size - 1);
    else if (data[0] == 'p')
        try_ranges(text);
    else if (data[0] == 'h')
        try_addresses(text);
    else if (data[0] == 'f')
        try_form(text);
    if (fd >= 0)
        (void)close(fd);
    free(text);
    return 0;
}
