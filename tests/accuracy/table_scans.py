#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Typeset tables, printed and scanned: how near what is read comes to them.

  table_scans.py --docparse PROGRAM [--out DIR] [--count 60] [--dpi 100,150,200] [--least T,S]

Makes pages with text, captions, notes and one table each, in turn ruled, half-ruled (book rules, level rules, shaded
rows) and without rules; with heads over several columns, cells over several rows, group headings through the table and
cells of several lines; several faces, one and two columns of text. Each page is rasterised at the resolutions in turn,
turned a little, blurred, given noise and stored as JPEG. The program reads them as any scan; `docparse bench
omnidocbench` gives TEDS and TEDS-S against the tables as they were written, by kind and by resolution. The same command
makes the same pages. Exit code 1 when a mean is below --least. With --all every page is scanned at every resolution.

Needs weasyprint, python3-pil, python3-numpy, poppler-utils, fonts-liberation, fonts-dejavu, fonts-droid-fallback.
"""
import argparse
import pathlib
import random
import subprocess
import sys
import tempfile

from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from table_pages import PLACES, PROSE, annotation, mean, reached, read, scan, score, write  # noqa: E402

KINDS = ("ruled", "half-ruled", "borderless")
FACES = ("Liberation Serif", "Liberation Sans", "DejaVu Serif", "DejaVu Sans")
PHRASES = ["measured at the lower gauge after the works of spring", "estimated from the two preceding years",
           "closed for repairs until further notice", "figures of the regional office", "see the annex for the method",
           "replaced by a new pump in the second quarter", "without the industrial estate"]
HEADS = ["Year", "Share", "Total", "Mean", "Depth (m)", "Rate", "Loss", "2022", "2023", "2024", "Q1", "Q2", "Cost", "Index"]
GROUPS = ["Surface water", "Ground water", "Returned water", "Northern area", "Southern area"]
HAN_LABELS = ["营业收入", "营业成本", "管理费用", "研发费用", "净利润", "每股收益", "资产总计", "负债合计", "经营现金流", "毛利率"]
HAN_HEADS = ["项目", "本期", "上期", "同比", "占比", "说明", "合计"]
HAN_TEXT = "报告期内公司继续推进各项工作，主要指标保持平稳增长，有关数据见下表所列各项内容。"


class Cell:
    def __init__(self, text, rows=1, cols=1, kind="number"):
        self.text, self.rows, self.cols, self.kind = text, rows, cols, kind


def number(rng, form):
    v = rng.uniform(0, 10 ** rng.randint(1, 4))
    return {"plain": f"{v:.{rng.choice((0, 1))}f}", "cents": f"{v:,.2f}", "percent": f"{v % 100:.1f}%",
            "thousands": f"{int(v * 37):,}", "range": f"{v % 9:.2f}-{v % 9 + 1:.2f}", "sign": f"{rng.choice('+-')}{v % 20:.1f}",
            "date": f"{rng.randint(1, 28)}.{rng.randint(1, 12)}.20{rng.randint(10, 24)}"}[form]


def head_rows(rng, cols, spanned, han):
    names = rng.sample(HAN_HEADS[1:] + ["2021年", "2022年", "2023年"] if han else HEADS, min(cols - 1, 9))
    first = HAN_HEADS[0] if han else rng.choice(("Place", "District", "Item", "Name"))
    if not spanned or cols < 4:
        return [[Cell(first, kind="head")] + [Cell(n, kind="head") for n in names]]
    top, left = [Cell(first, rows=2, kind="head")], cols - 1
    while left > 0:
        span = 2 if left in (2, 4) else 3 if left == 3 else min(left, rng.choice((2, 3)))
        over = rng.choice(("一季度", "二季度", "全年")) if han else rng.choice(("Summer", "Winter", "All stations", "First half"))
        top.append(Cell(over, cols=span, kind="head"))
        left -= span
    return [top, [Cell(n, kind="head") for n in names]]


def table(rng, index):
    """Rows of cells, and how they are drawn."""
    kind = KINDS[index % 3]
    turn = index // 3
    han = turn % 5 == 4
    spanned, tall, grouped, wordy = turn % 4 == 1, turn % 4 == 2, turn % 6 == 3, turn % 3 == 0
    cols, body = rng.randint(5 if spanned else 3, 6), rng.randint(4, 11)
    style = {"ruled": ("grid", "shaded", "dotted", "double"), "half-ruled": ("book", "level", "zebra", "head"),
             "borderless": ("bare", "bare")}[kind][turn % (2 if kind == "borderless" else 4)]
    if tall and style in ("book", "zebra", "head", "bare"):
        tall = False
    if grouped and kind == "borderless":
        grouped = False
    forms = [rng.choice(("plain", "cents", "percent", "thousands", "range", "sign", "date")) for _ in range(cols)]
    rows = head_rows(rng, cols, spanned, han)
    labels = rng.sample(HAN_LABELS if han else PLACES, min(body, 10))
    text_column = cols - 1 if wordy and cols >= 4 and not han and not spanned else None
    left = 0
    for r, label in enumerate(labels):
        if grouped and r in (0, len(labels) // 2):
            rows.append([Cell(rng.choice(GROUPS), cols=cols, kind="group")])
        row = []
        if left == 0:
            left = 2 if tall and r % 4 == 0 and r + 2 <= len(labels) and not grouped else 1
            row.append(Cell(label, rows=left, kind="label"))
        left -= 1
        for c in range(1, cols):
            if c == text_column:
                row.append(Cell(rng.choice(PHRASES), kind="words"))
            else:
                row.append(Cell(number(rng, forms[c])))
        rows.append(row)
    return {"rows": rows, "kind": kind, "style": style, "han": han, "centred": rng.random() < 0.4}


def html_of(rows, plain):
    out = ["<table>"]
    for r in rows:
        out.append("<tr>")
        for c in r:
            spans = (f' colspan="{c.cols}"' if c.cols > 1 else "") + (f' rowspan="{c.rows}"' if c.rows > 1 else "")
            css = "" if plain else f' class="{c.kind}{" over" if c.kind == "head" and c.cols > 1 else ""}"'
            out.append(f"<td{css}{spans}>{c.text}</td>")
        out.append("</tr>")
    return "".join(out) + "</table>"


LINES = {
    "grid": "td{border:.6pt solid #222}",
    "shaded": "td{border:.5pt solid #555} .head{background:#d8d8d8}",
    "dotted": "td{border:.7pt dotted #444} table{border:1pt solid #222}",
    "double": "td{border:.6pt solid #222} table{border:3pt double #222}",
    "book": "table{border-top:1.2pt solid #111;border-bottom:1.2pt solid #111} .over{border-bottom:.5pt solid #333}"
            " tr.last td,td.head[rowspan]{border-bottom:.7pt solid #222}",
    "level": "td{border-bottom:.5pt solid #444} table{border-top:1pt solid #222}",
    "zebra": "tr:nth-child(even){background:#e4e4e4} table{border-top:1pt solid #222;border-bottom:1pt solid #222}"
             " tr.last td,td.head[rowspan]{border-bottom:.7pt solid #222}",
    "head": "table{border-bottom:1pt solid #222} .head{border-bottom:.8pt solid #222;border-top:.8pt solid #222}",
    "bare": "",
}


def page(rng, index, t):
    heads = sum(1 for r in t["rows"] if r[0].kind == "head" or r[0].kind != "label" and all(c.kind == "head" for c in r))
    body = html_of(t["rows"], False)
    parts = body.split("<tr>")
    parts[heads] = 'class="last">' + parts[heads]
    body = "<tr>".join(parts[:heads]) + "<tr " + parts[heads] + "".join("<tr>" + p for p in parts[heads + 1:])
    face = "Droid Sans Fallback" if t["han"] else rng.choice(FACES)
    size = rng.choice((8.5, 9, 9.5, 10))
    pad = rng.choice((1.5, 2.5, 4)) if t["style"] != "bare" else rng.choice((1.5, 2.5))
    words = rng.random() < 0.5
    prose = HAN_TEXT * 6 if t["han"] else PROSE * 2
    label = f"表{index + 1} 主要指标" if t["han"] else f"Table {index + 1}. Readings of the district, by place"
    note = "注：数据未经审计。" if t["han"] else rng.choice(("Source: district office.", "* provisional figures", ""))
    width = "100%" if rng.random() < 0.6 else "auto"
    two = index % 4 == 3
    flow = f"<p>{prose}</p><p>{prose}</p>"
    above = f'<div class="two">{flow}</div>' if two else flow
    return f"""<meta charset="utf-8"><style>@page{{size:A4;margin:20mm 18mm}} body{{font:{size}pt '{face}';line-height:1.35}}
