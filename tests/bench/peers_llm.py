#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The peers of paired_llm.py: llama.cpp and PyTorch on the weights of one random Qwen2.5-VL checkpoint of bfloat16.

usage: peers_llm.py gguf CHECKPOINT FOLDER       writes the decoder as GGUF, in bfloat16 and quantised
       peers_llm.py llama FILE.gguf              both answer the lines of `bench_qwen --serve` with JSON objects:
       peers_llm.py torch CHECKPOINT bf16|fp32   seconds and processor seconds

llama.cpp knows no M-RoPE for text of this model, and needs none: positions of text are the same on all three axes.
PyTorch runs the layers written out below, without the bookkeeping of a library around them: fused attention, fused
norms, all windows of a picture as one batch. Needs llama-cpp-python, gguf, numpy; torch.
"""
import ctypes
import json
import os
import struct
import sys
import time

QUANTISED = {"Q8_0": "MOSTLY_Q8_0", "Q4_0": "MOSTLY_Q4_0", "Q4_K_M": "MOSTLY_Q4_K_M"}
BATCH = 512


def tensors(folder):
    """Name, dtype, shape and bytes of every tensor."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with open(os.path.join(folder, name), "rb") as file:
                size = struct.unpack("<Q", file.read(8))[0]
                for key, entry in json.loads(file.read(size)).items():
                    if key != "__metadata__":
                        begin, end = entry["data_offsets"]
                        file.seek(8 + size + begin)
                        yield key, entry["dtype"], entry["shape"], file.read(end - begin)


