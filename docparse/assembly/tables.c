/* SPDX-License-Identifier: Apache-2.0 */
/* Where tables are. Two signs: rules that cross each other, and stacks of horizontal rules of equal extent with
 * rows of separate cells between them. A region is only a candidate: its grid decides. Lines of an accepted
 * table leave the text flow; their text is kept in the table's cells and in the block's lines. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/table_private.h"

#define LABEL_CHARS 45    /* of what names a row */
#define LABELLED_MOST 64  /* items whose neighbours are looked at: bounds hostile pages */
#define TOUCH 0.5f        /* heights within which rules meet */
#define SAME_END 0.6f     /* heights: two rules end at the same place */
#define SAME_SHARE 0.012f /* of the page width, the same */
#define EMPTY_BAND 2.0f   /* heights between two rules without text that still belong together */
#define ONE_ROW 2.6f      /* heights between two rules that hold one row */
#define FAR_APART 8.0f    /* heights between two rules that may frame more than a table */
#define BEYOND 3.0f       /* heights that a rule of something else reaches further */
#define APART 0.8f        /* heights between two cells of one row */
#define ROWS_PARTED 0.5f  /* share of rows with two cells or more */
#define RULES_MAX 3000    /* more rules are a drawing */
#define TABLES_MAX 100
#define DOUBLE 0.8f         /* heights between the two rules of a double one */
#define DOUBLE_ROWS 3       /* rows of text above and below a double rule between two tables */
#define OVERHANG 1.0f       /* heights that a side rule is longer than the table */
#define PARTIAL_LEAST 0.25f /* of the width of the table, by a rule under a head of several columns */
#define PARTIAL_MAX 300     /* rules; the look for short ones takes their third power */

struct finder {
    struct dp_assembly *a;
    struct dp_rect *level, *upright; /* rules with collinear pieces joined */
    int32_t n_level, n_upright;
    int32_t *group;  /* [n_level + n_upright], union-find */
    int32_t *inside; /* [n_items] scratch, and so are the next two */
    const struct dp_item **between;
    float *sizes;
    struct b_err *err;
};

static float mid_y(struct dp_rect r)
{
    return (r.y0 + r.y1) * 0.5f;
}

static float mid_x(struct dp_rect r)
{
    return (r.x0 + r.x1) * 0.5f;
}

static int by_level(const void *p, const void *q)
{
    const struct dp_rect *a = p, *b = q;
    const float d = mid_y(*a) - mid_y(*b);
    if (d < 0 || d > 0)
        return d < 0 ? -1 : 1;
    return a->x0 < b->x0 ? -1 : a->x0 > b->x0;
}

static int by_upright(const void *p, const void *q)
{
    const struct dp_rect *a = p, *b = q;
    const float d = mid_x(*a) - mid_x(*b);
    if (d < 0 || d > 0)
        return d < 0 ? -1 : 1;
    return a->y0 < b->y0 ? -1 : a->y0 > b->y0;
}

/* Joins pieces of one line: sorted by position across, near enough across, touching along. */
static int32_t join_pieces(struct dp_rect *r, int32_t n, bool upright, float across, float along)
{
    int32_t kept = 0;
    if (n > 1)
        qsort(r, (size_t)n, sizeof *r, upright ? by_upright : by_level);
    for (int32_t i = 0; i < n; i++) {
        int32_t k = kept - 1;
        bool joined = false;
        for (; k >= 0 && !joined; k--) {
            const float d = upright ? mid_x(r[i]) - mid_x(r[k]) : mid_y(r[i]) - mid_y(r[k]);
            if (d > across)
                break;
            joined = upright ? dp_overlap(r[i].y0, r[i].y1, r[k].y0, r[k].y1) > -along
                             : dp_overlap(r[i].x0, r[i].x1, r[k].x0, r[k].x1) > -along;
            if (joined)
                r[k] = dp_rect_union(r[k], r[i]);
        }
        if (!joined)
            r[kept++] = r[i];
    }
    return kept;
}

static int32_t root_of(int32_t *group, int32_t i)
{
    while (group[i] != i) {
        group[i] = group[group[i]];
        i = group[i];
    }
    return i;
}

static void unite(int32_t *group, int32_t i, int32_t j)
{
    i = root_of(group, i);
    j = root_of(group, j);
    if (i != j)
        group[i > j ? i : j] = i < j ? i : j;
}

