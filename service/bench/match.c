/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of quick_match behind the merging: assignment, truths that lie inside a prediction, and a last
 * assignment of what is left. */
#include "service/bench/match_private.h"

#define ACCEPT 0.7
#define FUZZY 0.4

struct state {
    struct bm_mem *mem;
    const struct bm_str *truths, *preds;
    size_t n_truths, n_preds;
    struct bm_links links;
    bool *truth_done, *pred_done;
    bool old; /* version 1.0 */
    const bool *whole;
};

static struct bm_link *new_link(struct state *s, size_t from, size_t to, size_t room)
{
    struct bm_link *link = &s->links.at[s->links.n];
    *link = (struct bm_link){.from = from, .to = to, .edit = 1};
    link->truths = BM_ARRAY(s->mem, room, size_t);
    if (!link->truths)
        return NULL;
    s->links.n++;
    return link;
}

/* Assigns groups of predictions to truths; fills `open` with the truths that got none. */
static size_t assign_groups(struct state *s, size_t *open)
{
    const double *cost = bm_cost_matrix(s->mem, s->truths, s->n_truths, s->preds, s->n_preds);
    size_t *owner = BM_ARRAY(s->mem, s->n_preds, size_t), n_open = 0;
    if (!cost || !owner)
        return 0;
    size_t groups = bm_group_predictions(s->mem, cost, s->truths, s->n_truths, s->preds, s->n_preds, owner);
    struct bm_str *joined = BM_ARRAY(s->mem, groups, struct bm_str);
    size_t *from = BM_ARRAY(s->mem, groups, size_t), *to = BM_ARRAY(s->mem, groups, size_t);
    size_t *row = BM_ARRAY(s->mem, s->n_truths, size_t), *col = BM_ARRAY(s->mem, s->n_truths, size_t);
    if (s->mem->failed)
        return 0;
    for (size_t j = 0; j < s->n_preds; j++) {
        if (j == 0 || owner[j] != owner[j - 1])
            from[owner[j]] = j;
        to[owner[j]] = j + 1;
    }
    for (size_t g = 0; g < groups; g++)
        joined[g] = bm_join(s->mem, s->preds + from[g], to[g] - from[g], " ");
    if (groups < s->n_preds)
        cost = bm_cost_matrix(s->mem, s->truths, s->n_truths, joined, groups);
    if (!cost)
        return 0;
    size_t pairs = bm_assign(s->mem, cost, s->n_truths, groups, row, col), next = 0;
    for (size_t i = 0; i < s->n_truths; i++) {
        bool paired = next < pairs && row[next] == i;
        size_t g = paired ? col[next++] : 0;
        if (!paired || cost[i * groups + g] > ACCEPT) {
            open[n_open++] = i;
            continue;
        }
        struct bm_link *link = new_link(s, from[g], to[g], s->n_truths);
        if (!link)
            return 0;
        link->truths[link->n_truths++] = i;
        s->truth_done[i] = true;
    }
    return n_open;
}

/* Truths without a partner that some prediction contains are added to it. */
static void add_contained(struct state *s, const size_t *open, size_t n_open)
{
    for (size_t j = 0; j < s->n_preds; j++) {
        struct bm_link *link = NULL;
        for (size_t k = 0; k < n_open; k++) {
            if (s->whole && s->whole[open[k]])
                continue;
            if (!bm_fits_inside(s->mem, s->preds[j], s->truths[open[k]], FUZZY, false))
                continue;
            for (size_t l = 0; l < s->links.n && !link; l++)
                if (s->links.at[l].from == j && s->links.at[l].to == j + 1)
                    link = &s->links.at[l];
            if (!link)
                link = new_link(s, j, j + 1, s->n_truths);
            if (!link)
                return;
            if (!s->truth_done[open[k]])
                link->truths[link->n_truths++] = open[k];
            s->truth_done[open[k]] = true;
        }
    }
}

static void sort_truths(struct bm_link *link)
{
    for (size_t i = 1; i < link->n_truths; i++)
        for (size_t k = i; k > 0 && link->truths[k - 1] > link->truths[k]; k--) {
            size_t swap = link->truths[k];
            link->truths[k] = link->truths[k - 1];
            link->truths[k - 1] = swap;
        }
}

/* Several truths are held against the first of the predictions only, as the protocol does. */
static double edit_of(struct state *s, const struct bm_link *link)
{
    struct bm_out truth = bm_out_on(s->mem);
    for (size_t i = 0; i < link->n_truths; i++)
        bm_put(&truth, s->truths[link->truths[i]]);
    const size_t n = link->n_truths > 1 ? 1 : link->to - link->from;
    return bm_ned(s->mem, bm_taken(&truth), bm_join(s->mem, s->preds + link->from, n, " "));
}

