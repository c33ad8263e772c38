/* SPDX-License-Identifier: Apache-2.0 */
/* Sheets and file facts as bytes and back. Invariant of the readers: every count is held against the bytes that are
 * left before memory is taken for it, every byte is read once, and nothing of the result points into the bytes. */
#include "docparse/sheet_wire.h"

#include <math.h>
#include <string.h>

#include "docparse/loader_private.h"
#include "engine/base/utf8.h"

#define DOMAIN "decoder"
#define SHEET_MAGIC 0x31485344u /* "DSH1" */
#define INFO_MAGIC 0x31464944u  /* "DIF1" */
#define NO_TEXT UINT32_MAX      /* length of a NULL string */
#define GLYPH_FONTS_MAX 1024 /* as pdf_glyphs.c names them */
#define FONTS_KNOWN 64          /* names that the writer looks back at */
#define PAGES_MOST 100000000    /* what --max-pages allows at most */
#define OUTLINE_MOST 1000000
#define INFO_TEXTS 10

struct sheet_head {
    uint32_t magic;
    int32_t number, kind;
    int32_t width, height, channels;
    int32_t n_words, n_fonts, n_rules, n_images, n_warnings, n_shapes;
    double dpi, width_pt, height_pt;
};

struct word_entry {
    struct dp_rect bbox;
    float confidence, font_size;
    int32_t font; /* index, -1: none */
    uint32_t style, text_len;
    uint8_t joined, hidden, line_end, unused;
};

struct rule_entry {
    struct dp_rect bbox;
    float width;
    uint32_t vertical;
};

struct shape_entry {
    struct dp_rect bbox;
    uint32_t free, filled;
};

struct glyph_head {
    int32_t n_glyphs, n_fonts;
};

struct info_head {
    uint32_t magic;
    int32_t page_count, n_outline;
    uint32_t encrypted, repaired, tagged;
    uint32_t text_len[INFO_TEXTS];
};

struct outline_entry {
    int32_t level, page;
    uint32_t title_len;
};

/* ---- writing ------------------------------------------------------------------------------------------ */

static uint32_t length_of(const char *text)
{
    return text ? (uint32_t)strlen(text) : NO_TEXT;
}

static void put_text(struct b_buf *buf, const char *text)
{
    if (text)
        b_buf_append(buf, text, strlen(text) + 1);
}

/* Names of fonts are shared between words: the same pointer is the same name. */
struct font_names {
    const char *last[FONTS_KNOWN];
    int32_t index[FONTS_KNOWN];
    int32_t count;
};

/* Index of a name; *fresh when it is a new one. */
static int32_t font_index(struct font_names *f, const char *name, bool *fresh)
{
    *fresh = false;
    if (!name)
        return DP_NONE;
    for (int32_t i = 0; i < f->count && i < FONTS_KNOWN; i++)
        if (f->last[i] == name)
            return f->index[i];
    *fresh = true;
    f->last[f->count % FONTS_KNOWN] = name;
    f->index[f->count % FONTS_KNOWN] = f->count;
    return f->count++;
}

static void put_words(struct b_buf *buf, const struct dp_sheet *s)
{
    struct font_names fonts = {.count = 0};
    for (int32_t i = 0; i < s->n_words; i++) {
        const struct dp_word *w = &s->words[i];
        bool fresh;
        const struct word_entry e = {.bbox = w->bbox,
                                     .confidence = w->confidence,
                                     .font_size = w->font_size,
                                     .font = font_index(&fonts, w->font, &fresh),
                                     .style = w->style,
                                     .text_len = length_of(w->text),
                                     .joined = w->joined,
                                     .hidden = s->word_hidden ? s->word_hidden[i] : 0,
                                     .line_end = s->word_line_end ? s->word_line_end[i] : 0};
        b_buf_append(buf, &e, sizeof e);
    }
}

