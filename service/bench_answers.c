/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse bench docvqa|infovqa|chartqa|textvqa|ocrbench`: scores answers in the benchmark's submission format
 * against its annotation file. Answering needs a large model; the compact reader only reads. */
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "service/bench/vqa.h"
#include "service/bench_private.h"

#define ARENA_BYTES ((size_t)256 << 20)
#define MAX_ANSWERS 64
#define MAX_GROUPS 64

struct suite {
    const char *name, *metric;
    const char *id, *answers; /* keys of the annotation file */
    const char *group;        /* key by which results are split; may be NULL */
    double full;              /* what the sum or mean is multiplied by */
    bool sum;
};

static const struct suite suites[] = {
    {"docvqa", "ANLS", "questionId", "answers", NULL, 100, false},
    {"infovqa", "ANLS", "questionId", "answers", "answer_type", 100, false},
    {"chartqa", "relaxed accuracy", NULL, "label", NULL, 100, false},
    {"textvqa", "accuracy", "question_id", "answers", NULL, 100, false},
    {"ocrbench", "points", NULL, "answers", "type", 1, true},
};

struct options {
    const char *truth, *pred, *json;
    const struct suite *suite;
};

struct group {
    char name[80];
    double sum;
    size_t n;
};

struct tally {
    struct group groups[MAX_GROUPS];
    size_t n_groups, rows, missing;
    double sum;
};

static void print_help(const struct suite *s)
{
    printf("Usage: docparse bench %s --gt FILE --pred FILE [--json FILE]\n"
           "Scores answers (%s).\n\n"
           "      --gt FILE    annotation file of the benchmark, as its owners publish it\n"
           "      --pred FILE  answers: a JSON array of objects, %s\n"
           "      --json FILE  write the result\n"
           "  -h, --help       this text\n\n"
           "Answers come from a large model (docparse ask); the compact reader cannot answer questions. Questions "
           "without\n"
           "an answer count 0.\n",
           s->name, s->metric,
           s->id ? "each with the question's number and \"answer\""
                 : "in the order of the questions, each with \"answer\"");
}

static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"gt", required_argument, NULL, 'g'},
                                          {"pred", required_argument, NULL, 'p'},
                                          {"json", required_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    *o = (struct options){0};
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        if (strcmp(suites[i].name, argv[0]) == 0)
            o->suite = &suites[i];
    optind = 0;
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":h", longs, NULL)) != -1;) {
        if (id == 'g')
            o->truth = optarg;
        else if (id == 'p')
            o->pred = optarg;
        else if (id == 'j')
            o->json = optarg;
        else if (id == 'h') {
            print_help(o->suite);
            return SVC_EXIT_OK;
        } else {
            return svc_option_error("bench", argv, longs, id);
        }
    }
    if (!o->truth)
        return svc_usage_error("bench", "%s needs --gt", argv[0]);
    if (!o->pred) {
        fprintf(stderr,
                "docparse bench: %s asks questions, which needs a large model; the compact reader only reads\n"
                "Answer with 'docparse ask' and give the answers with --pred.\n",
                argv[0]);
        return SVC_EXIT_SETUP;
    }
    return -1;
}

/* A question's number as text, so that 17 and "17" are the same. */
static void id_text(const json_t *value, char out[static 64])
{
    if (json_is_string(value))
        (void)snprintf(out, 64, "%s", json_string_value(value));
    else
        (void)snprintf(out, 64, "%lld", (long long)json_integer_value(value));
}

static const char *answer_of(const json_t *row)
{
    static const char *const keys[] = {"answer", "predict", "prediction", "pred"};
    if (json_is_string(row))
        return json_string_value(row);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (json_is_string(json_object_get(row, keys[i])))
            return json_string_value(json_object_get(row, keys[i]));
    return NULL;
}

/* Answers by question number; NULL values when the suite goes by order. */
static json_t *index_answers(const struct suite *s, const json_t *pred)
{
    json_t *index = json_object();
    for (size_t i = 0; s->id && index && i < json_array_size(pred); i++) {
        const json_t *row = json_array_get(pred, i), *id = json_object_get(row, s->id);
        char key[64];
        if (!id)
            id = json_object_get(row, "question_id");
        id_text(id, key);
        if (answer_of(row))
            (void)json_object_set_new(index, key, json_string(answer_of(row)));
    }
    return index;
}

static size_t strings_of(struct bm_mem *mem, const json_t *value, struct bm_str out[static MAX_ANSWERS])
{
    size_t n = 0;
    if (json_is_string(value))
        out[n++] = bm_from(mem, json_string_value(value));
    for (size_t i = 0; i < json_array_size(value) && n < MAX_ANSWERS; i++)
        if (json_is_string(json_array_get(value, i)))
            out[n++] = bm_from(mem, json_string_value(json_array_get(value, i)));
    return n;
}

static double score(struct bm_mem *mem, const struct suite *s, const json_t *row, const char *answer)
{
    struct bm_str answers[MAX_ANSWERS], pred = bm_from(mem, answer);
    size_t n = strings_of(mem, json_object_get(row, s->answers), answers);
    const char *set = json_string_value(json_object_get(row, "dataset_name"));
    if (n == 0)
        return 0;
    if (strcmp(s->name, "chartqa") == 0)
        return bm_relaxed(mem, pred, answers[0]);
    if (strcmp(s->name, "textvqa") == 0)
        return bm_vqa_accuracy(mem, pred, answers, n);
    if (strcmp(s->name, "ocrbench") == 0)
        return bm_ocrbench(mem, pred, answers, n, set && strcmp(set, "HME100k") == 0);
    return bm_anls(mem, pred, answers, n);
}

static void add_to_group(struct tally *t, const char *name, double value)
{
    size_t i = 0;
    while (i < t->n_groups && strcmp(t->groups[i].name, name) != 0)
        i++;
    if (i == MAX_GROUPS)
        return;
    if (i == t->n_groups) {
        (void)snprintf(t->groups[i].name, sizeof t->groups[i].name, "%.79s", name);
        t->n_groups++;
    }
    t->groups[i].sum += value;
    t->groups[i].n++;
}

static void score_row(struct bm_mem *mem, const struct suite *s, const json_t *row, const char *answer, struct tally *t)
{
    const json_t *group = s->group ? json_object_get(row, s->group) : NULL;
    double value = answer ? score(mem, s, row, answer) : 0;
    t->rows++;
    t->missing += answer == NULL;
    t->sum += value;
    if (json_is_string(group))
        add_to_group(t, json_string_value(group), value);
    for (size_t i = 0; i < json_array_size(group); i++)
        if (json_is_string(json_array_get(group, i)))
            add_to_group(t, json_string_value(json_array_get(group, i)), value);
    b_arena_reset(mem->arena);
}

static double scaled(const struct suite *s, double sum, size_t n)
{
    return s->sum ? sum * s->full : n ? s->full * sum / (double)n : 0;
}

static void print_tally(const struct suite *s, const struct tally *t)
{
    for (size_t i = 0; i < t->n_groups; i++)
        printf("%-50s %8.2f  of %zu questions\n", t->groups[i].name, scaled(s, t->groups[i].sum, t->groups[i].n),
               t->groups[i].n);
    printf("%s %s: %.2f over %zu questions, %zu without an answer\n", s->name, s->metric, scaled(s, t->sum, t->rows),
           t->rows, t->missing);
}

static enum b_code write_json(const struct suite *s, const struct tally *t, const char *path, struct b_err *err)
{
    json_t *groups = json_object();
    for (size_t i = 0; i < t->n_groups; i++)
        json_object_set_new(groups, t->groups[i].name, json_real(scaled(s, t->groups[i].sum, t->groups[i].n)));
    json_t *root = json_pack("{s:s, s:s, s:f, s:I, s:I, s:o}", "benchmark", s->name, "metric", s->metric, "score",
                             scaled(s, t->sum, t->rows), "questions", (json_int_t)t->rows, "missing",
                             (json_int_t)t->missing, "groups", groups);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!text)
        return b_fail(err, B_NO_MEMORY, "bench", "no memory for the result");
    enum b_code code = b_outfile_put(path, text, strlen(text), err);
    free(text);
    return code;
}

static json_t *load_array(const char *path, struct b_err *err)
{
    json_error_t why;
    json_t *root = json_load_file(path, 0, &why);
    json_t *rows = json_is_array(root) ? root : json_object_get(root, "data");
    if (!json_is_array(rows)) {
        (void)b_fail(err, B_FORMAT, "bench", "%s holds no list of questions or answers%s%s", path, root ? "" : ": ",
                     root ? "" : why.text);
        json_decref(root);
        return NULL;
    }
    json_incref(rows);
    json_decref(root);
    return rows;
}

int svc_bench_answers(int argc, char **argv, struct b_cancel *cancel)
{
    struct options o;
    struct b_err err = {0};
    int parsed = parse_options(argc, argv, &o);
    (void)cancel;
    if (parsed >= 0)
        return parsed;
    struct bm_mem mem = {b_arena_new(ARENA_BYTES), b_arena_new(ARENA_BYTES), false};
    struct tally *tally = calloc(1, sizeof *tally);
    json_t *truth = load_array(o.truth, &err), *pred = truth ? load_array(o.pred, &err) : NULL;
    json_t *index = pred ? index_answers(o.suite, pred) : NULL;
    int exit_code = SVC_EXIT_FAILED;
    if (index && tally && mem.arena && mem.scratch) {
        for (size_t i = 0; i < json_array_size(truth); i++) {
            const json_t *row = json_array_get(truth, i);
            char key[64];
            const char *answer = answer_of(json_array_get(pred, i));
            if (o.suite->id) {
                id_text(json_object_get(row, o.suite->id), key);
                answer = json_string_value(json_object_get(index, key));
            }
            score_row(&mem, o.suite, row, answer, tally);
        }
        print_tally(o.suite, tally);
        exit_code = !o.json || write_json(o.suite, tally, o.json, &err) == B_OK ? SVC_EXIT_OK : SVC_EXIT_FAILED;
    }
    if (err.code != B_OK)
        svc_print_error("bench", 0, &err);
    json_decref(index);
    json_decref(pred);
    json_decref(truth);
    free(tally);
    b_arena_drop(mem.arena);
    b_arena_drop(mem.scratch);
    return exit_code;
}