p{{text-align:justify;margin:0 0 6pt}} .two{{columns:2;column-gap:7mm}} table{{border-collapse:collapse;width:{width};
margin:2pt {"auto" if width == "auto" else "0"} 3pt;line-height:1.2}} td{{padding:{pad}pt {rng.choice((4, 7, 10))}pt;
vertical-align:{"middle" if t["kind"] == "ruled" else "top"}}} .number{{text-align:{"center" if t["centred"] else "right"}}}
.head{{font-weight:{"bold" if words else "normal"};text-align:{"center"}}} .head:first-child{{text-align:left}} .label{{text-align:left}}
.words{{width:28%}} .label[rowspan]{{vertical-align:middle}} .group{{text-align:{"left" if t["kind"] == "ruled" else "center"};
font-style:italic}} .cap{{text-align:{rng.choice(("left", "center"))};margin:8pt 0 3pt}} .note{{font-size:85%;margin:2pt 0 10pt}}
{LINES[t["style"]]}</style><h2>{"第三章 经营情况" if t["han"] else "Observations of the third year"}</h2>{above}
<p class="cap">{label}</p>{body}<p class="note">{note}</p>{flow if not two else above}"""


def make(out, count, resolutions, every):
    """Pages as images; their truth as an annotation file."""
    import weasyprint
    truth = []
    for i in range(count):
        rng = random.Random(1000 + i)
        t = table(rng, i)
        pdf = out / "page.pdf"
        weasyprint.HTML(string=page(rng, i, t)).write_pdf(pdf)
        for dpi in resolutions if every else [resolutions[(i // 3) % len(resolutions)]]:
            name = f"{i:02d}_{t['kind']}_{t['style']}_{dpi}.jpg"
            subprocess.run(["pdftoppm", "-r", str(dpi), "-gray", "-singlefile", "-f", "1", "-l", "1", pdf, out / "page"], check=True)
            with Image.open(out / "page.pgm") as clean:
                (out / "images" / name).write_bytes(scan(clean, random.Random(5000 + i * 7 + dpi)))
                size = clean.size
            truth.append(annotation(name, len(truth), size, [html_of(t["rows"], True)]))
    write(out / "tables.json", truth)


def report(rows, verbose):
    for image, teds, structure in rows:
        if verbose or structure < 0.9:
            print(f"  {image:40s} {teds:.3f} {structure:.3f}")
    for title, key in (("kind", lambda n: n.split("_")[1]), ("style", lambda n: n.split("_")[2]), ("dpi", lambda n: n.split("_")[3][:-4])):
        for value in sorted({key(r[0]) for r in rows}):
            part = [r for r in rows if key(r[0]) == value]
            print(f"{title} {value:11s} {len(part):3d} tables: TEDS {mean(part, 1):.4f}, TEDS-S {mean(part, 2):.4f}")
    print(f"all {len(rows)} tables: TEDS {mean(rows, 1):.4f}, TEDS-S {mean(rows, 2):.4f}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--docparse", required=True)
    p.add_argument("--out", type=pathlib.Path, help="keep pages and results here; pages that are there are not made again")
    p.add_argument("--count", type=int, default=60)
    p.add_argument("--dpi", default="100,150,200")
    p.add_argument("--all", action="store_true")
    p.add_argument("--least", default="0,0", help="TEDS and TEDS-S that must be reached")
    p.add_argument("-v", action="store_true", help="every table")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = args.out or pathlib.Path(scratch)
        (out / "images").mkdir(parents=True, exist_ok=True)
        if not (out / "tables.json").exists():
            make(out, args.count, [int(d) for d in args.dpi.split(",")], args.all)
        read(args.docparse, out / "images", out / "read")
        rows = score(args.docparse, out / "tables.json", out / "read", out / "report.json")
    report(rows, args.v)
    return 0 if reached(rows, args.least) else 1


if __name__ == "__main__":
    sys.exit(main())
