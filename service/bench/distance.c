/* SPDX-License-Identifier: Apache-2.0 */
/* Levenshtein distance with 64 cells of a column in one word (Myers 1999, the block form of Hyyro 2003),
 * the search for windows that reads each text once before it looks closely, and LCS by the same trick. */
#include "service/bench/distance.h"

#include <string.h>

/* For each distinct character of a pattern, the bit rows where it stands. Open addressing; row 0 of
 * `bits` is all zero: what characters outside the pattern get. */
struct masks {
    uint32_t *keys;
    uint32_t *rows; /* 0: free slot */
    uint64_t *bits;
    size_t slots, words;
};

static bool make_masks(struct bm_mem *mem, struct bm_str pattern, struct masks *m)
{
    m->words = (pattern.n + 63) / 64;
    m->slots = 16;
    while (m->slots < pattern.n * 2)
        m->slots *= 2;
    m->keys = BM_ARRAY(mem, m->slots, uint32_t);
    m->rows = BM_ARRAY(mem, m->slots, uint32_t);
    /* Distinct characters are few; count them before the bits are laid out. */
    uint32_t rows = 0;
    if (!m->keys || !m->rows)
        return false;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            m->bits = BM_ARRAY(mem, ((size_t)rows + 1) * m->words, uint64_t);
            if (!m->bits)
                return false;
        }
        for (size_t i = 0; i < pattern.n; i++) {
            size_t at = (pattern.cp[i] * 2654435761u) & (m->slots - 1);
            while (m->rows[at] && m->keys[at] != pattern.cp[i])
                at = (at + 1) & (m->slots - 1);
            if (!m->rows[at]) {
                m->keys[at] = pattern.cp[i];
                m->rows[at] = ++rows;
            }
            if (pass == 1)
                m->bits[m->rows[at] * m->words + i / 64] |= 1ull << (i % 64);
        }
    }
    return true;
}

static const uint64_t *mask_of(const struct masks *m, uint32_t cp)
{
    size_t at = (cp * 2654435761u) & (m->slots - 1);
    while (m->rows[at] && m->keys[at] != cp)
        at = (at + 1) & (m->slots - 1);
    return m->bits + (size_t)m->rows[at] * m->words;
}

/* One column of the matrix. pv, mv: vertical differences +1 and -1; carry_in: the horizontal difference
 * that enters at the top (1 for the distance of whole strings, 0 for a search). Returns the change of the
 * bottom cell. */
static int column(const uint64_t *eq, uint64_t *pv, uint64_t *mv, size_t words, uint64_t last, uint64_t carry_in)
{
    uint64_t ph_in = carry_in, mh_in = 0;
    int change = 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t e = eq[w] | mh_in, xv = eq[w] | mv[w];
        uint64_t xh = (((e & pv[w]) + pv[w]) ^ pv[w]) | e;
        uint64_t ph = mv[w] | ~(xh | pv[w]), mh = pv[w] & xh;
        if (w + 1 == words)
            change = (ph & last) ? 1 : (mh & last) ? -1 : 0;
        uint64_t ph_out = ph >> 63, mh_out = mh >> 63;
        ph = (ph << 1) | ph_in;
        mh = (mh << 1) | mh_in;
        pv[w] = mh | ~(xv | ph);
        mv[w] = ph & xv;
        ph_in = ph_out;
        mh_in = mh_out;
    }
    return change;
}

/* Work space of one call. */
static struct bm_mem work_of(struct bm_mem *mem)
{
    b_arena_reset(mem->scratch);
    return (struct bm_mem){mem->scratch, mem->scratch, false};
}

struct myers {
    struct masks masks;
    uint64_t *pv, *mv, last;
};

static bool myers_on(struct bm_mem *mem, struct bm_str pattern, struct myers *m)
{
    if (!make_masks(mem, pattern, &m->masks))
        return false;
    m->pv = BM_ARRAY(mem, m->masks.words, uint64_t);
    m->mv = BM_ARRAY(mem, m->masks.words, uint64_t);
    m->last = 1ull << ((pattern.n - 1) % 64);
    return m->pv && m->mv;
}

static void myers_reset(struct myers *m)
{
    memset(m->pv, 0xff, m->masks.words * sizeof *m->pv);
    memset(m->mv, 0, m->masks.words * sizeof *m->mv);
}

