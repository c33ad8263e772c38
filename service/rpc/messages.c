/* SPDX-License-Identifier: Apache-2.0 */
/* Turns pages into protobuf messages. Every array is taken from the arena with its exact size; a refused
 * allocation ends the page with its reason. Invariant: block ids are the indices of page->blocks, so that
 * parent and caption_of carry over unchanged. */
#include "service/rpc/messages.h"
#include "service/rpc/wire.h"

#include <string.h>

#include "engine/base/utf8.h"

#define DOMAIN "messages"
#define SCHEMA_VERSION "1.0"

_Static_assert((int)DOCPARSE__V1__BLOCK_TYPE__BLOCK_TYPE_OTHER == (int)DP_OTHER + 1,
               "BlockType numbers are dp_block_type + 1: extend both at the end");
_Static_assert((int)DOCPARSE__V1__TEXT_SOURCE__TEXT_SOURCE_REPAIRED == (int)DP_FROM_REPAIR + 1,
               "TextSource numbers are dp_source_kind + 1");
_Static_assert((int)DOCPARSE__V1__SPAN_KIND__SPAN_KIND_LINK == (int)DP_SPAN_LINK + 1,
               "SpanKind numbers are dp_span_kind + 1: extend both at the end");
_Static_assert((int)DOCPARSE__V1__HEADER_KIND__HEADER_KIND_ROW == (int)DP_ROW_HEADER, "HeaderKind is dp_header_kind");

struct maker {
    const struct dp_page *page;
    const struct svc_message_options *options;
    struct b_arena *arena;
};

#define NEW(m, type, init) new_message((m)->arena, sizeof(type), &(type)init)

static void *new_message(struct b_arena *arena, size_t size, const void *init)
{
    void *p = b_arena_alloc(arena, size, 16);
    if (p)
        memcpy(p, init, size);
    return p;
}

static Docparse__V1__Box *make_box(const struct maker *m, struct dp_rect r)
{
    Docparse__V1__Box *box = NEW(m, Docparse__V1__Box, DOCPARSE__V1__BOX__INIT);
    if (box) {
        box->x0 = r.x0;
        box->y0 = r.y0;
        box->x1 = r.x1;
        box->y1 = r.y1;
    }
    return box;
}

static bool make_flags(const struct maker *m, uint32_t flags, size_t *n, char ***out)
{
    size_t count = 0;
    for (uint32_t rest = flags; rest; rest &= rest - 1)
        count++;
    *n = 0;
    *out = NULL;
    if (count == 0)
        return true;
    *out = B_ARENA_ARRAY(m->arena, count, char *);
    if (!*out)
        return false;
    for (uint32_t bit = 1; bit; bit <<= 1)
        if ((flags & bit) && dp_flag_name(bit))
            (*out)[(*n)++] = svc_borrow(dp_flag_name(bit));
    return true;
}

static Docparse__V1__Word *make_word(const struct maker *m, const struct dp_word *w)
{
    Docparse__V1__Word *word = NEW(m, Docparse__V1__Word, DOCPARSE__V1__WORD__INIT);
    if (!word)
        return NULL;
    word->box = make_box(m, w->bbox);
    word->text = svc_borrow(w->text);
    word->confidence = w->confidence;
    word->joined = w->joined;
    return word->box ? word : NULL;
}

static bool make_quad(const struct maker *m, const struct dp_line *l, Docparse__V1__Line *line)
{
    line->quad = B_ARENA_ARRAY(m->arena, 4, Docparse__V1__Point *);
    if (!line->quad)
        return false;
    for (size_t i = 0; i < 4; i++) {
        line->quad[i] = NEW(m, Docparse__V1__Point, DOCPARSE__V1__POINT__INIT);
        if (!line->quad[i])
            return false;
        line->quad[i]->x = l->quad[i].x;
        line->quad[i]->y = l->quad[i].y;
    }
    line->n_quad = 4;
    return true;
}

