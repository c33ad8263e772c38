/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse models pack`: the large model's weights in 8 or 4 bits, made once and kept in a file. */
#include "service/cli_models_pack.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/qwen25vl/qwen25vl.h"
#include "service/cli.h"

static int fail(const char *where, const struct b_err *err)
{
    svc_print_error(where, 0, err);
    return err->code == B_NOT_FOUND || err->code == B_FORMAT || err->code == B_UNSUPPORTED ? SVC_EXIT_SETUP
                                                                                           : SVC_EXIT_FAILED;
}

int svc_models_pack(const char *checkpoint, const char *quant, const char *folder, int threads)
{
    struct eng_qwen_options options = {.threads = threads, .packed = folder};
    struct eng_qwen *model = NULL;
    struct b_err err = {0};
    char path[4096];
    if (!quant || (strcmp(quant, "int8") != 0 && strcmp(quant, "int4") != 0))
        return svc_usage_error("models", "pack needs --quant int8 or --quant int4");
    options.precision = strcmp(quant, "int8") == 0 ? ENG_QWEN_INT8 : ENG_QWEN_INT4;
    if (eng_qwen_open(checkpoint, &options, &model, &err) != B_OK)
        return fail(checkpoint, &err);
    int result = SVC_EXIT_OK;
    if (eng_qwen_is_packed(model)) {
        printf("packed before: %.16s in %s, %s\n", eng_qwen_identity(model), quant, eng_qwen_isa(model));
    } else if (b_make_dirs(folder, &err) != B_OK || eng_qwen_pack(model, folder, path, sizeof path, &err) != B_OK) {
        result = fail(folder, &err);
    } else {
        printf("%s\n", path);
    }
    eng_qwen_drop(model);
    return result;
}