static size_t whole_distance(struct myers *m, size_t pattern_n, struct bm_str text)
{
    size_t distance = pattern_n;
    myers_reset(m);
    for (size_t j = 0; j < text.n; j++) {
        int change = column(mask_of(&m->masks, text.cp[j]), m->pv, m->mv, m->masks.words, m->last, 1);
        distance = change > 0 ? distance + 1 : change < 0 ? distance - 1 : distance;
    }
    return distance;
}

size_t bm_levenshtein(struct bm_mem *mem, struct bm_str a, struct bm_str b)
{
    while (a.n && b.n && a.cp[0] == b.cp[0]) {
        a = bm_slice(a, 1, a.n);
        b = bm_slice(b, 1, b.n);
    }
    while (a.n && b.n && a.cp[a.n - 1] == b.cp[b.n - 1]) {
        a.n--;
        b.n--;
    }
    if (a.n == 0 || b.n == 0)
        return a.n + b.n;
    struct bm_str pattern = a.n <= b.n ? a : b, text = a.n <= b.n ? b : a;
    struct myers m;
    struct bm_mem work = work_of(mem);
    if (!myers_on(&work, pattern, &m)) {
        mem->failed = true;
        return text.n;
    }
    return whole_distance(&m, pattern.n, text);
}

double bm_ned(struct bm_mem *mem, struct bm_str a, struct bm_str b)
{
    size_t longer = a.n > b.n ? a.n : b.n;
    return longer == 0 ? 0.0 : (double)bm_levenshtein(mem, a, b) / (double)longer;
}

/* The best any substring can do bounds every window. One reading of the text gives, for each end position,
 * the least distance of a substring that ends there; only windows that end within that distance of a good
 * end can pass, and only they are measured. */
bool bm_fits_inside(struct bm_mem *mem, struct bm_str in, struct bm_str what, double limit, bool inclusive)
{
    if (what.n == 0 || what.n > in.n)
        return false;
    struct myers m;
    struct bm_mem work = work_of(mem);
    double n = (double)what.n;
    size_t *ends = BM_ARRAY(&work, in.n, size_t), worst = 0;
    if (!ends || !myers_on(&work, what, &m)) {
        mem->failed = true;
        return false;
    }
    while (worst < what.n && ((double)(worst + 1) / n < limit || (inclusive && (double)(worst + 1) / n <= limit)))
        worst++;
    if (worst == 0 && !(0.0 < limit || inclusive))
        return false;
    myers_reset(&m);
    size_t distance = what.n;
    for (size_t j = 0; j < in.n; j++) {
        int change = column(mask_of(&m.masks, in.cp[j]), m.pv, m.mv, m.masks.words, m.last, 0);
        distance = change > 0 ? distance + 1 : change < 0 ? distance - 1 : distance;
        ends[j] = distance;
    }
    for (size_t end = what.n; end <= in.n; end++) {
        if (ends[end - 1] > worst)
            continue; /* the window itself ends here, so it cannot do better than this */
        if (whole_distance(&m, what.n, bm_slice(in, end - what.n, end)) <= worst)
            return true;
    }
    return false;
}

size_t bm_lcs(struct bm_mem *mem, struct bm_str a, struct bm_str b)
{
    if (a.n == 0 || b.n == 0)
        return 0;
    struct masks m;
    struct bm_mem work = work_of(mem);
    uint64_t *state = BM_ARRAY(&work, (a.n + 63) / 64, uint64_t);
    if (!state || !make_masks(&work, a, &m)) {
        mem->failed = true;
        return 0;
    }
    memset(state, 0xff, m.words * sizeof *state);
    for (size_t j = 0; j < b.n; j++) {
        const uint64_t *eq = mask_of(&m, b.cp[j]);
        uint64_t carry = 0;
        for (size_t w = 0; w < m.words; w++) {
            uint64_t u = state[w] & eq[w], sum = state[w] + u, with = sum + carry;
            carry = (uint64_t)(sum < state[w]) | (uint64_t)(with < sum);
            state[w] = with | (state[w] - u);
        }
    }
    size_t common = 0;
    for (size_t i = 0; i < a.n; i++)
        common += !(state[i / 64] >> (i % 64) & 1);
    return common;
}
