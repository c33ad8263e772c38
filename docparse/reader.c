/* SPDX-License-Identifier: Apache-2.0 */
/* Decides, region by region, whether a page's words come from its text layer or from its pixels. Invariant:
 * every ink that looks like text is either explained by a word of the layer or handed to the engine, and no
 * place of the page is read twice. The engine is made on first need, so that born-digital documents never
 * pay for it. */
#include "docparse/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/bullets.h"
#include "docparse/formula/formula.h"
#include "docparse/ink.h"
#include "docparse/reader_private.h"
#include "docparse/text_layer.h"
#include "engine/base/utf8.h"

#define DOMAIN "reader"
#define SCRATCH_BYTES ((size_t)512 << 20) /* intermediate results of one page; a dense page needs under 8 MiB */
#define TRIAL_LINES 6                     /* lines read to check a doubtful layer */
#define TRIAL_CHARS 8                     /* shorter lines say little */
#define TRIAL_ERROR 0.06f                 /* other programs' OCR up to here is kept: their error and ours both count */
#define TRIAL_SURE 0.8f                   /* our own reading must be at least this confident to overrule the layer */
#define ALPHABET_SHARE 0.8f  /* of the layer's characters inside the recogniser's alphabet, for a fair trial */
#define WHOLE_SHARE 0.5      /* unexplained text ink above this: the page is read as a whole */
#define MISPLACED_SHARE 0.5f /* of the words standing on blank paper: the layer belongs to another image */
#define DRAFT_ERROR 0.3f     /* layer and reading differ by more: flagged */
#define UNREAD_SHARE 0.5     /* of the text's area: the page is only partly read */

struct dp_reader {
    const struct dp_model *model;
    enum dp_text_layer text_layer;
    int threads;
    struct eng_page_engine *engine; /* NULL until first use */
    struct dp_qwen_reader *qwen;    /* for a large model; all the rest is then unused */
    struct dp_formula_reader *formulas; /* NULL until first use */
};

enum scope { READ_NOTHING, READ_REGIONS, READ_WHOLE };

/* One page in work. */
struct job {
    struct dp_reader *reader;
    const struct dp_sheet *sheet;
    struct dp_page *page;
    struct b_arena *scratch;
    struct b_cancel *cancel;
    struct dp_layer layer;
    bool *kept; /* per layer line: its words are the page's words */
    enum scope scope;
    bool mismatch; /* what is read replaces a layer that did not fit */
    float (*regions)[4];
    size_t n_regions;
    struct dp_line_builder builder;
};

enum b_code dp_reader_new(const struct dp_model *model, enum dp_text_layer text_layer, int threads,
                          struct dp_reader **out, struct b_err *err)
{
    *out = NULL;
    if (threads < 1)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%d threads cannot read a page", threads);
    struct dp_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    *reader = (struct dp_reader){.model = model, .text_layer = text_layer, .threads = threads};
    enum b_code code = model->qwen ? dp_qwen_reader_new(model, text_layer, threads, &reader->qwen, err) : B_OK;
    if (code != B_OK) {
        free(reader);
        return code;
    }
    *out = reader;
    return B_OK;
}

void dp_reader_drop(struct dp_reader *reader)
{
    if (!reader)
        return;
    eng_page_engine_drop(reader->engine);
    dp_qwen_reader_drop(reader->qwen);
    dp_formula_reader_drop(reader->formulas);
    free(reader);
}

const struct dp_model *dp_reader_model(const struct dp_reader *reader)
{
    return reader->model;
}

struct dp_formula_reader **dp_reader_formula_slot(struct dp_reader *reader)
{
    return &reader->formulas;
}

int dp_reader_threads(const struct dp_reader *reader)
{
    return reader->threads;
}

static enum b_code need_engine(struct dp_reader *r, struct b_err *err)
{
    return r->engine ? B_OK : eng_page_engine_new(r->model->compact, r->threads, &r->engine, err);
}

static enum b_code run_engine(struct job *job, const struct eng_page_options *options, struct eng_page_lines *out,
                              struct b_err *err)
{
    struct dp_reader *r = job->reader;
    enum b_code code = b_cancel_check(job->cancel, err);
    if (code == B_OK)
        code = need_engine(r, err);
    if (code != B_OK)
        return code;
    return eng_page_read(r->engine, b_image_view_of(&job->sheet->image), options, job->scratch, out, job->cancel, err);
}

