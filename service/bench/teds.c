/* SPDX-License-Identifier: Apache-2.0 */
/* TEDS: libxml2 repairs the HTML (the protocol's own parser is built on it), the algorithm of Zhang and Shasha
 * (1989) computes the exact ordered tree edit distance. */
#include "service/bench/teds.h"

#include <math.h>
#include <string.h>

#include <libxml/HTMLparser.h>

#include "service/bench/distance.h"

#define MAX_NODES 6000      /* of one table */
#define MAX_PAIRS 16000000u /* cells of one distance matrix: 128 MB */
#define FIRST_TAG 0x110000u /* tags inside cells are numbered from here, behind all code points */

struct node {
    const char *tag;
    long colspan, rowspan; /* -1: not a cell */
    struct bm_str content;
    size_t left; /* post-order number of its leftmost leaf */
};

struct tree {
    struct node *nodes; /* in post-order, from 1 */
    size_t n, elements;
    bool bad;
};

/* Names of tags met so far, for the tokens inside cells. */
struct tags {
    const char *names[256];
    size_t n;
};

struct loader {
    struct bm_mem *mem;
    struct tags *tags;
    struct tree *tree;
    bool structure_only;
};

static uint32_t token_of(struct tags *tags, const char *name, bool end)
{
    size_t i = 0;
    while (i < tags->n && strcmp(tags->names[i], name) != 0)
        i++;
    if (i == tags->n && i < 256)
        tags->names[tags->n++] = name;
    return FIRST_TAG + (uint32_t)i * 2 + end;
}

static void put_text(struct bm_mem *mem, const xmlNode *node, struct bm_out *out)
{
    for (; node && node->type != XML_ELEMENT_NODE; node = node->next)
        if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE)
            bm_put(out, bm_from(mem, (const char *)node->content));
}

/* Tokens of what is inside an element; libxml2 bounds the depth. */
static void put_tokens(struct loader *l, const xmlNode *element, struct bm_out *out)
{
    put_text(l->mem, element->children, out);
    for (const xmlNode *n = element->children; n; n = n->next) {
        if (n->type != XML_ELEMENT_NODE)
            continue;
        const char *name = (const char *)n->name;
        bm_putc(out, token_of(l->tags, name, false));
        put_tokens(l, n, out);
        bm_putc(out, token_of(l->tags, name, true));
        if (strcmp(name, "td") != 0)
            put_text(l->mem, n->next, out);
    }
}

/* A span as the protocol reads it: a whole number, 1 when absent. */
static bool read_span(const xmlNode *cell, const char *name, long *out)
{
    const xmlAttr *attr = cell->properties;
    while (attr && strcmp((const char *)attr->name, name) != 0)
        attr = attr->next;
    *out = 1;
    if (!attr)
        return true;
    const char *text = attr->children && attr->children->content ? (const char *)attr->children->content : "";
    while (*text == ' ' || (*text >= 9 && *text <= 13))
        text++;
    bool minus = *text == '-';
    text += *text == '-' || *text == '+';
    long value = 0;
    size_t digits = 0;
    for (; *text >= '0' && *text <= '9'; text++, digits++)
        value = value > 100000 ? value : value * 10 + (*text - '0');
    while (*text == ' ' || (*text >= 9 && *text <= 13))
        text++;
    *out = minus ? -value : value;
    return digits > 0 && *text == 0;
}

/* Appends the element behind its descendants and returns its number. */
static size_t load(struct loader *l, const xmlNode *element)
{
    struct tree *t = l->tree;
    struct node node = {.tag = (const char *)element->name, .colspan = -1, .rowspan = -1};
    bool cell = strcmp(node.tag, "td") == 0;
    size_t left = 0;
    if (cell) {
        struct bm_out content = bm_out_on(l->mem);
        if (!l->structure_only)
            put_tokens(l, element, &content);
        node.content = bm_taken(&content);
        if (!read_span(element, "colspan", &node.colspan) || !read_span(element, "rowspan", &node.rowspan))
            t->bad = true;
    }
    for (const xmlNode *n = element->children; n && !cell; n = n->next) {
        if (n->type != XML_ELEMENT_NODE)
            continue;
        size_t child = load(l, n);
        if (left == 0 && child)
            left = t->nodes[child].left;
    }
    if (t->n >= MAX_NODES) {
        t->bad = true;
        return 0;
    }
    t->n++;
    node.left = left ? left : t->n;
    t->nodes[t->n] = node;
    return t->n;
}

static size_t count_elements(const xmlNode *element)
{
    size_t n = 0;
    for (const xmlNode *c = element->children; c; c = c->next)
        if (c->type == XML_ELEMENT_NODE)
            n += 1 + count_elements(c);
    return n;
}

