/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASK_H
#define DOCPARSE_ASK_H

#include "docparse/reader.h"
#include "engine/base/buf.h"
#include "engine/base/image.h"

/* Questions about pages, answered by the large model. An asker keeps what it has read: the next question about the same
 * pages does not read them again. One thread at a time; the model is shared. */
struct dp_asker;

/* B_UNSUPPORTED unless the model is a large one (dp_model_open_qwen). cache_bytes: what the keys and values of pages,
 * question and answer may take; 0: 2 GiB. Used as far as needed, and kept for the next question. */
enum b_code dp_asker_new(const struct dp_model *model, int threads, uint64_t cache_bytes, struct dp_asker **out,
                         struct b_err *err) B_MUST_CHECK;
void dp_asker_drop(struct dp_asker *asker);

enum { DP_ASK_PAGES_MAX = 32 };

struct dp_question {
    const struct b_image_view *pages; /* in front of the text, in order */
    size_t n_pages;                   /* 0 .. DP_ASK_PAGES_MAX */
    const char *text;                 /* UTF-8; control tokens in it are text */
    int max_tokens;                   /* of the answer; 0: 1024 */
    const char *schema;               /* JSON Schema that the answer is held to (see dp_ask_holds), or NULL */
    /* Called with each piece of the answer as it comes, whole characters only; false ends the answer. May be NULL. */
    bool (*on_text)(void *ctx, const char *text, size_t len);
    /* The same for each token, with the text that became whole by it (len may be 0) and the logarithm of its
     * probability; the token that ends the answer comes with no text. May be NULL. */
    bool (*on_token)(void *ctx, const char *text, size_t len, float log_probability);
    void *ctx;
};

struct dp_answer {
    struct b_buf text; /* free with dp_answer_free */
    float confidence;  /* mean probability of its tokens */
    bool complete;     /* the model ended it itself */
    struct {
        int width, height; /* of the picture that the model saw: coordinates in the answer are its pixels */
    } frames[DP_ASK_PAGES_MAX];
};

/* What the large model was taught to be asked: the text that stands for "extract what this JSON Schema describes" and
 * for "locate what this phrase names", appended to out. */
enum b_code dp_ask_extract_text(const char *schema, struct b_buf *out, struct b_err *err) B_MUST_CHECK;
enum b_code dp_ask_locate_text(const char *phrase, struct b_buf *out, struct b_err *err) B_MUST_CHECK;
/* JSON Schema of an answer to the latter: a list of objects with a label and bbox_2d [x0, y0, x1, y1] or point_2d
 * [x, y], in pixels of the frame. */
extern const char dp_ask_locate_schema[];

/* Whether answers can be held to the JSON Schema: B_OK, B_UNSUPPORTED (a keyword that cannot be held, named in err), or
 * what is wrong with it. */
enum b_code dp_ask_holds(const char *schema, struct b_err *err) B_MUST_CHECK;

/* B_LIMIT: too many pages or tokens. */
enum b_code dp_ask(struct dp_asker *asker, const struct dp_question *question, struct dp_answer *out,
                   struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;
void dp_answer_free(struct dp_answer *answer);

/* An answer's JSON without the fence and the prose around it: the first balanced object or array of text[0..len), or
 * NULL; *size gets its length. Borrowed. */
const char *dp_answer_json(const char *text, size_t len, size_t *size);

#endif
