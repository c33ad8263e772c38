/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse bench omnidocbench`: reads the pages when asked to, scores the folder of Markdown files. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/base/log.h"
#include "service/bench_private.h"

struct options {
    const char *truth, *pred, *images, *json, *html, *compare, *models, *formulas;
    enum bm_version version;
    const char *version_name;
    int jobs;
    bool again;
};

static void print_help(void)
{
    fputs("Usage: docparse bench omnidocbench --gt FILE --pred DIR [OPTION]...\n"
          "Scores a folder of Markdown files (one a page, named like its image) against OmniDocBench's annotations, "
          "with\n"
          "the official quick_match protocol. With --images the pages are read first and written to the folder.\n\n"
          "      --gt FILE        annotation file of the benchmark (OmniDocBench.json)\n"
          "      --pred DIR       folder of predictions\n"
          "      --images DIR     page images; pages without a prediction are read and written to --pred DIR\n"
          "      --again          read pages that have a prediction as well\n"
          "      --version V      v1.6, v1.5 (default) or v1.0\n"
          "      --json FILE      write all figures: by element, by page, by attribute\n"
          "      --html FILE      write a report: the worst pages, each beside its picture; pages that are read in\n"
          "                       this run get an overlay of what was found (NAME.overlay.svg in --pred DIR)\n"
          "      --compare FILE   an earlier --json report: print what got better and worse\n"
          "      --jobs N         pages read at once (default 2)\n"
          "      --models DIR     network files\n"
          "      --formulas DIR   read displayed formulas with the checkpoint in DIR, or 'on'\n"
          "  -h, --help           this text\n\n"
          "Edit distances (text, formula, order): lower is better; TEDS: higher. A page without a prediction is left "
          "out,\n"
          "as the official evaluator does, and counts as empty by v1.6; how many there are is printed. CDM needs TeX "
          "and is\n"
          "not computed; tables in LaTeX count nothing.\n",
          stdout);
}

static bool find_version(const char *name, enum bm_version *out)
{
    static const char *const names[] = {[BM_V1_0] = "v1.0", [BM_V1_5] = "v1.5", [BM_V1_6] = "v1.6"};
    for (int i = BM_V1_0; i <= BM_V1_6; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum bm_version)i;
            return true;
        }
    return false;
}

static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"gt", required_argument, NULL, 'g'},
                                          {"pred", required_argument, NULL, 'p'},
                                          {"images", required_argument, NULL, 'i'},
                                          {"version", required_argument, NULL, 'v'},
                                          {"json", required_argument, NULL, 'j'},
                                          {"html", required_argument, NULL, 't'},
                                          {"compare", required_argument, NULL, 'c'},
                                          {"jobs", required_argument, NULL, 'n'},
                                          {"models", required_argument, NULL, 'm'},
                                          {"formulas", required_argument, NULL, 'F'},
                                          {"again", no_argument, NULL, 'a'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    *o = (struct options){.version = BM_V1_5, .version_name = "v1.5", .jobs = 2};
    long long jobs = 0;
    optind = 0;
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":h", longs, NULL)) != -1;) {
        switch (id) {
        case 'g':
            o->truth = optarg;
            break;
        case 'p':
            o->pred = optarg;
            break;
        case 'i':
            o->images = optarg;
            break;
        case 'j':
            o->json = optarg;
            break;
        case 't':
            o->html = optarg;
            break;
        case 'c':
            o->compare = optarg;
            break;
        case 'm':
            o->models = optarg;
            break;
        case 'F':
            o->formulas = optarg;
            break;
        case 'a':
            o->again = true;
            break;
        case 'n':
            if (!svc_parse_number(optarg, 1, 256, &jobs))
                return svc_usage_error("bench", "--jobs takes 1 to 256, not '%s'", optarg);
            o->jobs = (int)jobs;
            break;
        case 'v':
            o->version_name = optarg;
            if (!find_version(optarg, &o->version))
                return svc_usage_error("bench", "--version takes v1.6, v1.5 or v1.0, not '%s'", optarg);
            break;
        case 'h':
            print_help();
            return SVC_EXIT_OK;
        default:
            return svc_option_error("bench", argv, longs, id);
        }
    }
    if (optind < argc)
        return svc_usage_error("bench", "takes no further argument, '%s' is one too many", argv[optind]);
    if (!o->truth || !o->pred)
        return svc_usage_error("bench", "omnidocbench needs --gt and --pred");
    return -1;
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static size_t stem_length(const char *image)
{
    const char *dot = strrchr(image, '.');
    return dot && dot != image ? (size_t)(dot - image) : strlen(image);
}

bool svc_bench_prediction(const char *dir, const char *image, char *path, size_t size)
{
    int stem = (int)stem_length(image);
    (void)snprintf(path, size, "%s/%.*s.md", dir, stem, image);
    if (exists(path))
        return true;
    (void)snprintf(path, size, "%s/%s.md", dir, image);
    if (exists(path))
        return true;
    (void)snprintf(path, size, "%s/%.*s.md", dir, stem, image);
    return false;
}

bool svc_bench_overlay(const char *dir, const char *image, char *path, size_t size)
{
    (void)snprintf(path, size, "%s/%.*s.overlay.svg", dir, (int)stem_length(image), image);
    return exists(path);
}

/* The overlay first: a page whose Markdown is there is not read again. */
static enum b_code read_page(struct svc_bench_reader *reader, const struct options *o, const char *image,
                             const char *target, struct b_cancel *cancel, struct b_err *err)
{
    char path[4096];
    const struct svc_bench_want want = {.overlay = o->html != NULL};
    struct svc_bench_page page;
    (void)snprintf(path, sizeof path, "%s/%s", o->images, image);
    enum b_code code = svc_bench_read(reader, path, &want, &page, cancel, err);
    (void)svc_bench_overlay(o->pred, image, path, sizeof path);
    if (code == B_OK && page.overlay)
        code = b_outfile_put(path, page.overlay, page.overlay_len, err);
    if (code == B_OK)
        code = b_outfile_put(target, page.markdown, page.len, err);
    svc_bench_page_free(&page);
    return code;
}

/* Reads every page of the annotations whose image is there. */
static int read_pages(const struct options *o, struct bm_odb *odb, struct b_cancel *cancel)
{
    struct svc_bench_reader *reader = NULL;
    struct b_err err = {0};
    int exit_code = SVC_EXIT_OK;
    enum b_code code = b_make_dirs(o->pred, &err);
    if (code == B_OK)
        code = svc_bench_reader_new(o->models, o->formulas, o->jobs, &reader, &err);
    if (code != B_OK) {
        svc_print_error("bench", 0, &err);
        return SVC_EXIT_SETUP;
    }
    for (size_t i = 0; i < bm_odb_pages(odb); i++) {
        const char *image = bm_odb_image(odb, i);
        char path[4096], target[4096];
        (void)snprintf(path, sizeof path, "%s/%s", o->images, image);
        bool done = svc_bench_prediction(o->pred, image, target, sizeof target);
        if (!exists(path) || (done && !o->again))
            continue;
        int64_t start = b_now_ns();
        code = read_page(reader, o, image, target, cancel, &err);
        if (code == B_CANCELLED) {
            exit_code = SVC_EXIT_INTERRUPTED;
            break;
        }
        if (code != B_OK) {
            svc_print_error(image, 0, &err);
            exit_code = SVC_EXIT_FAILED;
        } else {
            fprintf(stderr, "%s: read in %.2f s\n", image, (double)(b_now_ns() - start) / 1e9);
        }
    }
    svc_bench_reader_drop(reader);
    return exit_code;
}

static enum b_code score_pages(const struct options *o, struct bm_odb *odb, struct b_cancel *cancel, struct b_err *err)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < bm_odb_pages(odb) && code == B_OK; i++) {
        char path[4096];
        size_t len = 0;
        char *text = NULL;
        if (svc_bench_prediction(o->pred, bm_odb_image(odb, i), path, sizeof path))
            text = svc_bench_load(path, &len);
        code = b_cancel_check(cancel, err);
        if (code == B_OK)
            code = bm_odb_score(odb, i, text, len, err);
        free(text);
    }
    return code;
}

int svc_bench_omnidocbench(int argc, char **argv, struct b_cancel *cancel)
{
    struct options o;
    struct bm_odb *odb = NULL;
    struct b_err err = {0};
    int parsed = parse_options(argc, argv, &o), exit_code = SVC_EXIT_OK;
    if (parsed >= 0)
        return parsed;
    enum b_code code = bm_odb_open(o.truth, o.version, &odb, &err);
    if (code == B_OK && o.images)
        exit_code = read_pages(&o, odb, cancel);
    if (exit_code == SVC_EXIT_SETUP || exit_code == SVC_EXIT_INTERRUPTED)
        goto out;
    struct svc_bench_report report = {odb, o.version_name, o.pred, o.images, NULL, 0};
    if (code == B_OK)
        code = score_pages(&o, odb, cancel, &err);
    if (code == B_OK)
        code = bm_odb_figures(odb, &report.figures, &report.n_figures, &err);
    if (code == B_OK)
        svc_bench_print(&report);
    if (code == B_OK && o.compare)
        code = svc_bench_compare(&report, o.compare, &err);
    if (code == B_OK && o.json)
        code = svc_bench_write_json(&report, o.json, &err);
    if (code == B_OK && o.html)
        code = svc_bench_write_html(&report, o.html, &err);
    if (code != B_OK) {
        svc_print_error("bench", 0, &err);
        exit_code = code == B_CANCELLED ? SVC_EXIT_INTERRUPTED : SVC_EXIT_FAILED;
    }
out:
    bm_odb_close(odb);
    return exit_code;
}
