# SPDX-License-Identifier: Apache-2.0
"""Charts with the data they show: bar, grouped, stacked, line, scatter and pie, in varied styles.

spec(rng) makes the data and the style (pure Python, rng a random.Random), draw(spec) the picture (Pillow), table(spec) the
target: rows of strings, the header first, numbers with exactly the decimals that the chart is made with.
make_charts: charts.py OUT --count N [--seed S] writes PNG files and charts.jsonl.
"""
import argparse
import json
import math
import os
import random

KINDS = ["bar", "grouped", "stacked", "line", "scatter", "pie"]
SUBJECTS = ["Sales", "Revenue", "Visitors", "Energy use", "Rainfall", "Exports", "Patients", "Accuracy", "Error rate", "Temperature", "Output", "Traffic", "Cost",
            "Population", "Yield", "Latency", "Score", "Emissions"]
UNITS = ["", "", " (%)", " (kg)", " (thousands)", " (EUR million)", " (ms)", " (GWh)"]
CATEGORIES = [["Q1", "Q2", "Q3", "Q4"], ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ["North", "South", "East", "West", "Centre"],
              ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], ["A", "B", "C", "D", "E", "F", "G"],
              ["Oslo", "Rome", "Lima", "Cairo", "Delhi", "Kyoto"], [str(y) for y in range(2012, 2024)]]
SERIES = ["Model 1", "Model 2", "Baseline", "Ours", "2021", "2022", "2023", "Men", "Women", "Urban", "Rural", "Import", "Export"]
PALETTES = [[(31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75), (227, 119, 194)],
            [(70, 70, 70), (130, 130, 130), (180, 180, 180), (40, 40, 40), (100, 100, 100), (155, 155, 155), (210, 210, 210)],
            [(0, 63, 92), (88, 80, 141), (188, 80, 144), (255, 99, 97), (255, 166, 0), (47, 75, 124), (160, 81, 149)],
            [(102, 194, 165), (252, 141, 98), (141, 160, 203), (231, 138, 195), (166, 216, 84), (255, 217, 47), (229, 196, 148)]]


def nice_step(top, lines=5):
    """A round step with which about `lines` lines reach `top`."""
    raw = top / lines
    power = 10.0 ** math.floor(math.log10(raw))
    return next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= raw * .999)


def spec(rng):
    kind = rng.choice(KINDS)
    decimals = rng.choice([0, 0, 1, 1, 2])
    top = rng.choice([1, 10, 100, 100, 1000, 5000]) if decimals else rng.choice([10, 100, 100, 1000, 20000])
    names = rng.choice(CATEGORIES)
    n = rng.randrange(3, min(len(names), 8) + 1) if kind != "scatter" else rng.randrange(6, 25)
    start = rng.randrange(0, max(1, len(names) - n + 1))
    series = 1 if kind in ("bar", "pie", "scatter") else rng.randrange(2, 5) if kind != "line" else rng.randrange(1, 5)
    low = .08 if kind in ("pie", "stacked") else .02

    def value():
        return round(rng.uniform(low, 1) * top, decimals) or 10.0 ** -decimals
    out = dict(kind=kind, decimals=decimals, title=rng.choice(SUBJECTS) + rng.choice(UNITS), palette=rng.randrange(len(PALETTES)),
               width=rng.randrange(320, 641, 20), height=rng.randrange(240, 441, 20), grid=rng.random() < .6, values=rng.random() < .3, frame=rng.random() < .5,
               legend=rng.choice(["right", "below"]), font=rng.choice([11, 12, 13, 14]), thick=rng.choice([2, 2, 3]), markers=rng.random() < .6)
    if kind == "scatter":
        out.update(x_name="x", series=[rng.choice(SERIES)], categories=[], points=sorted([value(), value()] for _ in range(n)))
    else:
        out.update(categories=names[start:start + n], series=rng.sample(SERIES, series) if series > 1 else [out["title"]], rows=[[value() for _ in range(n)] for _ in range(series)])
    return out


def number(s, v):
    return "%.*f" % (s["decimals"], v)


def table(s):
    if s["kind"] == "scatter":
        return [["x", "y"]] + [[number(s, x), number(s, y)] for x, y in s["points"]]
    return [[""] + s["series"]] + [[c] + [number(s, row[i]) for row in s["rows"]] for i, c in enumerate(s["categories"])]


def scale(s):
    """(largest value of the axis, step) of the y axis."""
    if s["kind"] == "scatter":
        top = max(y for _, y in s["points"])
    elif s["kind"] == "stacked":
        top = max(sum(row[i] for row in s["rows"]) for i in range(len(s["categories"])))
    else:
        top = max(max(row) for row in s["rows"])
    step = nice_step(top)
    return step * math.ceil(top / step - 1e-9), step


def plot_box(s):
    """x0, y0, x1, y1 of the plot inside of the picture."""
    below = s["legend"] == "below" or len(s["series"]) == 1
    return 58, 20 + s["font"] + 8, s["width"] - (14 if below else 96), s["height"] - (34 if len(s["series"]) == 1 else 56 if below else 34)


