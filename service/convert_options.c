/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the options of `docparse convert`. Every value is range-checked here, so that the rest of the
 * program never sees an impossible one. */
#include "service/convert_options.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/log.h"
#include "service/cli.h"
#include "service/suggest.h"

#define MAX_LISTS 16
#define LARGE_PAGE_SECONDS 3600.0 /* a page of 4096 tokens on two slow cores */

enum option_id {
    OPT_MODELS = 256,
    OPT_PAGES,
    OPT_DPI,
    OPT_TEXT_LAYER,
    OPT_LAYOUT,
    OPT_RESUME,
    OPT_SHARD,
    OPT_PASSWORD_FILE,
    OPT_PROGRESS,
    OPT_READER,
    OPT_MODEL,
    OPT_PRECISION,
    OPT_PACKED,
    OPT_MAX_TOKENS,
    OPT_MODEL_PIXELS,
    OPT_MAX_PIXELS,
    OPT_MAX_PAGES,
    OPT_PAGE_SECONDS,
    OPT_NO_WORDS,
    OPT_PAGE_IMAGES,
    OPT_FILES_FROM,
    OPT_OVERLAY,
    OPT_SANDBOX,
    OPT_FORMULAS
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, 'f'},
    {"jobs", required_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"reader", required_argument, NULL, OPT_READER},
    {"model", required_argument, NULL, OPT_MODEL},
    {"precision", required_argument, NULL, OPT_PRECISION},
    {"packed", required_argument, NULL, OPT_PACKED},
    {"max-tokens", required_argument, NULL, OPT_MAX_TOKENS},
    {"model-pixels", required_argument, NULL, OPT_MODEL_PIXELS},
    {"models", required_argument, NULL, OPT_MODELS},
    {"pages", required_argument, NULL, OPT_PAGES},
    {"dpi", required_argument, NULL, OPT_DPI},
    {"text-layer", required_argument, NULL, OPT_TEXT_LAYER},
    {"layout", required_argument, NULL, OPT_LAYOUT},
    {"resume", no_argument, NULL, OPT_RESUME},
    {"shard", required_argument, NULL, OPT_SHARD},
    {"files-from", required_argument, NULL, OPT_FILES_FROM},
    {"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"max-pixels", required_argument, NULL, OPT_MAX_PIXELS},
    {"max-pages", required_argument, NULL, OPT_MAX_PAGES},
    {"page-seconds", required_argument, NULL, OPT_PAGE_SECONDS},
    {"no-words", no_argument, NULL, OPT_NO_WORDS},
    {"page-images", no_argument, NULL, OPT_PAGE_IMAGES},
    {"overlay", no_argument, NULL, OPT_OVERLAY},
    {"sandbox", required_argument, NULL, OPT_SANDBOX},
    {"formulas", required_argument, NULL, OPT_FORMULAS},
    {0},
};

static void print_formats(void)
{
    for (const struct out_format *f = out_formats(); f->name; f++)
        printf("                             %-12s %s (%s)\n", f->name, f->summary, f->extension);
}