/* Text of a layer line, in the scratch arena. */
static char *layer_text(struct job *job, const struct dp_layer_line *line)
{
    size_t size = 1, at = 0;
    for (int32_t k = 0; k < line->count; k++)
        size += strlen(job->sheet->words[job->layer.order[line->first + k]].text) + 1;
    char *text = b_arena_alloc(job->scratch, size, 1);
    if (!text)
        return NULL;
    for (int32_t k = 0; k < line->count; k++) {
        const char *word = job->sheet->words[job->layer.order[line->first + k]].text;
        const size_t len = strlen(word);
        memcpy(text + at, word, len);
        at += len;
    }
    text[at] = '\0';
    return text;
}

static bool centre_in(struct dp_rect inner, struct dp_rect outer)
{
    const float x = (inner.x0 + inner.x1) * 0.5f, y = (inner.y0 + inner.y1) * 0.5f;
    return x >= outer.x0 && x <= outer.x1 && y >= outer.y0 && y <= outer.y1;
}

/* What the recogniser can know: Latin and CJK with their signs (its alphabet, compact-models.md 2.5). */
static bool in_alphabet(uint32_t cp)
{
    return cp < 0x180 || (cp >= 0x2000 && cp <= 0x22FF) || (cp >= 0x3000 && cp <= 0x30FF) ||
           (cp >= 0x3400 && cp <= 0x9FFF) || (cp >= 0xFF00 && cp <= 0xFFEF);
}

static bool fair_trial(const struct job *job)
{
    int known = 0, all = 0;
    for (int32_t i = 0; i < job->layer.n_words; i++) {
        const char *text = job->sheet->words[job->layer.order[i]].text;
        const size_t len = strlen(text);
        for (size_t pos = 0; pos < len; all++)
            known += in_alphabet(b_utf8_next(text, len, &pos));
    }
    return (float)known >= ALPHABET_SHARE * (float)all;
}

/* Up to TRIAL_LINES long horizontal lines, spread over the layer. */
static int choose_trial(const struct job *job, int32_t chosen[TRIAL_LINES])
{
    const struct dp_layer *layer = &job->layer;
    int n = 0;
    for (int part = 0; part < TRIAL_LINES; part++) {
        const int32_t from = (int32_t)((int64_t)layer->n_lines * part / TRIAL_LINES);
        const int32_t to = (int32_t)((int64_t)layer->n_lines * (part + 1) / TRIAL_LINES);
        float best = 0;
        int32_t at = DP_NONE;
        for (int32_t i = from; i < to; i++) {
            const struct dp_layer_line *l = &layer->lines[i];
            const float width = (l->bbox.x1 - l->bbox.x0) / l->size;
            if (l->direction == 0 && !l->bad && width > best && width < 60) {
                best = width;
                at = i;
            }
        }
        if (at != DP_NONE && best >= TRIAL_CHARS * 0.4f)
            chosen[n++] = at;
    }
    return n;
}

/* Text that the engine read with its centre inside the box, left to right. */
static char *read_text_in(struct job *job, const struct eng_page_lines *read, struct dp_rect box, float *confidence)
{
    size_t size = 1, at = 0, taken = 0;
    for (size_t i = 0; i < read->count; i++)
        size += strlen(read->lines[i].reading.text) + 1;
    char *text = b_arena_alloc(job->scratch, size, 1);
    float last = -1e30f;
    *confidence = 0;
    while (text && taken < read->count) {
        const struct eng_line *next = NULL;
        float next_x = 1e30f;
        for (size_t i = 0; i < read->count; i++) {
            struct dp_rect b;
            eng_strip_bounds(&read->lines[i].strip, read->lines[i].strip.u0, read->lines[i].strip.u1, &b.x0, &b.y0,
                             &b.x1, &b.y1);
            if (b.x0 > last && b.x0 < next_x && centre_in(b, box)) {
                next = &read->lines[i];
                next_x = b.x0;
            }
        }
        if (!next)
            break;
        last = next_x;
        const size_t len = strlen(next->reading.text);
        memcpy(text + at, next->reading.text, len);
        at += len;
        *confidence += next->reading.confidence;
        taken++;
    }
    if (taken)
        *confidence /= (float)taken;
    if (text)
        text[at] = '\0';
    return text;
}