static bool make_words(const struct maker *m, const struct dp_line *l, Docparse__V1__Line *line)
{
    if (m->options->omit_words || l->n_words <= 0)
        return true;
    line->words = B_ARENA_ARRAY(m->arena, (size_t)l->n_words, Docparse__V1__Word *);
    if (!line->words)
        return false;
    for (int32_t i = 0; i < l->n_words; i++) {
        line->words[i] = make_word(m, &m->page->words[l->first_word + i]);
        if (!line->words[i])
            return false;
    }
    line->n_words = (size_t)l->n_words;
    return true;
}

static Docparse__V1__Line *make_line(const struct maker *m, const struct dp_line *l)
{
    Docparse__V1__Line *line = NEW(m, Docparse__V1__Line, DOCPARSE__V1__LINE__INIT);
    if (!line)
        return NULL;
    line->box = make_box(m, l->bbox);
    line->text = svc_borrow(l->text);
    line->confidence = l->confidence;
    line->source = (Docparse__V1__TextSource)(l->source + 1);
    if (!line->box || !make_quad(m, l, line) || !make_flags(m, l->flags, &line->n_flags, &line->flags) ||
        !make_words(m, l, line))
        return NULL;
    return line;
}

static Docparse__V1__Cell *make_cell(const struct maker *m, const struct dp_cell *c)
{
    Docparse__V1__Cell *cell = NEW(m, Docparse__V1__Cell, DOCPARSE__V1__CELL__INIT);
    if (!cell)
        return NULL;
    cell->row = c->row;
    cell->col = c->col;
    cell->row_span = c->row_span;
    cell->col_span = c->col_span;
    cell->header = (Docparse__V1__HeaderKind)c->header;
    cell->text = svc_borrow(c->text);
    cell->confidence = c->confidence;
    if (c->bbox.x1 > c->bbox.x0 || c->bbox.y1 > c->bbox.y0) {
        cell->box = make_box(m, c->bbox);
        if (!cell->box)
            return NULL;
    }
    return cell;
}

static Docparse__V1__Table *make_table(const struct maker *m, const struct dp_table *t)
{
    Docparse__V1__Table *table = NEW(m, Docparse__V1__Table, DOCPARSE__V1__TABLE__INIT);
    if (!table)
        return NULL;
    table->rows = t->rows;
    table->cols = t->cols;
    table->continues = t->continues;
    table->repeated_rows = t->repeated_rows;
    table->cells = B_ARENA_ARRAY(m->arena, (size_t)t->n_cells, Docparse__V1__Cell *);
    if (!table->cells)
        return NULL;
    for (int32_t i = 0; i < t->n_cells; i++) {
        table->cells[i] = make_cell(m, &m->page->cells[t->first_cell + i]);
        if (!table->cells[i])
            return NULL;
    }
    table->n_cells = (size_t)t->n_cells;
    return table;
}

static bool make_lines(const struct maker *m, const struct dp_block *b, Docparse__V1__Block *block)
{
    if (m->options->omit_lines || b->n_lines <= 0)
        return true;
    block->lines = B_ARENA_ARRAY(m->arena, (size_t)b->n_lines, Docparse__V1__Line *);
    if (!block->lines)
        return false;
    for (int32_t i = 0; i < b->n_lines; i++) {
        block->lines[i] = make_line(m, &m->page->lines[b->first_line + i]);
        if (!block->lines[i])
            return false;
    }
    block->n_lines = (size_t)b->n_lines;
    return true;
}