static void print_help(void)
{
    fputs("Usage: docparse convert INPUT... [-o DIR] [-f FORMAT,...] [OPTION]...\n"
          "Reads PDF, TIFF, PNG, JPEG and WebP; writes one file for each document and format.\n\n"
          "INPUT is a file, a folder (searched recursively for files with a known extension), '-' (standard\n"
          "input) or '@LIST' (a text file with one path a line). The type is decided by content, not by name.\n\n"
          "Output:\n"
          "  -o, --output DIR         folder for the results (default: the current one)\n"
          "  -f, --format LIST        comma-separated names (default: html,json,md):\n",
          stdout);
    print_formats();
    fputs(
        "      --overlay            same as adding 'overlay' to --format\n"
        "      --page-images        HTML: show the page pictures with the boxes over them\n"
        "      --no-words           JSON, hOCR, ALTO: leave out words\n"
        "      --resume             keep DIR/docparse-manifest.jsonl and skip inputs that it lists as done\n"
        "Reading:\n"
        "      --pages LIST         such as 1-3,9 or 10- (counted from 1; default: all)\n"
        "      --text-layer MODE    trust: use the file's text where it fits the ink (default);\n"
        "                           draft: read the pixels, note where the file's text differs; off: ignore it\n"
        "      --layout MODE        when the layout network looks at a page. auto: where its text was read from pixels\n"
        "                           (default); on: always; off: never, geometry alone tells figures and headings\n"
        "      --dpi native|N       resolution of page images, 36 to 1200 (default: native)\n"
        "      --password-file F    file whose first line opens encrypted documents\n"
        "      --models DIR         folder of the network files (default: $DOCPARSE_MODELS, then beside the program)\n"
        "      --formulas on|off|DIR  read displayed formulas of scans: with the model that comes along, not at all\n"
        "                           (default), with the checkpoint in DIR\n"
        "      --reader NAME        compact: the embedded one (default); qwen25vl: a large model, needs --model\n"
        "      --model DIR          folder of a Qwen2.5-VL checkpoint (config.json, *.safetensors, tokenizer files)\n"
        "      --precision P        of the large model: exact (default), bf16, int8, int4: faster and smaller in this "
        "order\n"
        "      --packed DIR         folder that 'models pack -o' wrote to (default: the checkpoint's)\n"
        "Work:\n"
        "  -j, --jobs N             threads (default: all processors); the results do not depend on it\n"
        "      --shard I/N          only every N-th input, beginning with the I-th (job arrays)\n"
        "      --files-from LIST    same as '@LIST'; '-' reads the list from standard input\n"
        "      --sandbox MODE       decode documents in locked-up processes: auto: where the system allows (default);\n"
        "                           on: or fail; off: in this process\n"
        "      --progress MODE      auto: one line on a terminal, plain lines elsewhere (default); plain; none\n"
        "  -q, --quiet              errors only\n"
        "  -v, --verbose            more details\n"
        "  -h, --help               this text\n",
        stdout);
    fputs("Limits:\n"
          "      --max-tokens N       of the large model's answer for one page (default: 4096)\n"
          "      --model-pixels N     of the picture that the large model sees (default: 1605632, or less if the\n"
          "                           checkpoint says so); more reads smaller type and takes longer\n"
          "      --max-pixels N       pixels of a page image (default: 50000000); larger pages are scaled down\n"
          "      --max-pages N        pages of a document (default: 100000)\n"
          "      --page-seconds S     time for one page (default: 120, large model: 3600; 0: no limit)\n\n"
          "Results are DIR/NAME.html and so on: NAME is the input's name without its extension, with its path\n"
          "below a folder that was named; inputs whose results would collide keep their extension. A result is\n"
          "complete or absent: it is written under a temporary name and renamed.\n\n"
          "Exit status: 0 all fine, 1 some inputs failed or are incomplete (each is named on standard error),\n"
          "2 usage, 3 set-up (model missing), 130 interrupted.\n\n"
          "Examples:\n"
          "  docparse convert report.pdf\n"
          "  docparse convert scans/ -o out -f html,json,md --jobs 4\n"
          "  find archive -name '*.tif' | docparse convert --files-from - -o out --resume --shard 3/16\n",
          stdout);
}

static int unknown_format(const char *name)
{
    struct svc_suggestion best = {0};
    for (const struct out_format *f = out_formats(); f->name; f++)
        svc_suggest(&best, name, f->name);
    if (best.name)
        return svc_usage_error("convert", "there is no format '%s'; did you mean '%s'?", name, best.name);
    char list[256] = "";
    size_t at = 0;
    for (const struct out_format *f = out_formats(); f->name && at < sizeof list; f++) {
        const int len = snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", f->name);
        at += len > 0 ? (size_t)len : 0;
    }
    return svc_usage_error("convert", "there is no format '%s'; there are %s", name, list);
}

static int add_formats(const char *list, struct svc_convert_options *o)
{
    for (const char *at = list; *at;) {
        size_t len = strcspn(at, ",");
        char name[32];
        if (len == 0 || len >= sizeof name)
            return svc_usage_error("convert", "there is no format '%.31s'", at);
        memcpy(name, at, len);
        name[len] = '\0';
        const struct out_format *f = out_format_find(name);
        if (!f)
            return unknown_format(name);
        bool twice = false;
        for (size_t i = 0; i < o->n_formats; i++)
            twice = twice || o->formats[i] == f;
        if (!twice && o->n_formats < SVC_MAX_FORMATS)
            o->formats[o->n_formats++] = f;
        at += len + (at[len] == ',');
    }
    return o->n_formats ? -1 : svc_usage_error("convert", "--format needs at least one name");
}