/* Reads a few lines of a doubtful layer. *trusted: it says what the page shows, or nobody can tell better. */
static enum b_code try_layer(struct job *job, bool *trusted, struct b_err *err)
{
    int32_t chosen[TRIAL_LINES];
    float regions[TRIAL_LINES][4];
    const int n = choose_trial(job, chosen);
    *trusted = true;
    if (n == 0 || !fair_trial(job))
        return B_OK;
    for (int i = 0; i < n; i++) {
        const struct dp_layer_line *l = &job->layer.lines[chosen[i]];
        regions[i][0] = l->bbox.x0 - l->size * 0.3f;
        regions[i][1] = l->bbox.y0 - l->size * 0.3f;
        regions[i][2] = l->bbox.x1 + l->size * 0.3f;
        regions[i][3] = l->bbox.y1 + l->size * 0.3f;
    }
    const struct eng_page_options options = {
        .fixed_direction = true, .regions = (const float(*)[4])regions, .n_regions = (size_t)n};
    struct eng_page_lines read;
    enum b_code code = run_engine(job, &options, &read, err);
    if (code != B_OK)
        return code;
    float error = 0, weight = 0, sure = 0;
    for (int i = 0; i < n; i++) {
        const struct dp_layer_line *l = &job->layer.lines[chosen[i]];
        const struct dp_rect box = {regions[i][0], regions[i][1], regions[i][2], regions[i][3]};
        float confidence;
        const char *want = layer_text(job, l), *got = read_text_in(job, &read, box, &confidence);
        if (!want || !got)
            return b_arena_refused(job->scratch, DOMAIN, err);
        const float chars = (float)b_utf8_count(want, strlen(want));
        error += dp_text_distance(want, got) * chars;
        sure += confidence * chars;
        weight += chars;
    }
    /* Blank paper where the layer has words speaks against it as much as other words do. */
    *trusted = error <= TRIAL_ERROR * weight || (read.count > 0 && sure < TRIAL_SURE * weight);
    return B_OK;
}

static void keep_lines(struct job *job, bool sound)
{
    for (int32_t i = 0; i < job->layer.n_lines; i++)
        job->kept[i] = sound && !job->layer.lines[i].bad;
}

/* Share of the layer's words, hidden ones included, that stand on blank paper. */
static float misplaced_share(const struct job *job, const struct dp_ink *ink)
{
    int32_t blank = 0;
    for (int32_t i = 0; i < job->layer.n_words; i++)
        blank += !dp_ink_any(ink, job->sheet->words[job->layer.order[i]].bbox);
    return job->layer.n_words ? (float)blank / (float)job->layer.n_words : 0.0f;
}

static void account_words(struct job *job, struct dp_ink *ink)
{
    for (int32_t i = 0; i < job->layer.n_lines; i++) {
        const struct dp_layer_line *l = &job->layer.lines[i];
        if (!job->kept[i])
            continue;
        /* Word by word, then across the spaces: leaders, underlines and tabs inside a line are its own. */
        for (int32_t k = 0; k < l->count; k++)
            dp_ink_account(ink, job->sheet->words[job->layer.order[l->first + k]].bbox, 0.25f * l->size);
        dp_ink_account(ink, l->bbox, 0.1f * l->size);
    }
    for (int32_t i = 0; i < job->sheet->n_rules; i++)
        dp_ink_account(ink, job->sheet->rules[i].bbox, (float)ink->cell);
    /* Brackets and operators of formulas often have no character in the layer: the file draws them as glyphs, and the
     * formula is made of those. */
    for (int32_t i = 0; i < job->sheet->n_glyphs; i++) {
        const struct dp_glyph *g = &job->sheet->glyphs[i];
        if (g->font != DP_NONE && g->ink.x1 > g->ink.x0 && dp_font_is_mathematical(job->sheet->glyph_fonts[g->font]))
            dp_ink_account(ink, g->ink, (float)ink->cell);
    }
}

/* What the layer leaves unexplained decides what is read. */
static enum b_code choose_scope(struct job *job, struct dp_ink *ink, struct b_err *err)
{
    account_words(job, ink);
    long text_cells;
    enum b_code code = dp_ink_regions(ink, job->scratch, &job->regions, &job->n_regions, &text_cells, err);
    if (code != B_OK)
        return code;
    job->scope = job->n_regions > 0 ? READ_REGIONS : READ_NOTHING;
    if ((double)text_cells > WHOLE_SHARE * (double)dp_ink_total(ink).all)
        job->scope = READ_WHOLE;
    return B_OK;
}

