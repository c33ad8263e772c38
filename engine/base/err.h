/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_ERR_H
#define ENGINE_BASE_ERR_H

/* Errors as values. A fallible function returns `enum b_code` (0 is success) and takes, last, a
 * `struct b_err *` that the caller owns; NULL is allowed where only the code matters. There is no
 * global error state, nothing here allocates, and no code path may abort because of its input. */

#if defined(__GNUC__)
#define B_MUST_CHECK __attribute__((warn_unused_result))
#define B_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define B_MUST_CHECK
#define B_PRINTF(fmt, args)
#endif

/* Reason codes. Their names (b_code_name) are stable: scripts and JSON output rely on them. */
enum b_code {
    B_OK = 0,
    B_ARGUMENT,    /* the caller asked for something that makes no sense */
    B_FORMAT,      /* the input is damaged or is not what it claims to be */
    B_UNSUPPORTED, /* well-formed, but outside what this build reads */
    B_LIMIT,       /* a bound of docparse/limits.h (or an arena budget) was reached */
    B_NO_MEMORY,   /* the system refused memory */
    B_CANCELLED,   /* b_cancel_request was called */
    B_DEADLINE,    /* the time given for the work is over */
    B_IO,          /* reading or writing failed: missing file, permission, full disk */
    B_LIBRARY,     /* a third-party library failed without a better reason */
    B_INTERNAL,    /* a broken invariant of ours: a bug */
    B_NOT_FOUND,   /* a model, file or page that must be there is not */
    B_PASSWORD     /* the document is encrypted and the password is missing or wrong */
};

/* What went wrong, owned by the caller, reusable after b_err_clear. Plain value: may be copied. */
struct b_err {
    enum b_code code;
    char domain[24];   /* module that failed, such as "pdf" or "graph" */
    char message[384]; /* what, where and why, in one sentence without a newline */
    char advice[192];  /* what the user can do about it; may be empty */
};

/* Forgets the error. */
void b_err_clear(struct b_err *err);

/* Fills *err (if not NULL) and returns code, so that callers write `return b_fail(...)`. Control
 * characters in the formatted text are replaced, since messages quote hostile input. */
enum b_code b_fail(struct b_err *err, enum b_code code, const char *domain, const char *fmt, ...)
    B_PRINTF(4, 5);

/* Sets the advice of an error that is already filled. */
void b_advise(struct b_err *err, const char *fmt, ...) B_PRINTF(2, 3);

/* Stable lower-case name of a code, such as "format" or "no_memory". Never NULL. */
const char *b_code_name(enum b_code code);

#endif