static int read_password(const char *path, struct svc_convert_options *o)
{
    struct b_err err = {0};
    free(o->password);
    o->password = NULL;
    if (svc_read_first_line(path, &o->password, &err) != B_OK)
        return svc_usage_error("convert", "the password file: %s", err.message);
    return -1;
}

static int parse_choice(int id, const char *value, struct svc_convert_options *o)
{
    if (id == OPT_TEXT_LAYER) {
        static const char *const names[] = {
            [DP_TEXT_TRUST] = "trust", [DP_TEXT_DRAFT] = "draft", [DP_TEXT_OFF] = "off"};
        for (int i = DP_TEXT_TRUST; i <= DP_TEXT_OFF; i++)
            if (strcmp(value, names[i]) == 0) {
                o->text_layer = (enum dp_text_layer)i;
                return -1;
            }
        return svc_usage_error("convert", "--text-layer is trust, draft or off, not '%s'", value);
    }
    if (id == OPT_LAYOUT) {
        static const char *const names[] = {[DP_LAYOUT_AUTO] = "auto", [DP_LAYOUT_ON] = "on", [DP_LAYOUT_OFF] = "off"};
        for (int i = DP_LAYOUT_AUTO; i <= DP_LAYOUT_OFF; i++)
            if (strcmp(value, names[i]) == 0) {
                o->layout = (enum dp_layout)i;
                return -1;
            }
        return svc_usage_error("convert", "--layout is auto, on or off, not '%s'", value);
    }
    if (id == OPT_PROGRESS) {
        static const char *const names[] = {
            [SVC_PROGRESS_AUTO] = "auto", [SVC_PROGRESS_PLAIN] = "plain", [SVC_PROGRESS_NONE] = "none"};
        for (int i = SVC_PROGRESS_AUTO; i <= SVC_PROGRESS_NONE; i++)
            if (strcmp(value, names[i]) == 0) {
                o->progress = (enum svc_progress_mode)i;
                return -1;
            }
        return svc_usage_error("convert", "--progress is auto, plain or none, not '%s'", value);
    }
    if (id == OPT_PRECISION) {
        if (dp_precision_find(value, &o->qwen.precision))
            return -1;
        return svc_usage_error("convert", "--precision is exact, bf16, int8 or int4, not '%s'", value);
    }
    o->large = strcmp(value, "qwen25vl") == 0;
    if (!o->large && strcmp(value, "compact") != 0)
        return svc_usage_error("convert", "--reader is compact or qwen25vl, not '%s'", value);
    return -1;
}

static int parse_limit(int id, const char *value, struct svc_convert_options *o)
{
    long long n = 0;
    if (id == OPT_MAX_PIXELS) {
        if (!svc_parse_number(value, 10000, 2000000000, &n))
            return svc_usage_error("convert", "--max-pixels takes 10000 to 2000000000, not '%s'", value);
        o->limits.page_pixels = (uint64_t)n;
    } else if (id == OPT_MAX_PAGES) {
        if (!svc_parse_number(value, 1, 100000000, &n))
            return svc_usage_error("convert", "--max-pages takes 1 to 100000000, not '%s'", value);
        o->limits.pages = (int)n;
    } else if (id == OPT_PAGE_SECONDS) {
        if (!svc_parse_number(value, 0, 86400, &n))
            return svc_usage_error("convert", "--page-seconds takes 0 to 86400, not '%s'", value);
        o->limits.page_seconds = (double)n;
        o->seconds_given = true;
    } else if (id == OPT_MAX_TOKENS) {
        if (!svc_parse_number(value, 1, 100000, &n))
            return svc_usage_error("convert", "--max-tokens takes 1 to 100000, not '%s'", value);
        o->qwen.max_tokens = (int)n;
    } else if (id == OPT_MODEL_PIXELS) {
        if (!svc_parse_number(value, 3136, 51380224, &n))
            return svc_usage_error("convert", "--model-pixels takes 3136 to 51380224, not '%s'", value);
        o->qwen.max_pixels = n;
    } else if (id == 'j') {
        if (!svc_parse_number(value, 1, 256, &n))
            return svc_usage_error("convert", "--jobs takes 1 to 256, not '%s'", value);
        o->jobs = (int)n;
    } else if (strcmp(value, "native") != 0) {
        if (!svc_parse_number(value, 36, 1200, &n))
            return svc_usage_error("convert", "--dpi takes native or 36 to 1200, not '%s'", value);
        o->dpi = (double)n;
    }
    return -1;
}

