/* SPDX-License-Identifier: Apache-2.0 */
/* The `docparse` program: finds the command and runs it. The first interrupt asks the work to stop, which
 * removes unfinished outputs; the second one ends the process at once. */
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/cli.h"
#include "service/suggest.h"

struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv, struct b_cancel *cancel);
};

static const struct command commands[] = {
    {"convert", "turn documents into structured HTML, JSON, Markdown...", svc_cmd_convert},
    {"bench", "score a run against a benchmark's own files", svc_cmd_bench},
    {"ask", "answer questions about pages (large model)", svc_cmd_ask},
    {"extract", "read key information by a JSON Schema (large model)", svc_cmd_extract},
    {"locate", "find things on pages (large model)", svc_cmd_locate},
    {"info", "say what a file is: pages, sizes, metadata, outline", svc_cmd_info},
    {"models", "list, verify or locate the network files", svc_cmd_models},
    {"serve", "answer gRPC calls", svc_cmd_serve},
    {"call", "send documents to a server", svc_cmd_call},
    {"version", "print the version", svc_cmd_version},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

/* The handler can reach nothing else than a file-scope object; it only stores to a lock-free atomic. */
static struct b_cancel interrupted;

static void on_signal(int number)
{
    if (atomic_load(&interrupted.requested))
        _exit(128 + number);
    b_cancel_request(&interrupted);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    struct svc_suggestion best = {0};
    for (size_t i = 0; i < N_COMMANDS; i++)
        svc_suggest(&best, name, commands[i].name);
    if (best.name)
        fprintf(stderr, "docparse: there is no command '%s'; did you mean '%s'?\n", name, best.name);
    else if (access(name, F_OK) == 0)
        fprintf(stderr, "docparse: there is no command '%s'; to convert that file: docparse convert %s\n", name, name);
    else
        fprintf(stderr, "docparse: there is no command '%s'\n", name);
    fputs("Try 'docparse --help'.\n", stderr);
    return SVC_EXIT_USAGE;
}

static void print_help(FILE *out)
{
    fputs("Usage: docparse COMMAND [OPTION]... [ARGUMENT]...\n"
          "Turns PDFs, scans and photos of pages into structured documents, offline, on ordinary CPUs.\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\nTry:\n"
          "  docparse convert report.pdf                 report.html, report.json, report.md here\n"
          "  docparse convert scans/ -o out -f json,md   a whole folder\n"
          "  docparse info report.pdf                    pages, sizes, metadata\n"
          "  docparse COMMAND --help                     everything about one command\n",
          out);
}

int main(int argc, char **argv)
{
    /* Numbers in outputs must not follow the user's locale; only character types do. */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    struct sigaction act = {.sa_handler = on_signal};
    sigemptyset(&act.sa_mask);
    b_cancel_init(&interrupted);
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigaction(SIGTERM, &act, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file-size limit is reported as a failed write */
    if (argc < 2) {
        print_help(stderr);
        return SVC_EXIT_USAGE;
    }
    const char *name = argv[1];
    const bool help = strcmp(name, "help") == 0;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (help && argc == 2)) {
        print_help(stdout);
        return SVC_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0)
        return svc_cmd_version(1, argv + 1, &interrupted);
    const struct command *command = find_command(help ? argv[2] : name);
    if (!command)
        return unknown_command(help ? argv[2] : name);
    if (help) {
        char flag[] = "--help", *args[] = {argv[2], flag, NULL};
        return command->run(2, args, &interrupted);
    }
    return command->run(argc - 1, argv + 1, &interrupted);
}
