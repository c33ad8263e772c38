/* SPDX-License-Identifier: Apache-2.0 */
/* What a PDF says about itself: metadata, dates, outline. All of it is optional and none of it is trusted:
 * texts are cleaned and cut, the outline is bounded in depth and length. */
#include <string.h>

#include "docparse/pdf_private.h"
#include "docparse/pdf_raw.h"
#include "engine/base/utf8.h"

#define TEXT_BYTES_MAX 4096 /* of one metadata string or outline title */
#define OUTLINE_ITEMS_MAX 20000
#define OUTLINE_DEPTH_MAX 32 /* deeper trees only come from loops */

/* Takes a GLib string: clean UTF-8 in the arena, without control characters and outer spaces; NULL when
 * nothing is left. */
static const char *take_text(struct dp_pdf *pdf, gchar *text)
{
    if (!text)
        return NULL;
    size_t len = strnlen(text, TEXT_BYTES_MAX), n = 0;
    char *out = b_arena_alloc(pdf->arena, len * 3 + 5, 1);
    for (size_t pos = 0; out && pos < len;) {
        uint32_t cp = b_utf8_next(text, len, &pos);
        bool blank = b_cp_is_space(cp) || b_cp_is_control(cp);
        if (blank && n == 0)
            continue;
        n += b_utf8_put(blank ? ' ' : cp, out + n);
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    if (out)
        out[n] = '\0';
    g_free(text);
    return n ? out : NULL;
}

/* ISO 8601 with the offset the file gives. */
static const char *take_date(struct dp_pdf *pdf, GDateTime *date)
{
    if (!date)
        return NULL;
    bool utc = g_date_time_get_utc_offset(date) == 0;
    gchar *text = g_date_time_format(date, utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%S%:z");
    g_date_time_unref(date);
    return take_text(pdf, text);
}

struct outline {
    struct dp_pdf *pdf;
    struct dp_outline_item *items;
    size_t count, cap;
    int32_t page_count;
};

static int32_t page_of(const struct outline *o, const PopplerAction *action)
{
    if (!action || action->type != POPPLER_ACTION_GOTO_DEST || !action->goto_dest.dest)
        return 0;
    const PopplerDest *dest = action->goto_dest.dest;
    int32_t page = dest->page_num;
    if (dest->type == POPPLER_DEST_NAMED && dest->named_dest) {
        PopplerDest *found = poppler_document_find_dest(o->pdf->document, dest->named_dest);
        page = found ? found->page_num : 0;
        if (found)
            poppler_dest_free(found);
    }
    return page >= 1 && page <= o->page_count ? page : 0;
}

static void add_item(struct outline *o, PopplerIndexIter *iter, int level)
{
    PopplerAction *action = poppler_index_iter_get_action(iter);
    if (!action)
        return;
    const char *title = take_text(o->pdf, g_strdup(action->any.title));
    if (title && o->count == o->cap) {
        struct dp_outline_item *grown = b_arena_grow(o->pdf->arena, o->items, o->count, &o->cap, sizeof *grown);
        if (grown)
            o->items = grown;
        else
            title = NULL;
    }
    if (title)
        o->items[o->count++] = (struct dp_outline_item){title, level, page_of(o, action)};
    poppler_action_free(action);
}

/* Takes iter. */
static void walk_outline(struct outline *o, PopplerIndexIter *iter, int level, int depth_max)
{
    for (bool more = iter != NULL; more && o->count < OUTLINE_ITEMS_MAX; more = poppler_index_iter_next(iter)) {
        add_item(o, iter, level);
        if (level + 1 < depth_max)
            walk_outline(o, poppler_index_iter_get_child(iter), level + 1, depth_max);
    }
    if (iter)
        poppler_index_iter_free(iter);
}

static void read_outline(struct dp_pdf *pdf, struct dp_file_info *info)
{
    struct outline o = {.pdf = pdf, .page_count = info->page_count};
    int depth = pdf->options.limits.nesting < OUTLINE_DEPTH_MAX ? pdf->options.limits.nesting : OUTLINE_DEPTH_MAX;
    walk_outline(&o, poppler_index_iter_new(pdf->document), 0, depth);
    info->outline = o.items;
    info->n_outline = (int32_t)o.count;
}

/* First text between two marks of the XMP metadata. */
static const char *between(struct dp_pdf *pdf, const char *xmp, const char *outer, const char *before, char after)
{
    const char *at = xmp ? strstr(xmp, outer) : NULL;
    at = at ? strstr(at, before) : NULL;
    if (!at)
        return NULL;
    at += strlen(before);
    const char *end = strchr(at, after);
    return end ? take_text(pdf, g_strndup(at, (gsize)(end - at))) : NULL;
}

static void read_flags(struct dp_pdf *pdf, struct dp_file_info *info)
{
    gsize size;
    struct dp_pdf_raw raw;
    const uint8_t *data = g_bytes_get_data(pdf->bytes, &size);
    gchar *xmp = poppler_document_get_metadata(pdf->document);
    dp_pdf_raw_read(data, size, &raw);
    info->encrypted = raw.encrypted;
    info->repaired = raw.repaired;
    info->tagged = raw.tagged || (xmp && strstr(xmp, "pdfuaid:part"));
    info->language = take_text(pdf, g_strdup(raw.language));
    if (!info->language)
        info->language = between(pdf, xmp, "<dc:language>", "<rdf:li>", '<');
    g_free(xmp);
    if (!raw.has_units)
        return;
    pdf->units = B_ARENA_ARRAY(pdf->arena, (size_t)info->page_count, float);
    if (pdf->units)
        (void)dp_pdf_raw_units(data, size, pdf->units, info->page_count);
}

enum b_code dp_pdf_read_info(struct dp_pdf *pdf, struct dp_file_info *info, struct b_err *err)
{
    PopplerDocument *d = pdf->document;
    info->page_count = pdf->n_pages = poppler_document_get_n_pages(d);
    if (info->page_count < 1) {
        (void)b_fail(err, B_FORMAT, DP_PDF_DOMAIN, "the document has no pages");
        b_advise(err, "it may be damaged: fetch it again");
        return B_FORMAT;
    }
    info->title = take_text(pdf, poppler_document_get_title(d));
    info->author = take_text(pdf, poppler_document_get_author(d));
    info->subject = take_text(pdf, poppler_document_get_subject(d));
    info->keywords = take_text(pdf, poppler_document_get_keywords(d));
    info->creator = take_text(pdf, poppler_document_get_creator(d));
    info->producer = take_text(pdf, poppler_document_get_producer(d));
    info->created = take_date(pdf, poppler_document_get_creation_date_time(d));
    info->modified = take_date(pdf, poppler_document_get_modification_date_time(d));
    info->version = take_text(pdf, poppler_document_get_pdf_version_string(d));
    read_flags(pdf, info);
    read_outline(pdf, info);
    return B_OK;
}
