# SPDX-License-Identifier: Apache-2.0
"""Shards of corpora/synth/make_formulas.py as batches of one canvas size: a picture lies somewhere on white paper whose
sides are multiples of 28 px, as docparse brings a region to the reader. Deterministic in the seed and the shards seen."""
import glob
import os

import numpy as np
import torch

import aims
import tokens as tk
from tokens import latex

UNIT = 28
TO_ID = np.array([tk.ID[t] for t in latex.VOCABULARY], np.int64)
LEVELS = (0, 1, 2)


def canvas(n):
    """Units that hold n pixels and a margin; larger ones are coarser, so that there are fewer sizes."""
    units = -(-n // UNIT)
    return units if units <= 8 else -(-units // 2) * 2 if units <= 16 else -(-units // 4) * 4


def clear(picture):
    """Paper made white and ink black, as docparse/formula_picture.c does it: paper is what a quarter of the pixels reach,
    ink what the darkest hundredth stays below."""
    count = np.bincount(picture.ravel(), minlength=256).cumsum()
    ink = int(np.searchsorted(count, picture.size / 100))
    paper = int(np.searchsorted(count, picture.size * .75))
    table = np.clip((np.arange(256) - ink) * 255 // max(paper - ink, 1), 0, 255).astype(np.uint8)
    return table[picture]


class Pictures:
    """All samples of shards that are there; more may be added while training."""

    def __init__(self, folder, prefix="train", seed=1, classes=None, room=12):
        self.folder, self.prefix, self.rng = folder, prefix, np.random.default_rng(seed)
        self.seen, self.pixels, self.room = set(), [], room
        self.where = np.zeros((0, 7), np.int64)  # shard, offset, height, width, canvas rows, canvas columns, level
        self.answers, self.marks, self.used, self.fonts = [], [], np.zeros(0, np.int32), []
        self.classes = classes
        self.aligned = {}

    def refresh(self):
        for path in sorted(glob.glob(os.path.join(self.folder, self.prefix + "-*.npz"))):
            if path not in self.seen:
                self.seen.add(path)
                self.add(np.load(path), int(os.path.basename(path).split("-")[1]))
        return self

    def add(self, shard, level):
        sizes = shard["sizes"].astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(sizes[:, 0] * sizes[:, 1])])[:-1]
        ends, gends = shard["token_ends"], shard["glyph_ends"]
        ids, glyphs = TO_ID[shard["tokens"]], shard["glyphs"]
        margin = self.rng.integers(2, max(3, self.room), sizes.shape)
        rows = np.array([[len(self.pixels), o, h, w, canvas(h + m), canvas(w + n), level] for o, (h, w), (m, n) in zip(offsets, sizes, margin)], np.int64)
        self.pixels.append(shard["pixels"])
        self.where = np.concatenate([self.where, rows])
        self.answers += [ids[a:b] for a, b in zip(ends[:-1], ends[1:])]
        self.marks += [glyphs[a:b] for a, b in zip(gends[:-1], gends[1:])]
        self.used = np.concatenate([self.used, np.zeros(len(rows), np.int32)])
        self.fonts += [str(shard["names"][i]) for i in shard["font"]]

    def glyph_classes(self, most):
        """The most frequent characters -> class; the rest share the last."""
        code, count = np.unique(np.concatenate([m[:, 0] for m in self.marks]).astype(np.int64), return_counts=True)
        self.classes = {int(c): i for i, c in enumerate(code[np.argsort(-count, kind="stable")][:most - 1])}
        return self.classes

    def plan(self, weights, batches, patches, most=96):
        """Lists of samples of one canvas: least used first, levels by weight; about `patches` patches a batch."""
        self.refresh()
        level = self.where[:, 6]
        chosen = []
        share = {l: weights[l] for l in LEVELS if (level == l).any()}
        area = self.where[:, 4] * self.where[:, 5] * 4
        for l, w in share.items():
            index = np.flatnonzero(level == l)
            need = int(batches * patches * w / sum(share.values()) / (area[index].mean() + 12))
            order = self.rng.permutation(index)
            order = order[np.argsort(self.used[order], kind="stable")][:need]
            chosen.append(order)
        chosen = np.concatenate(chosen)
        self.used[chosen] += 1
        groups, out = {}, []
        for i in chosen:
            groups.setdefault((self.where[i, 4], self.where[i, 5]), []).append(i)
        for (h, w), items in groups.items():
            items.sort(key=lambda i: len(self.answers[i]) + self.rng.random() * 3)
            size = int(max(4, min(most, patches // (h * w * 4 + 12))))
            out += [items[i:i + size] for i in range(0, len(items), size)]
        return [out[i] for i in self.rng.permutation(len(out))]

    def batch(self, items, marks=True, place=None):
        """pixels [b, h, w] float32 (0 is paper, -2 ink at most), answers [b, n] padded with the stop, lengths, and with marks
        glyph places [g, (picture, patch row, patch column, class)] and aims [a, (picture, token, unit)]."""
        h, w = self.where[items[0], 4] * UNIT, self.where[items[0], 5] * UNIT
        out = np.full((len(items), h, w), 255, np.uint8)
        longest = max(len(self.answers[i]) for i in items)
        answers, lengths = np.full((len(items), longest), tk.STOP, np.int64), np.zeros(len(items), np.int64)
        where, aim = [], []
        for k, i in enumerate(items):
            s, o, ph, pw = self.where[i, :4]
            y, x = (self.rng.integers(0, h - ph + 1), self.rng.integers(0, w - pw + 1)) if place is None else place(h - ph, w - pw)
            out[k, y:y + ph, x:x + pw] = clear(self.pixels[s][o:o + ph * pw].reshape(ph, pw))
            answers[k, :len(self.answers[i])], lengths[k] = self.answers[i], len(self.answers[i])
            if marks:
                m = self.marks[i]
                gy, gx = np.clip((m[:, 2] + y) // 14, 0, h // 14 - 1), np.clip((m[:, 1] + x) // 14, 0, w // 14 - 1)
                where.append(np.stack([np.full(len(m), k), gy, gx, [self.classes.get(int(c), len(self.classes)) for c in m[:, 0]]], 1))
                if i not in self.aligned:
                    self.aligned[i] = np.array(aims.align(self.answers[i].tolist(), m[:, 0].astype(int).tolist()), np.int64)
                t = np.flatnonzero(self.aligned[i] >= 0)
                g = self.aligned[i][t]
                aim.append(np.stack([np.full(len(t), k), t, gy[g].astype(np.int64) // 2 * (w // UNIT) + gx[g].astype(np.int64) // 2], 1))
        pixels = torch.from_numpy(out).float().mul_(2 / 255).sub_(2)
        out = [pixels, torch.from_numpy(answers), torch.from_numpy(lengths)]
        return out + [torch.from_numpy(np.concatenate(part).astype(np.int64)) for part in (where, aim)] if marks else out
