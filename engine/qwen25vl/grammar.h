/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_GRAMMAR_H
#define ENGINE_QWEN25VL_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/qwen25vl/tokenizer.h"

/* Answers held to a form: a grammar over bytes, and a matcher that says after every token which ones may follow. What
 * a matcher lets through to its end belongs to the grammar; nothing in the grammar is shut out, except where nesting
 * or ambiguity exceeds the bounds below, which also bound the time of a step. */

/* --- grammar: immutable, shared by any number of matchers on any threads --- */

struct eng_grammar;

/* From rules in the form
 *     root   ::= "yes" | "no" | list     # the answer is a root
 *     list   ::= "[" number ("," number){0,9} "]"
 *     number ::= [0-9]+ ("." [0-9]*)?
 * with texts ("\n", "\x41", "\u00e9" and so on inside), classes of characters ([^"\\]), the dot for any character,
 * groups, and ? * + {n} {n,} {n,m}. A rule ends where the next one begins. B_FORMAT names the line. */
enum b_code eng_grammar_parse(const char *text, size_t len, struct eng_grammar **out, struct b_err *err) B_MUST_CHECK;

/* From a JSON Schema: every answer is a JSON document that the schema accepts, written compactly or with line breaks
 * and indents, members in the schema's order. Read are type, properties, required, additionalProperties, items,
 * prefixItems, minItems, maxItems, enum, const, anyOf, oneOf, $ref within the document, minLength, maxLength, minimum
 * 0; texts that only describe are skipped. A keyword that restricts values in a way not held here is B_UNSUPPORTED. */
enum b_code eng_grammar_from_schema(const char *schema, size_t len, struct eng_grammar **out,
                                    struct b_err *err) B_MUST_CHECK;
void eng_grammar_drop(struct eng_grammar *grammar);

/* Bounds of a matcher: nesting that is open at once, readings of an ambiguous text kept at once. */
enum { ENG_GRAMMAR_MAX_DEPTH = 256, ENG_GRAMMAR_MAX_READINGS = 512 };

/* --- matcher: one answer, one thread at a time --- */

struct eng_matcher;

/* grammar and tok must outlive the matcher. stops: ids that end an answer. */
enum b_code eng_matcher_new(const struct eng_grammar *grammar, const struct eng_tokenizer *tok, const int32_t *stops,
                            int n_stops, struct eng_matcher **out, struct b_err *err) B_MUST_CHECK;
void eng_matcher_drop(struct eng_matcher *matcher);
/* Back to the beginning of an answer. */
void eng_matcher_reset(struct eng_matcher *matcher);

/* Whether the token may come next: its bytes continue a text of the grammar, or it is a stop and the text is whole.
 * Added tokens other than stops never may. */
bool eng_matcher_allows(struct eng_matcher *matcher, int32_t id);
/* allowed[i] = whether id i may come next, i < vocab; returns how many. */
size_t eng_matcher_mask(struct eng_matcher *matcher, uint8_t *allowed, size_t vocab);
/* Takes the token; false (and nothing changes) when it may not come. */
bool eng_matcher_accept(struct eng_matcher *matcher, int32_t id);
/* Whether the text so far is whole, and whether nothing can follow it. */
bool eng_matcher_may_end(const struct eng_matcher *matcher);
bool eng_matcher_must_end(const struct eng_matcher *matcher);

#endif
