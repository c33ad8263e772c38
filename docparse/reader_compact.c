/* SPDX-License-Identifier: Apache-2.0 */
/* The compact model as docparse sees it: loading with a digest over the network files, and the way from
 * the engine's strips and glyphs to lines and words. Invariant: every strip the engine handed out becomes
 * a line, read or flagged unreadable, unless the page already has its text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/digest.h"
#include "docparse/leader.h"
#include "docparse/model_files.h"
#include "docparse/reader_private.h"
#include "engine/base/utf8.h"
#include "engine/qwen25vl/qwen25vl.h"

#define DOMAIN "compact"
#define LOW_CONFIDENCE 0.5f /* DP_FLAG_LOW_CONFIDENCE's bound */
#define TAKEN_SHARE 0.5f    /* a word covered by more than this is on the page already */
#define EM_OF_STRIP 0.72f   /* font size over the thickness of a widened strip, measured on rendered pages */

/* The files eng_models_load reads, in the order of the digest. */
static const char *const network_files[] = {"PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx",
                                            "layout_cdla.onnx"};
enum { NETWORK_FILES = sizeof network_files / sizeof network_files[0] };

/* The table's entry of a file that the engine reads. */
static const struct dp_model_file *entry_of(const char *name)
{
    const struct dp_model_file *f = dp_model_files();
    while (f->name && strcmp(f->name, name) != 0)
        f++;
    return f->name ? f : NULL;
}

/* Checks the files against the table (damaged weights would read nonsense without a word) and makes one digest
 * of theirs: cheap to state, independent of their sizes. */
static enum b_code digest_files(const char *dir, char out[65], struct b_err *err)
{
    char all[NETWORK_FILES * 64 + 1] = "";
    for (int i = 0; i < NETWORK_FILES; i++) {
        const struct dp_model_file *file = entry_of(network_files[i]);
        if (!file)
            return b_fail(err, B_INTERNAL, DOMAIN, "%s is not in the table of models", network_files[i]);
        enum b_code code = dp_model_file_verify(dir, file, err);
        if (code != B_OK)
            return code;
        memcpy(all + (size_t)i * 64, file->sha256, 64);
    }
    return dp_sha256_hex(all, NETWORK_FILES * 64, out, err);
}

enum b_code dp_model_open_compact(const char *models_dir, struct dp_model **out, struct b_err *err)
{
    *out = NULL;
    struct dp_model *model = calloc(1, sizeof *model);
    if (!model)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    (void)snprintf(model->name, sizeof model->name, "compact");
    enum b_code code = digest_files(models_dir, model->sha256, err);
    if (code == B_OK)
        code = eng_models_load(models_dir, &model->compact, err);
    if (code != B_OK) {
        dp_model_drop(model);
        return code;
    }
    *out = model;
    return B_OK;
}

void dp_model_drop(struct dp_model *model)
{
    if (!model)
        return;
    eng_models_drop(model->compact);
    dp_formula_model_drop(model->formulas);
    eng_batch_drop(model->batch);
    eng_qwen_drop(model->qwen);
    free(model);
}

const char *dp_model_name(const struct dp_model *model)
{
    return model->name;
}

const char *dp_model_sha256(const struct dp_model *model)
{
    return model->sha256;
}

const char *dp_model_options(const struct dp_model *model)
{
    return model->options;
}

void dp_model_memory(const struct dp_model *model, struct dp_network_memory *state)
{
    struct eng_memory_state all = {.bytes = 0};
    if (model->compact)
        eng_memory_look(eng_models_memory(model->compact), &all);
    *state = (struct dp_network_memory){.bytes = all.bytes, .idle_bytes = all.idle_bytes};
}

void dp_model_trim(const struct dp_model *model, int64_t unused_ns)
{
    if (model->compact)
        eng_memory_trim(eng_models_memory(model->compact), unused_ns);
}

static float area_of(struct dp_rect b)
{
    return b.x1 > b.x0 && b.y1 > b.y0 ? (b.x1 - b.x0) * (b.y1 - b.y0) : 0.0f;
}

float dp_share_taken(struct dp_rect box, const struct dp_taken *taken)
{
    const float area = area_of(box);
    float covered = 0;
    if (area <= 0)
        return 0;
    for (size_t i = 0; i < taken->count && covered < area; i++) {
        const struct dp_rect t = taken->boxes[i];
        const struct dp_rect both = {fmaxf(box.x0, t.x0), fmaxf(box.y0, t.y0), fminf(box.x1, t.x1),
                                     fminf(box.y1, t.y1)};
        covered += area_of(both);
    }
    return fminf(covered / area, 1.0f);
}

