/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_CHAT_H
#define ENGINE_QWEN25VL_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/qwen25vl/config.h"
#include "engine/qwen25vl/tokenizer.h"

/* Chat turns to prompt, as the published template: a default system turn when the first is none,
 * <|im_start|>ROLE\n parts <|im_end|>\n, and the assistant's opening. */

enum eng_part_kind { ENG_PART_TEXT = 0, ENG_PART_IMAGE, ENG_PART_VIDEO };

struct eng_part {
    enum eng_part_kind kind;
    const char *text; /* ENG_PART_TEXT */
    size_t text_len;
    int64_t pads; /* image or video: how often its pad token stands (grid_t * grid_h * grid_w / 4); >= 1 */
};

struct eng_turn {
    const char *role; /* "system", "user", "assistant" */
    const struct eng_part *parts;
    size_t n_parts;
};

struct eng_chat_options {
    bool no_generation_prompt; /* leave out <|im_start|>assistant\n */
    bool vision_ids;           /* "Picture 1: ", "Video 1: " before the pads */
    bool parse_special;        /* control tokens inside the texts count (as the reference); otherwise they are text */
};

/* The rendered text, pads repeated. Failure is in out. */
void eng_chat_text(const struct eng_turn *turns, size_t n_turns, const struct eng_chat_options *options,
                   struct b_buf *out);

/* The ids. With parse_special they equal the encoding of the rendered text; without, every part's text is
 * encoded together with its plain neighbours, control tokens in it staying text. */
enum b_code eng_chat_ids(const struct eng_tokenizer *tok, const struct eng_turn *turns, size_t n_turns,
                         const struct eng_chat_options *options, struct eng_ids *ids, struct b_err *err) B_MUST_CHECK;

#endif
