/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as items: flattened boxes and what their text says about structure (scripts, markers, how it
 * ends), and the measures of the page that everything else is relative to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"
#include "engine/base/utf8.h"

#define CODE_SIGNS 0.06  /* of the characters of a listing; prose has a third of it */
#define LEADER_DOTS 4     /* so many lead somewhere; three are an ellipsis */
#define PLACE_CHARS 6     /* of a page's number behind them */
#define SHORT_ITEM 3      /* characters without a direction of their own */
#define TURNED_TEXTS 5    /* longer texts in one direction: those among them run as they do */
#define SHORT_TALL 1.6f   /* line heights: what stands taller is turned indeed */
#define SIZE_OF_BOX 0.78f /* type size over box height, for lines without a known size */

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

float dp_median(float *values, int32_t n)
{
    if (n <= 0)
        return 0.0f;
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n & 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) * 0.5f;
}

static uint8_t end_bits(uint32_t cp)
{
    switch (cp) {
    case '.':
    case '!':
    case '?':
    case 0x3002:
    case 0xFF01:
    case 0xFF1F:
    case 0xFF0E:
    case 0x2026:
    case 0x061F:
    case 0x06D4:
        return DP_PUNCT_SENTENCE;
    case ':':
    case ';':
    case 0xFF1A:
    case 0xFF1B:
        return DP_PUNCT_COLON;
    case '-':
    case 0xAD:
    case 0x2010:
    case 0x2011:
        return DP_PUNCT_HYPHEN;
    default:
        return 0;
    }
}

/* Closing quotes and brackets do not hide the punctuation before them. */
static bool is_closing(uint32_t cp)
{
    return cp == '"' || cp == '\'' || cp == ')' || cp == ']' || cp == 0x2019 || cp == 0x201D || cp == 0xBB ||
           cp == 0x300D || cp == 0x300F || cp == 0xFF09 || cp == 0x300B || cp == 0x3011;
}

/* Whether the text ends in a leader: dots to the page's number, digits or small roman ones. */
static uint8_t leader_of(const char *text)
{
    size_t end = strlen(text), dots = 0;
    while (end > 0 && text[end - 1] == ' ')
        end--;
    size_t number = end;
    while (number > 0 && end - number < PLACE_CHARS && memchr("0123456789ivxlc", text[number - 1], 15))
        number--;
    const bool closed = number < end;
    size_t at = closed ? number : end, apart = 0;
    for (; at > 0 && (text[at - 1] == '.' || text[at - 1] == ' '); at--) {
        dots += text[at - 1] == '.';
        apart += text[at - 1] == '.' && (at == 1 || text[at - 2] == ' ');
    }
    if (dots < LEADER_DOTS && !(closed && apart >= 2)) /* two dots set apart are the shortest leader */
        return DP_LEADER_NONE;
    return closed ? DP_LEADER_NUMBER : DP_LEADER_OPEN;
}

static bool lone_marker(const char *text);

static void read_text(struct dp_item *item, const char *text)
{
    const size_t len = strlen(text);
    uint32_t closing = 0;
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_space(cp)) {
            item->spaces++;
            continue;
        }
        item->first = item->chars++ ? item->first : cp;
        item->last = cp;
        item->cjk += b_cp_is_cjk(cp);
        item->digits += b_cp_is_digit(cp);
        item->letters += b_cp_is_letter(cp);
        item->capitals += cp >= 'A' && cp <= 'Z';
        item->rtl += b_cp_is_rtl(cp);
        if (!is_closing(cp))
            closing = cp;
    }
    item->ends = end_bits(closing) | (end_bits(item->last) & DP_PUNCT_HYPHEN);
    item->marker = dp_marker_length(text);
    item->lone_marker = lone_marker(text);
    item->leader = leader_of(text);
}

/* Type size of a recognised line. Its box says little (the reader widens some for a second look), so the mean
 * advance of its characters counts as much: widths in ems of common text faces. */
static float size_of(const struct dp_item *item)
{
    const float tall = SIZE_OF_BOX * (item->box.y1 - item->box.y0);
    const int32_t small = item->chars - item->cjk - item->capitals - item->digits;
    const float ems = (float)item->cjk + 0.66f * (float)item->capitals + 0.52f * (float)item->digits +
                      0.46f * (float)(small > 0 ? small : 0) + 0.27f * (float)item->spaces;
    if (item->chars < 10 || item->vertical || item->rtl > 0)
        return tall;
    const float size = sqrtf(tall * (item->box.x1 - item->box.x0) / ems);
    return fminf(fmaxf(size, 0.8f * tall), 1.25f * tall);
}

