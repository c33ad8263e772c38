/* SPDX-License-Identifier: Apache-2.0 */
/* What a decoder process gives up before it sees a byte of a document. Three layers, each of use without the others:
 * resource limits; Landlock, which leaves nothing of the file system but fonts and encodings, for reading; a seccomp
 * filter that allows what decoding needs and answers EPERM to the rest, so that a library that merely asks goes on,
 * while starting programs or touching other processes ends the decoder. Invariant: nothing here is ever undone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "docparse/pdf_system.h"
#include "docparse/sandbox_private.h"

/* Sanitizers map terabytes of shadow memory and write reports in their own way. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define OPEN_FILES 32 /* a decoder needs a dozen: socket, input, answer, fonts */
#define FOLDERS_MAX 128

/* Rights of Landlock's later versions, for older kernel headers. */
#define ACCESS_REFER (1ULL << 13)    /* version 2 */
#define ACCESS_TRUNCATE (1ULL << 14) /* version 3 */
#define ACCESS_FIRST ((1ULL << 13) - 1)

static void limit(int resource, rlim_t most)
{
    struct rlimit old;
    if (getrlimit((__rlimit_resource_t)resource, &old) != 0)
        return;
    if (old.rlim_max != RLIM_INFINITY && old.rlim_max < most)
        most = old.rlim_max;
    (void)setrlimit((__rlimit_resource_t)resource, &(struct rlimit){most, most});
}

/* Bytes of address space that are mapped now. */
static uint64_t mapped_now(void)
{
    char text[64] = "";
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    return n > 0 ? strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void limit_resources(const struct dp_decoder_bounds *bounds)
{
    const uint64_t mapped = mapped_now();
    if (!SANITIZED && mapped > 0)
        limit(RLIMIT_AS, mapped + bounds->memory);
    limit(RLIMIT_FSIZE, bounds->answer);
    limit(RLIMIT_NOFILE, OPEN_FILES);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_NPROC, SANITIZED ? RLIM_INFINITY : 0);
}

static bool confine_files(const struct dp_decoder_bounds *bounds)
{
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return false;
    const struct landlock_ruleset_attr all = {
        .handled_access_fs = ACCESS_FIRST | (version >= 2 ? ACCESS_REFER : 0) | (version >= 3 ? ACCESS_TRUNCATE : 0)};
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (rules < 0)
        return false;
    const char *folders[FOLDERS_MAX];
    const size_t n = bounds->files ? dp_pdf_folders(folders, FOLDERS_MAX) : 0;
    for (size_t i = 0; i < n; i++) {
        struct landlock_path_beneath_attr below = {
            .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
            .parent_fd = open(folders[i], O_PATH | O_CLOEXEC)};
        if (below.parent_fd < 0)
            continue; /* fontconfig names folders that may be absent */
        (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
        (void)close(below.parent_fd);
    }
    const bool done = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    (void)close(rules);
    return done;
}

/* Calls without an argument worth checking. */
static const int plain_calls[] = {
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
    SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(close), SCMP_SYS(lseek),
    SCMP_SYS(fstat), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(getrandom), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage), SCMP_SYS(sysinfo),
    SCMP_SYS(uname), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(membarrier), SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list), SCMP_SYS(exit), SCMP_SYS(exit_group)};

/* What finding and reading fonts takes; Landlock decides which files. */
static const int file_calls[] = {
    SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
    SCMP_SYS(statfs), SCMP_SYS(fstatfs)};

/* No library asks for these by the way. */
static const int deadly_calls[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace),
                                   SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev)};

static bool add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (seccomp_rule_add(filter, action, calls[i], 0) != 0)
            return false;
    return true;
}

static bool add_checked(scmp_filter_ctx filter, const struct dp_decoder_bounds *bounds)
{
    const scmp_datum_t read_only = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFL));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFD));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_SETFD));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0),
                           SCMP_A2(SCMP_CMP_EQ, 0)); /* asking for one's own limits */
    /* abort() sends itself SIGABRT: its parent then knows why it ended. */
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (bounds->files) {
        rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, read_only, 0));
        rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, read_only, 0));
    }
    return rc == 0;
}

static bool filter_calls(const struct dp_decoder_bounds *bounds)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return false;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: a dozen comparisons a call */
    bool done = add_all(filter, SCMP_ACT_ALLOW, plain_calls, sizeof plain_calls / sizeof plain_calls[0]) &&
                add_checked(filter, bounds);
    if (bounds->files)
        done = done && add_all(filter, SCMP_ACT_ALLOW, file_calls, sizeof file_calls / sizeof file_calls[0]);
    if (!SANITIZED) /* whose reports try to start a symbolizer */
        done = done && add_all(filter, SCMP_ACT_KILL_PROCESS, deadly_calls, sizeof deadly_calls / sizeof deadly_calls[0]);
    done = done && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

struct dp_decoder_level dp_sandbox_lock(const struct dp_decoder_bounds *bounds)
{
    struct dp_decoder_level level = {0};
    const bool tight = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    limit_resources(bounds);
    level.confined = tight && confine_files(bounds);
    level.filtered = tight && filter_calls(bounds);
    return level;
}