static bool make_spans(const struct maker *m, int32_t index, Docparse__V1__Block *block)
{
    int32_t first;
    const char *text = m->page->blocks[index].text;
    const int32_t n = dp_spans_of(m->page, index, &first);
    size_t at = 0, chars = 0; /* the messages count characters */
    if (n == 0)
        return true;
    block->spans = B_ARENA_ARRAY(m->arena, (size_t)n, Docparse__V1__Span *);
    if (!block->spans)
        return false;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_span *s = &m->page->spans[first + i];
        Docparse__V1__Span *span = NEW(m, Docparse__V1__Span, DOCPARSE__V1__SPAN__INIT);
        if (!span || !(span->box = make_box(m, s->bbox)))
            return false;
        const size_t start = chars + b_utf8_count(text + at, (size_t)s->begin - at);
        at = (size_t)s->end;
        chars = start + b_utf8_count(text + s->begin, at - (size_t)s->begin);
        span->kind = (Docparse__V1__SpanKind)(s->kind + 1);
        span->start = (int32_t)start;
        span->end = (int32_t)chars;
        span->latex = svc_borrow(s->latex);
        span->confidence = s->confidence;
        block->spans[i] = span;
    }
    block->n_spans = (size_t)n;
    return true;
}

static Docparse__V1__Block *make_block(const struct maker *m, int32_t index)
{
    const struct dp_block *b = &m->page->blocks[index];
    Docparse__V1__Block *block = NEW(m, Docparse__V1__Block, DOCPARSE__V1__BLOCK__INIT);
    if (!block)
        return NULL;
    block->id = index;
    block->type = (Docparse__V1__BlockType)(b->type + 1);
    block->level = b->level;
    block->parent = b->parent;
    block->text = svc_borrow(b->text);
    block->confidence = b->confidence;
    block->source = (Docparse__V1__TextSource)(b->source + 1);
    block->latex = svc_borrow(b->latex);
    block->display = b->display;
    block->chart_kind = svc_borrow(b->chart_kind);
    block->caption_of = b->caption_of;
    block->marker = svc_borrow(b->marker);
    block->language = svc_borrow(b->language);
    block->script = svc_borrow(b->script);
    block->joined = b->joined;
    if (b->has_bbox && !(block->box = make_box(m, b->bbox)))
        return NULL;
    if (b->table != DP_NONE && !(block->table = make_table(m, &m->page->tables[b->table])))
        return NULL;
    if (!make_flags(m, b->flags, &block->n_flags, &block->flags) || !make_lines(m, b, block) ||
        !make_spans(m, index, block))
        return NULL;
    return block;
}

static bool make_blocks(const struct maker *m, Docparse__V1__Page *page)
{
    if (m->page->n_blocks <= 0)
        return true;
    page->blocks = B_ARENA_ARRAY(m->arena, (size_t)m->page->n_blocks, Docparse__V1__Block *);
    if (!page->blocks)
        return false;
    for (int32_t i = 0; i < m->page->n_blocks; i++) {
        page->blocks[i] = make_block(m, i);
        if (!page->blocks[i])
            return false;
    }
    page->n_blocks = (size_t)m->page->n_blocks;
    return true;
}

static bool make_warnings(const struct maker *m, Docparse__V1__Page *page)
{
    if (m->page->n_warnings <= 0)
        return true;
    page->warnings = B_ARENA_ARRAY(m->arena, (size_t)m->page->n_warnings, char *);
    if (!page->warnings)
        return false;
    for (int32_t i = 0; i < m->page->n_warnings; i++)
        page->warnings[i] = svc_borrow(m->page->warnings[i]);
    page->n_warnings = (size_t)m->page->n_warnings;
    return true;
}

enum b_code svc_page_message(const struct dp_page *page, const struct svc_message_options *options,
                             struct b_arena *arena, Docparse__V1__Page **out, struct b_err *err)
{
    static const struct svc_message_options everything = {0};
    const struct maker m = {.page = page, .options = options ? options : &everything, .arena = arena};
    Docparse__V1__Page *p = NEW(&m, Docparse__V1__Page, DOCPARSE__V1__PAGE__INIT);
    *out = NULL;
    if (!p)
        return b_arena_refused(arena, DOMAIN, err);
    p->number = page->number;
    p->width = page->width;
    p->height = page->height;
    p->dpi = page->dpi;
    p->rotation = page->rotation;
    p->skew = page->skew;
    p->language = svc_borrow(page->language);
    p->script = svc_borrow(page->script);
    p->status = svc_status_message(page->status);
    if (!make_warnings(&m, p) || !make_blocks(&m, p))
        return b_arena_refused(arena, DOMAIN, err);
    if (page->status != DP_STATUS_OK && page->error.code != B_OK) {
        enum b_code code = svc_problem_message(&page->error, arena, &p->problem, err);
        if (code != B_OK)
            return code;
    }
    *out = p;
    return B_OK;
}

