/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's frame: options, the window, who reads it, and the result. Invariant: every reader takes only
 * what is complete, and what is complete does not depend on the pieces that push was called with. */
#include "docparse/markup.h"

#include <stdlib.h>
#include <string.h>

#include "docparse/digest.h"
#include "docparse/markup_private.h"

static const char *const warning_names[DP_MARKUP_WARNINGS] = {
    [DP_MARKUP_W_ENCODING] = "encoding",
    [DP_MARKUP_W_PREAMBLE] = "preamble",
    [DP_MARKUP_W_POSTAMBLE] = "postamble",
    [DP_MARKUP_W_NOT_A_TAG] = "not_a_tag",
    [DP_MARKUP_W_CUT_TAG] = "cut_tag",
    [DP_MARKUP_W_BAD_BOX] = "bad_box",
    [DP_MARKUP_W_BOX_REPAIRED] = "box_repaired",
    [DP_MARKUP_W_BOX_DROPPED] = "box_dropped",
    [DP_MARKUP_W_BARE_TEXT] = "bare_text",
    [DP_MARKUP_W_TABLE] = "table_repaired",
    [DP_MARKUP_W_NESTING] = "nesting",
    [DP_MARKUP_W_LATEX] = "bad_latex",
    [DP_MARKUP_W_LOOP] = "loop",
    [DP_MARKUP_W_TRUNCATED] = "truncated",
    [DP_MARKUP_W_LIMIT] = "limit",
    [DP_MARKUP_W_JSON] = "json_repaired",
    [DP_MARKUP_W_SEPARATOR] = "dropped_content",
};

const char *dp_markup_warning_name(enum dp_markup_warning_code code)
{
    return (size_t)code < DP_MARKUP_WARNINGS ? warning_names[code] : "unknown";
}

struct dp_markup_options dp_markup_options_default(void)
{
    return (struct dp_markup_options){
        .unit = DP_MARKUP_FRAME_PIXELS,
        .source = DP_FROM_VLM,
        .limits =
            {
                .input_bytes = (uint64_t)16 << 20,
                .block_text = (size_t)1 << 20,
                .blocks = 20000,
                .table_cells = 100000,
                .table_cols = 1000,
                .depth = 32,
                .silent_tags = 4096,
                .repeats = 5,
            },
    };
}

void mk_warn(struct dp_markup *m, enum dp_markup_warning_code code, uint64_t offset)
{
    struct dp_markup_result *r = &m->res;
    if (r->counts[code] < INT32_MAX)
        r->counts[code]++;
    if (code == DP_MARKUP_W_ENCODING) {
        if (r->counts[code] == 1)
            m->first_bad_byte = offset; /* found while cleaning, ahead of what the readers find */
    } else if (r->n_warnings < DP_MARKUP_WARNINGS_KEPT - 1)
        r->warnings[r->n_warnings++] = (struct dp_markup_warning){code, offset};
}

uint64_t mk_offset(const struct dp_markup *m, size_t at)
{
    return m->win.base + at;
}

const char *mk_text_copy(struct dp_markup *m, const char *text, size_t len)
{
    const char *copy = len == 0 || m->full.arena ? NULL : b_arena_text(m->page->arena, text, len);
    if (!copy && len > 0)
        m->full.arena = true;
    return copy ? copy : "";
}

bool mk_grow(struct dp_markup *m, void **array, int32_t count, int32_t *cap, size_t size)
{
    if (count < *cap)
        return true;
    const int32_t want = *cap ? *cap * 2 : 64; /* counts are bounded by the limits, far below 2^30 */
    void *more = realloc(*array, (size_t)want * size);
    if (!more) {
        m->full.memory = true;
        return false;
    }
    *array = more;
    *cap = want;
    return true;
}

static int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

static void bound_limits(struct dp_markup_limits *l)
{
    l->depth = clamp(l->depth, 2, MK_DEPTH_MAX - 4);
    l->blocks = clamp(l->blocks, 1, 1 << 24);
    l->table_cells = clamp(l->table_cells, 1, 1 << 24);
    l->table_cols = clamp(l->table_cols, 1, 1 << 15);
    l->repeats = clamp(l->repeats, 2, MK_REPEATS_MAX);
    l->silent_tags = clamp(l->silent_tags, 1, INT32_MAX - 1);
    if (l->block_text > (size_t)1 << 30)
        l->block_text = (size_t)1 << 30;
}