/* Pairs what is left on both sides; predictions left alone become one link without truth. */
static void pair_left_overs(struct state *s)
{
    size_t *truths = BM_ARRAY(s->mem, s->n_truths, size_t), *preds = BM_ARRAY(s->mem, s->n_preds, size_t);
    size_t *row = BM_ARRAY(s->mem, s->n_truths, size_t), *col = BM_ARRAY(s->mem, s->n_truths, size_t);
    if (s->mem->failed)
        return;
    size_t nt = bm_set_difference(s->mem, s->n_truths, s->truth_done, truths);
    size_t np = bm_set_difference(s->mem, s->n_preds, s->pred_done, preds);
    if (np == 0)
        return;
    if (nt == 0) {
        struct bm_link *link = new_link(s, preds[0], preds[0], 0);
        if (link) {
            link->list = preds;
            link->n_list = np;
        }
        return;
    }
    double *cost = BM_ARRAY(s->mem, nt * np, double);
    if (!cost)
        return;
    for (size_t i = 0; i < nt; i++)
        for (size_t j = 0; j < np; j++)
            cost[i * np + j] = s->old ? (double)bm_levenshtein(s->mem, s->truths[truths[i]], s->preds[preds[j]])
                                      : bm_ned(s->mem, s->truths[truths[i]], s->preds[preds[j]]);
    size_t pairs = bm_assign(s->mem, cost, nt, np, row, col);
    for (size_t k = 0; k < pairs; k++) {
        size_t j = preds[col[k]];
        struct bm_link *link = new_link(s, j, j + 1, 1);
        if (!link)
            return;
        link->truths[link->n_truths++] = truths[row[k]];
        s->truth_done[truths[row[k]]] = true;
    }
}

struct bm_links bm_match(struct bm_mem *mem, const struct bm_str *truths, size_t n_truths, const struct bm_str *preds,
                         size_t n_preds, bool old, const bool *whole)
{
    struct state s = {mem, truths, preds, n_truths, n_preds, {0}, NULL, NULL, old, whole};
    struct bm_links none = {NULL, 0};
    s.links.at = BM_ARRAY(mem, n_truths * 3 + n_preds + 2, struct bm_link);
    s.truth_done = BM_ARRAY(mem, n_truths, bool);
    s.pred_done = BM_ARRAY(mem, n_preds, bool);
    size_t *open = BM_ARRAY(mem, n_truths, size_t);
    if (mem->failed)
        return none;
    size_t n_open = assign_groups(&s, open);
    add_contained(&s, open, n_open);
    size_t kept = 0;
    for (size_t l = 0; l < s.links.n; l++) {
        for (size_t j = s.links.at[l].from; j < s.links.at[l].to; j++)
            s.pred_done[j] = true;
        sort_truths(&s.links.at[l]);
        if (s.links.at[l].n_truths) { /* a link whose truths were all taken elsewhere is no row */
            s.links.at[kept] = s.links.at[l];
            s.links.at[kept].edit = edit_of(&s, &s.links.at[l]);
            kept++;
        }
    }
    s.links.n = kept;
    size_t all_pred_done = 0;
    for (size_t j = 0; j < n_preds; j++)
        all_pred_done += s.pred_done[j];
    pair_left_overs(&s);
    for (int pass = 0; pass < (old && all_pred_done == n_preds ? 2 : 1); pass++)
        for (size_t i = 0; i < n_truths; i++)
            if (!s.truth_done[i]) {
                struct bm_link *link = new_link(&s, 0, 0, 1);
                if (link)
                    link->truths[link->n_truths++] = i;
            }
    return mem->failed ? none : s.links;
}

/* --- the order of a hash set of small integers (CPython 3: linear probes of 10, growth by four) --- */

struct set {
    size_t *slots; /* value + 1; 0 is free */
    size_t mask, used;
};

static void insert(struct set *set, size_t value)
{
    size_t perturb = value, i = value & set->mask;
    for (;;) {
        size_t probes = i + 9 <= set->mask ? 9 : 0;
        for (size_t k = 0; k <= probes; k++)
            if (set->slots[i + k] == 0) {
                set->slots[i + k] = value + 1;
                return;
            }
        perturb >>= 5;
        i = (i * 5 + 1 + perturb) & set->mask;
    }
}

static bool grow(struct bm_mem *mem, struct set *set)
{
    size_t size = 8, wanted = set->used > 50000 ? set->used * 2 : set->used * 4;
    while (size <= wanted)
        size *= 2;
    struct set bigger = {BM_ARRAY(mem, size, size_t), size - 1, set->used};
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i <= set->mask; i++)
        if (set->slots[i])
            insert(&bigger, set->slots[i] - 1);
    *set = bigger;
    return true;
}

size_t bm_set_difference(struct bm_mem *mem, size_t all, const bool *gone, size_t *out)
{
    size_t n_gone = 0, n = 0;
    for (size_t i = 0; i < all; i++)
        n_gone += gone[i];
    if (all / 4 > n_gone) { /* the whole set is copied and thinned: ascending */
        for (size_t i = 0; i < all; i++)
            if (!gone[i])
                out[n++] = i;
        return n;
    }
    struct set set = {BM_ARRAY(mem, 8, size_t), 7, 0};
    if (!set.slots)
        return 0;
    for (size_t i = 0; i < all; i++) {
        if (gone[i])
            continue;
        insert(&set, i);
        set.used++;
        if (set.used * 5 >= set.mask * 3 && !grow(mem, &set))
            return 0;
    }
    for (size_t i = 0; i <= set.mask; i++)
        if (set.slots[i])
            out[n++] = set.slots[i] - 1;
    return n;
}
