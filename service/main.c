/* SPDX-License-Identifier: Apache-2.0 */
/* The `docparse` program: finds the command and runs it. The first interrupt asks the work to stop, which
 * removes unfinished outputs; the second one ends the process at once. */
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "service/cli.h"

struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv, struct b_cancel *cancel);
};

static const struct command commands[] = {
    {"convert", "turn documents into structured HTML, JSON, Markdown...", svc_cmd_convert},
    {"info", "say what a file is: pages, sizes, metadata, outline", svc_cmd_info},
    {"models", "list, verify or locate the network files", svc_cmd_models},
    {"version", "print the version and what it was built with", svc_cmd_version},
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
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return SVC_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0)
        return svc_cmd_version(1, argv + 1, &interrupted);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1, &interrupted);
    fprintf(stderr, "docparse: there is no command '%s'\nTry 'docparse --help'.\n", argv[1]);
    return SVC_EXIT_USAGE;
}
