/* SPDX-License-Identifier: Apache-2.0 */
/* A small tokenizer in both published forms. */
#include "tests/support/tiny_vocab.h"

/* U+0120 is how a space is written. */
const char t_merges[] = "#version: 0.2\na b\nab c\nb c\na a\naa aa\n\xc4\xa0 t\n";

static const char *const longer[] = {"ab", "abc", "bc", "aa", "aaaa", "\xc4\xa0t"};

void t_vocab_json(struct b_buf *out)
{
    unsigned next = 256;
    b_buf_putc(out, '{');
    for (unsigned byte = 0; byte < 256; byte++) {
        const int plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        const unsigned cp = plain ? byte : next++;
        b_buf_printf(out, "\"\\u%04x\":%u,", cp, byte);
    }
    for (unsigned i = 0; i < 6; i++)
        b_buf_printf(out, "\"%s\":%u%s", longer[i], 256 + i, i < 5 ? "," : "}");
}

void t_tokenizer_json(struct b_buf *out)
{
    b_buf_puts(out,
               "{\"added_tokens\":[{\"id\":262,\"content\":\"<|im_end|>\",\"special\":true},"
               "{\"id\":263,\"content\":\"<tool_call>\",\"special\":false}],\"normalizer\":{\"type\":\"NFC\"},"
               "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
               "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "
               "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"},"
               "\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
               "\"use_regex\":false}]},\"model\":{\"type\":\"BPE\",\"vocab\":");
    t_vocab_json(out);
    b_buf_puts(out, ",\"merges\":[\"a b\",[\"ab\",\"c\"],\"b c\",\"a a\",[\"aa\",\"aa\"],\"\xc4\xa0 t\"]}}");
}
