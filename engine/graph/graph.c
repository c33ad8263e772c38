/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: file -> nodes -> fused nodes with packed weights. Immutable afterwards. */
#include "engine/graph/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/graph/graph_private.h"

#define GRAPH_BYTES ((size_t)1 << 30)
#define MAX_FILE ((uint64_t)1 << 30)

static enum b_code parse(struct eng_graph *g, const uint8_t *data, size_t size, struct b_err *err)
{
    g->arena = b_arena_new(GRAPH_BYTES);
    if (!g->arena)
        return b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
    enum b_code code = gr_read(data, size, g, err);
    return code == B_OK ? gr_fuse(g, err) : code;
}

enum b_code eng_graph_parse(const uint8_t *data, size_t size, const struct eng_graph_options *options,
                            struct eng_graph **out, struct b_err *err)
{
    *out = NULL;
    struct eng_graph *g = calloc(1, sizeof *g);
    if (!g)
        return b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
    if (options)
        g->options = *options;
    enum b_code code = g->options.memory ? B_OK : eng_memory_new(&g->own_memory, err);
    g->memory = g->own_memory ? g->own_memory : g->options.memory;
    if (code == B_OK)
        code = parse(g, data, size, err);
    if (code != B_OK) {
        eng_graph_drop(g);
        return code;
    }
    *out = g;
    return B_OK;
}

enum b_code eng_graph_load(const char *path, const struct eng_graph_options *options, struct eng_graph **out,
                           struct b_err *err)
{
    struct b_bytes bytes;
    *out = NULL;
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        (void)b_fail(err, B_NOT_FOUND, GR_DOMAIN, "there is no network at '%s'", path);
        b_advise(err, "run deploy/models.sh");
        return B_NOT_FOUND;
    }
    enum b_code code = b_bytes_map(path, MAX_FILE, &bytes, err);
    if (code != B_OK)
        return code;
    code = eng_graph_parse(bytes.data, bytes.size, options, out, err);
    b_bytes_close(&bytes);
    return code;
}

static void drop_weights(struct gr_weights *w)
{
    if (!w)
        return;
    eng_packed_drop(w->packed);
    eng_gemm_drop(w->gemm);
    eng_mlp_drop(w->mlp);
    w->packed = NULL;
    w->gemm = NULL;
    w->mlp = NULL;
}

static void drop_packed(struct eng_graph *g)
{
    for (int n = 0; n < g->n_nodes; n++) {
        const struct gr_node *node = &g->nodes[n];
        if (node->kind == GR_DEAD)
            continue;
        drop_weights(node->weights);
        if (node->hidden)
            drop_weights(node->hidden->weights);
    }
}

void eng_graph_drop(struct eng_graph *graph)
{
    if (!graph)
        return;
    if (graph->nodes)
        drop_packed(graph);
    b_arena_drop(graph->arena);
    eng_memory_drop(graph->own_memory);
    free(graph);
}

const char *eng_graph_metadata(const struct eng_graph *graph, const char *key, size_t *len)
{
    for (int i = 0; i < graph->n_metadata; i++)
        if (strcmp(graph->metadata[2 * i], key) == 0) {
            if (len)
                *len = graph->metadata_len[i];
            return graph->metadata[2 * i + 1];
        }
    return NULL;
}

int eng_graph_output_count(const struct eng_graph *graph)
{
    return graph->n_outputs;
}
