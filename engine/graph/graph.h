/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_GRAPH_GRAPH_H
#define ENGINE_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/cancel.h"
#include "engine/base/err.h"

/* A neural network read from an ONNX file, checked, fused and ready to be planned for any input
 * size. Supports exactly the operator variants of the compact networks (see engine/graph/OPS.md);
 * anything else is B_UNSUPPORTED and names the node, never a wrong result. */
struct eng_graph;

#define ENG_MAX_DIMS 4
#define ENG_MAX_OUTPUTS 8

/* The memory that runners take turns in, of one network or of several: blocks, as many as runners ever worked at the same
 * time, each as large as the largest run so far. Thread-safe. */
struct eng_memory;
enum b_code eng_memory_new(struct eng_memory **out, struct b_err *err) B_MUST_CHECK;
void eng_memory_drop(struct eng_memory *memory); /* after the last runner */
struct eng_memory_state {
    size_t bytes, idle_bytes; /* of all blocks, of those not lent now */
    int blocks;
};
void eng_memory_look(struct eng_memory *memory, struct eng_memory_state *state);
/* Gives blocks that nobody has used for so long back to the system. */
void eng_memory_trim(struct eng_memory *memory, int64_t unused_ns);

struct eng_graph_options {
    struct eng_memory *memory; /* borrowed; where runners run. NULL: the network has one of its own */
    bool keep_inner; /* every value that the fused network computes stays for eng_runner_tap: for parity tests */
    bool ctc_argmax; /* the last softmax over classes becomes [N,T,2]: class index, probability */
};

/* Loads `path`; a hostile file gives an error and no more (every size, offset and shape is checked).
 * The result is immutable: any number of runners on any threads share its weights. Missing file:
 * B_NOT_FOUND. */
enum b_code eng_graph_load(const char *path, const struct eng_graph_options *options, struct eng_graph **out,
                           struct b_err *err) B_MUST_CHECK;
/* The same from memory; used by the fuzz target and by tests. */
enum b_code eng_graph_parse(const uint8_t *data, size_t size, const struct eng_graph_options *options,
                            struct eng_graph **out, struct b_err *err) B_MUST_CHECK;
void eng_graph_drop(struct eng_graph *graph); /* after the last runner */

/* Value of a metadata_props key such as "character", or NULL; borrowed, lives as long as the graph. */
const char *eng_graph_metadata(const struct eng_graph *graph, const char *key, size_t *len);

int eng_graph_output_count(const struct eng_graph *graph);

/* fp32 tensor, row-major (NCHW for images); borrowed. */
struct eng_tensor {
    const float *data;
    int n_dims;
    int64_t dims[ENG_MAX_DIMS];
};

/* Execution state: a bounded cache of instances planned for an input shape. The memory in which they run is lent from
 * the first eng_runner_input on until eng_runner_rest. One thread at a time; one runner per worker. */
struct eng_runner;

struct eng_runner_options {
    int threads;         /* OpenMP threads inside one run; >= 1 */
    int max_plans;       /* planned shapes kept, least recently used dropped; 0: default 48 */
    size_t memory_bytes; /* budget for activations of one plan; 0: default 2 GiB */
};

enum b_code eng_runner_new(const struct eng_graph *graph, const struct eng_runner_options *options,
                           struct eng_runner **out, struct b_err *err) B_MUST_CHECK;
void eng_runner_drop(struct eng_runner *runner);

/* Changes the OpenMP thread count from the next eng_runner_input on (a shape is planned once for each count).
 * The result's bytes do not depend on it. */
void eng_runner_set_threads(struct eng_runner *runner, int threads);

/* Where the caller writes the network's input for shape dims (row-major fp32); planned on first use.
 * Valid until the next eng_runner_input call; a run may overwrite it, so write it again before another. */
enum b_code eng_runner_input(struct eng_runner *runner, const int64_t dims[4], float **input,
                             struct b_err *err) B_MUST_CHECK;

/* Runs on what was written to the input; outputs[0..eng_graph_output_count) are borrowed until the
 * next call on this runner. cancel is polled between layers. */
enum b_code eng_runner_run(struct eng_runner *runner, struct eng_tensor outputs[ENG_MAX_OUTPUTS],
                           struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* Gives the memory back for other runners to use; inputs and outputs are gone. To be called when a run's outputs have
 * been looked at and another run may be a while away. */
void eng_runner_rest(struct eng_runner *runner);

/* After a run of a graph loaded with keep_inner: copy of the inner value `name` as row-major fp32 into
 * values[0..max); *count gets its size. For parity tests. */
enum b_code eng_runner_tap(struct eng_runner *runner, const char *name, float *values, size_t max, size_t *count,
                           struct b_err *err) B_MUST_CHECK;

#endif
