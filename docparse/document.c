/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a page, its warnings, and the stable names of types, sources, statuses and flags. Invariant:
 * everything that a page points to lies in its own arena, so dropping the page frees all of it. */
#include "docparse/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN "document"

static const char *const type_names[DP_BLOCK_TYPES] = {
    [DP_TITLE] = "title",         [DP_HEADING] = "heading",
    [DP_PARAGRAPH] = "paragraph", [DP_LIST] = "list",
    [DP_LIST_ITEM] = "list_item", [DP_TABLE] = "table",
    [DP_FIGURE] = "figure",       [DP_CHART] = "chart",
    [DP_FORMULA] = "formula",     [DP_CODE] = "code",
    [DP_CAPTION] = "caption",     [DP_HEADER] = "header",
    [DP_FOOTER] = "footer",       [DP_PAGE_NUMBER] = "page_number",
    [DP_FOOTNOTE] = "footnote",   [DP_REFERENCE] = "reference",
    [DP_STAMP] = "stamp",         [DP_HANDWRITING] = "handwriting",
    [DP_BARCODE] = "barcode",     [DP_MUSIC] = "music",
    [DP_CHEMISTRY] = "chemistry", [DP_OTHER] = "other",
};

static const char *const source_names[] = {
    [DP_FROM_TEXT_LAYER] = "text_layer",
    [DP_FROM_COMPACT] = "compact",
    [DP_FROM_VLM] = "vlm",
    [DP_FROM_REPAIR] = "repaired",
};

static const char *const span_names[DP_SPAN_KINDS] = {
    [DP_SPAN_FORMULA] = "formula", [DP_SPAN_SUPERSCRIPT] = "superscript", [DP_SPAN_SUBSCRIPT] = "subscript",
    [DP_SPAN_BOLD] = "bold",       [DP_SPAN_ITALIC] = "italic",           [DP_SPAN_MONO] = "mono",
    [DP_SPAN_LINK] = "link",
};

static const char *const status_names[] = {
    [DP_STATUS_OK] = "ok",
    [DP_STATUS_PARTIAL] = "partial",
    [DP_STATUS_FAILED] = "failed",
};

/* In the order of the bits of enum dp_flag. */
static const char *const flag_names[] = {
    "low_confidence", "unreadable", "text_layer_mismatch", "truncated_by_loop_guard",
    "truncated",      "repaired",   "bad_latex",           "vertical",
    "turned",         "hidden",     "box_guessed",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum b_code dp_page_new(int32_t number, size_t arena_bytes, struct dp_page **out, struct b_err *err)
{
    *out = NULL;
    if (number < 1)
        return b_fail(err, B_ARGUMENT, DOMAIN, "page numbers start at 1, not at %d", number);
    struct dp_page *page = calloc(1, sizeof *page);
    struct b_arena *arena = b_arena_new(arena_bytes);
    if (!page || !arena) {
        free(page);
        b_arena_drop(arena);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory for page %d", number);
    }
    page->arena = arena;
    page->number = number;
    *out = page;
    return B_OK;
}

void dp_page_drop(struct dp_page *page)
{
    if (!page)
        return;
    b_arena_drop(page->arena);
    free(page);
}

static bool full(const int32_t count)
{
    return (count & (count - 1)) == 0; /* the list of warnings doubles at every power of two */
}

static bool append_warning(struct dp_page *page, const char *text)
{
    const char *copy = b_arena_text(page->arena, text, strlen(text));
    if (!copy || page->n_warnings == INT32_MAX)
        return false;
    if (full(page->n_warnings)) {
        size_t room = page->n_warnings ? (size_t)page->n_warnings * 2 : 1;
        const char **more = B_ARENA_ARRAY(page->arena, room, const char *);
        if (!more)
            return false;
        if (page->n_warnings)
            memcpy(more, page->warnings, (size_t)page->n_warnings * sizeof *more);
        page->warnings = more;
    }
    page->warnings[page->n_warnings++] = copy;
    return true;
}

void dp_page_warn(struct dp_page *page, const char *fmt, ...)
{
    /* b_err's message is the house's formatter for text that quotes hostile input: it takes control
     * characters out and bounds the length. */
    char text[sizeof((struct b_err *)0)->message];
    struct b_err clean;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)b_fail(&clean, B_OK, DOMAIN, "%s", text);
    if (append_warning(page, clean.message) || page->status != DP_STATUS_OK)
        return;
    page->status = DP_STATUS_PARTIAL;
    (void)b_arena_refused(page->arena, DOMAIN, &page->error);
}

void dp_document_clear(struct dp_document *document)
{
    for (int32_t i = 0; i < document->n_pages; i++)
        dp_page_drop(document->pages[i]);
    free(document->pages);
    *document = (struct dp_document){0};
}

static int32_t first_span(const struct dp_page *page, int32_t block)
{
    int32_t low = 0, high = page->n_spans;
    while (low < high) {
        const int32_t mid = low + (high - low) / 2;
        if (page->spans[mid].block < block)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int32_t dp_spans_of(const struct dp_page *page, int32_t block, int32_t *first)
{
    *first = first_span(page, block);
    return first_span(page, block + 1) - *first;
}

const char *dp_block_type_name(enum dp_block_type type)
{
    return (size_t)type < DP_BLOCK_TYPES ? type_names[type] : "other";
}

const char *dp_span_kind_name(enum dp_span_kind kind)
{
    return (size_t)kind < DP_SPAN_KINDS ? span_names[kind] : "link";
}

const char *dp_source_kind_name(enum dp_source_kind kind)
{
    return (size_t)kind < COUNT(source_names) ? source_names[kind] : "repaired";
}

const char *dp_status_name(enum dp_status status)
{
    return (size_t)status < COUNT(status_names) ? status_names[status] : "failed";
}

const char *dp_flag_name(uint32_t bit)
{
    for (size_t i = 0; i < COUNT(flag_names); i++)
        if (bit == 1u << i)
            return flag_names[i];
    return NULL;
}