/* State of the command line that is only needed until the inputs are known. */
struct pending {
    long long shard, shards;
    const char *lists[MAX_LISTS];
    size_t n_lists;
    bool overlay;
};

static int add_list(const char *list, struct pending *p)
{
    if (p->n_lists == MAX_LISTS)
        return svc_usage_error("convert", "--files-from can be given %d times", MAX_LISTS);
    p->lists[p->n_lists++] = list;
    return -1;
}

static int parse_shard(const char *value, struct pending *p)
{
    char first[24];
    size_t len = strcspn(value, "/");
    if (value[len] == '/' && len > 0 && len < sizeof first) {
        memcpy(first, value, len);
        first[len] = '\0';
        if (svc_parse_number(value + len + 1, 1, 1000000, &p->shards) && svc_parse_number(first, 1, p->shards, &p->shard))
            return -1;
    }
    return svc_usage_error("convert", "--shard takes I/N with 1 <= I <= N, not '%s'", value);
}

static int parse_one(int id, const char *value, struct svc_convert_options *o, struct pending *p)
{
    switch (id) {
    case 'h':
        print_help();
        return SVC_EXIT_OK;
    case 'o':
        o->out_dir = value;
        return value[0] ? -1 : svc_usage_error("convert", "--output needs a folder");
    case 'f':
        return add_formats(value, o);
    case 'v':
        b_log_set_level(B_LOG_DEBUG);
        return -1;
    case 'q':
        b_log_set_level(B_LOG_ERROR);
        o->progress = SVC_PROGRESS_NONE;
        return -1;
    case OPT_MODEL:
        o->checkpoint_dir = value;
        return -1;
    case OPT_FORMULAS:
        o->formulas_dir = strcmp(value, "off") == 0 ? NULL : value;
        return -1;
    case OPT_MODELS:
        o->models_dir = value;
        return -1;
    case OPT_PAGES:
        o->n_ranges = dp_page_ranges_parse(value, o->ranges, SVC_MAX_RANGES);
        return o->n_ranges > 0 && o->n_ranges <= SVC_MAX_RANGES
                   ? -1
                   : svc_usage_error("convert", "--pages takes a list such as 1-3,9 counted from 1, not '%s'", value);
    case OPT_RESUME:
        o->resume = true;
        return -1;
    case OPT_SHARD:
        return parse_shard(value, p);
    case OPT_FILES_FROM:
        return add_list(value, p);
    case OPT_OVERLAY:
        p->overlay = true;
        return -1;
    case OPT_PASSWORD_FILE:
        return read_password(value, o);
    case OPT_SANDBOX:
        return dp_sandbox_use_parse(value, &o->sandbox)
                   ? -1
                   : svc_usage_error("convert", "--sandbox is auto, on or off, not '%s'", value);
    case OPT_NO_WORDS:
        o->output.words = false;
        return -1;
    case OPT_PAGE_IMAGES:
        o->output.page_images = true;
        return -1;
    case OPT_PACKED:
        o->qwen.packed = value;
        return -1;
    case OPT_TEXT_LAYER:
    case OPT_LAYOUT:
    case OPT_PROGRESS:
    case OPT_READER:
    case OPT_PRECISION:
        return parse_choice(id, value, o);
    case OPT_MAX_PIXELS:
    case OPT_MAX_PAGES:
    case OPT_PAGE_SECONDS:
    case OPT_MAX_TOKENS:
    case OPT_MODEL_PIXELS:
    case OPT_DPI:
    case 'j':
        return parse_limit(id, value, o);
    default:
        return svc_usage_error("convert", "unknown or incomplete option");
    }
}