static void unite_crossing(struct finder *f)
{
    const float t = TOUCH * f->a->height;
    for (int32_t i = 0; i < f->n_level; i++)
        for (int32_t k = 0; k < f->n_upright; k++) {
            const struct dp_rect h = f->level[i], v = f->upright[k];
            if (mid_x(v) > h.x0 - t && mid_x(v) < h.x1 + t && mid_y(h) > v.y0 - t && mid_y(h) < v.y1 + t)
                unite(f->group, i, f->n_level + k);
        }
}

static int by_top_item(const void *p, const void *q)
{
    const struct dp_item *const *a = p, *const *b = q;
    const float d = mid_y((*a)->box) - mid_y((*b)->box);
    return d < 0 ? -1 : d > 0;
}

static int by_left_item(const void *p, const void *q)
{
    const struct dp_item *const *a = p, *const *b = q;
    return (*a)->box.x0 < (*b)->box.x0 ? -1 : (*a)->box.x0 > (*b)->box.x0;
}

/* Text between two rules: rows, and those of them with cells apart from each other. */
struct band {
    int32_t items, rows, parted;
};

static struct band look_between(const struct finder *f, struct dp_rect box)
{
    struct band band = {0, 0, 0};
    const struct dp_item **in = f->between;
    for (int32_t i = 0; i < f->a->n_items; i++) {
        const struct dp_item *it = &f->a->items[i];
        if (it->direction == f->a->main_direction && it->chars > 0 && mid_y(it->box) > box.y0 &&
            mid_y(it->box) < box.y1 && mid_x(it->box) > box.x0 && mid_x(it->box) < box.x1)
            in[band.items++] = it;
    }
    if (band.items == 0)
        return band;
    qsort(in, (size_t)band.items, sizeof(const struct dp_item *), by_top_item);
    for (int32_t from = 0, i = 1; i <= band.items; i++) {
        const float tall = in[from]->box.y1 - in[from]->box.y0;
        if (i < band.items && mid_y(in[i]->box) - mid_y(in[from]->box) < 0.5f * tall)
            continue;
        qsort(in + from, (size_t)(i - from), sizeof(const struct dp_item *), by_left_item);
        float reach = in[from]->box.x1;
        bool parted = false;
        for (int32_t k = from + 1; k < i; k++) {
            parted = parted || in[k]->box.x0 - reach > APART * tall;
            reach = fmaxf(reach, in[k]->box.x1);
        }
        band.rows++;
        band.parted += parted;
        from = i;
    }
    return band;
}

static bool same_extent(const struct finder *f, struct dp_rect a, struct dp_rect b)
{
    const float page = f->a->main_direction & 1 ? f->a->frame.h : f->a->frame.w;
    const float t = fmaxf(SAME_END * f->a->height, SAME_SHARE * page);
    return fabsf(a.x0 - b.x0) < t && fabsf(a.x1 - b.x1) < t;
}

/* Between two rules far from each other stands a table of its own: three rules of one extent that end where
 * neither of the two does, or a rule that reaches beyond both. Then the two frame a page, not a table. */
static bool holds_other_stack(const struct finder *f, struct dp_rect box)
{
    const float t = f->a->height;
    for (int32_t i = 0; i < f->n_level; i++) {
        const struct dp_rect r = f->level[i];
        int32_t same = 0;
        if (mid_y(r) > box.y0 + t && mid_y(r) < box.y1 - t && fmaxf(box.x0 - r.x0, r.x1 - box.x1) > BEYOND * t &&
            dp_overlap(r.x0, r.x1, box.x0, box.x1) > 0.5f * (box.x1 - box.x0))
            return true;
        if (mid_y(r) < box.y0 + 1 || mid_y(r) > box.y1 - 1 || r.x0 < box.x0 - t || r.x1 > box.x1 + t ||
            fabsf(r.x0 - box.x0) < t || fabsf(r.x1 - box.x1) < t)
            continue;
        for (int32_t k = 0; k < f->n_level; k++)
            same += mid_y(f->level[k]) > box.y0 && mid_y(f->level[k]) < box.y1 && same_extent(f, f->level[k], r);
        if (same >= 3)
            return true;
    }
    return false;
}

