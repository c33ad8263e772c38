# SPDX-License-Identifier: Apache-2.0
"""Formulas of scans through the real program: a checkpoint of random weights (which is never sure of anything) changes no text
and shows no formula; a missing one is an error that says so."""
import json
import os
import random
import struct
import sys
import unittest

import e2e

ROOT = os.environ["DP_SOURCE"]
sys.path.insert(0, os.path.join(ROOT, "engine", "training"))
sys.dont_write_bytecode = True
import tokens  # noqa: E402

V, H = 32, 64  # hidden sizes of tower and decoder


def tensors():
    """(name, shape) of a tower of two blocks and a decoder of one layer."""
    yield "visual.patch_embed.proj.weight", [V, 3, 2, 14, 14]
    for i in range(2):
        p = "visual.blocks.%d." % i
        for name, shape in (("norm1.weight", [V]), ("norm2.weight", [V]), ("attn.qkv.weight", [3 * V, V]), ("attn.qkv.bias", [3 * V]), ("attn.proj.weight", [V, V]),
                            ("attn.proj.bias", [V]), ("mlp.gate_proj.weight", [64, V]), ("mlp.gate_proj.bias", [64]), ("mlp.up_proj.weight", [64, V]),
                            ("mlp.up_proj.bias", [64]), ("mlp.down_proj.weight", [V, 64]), ("mlp.down_proj.bias", [V])):
            yield p + name, shape
    for name, shape in (("ln_q.weight", [V]), ("mlp.0.weight", [4 * V, 4 * V]), ("mlp.0.bias", [4 * V]), ("mlp.2.weight", [H, 4 * V]), ("mlp.2.bias", [H])):
        yield "visual.merger." + name, shape
    yield "model.embed_tokens.weight", [tokens.ROWS, H]
    p = "model.layers.0."
    for name, shape in (("input_layernorm.weight", [H]), ("post_attention_layernorm.weight", [H]), ("self_attn.q_proj.weight", [H, H]), ("self_attn.q_proj.bias", [H]),
                        ("self_attn.k_proj.weight", [32, H]), ("self_attn.k_proj.bias", [32]), ("self_attn.v_proj.weight", [32, H]), ("self_attn.v_proj.bias", [32]),
                        ("self_attn.o_proj.weight", [H, H]), ("mlp.gate_proj.weight", [64, H]), ("mlp.up_proj.weight", [64, H]), ("mlp.down_proj.weight", [H, 64])):
        yield p + name, shape
    yield "model.norm.weight", [H]


CONFIG = {"model_type": "qwen2_5_vl", "bos_token_id": 256, "eos_token_id": tokens.STOP, "vision_start_token_id": tokens.START, "vision_end_token_id": tokens.END,
          "vision_token_id": 267, "image_token_id": tokens.PAD, "video_token_id": tokens.VIDEO, "hidden_act": "silu", "hidden_size": H, "intermediate_size": 64,
          "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 1, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": True,
          "vocab_size": tokens.ROWS, "max_position_embeddings": 2048, "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
          "vision_config": {"depth": 2, "hidden_size": V, "intermediate_size": 64, "num_heads": 2, "in_chans": 3, "out_hidden_size": H, "patch_size": 14,
                            "spatial_merge_size": 2, "window_size": 112, "fullatt_block_indexes": [1], "temporal_patch_size": 2}}


def write_checkpoint(folder):
    rng, header, data = random.Random(1), {}, bytearray()
    for name, shape in tensors():
        n = 1
        for side in shape:
            n *= side
        at = len(data)
        data += b"\x80\x3f" * n if "norm" in name or "ln_q" in name else b"".join(struct.pack("<f", rng.uniform(-.2, .2))[2:] for _ in range(n))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    added = {str(i): {"content": t, "special": s, "lstrip": False, "rstrip": False, "single_word": False} for i, t, s in tokens.added_entries()}
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    for name, value in (("config.json", CONFIG), ("preprocessor_config.json", {"image_mean": [1.0] * 3, "image_std": [.5] * 3, "min_pixels": 784}),
                        ("vocab.json", {c: i for i, (_, c) in enumerate(tokens.BYTES)}), ("tokenizer_config.json", {"added_tokens_decoder": added})):
        with open(os.path.join(folder, name), "w") as f:
            json.dump(value, f)
    with open(os.path.join(folder, "merges.txt"), "w") as f:
        f.write("#version: 0.2\n")


class Formulas(e2e.Case):
    def pages(self, out, *options):
        self.out = self.at(out)
        self.convert(os.path.join(e2e.SAMPLES, "paper.pdf"), "-f", "json", "--text-layer", "off", "--progress", "none", *options)
        return self.json("paper")["pages"]

    def test_what_nobody_is_sure_of_changes_no_text(self):
        folder = self.at("checkpoint")
        os.makedirs(folder)
        write_checkpoint(folder)
        plain = self.pages("plain")
        first = self.pages("first", "--formulas", folder, "--jobs", "1")
        self.assertEqual(first, self.pages("second", "--formulas", folder, "--jobs", "2"))
        self.assertEqual(first, plain)

    def test_a_missing_checkpoint_is_an_error(self):
        self.out = self.at("out")
        done = self.convert(os.path.join(e2e.SAMPLES, "paper.pdf"), "--formulas", self.at("nothing"), code=e2e.SETUP)
        self.assertIn("config.json", done.err)


if __name__ == "__main__":
    unittest.main(verbosity=1)
