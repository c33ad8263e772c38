/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the sample networks as seed files into the folder given as argument; the build runs it. */
#include <stdio.h>

#include "tests/support/onnx_maker.h"

int main(int argc, char **argv)
{
    struct t_onnx m;
    for (int i = 0; argc == 2 && t_onnx_sample(i, &m); i++) {
        char path[4096];
        size_t size;
        const uint8_t *data = t_onnx_end(&m, &size);
        if (snprintf(path, sizeof path, "%s/sample%d.onnx", argv[1], i) >= (int)sizeof path)
            return 1;
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
            return 1;
        t_onnx_free(&m);
    }
    return argc == 2 ? 0 : 2;
}