/* A shorter rule between the two that ends where they end, as under a head over several columns. */
static bool holds_partial(const struct finder *f, struct dp_rect box)
{
    const float t = SAME_END * f->a->height, wide = box.x1 - box.x0;
    for (int32_t i = 0; i < f->n_level; i++) {
        const struct dp_rect r = f->level[i];
        const bool inside = mid_y(r) > box.y0 + t && mid_y(r) < box.y1 - t && r.x0 > box.x0 - t && r.x1 < box.x1 + t;
        if (inside && (fabsf(r.x0 - box.x0) < t || fabsf(r.x1 - box.x1) < t) && r.x1 - r.x0 > PARTIAL_LEAST * wide)
            return true;
    }
    return false;
}

/* Between rules of one extent stands what looks like rows of a table. */
static bool holds_rows(const struct finder *f, struct dp_rect box)
{
    const float h = f->a->height, gap = box.y1 - box.y0;
    const struct band band = look_between(f, box);
    if (band.items == 0)
        return gap < EMPTY_BAND * h;
    if (band.rows == 1 && gap < ONE_ROW * h)
        return true;
    if (band.parted > 0 && gap < FAR_APART * h && holds_partial(f, box))
        return true;
    return (float)band.parted >= ROWS_PARTED * (float)band.rows && (gap < FAR_APART * h || !holds_other_stack(f, box));
}

/* Rules at both ends of a level one run away from it to this side, and none to the other: the edge of a frame. */
static bool is_frame_edge(const struct finder *f, struct dp_rect level, bool below)
{
    const float t = TOUCH * f->a->height, y = mid_y(level);
    bool left = false, right = false;
    for (int32_t k = 0; k < f->n_upright; k++) {
        const struct dp_rect v = f->upright[k];
        const bool at_left = fabsf(mid_x(v) - level.x0) < t, at_right = fabsf(mid_x(v) - level.x1) < t;
        if ((!at_left && !at_right) || v.y0 > y + t || v.y1 < y - t)
            continue;
        if (below ? v.y0 < y - 2.0f * t : v.y1 > y + 2.0f * t)
            return false;
        left = left || at_left;
        right = right || at_right;
    }
    return left && right;
}

/* The next rule below of the same extent, if what stands between looks like rows of a table. A frame ends where its
 * sides end: a rule as wide as the page's text (under a letterhead) does not make a table of what stands up to it. */
static void unite_stacks(struct finder *f)
{
    const float h = f->a->height;
    for (int32_t i = 0; i < f->n_level; i++)
        for (int32_t k = i + 1; k < f->n_level; k++) {
            const struct dp_rect up = f->level[i], low = f->level[k];
            if (mid_y(low) - mid_y(up) < 0.3f * h || !same_extent(f, up, low))
                continue;
            const struct dp_rect box = {fminf(up.x0, low.x0), mid_y(up), fmaxf(up.x1, low.x1), mid_y(low)};
            const bool parted =
                box.y1 - box.y0 > ONE_ROW * h && (is_frame_edge(f, up, false) || is_frame_edge(f, low, true));
            if (!parted && holds_rows(f, box))
                unite(f->group, i, k);
            break;
        }
}

/* Short rules within the extent of a stack belong to it. */
static void unite_partial(struct finder *f)
{
    const float t = SAME_END * f->a->height;
    for (int32_t i = 0; i < f->n_level && f->n_level <= PARTIAL_MAX; i++)
        for (int32_t k = 0; k < f->n_level; k++) {
            const struct dp_rect part = f->level[i], up = f->level[k];
            if (i == k || part.x0 < up.x0 - t || part.x1 > up.x1 + t || mid_y(part) < mid_y(up) ||
                (fabsf(part.x0 - up.x0) > t && fabsf(part.x1 - up.x1) > t))
                continue;
            for (int32_t m = 0; m < f->n_level; m++)
                if (m != k && m != i && same_extent(f, f->level[m], up) && mid_y(f->level[m]) > mid_y(part) &&
                    root_of(f->group, m) == root_of(f->group, k)) {
                    unite(f->group, i, k);
                    break;
                }
        }
}

static bool contains(struct dp_rect a, struct dp_rect b)
{
    return mid_x(b) > a.x0 && mid_x(b) < a.x1 && mid_y(b) > a.y0 && mid_y(b) < a.y1;
}

