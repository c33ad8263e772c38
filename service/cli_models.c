/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse models` and `docparse version`. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docparse/model_files.h"
#include "service/cli.h"
#include "service/cli_models_pack.h"

static void print_help(void)
{
    fputs("Usage: docparse models [list|verify|path] [--models DIR]\n"
          "       docparse models pack CHECKPOINT --quant int8|int4 [-o DIR] [--jobs N]\n"
          "Lists, checks or locates the network files; packs a large model's weights.\n\n"
          "  list    the network files with purpose, licence and origin (default)\n"
          "  verify  check size and sha256 of every file\n"
          "  path    print the folder that is used\n"
          "  pack    make a large model's weights small, in a file that later runs map at once\n\n"
          "      --models DIR  the folder to use\n"
          "      --quant KIND  pack: int8 or int4 (the vision tower stays as published)\n"
          "  -o, --output DIR  pack: where the file goes (default: the checkpoint's folder)\n"
          "      --jobs N      pack: threads (default: all processors)\n"
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

struct request {
    const char *models, *quant, *output;
    int jobs;
};

static int pack(char **names, int count, const struct request *request)
{
    if (count != 1)
        return svc_usage_error("models", "pack takes one checkpoint folder");
    const char *folder = request->output ? request->output : names[0];
    return svc_models_pack(names[0], request->quant, folder, request->jobs);
}

static int look(const char *action, const struct request *request)
{
    if (strcmp(action, "list") == 0) {
        list_files();
        return SVC_EXIT_OK;
    }
    if (strcmp(action, "verify") != 0 && strcmp(action, "path") != 0)
        return svc_usage_error("models", "there is no action '%s'", action);
    char dir[4096];
    struct b_err err = {0};
    if (dp_models_dir(request->models, dir, sizeof dir, &err) != B_OK) {
        svc_print_error("models", 0, &err);
        return SVC_EXIT_SETUP;
    }
    if (strcmp(action, "path") == 0) {
        puts(dir);
        return SVC_EXIT_OK;
    }
    return verify(dir);
}

int svc_cmd_models(int argc, char **argv, struct b_cancel *cancel)
{
    (void)cancel;
    static const struct option long_options[] = {
        {"models", required_argument, NULL, 'm'}, {"quant", required_argument, NULL, 'q'},
        {"output", required_argument, NULL, 'o'}, {"jobs", required_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {0}};
    long long jobs = 0;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct request request = {.jobs = processors < 1 ? 1 : processors > 256 ? 256 : (int)processors};
    optind = 0; /* 0 makes getopt forget what it parsed before */
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":ho:", long_options, NULL)) != -1;) {
        if (id == 'h') {
            print_help();
            return SVC_EXIT_OK;
        } else if (id == 'm') {
            request.models = optarg;
        } else if (id == 'q') {
            request.quant = optarg;
        } else if (id == 'o') {
            request.output = optarg;
        } else if (id == 'j') {
            if (!svc_parse_number(optarg, 1, 256, &jobs))
                return svc_usage_error("models", "--jobs takes 1 to 256, not '%s'", optarg);
            request.jobs = (int)jobs;
        } else {
            return svc_option_error("models", argv, long_options, id);
        }
    }
    const char *action = optind < argc ? argv[optind] : "list";
    if (strcmp(action, "pack") == 0)
        return pack(argv + optind + 1, argc - optind - 1, &request);
    if (optind + 1 < argc)
        return svc_usage_error("models", "takes one action, '%s' is one too many", argv[optind + 1]);
    return look(action, &request);
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