static bool is_bullet(uint32_t cp)
{
    switch (cp) {
    case 0x2022:
    case 0x2023:
    case 0x2043:
    case 0x204C:
    case 0x2219:
    case 0x25AA:
    case 0x25AB:
    case 0x25A0:
    case 0x25A1:
    case 0x25B6:
    case 0x25BA:
    case 0x25C6:
    case 0x25C7:
    case 0x25CB:
    case 0x25CF:
    case 0x25E6:
    case 0x2605:
    case 0x2606:
    case 0x2713:
    case 0x2714:
    case 0x27A2:
    case 0x2794:
    case 0x2756:
    case 0xB7:
    case 0x30FB:
    case 0xF0B7:
    case 0xF0A7:
    case 0xF0D8:
    case 0xF076:
    case 0xF0FC:
        return true;
    default:
        return cp >= 0x2776 && cp <= 0x2793;
    }
}

static bool is_circled(uint32_t cp)
{
    return (cp >= 0x2460 && cp <= 0x249B) || (cp >= 0x3251 && cp <= 0x325F) || (cp >= 0x3220 && cp <= 0x3229);
}

static bool is_cjk_numeral(uint32_t cp)
{
    static const uint32_t numerals[] = {0x4E00, 0x4E8C, 0x4E09, 0x56DB, 0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D, 0x5341};
    for (size_t i = 0; i < sizeof numerals / sizeof numerals[0]; i++)
        if (cp == numerals[i])
            return true;
    return false;
}