def config(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        return json.load(file)


def timed(name, work):
    """What work returns, and its wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {name + "_s": time.perf_counter() - wall, name + "_cpu_s": time.process_time() - cpu}


def serve(peer):
    print("ready", flush=True)
    for line in sys.stdin:
        kind, *numbers = line.split()
        threads, *numbers = map(int, numbers)
        if kind not in ("prompt", "answer", "tower"):
            raise SystemExit("what is asked: " + line)
        print(json.dumps(getattr(peer, kind)(threads, *numbers)), flush=True)


# --- llama.cpp ---

GGUF_NAMES = {
    "input_layernorm.weight": "attn_norm.weight", "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight", "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.weight": "attn_k.weight", "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.weight": "attn_v.weight", "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight", "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight", "mlp.down_proj.weight": "ffn_down.weight",
}


def gguf_name(key):
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
           "lm_head.weight": "output.weight"}
    if key.startswith("model.layers."):
        _, _, layer, rest = key.split(".", 3)
        return "blk.%s.%s" % (layer, GGUF_NAMES[rest])
    return top.get(key)


def write_gguf(folder, path):
    import gguf
    import numpy as np
    c = config(folder)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(c["max_position_embeddings"])
    writer.add_embedding_length(c["hidden_size"])
    writer.add_block_count(c["num_hidden_layers"])
    writer.add_feed_forward_length(c["intermediate_size"])
    writer.add_head_count(c["num_attention_heads"])
    writer.add_head_count_kv(c["num_key_value_heads"])
    writer.add_rope_freq_base(c["rope_theta"])
    writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    writer.add_vocab_size(c["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    for key, dtype, shape, data in tensors(folder):
        name = gguf_name(key)
        if name and dtype != "BF16":
            raise SystemExit("%s is %s; a checkpoint of bfloat16 is needed" % (key, dtype))
        if name and len(shape) == 1:  # norms and biases are fp32 in such files
            wide = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
            writer.add_tensor(name, wide.view(np.float32))
        elif name:
            rows = np.frombuffer(data, np.uint8).reshape(shape[0], shape[1] * 2)
            writer.add_tensor(name, rows, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_gguf(folder, out):
    import llama_cpp
    plain = os.path.join(out, "BF16.gguf")
    if not os.path.exists(plain):
        write_gguf(folder, plain + ".part")
        os.rename(plain + ".part", plain)
    for name, kind in QUANTISED.items():
        path = os.path.join(out, name + ".gguf")
        if not os.path.exists(path):
            params = llama_cpp.llama_model_quantize_default_params()
            params.ftype = getattr(llama_cpp, "LLAMA_FTYPE_" + kind)
            params.nthread = 2
            if llama_cpp.llama_model_quantize(plain.encode(), (path + ".part").encode(), ctypes.byref(params)) != 0:
                raise SystemExit("llama.cpp cannot quantise to " + name)
            os.rename(path + ".part", path)


class Llama:
    def __init__(self, path):
        import llama_cpp
        import numpy
        self.api, self.numpy = llama_cpp, numpy
        llama_cpp.llama_backend_init()
        self.quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.quiet, ctypes.c_void_p(0))
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise SystemExit("llama.cpp cannot open " + path)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = 4096, BATCH, BATCH
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        self.vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))

    def run(self, ids):
        array = (self.api.llama_token * len(ids))(*ids)
        if self.api.llama_decode(self.context, self.api.llama_batch_get_one(array, len(ids))) != 0:
            raise SystemExit("llama.cpp cannot decode")

    def best(self):
        logits = self.api.llama_get_logits_ith(self.context, -1)
        return int(self.numpy.ctypeslib.as_array(logits, (self.vocab,)).argmax())

    def read(self, ids):
        for at in range(0, len(ids), BATCH):
            self.run(ids[at:at + BATCH])
        return self.best()

    def speak(self, count):
        for _ in range(count - 1):  # the first token came with the prompt
            self.run([self.best()])

    def prompt(self, threads, text, answer):
        self.api.llama_set_n_threads(self.context, threads, threads)
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)
        return timed("prefill", lambda: self.read([i * 37 % 900 for i in range(text)]))[1]

    def answer(self, threads, count):
        found = timed("decode", lambda: self.speak(count))[1]
        return dict(found, steps=count - 1)


# --- PyTorch ---

class Torch:
    def __init__(self, folder, dtype):
        import torch
        self.torch, self.f, self.c = torch, torch.nn.functional, config(folder)
        self.dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[dtype]
        self.w = {}
        for key, _, shape, data in tensors(folder):
            tensor = torch.frombuffer(bytearray(data), dtype=torch.bfloat16).reshape(shape)
            self.w[key] = tensor.to(self.dtype)
        self.w.setdefault("lm_head.weight", self.w["model.embed_tokens.weight"])

    def linear(self, x, name):
        return self.f.linear(x, self.w[name + ".weight"], self.w.get(name + ".bias"))

    def norm(self, x, name):
        return self.f.rms_norm(x, x.shape[-1:], self.w[name], 1e-6)

    def turned(self, x, cos, sin):
        """x [..., rows, d], angles [rows, d]."""
        half = x.shape[-1] // 2
        return x * cos + self.torch.cat((-x[..., half:], x[..., :half]), -1) * sin

    def mlp(self, x, name):
        gate, up = self.linear(x, name + "gate_proj"), self.linear(x, name + "up_proj")
        return self.linear(self.f.silu(gate) * up, name + "down_proj")

    def angles(self, table):
        both = self.torch.cat((table, table), -1)
        return both.cos().to(self.dtype), both.sin().to(self.dtype)

    def text(self, ids, cache, first):
        """Logits of the last of the tokens, which follow `first` others."""
        torch, c = self.torch, self.c
        heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
        d, rows = c["hidden_size"] // heads, len(ids)
        at = torch.arange(first, first + rows, dtype=torch.float32)
        cos, sin = self.angles(torch.outer(at, c["rope_theta"] ** -(torch.arange(0, d, 2) / d)))
        x = self.f.embedding(torch.tensor(ids), self.w["model.embed_tokens.weight"])
        for i in range(c["num_hidden_layers"]):
            name = "model.layers.%d." % i
            y = self.norm(x, name + "input_layernorm.weight")
            q, k, v = (self.linear(y, name + "self_attn." + p + "_proj").view(rows, n, d).transpose(0, 1)
                       for p, n in (("q", heads), ("k", kv), ("v", kv)))
            q, k = self.turned(q, cos, sin), self.turned(k, cos, sin)
            cache[i, 0, :, first:first + rows], cache[i, 1, :, first:first + rows] = k, v
            keys, values = cache[i, 0, :, :first + rows], cache[i, 1, :, :first + rows]
            y = self.f.scaled_dot_product_attention(q[None], keys[None], values[None], is_causal=rows > 1,
                                                    enable_gqa=True)
            x = x + self.linear(y[0].transpose(0, 1).reshape(rows, heads * d), name + "self_attn.o_proj")
            x = x + self.mlp(self.norm(x, name + "post_attention_layernorm.weight"), name + "mlp.")
        return self.linear(self.norm(x[-1:], "model.norm.weight"), "lm_head")

    def look(self, patches, rows, cols):
        """patches [n, values] in window order, rows and cols of every patch; windows of 8 x 8 patches, all full."""
        torch, v = self.torch, self.c["vision_config"]
        n, h, heads = patches.shape[0], v["hidden_size"], v["num_heads"]
        d = h // heads
        inverse = 10000.0 ** -(torch.arange(0, d // 2, 2) / (d // 2))
        cos, sin = self.angles(torch.cat((torch.outer(rows, inverse), torch.outer(cols, inverse)), -1))
        x = self.f.linear(patches, self.w["visual.patch_embed.proj.weight"].flatten(1))
        for i in range(v["depth"]):
            name = "visual.blocks.%d." % i
            qkv = self.linear(self.norm(x, name + "norm1.weight"), name + "attn.qkv").view(n, 3, heads, d)
            q, k, value = (part.transpose(0, 1) for part in qkv.unbind(1))
            q, k = self.turned(q, cos, sin), self.turned(k, cos, sin)
            if i in v["fullatt_block_indexes"]:
                y = self.f.scaled_dot_product_attention(q[None], k[None], value[None])[0]
            else:
                parts = (part.reshape(heads, n // 64, 64, d).transpose(0, 1) for part in (q, k, value))
                y = self.f.scaled_dot_product_attention(*parts).transpose(0, 1).reshape(heads, n, d)
            x = x + self.linear(y.transpose(0, 1).reshape(n, h), name + "attn.proj")
            x = x + self.mlp(self.norm(x, name + "norm2.weight"), name + "mlp.")
        y = self.norm(x, "visual.merger.ln_q.weight").view(n // 4, 4 * h)
        return self.linear(self.f.gelu(self.linear(y, "visual.merger.mlp.0")), "visual.merger.mlp.2")

    def tower(self, threads, width, height):
        torch, v = self.torch, self.c["vision_config"]
        wide, high = width // 14, height // 14
        if wide % 8 or high % 8:
            raise SystemExit("a picture of whole windows is needed: multiples of 112")
        order = torch.arange(wide * high).view(high // 8, 8, wide // 8, 8).transpose(1, 2).reshape(-1)
        patches = torch.randn(wide * high, 3 * 2 * v["patch_size"] ** 2).to(self.dtype)
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return timed("vision", lambda: self.look(patches, (order // wide).float(), (order % wide).float()))[1]

    def prompt(self, threads, text, answer):
        c = self.c
        d = c["hidden_size"] // c["num_attention_heads"]
        self.torch.set_num_threads(threads)
        self.cache = self.torch.zeros(c["num_hidden_layers"], 2, c["num_key_value_heads"], text + answer, d,
                                      dtype=self.dtype)
        self.length = text
        with self.torch.inference_mode():
            self.logits, found = timed("prefill", lambda: self.text([i * 37 % 900 for i in range(text)], self.cache, 0))
        return found

    def speak(self, count):
        for i in range(count - 1):
            self.logits = self.text([int(self.logits.argmax())], self.cache, self.length + i)

    def answer(self, threads, count):
        with self.torch.inference_mode():
            found = timed("decode", lambda: self.speak(count))[1]
        return dict(found, steps=count - 1)


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "gguf":
        make_gguf(sys.argv[2], sys.argv[3])
    elif len(sys.argv) == 3 and sys.argv[1] == "llama":
        serve(Llama(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] == "torch":
        serve(Torch(sys.argv[2], sys.argv[3]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
