/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_SANDBOX_H
#define DOCPARSE_SANDBOX_H

#include <stdbool.h>

#include "engine/base/err.h"

/* Decoders in processes of their own. A fork server, forked while the program is young and has one thread, makes a child
 * for every loader that is opened with a sandbox; the child locks itself up (limits of memory, processor time and
 * files; no new privileges; seccomp; Landlock), opens the document and makes its sheets. What goes wrong in it, a crash,
 * a hang, or code of an attacker, stays in it: the page fails and says why, the next page gets a new child. */
struct dp_sandbox;

enum dp_sandbox_use {
    DP_SANDBOX_AUTO, /* as much of it as the kernel allows */
    DP_SANDBOX_ON,   /* an error where system calls cannot be filtered */
    DP_SANDBOX_OFF   /* decoders run in this process */
};

/* Starts the fork server. Call it before any thread is started and before secrets are read: children are copies of the
 * process as it is now. *out is NULL with OFF, and with AUTO where processes cannot be had, which is logged. */
enum b_code dp_sandbox_start(enum dp_sandbox_use use, struct dp_sandbox **out, struct b_err *err) B_MUST_CHECK;
/* After the last loader is closed; NULL is fine. */
void dp_sandbox_stop(struct dp_sandbox *sandbox);

struct dp_sandbox_state {
    bool active;   /* decoders run in processes of their own */
    bool filtered; /* which may make few system calls (seccomp) */
    bool confined; /* and open only fonts and the like, for reading (Landlock) */
    unsigned long long started; /* decoders */
    unsigned long long crashed; /* of them ended by themselves */
    unsigned long long stopped; /* of them killed: late, or answering nonsense */
};

/* Any thread; NULL gives the state of no sandbox. */
void dp_sandbox_look(struct dp_sandbox *sandbox, struct dp_sandbox_state *out);

/* "on", "auto", "off"; false for anything else. */
bool dp_sandbox_use_parse(const char *name, enum dp_sandbox_use *out);
/* One line for people, such as "on: system calls filtered, files confined". */
const char *dp_sandbox_describe(const struct dp_sandbox_state *state);

#endif