static int32_t items_inside(struct finder *f, struct dp_rect box)
{
    int32_t n = 0;
    for (int32_t i = 0; i < f->a->n_items; i++) {
        const struct dp_item *it = &f->a->items[i];
        if (it->table == DP_NONE && it->direction == f->a->main_direction && contains(box, it->box) &&
            dp_overlap(it->box.x0, it->box.x1, box.x0, box.x1) > 0.7f * (it->box.x1 - it->box.x0))
            f->inside[n++] = i;
    }
    return n;
}

/* Heading lines that only share the rules above and below: bands at the ends with a single larger line. */
static float usual_size(const struct finder *f, struct dp_rect box)
{
    int32_t n = 0;
    for (int32_t i = 0; i < f->a->n_items; i++)
        if (f->a->items[i].chars > 0 && contains(box, f->a->items[i].box))
            f->sizes[n++] = f->a->items[i].box.y1 - f->a->items[i].box.y0;
    return dp_median(f->sizes, n);
}

static struct dp_rect trimmed(const struct finder *f, struct dp_rect box, const int32_t *rules, int32_t n)
{
    const float usual = usual_size(f, box);
    for (int end = 0; end < 2 && n >= 3; end++)
        for (int tries = 0; tries < 2 && n >= 3; tries++) {
            const struct dp_rect outer = f->level[rules[end ? n - 1 : 0]], next = f->level[rules[end ? n - 2 : 1]];
            const struct dp_rect band = {box.x0, fminf(mid_y(outer), mid_y(next)), box.x1,
                                         fmaxf(mid_y(outer), mid_y(next))};
            const struct dp_item *only = NULL;
            int32_t count = 0;
            for (int32_t i = 0; i < f->a->n_items; i++)
                if (f->a->items[i].chars > 0 && contains(band, f->a->items[i].box)) {
                    only = &f->a->items[i];
                    count++;
                }
            const bool heading = count == 1 && (only->box.y1 - only->box.y0 > 1.15f * usual || only->bold) &&
                                 only->box.x1 - only->box.x0 < 0.6f * (box.x1 - box.x0);
            if (!heading && !(count == 0 && band.y1 - band.y0 > EMPTY_BAND * f->a->height))
                break;
            if (end)
                box.y1 = mid_y(next);
            else
                box.y0 = mid_y(next);
            rules += !end;
            n--;
        }
    return box;
}

/* The items in the box as a table; *is_table says whether they are one. */
static enum b_code draft(struct finder *f, struct dp_rect box, bool borderless, struct dp_draft_table *table,
                         bool *is_table)
{
    struct dp_assembly *a = f->a;
    *table = (struct dp_draft_table){.box = box, .direction = (uint8_t)a->main_direction};
    *is_table = false;
    table->n_items = items_inside(f, box);
    if (table->n_items < 2)
        return B_OK;
    table->items = B_ARENA_ARRAY(a->arena, (size_t)table->n_items, int32_t);
    if (!table->items)
        return b_arena_refused(a->arena, "assembly", f->err);
    memcpy(table->items, f->inside, (size_t)table->n_items * sizeof *table->items);
    return dp_table_grid(a, table, borderless, is_table, f->err);
}

static void own_items(struct dp_assembly *a, const struct dp_draft_table *table, int32_t owner)
{
    for (int32_t i = 0; i < table->n_items; i++)
        a->items[table->items[i]].table = owner;
}

/* Whether the lines of the table are mostly lettering of a drawing. */
static bool is_drawn(const struct dp_assembly *a, const struct dp_draft_table *t)
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->n_items; i++)
        n += dp_on_drawing(a, a->page->lines[a->items[t->items[i]].line].bbox);
    return n * 2 > t->n_items;
}

/* What speaks for a region: rules of its inside, its text alone, or text between two rules. */
enum region_kind { RULED, BARE, ENCLOSED };

static enum b_code try_region(struct finder *f, struct dp_rect box, enum region_kind kind, bool *taken)
{
    const bool borderless = kind != RULED;
    struct dp_assembly *a = f->a;
    struct dp_draft_table table, longer;
    bool is_table = false;
    if (a->n_tables >= TABLES_MAX)
        return B_OK;
    enum b_code code = draft(f, box, borderless, &table, &is_table);
    if (code != B_OK || !is_table || is_drawn(a, &table) || dp_is_listing(a, table.items, table.n_items, table.box))
        return code;
    own_items(a, &table, a->n_tables);
    code = dp_table_reach(a, &table, &box, f->err);
    if (code == B_OK && (box.y0 < table.box.y0 || box.y1 > table.box.y1)) {
        own_items(a, &table, DP_NONE);
        if (kind == ENCLOSED) /* the two rules only part its rows */
            return code;
        code = draft(f, box, borderless, &longer, &is_table);
        const bool finer = box.y0 < table.box.y0 && longer.cols > table.cols; /* by its head */
        if (is_table && (longer.cols == table.cols || finer) && longer.rows > table.rows)
            table = longer;
        own_items(a, &table, a->n_tables);
    }
    a->tables[a->n_tables++] = table;
    *taken = true;
    return code;
}