/* Lengths of the fonts' names, or the names themselves. */
static int32_t put_fonts(struct b_buf *buf, const struct dp_sheet *s, bool names)
{
    struct font_names fonts = {.count = 0};
    for (int32_t i = 0; i < s->n_words; i++) {
        bool fresh;
        (void)font_index(&fonts, s->words[i].font, &fresh);
        if (fresh && names)
            put_text(buf, s->words[i].font);
        else if (fresh && buf)
            b_buf_append(buf, &(uint32_t){length_of(s->words[i].font)}, sizeof(uint32_t));
    }
    return fonts.count;
}

/* Glyphs stand behind everything else: most pages have none. */
static void put_glyphs(struct b_buf *buf, const struct dp_sheet *s)
{
    const struct glyph_head head = {s->n_glyphs, s->n_glyph_fonts};
    b_buf_append(buf, &head, sizeof head);
    if (s->n_glyphs > 0)
        b_buf_append(buf, s->glyphs, (size_t)s->n_glyphs * sizeof *s->glyphs);
    for (int32_t i = 0; i < s->n_glyph_fonts; i++)
        b_buf_append(buf, &(uint32_t){length_of(s->glyph_fonts[i])}, sizeof(uint32_t));
    for (int32_t i = 0; i < s->n_glyph_fonts; i++)
        put_text(buf, s->glyph_fonts[i]);
}

void dp_sheet_write(struct b_buf *buf, const struct dp_sheet *s)
{
    const struct sheet_head head = {.magic = SHEET_MAGIC,
                                    .number = s->number,
                                    .kind = (int32_t)s->kind,
                                    .width = s->image.width,
                                    .height = s->image.height,
                                    .channels = s->image.channels,
                                    .n_words = s->n_words,
                                    .n_fonts = put_fonts(NULL, s, false),
                                    .n_rules = s->n_rules,
                                    .n_images = s->n_images,
                                    .n_warnings = s->n_warnings,
                                    .n_shapes = s->n_shapes,
                                    .dpi = s->dpi,
                                    .width_pt = s->width_pt,
                                    .height_pt = s->height_pt};
    b_buf_append(buf, &head, sizeof head);
    put_words(buf, s);
    (void)put_fonts(buf, s, false);
    for (int32_t i = 0; i < s->n_rules; i++) {
        const struct dp_rule *r = &s->rules[i];
        const struct rule_entry e = {.bbox = r->bbox, .width = r->width, .vertical = r->vertical};
        b_buf_append(buf, &e, sizeof e);
    }
    if (s->n_images > 0)
        b_buf_append(buf, s->images, (size_t)s->n_images * sizeof *s->images);
    for (int32_t i = 0; i < s->n_shapes; i++) {
        const struct shape_entry e = {s->shapes[i].bbox, s->shapes[i].free, s->shapes[i].filled};
        b_buf_append(buf, &e, sizeof e);
    }
    for (int32_t i = 0; i < s->n_warnings; i++)
        b_buf_append(buf, &(uint32_t){length_of(s->warnings[i])}, sizeof(uint32_t));
    for (int32_t i = 0; i < s->n_words; i++)
        put_text(buf, s->words[i].text);
    (void)put_fonts(buf, s, true);
    for (int32_t i = 0; i < s->n_warnings; i++)
        put_text(buf, s->warnings[i]);
    put_glyphs(buf, s);
}

/* The strings of a file's facts, in the order of the record. */
static void info_texts(const struct dp_file_info *info, const char *texts[INFO_TEXTS])
{
    const char *const all[INFO_TEXTS] = {info->title,    info->author,   info->subject, info->keywords, info->creator,
                                             info->producer, info->language, info->created, info->modified, info->version};
    memcpy(texts, all, sizeof all);
}

