/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse info`: what a file is, without reading its pages: type, pages and sizes, metadata, outline. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docparse/loader.h"
#include "docparse/sandbox.h"
#include "engine/base/utf8.h"
#include "service/cli.h"

#define PAGES_LISTED 10 /* plain output lists so many page sizes; --json lists all */

struct info_options {
    bool json;
    char *password; /* owned */
    enum dp_sandbox_use use;
    struct dp_sandbox *sandbox;
    bool system;
};

static void print_help(void)
{
    fputs("Usage: docparse info [--json] [--password-file F] FILE...\n"
          "       docparse info --system\n"
          "Says what a file is: type, pages, sizes, metadata, outline, sha256. '-' reads standard input.\n\n"
          "      --json             one JSON object a line and file\n"
          "      --password-file F  file whose first line opens encrypted documents\n"
          "      --sandbox MODE     decode documents in locked-up processes: auto (default), on, off\n"
          "      --system           what this system allows: the sandbox\n"
          "  -h, --help             this text\n\n"
          "Exit status: 0 all fine, 1 some files failed, 2 usage, 130 interrupted.\n",
          stdout);
}

static void print_field(const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    printf("%-10s ", name);
    size_t len = strlen(value);
    for (size_t pos = 0; pos < len;) {
        char bytes[4];
        uint32_t cp = b_utf8_next(value, len, &pos);
        if (b_cp_is_control(cp) || cp == '\n' || cp == '\r' || cp == '\t')
            cp = ' ';
        (void)fwrite(bytes, 1, b_utf8_put(cp, bytes), stdout);
    }
    putchar('\n');
}

static void print_sizes(struct dp_loader *loader, const struct dp_file_info *info)
{
    bool points = info->media == DP_MEDIA_PDF;
    for (int32_t n = 1; n <= info->page_count && n <= PAGES_LISTED; n++) {
        double w = 0, h = 0;
        struct b_err err = {0};
        if (dp_loader_page_size(loader, n, &w, &h, &err) != B_OK)
            printf("page %-5d %s [%s]\n", n, err.message, b_code_name(err.code));
        else if (points)
            printf("page %-5d %.1f x %.1f pt (%.0f x %.0f mm)\n", n, w, h, w * 25.4 / 72, h * 25.4 / 72);
        else
            printf("page %-5d %.0f x %.0f px\n", n, w, h);
    }
    if (info->page_count > PAGES_LISTED)
        printf("           and %d more pages\n", info->page_count - PAGES_LISTED);
}

static void print_plain(const struct dp_source *source, struct dp_loader *loader)
{
    const struct dp_file_info *info = dp_loader_info(loader);
    print_field("file", source->name);
    print_field("type", dp_media_type_name(source->media));
    printf("%-10s %zu\n", "bytes", source->bytes.size);
    print_field("sha256", source->sha256);
    printf("%-10s %d\n", "pages", info->page_count);
    print_field("version", info->version);
    print_field("title", info->title);
    print_field("author", info->author);
    print_field("subject", info->subject);
    print_field("keywords", info->keywords);
    print_field("creator", info->creator);
    print_field("producer", info->producer);
    print_field("language", info->language);
    print_field("created", info->created);
    print_field("modified", info->modified);
    if (info->encrypted || info->repaired || info->tagged)
        printf("%-10s%s%s%s\n", "state", info->encrypted ? " encrypted" : "", info->repaired ? " repaired" : "",
               info->tagged ? " tagged" : "");
    print_sizes(loader, info);
    for (int32_t i = 0; i < info->n_outline; i++)
        printf("%s%*s%s%s%.0d\n", i == 0 ? "outline\n" : "", 2 + 2 * (int)info->outline[i].level, "",
               info->outline[i].title, info->outline[i].page > 0 ? " ... " : "", info->outline[i].page);
}

static void set_text(json_t *object, const char *key, const char *value)
{
    if (value)
        (void)json_object_set_new(object, key, json_string(value)); /* ill-formed UTF-8 is left out */
}

static json_t *sizes_of(struct dp_loader *loader, const struct dp_file_info *info)
{
    json_t *sizes = json_array();
    for (int32_t n = 1; n <= info->page_count; n++) {
        double w = 0, h = 0;
        struct b_err err = {0};
        enum b_code code = dp_loader_page_size(loader, n, &w, &h, &err);
        (void)json_array_append_new(sizes, code == B_OK ? json_pack("{s:f, s:f}", "width", w, "height", h)
                                                        : json_pack("{s:s}", "error", b_code_name(code)));
    }
    return sizes;
}

static void print_json(const struct dp_source *source, struct dp_loader *loader)
{
    const struct dp_file_info *info = dp_loader_info(loader);
    json_t *o = json_object();
    set_text(o, "name", source->name);
    set_text(o, "media_type", dp_media_type_name(source->media));
    (void)json_object_set_new(o, "bytes", json_integer((json_int_t)source->bytes.size));
    set_text(o, "sha256", source->sha256);
    (void)json_object_set_new(o, "page_count", json_integer(info->page_count));
    set_text(o, "version", info->version);
    set_text(o, "title", info->title);
    set_text(o, "author", info->author);
    set_text(o, "subject", info->subject);
    set_text(o, "keywords", info->keywords);
    set_text(o, "creator", info->creator);
    set_text(o, "producer", info->producer);
    set_text(o, "language", info->language);
    set_text(o, "created", info->created);
    set_text(o, "modified", info->modified);
    (void)json_object_set_new(o, "encrypted", json_boolean(info->encrypted));
    (void)json_object_set_new(o, "repaired", json_boolean(info->repaired));
    (void)json_object_set_new(o, "tagged", json_boolean(info->tagged));
    set_text(o, "unit", info->media == DP_MEDIA_PDF ? "pt" : "px");
    (void)json_object_set_new(o, "pages", sizes_of(loader, info));
    json_t *outline = json_array();
    for (int32_t i = 0; i < info->n_outline; i++) {
        json_t *item =
            json_pack("{s:i, s:i}", "level", (int)info->outline[i].level, "page", (int)info->outline[i].page);
        set_text(item, "title", info->outline[i].title);
        (void)json_array_append_new(outline, item);
    }
    (void)json_object_set_new(o, "outline", outline);
    (void)json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(o);
}

static enum b_code show(const char *path, const struct info_options *options, struct b_cancel *cancel)
{
    struct b_err err = {0};
    struct dp_source source = {0};
    struct dp_loader *loader = NULL;
    struct dp_loader_options lo = {
        .limits = dp_limits_default(), .password = options->password, .sandbox = options->sandbox, .cancel = cancel};
    enum b_code code = strcmp(path, "-") == 0 ? dp_source_of_fd(STDIN_FILENO, "stdin", &lo.limits, &source, &err)
                                              : dp_source_open(path, &lo.limits, &source, &err);
    bool opened = code == B_OK;
    if (code == B_OK && lo.sandbox)
        code = dp_source_share(&source, &err);
    if (code == B_OK)
        code = dp_loader_open(&source, &lo, &loader, &err);
    if (code == B_OK && options->json)
        print_json(&source, loader);
    else if (code == B_OK)
        print_plain(&source, loader);
    else
        svc_print_error(path, 0, &err);
    dp_loader_close(loader);
    if (opened)
        dp_source_close(&source);
    return code;
}

static void print_system(const struct info_options *options)
{
    struct dp_sandbox_state state;
    dp_sandbox_look(options->sandbox, &state);
    print_field("sandbox", dp_sandbox_describe(&state));
}

/* -1: go on; otherwise the exit code. */
static int take_option(int id, struct info_options *options)
{
    struct b_err err = {0};
    switch (id) {
    case 'j':
        options->json = true;
        return -1;
    case 'y':
        options->system = true;
        return -1;
    case 's':
        return dp_sandbox_use_parse(optarg, &options->use)
                   ? -1
                   : svc_usage_error("info", "--sandbox is auto, on or off, not '%s'", optarg);
    case 'p':
        free(options->password);
        options->password = NULL;
        return svc_read_first_line(optarg, &options->password, &err) == B_OK
                   ? -1
                   : svc_usage_error("info", "the password file: %s", err.message);
    default:
        print_help();
        return SVC_EXIT_OK;
    }
}

static int show_all(int argc, char **argv, struct info_options *options, struct b_cancel *cancel)
{
    struct b_err err = {0};
    int result = SVC_EXIT_OK;
    if (dp_sandbox_start(options->use, &options->sandbox, &err) != B_OK) {
        svc_print_error("set-up", 0, &err);
        return SVC_EXIT_SETUP;
    }
    if (options->system)
        print_system(options);
    for (int i = optind; i < argc && b_cancel_check(cancel, NULL) == B_OK; i++) {
        if (!options->json && (i > optind || options->system))
            putchar('\n');
        if (show(argv[i], options, cancel) != B_OK)
            result = SVC_EXIT_FAILED;
    }
    dp_sandbox_stop(options->sandbox);
    return b_cancel_check(cancel, NULL) == B_OK ? result : SVC_EXIT_INTERRUPTED;
}

int svc_cmd_info(int argc, char **argv, struct b_cancel *cancel)
{
    static const struct option long_options[] = {{"json", no_argument, NULL, 'j'},
                                                 {"password-file", required_argument, NULL, 'p'},
                                                 {"sandbox", required_argument, NULL, 's'},
                                                 {"system", no_argument, NULL, 'y'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    struct info_options options = {.use = DP_SANDBOX_AUTO};
    int result = -1;
    optind = 0; /* 0 makes getopt forget what it parsed before */
    opterr = 0;
    for (int id; result < 0 && (id = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;)
        result = id == '?' || id == ':' ? svc_option_error("info", argv, long_options, id) : take_option(id, &options);
    if (result < 0 && optind >= argc && !options.system)
        result = svc_usage_error("info", "name at least one file");
    if (result < 0)
        result = show_all(argc, argv, &options, cancel);
    free(options.password);
    return result;
}