static enum b_code try_bare(void *context, struct dp_rect box, bool *taken)
{
    return try_region(context, box, BARE, taken);
}

/* Rows of text whose middles lie between two heights of the region. */
static int32_t rows_between(const struct finder *f, struct dp_rect box, float from, float to)
{
    const struct dp_rect part = {box.x0, from, box.x1, to};
    return look_between(f, part).rows;
}

/* The next place at which a table ends and another begins under it: two rules close together through the whole width,
 * with rows above, and below rows and a further rule through the width, as under a head. Returns the index of the
 * upper rule of the two, or DP_NONE. rules: level ones, downwards. */
static int32_t double_rule(const struct finder *f, struct dp_rect box, const int32_t *rules, int32_t n)
{
    const float h = f->a->height;
    for (int32_t i = 1; i + 2 < n; i++) {
        const struct dp_rect up = f->level[rules[i]], low = f->level[rules[i + 1]];
        const float apart = mid_y(low) - mid_y(up);
        bool head = false;
        if (apart < 0.1f * h || apart > DOUBLE * h || !same_extent(f, up, box) || !same_extent(f, low, box))
            continue;
        for (int32_t k = i + 2; k + 1 < n; k++)
            head = head || (same_extent(f, f->level[rules[k]], box) && mid_y(f->level[rules[k]]) - mid_y(low) > h);
        if (head && rows_between(f, box, box.y0, mid_y(up)) >= DOUBLE_ROWS &&
            rows_between(f, box, mid_y(low), box.y1) >= DOUBLE_ROWS)
            return i;
    }
    return DP_NONE;
}

/* Rules at the sides that run far beyond the table (the fold of a book, a margin line) do not make it longer. */
static struct dp_rect without_overhang(const struct finder *f, struct dp_rect box, int32_t root)
{
    const float h = f->a->height;
    float y0 = 1e30f, y1 = -1e30f;
    int32_t inner = 0;
    for (int32_t i = 0; i < f->n_level + f->n_upright; i++) {
        if (root_of(f->group, i) != root)
            continue;
        const struct dp_rect r = i < f->n_level ? f->level[i] : f->upright[i - f->n_level];
        if (i >= f->n_level && (mid_x(r) < box.x0 + h || mid_x(r) > box.x1 - h))
            continue;
        inner += i >= f->n_level;
        y0 = fminf(y0, r.y0);
        y1 = fmaxf(y1, r.y1);
    }
    if (inner == 0)
        return box;
    box.y0 = y0 - box.y0 > OVERHANG * h ? y0 : box.y0;
    box.y1 = box.y1 - y1 > OVERHANG * h ? y1 : box.y1;
    return box;
}

/* Rules over numbers alone, as above and below totals, whose labels stand to the left of them: the table is more than
 * what they frame. */
static bool lacks_labels(const struct finder *f, struct dp_rect box)
{
    const struct dp_assembly *a = f->a;
    const float h = a->height;
    int32_t rows = 0, labelled = 0, looked = 0;
    for (int32_t i = 0; i < a->n_items && looked < LABELLED_MOST; i++) {
        const struct dp_item *it = &a->items[i];
        if (it->direction != a->main_direction || it->chars == 0 || !contains(box, it->box))
            continue;
        looked++;
        const struct dp_item *left = NULL;
        bool leftmost = true;
        for (int32_t k = 0; k < a->n_items && leftmost; k++) {
            const struct dp_item *o = &a->items[k];
            if (k == i || o->direction != a->main_direction || o->chars == 0 || o->box.x0 >= it->box.x0 ||
                fabsf(mid_y(o->box) - mid_y(it->box)) > 0.4f * h)
                continue;
            leftmost = !contains(box, o->box);
            left = !left || o->box.x1 > left->box.x1 ? o : left;
        }
        if (!leftmost)
            continue;
        if (it->digits * 2 < it->chars)
            return false;
        rows++;
        labelled += left && left->box.x1 < box.x0 + h && left->chars <= LABEL_CHARS && left->digits * 2 < left->chars;
    }
    return rows >= 2 && labelled * 10 >= rows * 7;
}

