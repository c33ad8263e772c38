/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a network: loading, planning and running may refuse but not misbehave. */
#include <stdint.h>
#include <string.h>

#include "engine/graph/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_once(const struct eng_graph *g, const int64_t dims[4])
{
    const struct eng_runner_options options = {.threads = 1, .max_plans = 2, .memory_bytes = 4u << 20};
    struct eng_runner *r = NULL;
    struct eng_tensor out[ENG_MAX_OUTPUTS];
    float *input = NULL;
    if (eng_runner_new(g, &options, &r, NULL) != B_OK)
        return;
    if (eng_runner_input(r, dims, &input, NULL) == B_OK) {
        memset(input, 0, (size_t)(dims[0] * dims[1] * dims[2] * dims[3]) * sizeof *input);
        if (eng_runner_run(r, out, NULL, NULL) == B_OK)
            for (int i = 0; i < eng_graph_output_count(g); i++) {
                volatile float first = out[i].data[0];
                (void)first;
            }
    }
    eng_runner_drop(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct b_err err;
    for (int mode = 0; mode < 2; mode++) {
        const struct eng_graph_options options = {.keep_inner = mode == 1, .ctc_argmax = mode == 1};
        struct eng_graph *g = NULL;
        if (eng_graph_parse(data, size, &options, &g, &err) != B_OK)
            continue;
        run_once(g, (const int64_t[]){1, 3, 16, 24});
        run_once(g, (const int64_t[]){2, 3, 5, 7});
        eng_graph_drop(g);
    }
    return 0;
}