static void set_frame(struct dp_markup *m)
{
    struct dp_page *p = m->page;
    m->frame_w = m->opt.frame_width > 0 ? m->opt.frame_width : p->width;
    m->frame_h = m->opt.frame_height > 0 ? m->opt.frame_height : p->height;
    if (m->opt.unit == DP_MARKUP_THOUSANDTHS)
        m->frame_w = m->frame_h = 1000;
    else if (p->width <= 0 || p->height <= 0) {
        p->width = m->opt.frame_width > 0 ? m->opt.frame_width : 0;
        p->height = m->opt.frame_height > 0 ? m->opt.frame_height : 0;
    }
}

enum b_code dp_markup_new(struct dp_page *page, const struct dp_markup_options *options, struct dp_markup **out,
                          struct b_err *err)
{
    *out = NULL;
    if (page->n_blocks != 0 || page->n_tables != 0 || page->n_lines != 0)
        return b_fail(err, B_ARGUMENT, MK_DOMAIN, "page %d holds blocks already", page->number);
    struct dp_markup *m = calloc(1, sizeof *m);
    if (!m)
        return b_fail(err, B_NO_MEMORY, MK_DOMAIN, "out of memory");
    m->page = page;
    m->opt = options ? *options : dp_markup_options_default();
    bound_limits(&m->opt.limits);
    m->source = m->opt.source;
    m->lex.mode = m->opt.thinking ? MK_M_THINK : MK_M_PROSE;
    m->lex.line_start = true;
    m->res.preamble = "";
    m->win.cap = MK_PIECE + 2 * MK_TAG_MAX + 256;
    m->win.bytes = malloc(m->win.cap);
    m->sha = dp_sha256_new();
    b_buf_init(&m->raw, (size_t)m->opt.limits.input_bytes);
    b_buf_init(&m->lex.prose, m->opt.limits.block_text);
    b_buf_init(&m->text, m->opt.limits.block_text);
    m->stack[0] = (struct mk_elem){
        .role = MK_R_WRAP, .type = DP_BLOCK_TYPES, .col = -1, .block = DP_NONE, .meta.parent = DP_NONE};
    m->depth = 1;
    m->ending = -1;
    set_frame(m);
    if (!m->win.bytes || !m->sha || !mk_tree_open(m)) {
        dp_markup_drop(m);
        return b_fail(err, B_NO_MEMORY, MK_DOMAIN, "out of memory");
    }
    *out = m;
    return B_OK;
}

void dp_markup_drop(struct dp_markup *m)
{
    if (!m)
        return;
    mk_tree_drop(m->tree);
    dp_sha256_drop(m->sha);
    b_buf_free(&m->raw);
    b_buf_free(&m->lex.prose);
    b_buf_free(&m->text);
    free(m->win.bytes);
    free(m->grids.cells);
    free(m->links.ids);
    free(m->links.refs);
    free(m);
}

/* `think` ends with its tag; bytes before it vanish. Looks back far enough to find a tag cut in two. */
static void read_thoughts(struct dp_markup *m)
{
    static const char end[] = "</think>";
    const size_t len = sizeof end - 1;
    while (m->win.end - m->win.at >= len) {
        const char *lt = memchr(m->win.bytes + m->win.at, '<', m->win.end - m->win.at);
        if (!lt) {
            m->win.at = m->win.end;
            return;
        }
        m->win.at = (size_t)(lt - m->win.bytes);
        if (m->win.end - m->win.at < len)
            return;
        if (memcmp(lt, end, len) == 0) {
            m->win.at += len;
            m->lex.mode = MK_M_PROSE;
            m->lex.line_start = true;
            return;
        }
        m->win.at++;
    }
}

static void read_window(struct dp_markup *m)
{
    size_t at;
    enum mk_mode mode;
    do {
        at = m->win.at;
        mode = m->lex.mode;
        if (mode == MK_M_THINK)
            read_thoughts(m);
        else if (mode == MK_M_PROSE)
            mk_lex_prose(m);
        else if (mode == MK_M_JSON)
            mk_json_read(m);
        else
            mk_lex_html(m);
    } while ((at != m->win.at || mode != m->lex.mode) && m->win.at < m->win.end);
}

