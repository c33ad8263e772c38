# SPDX-License-Identifier: Apache-2.0
"""The formula reader's tokenizer, in the format of the published checkpoints: 256 bytes without merges, the 22 published
added tokens, then one added token for every command ("\\\\frac " with its space, so that an answer's text is LaTeX as it
stands). Ids of canonical tokens (corpora/synth/latex.py) and back."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "corpora", "synth"))
import latex  # noqa: E402

PUBLISHED = """<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> <|quad_start|>
<|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> <tool_call> </tool_call> <|fim_prefix|>
<|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|>""".split()
SPECIAL = 14
ROWS = 576  # of the embedding: a multiple of 64 with room for new commands


def byte_letters():
    """The published byte to character table: printable bytes are themselves, the rest follow from U+0100 on."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, n = {}, 0
    for b in range(256):
        table[b] = chr(b) if b in plain else chr(256 + n)
        n += b not in plain
    return table


# As published, bytes come in the order of their characters.
BYTES = sorted(byte_letters().items(), key=lambda kv: ord(kv[1]))
BYTE_ID = {b: i for i, (b, _) in enumerate(BYTES)}
ADDED = {t: 256 + i for i, t in enumerate(PUBLISHED)}
COMMANDS = [t for t in latex.VOCABULARY if len(t) > 1]
FIRST_COMMAND = 256 + len(PUBLISHED)


def spelled(token):
    """The text of a token: commands that end in a letter keep a space."""
    return token + " " if token.startswith("\\") and (token[-1].isalpha() or token == "\\\\") else token


ID = {t: BYTE_ID[ord(t)] for t in latex.VOCABULARY if len(t) == 1}
ID.update({t: FIRST_COMMAND + i for i, t in enumerate(COMMANDS)})
TOKEN = {i: t for t, i in ID.items()}
assert FIRST_COMMAND + len(COMMANDS) <= ROWS
STOP, START, END, PAD, VIDEO = (ADDED[n] for n in ("<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"))


def tokens_of(ids):
    return [TOKEN.get(i, "?") for i in ids]


def added_entries():
    """(id, text, special) of all added tokens."""
    return [(ADDED[t], t, i < SPECIAL) for i, t in enumerate(PUBLISHED)] + [(ID[t], spelled(t), False) for t in COMMANDS]