static int processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > 256 ? 256 : n;
}

static int collect_inputs(int argc, char **argv, struct svc_convert_options *o, const struct pending *p)
{
    struct b_err err = {0};
    char list[4096];
    if (optind >= argc && p->n_lists == 0)
        return svc_usage_error("convert", "name at least one file or folder");
    svc_inputs_skip_folder(&o->inputs, o->out_dir);
    for (size_t i = 0; i < p->n_lists; i++) {
        int len = snprintf(list, sizeof list, "@%s", p->lists[i]);
        if (len < 0 || (size_t)len >= sizeof list)
            return svc_usage_error("convert", "the name of the list is too long");
        if (svc_inputs_add(&o->inputs, list, &err) != B_OK)
            return svc_usage_error("convert", "%s", err.message);
    }
    for (int i = optind; i < argc; i++) {
        const size_t before = o->inputs.count;
        if (svc_inputs_add(&o->inputs, argv[i], &err) != B_OK)
            return svc_usage_error("convert", "%s", err.message);
        if (o->inputs.count == before)
            b_log(B_LOG_WARNING, argv[i], "nothing to convert: no file here has a known extension");
    }
    return -1;
}

/* "-o report.html" most often means a file; a folder of that name has to be there already. */
static int check_folder(const char *dir)
{
    struct stat st;
    const size_t len = strlen(dir);
    if (stat(dir, &st) == 0)
        return S_ISDIR(st.st_mode) ? -1 : svc_usage_error("convert", "--output names a folder, but '%s' is a file", dir);
    for (const struct out_format *f = out_formats(); f->name; f++) {
        const size_t ending = strlen(f->extension);
        if (!f->side_outputs && len > ending && strcmp(dir + len - ending, f->extension) == 0)
            return svc_usage_error("convert", "--output names a folder, not a file such as '%s': results are named after"
                                   " their inputs", dir);
    }
    return -1;
}

static int finish(int argc, char **argv, struct svc_convert_options *o, const struct pending *p)
{
    struct b_err err = {0};
    if (o->large && !o->checkpoint_dir)
        return svc_usage_error("convert", "--reader qwen25vl needs --model DIR, the folder of a checkpoint");
    if (!o->large && o->checkpoint_dir)
        return svc_usage_error("convert",
                               "--model goes with --reader qwen25vl; the networks of 'compact' are in --models");
    o->qwen.threads = o->jobs;
    if (o->large && !o->seconds_given)
        o->limits.page_seconds = LARGE_PAGE_SECONDS;
    if (o->n_formats == 0 && add_formats("html,json,md", o) != -1)
        return SVC_EXIT_USAGE;
    if (p->overlay && add_formats("overlay", o) != -1)
        return SVC_EXIT_USAGE;
    int done = check_folder(o->out_dir);
    if (done < 0)
        done = collect_inputs(argc, argv, o, p);
    if (done >= 0)
        return done;
    if (svc_inputs_name(&o->inputs, &err) != B_OK)
        return svc_usage_error("convert", "%s", err.message);
    svc_inputs_shard(&o->inputs, (size_t)p->shard, (size_t)p->shards);
    return -1;
}

int svc_convert_options_parse(int argc, char **argv, struct svc_convert_options *out)
{
    *out = (struct svc_convert_options){
        .out_dir = ".", .output = {.words = true}, .jobs = processors(), .limits = dp_limits_default()};
    struct pending pending = {.shard = 1, .shards = 1};
    optind = 0; /* 0 makes getopt forget what it parsed before */
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":o:f:j:hvq", long_options, NULL)) != -1;) {
        if (id == '?' || id == ':')
            return svc_option_error("convert", argv, long_options, id);
        int done = parse_one(id, optarg, out, &pending);
        if (done >= 0)
            return done;
    }
    return finish(argc, argv, out, &pending);
}

void svc_convert_options_free(struct svc_convert_options *options)
{
    svc_inputs_free(&options->inputs);
    free(options->password);
    options->password = NULL;
}