void mk_replay(struct dp_markup *m, const char *data, size_t size)
{
    m->win.at = m->win.end = 0;
    m->lex.no_gt = 0;
    m->lex.held_at = 0;
    m->win.base = m->lex.prose_offset;
    for (size_t at = 0; at < size;) {
        const size_t rest = m->win.end - m->win.at;
        memmove(m->win.bytes, m->win.bytes + m->win.at, rest);
        m->win.base += m->win.at;
        m->win.at = 0;
        m->lex.no_gt = 0;
        const size_t room = m->win.cap - rest, n = size - at < room ? size - at : room;
        memcpy(m->win.bytes + rest, data + at, n);
        m->win.end = rest + n;
        at += n;
        m->lex.final = at == size;
        read_window(m);
    }
}

enum b_code dp_markup_push(struct dp_markup *m, const void *data, size_t size, struct b_err *err)
{
    const unsigned char *bytes = data;
    if (m->ended)
        return b_fail(err, B_ARGUMENT, MK_DOMAIN, "bytes behind the end of the answer");
    if (size == 0)
        return B_OK;
    dp_sha256_add(m->sha, data, size);
    const uint64_t room = m->opt.limits.input_bytes > m->res.bytes ? m->opt.limits.input_bytes - m->res.bytes : 0;
    m->res.bytes += size;
    if (size > room) {
        if (!m->full.input)
            mk_warn(m, DP_MARKUP_W_LIMIT, m->opt.limits.input_bytes);
        m->full.input = true;
        size = (size_t)room;
    }
    if (m->opt.keep_raw)
        b_buf_append(&m->raw, data, size);
    while (size > 0 && !m->full.memory) {
        const size_t used = mk_clean_into(m, bytes, size);
        bytes += used;
        size -= used;
        read_window(m);
    }
    return m->full.memory ? b_fail(err, B_NO_MEMORY, MK_DOMAIN, "out of memory") : B_OK;
}

bool dp_markup_wants_stop(const struct dp_markup *m)
{
    return m->html_end || m->res.looped || m->full.arena || m->full.input || m->full.blocks || m->json.done;
}

static void end_answer(struct dp_markup *m, enum dp_markup_stop stop)
{
    mk_clean_end(m);
    m->lex.final = true;
    m->cutting = stop != DP_MARKUP_STOP_TOKEN;
    read_window(m);
    if (m->lex.mode == MK_M_PROSE)
        mk_prose_end(m);
    if (m->lex.mode == MK_M_JSON)
        mk_json_end(m);
    else
        mk_close_all(m);
}

enum b_code dp_markup_finish(struct dp_markup *m, enum dp_markup_stop stop, struct dp_markup_result *result,
                             struct b_err *err)
{
    if (m->ended)
        return b_fail(err, B_ARGUMENT, MK_DOMAIN, "the answer was ended already");
    m->ended = true;
    end_answer(m, stop);
    enum b_code code = dp_sha256_end(m->sha, m->res.sha256, err);
    if (code != B_OK)
        return code;
    if (m->opt.keep_raw && m->raw.failed == B_OK && !m->full.arena) {
        m->res.raw = b_arena_text(m->page->arena, m->raw.len ? m->raw.data : "", m->raw.len);
        m->res.raw_size = m->res.raw ? m->raw.len : 0;
    }
    mk_finish_page(m, stop);
    if (m->full.memory)
        return b_fail(err, B_NO_MEMORY, MK_DOMAIN, "out of memory");
    if (result)
        *result = m->res;
    return B_OK;
}

enum b_code dp_markup_parse(const void *data, size_t size, const struct dp_markup_options *options,
                            enum dp_markup_stop stop, struct dp_page *page, struct dp_markup_result *result,
                            struct b_err *err)
{
    struct dp_markup *m = NULL;
    enum b_code code = dp_markup_new(page, options, &m, err);
    if (code == B_OK)
        code = dp_markup_push(m, data, size, err);
    if (code == B_OK)
        code = dp_markup_finish(m, stop, result, err);
    dp_markup_drop(m);
    return code;
}
