/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an answer: references between blocks, captions, lines, the page's status and its warnings. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/markup_private.h"

enum { PARENTS_MAX = 60 }; /* depth of parents: dp_page_check allows 64 */

static int by_id(const void *a, const void *b)
{
    const struct mk_id *x = a, *y = b;
    return x->id != y->id ? (x->id < y->id ? -1 : 1) : (x->block > y->block) - (x->block < y->block);
}

static int32_t find_id(const struct dp_markup *m, int32_t id)
{
    int32_t low = 0, high = m->links.n_ids;
    while (low < high) {
        const int32_t mid = low + (high - low) / 2;
        if (m->links.ids[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < m->links.n_ids && m->links.ids[low].id == id && m->links.ids[low].block < m->page->n_blocks
               ? m->links.ids[low].block
               : DP_NONE;
}

/* Parents come before their children, so no circle can arise. */
static void resolve(struct dp_markup *m)
{
    struct dp_page *p = m->page;
    if (m->links.n_refs == 0)
        return;
    if (m->links.n_ids > 0)
        qsort(m->links.ids, (size_t)m->links.n_ids, sizeof *m->links.ids, by_id);
    for (int32_t i = 0; i < m->links.n_refs; i++) {
        const struct mk_ref *r = &m->links.refs[i];
        if (r->block >= p->n_blocks)
            continue;
        struct dp_block *b = &p->blocks[r->block];
        const int32_t of = r->of == DP_NONE ? DP_NONE : find_id(m, r->of);
        const int32_t parent = r->parent == DP_NONE ? DP_NONE : find_id(m, r->parent);
        if (of != DP_NONE && of != r->block && b->type == DP_CAPTION)
            b->caption_of = of;
        if (parent != DP_NONE && parent < r->block)
            b->parent = parent;
    }
    for (int32_t i = 0; i < p->n_blocks; i++) {
        int depth = 0;
        for (int32_t k = p->blocks[i].parent; k != DP_NONE && depth <= PARENTS_MAX; k = p->blocks[k].parent)
            depth++;
        if (depth > PARENTS_MAX)
            p->blocks[i].parent = DP_NONE;
    }
}

enum about { ABOUT_NOTHING, ABOUT_PICTURE, ABOUT_TABLE };

/* What a text that begins like a caption speaks of: a word of the kind and a number. */
static enum about announces(const char *text)
{
    static const struct {
        const char *word;
        enum about about;
    } words[] = {
        {"Figure", ABOUT_PICTURE}, {"FIGURE", ABOUT_PICTURE}, {"Fig.", ABOUT_PICTURE},  {"FIG.", ABOUT_PICTURE},
        {"Chart", ABOUT_PICTURE},  {"Scheme", ABOUT_PICTURE}, {"Plate", ABOUT_PICTURE}, {"Abbildung", ABOUT_PICTURE},
        {"Abb.", ABOUT_PICTURE},   {"图", ABOUT_PICTURE},     {"圖", ABOUT_PICTURE},    {"Table", ABOUT_TABLE},
        {"TABLE", ABOUT_TABLE},    {"Tab.", ABOUT_TABLE},     {"Tabelle", ABOUT_TABLE}, {"Tableau", ABOUT_TABLE},
        {"表", ABOUT_TABLE},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const size_t n = strlen(words[i].word);
        if (strncmp(text, words[i].word, n) != 0)
            continue;
        const char *p = text + n;
        while (*p == ' ')
            p++;
        const char *digits = p;
        while ((*p >= '0' && *p <= '9') || (p > digits && (*p == '.' || *p == '-') && p[1] >= '0' && p[1] <= '9'))
            p++;
        const bool wide = (unsigned char)text[0] >= 0x80; /* ideographs need no sign behind the number */
        if (p > digits &&
            (*p == ':' || *p == '.' || *p == '|' || *p == '\0' || strncmp(p, "：", 3) == 0 || (wide && *p == ' ')))
            return words[i].about;
    }
    return ABOUT_NOTHING;
}

static bool fits(const struct dp_page *p, int32_t block, int32_t parent, enum about about)
{
    if (block < 0 || block >= p->n_blocks || p->blocks[block].parent != parent)
        return false;
    const enum dp_block_type type = p->blocks[block].type;
    if (about == ABOUT_TABLE)
        return type == DP_TABLE;
    return type == DP_FIGURE || type == DP_CHART || (about == ABOUT_NOTHING && type == DP_TABLE);
}

/* Captions come without a link: it is the neighbour in reading order, tables rather behind their caption. */
static void link_captions(struct dp_page *p)
{
    for (int32_t i = 0; i < p->n_blocks; i++) {
        struct dp_block *b = &p->blocks[i];
        const bool caption = b->type == DP_CAPTION;
        if ((!caption && b->type != DP_PARAGRAPH) || b->caption_of != DP_NONE)
            continue;
        const enum about about = announces(b->text);
        if (!caption && about == ABOUT_NOTHING)
            continue;
        const int32_t first = about == ABOUT_TABLE ? i + 1 : i - 1, second = about == ABOUT_TABLE ? i - 1 : i + 1;
        const int32_t of = fits(p, first, b->parent, about)    ? first
                           : fits(p, second, b->parent, about) ? second
                                                               : DP_NONE;
        if (of == DP_NONE)
            continue;
        b->type = DP_CAPTION;
        b->caption_of = of;
    }
}

static bool has_lines(const struct dp_block *b)
{
    return b->has_bbox && b->text[0] && !(b->flags & DP_FLAG_HIDDEN) && b->type != DP_LIST;
}

static int32_t count_lines(const char *text)
{
    int32_t n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* The i-th of n equal strips of the block's box. */
static struct dp_line strip(const struct dp_block *b, int32_t block, int32_t i, int32_t n, const char *text)
{
    const float height = (b->bbox.y1 - b->bbox.y0) / (float)n;
    const struct dp_rect r = {b->bbox.x0, b->bbox.y0 + height * (float)i, b->bbox.x1,
                              i + 1 == n ? b->bbox.y1 : b->bbox.y0 + height * (float)(i + 1)};
    return (struct dp_line){.bbox = r,
                            .quad = {{r.x0, r.y0}, {r.x1, r.y0}, {r.x1, r.y1}, {r.x0, r.y1}},
                            .text = text,
                            .confidence = b->confidence,
                            .source = b->source,
                            .flags = DP_FLAG_BOX_GUESSED | (b->flags & DP_FLAG_LOW_CONFIDENCE),
                            .block = block};
}

/* The model gives blocks, not lines: each line of a block's text gets its share of the box. */
static void derive_lines(struct dp_markup *m)
{
    struct dp_page *p = m->page;
    int64_t total = 0;
    for (int32_t i = 0; i < p->n_blocks; i++)
        total += has_lines(&p->blocks[i]) ? count_lines(p->blocks[i].text) : 0;
    if (total == 0 || total > INT32_MAX || m->full.arena)
        return;
    struct dp_line *lines = B_ARENA_ARRAY(p->arena, (size_t)total, struct dp_line);
    if (!lines) {
        m->full.arena = true;
        return;
    }
    p->lines = lines;
    for (int32_t i = 0; i < p->n_blocks; i++) {
        struct dp_block *b = &p->blocks[i];
        b->first_line = p->n_lines;
        if (!has_lines(b))
            continue;
        const int32_t n = count_lines(b->text);
        const char *from = b->text;
        for (int32_t k = 0; k < n; k++) {
            const size_t len = strcspn(from, "\n");
            char *text = from[len] ? b_arena_text(p->arena, from, len) : NULL;
            if (from[len] && !text)
                m->full.arena = true;
            lines[p->n_lines++] = strip(b, i, k, n, text ? text : from[len] ? "" : from);
            from += len + 1;
        }
        b->n_lines = n;
    }
}

static const char *sentence(enum dp_markup_warning_code code)
{
    static const char *const sentences[DP_MARKUP_WARNINGS] = {
        [DP_MARKUP_W_ENCODING] = "bytes of the model's answer were no text and were replaced",
        [DP_MARKUP_W_PREAMBLE] = "the model wrote prose before the page; it was left out",
        [DP_MARKUP_W_POSTAMBLE] = "the model wrote prose behind the page; it was left out",
        [DP_MARKUP_W_NOT_A_TAG] = "'<' without a known tag was kept as text",
        [DP_MARKUP_W_CUT_TAG] = "the model's answer ended inside of a tag",
        [DP_MARKUP_W_BAD_BOX] = "a box did not have four numbers and was left out",
        [DP_MARKUP_W_BOX_REPAIRED] = "a box had swapped corners or reached over the page and was repaired",
        [DP_MARKUP_W_BOX_DROPPED] = "a box outside of the page or without a size was left out",
        [DP_MARKUP_W_BARE_TEXT] = "text outside of any block was made a block",
        [DP_MARKUP_W_TABLE] = "a table was repaired to a consistent grid",
        [DP_MARKUP_W_NESTING] = "blocks nested deeper than the limit were flattened",
        [DP_MARKUP_W_LATEX] = "a formula's LaTeX is not balanced",
        [DP_MARKUP_W_LOOP] = "the model repeated itself; the repetition was cut",
        [DP_MARKUP_W_TRUNCATED] = "the model's answer ended before its end",
        [DP_MARKUP_W_LIMIT] = "a limit was reached and content was left out",
        [DP_MARKUP_W_JSON] = "damaged JSON was repaired or skipped",
        [DP_MARKUP_W_SEPARATOR] = "a style sheet, script or title was left out",
    };
    return sentences[code];
}

static void place_encoding_warning(struct dp_markup *m)
{
    struct dp_markup_result *r = &m->res;
    if (r->counts[DP_MARKUP_W_ENCODING] == 0)
        return;
    int32_t at = r->n_warnings++; /* mk_warn leaves room for this one */
    for (; at > 0 && r->warnings[at - 1].offset > m->first_bad_byte; at--)
        r->warnings[at] = r->warnings[at - 1];
    r->warnings[at] = (struct dp_markup_warning){DP_MARKUP_W_ENCODING, m->first_bad_byte};
}

static void tell_warnings(struct dp_markup *m)
{
    for (int code = 0; code < DP_MARKUP_WARNINGS; code++) {
        const int32_t n = m->res.counts[code];
        const struct dp_markup_warning *first = NULL;
        for (int32_t i = m->res.n_warnings - 1; i >= 0; i--)
            if ((int)m->res.warnings[i].code == code)
                first = &m->res.warnings[i];
        if (n > 1 && first)
            dp_page_warn(m->page, "%s (%d times, first at byte %" PRIu64 ")",
                         sentence((enum dp_markup_warning_code)code), n, first->offset);
        else if (n > 0 && first)
            dp_page_warn(m->page, "%s (at byte %" PRIu64 ")", sentence((enum dp_markup_warning_code)code),
                         first->offset);
        else if (n > 0)
            dp_page_warn(m->page, "%s (%d times)", sentence((enum dp_markup_warning_code)code), n);
    }
}

static void partial(struct dp_page *p, enum b_code code, const char *why)
{
    if (p->status != DP_STATUS_OK)
        return;
    p->status = DP_STATUS_PARTIAL;
    (void)b_fail(&p->error, code, MK_DOMAIN, "%s", why);
}

static void set_status(struct dp_markup *m)
{
    struct dp_page *p = m->page;
    struct dp_markup_result *r = &m->res;
    if (m->full.arena && p->status == DP_STATUS_OK) {
        p->status = DP_STATUS_PARTIAL;
        (void)b_arena_refused(p->arena, MK_DOMAIN, &p->error);
    }
    if (m->full.input || m->full.blocks)
        partial(p, B_LIMIT, "a limit of the parser was reached; content was left out");
    if (r->looped)
        partial(p, B_FORMAT, "the model repeated itself; the repetition was cut");
    if (r->truncated)
        partial(p, B_FORMAT, "the model's answer ended before its end");
}

void mk_finish_page(struct dp_markup *m, enum dp_markup_stop stop)
{
    struct dp_markup_result *r = &m->res;
    mk_flush_empty(m);
    mk_loop_flush(m);
    resolve(m);
    link_captions(m->page);
    derive_lines(m);
    const bool open_end = m->cut_tag || r->truncated || (m->saw_root && !m->html_end);
    const bool closed = r->kind == DP_MARKUP_JSON ? m->json.done : !m->saw_root || m->html_end;
    r->truncated = stop == DP_MARKUP_STOP_LENGTH || (open_end && stop == DP_MARKUP_STOP_UNKNOWN);
    r->complete = stop == DP_MARKUP_STOP_TOKEN && closed && !r->looped && !m->cut_tag;
    if (r->truncated)
        mk_warn(m, DP_MARKUP_W_TRUNCATED, mk_offset(m, m->win.end));
    place_encoding_warning(m);
    set_status(m);
    tell_warnings(m);
    if (m->full.arena)
        set_status(m);
}