/* Length of "12.", "3)", "(a)", "iv.", "B." or "一、" at the start; 0 otherwise. A bare number needs its sign. */
static size_t number_marker(const char *text, size_t len)
{
    size_t pos = 0, body = 0;
    uint32_t cp = b_utf8_next(text, len, &pos);
    const bool opened = cp == '(' || cp == 0xFF08 || cp == '[';
    if (opened && pos < len)
        cp = b_utf8_next(text, len, &pos);
    const bool digits = b_cp_is_digit(cp), numeral = is_cjk_numeral(cp);
    const bool roman = cp < 0x80 && strchr("ivx", (int)cp) != NULL && cp != 0;
    const bool letter = !digits && !numeral && ((cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z'));
    if (!digits && !numeral && !letter)
        return 0;
    for (body = 1; pos < len; body++) {
        size_t after = pos;
        cp = b_utf8_next(text, len, &after);
        const bool more = digits    ? b_cp_is_digit(cp)
                          : numeral ? is_cjk_numeral(cp)
                                    : roman && cp < 0x80 && cp != 0 && strchr("ivx", (int)cp);
        if (!more)
            break;
        pos = after;
    }
    if (pos >= len || body > 3)
        return 0;
    cp = b_utf8_next(text, len, &pos);
    const bool closed = cp == ')' || cp == 0xFF09 || cp == ']';
    if (closed)
        return opened || digits || body == 1 || roman ? pos : 0;
    if (opened)
        return 0;
    if (cp == 0x3001 || cp == 0xFF0E)
        return digits || numeral ? pos : 0;
    if (cp != '.')
        return 0;
    /* "3.14" and "J. Smith": a digit or nothing behind, or a lone capital, is no marker. */
    size_t after = pos;
    const uint32_t next = pos < len ? b_utf8_next(text, len, &after) : 0;
    if (b_cp_is_digit(next) || next == 0 || numeral)
        return 0;
    return digits || (roman && b_cp_is_space(next)) ? pos : 0;
}

int32_t dp_marker_length(const char *text)
{
    const size_t len = strlen(text);
    size_t pos = 0;
    if (len == 0)
        return 0;
    const uint32_t cp = b_utf8_next(text, len, &pos);
    size_t end = 0;
    if (is_bullet(cp) || is_circled(cp))
        end = pos;
    else if ((cp == '-' || cp == 0x2013 || cp == 0x2014 || cp == '*' || cp == '+') && pos < len && text[pos] == ' ')
        end = pos;
    else
        end = number_marker(text, len);
    if (end == 0)
        return 0;
    while (end < len && text[end] == ' ')
        end++;
    return end < len || is_bullet(cp) ? (int32_t)end : 0;
}

/* A line that is nothing but a marker: it would be one if text followed. */
static bool lone_marker(const char *text)
{
    char probe[16];
    const size_t len = strlen(text);
    if (len == 0 || len > 8)
        return false;
    memcpy(probe, text, len);
    memcpy(probe + len, " x", 3);
    return dp_marker_length(probe) == (int32_t)len + 1;
}

static void style_of(struct dp_item *item, const struct dp_page *page, const struct dp_line *line)
{
    size_t all = 0, bold = 0, mono = 0;
    for (int32_t i = 0; i < line->n_words; i++) {
        const struct dp_word *w = &page->words[line->first_word + i];
        const size_t len = strlen(w->text);
        all += len;
        bold += w->style & DP_BOLD ? len : 0;
        mono += w->style & DP_MONO ? len : 0;
    }
    item->bold = bold * 10 > all * 7;
    /* The invisible text behind a scan is often set in one fixed face, whatever is printed. */
    item->mono = mono * 10 > all * 7 && !(line->flags & DP_FLAG_HIDDEN);
}

static struct dp_point mid(struct dp_point a, struct dp_point b)
{
    return (struct dp_point){(a.x + b.x) * 0.5f, (a.y + b.y) * 0.5f};
}

/* The line's box in the frame of its direction. A flattened line is level, so ends and thickness suffice;
 * elsewhere its own box is exact. */
static struct dp_rect flat_box(const struct dp_flat_frame *f, const struct dp_line *line, int direction)
{
    const struct dp_point *q = line->quad;
    if (f->warped) {
        const float half = 0.5f * hypotf(q[3].x - q[0].x, q[3].y - q[0].y);
        const struct dp_point a = dp_frame_flatten(f, dp_frame_upright(f, mid(q[0], q[3])));
        const struct dp_point b = dp_frame_flatten(f, dp_frame_upright(f, mid(q[1], q[2])));
        struct dp_rect box = {fminf(a.x, b.x), fminf(a.y, b.y), fmaxf(a.x, b.x), fmaxf(a.y, b.y)};
        if (direction & 1) {
            const float x = (a.x + b.x) * 0.5f;
            box.x0 = x - half;
            box.x1 = x + half;
        } else {
            const float y = (a.y + b.y) * 0.5f;
            box.y0 = y - half;
            box.y1 = y + half;
        }
        return dp_frame_to_direction(f, box, direction);
    }
    const struct dp_point a = dp_frame_upright(f, (struct dp_point){line->bbox.x0, line->bbox.y0});
    const struct dp_point b = dp_frame_upright(f, (struct dp_point){line->bbox.x1, line->bbox.y1});
    const struct dp_rect box = {fminf(a.x, b.x), fminf(a.y, b.y), fmaxf(a.x, b.x), fmaxf(a.y, b.y)};
    return dp_frame_to_direction(f, box, direction);
}

static void measure_page(struct dp_assembly *a, float *heights)
{
    int64_t chars[4] = {0, 0, 0, 0}, rtl = 0, letters = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        chars[a->items[i].direction] += a->items[i].chars;
        rtl += a->items[i].rtl;
        letters += a->items[i].letters;
    }
    for (int d = 1; d < 4; d++)
        if (chars[d] > chars[a->main_direction])
            a->main_direction = d;
    a->rtl = rtl * 2 > letters && rtl > 0;
    int32_t n = 0;
    for (int32_t i = 0; i < a->n_items; i++)
        if (a->items[i].direction == a->main_direction)
            heights[n++] = a->items[i].box.y1 - a->items[i].box.y0;
    a->height = fmaxf(dp_median(heights, n), 1.0f);
}

/* One to three characters have no direction of their own: the reader may well have them upside down. On an upright page
 * they run as the page does, unless they stand taller than a line. */
static void settle_short_items(struct dp_assembly *a)
{
    struct dp_rect hull[4]; /* of the longer texts of each direction, upright page */
    int32_t longer[4] = {0, 0, 0, 0};
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_item *it = &a->items[i];
        const struct dp_rect box = dp_frame_from_direction(&a->frame, it->box, it->direction);
        if (it->chars > SHORT_ITEM)
            hull[it->direction] = longer[it->direction]++ ? dp_rect_union(hull[it->direction], box) : box;
    }
    for (int32_t i = 0; i < a->n_items && a->main_direction == 0; i++) {
        struct dp_item *it = &a->items[i];
        const struct dp_rect box = dp_frame_from_direction(&a->frame, it->box, it->direction);
        if (it->direction == a->main_direction || it->vertical || it->chars > SHORT_ITEM ||
            box.y1 - box.y0 > SHORT_TALL * a->height)
            continue;
        if (longer[it->direction] >= TURNED_TEXTS &&
            dp_overlap(hull[it->direction].x0, hull[it->direction].x1, box.x0, box.x1) > 0 &&
            dp_overlap(hull[it->direction].y0, hull[it->direction].y1, box.y0, box.y1) > 0)
            continue; /* a cell of a turned table */
        it->direction = (uint8_t)a->main_direction;
        it->box = box;
        if (a->page->lines[it->line].source != DP_FROM_TEXT_LAYER)
            it->size = size_of(it);
    }
}