static enum b_code plan_trust(struct job *job, struct b_err *err)
{
    struct dp_ink ink;
    enum b_code code = dp_ink_map(b_image_view_of(&job->sheet->image), job->sheet->dpi, job->scratch, &ink, err);
    if (code != B_OK)
        return code;
    bool trusted = true;
    if (job->layer.doubtful || misplaced_share(job, &ink) > MISPLACED_SHARE)
        code = try_layer(job, &trusted, err);
    if (code != B_OK)
        return code;
    keep_lines(job, trusted);
    if (!trusted) {
        job->scope = READ_WHOLE;
        job->mismatch = true;
        return B_OK;
    }
    return choose_scope(job, &ink, err);
}

static enum b_code make_plan(struct job *job, struct b_err *err)
{
    job->scope = READ_WHOLE;
    if (job->reader->text_layer == DP_TEXT_OFF || job->sheet->n_words <= 0)
        return B_OK;
    enum b_code code = dp_text_layer_group(job->sheet, job->scratch, &job->layer, err);
    if (code != B_OK)
        return code;
    dp_text_layer_judge(job->sheet, &job->layer);
    job->kept = B_ARENA_ARRAY(job->scratch, (size_t)job->layer.n_lines, bool);
    if (!job->kept)
        return b_arena_refused(job->scratch, DOMAIN, err);
    if (job->reader->text_layer == DP_TEXT_DRAFT || job->layer.n_lines == 0)
        return B_OK;
    return plan_trust(job, err);
}

/* Copy of a layer's text: valid UTF-8 without control characters, nothing else changed. */
static char *clean_text(struct b_arena *arena, const char *text)
{
    const size_t len = strlen(text);
    char *out = b_arena_alloc(arena, len * 3 + 1, 1);
    size_t at = 0;
    if (!out)
        return NULL;
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_control(cp))
            continue;
        at += b_utf8_put(b_cp_is_space(cp) ? ' ' : cp, out + at);
    }
    while (at > 0 && out[at - 1] == ' ')
        at--;
    out[at] = '\0';
    return out;
}

/* Interns font names: one document page uses a handful, and neighbours share them. */
struct font_memory {
    const char *seen, *copy;
};

static enum b_code add_layer_line(struct job *job, int32_t index, struct font_memory *font, struct b_err *err)
{
    const struct dp_layer_line *l = &job->layer.lines[index];
    struct dp_page *page = job->page;
    struct dp_line line = {.source = DP_FROM_TEXT_LAYER, .confidence = DP_NO_CONFIDENCE, .bbox = l->bbox};
    line.flags = (l->hidden ? DP_FLAG_HIDDEN : 0) | (l->bad ? DP_FLAG_TEXT_LAYER_MISMATCH : 0) |
                 (l->vertical ? DP_FLAG_VERTICAL : 0);
    if (page->dpi > 0)
        line.font_size = (float)(l->size * 72.0 / page->dpi);
    dp_quad_of_box(l->bbox, l->direction, line.quad);
    for (int32_t k = 0; k < l->count; k++) {
        struct dp_word word = job->sheet->words[job->layer.order[l->first + k]];
        word.confidence = DP_NO_CONFIDENCE;
        word.joined = job->layer.joined[l->first + k];
        word.text = clean_text(page->arena, word.text);
        if (word.font && word.font != font->seen) {
            font->seen = word.font;
            font->copy = b_arena_text(page->arena, word.font, strlen(word.font));
        }
        word.font = word.font ? font->copy : NULL;
        if (!word.text || (word.font == NULL && job->sheet->words[job->layer.order[l->first + k]].font))
            return b_arena_refused(page->arena, DOMAIN, err);
        enum b_code code = dp_line_builder_word(&job->builder, &word, err);
        if (code != B_OK)
            return code;
    }
    return dp_line_builder_end(&job->builder, &line, err);
}

/* The direction in which most of the layer's characters run turns the page; the others are turned lines. */
static void upright_by_layer(struct job *job, int32_t first_line)
{
    size_t chars[4] = {0, 0, 0, 0}, all = 0;
    struct dp_page *page = job->page;
    for (int32_t i = 0; i < job->layer.n_lines; i++) {
        const struct dp_layer_line *l = &job->layer.lines[i];
        if (!job->kept[i] || l->vertical)
            continue;
        for (int32_t k = 0; k < l->count; k++) {
            const size_t n = strlen(job->sheet->words[job->layer.order[l->first + k]].text);
            chars[l->direction] += n;
            all += n;
        }
    }
    int main_direction = 0;
    for (int d = 1; d < 4; d++)
        if (chars[d] * 10 > all * 6)
            main_direction = d;
    page->rotation = (double)((4 - main_direction) % 4) * 90.0;
    for (int32_t i = first_line; i < page->n_lines; i++) {
        struct dp_line *line = &page->lines[i];
        const float dx = line->quad[1].x - line->quad[0].x, dy = line->quad[1].y - line->quad[0].y;
        const int d = fabsf(dx) >= fabsf(dy) ? (dx >= 0 ? 0 : 2) : (dy >= 0 ? 1 : 3);
        if (d != main_direction && !(line->flags & DP_FLAG_VERTICAL))
            line->flags |= DP_FLAG_TURNED;
    }
}