/* Strips are a little wider than their text and may reach over the edge of the page; boxes do not. */
static struct dp_rect on_page(const struct dp_page *page, struct dp_rect b)
{
    const float w = (float)page->width, h = (float)page->height;
    if (w <= 0 || h <= 0)
        return b;
    return (struct dp_rect){fminf(fmaxf(b.x0, 0.0f), w), fminf(fmaxf(b.y0, 0.0f), h), fminf(fmaxf(b.x1, 0.0f), w),
                            fminf(fmaxf(b.y1, 0.0f), h)};
}

/* A word ends behind a space, where the script changes, behind CJK punctuation and at leaders: its box fits then. */
static bool breaks_between(uint32_t a, uint32_t b)
{
    if (b_cp_is_cjk(a) != b_cp_is_cjk(b))
        return true;
    return (a >= 0x3001 && a <= 0x3003) || (a >= 0xFF01 && a <= 0xFF0F) || a == 0xFF1A || a == 0xFF1B || a == 0xFF1F;
}

static bool is_gap(const struct eng_glyph *g)
{
    return b_cp_is_space(g->cp) || b_cp_is_control(g->cp);
}

/* Dots [from, the result) that are a leader; `from` when none begins there. */
static size_t leader_end(const struct eng_reading *r, size_t from)
{
    size_t end = from;
    int32_t dots = 0;
    for (; end < r->n_glyphs && dp_leader_dots(r->glyphs[end].cp) > 0; end++)
        dots += dp_leader_dots(r->glyphs[end].cp);
    return dots >= DP_LEADER_LEAST ? end : from;
}

/* The end of the word that begins at glyph `from`. */
static size_t word_end(const struct eng_reading *r, size_t from)
{
    size_t end = leader_end(r, from);
    if (end > from)
        return end;
    for (end = from + 1; end < r->n_glyphs && !is_gap(&r->glyphs[end]) && leader_end(r, end) == end &&
                         !breaks_between(r->glyphs[end - 1].cp, r->glyphs[end].cp);)
        end++;
    return end;
}

/* Glyphs [from, to) as one word; `joined` when no space follows. */
static enum b_code add_word(struct dp_line_builder *builder, const struct eng_line *line, size_t from, size_t to,
                            bool joined, const struct dp_taken *taken, struct b_err *err)
{
    const struct eng_glyph *glyphs = line->reading.glyphs;
    struct dp_word word = {.joined = joined};
    eng_strip_bounds(&line->strip, glyphs[from].u0, glyphs[to - 1].u1, &word.bbox.x0, &word.bbox.y0, &word.bbox.x1,
                     &word.bbox.y1);
    word.bbox = on_page(builder->page, word.bbox);
    if (taken && taken->count > 0 && dp_share_taken(word.bbox, taken) > TAKEN_SHARE)
        return B_OK;
    char *text = b_arena_alloc(builder->page->arena, (to - from) * 4 + 1, 1);
    if (!text)
        return b_arena_refused(builder->page->arena, DOMAIN, err);
    size_t len = 0;
    for (size_t i = from; i < to; i++) {
        len += b_utf8_put(glyphs[i].cp, text + len);
        word.confidence += glyphs[i].confidence / (float)(to - from);
    }
    text[len] = '\0';
    word.text = text;
    return dp_line_builder_word(builder, &word, err);
}

static enum b_code add_words(struct dp_line_builder *builder, const struct eng_line *line, const struct dp_taken *taken,
                             struct b_err *err)
{
    const struct eng_reading *r = &line->reading;
    for (size_t i = 0; i < r->n_glyphs;) {
        if (is_gap(&r->glyphs[i])) {
            i++;
            continue;
        }
        const size_t end = word_end(r, i);
        const bool joined = end < r->n_glyphs && !is_gap(&r->glyphs[end]);
        enum b_code code = add_word(builder, line, i, end, joined, taken, err);
        if (code != B_OK)
            return code;
        i = end;
    }
    return B_OK;
}

/* Which way the strip runs on the upright page: 0 right, 1 down, 2 left, 3 up. */
static int direction_of(const struct eng_strip *s, int quarter_turns)
{
    const int d = fabsf(s->ux) >= fabsf(s->uy) ? (s->ux >= 0 ? 0 : 2) : (s->uy >= 0 ? 1 : 3);
    return (d + quarter_turns) & 3;
}