/* A group of rules: enough of them, with their common box. */
static enum b_code try_group(struct finder *f, int32_t root, int32_t *rules)
{
    int32_t level = 0, upright = 0, cut;
    bool taken = false;
    struct dp_rect box = {1e30f, 1e30f, -1e30f, -1e30f};
    for (int32_t i = 0; i < f->n_level + f->n_upright; i++) {
        if (root_of(f->group, i) != root)
            continue;
        box = dp_rect_union(box, i < f->n_level ? f->level[i] : f->upright[i - f->n_level]);
        if (i < f->n_level)
            rules[level++] = i;
        else
            upright++;
    }
    while (upright == 0 && (cut = double_rule(f, box, rules, level)) != DP_NONE) {
        struct dp_rect part = box;
        part.y1 = mid_y(f->level[rules[cut]]);
        box.y0 = mid_y(f->level[rules[cut + 1]]);
        const enum b_code code = try_region(f, trimmed(f, part, rules, cut + 1), RULED, &taken);
        if (code != B_OK)
            return code;
        rules += cut + 1;
        level -= cut + 1;
    }
    if (level == 2 && upright == 0) /* rules at its top and bottom say where it is, not that it is a table */
        return try_region(f, box, ENCLOSED, &taken);
    if (!(level >= 3 || (level >= 2 && upright >= 1)))
        return B_OK;
    if (upright == 0 && lacks_labels(f, box))
        return B_OK;
    if (upright == 0)
        box = trimmed(f, box, rules, level);
    return try_region(f, without_overhang(f, box, root), RULED, &taken);
}

static enum b_code prepare(struct finder *f)
{
    struct dp_assembly *a = f->a;
    const size_t n = (size_t)a->n_rules + 1;
    f->level = B_ARENA_ARRAY(a->arena, n, struct dp_rect);
    f->upright = B_ARENA_ARRAY(a->arena, n, struct dp_rect);
    f->group = B_ARENA_ARRAY(a->arena, n, int32_t);
    f->inside = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, int32_t);
    f->between = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, const struct dp_item *);
    f->sizes = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, float);
    if (!f->level || !f->upright || !f->group || !f->inside || !f->between || !f->sizes)
        return b_arena_refused(a->arena, "assembly", f->err);
    f->n_upright = a->n_vertical;
    f->n_level = a->n_rules - a->n_vertical;
    if (a->n_rules == 0)
        return B_OK;
    memcpy(f->upright, a->rules, (size_t)f->n_upright * sizeof *f->upright);
    memcpy(f->level, a->rules + a->n_vertical, (size_t)f->n_level * sizeof *f->level);
    f->n_upright = join_pieces(f->upright, f->n_upright, true, 0.2f * a->height, 0.5f * a->height);
    f->n_level = join_pieces(f->level, f->n_level, false, 0.2f * a->height, 0.5f * a->height);
    for (int32_t i = 0; i < f->n_level + f->n_upright; i++)
        f->group[i] = i;
    return B_OK;
}

static enum b_code find_ruled(struct finder *f)
{
    struct dp_assembly *a = f->a;
    enum b_code code = B_OK;
    if (a->n_rules < 2 || a->n_rules > RULES_MAX)
        return B_OK;
    unite_crossing(f);
    unite_stacks(f);
    unite_partial(f);
    int32_t *rules = B_ARENA_ARRAY(a->arena, (size_t)f->n_level + 1, int32_t);
    if (!rules)
        return b_arena_refused(a->arena, "assembly", f->err);
    for (int32_t i = 0; i < f->n_level + f->n_upright && code == B_OK; i++)
        if (root_of(f->group, i) == i)
            code = try_group(f, i, rules);
    return code;
}

static enum b_code find_in(struct dp_assembly *a, struct b_err *err)
{
    struct finder f = {.a = a, .err = err};
    enum b_code code = prepare(&f);
    if (code == B_OK)
        code = find_ruled(&f);
    return code == B_OK ? dp_tables_bare(a, try_bare, &f, err) : code;
}