static enum b_code emit_layer(struct job *job, struct b_err *err)
{
    const int32_t first = job->page->n_lines;
    struct font_memory font = {NULL, NULL};
    for (int32_t i = 0; i < job->layer.n_lines; i++) {
        if (!job->kept[i])
            continue;
        enum b_code code = add_layer_line(job, i, &font, err);
        if (code != B_OK)
            return code;
    }
    upright_by_layer(job, first);
    return B_OK;
}

/* Boxes of the words that are on the page already. */
static enum b_code taken_words(struct job *job, struct dp_taken *taken, struct b_err *err)
{
    struct dp_rect *boxes = B_ARENA_ARRAY(job->scratch, (size_t)job->page->n_words, struct dp_rect);
    if (!boxes)
        return b_arena_refused(job->scratch, DOMAIN, err);
    for (int32_t i = 0; i < job->page->n_words; i++)
        boxes[i] = job->page->words[i].bbox;
    *taken = (struct dp_taken){boxes, (size_t)job->page->n_words};
    return B_OK;
}

/* Bad lines: those that were read anew give way, the others stay as they are, flagged. */
static enum b_code settle_bad_lines(struct job *job, int32_t first_read, struct b_err *err)
{
    struct dp_page *page = job->page;
    const int32_t n_read = page->n_lines - first_read;
    struct font_memory font = {NULL, NULL};
    struct dp_rect *boxes = B_ARENA_ARRAY(job->scratch, (size_t)n_read, struct dp_rect);
    if (!boxes)
        return b_arena_refused(job->scratch, DOMAIN, err);
    for (int32_t i = 0; i < n_read; i++)
        boxes[i] =
            page->lines[first_read + i].text[0] ? page->lines[first_read + i].bbox : (struct dp_rect){0, 0, 0, 0};
    const struct dp_taken taken = {boxes, (size_t)n_read};
    for (int32_t i = 0; i < job->layer.n_lines; i++) {
        const struct dp_layer_line *l = &job->layer.lines[i];
        if (!l->bad || job->mismatch || job->reader->text_layer == DP_TEXT_DRAFT)
            continue;
        enum b_code late = b_cancel_check(job->cancel, err);
        if (late != B_OK)
            return late;
        if (dp_share_taken(l->bbox, &taken) < 0.5f) {
            enum b_code code = add_layer_line(job, i, &font, err);
            if (code != B_OK)
                return code;
            continue;
        }
        for (int32_t k = 0; k < n_read; k++)
            if (centre_in(boxes[k], l->bbox) || centre_in(l->bbox, boxes[k]))
                page->lines[first_read + k].flags |= DP_FLAG_TEXT_LAYER_MISMATCH;
    }
    return B_OK;
}

/* Draft: lines that read differently from the layer's words at their place. */
static enum b_code compare_draft(struct job *job, int32_t first_read, struct b_err *err)
{
    const struct dp_layer *layer = &job->layer;
    struct dp_page *page = job->page;
    for (int32_t i = first_read; i < page->n_lines; i++) {
        struct dp_line *line = &page->lines[i];
        size_t size = 1, at = 0;
        enum b_code late = b_cancel_check(job->cancel, err);
        if (late != B_OK)
            return late;
        for (int32_t k = 0; k < layer->n_words; k++)
            if (centre_in(job->sheet->words[layer->order[k]].bbox, line->bbox))
                size += strlen(job->sheet->words[layer->order[k]].text);
        if (size == 1)
            continue; /* nothing in the layer to compare with */
        char *text = b_arena_alloc(job->scratch, size, 1);
        if (!text)
            return b_arena_refused(job->scratch, DOMAIN, err);
        for (int32_t k = 0; k < layer->n_words; k++) {
            const struct dp_word *w = &job->sheet->words[layer->order[k]];
            if (!centre_in(w->bbox, line->bbox))
                continue;
            memcpy(text + at, w->text, strlen(w->text));
            at += strlen(w->text);
        }
        text[at] = '\0';
        if (dp_text_distance(text, line->text) > DRAFT_ERROR)
            line->flags |= DP_FLAG_TEXT_LAYER_MISMATCH;
    }
    return B_OK;
}

