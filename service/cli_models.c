/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse models` and `docparse version`. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "docparse/model_files.h"
#include "service/cli.h"

static void print_help(void)
{
    fputs("Usage: docparse models [list|verify|path] [--models DIR]\n"
          "Lists, checks or locates the network files.\n\n"
          "  list    the network files with purpose, licence and origin (default)\n"
          "  verify  check size and sha256 of every file\n"
          "  path    print the folder that is used\n\n"
          "      --models DIR  the folder to use\n"
          "  -h, --help        this text\n\n"
          "The folder is --models DIR, $DOCPARSE_MODELS, share/docparse/models or models beside the program's\n"
          "build tree, or $XDG_DATA_HOME/docparse/models, whichever comes first. deploy/models.sh fills it.\n\n"
          "Exit status: 0 all fine, 2 usage, 3 a file is missing or wrong.\n",
          stdout);
}

static void list_files(void)
{
    for (const struct dp_model_file *f = dp_model_files(); f->name; f++)
        printf("%-40s %9llu bytes  %-17s %s, %s\n", f->name, (unsigned long long)f->bytes, f->purpose, f->licence,
               f->origin);
}

static int verify(const char *dir)
{
    int result = SVC_EXIT_OK;
    for (const struct dp_model_file *f = dp_model_files(); f->name; f++) {
        struct b_err err = {0};
        if (dp_model_file_verify(dir, f, &err) == B_OK) {
            printf("%-40s ok\n", f->name);
            continue;
        }
        printf("%-40s BAD\n", f->name);
        svc_print_error("models", 0, &err);
        result = SVC_EXIT_SETUP;
    }
    return result;
}

int svc_cmd_models(int argc, char **argv, struct b_cancel *cancel)
{
    (void)cancel;
    static const struct option long_options[] = {
        {"models", required_argument, NULL, 'm'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *given = NULL;
    optind = 0; /* 0 makes getopt forget what it parsed before */
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        if (id == 'h') {
            print_help();
            return SVC_EXIT_OK;
        }
        if (id != 'm')
            return svc_option_error("models", argv, long_options, id);
        given = optarg;
    }
    const char *action = optind < argc ? argv[optind] : "list";
    if (optind + 1 < argc)
        return svc_usage_error("models", "takes one action, '%s' is one too many", argv[optind + 1]);
    if (strcmp(action, "list") == 0) {
        list_files();
        return SVC_EXIT_OK;
    }
    if (strcmp(action, "verify") != 0 && strcmp(action, "path") != 0)
        return svc_usage_error("models", "there is no action '%s'", action);
    char dir[4096];
    struct b_err err = {0};
    if (dp_models_dir(given, dir, sizeof dir, &err) != B_OK) {
        svc_print_error("models", 0, &err);
        return SVC_EXIT_SETUP;
    }
    if (strcmp(action, "path") == 0) {
        puts(dir);
        return SVC_EXIT_OK;
    }
    return verify(dir);
}

int svc_cmd_version(int argc, char **argv, struct b_cancel *cancel)
{
    (void)cancel;
    static const struct option long_options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    optind = 0; /* 0 makes getopt forget what it parsed before */
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        if (id != 'h')
            return svc_option_error("version", argv, long_options, id);
        puts("Usage: docparse version\n"
             "Prints the version.\n\n"
             "  -h, --help  this text");
        return SVC_EXIT_OK;
    }
    if (optind < argc)
        return svc_usage_error("version", "takes no arguments");
    puts("docparse " DOCPARSE_VERSION);
    return SVC_EXIT_OK;
}
