/* SPDX-License-Identifier: Apache-2.0 */
/* Loading in one call for tests. */
#include "tests/support/load.h"

#include <string.h>
#include <sys/resource.h>

enum b_code t_load_options(const struct t_bytes *file, int number, const struct dp_loader_options *options,
                           struct dp_sheet *sheet, struct b_err *err)
{
    struct dp_source source;
    struct dp_loader *loader = NULL;
    *sheet = (struct dp_sheet){0};
    b_err_clear(err);
    enum b_code code = dp_source_of_bytes(file->data, file->size, "made", &options->limits, &source, err);
    if (code != B_OK)
        return code;
    code = dp_loader_open(&source, options, &loader, err);
    if (code == B_OK)
        code = dp_loader_page(loader, number, NULL, sheet, err);
    dp_loader_close(loader);
    dp_source_close(&source);
    return code;
}

enum b_code t_load(const struct t_bytes *file, int number, const struct dp_limits *limits, struct dp_sheet *sheet,
                   struct b_err *err)
{
    struct dp_loader_options options = {.limits = limits ? *limits : dp_limits_default()};
    return t_load_options(file, number, &options, sheet, err);
}

int t_pages(const struct t_bytes *file, const struct dp_limits *limits, struct b_err *err)
{
    struct dp_loader_options options = {.limits = limits ? *limits : dp_limits_default()};
    struct dp_source source;
    struct dp_loader *loader = NULL;
    int pages = -1;
    b_err_clear(err);
    if (dp_source_of_bytes(file->data, file->size, "made", &options.limits, &source, err) != B_OK)
        return -1;
    if (dp_loader_open(&source, &options, &loader, err) == B_OK)
        pages = dp_loader_info(loader)->page_count;
    dp_loader_close(loader);
    dp_source_close(&source);
    return pages;
}

const char *t_warning(const struct dp_sheet *sheet, const char *part)
{
    for (int32_t i = 0; i < sheet->n_warnings; i++)
        if (strstr(sheet->warnings[i], part))
            return sheet->warnings[i];
    return NULL;
}

long t_peak_kib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}