/* Type size of half of the text: bins of 4 %. */
static void measure_body(struct dp_assembly *a)
{
    enum { BINS = 256 };
    int64_t bins[BINS] = {0}, all = 0, sum = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_item *it = &a->items[i];
        if (it->direction != a->main_direction || it->size < 1.0f)
            continue;
        const int bin = (int)(logf(it->size) / 0.04f);
        bins[bin < BINS ? bin : BINS - 1] += it->chars;
        all += it->chars;
    }
    a->body = a->height * SIZE_OF_BOX;
    for (int b = 0; b < BINS && all > 0; b++) {
        sum += bins[b];
        if (sum * 2 >= all) {
            a->body = expf(((float)b + 0.5f) * 0.04f);
            break;
        }
    }
}

/* Signs that programs and their output are full of, and prose is not. */
static int32_t code_signs(const char *text)
{
    int32_t n = 0;
    for (; *text; text++)
        n += strchr("{}[]()<>=:;/\\|_$#@&*+~^`\"", *text) != NULL;
    return n;
}

/* A page all in one fixed face is typewritten text; one of many signs under a heading in another face is a listing. */
static void forget_common_mono(struct dp_assembly *a)
{
    int64_t mono = 0, all = 0, signs = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        all += a->items[i].chars;
        if (!a->items[i].mono)
            continue;
        mono += a->items[i].chars;
        signs += code_signs(a->page->lines[a->items[i].line].text);
    }
    const bool listing = mono < all && (double)signs > CODE_SIGNS * (double)mono;
    for (int32_t i = 0; i < a->n_items && mono * 10 > all * 7 && !listing; i++)
        a->items[i].mono = false;
}

/* Vertical rules first, all in the frame of the main direction. */
static enum b_code take_rules(struct dp_assembly *a, struct b_err *err)
{
    const struct dp_sheet *s = a->sheet;
    if (s && s->n_rules <= 0 && s->kind != DP_SHEET_DIGITAL)
        return dp_image_look(a, err);
    if (!s || s->n_rules <= 0 || a->frame.warped || a->frame.turns)
        return B_OK;
    a->rules = B_ARENA_ARRAY(a->arena, (size_t)s->n_rules, struct dp_rect);
    if (!a->rules)
        return b_arena_refused(a->arena, "assembly", err);
    const bool swap = a->main_direction & 1;
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < s->n_rules; i++)
            if ((s->rules[i].vertical != swap) == (pass == 0))
                a->rules[a->n_rules++] = dp_frame_to_direction(&a->frame, s->rules[i].bbox, a->main_direction);
        if (pass == 0)
            a->n_vertical = a->n_rules;
    }
    return B_OK;
}

#define REFINEMENTS 2 /* rules stand out better on a flatter page */

static enum b_code make_items(struct dp_assembly *a, struct b_err *err)
{
    const struct dp_page *page = a->page;
    a->n_items = page->n_lines;
    a->items = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, struct dp_item);
    float *heights = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, float);
    if (!a->items || !heights)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < page->n_lines; i++) {
        const struct dp_line *line = &page->lines[i];
        struct dp_item *item = &a->items[i];
        item->line = i;
        item->table = DP_NONE;
        item->direction = (uint8_t)dp_line_direction(&a->frame, line);
        item->vertical = line->flags & DP_FLAG_VERTICAL;
        item->box = flat_box(&a->frame, line, item->direction);
        read_text(item, line->text);
        item->size = size_of(item);
        if (line->source == DP_FROM_TEXT_LAYER && line->font_size > 0 && page->dpi > 0 &&
            !(line->flags & DP_FLAG_HIDDEN))
            item->size = (float)(line->font_size * page->dpi / 72.0);
        style_of(item, page, line);
    }
    measure_page(a, heights);
    settle_short_items(a);
    measure_body(a);
    forget_common_mono(a);
    const enum b_code code = dp_items_weigh(a, err);
    return code == B_OK ? take_rules(a, err) : code;
}

enum b_code dp_items_make(struct dp_assembly *a, struct b_err *err)
{
    enum b_code code = make_items(a, err);
    for (int round = 0; round < REFINEMENTS && code == B_OK; round++) {
        bool refined = false;
        code = dp_frame_refine(a, &refined, err);
        if (code != B_OK || !refined)
            break;
        a->bends = NULL;
        a->n_rules = a->n_vertical = a->n_bends = 0;
        code = make_items(a, err);
    }
    return code == B_OK ? dp_image_rules(a, err) : code;
}
