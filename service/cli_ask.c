/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse ask`, `extract` and `locate`: questions about pages to the large model. They differ in the text that is
 * asked and in what is printed: the answer, the JSON in it, or the JSON with boxes in pixels of the page. */
#include <getopt.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/ask.h"
#include "docparse/loader.h"
#include "docparse/page_ranges.h"
#include "docparse/sandbox.h"
#include "service/cli.h"
#include "service/rpc/client.h"
#include "service/suggest.h"

enum kind { ASK, EXTRACT, LOCATE };
enum { QUESTIONS_MAX = 64, SCHEMA_BYTES_MAX = 1 << 20 };

struct ask_options {
    enum kind kind;
    const char *name, *checkpoint_dir, *questions[QUESTIONS_MAX], *schema_file;
    const char *held; /* the schema, where answers can be held to it */
    size_t n_questions;
    bool json;
    struct dp_page_range range;
    int jobs, max_tokens;
    struct dp_qwen_options qwen;
    enum dp_sandbox_use use;
    struct dp_sandbox *sandbox;
};

/* Pages of all files, in order. */
struct pages {
    struct dp_sheet sheets[DP_ASK_PAGES_MAX];
    struct b_image_view views[DP_ASK_PAGES_MAX];
    size_t count;
};

static void print_help(enum kind kind)
{
    static const char *const usage[] = {
        [ASK] = "Usage: docparse ask --model DIR -q QUESTION [OPTION]... FILE...\n"
                "Answers questions about the pages of documents.\n\n"
                "  -q, --question TEXT  what to ask; may be given again: the pages are read once\n"
                "      --json           one JSON object a question: question, answer, confidence, complete\n",
        [EXTRACT] =
            "Usage: docparse extract --model DIR --schema FILE [OPTION]... FILE...\n"
            "Reads key information off pages: prints the JSON object that a JSON Schema describes. The model can\n"
            "answer nothing else, unless the schema has a keyword that cannot be held, which a warning names.\n\n"
            "      --schema FILE    JSON Schema of the object that is wanted\n",
        [LOCATE] = "Usage: docparse locate --model DIR -q WHAT [OPTION]... FILE...\n"
                   "Finds things on pages: prints JSON objects with boxes in pixels of the page.\n\n"
                   "  -q, --question TEXT  what to look for, such as 'all signatures'\n"
                   "      --json           a line a question and page: the LocateResponse of the gRPC service. The model\n"
                   "                       can answer nothing else then\n",
    };
    fputs(usage[kind], stdout);
    fputs("      --model DIR      folder of a Qwen2.5-VL checkpoint\n"
          "      --precision P    exact (default), bf16, int8, int4\n"
          "      --packed DIR     folder that 'models pack -o' wrote to (default: the checkpoint's)\n"
          "      --pages A-B      of each file (default: all; 32 pages at most in one question)\n"
          "      --max-tokens N   of an answer (default: 1024)\n"
          "      --model-pixels N of the picture of a page that the model sees (default: 1605632 or the checkpoint's)\n"
          "      --sandbox MODE   decode documents in locked-up processes: auto (default), on, off\n"
          "  -j, --jobs N         threads (default: all processors)\n"
          "  -h, --help           this text\n\n"
          "Exit status: 0 all fine, 1 a question failed or was not answered, 2 usage, 3 set-up (model missing), 130 "
          "interrupted.\n",
          stdout);
}

static int parse_option(int id, const char *value, struct ask_options *o)
{
    long long n = 0;
    switch (id) {
    case 'h':
        print_help(o->kind);
        return SVC_EXIT_OK;
    case 'q':
        if (o->n_questions == QUESTIONS_MAX)
            return svc_usage_error(o->name, "at most %d questions", (int)QUESTIONS_MAX);
        o->questions[o->n_questions++] = value;
        return -1;
    case 'm':
        o->checkpoint_dir = value;
        return -1;
    case 's':
        o->schema_file = value;
        return -1;
    case 'J':
        o->json = true;
        return -1;
    case 'g':
        return dp_page_ranges_parse(value, &o->range, 1) == 1
                   ? -1
                   : svc_usage_error(o->name, "--pages takes a range such as 1-3, not '%s'", value);
    case 'p':
        if (dp_precision_find(value, &o->qwen.precision))
            return -1;
        return svc_usage_error(o->name, "--precision is exact, bf16, int8 or int4, not '%s'", value);
    case 'P':
        o->qwen.packed = value;
        return -1;
    case 'S':
        return dp_sandbox_use_parse(value, &o->use)
                   ? -1
                   : svc_usage_error(o->name, "--sandbox is auto, on or off, not '%s'", value);
    case 'j':
        if (!svc_parse_number(value, 1, 256, &n))
            return svc_usage_error(o->name, "--jobs takes 1 to 256, not '%s'", value);
        o->jobs = (int)n;
        return -1;
    case 't':
        if (!svc_parse_number(value, 1, 100000, &n))
            return svc_usage_error(o->name, "--max-tokens takes 1 to 100000, not '%s'", value);
        o->max_tokens = (int)n;
        return -1;
    default:
        if (!svc_parse_number(value, 3136, 51380224, &n))
            return svc_usage_error(o->name, "--model-pixels takes 3136 to 51380224, not '%s'", value);
        o->qwen.max_pixels = n;
        return -1;
    }
}

static int parse(int argc, char **argv, struct ask_options *o)
{
    static const struct option options[] = {{"question", required_argument, NULL, 'q'},
                                            {"model", required_argument, NULL, 'm'},
                                            {"schema", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'J'},
                                            {"pages", required_argument, NULL, 'g'},
                                            {"precision", required_argument, NULL, 'p'},
                                            {"packed", required_argument, NULL, 'P'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"sandbox", required_argument, NULL, 'S'},
                                            {"max-tokens", required_argument, NULL, 't'},
                                            {"model-pixels", required_argument, NULL, 'x'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    cpu_set_t set;
    o->jobs = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    o->range = (struct dp_page_range){1, INT32_MAX};
    optind = 0; /* 0 makes getopt forget what it parsed before */
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":q:j:h", options, NULL)) != -1;) {
        int done = id == '?' || id == ':' ? svc_option_error(o->name, argv, options, id) : parse_option(id, optarg, o);
        if (done >= 0)
            return done;
    }
    if (!o->checkpoint_dir)
        return svc_usage_error(o->name, "--model DIR is needed: the folder of a checkpoint");
    if (o->kind == EXTRACT ? !o->schema_file : o->n_questions == 0)
        return svc_usage_error(o->name, o->kind == EXTRACT ? "--schema FILE is needed" : "-q TEXT is needed");
    if (optind >= argc)
        return svc_usage_error(o->name, "name at least one file");
    o->qwen.threads = o->jobs;
    return -1;
}

static enum b_code load_file(const char *path, const struct ask_options *o, struct pages *pages,
                             struct b_cancel *cancel, struct b_err *err)
{
    struct dp_loader_options options = {
        .limits = dp_limits_default(), .sandbox = o->sandbox, .cancel = cancel};
    struct dp_source source = {0};
    struct dp_loader *loader = NULL;
    enum b_code code = dp_source_open(path, &options.limits, &source, err);
    if (code != B_OK)
        return code;
    if (o->sandbox)
        code = dp_source_share(&source, err);
    if (code == B_OK)
        code = dp_loader_open(&source, &options, &loader, err);
    int32_t count = code == B_OK ? dp_loader_info(loader)->page_count : 0;
    for (int32_t n = o->range.first; code == B_OK && n <= count && n <= o->range.last; n++) {
        if (pages->count == DP_ASK_PAGES_MAX) {
            code = b_fail(err, B_LIMIT, "ask", "more than %d pages", (int)DP_ASK_PAGES_MAX);
            b_advise(err, "choose some with --pages");
            break;
        }
        code = dp_loader_page(loader, n, cancel, &pages->sheets[pages->count], err);
        if (code == B_OK) {
            pages->views[pages->count] = b_image_view_of(&pages->sheets[pages->count].image);
            pages->count++;
        }
    }
    dp_loader_close(loader);
    dp_source_close(&source);
    return code;
}

static bool print_piece(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    (void)fwrite(text, 1, len, stdout);
    return fflush(stdout) == 0;
}

static void print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    if (text)
        puts(text);
    free(text);
}

/* Numbers of "bbox_2d" (x0 y0 x1 y1) and "point_2d" (x y) from the frame to the page, in place. */
static void scale_boxes(json_t *value, double sx, double sy, int depth)
{
    static const char *const keys[] = {"bbox_2d", "bbox", "point_2d"};
    size_t i;
    json_t *item;
    const char *key;
    if (depth > 16)
        return;
    if (json_is_array(value))
        json_array_foreach(value, i, item) scale_boxes(item, sx, sy, depth + 1);
    if (!json_is_object(value))
        return;
    json_object_foreach(value, key, item)
    {
        bool box = false;
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
            box = box || strcmp(key, keys[k]) == 0;
        if (!box || !json_is_array(item)) {
            scale_boxes(item, sx, sy, depth + 1);
            continue;
        }
        for (i = 0; i < json_array_size(item); i++)
            if (json_is_number(json_array_get(item, i)))
                (void)json_array_set_new(item, i,
                                         json_real(json_number_value(json_array_get(item, i)) * (i % 2 ? sy : sx)));
    }
}

/* The same as one line of what Locate answers over gRPC (LocateResponse). */
static bool print_located(const struct ask_options *o, const struct pages *pages, size_t page, const struct dp_answer *a)
{
    struct b_err err = {0};
    char *text = NULL;
    const enum b_code code = svc_locate_json(a, pages->views[page].width, pages->views[page].height,
                                             pages->sheets[page].number, &text, &err);
    if (code == B_OK)
        puts(text);
    else
        svc_print_error(o->name, (int)page + 1, &err);
    free(text);
    return code == B_OK;
}

/* Prints what the command promises; false when the answer does not hold it. */
static bool print_answer(const struct ask_options *o, const char *question, const struct pages *pages, size_t page,
                         const struct dp_answer *a)
{
    size_t size = 0;
    if (o->kind == ASK) {
        if (!o->json) {
            putchar('\n'); /* the text went out as it came */
            return true;
        }
        json_t *out = json_pack("{s:s, s:s%, s:f, s:b}", "question", question, "answer", a->text.data, a->text.len,
                                "confidence", (double)a->confidence, "complete", (int)a->complete);
        print_json(out);
        json_decref(out);
        return out != NULL;
    }
    if (o->kind == LOCATE && o->json)
        return print_located(o, pages, page, a);
    const char *text = dp_answer_json(a->text.data, a->text.len, &size);
    json_t *value = text ? json_loadb(text, size, 0, NULL) : NULL;
    if (!value) {
        struct b_err err = {0};
        (void)b_fail(&err, B_FORMAT, "ask", "the answer holds no JSON: %.200s", a->text.data ? a->text.data : "");
        svc_print_error(o->name, (int)page + 1, &err);
        return false;
    }
    if (o->kind == LOCATE) {
        scale_boxes(value, (double)pages->views[page].width / a->frames[0].width,
                    (double)pages->views[page].height / a->frames[0].height, 0);
        value = json_pack("{s:i, s:i, s:i, s:o}", "page", (int)page + 1, "width", pages->views[page].width, "height",
                          pages->views[page].height, "objects", value);
    }
    print_json(value);
    json_decref(value);
    return true;
}

static bool ask_one(struct dp_asker *asker, const struct ask_options *o, const char *question, const char *text,
                    const struct pages *pages, size_t first, size_t count, struct b_cancel *cancel)
{
    struct dp_question q = {.pages = pages->views + first,
                            .n_pages = count,
                            .text = text,
                            .max_tokens = o->max_tokens,
                            .schema = o->held,
                            .on_text = o->kind == ASK && !o->json ? print_piece : NULL};
    struct dp_answer answer;
    struct b_err err = {0};
    enum b_code code = dp_ask(asker, &q, &answer, cancel, &err);
    if (code != B_OK)
        svc_print_error(o->name, 0, &err);
    bool fine = code == B_OK && print_answer(o, question, pages, first, &answer) && answer.complete;
    if (code == B_OK && !answer.complete)
        fprintf(stderr, "docparse: %s: the answer was cut at its limit of tokens\n", o->name);
    dp_answer_free(&answer);
    return fine;
}

/* The texts that turn what the user gave into what the model was taught. */
static char *make_text(const struct ask_options *o, const char *given)
{
    struct b_buf text;
    b_buf_init(&text, SCHEMA_BYTES_MAX + 4096);
    enum b_code code = B_OK;
    if (o->kind == EXTRACT)
        code = dp_ask_extract_text(given, &text, NULL);
    else if (o->kind == LOCATE)
        code = dp_ask_locate_text(given, &text, NULL);
    else
        b_buf_puts(&text, given);
    if (code != B_OK || text.failed) {
        b_buf_free(&text);
        return NULL;
    }
    return text.data;
}

static enum b_code read_schema(const char *path, char **out, struct b_err *err)
{
    json_error_t where;
    json_t *schema = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(schema)) {
        json_decref(schema);
        return b_fail(err, B_FORMAT, "ask", "%s is no JSON Schema: %s (line %d)", path, where.text, where.line);
    }
    *out = json_dumps(schema, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(schema);
    return *out ? B_OK : b_fail(err, B_NO_MEMORY, "ask", "out of memory");
}

static int answer_all(const struct ask_options *o, const struct dp_model *model, const struct pages *pages,
                      const char *schema, struct b_cancel *cancel, struct b_err *err)
{
    struct dp_asker *asker = NULL;
    bool fine = dp_asker_new(model, o->jobs, 0, &asker, err) == B_OK;
    if (!fine) {
        svc_print_error(o->name, 0, err);
        return SVC_EXIT_SETUP;
    }
    size_t questions = o->kind == EXTRACT ? 1 : o->n_questions;
    for (size_t i = 0; i < questions && b_cancel_check(cancel, NULL) == B_OK; i++) {
        const char *given = o->kind == EXTRACT ? schema : o->questions[i];
        char *text = make_text(o, given);
        /* boxes belong to one page: pages are asked one by one */
        for (size_t p = 0; text && p < (o->kind == LOCATE ? pages->count : 1); p++)
            fine = ask_one(asker, o, given, text, pages, p, o->kind == LOCATE ? 1 : pages->count, cancel) && fine;
        fine = fine && text;
        free(text);
    }
    dp_asker_drop(asker);
    return b_cancel_check(cancel, NULL) != B_OK ? SVC_EXIT_INTERRUPTED : fine ? SVC_EXIT_OK : SVC_EXIT_FAILED;
}

/* Answers are held to the schema where that is possible; otherwise the user is told, and the schema is only asked for.
 */
static enum b_code hold_schema(struct ask_options *o, const char *schema, struct b_err *err)
{
    enum b_code code = dp_ask_holds(schema, err);
    if (code == B_OK)
        o->held = schema;
    if (code != B_UNSUPPORTED)
        return code;
    fprintf(stderr, "docparse: %s: warning: %s; the answer may not fit the schema\n", o->name, err->message);
    b_err_clear(err);
    return B_OK;
}

static int run_command(enum kind kind, const char *name, int argc, char **argv, struct b_cancel *cancel)
{
    struct ask_options o = {.kind = kind, .name = name};
    struct b_err err = {0};
    char *schema = NULL;
    int result = parse(argc, argv, &o);
    if (result >= 0)
        return result;
    struct pages *pages = calloc(1, sizeof *pages);
    struct dp_model *model = NULL;
    enum b_code code = pages ? B_OK : b_fail(&err, B_NO_MEMORY, "ask", "out of memory");
    if (code == B_OK && (code = dp_sandbox_start(o.use, &o.sandbox, &err)) != B_OK)
        result = SVC_EXIT_SETUP;
    if (code == B_OK && kind == EXTRACT)
        code = read_schema(o.schema_file, &schema, &err);
    if (code == B_OK && kind == EXTRACT)
        code = hold_schema(&o, schema, &err);
    if (kind == LOCATE && o.json)
        o.held = dp_ask_locate_schema;
    const char *where = name;
    for (int i = optind; code == B_OK && i < argc; i++)
        code = load_file(where = argv[i], &o, pages, cancel, &err);
    if (code == B_OK && (code = dp_model_open_qwen(where = o.checkpoint_dir, &o.qwen, &model, &err)) != B_OK)
        result = SVC_EXIT_SETUP;
    if (code == B_OK)
        result = answer_all(&o, model, pages, schema, cancel, &err);
    else
        svc_print_error(where, 0, &err);
    for (size_t i = 0; pages && i < pages->count; i++)
        dp_sheet_free(&pages->sheets[i]);
    dp_model_drop(model);
    dp_sandbox_stop(o.sandbox);
    free(pages);
    free(schema);
    return result >= 0 ? result : code == B_CANCELLED ? SVC_EXIT_INTERRUPTED : SVC_EXIT_FAILED;
}

int svc_cmd_ask(int argc, char **argv, struct b_cancel *cancel)
{
    return run_command(ASK, "ask", argc, argv, cancel);
}

int svc_cmd_extract(int argc, char **argv, struct b_cancel *cancel)
{
    return run_command(EXTRACT, "extract", argc, argv, cancel);
}

int svc_cmd_locate(int argc, char **argv, struct b_cancel *cancel)
{
    return run_command(LOCATE, "locate", argc, argv, cancel);
}
