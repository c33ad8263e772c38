# SPDX-License-Identifier: Apache-2.0
"""The Qwen2.5-VL architecture at a small size, for training: engine/qwen25vl/MODEL.md written in PyTorch.

All pictures of a batch have one grid, so nothing is padded in the tower. Pictures are grey: red, green and blue and both
frames of a patch are equal, so that the patch embedding is trained on 196 inputs and spread over 1176 at export.
Parameters carry the names of the published tensors (see export.py).
"""
import math
from dataclasses import asdict, dataclass, field

import torch
import torch.nn as nn
import torch.nn.functional as F

PATCH, MERGE, WINDOW = 14, 2, 4  # WINDOW: side in units of 28 px


@dataclass
class Shape:
    vocab: int = 576
    v_hidden: int = 192
    v_depth: int = 6
    v_heads: int = 6
    v_inner: int = 512
    v_full: list = field(default_factory=lambda: [2, 5])
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    inner: int = 640
    glyphs: int = 224  # classes of the training-only head
    theta: float = 10000.0
    eps: float = 1e-6

    @property
    def head_dim(self):
        return self.hidden // self.heads

    @property
    def sections(self):
        half = self.head_dim // 2
        t = half // 4
        return [t, (half - t) // 2, half - t - (half - t) // 2]

    def as_dict(self):
        return asdict(self)


class RMS(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(n)), eps

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), self.eps)


