/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a page and a document's facts as decoders answer with them into the folder given: seeds for fuzz_sheet_wire. */
#include <stdio.h>

#include "docparse/sheet_wire.h"
#include "tests/support/sheets.h"

static void save(const char *folder, const char *name, struct b_buf *buf)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "wb") : NULL;
    if (!f || fwrite(buf->data, 1, buf->len, f) != buf->len || fclose(f) != 0)
        fprintf(stderr, "cannot write %s/%s\n", folder, name);
    b_buf_free(buf);
}

int main(int argc, char **argv)
{
    static const struct dp_outline_item items[] = {{"Chapter", 0, 1}, {"Section", 1, 3}};
    const struct dp_file_info info = {.page_count = 3, .title = "A title", .outline = items, .n_outline = 2};
    struct dp_sheet sheet;
    struct b_buf buf;
    if (argc != 2)
        return 2;
    b_buf_init(&buf, 65536);
    t_sheet_make(&sheet, 1);
    dp_sheet_write(&buf, &sheet);
    dp_sheet_free(&sheet);
    save(argv[1], "sheet", &buf);
    dp_file_info_write(&buf, &info);
    save(argv[1], "info", &buf);
    return 0;
}