static uint32_t direction_flags(const struct eng_line *line, int quarter_turns)
{
    const int direction = direction_of(&line->strip, quarter_turns);
    int cjk = 0, all = 0;
    for (size_t i = 0; i < line->reading.n_glyphs; i++) {
        cjk += b_cp_is_cjk(line->reading.glyphs[i].cp);
        all += !is_gap(&line->reading.glyphs[i]);
    }
    if (direction == 1 && cjk * 2 > all)
        return DP_FLAG_VERTICAL;
    return direction ? DP_FLAG_TURNED : 0;
}

static void quad_of_strip(const struct eng_strip *s, struct dp_point quad[4])
{
    const float half = s->height * 0.5f;
    const struct eng_point corners[4] = {eng_strip_at(s, s->u0, -half), eng_strip_at(s, s->u1, -half),
                                         eng_strip_at(s, s->u1, half), eng_strip_at(s, s->u0, half)};
    for (int i = 0; i < 4; i++)
        quad[i] = (struct dp_point){corners[i].x, corners[i].y};
}

static enum b_code add_line(struct dp_line_builder *builder, const struct eng_line *line, int quarter_turns,
                            const struct dp_taken *taken, struct b_err *err)
{
    struct dp_page *page = builder->page;
    struct dp_line out = {.source = DP_FROM_COMPACT, .confidence = line->reading.confidence};
    eng_strip_bounds(&line->strip, line->strip.u0, line->strip.u1, &out.bbox.x0, &out.bbox.y0, &out.bbox.x1,
                     &out.bbox.y1);
    out.bbox = on_page(page, out.bbox);
    quad_of_strip(&line->strip, out.quad);
    out.flags = direction_flags(line, quarter_turns);
    if (line->unreadable)
        out.flags |= DP_FLAG_UNREADABLE;
    if (out.confidence < LOW_CONFIDENCE)
        out.flags |= DP_FLAG_LOW_CONFIDENCE;
    if (page->dpi > 0)
        out.font_size = (float)(line->strip.height * EM_OF_STRIP * 72.0 / page->dpi);
    const int32_t before = page->n_words;
    enum b_code code = add_words(builder, line, taken, err);
    if (code != B_OK)
        return code;
    if (page->n_words == before && taken && taken->count > 0 && dp_share_taken(out.bbox, taken) > 0.2f)
        return B_OK; /* everything it says is on the page already */
    return dp_line_builder_end(builder, &out, err);
}

enum b_code dp_lines_of_compact(const struct eng_page_lines *read, const struct dp_taken *taken,
                                struct dp_line_builder *builder, struct b_cancel *cancel, struct b_err *err)
{
    for (size_t i = 0; i < read->count; i++) {
        enum b_code code = b_cancel_check(cancel, err); /* a hostile layer makes every line expensive */
        if (code == B_OK)
            code = add_line(builder, &read->lines[i], read->quarter_turns, taken, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

enum b_code dp_regions_of_compact(const struct eng_layout_regions *found, struct b_arena *arena,
                                  struct dp_regions *out, struct b_err *err)
{
    static const enum dp_region_kind kinds[ENG_LAYOUT_CLASSES] = {
        [ENG_LAYOUT_TEXT] = DP_REGION_TEXT,
        [ENG_LAYOUT_TITLE] = DP_REGION_TITLE,
        [ENG_LAYOUT_FIGURE] = DP_REGION_FIGURE,
        [ENG_LAYOUT_FIGURE_CAPTION] = DP_REGION_FIGURE_CAPTION,
        [ENG_LAYOUT_TABLE] = DP_REGION_TABLE,
        [ENG_LAYOUT_TABLE_CAPTION] = DP_REGION_TABLE_CAPTION,
        [ENG_LAYOUT_HEADER] = DP_REGION_HEADER,
        [ENG_LAYOUT_FOOTER] = DP_REGION_FOOTER,
        [ENG_LAYOUT_REFERENCE] = DP_REGION_REFERENCE,
        [ENG_LAYOUT_EQUATION] = DP_REGION_FORMULA,
    };
    struct dp_region *at = B_ARENA_ARRAY(arena, found->n, struct dp_region);
    if (!at)
        return b_arena_refused(arena, DOMAIN, err);
    for (size_t i = 0; i < found->n; i++) {
        const struct eng_region *r = &found->at[i];
        at[i] = (struct dp_region){kinds[r->class_of], r->score, {r->x0, r->y0, r->x1, r->y1}};
    }
    *out = (struct dp_regions){at, (int32_t)found->n};
    return B_OK;
}
