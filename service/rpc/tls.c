/* SPDX-License-Identifier: Apache-2.0 */
/* TLS from PEM files. A handshake asks whether the files changed (by time and size, at most once a second);
 * a pair that cannot be read or does not fit together is refused and the old one stays, which the log says. */
#include "service/rpc/tls.h"

#include <grpc/grpc_security.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/cancel.h"
#include "engine/base/log.h"
#include "service/rpc/core_private.h"

#define DOMAIN "tls"
#define LOOK_NS 1000000000LL

enum { CERT, KEY, CLIENT_CA, FILES };

struct stamp {
    struct timespec time;
    off_t size;
};

struct svc_tls {
    pthread_mutex_t lock; /* all below */
    char *paths[FILES];   /* CLIENT_CA may be NULL */
    struct stamp stamps[FILES];
    int64_t looked_ns;
    bool served; /* the core has a configuration */
    bool taken;  /* other files than those that the core has */
};

/* The core ends the process's trust in a bad pair only at a handshake: check before it gets it. */
static enum b_code check_pair(const struct svc_tls *tls, char *cert_pem, char *key_pem, struct b_err *err)
{
    BIO *cert_bio = BIO_new_mem_buf(cert_pem, -1), *key_bio = BIO_new_mem_buf(key_pem, -1);
    X509 *cert = cert_bio ? PEM_read_bio_X509(cert_bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
    enum b_code code = B_OK;
    if (!cert)
        code = b_fail(err, B_FORMAT, DOMAIN, "%s holds no PEM certificate", tls->paths[CERT]);
    else if (!key)
        code = b_fail(err, B_FORMAT, DOMAIN, "%s holds no PEM private key", tls->paths[KEY]);
    else if (X509_check_private_key(cert, key) != 1)
        code = b_fail(err, B_FORMAT, DOMAIN, "%s is not the key of %s", tls->paths[KEY], tls->paths[CERT]);
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(key_bio);
    BIO_free(cert_bio);
    return code;
}

static enum b_code load(const struct svc_tls *tls, grpc_ssl_server_certificate_config **out, struct b_err *err)
{
    char *text[FILES] = {NULL};
    enum b_code code = B_OK;
    *out = NULL;
    for (int i = 0; i < FILES && code == B_OK; i++)
        code = svc_read_pem(tls->paths[i], &text[i], err);
    if (code == B_OK)
        code = check_pair(tls, text[CERT], text[KEY], err);
    if (code == B_OK) {
        const grpc_ssl_pem_key_cert_pair pair = {.private_key = text[KEY], .cert_chain = text[CERT]};
        /* The core ends the process when there are no roots, also where no client is asked for a certificate and they
         * are never used: then the server's own certificate stands for them. */
        *out = grpc_ssl_server_certificate_config_create(text[CLIENT_CA] ? text[CLIENT_CA] : text[CERT], &pair, 1);
        if (!*out)
            code = b_fail(err, B_LIBRARY, DOMAIN, "gRPC refuses %s", tls->paths[CERT]);
    }
    for (int i = 0; i < FILES; i++)
        free(text[i]);
    return code;
}

/* Whether any file is another one than the last time. */
static bool changed(struct svc_tls *tls)
{
    bool different = false;
    for (int i = 0; i < FILES; i++) {
        struct stat st;
        if (!tls->paths[i] || stat(tls->paths[i], &st) != 0)
            continue;
        struct stamp *s = &tls->stamps[i];
        if (s->size != st.st_size || s->time.tv_sec != st.st_mtim.tv_sec || s->time.tv_nsec != st.st_mtim.tv_nsec) {
            *s = (struct stamp){st.st_mtim, st.st_size};
            different = true;
        }
    }
    return different;
}

static grpc_ssl_certificate_config_reload_status look(struct svc_tls *tls, grpc_ssl_server_certificate_config **config)
{
    struct b_err err;
    const int64_t now = b_now_ns();
    if (tls->served && !tls->taken && now - tls->looked_ns < LOOK_NS)
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    tls->looked_ns = now;
    const bool other = changed(tls) || tls->taken;
    tls->taken = false;
    if (!other && tls->served)
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    if (load(tls, config, &err) != B_OK) {
        b_log(B_LOG_ERROR, DOMAIN, "the certificate is not taken: %s", err.message);
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
    }
    if (tls->served)
        b_log(B_LOG_INFO, DOMAIN, "a new certificate is served");
    tls->served = true;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

static grpc_ssl_certificate_config_reload_status fetch(void *ctx, grpc_ssl_server_certificate_config **config)
{
    struct svc_tls *tls = ctx;
    pthread_mutex_lock(&tls->lock);
    const grpc_ssl_certificate_config_reload_status status = look(tls, config);
    pthread_mutex_unlock(&tls->lock);
    return status;
}

void svc_tls_take(struct svc_tls *tls, struct svc_tls *from)
{
    pthread_mutex_lock(&tls->lock);
    for (int i = 0; i < FILES; i++) {
        char *path = tls->paths[i];
        tls->paths[i] = from->paths[i];
        from->paths[i] = path;
    }
    tls->taken = true;
    pthread_mutex_unlock(&tls->lock);
    svc_tls_drop(from);
}

enum b_code svc_tls_new(const char *cert, const char *key, const char *client_ca, struct svc_tls **out,
                        struct b_err *err)
{
    const char *const given[FILES] = {cert, key, client_ca};
    struct svc_tls *tls = calloc(1, sizeof *tls);
    enum b_code code = tls ? B_OK : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (tls)
        pthread_mutex_init(&tls->lock, NULL);
    for (int i = 0; i < FILES && code == B_OK; i++) {
        tls->paths[i] = given[i] ? strdup(given[i]) : NULL;
        if (given[i] && !tls->paths[i])
            code = b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    grpc_ssl_server_certificate_config *config = NULL;
    if (code == B_OK)
        code = load(tls, &config, err);
    if (config)
        grpc_ssl_server_certificate_config_destroy(config);
    if (code != B_OK) {
        svc_tls_drop(tls);
        tls = NULL;
    }
    *out = tls;
    return code;
}

void svc_tls_drop(struct svc_tls *tls)
{
    if (!tls)
        return;
    for (int i = 0; i < FILES; i++)
        free(tls->paths[i]);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

grpc_server_credentials *svc_tls_credentials(struct svc_tls *tls)
{
    grpc_ssl_server_credentials_options *options = grpc_ssl_server_credentials_create_options_using_config_fetcher(
        tls->paths[CLIENT_CA] ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                              : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
        fetch, tls);
    return grpc_ssl_server_credentials_create_with_options(options);
}
