/* SPDX-License-Identifier: Apache-2.0 */
/* Structure by libxml2's HTML push parser. It is told a skeleton only: whole tags of known names without
 * attributes and without any text, one a call. So it decides what closes what (implied ends, misplaced end
 * tags), its answers come within the call, and none of its limits or copies touch the text. The skeleton
 * starts with <html><body>, therefore nothing is implied later. Rows, cells and parts of tables are not told:
 * they stand in the innermost table and nowhere else, which markup_tags.c sees to. */
#include <libxml/HTMLparser.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/markup_private.h"

#define PREFIX "<html><body>"

struct mk_tree {
    htmlParserCtxtPtr ctxt;
};

static const char *skeleton_of(int name)
{
    const char *s = mk_name_at(name)->skeleton;
    return s ? s : "div"; /* marks of text that carry a box become blocks */
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar **attributes)
{
    struct dp_markup *m = ctx;
    (void)attributes;
    if (!m->starting || strcmp((const char *)name, skeleton_of(m->starting->name)) != 0)
        return; /* html and body of the prefix */
    const struct mk_tag *tag = m->starting;
    m->starting = NULL;
    mk_build_start(m, tag);
    m->stack[m->depth - 1].told = true;
}

static void on_end(void *ctx, const xmlChar *name)
{
    struct dp_markup *m = ctx;
    (void)name;
    while (m->depth > 1 && !m->stack[m->depth - 1].told)
        mk_build_end(m); /* rows and cells above it */
    if (m->depth > 1)
        mk_build_end(m);
}

bool mk_tree_open(struct dp_markup *m)
{
    htmlSAXHandler sax;
    memset(&sax, 0, sizeof sax);
    sax.startElement = on_start;
    sax.endElement = on_end;
    m->tree = calloc(1, sizeof *m->tree);
    if (!m->tree)
        return false;
    m->tree->ctxt = htmlCreatePushParserCtxt(&sax, m, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (!m->tree->ctxt)
        return false;
    return htmlParseChunk(m->tree->ctxt, PREFIX, (int)sizeof PREFIX - 1, 0) == 0;
}

void mk_tree_drop(struct mk_tree *tree)
{
    if (!tree)
        return;
    if (tree->ctxt)
        htmlFreeParserCtxt(tree->ctxt);
    free(tree);
}

static void feed(struct dp_markup *m, const char *open, const char *name)
{
    char tag[24];
    const size_t a = strlen(open), b = strlen(name);
    memcpy(tag, open, a);
    memcpy(tag + a, name, b);
    tag[a + b] = '>';
    const int code = htmlParseChunk(m->tree->ctxt, tag, (int)(a + b + 1), 0);
    if (code == XML_ERR_NO_MEMORY)
        m->full.memory = true;
}

void mk_tree_start(struct dp_markup *m, const struct mk_tag *tag)
{
    m->starting = tag;
    feed(m, "<", skeleton_of(tag->name));
    m->starting = NULL;
}

void mk_tree_end(struct dp_markup *m, int name)
{
    m->ending = name;
    feed(m, "</", skeleton_of(name));
    m->ending = -1;
}

void mk_tree_close_top(struct dp_markup *m)
{
    const int depth = m->depth;
    if (m->stack[depth - 1].told)
        feed(m, "</", skeleton_of(m->stack[depth - 1].name));
    if (m->depth >= depth)
        mk_build_end(m); /* keeps loops over open elements finite whatever the library does */
}

uint32_t mk_tree_entity(const char *name, size_t len)
{
    char copy[MK_ENTITY_MAX];
    if (len == 0 || len >= sizeof copy)
        return 0;
    memcpy(copy, name, len);
    copy[len] = '\0';
    const htmlEntityDesc *entity = htmlEntityLookup((const xmlChar *)copy);
    return entity ? entity->value : strcmp(copy, "apos") == 0 ? '\'' : 0;
}
