/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of the answer -> clean UTF-8 in the window: no invalid sequences, no control characters but tab and
 * line feed, line ends as line feed. A sequence that is cut between two pieces waits in `tail`, so the
 * window's contents do not depend on the pieces. */
#include <string.h>

#include "docparse/markup_private.h"
#include "engine/base/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"
#define BOM 0xFEFFu

static void put(struct dp_markup *m, const void *data, size_t n)
{
    memcpy(m->win.bytes + m->win.end, data, n);
    m->win.end += n;
}

static bool plain(unsigned char c)
{
    return (c >= 0x20 && c < 0x7F) || c == '\n' || c == '\t';
}

/* Length of the run of characters that need no care. Eight bytes at a time: those with the top bit, below
 * 0x20 (and sometimes their right neighbour) or equal to 0x7F end the fast part. */
static size_t plain_run(const unsigned char *s, size_t n)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t i = 0;
    for (;;) {
        while (i + 8 <= n) {
            uint64_t w;
            memcpy(&w, s + i, 8);
            const uint64_t del = w ^ (0x7F * ones);
            if (((w - 0x20 * ones) | w | (del - ones)) & tops)
                break;
            i += 8;
        }
        size_t k = 0;
        while (i < n && k < 8 && plain(s[i])) {
            i++;
            k++;
        }
        if (k < 8)
            return i;
    }
}

/* A well-formed character of len bytes, or an ill-formed part of them. */
static void take_sequence(struct dp_markup *m, const unsigned char *s, size_t len, uint32_t cp)
{
    if (cp == BOM && !m->clean.begun)
        return;
    m->clean.begun = true;
    if (cp == 0xFFFD && !(len == 3 && memcmp(s, REPLACEMENT, 3) == 0)) {
        mk_warn(m, DP_MARKUP_W_ENCODING, mk_offset(m, m->win.end));
        put(m, REPLACEMENT, 3);
    } else if (b_cp_is_control(cp)) {
        mk_warn(m, DP_MARKUP_W_ENCODING, mk_offset(m, m->win.end));
        if (cp > 0xFFFF || cp >= 0xFDD0)
            put(m, REPLACEMENT, 3); /* a noncharacter; C1 controls vanish like C0 */
    } else {
        put(m, s, len);
    }
}

static size_t expected_length(unsigned char lead)
{
    return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
}

/* One sequence at s[0..n), s[0] >= 0x80: bytes used, 0 when more must come first. */
static size_t sequence(struct dp_markup *m, const unsigned char *s, size_t n)
{
    size_t pos = 0;
    const uint32_t cp = b_utf8_next((const char *)s, n, &pos);
    if (cp == 0xFFFD && pos == n && s[0] >= 0xC2 && s[0] <= 0xF4 && n < expected_length(s[0]))
        return 0;
    take_sequence(m, s, pos, cp);
    return pos;
}

static void control(struct dp_markup *m, unsigned char c)
{
    if (c == '\r') {
        put(m, "\n", 1);
        m->clean.cr = true;
        return;
    }
    mk_warn(m, DP_MARKUP_W_ENCODING, mk_offset(m, m->win.end));
}

/* Bytes that complete the sequence begun in an earlier piece: how many were used. */
static size_t resume(struct dp_markup *m, const unsigned char *data, size_t size)
{
    size_t used = 0;
    while (m->clean.n_tail > 0) {
        if ((size_t)m->clean.n_tail < sizeof m->clean.tail && used < size) {
            m->clean.tail[m->clean.n_tail++] = data[used++];
            const size_t done = sequence(m, m->clean.tail, (size_t)m->clean.n_tail);
            if (done == 0)
                continue;
            const size_t back = (size_t)m->clean.n_tail - done; /* the last byte, when it does not belong */
            m->clean.n_tail = 0;
            return used - back;
        }
        break;
    }
    return used;
}

static void compact(struct dp_markup *m)
{
    if (m->win.cap - m->win.end >= MK_PIECE || m->win.at == 0)
        return;
    const size_t rest = m->win.end - m->win.at;
    memmove(m->win.bytes, m->win.bytes + m->win.at, rest);
    m->lex.no_gt = m->lex.no_gt > m->win.at ? m->lex.no_gt - m->win.at : 0;
    m->win.base += m->win.at;
    m->win.at = 0;
    m->win.end = rest;
}

size_t mk_clean_into(struct dp_markup *m, const unsigned char *data, size_t size)
{
    compact(m);
    const size_t room = (m->win.cap - m->win.end) / 3 - 2; /* every byte may become three */
    const size_t n = size < room ? size : room;
    size_t i = resume(m, data, n);
    while (i < n && m->clean.n_tail == 0) {
        if (m->clean.cr) {
            m->clean.cr = false;
            if (data[i] == '\n') {
                i++;
                continue;
            }
        }
        const size_t run = plain_run(data + i, n - i);
        if (run > 0) {
            put(m, data + i, run);
            m->clean.begun = true;
            i += run;
        } else if (data[i] < 0x80) {
            control(m, data[i++]);
        } else {
            const size_t used = sequence(m, data + i, n - i);
            i += used;
            for (; used == 0 && i < n; i++)
                m->clean.tail[m->clean.n_tail++] = data[i];
        }
    }
    return i;
}

void mk_clean_end(struct dp_markup *m)
{
    if (m->clean.n_tail > 0)
        mk_warn(m, DP_MARKUP_W_ENCODING, mk_offset(m, m->win.end)); /* a character cut in its middle is dropped */
    m->clean.n_tail = 0;
    compact(m);
}
