# SPDX-License-Identifier: Apache-2.0
"""A training checkpoint as a published one: export.py checkpoint.pt DIR

Writes config.json, generation_config.json, preprocessor_config.json, vocab.json, merges.txt, added tokens in
tokenizer_config.json, and model.safetensors in bf16 (averaged weights). engine/qwen25vl opens the folder as it stands.
"""
import argparse
import json
import os
import struct

import torch

import model as m
import tokens as tk

# Paper is 0 for the tower, and grey pictures give three equal channels.
MEAN, STD = [1.0] * 3, [0.5] * 3


def tensors(state):
    """Published names -> bf16 tensors. The grey patch embedding is spread over channels and frames."""
    out = {}
    for name, t in state.items():
        if name.startswith("glyph_head"):
            continue
        t = t.detach().float()
        if name == "visual.patch_embed.proj.weight":
            t = (t / 6).view(-1, 1, 1, m.PATCH, m.PATCH).expand(-1, 3, 2, -1, -1)
        out[name] = t.to(torch.bfloat16).contiguous()
    return out


def write_safetensors(path, named):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, t in named.items():
        size = t.numel() * 2
        header[name] = {"dtype": "BF16", "shape": list(t.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in named.values():
            f.write(t.view(torch.int16).numpy().tobytes())


def config(s):
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl", "attention_dropout": 0.0,
        "bos_token_id": tk.ADDED["<|endoftext|>"], "eos_token_id": tk.STOP, "vision_start_token_id": tk.START, "vision_end_token_id": tk.END,
        "vision_token_id": tk.ADDED["<|vision_pad|>"], "image_token_id": tk.PAD, "video_token_id": tk.VIDEO, "hidden_act": "silu",
        "hidden_size": s.hidden, "initializer_range": 0.02, "intermediate_size": s.inner, "max_position_embeddings": 2048, "max_window_layers": s.layers,
        "num_attention_heads": s.heads, "num_hidden_layers": s.layers, "num_key_value_heads": s.kv_heads, "rms_norm_eps": s.eps,
        "rope_theta": s.theta, "sliding_window": 2048, "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_cache": True, "use_sliding_window": False,
        "vision_config": {"depth": s.v_depth, "hidden_act": "silu", "hidden_size": s.v_hidden, "intermediate_size": s.v_inner, "num_heads": s.v_heads,
                          "in_chans": 3, "out_hidden_size": s.hidden, "patch_size": m.PATCH, "spatial_merge_size": m.MERGE, "spatial_patch_size": m.PATCH,
                          "window_size": m.WINDOW * 28, "fullatt_block_indexes": list(s.v_full), "tokens_per_second": 2, "temporal_patch_size": 2},
        "rope_scaling": {"type": "mrope", "mrope_section": s.sections}, "vocab_size": s.vocab}


def tokenizer_files(folder, dump):
    dump("vocab.json", {c: i for i, (_, c) in enumerate(tk.BYTES)})
    with open(os.path.join(folder, "merges.txt"), "w") as f:
        f.write("#version: 0.2\n")
    decoder = {str(i): {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": special}
               for i, t, special in tk.added_entries()}
    dump("tokenizer_config.json", {"add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": decoder, "clean_up_tokenization_spaces": False,
                                   "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "tokenizer_class": "Qwen2Tokenizer", "unk_token": None})


def export(checkpoint, folder):
    old = torch.load(checkpoint, map_location="cpu", weights_only=False)
    s = m.Shape(**old["shape"])
    os.makedirs(folder, exist_ok=True)

    def dump(name, value):
        with open(os.path.join(folder, name), "w") as f:
            json.dump(value, f, indent=1, ensure_ascii=True)
            f.write("\n")
    dump("config.json", config(s))
    dump("generation_config.json", {"bos_token_id": tk.ADDED["<|endoftext|>"], "pad_token_id": tk.ADDED["<|endoftext|>"], "do_sample": False,
                                    "eos_token_id": [tk.STOP], "repetition_penalty": 1.0})
    dump("preprocessor_config.json", {"min_pixels": 784, "max_pixels": 28 * 28 * 256, "patch_size": m.PATCH, "temporal_patch_size": 2, "merge_size": m.MERGE,
                                      "image_mean": MEAN, "image_std": STD, "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor"})
    tokenizer_files(folder, dump)
    named = tensors(old["mean"])
    write_safetensors(os.path.join(folder, "model.safetensors"), named)
    return s, named


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint")
    ap.add_argument("folder")
    a = ap.parse_args()
    s, named = export(a.checkpoint, a.folder)
    print("%d tensors, %.2f M parameters, step %d" % (len(named), sum(t.numel() for t in named.values()) / 1e6,
                                                      torch.load(a.checkpoint, map_location="cpu", weights_only=False)["step"]))


if __name__ == "__main__":
    main()