void dp_file_info_write(struct b_buf *buf, const struct dp_file_info *info)
{
    const char *texts[INFO_TEXTS];
    struct info_head head = {.magic = INFO_MAGIC,
                             .page_count = info->page_count,
                             .n_outline = info->n_outline,
                             .encrypted = info->encrypted,
                             .repaired = info->repaired,
                             .tagged = info->tagged};
    info_texts(info, texts);
    for (size_t i = 0; i < INFO_TEXTS; i++)
        head.text_len[i] = length_of(texts[i]);
    b_buf_append(buf, &head, sizeof head);
    for (int32_t i = 0; i < info->n_outline; i++) {
        const struct dp_outline_item *item = &info->outline[i];
        const struct outline_entry e = {item->level, item->page, length_of(item->title)};
        b_buf_append(buf, &e, sizeof e);
    }
    for (size_t i = 0; i < INFO_TEXTS; i++)
        put_text(buf, texts[i]);
    for (int32_t i = 0; i < info->n_outline; i++)
        put_text(buf, info->outline[i].title);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* Moves forward over the bytes; the first failure sticks. */
struct reader {
    const uint8_t *at;
    size_t left;
    struct b_arena *arena;
    enum b_code code;
    struct b_err *err;
};

static bool bad(struct reader *r, const char *what)
{
    if (r->code == B_OK)
        r->code = b_fail(r->err, B_FORMAT, DOMAIN, "the decoder's answer is malformed: %s", what);
    return false;
}

static bool starved(struct reader *r)
{
    if (r->code == B_OK)
        r->code = b_arena_refused(r->arena, DOMAIN, r->err);
    return false;
}

static bool take(struct reader *r, void *out, size_t size)
{
    if (r->code != B_OK)
        return false;
    if (size > r->left)
        return bad(r, "it is cut short");
    memcpy(out, r->at, size);
    r->at += size;
    r->left -= size;
    return true;
}

/* Whether `count` entries of `size` bytes can follow. */
static bool fits(struct reader *r, int32_t count, int32_t most, size_t size)
{
    if (r->code != B_OK)
        return false;
    return count >= 0 && count <= most && (size_t)count <= r->left / size ? true : bad(r, "a count is impossible");
}

/* Takes the next text: len bytes of UTF-8 without NUL, then a NUL. Control characters pass: words that nobody can have
 * meant are judged by text_layer.h. */
static const char *take_text(struct reader *r, uint32_t len)
{
    if (r->code != B_OK || len == NO_TEXT)
        return NULL;
    const char *text = (const char *)r->at;
    if (len >= r->left || text[len] != '\0' || memchr(text, 0, len) || !b_utf8_valid(text, len)) {
        (void)bad(r, "a text is damaged");
        return NULL;
    }
    const char *copy = b_arena_text(r->arena, text, len);
    if (!copy)
        (void)starved(r);
    r->at += (size_t)len + 1;
    r->left -= (size_t)len + 1;
    return copy;
}

static void *make(struct reader *r, int32_t count, size_t size)
{
    void *array = r->code == B_OK && count > 0 ? b_arena_array(r->arena, (size_t)count, size) : NULL;
    if (r->code == B_OK && count > 0 && !array)
        (void)starved(r);
    return array;
}

static float within(float v, float most)
{
    return v > 0 ? (v < most ? v : most) : 0; /* NaN becomes 0 */
}

/* Clips the box to the image and puts its corners in order. */
static struct dp_rect place(const struct dp_sheet *s, struct dp_rect b)
{
    const float w = (float)s->image.width, h = (float)s->image.height;
    b = (struct dp_rect){within(b.x0, w), within(b.y0, h), within(b.x1, w), within(b.y1, h)};
    return (struct dp_rect){fminf(b.x0, b.x1), fminf(b.y0, b.y1), fmaxf(b.x0, b.x1), fmaxf(b.y0, b.y1)};
}

/* What the entries say of the texts that follow; freed with the arena. */
struct text_plan {
    uint32_t *word, *font, *warning; /* lengths */
    int32_t *font_of;                /* [n_words] */
};

static void read_words(struct reader *r, const struct sheet_head *head, struct dp_sheet *s, struct text_plan *plan)
{
    s->words = make(r, head->n_words, sizeof *s->words);
    s->word_hidden = make(r, head->n_words, 1);
    s->word_line_end = make(r, head->n_words, 1);
    plan->word = make(r, head->n_words, sizeof *plan->word);
    plan->font_of = make(r, head->n_words, sizeof *plan->font_of);
    for (int32_t i = 0; i < head->n_words && r->code == B_OK; i++) {
        struct word_entry e;
        if (!take(r, &e, sizeof e))
            return;
        if (e.font < DP_NONE || e.font >= head->n_fonts || e.text_len == NO_TEXT || !isfinite(e.font_size) ||
            !isfinite(e.confidence) || e.joined > 1 || e.hidden > 1 || e.line_end > 1) {
            (void)bad(r, "a word makes no sense");
            return;
        }
        s->words[i] = (struct dp_word){.bbox = place(s, e.bbox),
                                       .confidence = e.confidence,
                                       .font_size = e.font_size,
                                       .style = e.style,
                                       .joined = e.joined};
        s->word_hidden[i] = e.hidden;
        s->word_line_end[i] = e.line_end;
        plan->word[i] = e.text_len;
        plan->font_of[i] = e.font;
    }
    s->n_words = head->n_words;
}

static void read_marks(struct reader *r, const struct sheet_head *head, struct dp_sheet *s)
{
    s->rules = make(r, head->n_rules, sizeof *s->rules);
    for (int32_t i = 0; i < head->n_rules && r->code == B_OK; i++) {
        struct rule_entry e;
        if (!take(r, &e, sizeof e))
            return;
        if (!(e.width >= 0) || !isfinite(e.width))
            (void)bad(r, "a rule makes no sense");
        s->rules[i] = (struct dp_rule){.bbox = place(s, e.bbox), .width = e.width, .vertical = e.vertical != 0};
    }
    s->n_rules = head->n_rules;
    s->images = make(r, head->n_images, sizeof *s->images);
    for (int32_t i = 0; i < head->n_images && r->code == B_OK; i++) {
        struct dp_placed_image e;
        if (!take(r, &e, sizeof e))
            return;
        if (e.pixel_width < 0 || e.pixel_height < 0)
            (void)bad(r, "an image makes no sense");
        s->images[i] = (struct dp_placed_image){place(s, e.bbox), e.pixel_width, e.pixel_height};
    }
    s->n_images = head->n_images;
    s->shapes = make(r, head->n_shapes, sizeof *s->shapes);
    for (int32_t i = 0; i < head->n_shapes && r->code == B_OK; i++) {
        struct shape_entry e;
        if (!take(r, &e, sizeof e))
            return;
        s->shapes[i] = (struct dp_shape){.bbox = place(s, e.bbox), .free = e.free != 0, .filled = e.filled != 0};
    }
    s->n_shapes = head->n_shapes;
}

static uint32_t *read_lengths(struct reader *r, int32_t count)
{
    uint32_t *lengths = make(r, count, sizeof *lengths);
    for (int32_t i = 0; i < count && r->code == B_OK; i++)
        if (take(r, &lengths[i], sizeof *lengths) && lengths[i] == NO_TEXT)
            (void)bad(r, "a text is missing");
    return lengths;
}

static void read_texts(struct reader *r, const struct sheet_head *head, const struct text_plan *plan, struct dp_sheet *s)
{
    for (int32_t i = 0; i < head->n_words && r->code == B_OK; i++)
        s->words[i].text = take_text(r, plan->word[i]);
    const char **fonts = make(r, head->n_fonts, sizeof *fonts);
    for (int32_t i = 0; i < head->n_fonts && r->code == B_OK; i++)
        fonts[i] = take_text(r, plan->font[i]);
    for (int32_t i = 0; i < head->n_words && r->code == B_OK; i++)
        s->words[i].font = plan->font_of[i] == DP_NONE ? NULL : fonts[plan->font_of[i]];
    s->warnings = make(r, head->n_warnings, sizeof *s->warnings);
    for (int32_t i = 0; i < head->n_warnings && r->code == B_OK; i++)
        s->warnings[i] = take_text(r, plan->warning[i]);
    s->n_warnings = head->n_warnings;
}

static bool sound_glyph(const struct dp_glyph *g, int32_t n_fonts)
{
    return isfinite(g->x) && isfinite(g->y) && isfinite(g->advance) && isfinite(g->size) && isfinite(g->ink.x0) &&
           isfinite(g->ink.y0) && isfinite(g->ink.x1) && isfinite(g->ink.y1) && g->cp <= DP_GLYPH_BAR &&
           g->font >= DP_NONE && g->font < n_fonts;
}

static void read_glyphs(struct reader *r, struct dp_sheet *s)
{
    struct glyph_head head = {0};
    if (!take(r, &head, sizeof head) || !fits(r, head.n_glyphs, DP_GLYPHS_MAX, sizeof *s->glyphs))
        return;
    s->glyphs = make(r, head.n_glyphs, sizeof *s->glyphs);
    for (int32_t i = 0; i < head.n_glyphs && r->code == B_OK; i++)
        if (take(r, &s->glyphs[i], sizeof *s->glyphs) && !sound_glyph(&s->glyphs[i], head.n_fonts))
            (void)bad(r, "a glyph makes no sense");
    if (!fits(r, head.n_fonts, GLYPH_FONTS_MAX, sizeof(uint32_t)))
        return;
    uint32_t *lengths = make(r, head.n_fonts, sizeof *lengths);
    s->glyph_fonts = make(r, head.n_fonts, sizeof *s->glyph_fonts);
    for (int32_t i = 0; i < head.n_fonts && r->code == B_OK; i++)
        (void)take(r, &lengths[i], sizeof *lengths);
    for (int32_t i = 0; i < head.n_fonts && r->code == B_OK; i++)
        s->glyph_fonts[i] = lengths[i] == NO_TEXT ? NULL : take_text(r, lengths[i]);
    s->n_glyphs = head.n_glyphs;
    s->n_glyph_fonts = head.n_fonts;
}

static bool positive(double v)
{
    return isfinite(v) && v >= 0;
}

static void check_head(struct reader *r, const struct sheet_head *head, const struct dp_limits *limits)
{
    if (r->code != B_OK)
        return;
    const uint64_t pixels = head->width > 0 && head->height > 0 ? (uint64_t)head->width * (uint64_t)head->height : 0;
    if (head->magic != SHEET_MAGIC || head->kind < DP_SHEET_RASTER || head->kind > DP_SHEET_DIGITAL)
        (void)bad(r, "it is no page");
    else if (pixels == 0 || pixels > limits->page_pixels || (head->channels != 1 && head->channels != 3))
        (void)bad(r, "its image has an impossible size");
    else if (!positive(head->dpi) || !positive(head->width_pt) || !positive(head->height_pt))
        (void)bad(r, "its size is no number");
}

enum b_code dp_sheet_read(const void *data, size_t size, const struct dp_limits *limits, struct dp_sheet *out,
                          struct b_err *err)
{
    struct reader r = {.at = data, .left = size, .err = err};
    struct sheet_head head = {0};
    struct text_plan plan = {0};
    (void)take(&r, &head, sizeof head);
    check_head(&r, &head, limits);
    *out = (struct dp_sheet){0};
    if (r.code == B_OK)
        r.code = dp_sheet_begin(out, head.number, limits, err);
    r.arena = out->arena;
    out->kind = (enum dp_sheet_kind)head.kind;
    out->image = (struct b_image){.width = head.width, .height = head.height, .channels = head.channels};
    out->dpi = head.dpi;
    out->width_pt = head.width_pt;
    out->height_pt = head.height_pt;
    if (fits(&r, head.n_words, limits->words_per_page, sizeof(struct word_entry)))
        read_words(&r, &head, out, &plan);
    if (fits(&r, head.n_fonts, head.n_words, sizeof(uint32_t)))
        plan.font = read_lengths(&r, head.n_fonts);
    if (fits(&r, head.n_rules, limits->rules_per_page, sizeof(struct rule_entry)) &&
        fits(&r, head.n_images, limits->images_per_page, sizeof(struct dp_placed_image)) &&
        fits(&r, head.n_shapes, DP_SHAPES_MAX, sizeof(struct shape_entry)))
        read_marks(&r, &head, out);
    if (fits(&r, head.n_warnings, DP_WARNINGS_MAX, sizeof(uint32_t)))
        plan.warning = read_lengths(&r, head.n_warnings);
    if (r.code == B_OK)
        read_texts(&r, &head, &plan, out);
    if (r.code == B_OK)
        read_glyphs(&r, out);
    if (r.code == B_OK && r.left > 0)
        (void)bad(&r, "bytes are left over");
    if (r.code != B_OK)
        dp_sheet_free(out);
    return r.code;
}

static struct dp_outline_item *read_outline(struct reader *r, const struct info_head *head, uint32_t **lengths)
{
    struct dp_outline_item *items = make(r, head->n_outline, sizeof *items);
    *lengths = make(r, head->n_outline, sizeof **lengths);
    for (int32_t i = 0; i < head->n_outline && r->code == B_OK; i++) {
        struct outline_entry e;
        if (!take(r, &e, sizeof e))
            break;
        if (e.level < 0 || e.page < 0 || e.page > head->page_count || e.title_len == NO_TEXT)
            (void)bad(r, "an entry of the outline makes no sense");
        items[i] = (struct dp_outline_item){.level = e.level, .page = e.page};
        (*lengths)[i] = e.title_len;
    }
    return items;
}

enum b_code dp_file_info_read(const void *data, size_t size, struct b_arena *arena, struct dp_file_info *out,
                              struct b_err *err)
{
    struct reader r = {.at = data, .left = size, .arena = arena, .err = err};
    struct info_head head = {0};
    const char *texts[INFO_TEXTS] = {NULL};
    struct dp_outline_item *items = NULL;
    uint32_t *lengths = NULL;
    *out = (struct dp_file_info){0};
    (void)take(&r, &head, sizeof head);
    if (r.code == B_OK && (head.magic != INFO_MAGIC || head.page_count < 0 || head.page_count > PAGES_MOST))
        (void)bad(&r, "it is no document");
    if (fits(&r, head.n_outline, OUTLINE_MOST, sizeof(struct outline_entry)))
        items = read_outline(&r, &head, &lengths);
    for (size_t i = 0; i < INFO_TEXTS && r.code == B_OK; i++)
        texts[i] = take_text(&r, head.text_len[i]);
    for (int32_t i = 0; i < head.n_outline && r.code == B_OK; i++)
        items[i].title = take_text(&r, lengths[i]);
    if (r.code == B_OK && r.left > 0)
        (void)bad(&r, "bytes are left over");
    if (r.code != B_OK)
        return r.code;
    *out = (struct dp_file_info){.page_count = head.page_count,
                                 .title = texts[0],
                                 .author = texts[1],
                                 .subject = texts[2],
                                 .keywords = texts[3],
                                 .creator = texts[4],
                                 .producer = texts[5],
                                 .language = texts[6],
                                 .created = texts[7],
                                 .modified = texts[8],
                                 .version = texts[9],
                                 .encrypted = head.encrypted != 0,
                                 .repaired = head.repaired != 0,
                                 .tagged = head.tagged != 0,
                                 .outline = items,
                                 .n_outline = head.n_outline};
    return B_OK;
}