enum b_code dp_tables_find(struct dp_assembly *a, struct b_err *err)
{
    a->tables = B_ARENA_ARRAY(a->arena, TABLES_MAX, struct dp_draft_table);
    dp_leader_rules(a);
    if (!a->tables)
        return b_arena_refused(a->arena, "assembly", err);
    enum b_code code = find_in(a, err);
    for (int side = 1; side <= 3 && code == B_OK; side += 2) {
        struct dp_assembly view;
        bool enough;
        code = dp_turned_view(a, (a->main_direction + side) & 3, &view, &enough, err);
        if (code == B_OK && enough) {
            code = find_in(&view, err);
            dp_turned_back(a, &view);
        }
    }
    return code;
}

/* --- blocks --- */

/* Sorted downwards, then each printed row from left to right. */
static void sort_by_rows(const struct dp_item **in, int32_t n)
{
    qsort(in, (size_t)n, sizeof(const struct dp_item *), by_top_item);
    for (int32_t from = 0, i = 1; i <= n; i++) {
        if (i < n && mid_y(in[i]->box) - mid_y(in[from]->box) < 0.5f * (in[from]->box.y1 - in[from]->box.y0))
            continue;
        qsort(in + from, (size_t)(i - from), sizeof(const struct dp_item *), by_left_item);
        from = i;
    }
}

/* A row for each line, so that the block holds all of them. */
enum b_code dp_block_of_items(struct dp_assembly *a, const int32_t *items, int32_t n, struct dp_draft_block *b,
                              struct b_err *err)
{
    const struct dp_item **order = B_ARENA_ARRAY(a->arena, (size_t)n, const struct dp_item *);
    if (!order)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < n; i++)
        order[i] = &a->items[items[i]];
    sort_by_rows(order, n);
    b->first = a->n_block_rows;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_item *it = order[i];
        const int32_t index = (int32_t)(it - a->items);
        a->row_items[a->n_row_items] = index;
        const struct dp_rect box = dp_frame_to_direction(
            &a->frame, dp_frame_from_direction(&a->frame, it->box, it->direction), a->main_direction);
        a->rows[a->n_rows] = (struct dp_row){.box = box,
                                             .size = it->size,
                                             .height = it->box.y1 - it->box.y0,
                                             .first = a->n_row_items,
                                             .count = 1,
                                             .chars = it->chars,
                                             .cjk = it->cjk,
                                             .digits = it->digits,
                                             .letters = it->letters,
                                             .above = DP_NONE,
                                             .below = DP_NONE,
                                             .head = index,
                                             .tail = index};
        a->n_row_items++;
        a->block_rows[a->n_block_rows++] = a->n_rows++;
        b->chars += it->chars;
        b->lines++;
        b->count++;
    }
    return B_OK;
}

enum b_code dp_tables_make_blocks(struct dp_assembly *a, struct b_err *err)
{
    for (int32_t i = 0; i < a->n_tables; i++) {
        struct dp_draft_table *t = &a->tables[i];
        struct dp_draft_block *b = &a->blocks[a->n_blocks++];
        *b = (struct dp_draft_block){.box = t->box,
                                     .type = DP_TABLE,
                                     .table = i,
                                     .picture = DP_NONE,
                                     .inside = DP_NONE,
                                     .size = a->body,
                                     .height = a->height,
                                     .direction = (uint8_t)a->main_direction};
        const enum b_code code = dp_block_of_items(a, t->items, t->n_items, b, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

enum b_code dp_tables_from_grid(struct dp_assembly *a, struct dp_draft_block *block, struct b_err *err)
{
    struct dp_draft_table table = {.box = block->box, .direction = (uint8_t)a->main_direction};
    bool is_table = false;
    if (a->n_tables >= TABLES_MAX)
        return B_OK;
    table.items = B_ARENA_ARRAY(a->arena, (size_t)block->lines, int32_t);
    if (!table.items)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < block->count; i++) {
        const struct dp_row *r = &a->rows[a->block_rows[block->first + i]];
        for (int32_t k = 0; k < r->count; k++)
            table.items[table.n_items++] = a->row_items[r->first + k];
    }
    const enum b_code code = dp_table_grid(a, &table, true, &is_table, err);
    if (code != B_OK || !is_table || is_drawn(a, &table))
        return code;
    block->type = DP_TABLE;
    block->table = a->n_tables;
    a->tables[a->n_tables++] = table;
    return B_OK;
}