class Board:
    """The picture with its text: everything that needs Pillow."""

    def __init__(self, s):
        from PIL import Image, ImageDraw, ImageFont
        self.s, self.box, self.colours = s, plot_box(s), PALETTES[s["palette"]]
        self.image = Image.new("RGB", (s["width"], s["height"]), (255, 255, 255))
        self.pen, self.font = ImageDraw.Draw(self.image), ImageFont.load_default(s["font"])

    def text(self, x, y, words, anchor="mm"):
        self.pen.text((x, y), words, (0, 0, 0), self.font, anchor)

    def y_of(self, v, top):
        return self.box[3] - (self.box[3] - self.box[1]) * v / top

    def axes(self):
        x0, y0, x1, y1 = self.box
        top, step = scale(self.s)
        for i in range(round(top / step) + 1):
            y = self.y_of(i * step, top)
            if self.s["grid"] and i:
                self.pen.line((x0, y, x1, y), (215, 215, 215))
            self.pen.line((x0 - 4, y, x0, y), (0, 0, 0))
            self.text(x0 - 7, y, "%g" % round(i * step, 6), "rm")
        self.pen.line((x0, y0, x0, y1, x1, y1), (0, 0, 0))
        if self.s["frame"]:
            self.pen.rectangle((x0, y0, x1, y1), None, (0, 0, 0))
        return top

    def label(self, x, y, v):
        if self.s["values"]:
            self.text(x, y - 7, number(self.s, v), "mm")

    def bars(self, top):
        x0, _, x1, y1 = self.box
        rows, n = self.s["rows"], len(self.s["categories"])
        slot, side_by_side = (x1 - x0) / n, self.s["kind"] == "grouped"
        for i, name in enumerate(self.s["categories"]):
            left, wide, base = x0 + slot * (i + .15), slot * .7, 0.0
            for k, row in enumerate(rows):
                a = left + (wide * k / len(rows) if side_by_side else 0)
                b = a + (wide / len(rows) - 1 if side_by_side else wide)
                self.pen.rectangle((a, self.y_of(base + row[i], top), b, self.y_of(base, top)), self.colours[k])
                if self.s["kind"] != "stacked":
                    self.label((a + b) / 2, self.y_of(row[i], top), row[i])
                base += row[i] if self.s["kind"] == "stacked" else 0
            self.text(left + wide / 2, y1 + 11, name)

    def lines(self, top):
        x0, _, x1, y1 = self.box
        n = len(self.s["categories"])
        xs = [x0 + (x1 - x0) * (i + .5) / n for i in range(n)]
        for k, row in enumerate(self.s["rows"]):
            points = [(x, self.y_of(v, top)) for x, v in zip(xs, row)]
            self.pen.line(points, self.colours[k], self.s["thick"])
            for (x, y), v in zip(points, row):
                if self.s["markers"]:
                    self.pen.ellipse((x - 3, y - 3, x + 3, y + 3), self.colours[k])
                if k == 0:
                    self.label(x, y, v)
        for x, name in zip(xs, self.s["categories"]):
            self.text(x, y1 + 11, name)

    def dots(self, top):
        x0, _, x1, y1 = self.box
        step = nice_step(max(x for x, _ in self.s["points"]))
        right = step * math.ceil(max(x for x, _ in self.s["points"]) / step - 1e-9)
        for i in range(round(right / step) + 1):
            self.text(x0 + (x1 - x0) * i * step / right, y1 + 11, "%g" % round(i * step, 6))
        for x, y in self.s["points"]:
            px, py = x0 + (x1 - x0) * x / right, self.y_of(y, top)
            self.pen.ellipse((px - 3, py - 3, px + 3, py + 3), self.colours[0])

    def pie(self):
        x0, y0, x1, y1 = self.box
        r, cx, cy = min(x1 - x0, y1 - y0) * .42, (x0 + x1) / 2, (y0 + y1) / 2 + 6
        total, at = sum(self.s["rows"][0]), -90.0
        for i, (name, v) in enumerate(zip(self.s["categories"], self.s["rows"][0])):
            to = at + 360 * v / total
            self.pen.pieslice((cx - r, cy - r, cx + r, cy + r), at, to, self.colours[i % len(self.colours)], (255, 255, 255))
            a = math.radians((at + to) / 2)
            self.text(cx + math.cos(a) * r * 1.22, cy + math.sin(a) * r * 1.12, "%s %s" % (name, number(self.s, v)))
            at = to

    def legend(self):
        x0, _, x1, y1 = self.box
        right = self.s["legend"] == "right"
        for k, name in enumerate(self.s["series"]):
            x, y = (x1 + 8, self.box[1] + 10 + 18 * k) if right else (x0 + (x1 - x0) * k / len(self.s["series"]), y1 + 32)
            self.pen.rectangle((x, y - 5, x + 10, y + 5), self.colours[k])
            self.text(x + 14, y, name, "lm")


def draw(s):
    """The picture, a Pillow image."""
    board = Board(s)
    board.text(s["width"] / 2, 14, s["title"])
    if s["kind"] == "pie":
        board.pie()
        return board.image
    top = board.axes()
    {"line": board.lines, "scatter": board.dots}.get(s["kind"], board.bars)(top)
    if len(s["series"]) > 1:
        board.legend()
    return board.image


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--count", type=int, default=100)
    ap.add_argument("--seed", default="charts")
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    with open(os.path.join(a.out, "charts.jsonl"), "w") as f:
        for i in range(a.count):
            s = spec(random.Random("%s/%d" % (a.seed, i)))
            draw(s).save(os.path.join(a.out, "%06d.png" % i))
            f.write(json.dumps({"file": "%06d.png" % i, "kind": s["kind"], "title": s["title"], "table": table(s)}) + "\n")


if __name__ == "__main__":
    main()
