# SPDX-License-Identifier: Apache-2.0
"""Trains the formula reader: train.py DATA OUT [--until HH:MM | --minutes M | --steps N] [--resume]

DATA holds shards (train-*, test-*) of corpora/synth/make_formulas.py; more may appear while it runs. Writes into OUT
checkpoint.pt (everything that --resume needs), curve.csv and curve.svg. bf16 where the machine multiplies it, else fp32.
"""
import argparse
import csv
import datetime
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

import curve
import model as m
import optim
import tokens as tk
from data import Pictures


def losses(net, pixels, answers, lengths, marks, aims, aimed=True):
    """Mean loss of an answer token (the stop counts), of the glyph places, of where the middle layer looks; share of tokens
    that are right."""
    watch = [] if aimed else None
    logits, glyphs = net(pixels, answers, watch)
    b, n = answers.shape
    target = torch.cat((answers, torch.full((b, 1), tk.STOP, device=answers.device)), 1)
    valid = torch.arange(n + 1, device=answers.device)[None] <= lengths[:, None]
    logits, target = logits[valid].float(), target[valid]
    main = F.cross_entropy(logits, target)
    side = look = torch.zeros(())
    if aimed and len(aims):
        look = -(watch[0][aims[:, 0], :2, aims[:, 1], aims[:, 2]].float() + 1e-4).log().mean()
    if len(marks):
        grid = net.grid(pixels.shape[1] // 28, pixels.shape[2] // 28, pixels.device)
        place = torch.zeros(b, pixels.shape[1] // 14, pixels.shape[2] // 14, net.s.glyphs, device=pixels.device)
        place[marks[:, 0], marks[:, 1], marks[:, 2], marks[:, 3]] = 1
        side = F.binary_cross_entropy_with_logits(glyphs.float(), place[:, grid.patch_y, grid.patch_x], reduction="none").sum(-1).mean()
    return main, side, look, (logits.argmax(-1) == target).float().mean()


def exact(net, pictures, items, kind):
    """Greedy: share of answers that are right, mean normalised edit distance."""
    groups = {}
    for i in items:
        groups.setdefault(tuple(pictures.where[i, 4:6]), []).append(i)
    right, far = 0, 0.0
    for part in groups.values():
        for k in range(0, len(part), 64):
            some = part[k:k + 64]
            pixels = pictures.batch(some, marks=False, place=lambda a, b: (a // 2, b // 2))[0]
            with torch.autocast(pixels.device.type, torch.bfloat16, enabled=kind):
                out, _ = net.read(pixels, tk.STOP, 96)
            for i, answer in zip(some, out):
                want = list(pictures.answers[i])
                right += answer == want
                far += curve.edit(answer, want) / max(len(answer), len(want), 1)
    return right / len(items), far / len(items)


class Team:
    """Processes that train together: each on its own batches, gradients averaged. One process alone needs nothing."""

    def __init__(self, size, rank, port):
        self.size, self.rank = size, rank
        if size > 1:
            torch.distributed.init_process_group("gloo", "tcp://127.0.0.1:%d" % port, rank=rank, world_size=size)

    def average(self, parameters):
        if self.size == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in grads])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        for g, part in zip(grads, flat.split([g.numel() for g in grads])):
            g.copy_(part.view_as(g))

    def agree(self, values):
        """The first process's numbers, for all."""
        if self.size == 1:
            return values
        t = torch.tensor(values, dtype=torch.float64)
        torch.distributed.broadcast(t, 0)
        return t.tolist()


class Run:
    def __init__(self, a):
        self.team = Team(a.team, a.rank, a.port)
        self.a, self.began = a, time.time()
        torch.manual_seed(a.seed)
        self.kind = a.bf16
        self.train = Pictures(a.data, "train", a.seed).refresh()
        self.test = Pictures(a.test or a.data, "test", a.seed + 1).refresh()
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.step, self.spent, self.samples, self.rows = 0, 0.0, 0, []
        path = os.path.join(a.out, "checkpoint.pt")
        old = torch.load(path, map_location=self.device, weights_only=False) if a.resume and os.path.exists(path) else None
        self.shape = m.Shape(**(old["shape"] if old else dict(v_depth=a.v_depth, v_hidden=a.v_hidden, v_heads=a.v_hidden // 32, layers=a.layers,
                                                               v_full=sorted({a.v_depth // 2 - 1, a.v_depth - 1}))))
        self.train.classes = self.test.classes = old["classes"] if old else self.train.glyph_classes(self.shape.glyphs)
        self.net = m.Reader(self.shape, (tk.START, tk.END)).to(self.device)
        self.opt = optim.Muon(self.net, a.lr, a.lr * .075, size=a.team, rank=a.rank)
        self.mean = {n: p.detach().clone() for n, p in self.net.named_parameters()}
        if old:
            self.net.load_state_dict(old["net"])
            self.opt.load(old["opt"])
            self.mean, self.step, self.spent, self.samples, self.rows = old["mean"], old["step"], old["spent"], old["samples"], old["rows"]
            self.train.rng = np.random.default_rng(a.seed + self.step + 1000003 * a.rank)
        self.total = self.budget()

    def budget(self):
        """Seconds of the whole run, earlier parts included."""
        if self.a.until:
            now = datetime.datetime.now()
            hour, minute = map(int, self.a.until.split(":"))
            return self.spent + (now.replace(hour=hour, minute=minute, second=0) - now).total_seconds()
        return self.a.minutes * 60

    def progress(self):
        if self.a.steps:
            return self.step / self.a.steps
        return (self.spent + time.time() - self.began) / self.total

    def schedule(self, p):
        """Warm up, hold, fall to nothing in the last third."""
        return min(1, (self.step + 1) / self.a.warm) * (1 if p < .62 else max(.02, (1 - p) / .38))

    def weights(self, p):
        """Short formulas first."""
        if p < self.a.easy:
            f = p / self.a.easy
            return {0: 1 - .8 * f, 1: .3 + .7 * f, 2: max(0, f - .3) * self.a.long}
        return {0: .1, 1: 1, 2: self.a.long}

    def update(self, items, p):
        batch = (t.to(self.device, non_blocking=True) for t in self.train.batch(items))
        with torch.autocast(self.device, torch.bfloat16, enabled=self.kind):
            main, side, look, right = losses(self.net, *batch, p < self.a.aimed)
        (main + self.a.side * side * (1 - .8 * p) + self.a.aim * look * max(0, 1 - p / self.a.aimed)).backward()
        self.team.average(self.net.parameters())
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.opt.step(self.schedule(p))
        self.net.zero_grad(set_to_none=True)
        d = min(.999, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.values()), [q.detach() for q in self.net.parameters()], 1 - d)
        self.step += 1
        self.samples += len(items) * self.team.size
        return main.item(), side.item(), right.item(), look.item()

    def save(self):
        path = os.path.join(self.a.out, "checkpoint.pt")
        torch.save(dict(shape=self.shape.as_dict(), classes=self.train.classes, net=self.net.state_dict(), opt=self.opt.state(), mean=self.mean, step=self.step,
                        spent=self.spent + time.time() - self.began, samples=self.samples, rows=self.rows), path + ".part")
        os.rename(path + ".part", path)

    def check(self, recent, p):
        """Scores the averaged weights on test fonts, writes curve and checkpoint."""
        own = {n: q.detach().clone() for n, q in self.net.named_parameters()}
        with torch.no_grad():
            for n, q in self.net.named_parameters():
                q.copy_(self.mean[n])
        self.net.eval()
        items = list(range(0, len(self.test.answers), max(1, len(self.test.answers) // self.a.checks)))[:self.a.checks]
        right, far = exact(self.net, self.test, items, self.kind)
        with torch.no_grad():
            for n, q in self.net.named_parameters():
                q.copy_(own[n])
        self.net.train()
        row = dict(step=self.step, minutes=round((self.spent + time.time() - self.began) / 60, 2), samples=self.samples, loss=round(np.mean([r[0] for r in recent]), 4),
                   glyph_loss=round(np.mean([r[1] for r in recent]), 4), token_accuracy=round(np.mean([r[2] for r in recent]), 4), test_exact=round(right, 4),
                   test_edit=round(far, 4), rate=round(self.schedule(p), 4))
        self.rows.append(row)
        print(" ".join("%s=%s" % kv for kv in row.items()), flush=True)
        with open(os.path.join(self.a.out, "curve.csv"), "w", newline="") as f:
            w = csv.DictWriter(f, row.keys())
            w.writeheader()
            w.writerows(self.rows)
        curve.draw(self.rows, os.path.join(self.a.out, "curve.svg"))
        self.save()

    def go(self):
        recent, last = [], time.time()
        while True:
            for items in self.train.plan(self.weights(self.progress()), self.a.plan, self.a.patches):
                p, due = self.team.agree([self.progress(), float(time.time() - last > self.a.every)])
                if p >= 1:
                    break
                recent.append(self.update(items, p))
                if self.step % 100 == 0 and self.team.rank == 0:
                    print(self.step, "%.3f" % p, self.samples, "%.3f %.3f %.3f %.3f" % tuple(np.mean(recent[-100:], 0)), len(self.train.answers), "%.0fs" % (time.time() - self.began), flush=True)
                if due:
                    if self.team.rank == 0:
                        self.check(recent[-300:], p)
                    recent, last = recent[-300:], time.time()
            if p >= 1:
                break
        if self.team.rank == 0:
            self.check(recent[-300:] or [(0, 0, 0, 0)], 1.0)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("data")
    ap.add_argument("out")
    ap.add_argument("--test", help="folder of test-* shards (default: DATA)")
    ap.add_argument("--until", help="local time of the end")
    ap.add_argument("--minutes", type=float, default=2)
    ap.add_argument("--steps", type=int, default=0)
    ap.add_argument("--resume", action="store_true")
    ap.add_argument("--patches", type=int, default=4096, help="of a batch")
    ap.add_argument("--plan", type=int, default=300, help="batches that are dealt at a time; few leave many small batches")
    ap.add_argument("--lr", type=float, default=.02)
    ap.add_argument("--warm", type=int, default=60)
    ap.add_argument("--easy", type=float, default=.15, help="share of the run that goes from short formulas to all")
    ap.add_argument("--long", type=float, default=.5, help="weight of the longest formulas against the middle ones")
    ap.add_argument("--side", type=float, default=.5, help="weight of the glyph loss")
    ap.add_argument("--aim", type=float, default=.4, help="weight of the loss of where to look, at the start")
    ap.add_argument("--aimed", type=float, default=.6, help="share of the run that has it")
    ap.add_argument("--every", type=float, default=180, help="seconds between checks")
    ap.add_argument("--checks", type=int, default=200, help="formulas of a check")
    ap.add_argument("--v-depth", type=int, default=6)
    ap.add_argument("--v-hidden", type=int, default=192)
    ap.add_argument("--layers", type=int, default=4)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--team", type=int, default=1, help="processes that train together")
    ap.add_argument("--rank", type=int, default=0, help="number of this one")
    ap.add_argument("--port", type=int, default=29511)
    ap.add_argument("--threads", type=int, default=0)
    ap.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    a = ap.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    Run(a).go()


if __name__ == "__main__":
    main()