def rotate(x, cos, sin):
    """x [..., n, d], cos and sin [n, d / 2] or [batch, 1, n, d / 2]: pairs (i, i + d/2)."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def attend(q, k, v, causal=False, watch=None):
    """Softmax attention. Written out on the CPU, where the fused kernel is several times slower at these lengths.
    watch: a list that gets the probabilities."""
    if q.is_cuda and watch is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    scores = torch.matmul(q, k.transpose(-1, -2)) * (1 / math.sqrt(q.shape[-1]))
    if causal:
        scores = scores + torch.full(scores.shape[-2:], float("-inf"), dtype=scores.dtype, device=q.device).triu(1)
    shares = torch.softmax(scores, -1)
    if watch is not None:
        watch.append(shares)
    return torch.matmul(shares, v)


class Mlp(nn.Module):
    def __init__(self, n, inner, bias):
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(n, inner, bias=bias), nn.Linear(n, inner, bias=bias)
        self.down_proj = nn.Linear(inner, n, bias=bias)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class VisionAttention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.heads = s.v_heads
        self.qkv, self.proj = nn.Linear(s.v_hidden, 3 * s.v_hidden), nn.Linear(s.v_hidden, s.v_hidden)

    def forward(self, x, cos, sin, runs):
        """runs: (first row, rows of a window, windows) that cover all rows."""
        b, n, c = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        out = []
        for first, rows, count in runs:
            part = [t[:, :, first:first + rows * count].reshape(b, self.heads, count, rows, -1).transpose(1, 2).reshape(b * count, self.heads, rows, -1)
                    for t in (q, k, v)] if count > 1 else [t[:, :, first:first + rows] for t in (q, k, v)]
            y = attend(*part)
            out.append(y.transpose(1, 2).reshape(b, rows * count, c))
        return self.proj(out[0] if len(out) == 1 else torch.cat(out, 1))


class VisionBlock(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.norm1, self.norm2 = RMS(s.v_hidden, 1e-6), RMS(s.v_hidden, 1e-6)
        self.attn, self.mlp = VisionAttention(s), Mlp(s.v_hidden, s.v_inner, True)

    def forward(self, x, cos, sin, runs):
        x = x + self.attn(self.norm1(x), cos, sin, runs)
        return x + self.mlp(self.norm2(x))


class Merger(nn.Module):
    def __init__(self, s):
        super().__init__()
        wide = s.v_hidden * MERGE * MERGE
        self.ln_q = RMS(s.v_hidden, 1e-6)
        self.mlp = nn.Sequential(nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, s.hidden))

    def forward(self, x):
        y = self.ln_q(x)
        return self.mlp(y.reshape(y.shape[0], -1, y.shape[2] * MERGE * MERGE))


class PatchEmbed(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.proj = nn.Linear(PATCH * PATCH, s.v_hidden, bias=False)

    def forward(self, x):
        return self.proj(x)


class Grid:
    """What depends on a picture's size in units: order of windows, angles, runs of equal windows."""

    def __init__(self, s, lh, lw, device):
        self.lh, self.lw = lh, lw
        order, sizes = [], []
        for wy in range(0, lh, WINDOW):
            for wx in range(0, lw, WINDOW):
                unit = [y * lw + x for y in range(wy, min(wy + WINDOW, lh)) for x in range(wx, min(wx + WINDOW, lw))]
                order += unit
                sizes.append(len(unit) * MERGE * MERGE)
        self.runs, first = [], 0
        for n in sizes:
            if self.runs and self.runs[-1][1] == n:
                self.runs[-1][2] += 1
            else:
                self.runs.append([first, n, 1])
            first += n
        unit = torch.tensor(order, device=device)
        self.units = unit                      # place in window order -> row-major unit
        self.back = torch.argsort(unit)
        self.rows = (unit[:, None] * 4 + torch.arange(4, device=device)).reshape(-1)  # the same for patches
        y, x = unit // lw, unit % lw
        inner = torch.arange(4, device=device)
        py = (y[:, None] * 2 + inner // 2).reshape(-1).float()
        px = (x[:, None] * 2 + inner % 2).reshape(-1).float()
        e = s.v_hidden // s.v_heads
        w = 10000.0 ** (-4.0 * torch.arange(e // 4, device=device, dtype=torch.float32) / e)
        angle = torch.cat((py[:, None] * w, px[:, None] * w), 1)
        self.cos, self.sin = angle.cos(), angle.sin()
        self.patch_y, self.patch_x = py.long(), px.long()


class Tower(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.patch_embed, self.blocks, self.merger = PatchEmbed(s), nn.ModuleList(VisionBlock(s) for _ in range(s.v_depth)), Merger(s)
        self.full = set(s.v_full)

    def forward(self, pixels, grid):
        """pixels [b, 28 lh, 28 lw], 0 is paper -> tokens [b, lh lw, hidden] row-major, patches [b, n, v_hidden] in window order."""
        b = pixels.shape[0]
        x = pixels.view(b, grid.lh, MERGE, PATCH, grid.lw, MERGE, PATCH).permute(0, 1, 4, 2, 5, 3, 6).reshape(b, -1, PATCH * PATCH)
        x = self.patch_embed(x[:, grid.rows])
        cos, sin = grid.cos.to(x.dtype), grid.sin.to(x.dtype)
        for i, block in enumerate(self.blocks):
            x = block(x, cos, sin, [(0, x.shape[1], 1)] if i in self.full else grid.runs)
        return self.merger(x)[:, grid.back], x


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        d = s.head_dim
        self.q_proj, self.k_proj = nn.Linear(s.hidden, s.heads * d), nn.Linear(s.hidden, s.kv_heads * d)
        self.v_proj, self.o_proj = nn.Linear(s.hidden, s.kv_heads * d), nn.Linear(s.heads * d, s.hidden, bias=False)

    def forward(self, x, cos, sin, past=None, watch=None):
        b, n, _ = x.shape
        d, heads, kv = self.s.head_dim, self.s.heads, self.s.kv_heads
        q = rotate(self.q_proj(x).view(b, n, heads, d).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(x).view(b, n, kv, d).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(b, n, kv, d).transpose(1, 2)
        if past is not None:
            if past:
                k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
            past[:] = [k, v]
        k, v = (t.repeat_interleave(heads // kv, 1) for t in (k, v))
        y = attend(q, k, v, n > 1, watch)
        return self.o_proj(y.transpose(1, 2).reshape(b, n, heads * d))


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = RMS(s.hidden, s.eps), RMS(s.hidden, s.eps)
        self.self_attn, self.mlp = Attention(s), Mlp(s.hidden, s.inner, False)

    def forward(self, x, cos, sin, past=None, watch=None):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, past, watch)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.embed_tokens = nn.Embedding(s.vocab, s.hidden)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s.layers))
        self.norm = RMS(s.hidden, s.eps)


class Reader(nn.Module):
    """Prompt: vision_start, a pad for each unit, vision_end; then the answer."""

    def __init__(self, s, starts):
        super().__init__()
        self.s, self.start, self.end = s, starts[0], starts[1]
        self.visual, self.model = Tower(s), Decoder(s)
        self.glyph_head = nn.Linear(s.v_hidden, s.glyphs)
        self.grids = {}
        self.reset()

    def reset(self):
        for name, p in self.named_parameters():
            if p.dim() < 2:
                if name.endswith("bias"):
                    nn.init.zeros_(p)
            elif name.endswith(("proj.weight", "down_proj.weight")) and "patch" not in name and ("o_proj" in name or "down" in name or "attn.proj" in name):
                nn.init.normal_(p, std=.3 / math.sqrt(p.shape[1] * 2))
            else:
                nn.init.normal_(p, std=.02 if "embed_tokens" in name else .7 / math.sqrt(p.shape[1]))
        nn.init.constant_(self.glyph_head.bias, -5.0)

    def grid(self, lh, lw, device):
        if (lh, lw) not in self.grids:
            self.grids[lh, lw] = Grid(self.s, lh, lw, device)
        return self.grids[lh, lw]

    def angles(self, positions):
        """positions [3, n] -> cos, sin [n, d / 2]"""
        d = self.s.head_dim
        g = self.s.theta ** (-2.0 * torch.arange(d // 2, device=positions.device, dtype=torch.float32) / d)
        parts = [positions[i].float()[:, None] * gi for i, gi in enumerate(g.split(self.s.sections))]
        angle = torch.cat(parts, 1)
        return angle.cos(), angle.sin()

    def positions(self, lh, lw, answer, device):
        """Positions of prompt and `answer` tokens [3, 2 + lh lw + answer]."""
        r, c = torch.arange(lh, device=device), torch.arange(lw, device=device)
        image = torch.stack((torch.zeros(lh * lw, device=device, dtype=torch.long), r.repeat_interleave(lw), c.repeat(lh))) + 1
        after = 1 + max(lh, lw) + torch.arange(1 + answer, device=device)
        return torch.cat((torch.zeros(3, 1, device=device, dtype=torch.long), image, after.expand(3, -1)), 1)

    def embed(self, image, answer):
        table = self.model.embed_tokens
        b = image.shape[0]
        mark = table(torch.tensor([self.start, self.end], device=image.device)).to(image.dtype)
        return torch.cat((mark[0].expand(b, 1, -1), image, mark[1].expand(b, 1, -1), table(answer).to(image.dtype)), 1)

    def decode(self, x, positions, past=None, watch=None):
        cos, sin = self.angles(positions)
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        for i, layer in enumerate(self.model.layers):
            x = layer(x, cos, sin, None if past is None else past[i], watch if i == self.s.layers // 2 else None)
        return self.model.norm(x)

    def forward(self, pixels, answer, watch=None):
        """pixels [b, h, w], 0 is paper; answer [b, n] ids -> logits [b, n + 1, vocab] from vision_end on, glyph logits.
        watch: a list that gets the attention of the middle layer from those places to the units [b, heads, n + 1, units]."""
        lh, lw = pixels.shape[1] // 28, pixels.shape[2] // 28
        grid = self.grid(lh, lw, pixels.device)
        image, patches = self.visual(pixels, grid)
        x = self.embed(image, answer)
        x = self.decode(x, self.positions(lh, lw, answer.shape[1], pixels.device), None, watch)
        if watch:
            watch[0] = watch[0][:, :, 1 + lh * lw:, 1:1 + lh * lw]
        return F.linear(x[:, 1 + lh * lw:], self.model.embed_tokens.weight.to(x.dtype)), self.glyph_head(patches)

    @torch.no_grad()
    def read(self, pixels, stop, most):
        """Greedy answers: ids [b][..] without the stop, and the mean log-probability of each."""
        lh, lw = pixels.shape[1] // 28, pixels.shape[2] // 28
        image, _ = self.visual(pixels, self.grid(lh, lw, pixels.device))
        b, head = pixels.shape[0], self.model.embed_tokens.weight
        where = self.positions(lh, lw, most, pixels.device)
        past = [[] for _ in self.model.layers]
        x = self.embed(image, torch.zeros(b, 0, dtype=torch.long, device=pixels.device))
        out, sure, done, at = [[] for _ in range(b)], [0.0] * b, [False] * b, 0
        for step in range(most):
            y = self.decode(x, where[:, at:at + x.shape[1]], past)
            at += x.shape[1]
            scores = F.log_softmax(F.linear(y[:, -1], head.to(y.dtype)).float(), -1)
            best, token = scores.max(-1)
            for i in range(b):
                if not done[i]:
                    sure[i] += float(best[i])
                    done[i] = int(token[i]) == stop
                    if not done[i]:
                        out[i].append(int(token[i]))
            if all(done):
                break
            x = self.model.embed_tokens(token)[:, None].to(y.dtype)
        return out, [s / (len(o) + 1) for s, o in zip(sure, out)]
