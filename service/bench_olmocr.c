/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse bench olmocr` (unit tests of pages) and `docparse bench cer` (errors against plain text). */
#include <dirent.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/file.h"
#include "service/bench/distance.h"
#include "service/bench/olmocr.h"
#include "service/bench_private.h"

#define ARENA_BYTES ((size_t)1 << 30)
#define MAX_FILES 4096

struct options {
    const char *data, *pred, *pdfs, *models, *json;
    int jobs;
    bool list;
};

struct tests {
    struct options o;
    struct bm_mem mem;
    struct svc_bench_reader *reader;
    struct b_cancel *cancel;
    json_t *pages; /* "pdf_pgN" -> Markdown, or null where there is none */
    size_t passed, run, skipped, without_page;
    json_t *results;
};

static void print_help(void)
{
    fputs("Usage: docparse bench olmocr --gt FILE.jsonl --pred DIR [OPTION]...\n"
          "Runs olmOCR-bench's unit tests (present, absent, order, table, baseline) on Markdown pages.\n\n"
          "      --gt FILE      tests, one JSON object a line\n"
          "      --pred DIR     pages named PDF_pgN_repeat1.md or PDF_pgN_pg1_repeat1.md\n"
          "      --pdfs DIR     documents: pages without a prediction are read and written to --pred DIR\n"
          "      --list         print every failed test\n"
          "      --json FILE    write the result of every test\n"
          "      --jobs N, --models DIR\n"
          "  -h, --help         this text\n\n"
          "Tests of formulas need a renderer and are counted apart. Tests whose page is missing are left out.\n",
          stdout);
}

static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"gt", required_argument, NULL, 'g'},
                                          {"pred", required_argument, NULL, 'p'},
                                          {"pdfs", required_argument, NULL, 'd'},
                                          {"models", required_argument, NULL, 'm'},
                                          {"json", required_argument, NULL, 'j'},
                                          {"jobs", required_argument, NULL, 'n'},
                                          {"list", no_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    *o = (struct options){.jobs = 2};
    long long jobs = 0;
    optind = 0;
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":h", longs, NULL)) != -1;) {
        switch (id) {
        case 'g':
            o->data = optarg;
            break;
        case 'p':
            o->pred = optarg;
            break;
        case 'd':
            o->pdfs = optarg;
            break;
        case 'm':
            o->models = optarg;
            break;
        case 'j':
            o->json = optarg;
            break;
        case 'l':
            o->list = true;
            break;
        case 'n':
            if (!svc_parse_number(optarg, 1, 256, &jobs))
                return svc_usage_error("bench", "--jobs takes 1 to 256, not '%s'", optarg);
            o->jobs = (int)jobs;
            break;
        case 'h':
            print_help();
            return SVC_EXIT_OK;
        default:
            return svc_option_error("bench", argv, longs, id);
        }
    }
    if (!o->data || !o->pred)
        return svc_usage_error("bench", "olmocr needs --gt and --pred");
    return -1;
}

static bool is_safe_path(const char *path)
{
    return path[0] != '/' && !strstr(path, "..") && strlen(path) < 1024;
}

/* Reads one document and writes its page's Markdown where the benchmark looks for it. */
static enum b_code read_document(struct tests *t, const char *pdf, const char *target, struct b_err *err)
{
    char path[4096], folder[4096];
    const struct svc_bench_want want = {.text_layer = true};
    struct svc_bench_page page = {0};
    (void)snprintf(path, sizeof path, "%s/%s", t->o.pdfs, pdf);
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(target, '/') - target), target);
    enum b_code code = t->reader ? B_OK : svc_bench_reader_new(t->o.models, NULL, t->o.jobs, &t->reader, err);
    if (code == B_OK)
        code = b_make_dirs(folder, err);
    if (code == B_OK)
        code = svc_bench_read(t->reader, path, &want, &page, t->cancel, err);
    if (code == B_OK)
        code = b_outfile_put(target, page.markdown, page.len, err);
    svc_bench_page_free(&page);
    return code;
}

/* Markdown of a page, read once; NULL when there is none. */
static const char *page_text(struct tests *t, const char *pdf, long page)
{
    char key[1200], path[4096];
    int stem = (int)strlen(pdf) - (strlen(pdf) > 4 && strcmp(pdf + strlen(pdf) - 4, ".pdf") == 0 ? 4 : 0);
    (void)snprintf(key, sizeof key, "%.*s_pg%ld", stem, pdf, page);
    const json_t *known = json_object_get(t->pages, key);
    if (known)
        return json_string_value(known);
    size_t len;
    char *text = NULL;
    struct b_err err = {0};
    (void)snprintf(path, sizeof path, "%s/%s_repeat1.md", t->o.pred, key);
    text = svc_bench_load(path, &len);
    if (!text) {
        (void)snprintf(path, sizeof path, "%s/%.*s_pg%ld_pg1_repeat1.md", t->o.pred, stem, pdf, page);
        text = svc_bench_load(path, &len);
    }
    if (!text && t->o.pdfs && page == 1) { /* the benchmark's documents are single pages */
        (void)snprintf(path, sizeof path, "%s/%s_repeat1.md", t->o.pred, key);
        if (read_document(t, pdf, path, &err) == B_OK)
            text = svc_bench_load(path, &len);
        else if (err.code != B_IO && err.code != B_NOT_FOUND)
            svc_print_error(pdf, 0, &err);
    }
    (void)json_object_set_new(t->pages, key, text ? json_string(text) : json_null());
    if (text) { /* every page has its baseline test */
        bool passed = bm_olmocr_baseline(&t->mem, bm_from(&t->mem, text)) == BM_PASSED;
        t->run++;
        t->passed += passed;
        if (!passed && t->o.list)
            printf("failed: %s baseline\n", key);
    }
    free(text);
    return json_string_value(json_object_get(t->pages, key));
}

static void run_line(struct tests *t, const char *line)
{
    json_t *test = json_loads(line, 0, NULL);
    const char *pdf = json_string_value(json_object_get(test, "pdf"));
    const char *id = json_string_value(json_object_get(test, "id"));
    const char *type = json_string_value(json_object_get(test, "type"));
    const char *page = NULL;
    b_arena_reset(t->mem.arena);
    if (pdf && id && type && is_safe_path(pdf))
        page = page_text(t, pdf, (long)json_integer_value(json_object_get(test, "page")));
    if (pdf && !page)
        t->without_page++;
    if (page) {
        enum bm_verdict verdict = bm_olmocr_test(&t->mem, line, bm_from(&t->mem, page));
        t->skipped += verdict == BM_NOT_RUN;
        t->run += verdict != BM_NOT_RUN;
        t->passed += verdict == BM_PASSED;
        if (verdict == BM_FAILED && t->o.list)
            printf("failed: %s %s (%s)\n", id, type, pdf);
        (void)json_object_set_new(t->results, id,
                                  verdict == BM_NOT_RUN ? json_null() : json_boolean(verdict == BM_PASSED));
    }
    json_decref(test);
}

static enum b_code write_results(const struct tests *t, struct b_err *err)
{
    char *text = json_dumps(t->results, JSON_INDENT(1));
    if (!text)
        return b_fail(err, B_NO_MEMORY, "bench", "no memory for the result");
    enum b_code code = b_outfile_put(t->o.json, text, strlen(text), err);
    free(text);
    return code;
}

int svc_bench_olmocr(int argc, char **argv, struct b_cancel *cancel)
{
    struct tests t = {.cancel = cancel};
    struct b_err err = {0};
    size_t len;
    int parsed = parse_options(argc, argv, &t.o), exit_code = SVC_EXIT_FAILED;
    if (parsed >= 0)
        return parsed;
    char *data = svc_bench_load(t.o.data, &len), *rest = data;
    t.mem = (struct bm_mem){b_arena_new(ARENA_BYTES), b_arena_new(ARENA_BYTES), false};
    t.pages = json_object();
    t.results = json_object();
    if (!data)
        (void)b_fail(&err, B_IO, "bench", "%s cannot be read", t.o.data);
    while (data && t.mem.arena && t.mem.scratch && rest && b_cancel_check(cancel, NULL) == B_OK) {
        char *line = strsep(&rest, "\n");
        if (line[0] == '{')
            run_line(&t, line);
    }
    if (data) {
        printf("olmOCR-bench: %zu of %zu tests passed; %zu need a formula renderer, %zu have no page\n", t.passed,
               t.run, t.skipped, t.without_page);
        exit_code = SVC_EXIT_OK;
        if (t.o.json && write_results(&t, &err) != B_OK)
            exit_code = SVC_EXIT_FAILED;
    }
    if (err.code != B_OK)
        svc_print_error("bench", 0, &err);
    svc_bench_reader_drop(t.reader);
    json_decref(t.pages);
    json_decref(t.results);
    free(data);
    b_arena_drop(t.mem.arena);
    b_arena_drop(t.mem.scratch);
    return exit_code;
}

/* --- cer --- */

struct errors {
    size_t chars, char_errors, words, word_errors, files, missing;
};

/* White space runs as one space. */
static struct bm_str folded(struct bm_mem *mem, const char *text)
{
    struct bm_out out = bm_out_on(mem);
    struct bm_str in = bm_strip(bm_nfc(mem, bm_from(mem, text)));
    for (size_t i = 0; i < in.n; i++)
        if (!bm_is_space(in.cp[i]))
            bm_putc(&out, in.cp[i]);
        else if (!bm_is_space(in.cp[i - 1]))
            bm_putc(&out, ' ');
    return bm_taken(&out);
}

/* Words as single numbers: equal words get equal ones. */
static struct bm_str word_numbers(struct bm_mem *mem, struct bm_str text, json_t *known)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t from = 0; from < text.n;) {
        size_t end = bm_find_cp(text, from, ' ');
        end = end == BM_NONE ? text.n : end;
        const char *word = bm_utf8(mem, bm_slice(text, from, end));
        const json_t *number = json_object_get(known, word);
        json_int_t value = number ? json_integer_value(number) : (json_int_t)json_object_size(known);
        if (!number)
            (void)json_object_set_new(known, word, json_integer(value));
        bm_putc(&out, (uint32_t)value);
        from = end + 1;
    }
    return bm_taken(&out);
}

static void compare_texts(struct bm_mem *mem, const char *truth, const char *pred, struct errors *e)
{
    struct bm_str a = folded(mem, truth), b = folded(mem, pred);
    json_t *known = json_object();
    struct bm_str wa = word_numbers(mem, a, known), wb = word_numbers(mem, b, known);
    e->files++;
    e->chars += a.n;
    e->char_errors += bm_levenshtein(mem, a, b);
    e->words += wa.n;
    e->word_errors += bm_levenshtein(mem, wa, wb);
    json_decref(known);
    b_arena_reset(mem->arena);
}

static void compare_files(struct bm_mem *mem, const char *truth_path, const char *pred_path, struct errors *e)
{
    size_t len;
    char *truth = svc_bench_load(truth_path, &len), *pred = svc_bench_load(pred_path, &len);
    e->missing += truth && !pred;
    if (truth)
        compare_texts(mem, truth, pred ? pred : "", e);
    free(truth);
    free(pred);
}

static bool compare_folders(struct bm_mem *mem, const char *truth, const char *pred, struct errors *e)
{
    struct dirent **names;
    int n = scandir(truth, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name, *dot = strrchr(name, '.');
        char a[4096], b[4096];
        if (name[0] != '.' && dot && i < MAX_FILES) {
            static const char *const ends[] = {".txt", ".md", ""};
            struct stat st;
            (void)snprintf(a, sizeof a, "%s/%s", truth, name);
            for (size_t k = 0; k < 3; k++) {
                (void)snprintf(b, sizeof b, "%s/%.*s%s", pred, (int)(dot - name), name, ends[k]);
                if (stat(b, &st) == 0)
                    break;
            }
            compare_files(mem, a, b, e);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return n >= 0;
}

int svc_bench_cer(int argc, char **argv, struct b_cancel *cancel)
{
    static const struct option longs[] = {{"gt", required_argument, NULL, 'g'},
                                          {"pred", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    const char *truth = NULL, *pred = NULL;
    struct errors e = {0};
    (void)cancel;
    optind = 0;
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":h", longs, NULL)) != -1;) {
        if (id == 'h') {
            fputs("Usage: docparse bench cer --gt FILE|DIR --pred FILE|DIR\n"
                  "Character and word error rates (edits over the length of the truth). White space runs count as one\n"
                  "space, texts are compared in Unicode normal form C. In folders, files of equal stem belong "
                  "together.\n",
                  stdout);
            return SVC_EXIT_OK;
        }
        if (id != 'g' && id != 'p')
            return svc_option_error("bench", argv, longs, id);
        *(id == 'g' ? &truth : &pred) = optarg;
    }
    if (!truth || !pred)
        return svc_usage_error("bench", "cer needs --gt and --pred");
    struct bm_mem mem = {b_arena_new(ARENA_BYTES), b_arena_new(ARENA_BYTES), false};
    if (mem.arena && mem.scratch && !compare_folders(&mem, truth, pred, &e))
        compare_files(&mem, truth, pred, &e);
    b_arena_drop(mem.arena);
    b_arena_drop(mem.scratch);
    if (e.files == 0) {
        struct b_err err = {0};
        (void)b_fail(&err, B_IO, "bench", "%s holds no text", truth);
        svc_print_error("bench", 0, &err);
        return SVC_EXIT_FAILED;
    }
    printf("%zu files, %zu without a prediction: character error %.4f (%zu of %zu), word error %.4f (%zu of %zu)\n",
           e.files, e.missing, e.chars ? (double)e.char_errors / (double)e.chars : 0, e.char_errors, e.chars,
           e.words ? (double)e.word_errors / (double)e.words : 0, e.word_errors, e.words);
    return SVC_EXIT_OK;
}