enum b_code svc_info_message(const struct dp_document_info *info, struct b_arena *arena,
                             Docparse__V1__DocumentInfo **out, struct b_err *err)
{
    Docparse__V1__DocumentInfo init = DOCPARSE__V1__DOCUMENT_INFO__INIT;
    Docparse__V1__DocumentInfo *m = new_message(arena, sizeof *m, &init);
    *out = m;
    if (!m)
        return b_arena_refused(arena, DOMAIN, err);
    m->schema_version = svc_borrow(SCHEMA_VERSION);
    m->product_version = svc_borrow(DOCPARSE_VERSION);
    m->source_name = svc_borrow(info->source_name);
    m->source_sha256 = svc_borrow(info->source_sha256);
    m->media_type = svc_borrow(info->media_type);
    m->page_count = info->page_count;
    m->model_name = svc_borrow(info->model_name);
    m->model_sha256 = svc_borrow(info->model_sha256);
    m->options_sha256 = svc_borrow(info->options_sha256);
    m->title = svc_borrow(info->title);
    m->author = svc_borrow(info->author);
    return B_OK;
}

enum b_code svc_problem_message(const struct b_err *problem, struct b_arena *arena, Docparse__V1__Problem **out,
                                struct b_err *err)
{
    Docparse__V1__Problem init = DOCPARSE__V1__PROBLEM__INIT;
    Docparse__V1__Problem *m = new_message(arena, sizeof *m, &init);
    char text[sizeof problem->message + sizeof problem->advice + 4];
    const size_t a = strlen(problem->message), b = strlen(problem->advice);
    memcpy(text, problem->message, a);
    memcpy(text + a, "; ", 2);
    memcpy(text + a + 2, problem->advice, b);
    *out = m;
    char *message = m ? b_arena_text(arena, text, b > 0 ? a + 2 + b : a) : NULL;
    char *domain = m ? b_arena_text(arena, problem->domain, strlen(problem->domain)) : NULL;
    if (!message || !domain)
        return b_arena_refused(arena, DOMAIN, err);
    m->reason = svc_borrow(svc_reason_name(problem->code));
    m->domain = domain;
    m->message = message;
    return B_OK;
}

Docparse__V1__Status svc_status_message(enum dp_status status)
{
    switch (status) {
    case DP_STATUS_OK:
        return DOCPARSE__V1__STATUS__STATUS_OK;
    case DP_STATUS_PARTIAL:
        return DOCPARSE__V1__STATUS__STATUS_PARTIAL;
    default:
        return DOCPARSE__V1__STATUS__STATUS_FAILED;
    }
}

const char *svc_reason_name(enum b_code code)
{
    static const char *const names[] = {
        [B_OK] = "OK",
        [B_ARGUMENT] = "ARGUMENT",
        [B_FORMAT] = "FORMAT",
        [B_UNSUPPORTED] = "UNSUPPORTED",
        [B_LIMIT] = "LIMIT",
        [B_NO_MEMORY] = "NO_MEMORY",
        [B_CANCELLED] = "CANCELLED",
        [B_DEADLINE] = "DEADLINE",
        [B_IO] = "IO",
        [B_LIBRARY] = "LIBRARY",
        [B_INTERNAL] = "INTERNAL",
        [B_NOT_FOUND] = "NOT_FOUND",
        [B_PASSWORD] = "PASSWORD",
    };
    const size_t i = (size_t)code;
    return i < sizeof names / sizeof names[0] && names[i] ? names[i] : "INTERNAL";
}