static const xmlNode *child_named(const xmlNode *parent, const char *name)
{
    for (const xmlNode *n = parent ? parent->children : NULL; n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
            return n;
    return NULL;
}

static htmlDocPtr parse(struct bm_mem *mem, struct bm_str html)
{
    const char *text = bm_utf8(mem, html);
    size_t n = strlen(text);
    if (n > 64u << 20)
        return NULL;
    return htmlReadMemory(text, (int)n, NULL, "UTF-8",
                          HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                              HTML_PARSE_COMPACT);
}

static double rename_cost(struct bm_mem *mem, const struct node *a, const struct node *b)
{
    if (strcmp(a->tag, b->tag) != 0 || a->colspan != b->colspan || a->rowspan != b->rowspan)
        return 1.0;
    return bm_ned(mem, a->content, b->content);
}

static double least(double a, double b, double c)
{
    double ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Distance of the subtrees at i and j; fills `trees` for the pairs on their left paths. */
static void subtree_distance(struct bm_mem *mem, const struct tree *a, const struct tree *b, size_t i, size_t j,
                             double *trees, double *forest)
{
    size_t li = a->nodes[i].left, lj = b->nodes[j].left, wide = b->n + 1, row = j - lj + 2;
    forest[0] = 0;
    for (size_t x = li; x <= i; x++)
        forest[(x - li + 1) * row] = forest[(x - li) * row] + 1;
    for (size_t y = lj; y <= j; y++)
        forest[y - lj + 1] = forest[y - lj] + 1;
    for (size_t x = li; x <= i; x++)
        for (size_t y = lj; y <= j; y++) {
            size_t at = (x - li + 1) * row + (y - lj + 1);
            double remove = forest[at - row] + 1, insert = forest[at - 1] + 1;
            size_t lx = a->nodes[x].left, ly = b->nodes[y].left;
            if (lx == li && ly == lj) {
                double both = forest[at - row - 1] + rename_cost(mem, &a->nodes[x], &b->nodes[y]);
                forest[at] = least(remove, insert, both);
                trees[x * wide + y] = forest[at];
            } else {
                forest[at] = least(remove, insert, forest[(lx - li) * row + (ly - lj)] + trees[x * wide + y]);
            }
        }
}

/* Is `i` the highest node with its leftmost leaf? */
static bool is_key(const struct tree *t, size_t i, bool *seen)
{
    bool key = !seen[t->nodes[i].left];
    seen[t->nodes[i].left] = true;
    return key;
}

static size_t key_roots(struct bm_mem *mem, const struct tree *t, size_t *keys)
{
    bool *seen = BM_ARRAY(mem, t->n + 1, bool);
    size_t n = 0;
    if (!seen)
        return 0;
    for (size_t i = t->n; i > 0; i--)
        if (is_key(t, i, seen))
            keys[n++] = i;
    for (size_t i = 0; i < n / 2; i++) {
        size_t swap = keys[i];
        keys[i] = keys[n - 1 - i];
        keys[n - 1 - i] = swap;
    }
    return n;
}

static double tree_distance(struct bm_mem *mem, const struct tree *a, const struct tree *b)
{
    size_t pairs = (a->n + 1) * (b->n + 1);
    double *trees = BM_ARRAY(mem, pairs, double), *forest = BM_ARRAY(mem, (a->n + 2) * (b->n + 2), double);
    size_t *ka = BM_ARRAY(mem, a->n, size_t), *kb = BM_ARRAY(mem, b->n, size_t);
    if (mem->failed)
        return INFINITY;
    size_t na = key_roots(mem, a, ka), nb = key_roots(mem, b, kb);
    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++)
            subtree_distance(mem, a, b, ka[i], kb[j], trees, forest);
    return trees[a->n * (b->n + 1) + b->n];
}

static bool load_tree(struct bm_mem *mem, const xmlDoc *doc, struct tags *tags, bool structure_only, struct tree *t)
{
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    const xmlNode *table = child_named(child_named(root, "body"), "table");
    struct loader l = {mem, tags, t, structure_only};
    if (!table)
        return false;
    t->elements = count_elements(table);
    size_t room = t->elements < MAX_NODES ? t->elements + 2 : MAX_NODES + 1;
    t->nodes = BM_ARRAY(mem, room, struct node);
    if (!t->nodes)
        return false;
    (void)load(&l, table);
    return !t->bad;
}

double bm_teds(struct bm_mem *mem, struct bm_str pred, struct bm_str truth, bool structure_only)
{
    if (pred.n == 0 || truth.n == 0)
        return 0;
    struct tags *tags = BM_ARRAY(mem, 1, struct tags);
    struct tree a = {0}, b = {0};
    htmlDocPtr doc_a = parse(mem, pred), doc_b = parse(mem, truth);
    double score = 0;
    if (tags && load_tree(mem, doc_a, tags, structure_only, &a) && load_tree(mem, doc_b, tags, structure_only, &b) &&
        (a.n + 2) * (b.n + 2) <= MAX_PAIRS) {
        size_t larger = a.elements > b.elements ? a.elements : b.elements;
        double distance = tree_distance(mem, &a, &b);
        if (!mem->failed && larger > 0)
            score = 1.0 - distance / (double)larger;
    }
    if (doc_a)
        xmlFreeDoc(doc_a);
    if (doc_b)
        xmlFreeDoc(doc_b);
    return score;
}