static enum b_code read_pixels(struct job *job, struct b_err *err)
{
    struct dp_page *page = job->page;
    const int32_t first = page->n_lines;
    struct eng_page_options options = {0};
    struct eng_page_lines read;
    struct dp_taken taken;
    enum b_code code = taken_words(job, &taken, err);
    if (job->scope == READ_REGIONS) {
        options.fixed_direction = true;
        options.regions = (const float(*)[4])job->regions;
        options.n_regions = job->n_regions;
    }
    if (code == B_OK)
        code = run_engine(job, &options, &read, err);
    if (code == B_OK)
        code = dp_lines_of_compact(&read, &taken, &job->builder, job->cancel, err);
    if (code != B_OK)
        return code;
    const struct b_image_view image = b_image_view_of(&job->sheet->image);
    dp_bullets_name(&image, page, first);
    if (job->scope == READ_WHOLE && first == 0) {
        page->rotation = (double)(read.quarter_turns & 3) * 90.0;
        page->skew = read.skew;
    }
    if (job->mismatch)
        for (int32_t i = first; i < page->n_lines; i++)
            page->lines[i].flags |= DP_FLAG_TEXT_LAYER_MISMATCH;
    if (job->reader->text_layer == DP_TEXT_DRAFT)
        code = compare_draft(job, first, err);
    return code == B_OK ? settle_bad_lines(job, first, err) : code;
}

/* A page most of whose text could not be read says so. */
static void report_unread(struct dp_page *page)
{
    double unread = 0, all = 0;
    for (int32_t i = 0; i < page->n_lines; i++) {
        const struct dp_rect b = page->lines[i].bbox;
        const double area = (double)(b.x1 - b.x0) * (b.y1 - b.y0);
        all += area;
        unread += page->lines[i].flags & DP_FLAG_UNREADABLE ? area : 0.0;
    }
    if (unread <= UNREAD_SHARE * all || page->status != DP_STATUS_OK)
        return;
    page->status = DP_STATUS_PARTIAL;
    (void)b_fail(&page->error, B_UNSUPPORTED, DOMAIN,
                 "%.0f %% of the text on this page could not be read (script unknown, too small or too faint)",
                 100.0 * unread / all);
    b_advise(&page->error, "scan it at a higher resolution, or use a reader that knows its script");
}

enum b_code dp_reader_read(struct dp_reader *reader, const struct dp_sheet *sheet, struct dp_page *page,
                           struct b_cancel *cancel, struct b_err *err)
{
    struct job job = {.reader = reader, .sheet = sheet, .page = page, .cancel = cancel};
    enum b_code code = b_cancel_check(cancel, err);
    if (code != B_OK)
        return code;
    if (!sheet->image.pixels)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the page has no image");
    if (reader->qwen)
        return dp_qwen_reader_read(reader->qwen, sheet, page, cancel, err);
    job.scratch = b_arena_new(SCRATCH_BYTES);
    if (!job.scratch)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    dp_line_builder_begin(&job.builder, page);
    code = make_plan(&job, err);
    if (code == B_OK)
        code = emit_layer(&job, err);
    if (code == B_OK && job.scope != READ_NOTHING)
        code = read_pixels(&job, err);
    if (code == B_OK)
        report_unread(page);
    b_arena_drop(job.scratch);
    return code;
}

enum b_code dp_reader_regions(struct dp_reader *reader, const struct dp_sheet *sheet, const struct dp_page *page,
                              struct b_arena *arena, struct dp_regions *out, struct b_cancel *cancel,
                              struct b_err *err)
{
    *out = (struct dp_regions){.n = 0};
    if (reader->qwen || !sheet->image.pixels)
        return B_OK;
    struct eng_layout_regions *found = B_ARENA_ARRAY(arena, 1, struct eng_layout_regions);
    if (!found)
        return b_arena_refused(arena, DOMAIN, err);
    enum b_code code = need_engine(reader, err);
    if (code == B_OK)
        code = eng_page_regions(reader->engine, b_image_view_of(&sheet->image), (int)lround(page->rotation / 90.0),
                                NULL, found, cancel, err);
    return code == B_OK ? dp_regions_of_compact(found, arena, out, err) : code;
}
