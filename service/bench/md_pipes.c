/* SPDX-License-Identifier: Apache-2.0 */
/* Pipe tables as HTML. The protocol turns every row into a table of its own and then merges neighbouring
 * tables line by line; what it loses on the way (rows with a colon or three dashes before a body row) is lost
 * here as well, because scores must agree. */
#include "service/bench/md_filter.h"

/* The next "|...|\n": from a pipe to the first pipe that ends a line. */
static bool next_row(struct bm_str text, size_t from, size_t *start, size_t *end)
{
    *start = bm_find_cp(text, from, '|');
    if (*start == BM_NONE)
        return false;
    *end = bm_find(text, *start + 1, "|\n");
    if (*end == BM_NONE)
        return false;
    *end += 2;
    return true;
}

size_t bm_count_pipe_rows(struct bm_str markdown)
{
    size_t n = 0, start, end = 0;
    while (next_row(markdown, end, &start, &end))
        n++;
    return n;
}

static size_t split(struct bm_mem *mem, struct bm_str text, uint32_t at, struct bm_str **out)
{
    size_t n = 1, k = 0, from = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.cp[i] == at;
    struct bm_str *parts = BM_ARRAY(mem, n, struct bm_str);
    *out = parts;
    if (!parts)
        return 0;
    for (size_t i = 0; i <= text.n; i++)
        if (i == text.n || text.cp[i] == at) {
            parts[k++] = bm_slice(text, from, i);
            from = i + 1;
        }
    return k;
}

static void put_cells(struct bm_mem *mem, struct bm_str row, const char *open, const char *close, struct bm_out *out)
{
    struct bm_str *cells;
    size_t n = split(mem, bm_strip(row), '|', &cells);
    for (size_t i = 1; i + 1 < n; i++) {
        bm_puts(out, open);
        bm_put(out, bm_strip(cells[i]));
        bm_puts(out, close);
    }
}

static void put_table(struct bm_mem *mem, struct bm_str match, struct bm_out *out)
{
    struct bm_str *rows;
    size_t n = split(mem, bm_strip(match), '\n', &rows);
    if (n == 0)
        return;
    bm_puts(out, "<table>\n  <thead>\n    <tr>\n");
    put_cells(mem, rows[0], "      <th>", "</th>\n", out);
    bm_puts(out, "    </tr>\n  </thead>\n  <tbody>\n");
    for (size_t i = 2; i < n; i++) {
        bm_puts(out, "    <tr>\n");
        put_cells(mem, rows[i], "      <td>", "</td>\n", out);
        bm_puts(out, "    </tr>\n");
    }
    bm_puts(out, "  </tbody>\n</table>\n");
}

static bool has(struct bm_str text, const char *what)
{
    return bm_find(text, 0, what) != BM_NONE;
}

static bool is_table_line(struct bm_str line)
{
    static const char *const tags[] = {"<table>", "</table>", "<thead>", "</thead>", "<tbody>", "</tbody>"};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (has(line, tags[i]))
            return true;
    return false;
}

/* Joins the rows of all tables in `block` into one. */
static void put_merged(struct bm_mem *mem, struct bm_str block, struct bm_out *out)
{
    bool first = true;
    bm_puts(out, "\n\n<table>\n");
    for (size_t at = bm_find(block, 0, "<table>"); at != BM_NONE;) {
        size_t end = bm_find(block, at, "</table>");
        if (end == BM_NONE)
            break;
        struct bm_str *lines;
        size_t n = split(mem, bm_slice(block, at, end + 8), '\n', &lines), kept = 0;
        for (size_t i = 0; i < n; i++)
            if (!is_table_line(lines[i]))
                lines[kept++] = lines[i];
        for (size_t i = 0; kept > 2 && i < kept; i++) {
            if (!first)
                bm_putc(out, '\n');
            first = false;
            bm_put(out, bm_replace(mem, bm_replace(mem, lines[i], "<th>", "<td>"), "</th>", "</td>"));
        }
        at = bm_find(block, end + 8, "<table>");
    }
    bm_puts(out, "\n</table>\n\n");
}

static bool is_mode_line(struct bm_str line)
{
    return bm_find_cp(line, 0, ':') != BM_NONE || has(line, "---");
}

struct merger {
    struct bm_mem *mem;
    struct bm_out out, block;
    bool any;
};

static void emit(struct merger *m, struct bm_str line)
{
    if (m->any)
        bm_putc(&m->out, '\n');
    m->any = true;
    bm_put(&m->out, line);
}

static void emit_block(struct merger *m)
{
    if (m->any)
        bm_putc(&m->out, '\n');
    m->any = true;
    put_merged(m->mem, bm_taken(&m->block), &m->out);
    m->block = bm_out_on(m->mem);
}

static struct bm_str merge_neighbours(struct bm_mem *mem, struct bm_str text)
{
    struct bm_str *lines, last = {NULL, 0};
    size_t n = split(mem, text, '\n', &lines);
    struct merger m = {mem, bm_out_on(mem), bm_out_on(mem), false};
    bool inside = false;
    for (size_t i = 0; i < n; i++) {
        if (has(lines[i], "<table>")) {
            inside = true;
            bm_put(&m.block, last);
        } else if (inside) {
            if (!is_mode_line(last) && !has(last, "</thead>")) {
                bm_putc(&m.block, '\n');
                bm_put(&m.block, last);
            }
            if (has(last, "</table>")) {
                inside = false;
                emit_block(&m);
            }
        } else {
            emit(&m, last);
        }
        last = lines[i];
    }
    if (last.n && (inside || has(last, "</table>"))) {
        bm_putc(&m.block, '\n');
        bm_put(&m.block, last);
        emit_block(&m);
    } else if (last.n) {
        emit(&m, last);
    }
    return bm_taken(&m.out);
}

struct bm_str bm_pipes_to_html(struct bm_mem *mem, struct bm_str markdown)
{
    struct bm_out whole = bm_out_on(mem), out = bm_out_on(mem);
    bm_put(&whole, bm_replace(mem, markdown, "\r", ""));
    bm_putc(&whole, '\n');
    struct bm_str text = bm_taken(&whole);
    size_t at = 0, start, end;
    while (next_row(text, at, &start, &end)) {
        bm_put(&out, bm_slice(text, at, start));
        put_table(mem, bm_slice(text, start, end), &out);
        at = end;
    }
    bm_put(&out, bm_slice(text, at, text.n));
    text = merge_neighbours(mem, bm_taken(&out));
    text = bm_replace(mem, text, "<table>", "<table border=\"1\" >");
    return bm_replace(mem, text, "<td>", "<td colspan=\"1\" rowspan=\"1\">");
}
