/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of decoder processes: a child locks itself up and tries what it must not do. And the whole chain: pages through
 * the fork server are those of a loader in this process. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "docparse/sandbox_private.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { FINE = 0, NO_FILTER = 77, NO_LANDLOCK = 78 };

/* Runs `attempt` in a locked child; its status. */
static int in_lock(bool files, int (*attempt)(const struct dp_decoder_level *level))
{
    const struct dp_decoder_bounds bounds = {.memory = (uint64_t)256 << 20, .answer = 1 << 20, .files = files};
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        const struct dp_decoder_level level = dp_sandbox_lock(&bounds);
        _exit(level.filtered ? attempt(&level) : NO_FILTER);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void expect_fine(bool files, int (*attempt)(const struct dp_decoder_level *level))
{
    const int status = in_lock(files, attempt);
    if (WIFEXITED(status) && (WEXITSTATUS(status) == NO_FILTER || WEXITSTATUS(status) == NO_LANDLOCK)) {
        print_message("SKIP: this system cannot lock up processes (%d)\n", WEXITSTATUS(status));
        skip();
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != FINE)
        fail_msg("attempt %d, signal %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static bool denied(long result)
{
    return result == -1 && (errno == EPERM || errno == EACCES);
}

/* Each line that is not denied gives its number. */
static int try_all(const struct dp_decoder_level *level)
{
    char here[] = "/";
    (void)level;
    if (!denied(open("/etc/passwd", O_WRONLY)))
        return 1;
    if (!denied(open("/dev/null", O_RDWR)))
        return 2;
    if (!denied(open("docparse-test-file", O_RDONLY | O_CREAT, 0600)))
        return 3;
    if (!denied(socket(AF_INET, SOCK_STREAM, 0)))
        return 4;
    if (!denied(socket(AF_UNIX, SOCK_STREAM, 0)))
        return 5;
    if (!denied(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)))
        return 6;
    if (!denied(kill(getppid(), 0)))
        return 7;
    if (!denied(chdir(here)))
        return 8;
    if (!denied(unlink("docparse-test-file")))
        return 9;
    if (!denied(mkdir("docparse-test-folder", 0700)))
        return 10;
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 11;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || !denied(mprotect(page, 4096, PROT_READ | PROT_EXEC)))
        return 12;
    if (!denied(syscall(SYS_setuid, 0)))
        return 13;
    if (!denied(fcntl(0, F_SETFL, O_NONBLOCK)))
        return 14;
    if (setrlimit(RLIMIT_CPU, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) != -1)
        return 15;
    return FINE;
}

static int try_reading(const struct dp_decoder_level *level)
{
    struct stat st;
    if (open("/usr/share", O_RDONLY | O_DIRECTORY) < 0 || stat("/usr/share", &st) != 0)
        return 1;
    if (!level->confined)
        return NO_LANDLOCK;
    return denied(open("/etc/passwd", O_RDONLY)) && denied(open("/proc/self/environ", O_RDONLY)) ? FINE : 2;
}

static int try_reading_without_files(const struct dp_decoder_level *level)
{
    (void)level;
    return denied(open("/usr/share", O_RDONLY)) && denied(open("/etc/passwd", O_RDONLY)) ? FINE : 1;
}

static int try_memory(const struct dp_decoder_level *level)
{
    (void)level;
    if (!malloc((size_t)64 << 20))
        return 1;
    return malloc((size_t)512 << 20) ? 2 : FINE;
}

static int try_program(const struct dp_decoder_level *level)
{
    char *args[] = {NULL};
    (void)level;
    (void)execve("/bin/true", args, args);
    return errno == EPERM ? FINE : 1;
}

static int try_ptrace(const struct dp_decoder_level *level)
{
    (void)level;
    (void)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
    return errno == EPERM ? FINE : 1;
}

static int try_abort(const struct dp_decoder_level *level)
{
    (void)level;
    abort();
}

static void test_denied(void **state)
{
    (void)state;
    expect_fine(false, try_all);
    expect_fine(true, try_all);
    expect_fine(false, try_reading_without_files);
}

static void test_files(void **state)
{
    (void)state;
    expect_fine(true, try_reading);
}

static void test_memory(void **state)
{
    (void)state;
    if (SANITIZED) /* which take terabytes */
        skip();
    expect_fine(false, try_memory);
}

static void test_deadly(void **state)
{
    (void)state;
    int (*const attempts[])(const struct dp_decoder_level *) = {try_program, try_ptrace};
    for (size_t i = 0; i < 2; i++) {
        const int status = in_lock(true, attempts[i]);
        if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER)
            skip();
        if (SANITIZED)
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == FINE);
        else
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
    const int status = in_lock(false, try_abort); /* says why it ends */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void same_sheet(const struct dp_sheet *a, const struct dp_sheet *b)
{
    assert_int_equal(a->image.width, b->image.width);
    assert_int_equal(a->image.height, b->image.height);
    assert_int_equal(a->image.channels, b->image.channels);
    assert_memory_equal(a->image.pixels, b->image.pixels,
                        (size_t)a->image.width * (size_t)a->image.height * (size_t)a->image.channels);
    assert_int_equal(a->kind, b->kind);
    assert_true(a->dpi == b->dpi && a->width_pt == b->width_pt && a->height_pt == b->height_pt);
    assert_int_equal(a->n_words, b->n_words);
    for (int32_t i = 0; i < a->n_words; i++) {
        const struct dp_word *v = &a->words[i], *w = &b->words[i];
        assert_string_equal(v->text, w->text);
        assert_string_equal(v->font ? v->font : "-", w->font ? w->font : "-");
        assert_memory_equal(&v->bbox, &w->bbox, sizeof v->bbox);
        assert_true(v->font_size == w->font_size && v->style == w->style && v->joined == w->joined);
        assert_int_equal(a->word_hidden[i], b->word_hidden[i]);
        assert_int_equal(a->word_line_end[i], b->word_line_end[i]);
    }
    assert_int_equal(a->n_rules, b->n_rules);
    for (int32_t i = 0; i < a->n_rules; i++)
        assert_memory_equal(&a->rules[i].bbox, &b->rules[i].bbox, sizeof a->rules[i].bbox);
    assert_int_equal(a->n_images, b->n_images);
    assert_int_equal(a->n_warnings, b->n_warnings);
}

static void compare(struct dp_sandbox *sandbox, const char *name)
{
    char path[4096];
    struct dp_source source;
    struct dp_loader *here = NULL, *there = NULL;
    struct b_err err = {0};
    struct dp_loader_options options = {.limits = dp_limits_default()};
    const char *root = getenv("DP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/corpora/samples/%s", root ? root : ".", name);
    assert_int_equal(dp_source_open(path, &options.limits, &source, &err), B_OK);
    assert_int_equal(dp_source_share(&source, &err), B_OK);
    assert_int_equal(dp_loader_open(&source, &options, &here, &err), B_OK);
    options.sandbox = sandbox;
    if (dp_loader_open(&source, &options, &there, &err) != B_OK)
        fail_msg("%s: %s", name, err.message);
    for (int n = dp_loader_info(here)->page_count; n >= 1; n--) {
        struct dp_sheet a, b;
        assert_int_equal(dp_loader_page(here, n, NULL, &a, &err), B_OK);
        if (dp_loader_page(there, n, NULL, &b, &err) != B_OK)
            fail_msg("%s: page %d: %s", name, n, err.message);
        same_sheet(&a, &b);
        dp_sheet_free(&a);
        dp_sheet_free(&b);
    }
    dp_loader_close(here);
    dp_loader_close(there);
    dp_source_close(&source);
}

static void test_same_sheets(void **state)
{
    (void)state;
    static const char *const names[] = {"report.pdf", "paper.pdf", "form.pdf", "letter.webp", "photo.jpg", "newspaper.png",
                                        "scan.tif"};
    struct dp_sandbox *sandbox = NULL;
    struct dp_sandbox_state seen;
    struct b_err err;
    assert_int_equal(dp_sandbox_start(DP_SANDBOX_AUTO, &sandbox, &err), B_OK);
    if (!sandbox) {
        print_message("SKIP: this system has no processes for decoders\n");
        skip();
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        compare(sandbox, names[i]);
    dp_sandbox_look(sandbox, &seen);
    assert_true(seen.active);
    assert_int_equal(seen.started, sizeof names / sizeof names[0]);
    assert_int_equal(seen.crashed + seen.stopped, 0);
    dp_sandbox_stop(sandbox);
}

static void test_off(void **state)
{
    (void)state;
    struct dp_sandbox *sandbox = (struct dp_sandbox *)(void *)state;
    struct dp_sandbox_state seen;
    enum dp_sandbox_use use = DP_SANDBOX_AUTO;
    assert_int_equal(dp_sandbox_start(DP_SANDBOX_OFF, &sandbox, NULL), B_OK);
    assert_null(sandbox);
    dp_sandbox_look(NULL, &seen);
    assert_false(seen.active);
    assert_non_null(strstr(dp_sandbox_describe(&seen), "off"));
    assert_true(dp_sandbox_use_parse("on", &use));
    assert_int_equal(use, DP_SANDBOX_ON);
    assert_false(dp_sandbox_use_parse("yes", &use));
    dp_sandbox_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_denied), cmocka_unit_test(test_files),       cmocka_unit_test(test_memory),
        cmocka_unit_test(test_deadly), cmocka_unit_test(test_same_sheets), cmocka_unit_test(test_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
