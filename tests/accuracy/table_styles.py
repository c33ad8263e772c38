#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables as browsers print them: how near what is read comes to them, from the PDF and from a scan of it.

  table_styles.py --docparse PROGRAM [--out DIR] [--count 70] [--dpi 100,150,200] [--least T,S] [-v]

Makes pages with tables in styles that table_scans.py has not: statements with indents and lines above and below totals,
heads of two rows with lines under their groups, time tables, price lists with dots to the price, forms, tables with more
empty cells than full ones, with cells of several lines, with a coloured head and stripes, with a few lines only, in
Chinese, in Hebrew from right to left, two side by side, in one of two columns of text, and turned by a right angle.
Chromium prints them; each page is then read as a PDF and, but for Hebrew (which the compact reader cannot read), as a
scan at one of the resolutions in turn. `docparse bench omnidocbench` gives TEDS and TEDS-S. The same command makes the
same pages. Exit code 1 when a mean of either is below --least.

Needs chromium, python3-pil, python3-numpy, poppler-utils, fonts-liberation, fonts-dejavu, fonts-droid-fallback.
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

STYLES = ("statement", "science", "times", "prices", "form", "empty", "long", "stripes", "partial", "chinese", "hebrew",
          "beside", "column", "turned")
ITEMS = ["Revenue from services", "Grants and donations", "Interest received", "Staff costs", "Rent and rates", "Depreciation",
         "Travel", "Insurance", "Bank charges", "Legal and audit fees", "Repairs", "Printing"]
GOODS = ["Garden spade, ash handle", "Watering can 9 l", "Seed tray", "Twine, 100 m", "Hand fork", "Plant labels (50)",
         "Compost 40 l", "Pruning shears", "Rain gauge", "Wheelbarrow, steel", "Leaf rake", "Hose 25 m"]
LONG = ["The pump was taken out of service after the bearing had failed for the second time within a month.",
        "Delivery in two lots; the second is due when the store has been cleared.",
        "To be decided.", "Approved by the board on condition that the costs are shared with the neighbouring district.",
        "No objections were raised.", "See the letter of the engineer of 3 May and the minutes of the meeting that followed it."]
HAN = ["营业收入", "管理费用", "研发费用", "净利润", "每股收益", "资产总计", "负债合计", "经营现金流", "毛利率", "员工人数"]
HEB = ["הכנסות", "הוצאות", "משכורות", "שכירות", "ביטוח", "נסיעות", "רווח נקי", "סך הכול"]


def money(rng, top=90000):
    v = rng.randint(10, top)
    return f"({v:,})" if rng.random() < 0.2 else f"{v:,}"


def td(text, css="", cols=1, rows=1):
    spans = (f' colspan="{cols}"' if cols > 1 else "") + (f' rowspan="{rows}"' if rows > 1 else "")
    return (text, css, spans)


def statement(rng):
    years = ["2023", "2022"] if rng.random() < 0.5 else ["2023", "2022", "2021"]
    rows = [[td("in thousands" if rng.random() < .5 else "")] + [td(y, "r b") for y in years]]
    names = rng.sample(ITEMS, 7)
    for group, part in (("Income", names[:3]), ("Expenses", names[3:])):
        rows.append([td(group, "b")] + [td("")] * len(years))
        rows += [[td(n, "in")] + [td(money(rng), "r") for _ in years] for n in part]
        rows.append([td("Total " + group.lower(), "in2")] + [td(money(rng), "r up") for _ in years])
    rows.append([td("Result for the year", "b")] + [td(money(rng), "r b up dbl") for _ in years])
    return [rows], "td{padding:1.5pt 8pt} .in{padding-left:18pt} .in2{padding-left:30pt} .up{border-top:.7pt solid #111} " \
                   ".dbl{border-bottom:2.5pt double #111} table{width:80%}"


def science(rng):
    n = rng.choice((2, 3))
    groups = rng.sample(["Training", "Test", "Field", "Control"], n)
    rows = [[td("Model", "low", rows=2)] + [td(g, "c cm", cols=2) for g in groups],
            [td(h, "c low") for _ in groups for h in ("Mean", "SD")]]
    for name in rng.sample(["Linear", "Ridge", "Spline", "Forest", "Kernel", "Tree", "Mixed", "Prior"], rng.randint(4, 7)):
        rows.append([td(name)] + [td(f"{rng.uniform(0, 1):.3f}" if k % 2 == 0 else f"±{rng.uniform(0, .1):.3f}", "c")
                                  for k in range(2 * n)])
    return [rows], "table{border-top:1.2pt solid #000;border-bottom:1.2pt solid #000} td{padding:2pt 9pt} .low{border-bottom:.7pt " \
                   "solid #000} .cm{border-bottom:.5pt solid #000}"


def times(rng):
    n = rng.randint(5, 8)
    rows = [[td("Train")] + [td(str(rng.randint(100, 999)), "c b") for _ in range(n)]]
    for place in rng.sample(PLACES, rng.randint(6, 10)):
        rows.append([td(place)] + [td("" if rng.random() < .12 else f"{rng.randint(5, 22):02d}.{rng.randint(0, 59):02d}", "c")
                                   for _ in range(n)])
    rule = rng.choice(("td{border-left:.5pt solid #333} td:first-child{border-left:0}", "tr:first-child td{border-bottom:.8pt solid #111}", ""))
    return [rows], "td{padding:1.5pt 6pt} " + rule


def prices(rng):
    unit = rng.random() < 0.5
    rows = [[td("Article", "b")] + ([td("Unit", "b c")] if unit else []) + [td("Price", "b r")]]
    for name in rng.sample(GOODS, rng.randint(6, 10)):
        rows.append([(name, "dots", "")] + ([td(rng.choice(("each", "m", "box")), "c")] if unit else []) +
                    [td(f"{rng.uniform(1, 90):.2f}", "r")])
    return [rows], "td{padding:1pt 5pt} table{width:75%} .dots{overflow:hidden;white-space:nowrap;max-width:220pt}"


def form(rng):
    rows = [[td("Application for a permit", "b c", cols=4)]]
    for a, b in (("Name", "First name"), ("Street", "Town"), ("Telephone", "E-mail"), ("Date of birth", "Nationality")):
        fill = rng.random() < 0.5
        rows.append([td(a, "g"), td(rng.choice(PLACES) if fill else ""), td(b, "g"), td(rng.choice(PLACES) if not fill else "")])
    rows.append([td("Purpose", "g"), td(rng.choice(LONG), cols=3)])
    rows.append([td("Signature", "g"), td("", cols=3)])
    return [rows], "td{border:.7pt solid #333;padding:4pt 6pt;height:14pt} table{width:100%} " + rng.choice((".g{background:#e8eef4}", ""))


def empty(rng):
    n = rng.randint(4, 6)
    rows = [[td("Task", "b")] + [td(f"Week {k + 1}", "b c") for k in range(n)]]
    for name in rng.sample(ITEMS, rng.randint(5, 8)):
        rows.append([td(name)] + [td("x" if rng.random() < .3 else "", "c") for _ in range(n)])
    return [rows], "td{padding:2pt 8pt} " + rng.choice(("td{border:.5pt solid #555}", "td{border-bottom:.5pt solid #777}"))


def long(rng):
    rows = [[td("No.", "b"), td("Matter", "b"), td("Decision", "b"), td("By", "b")]]
    for k in range(rng.randint(4, 6)):
        rows.append([td(f"{k + 1}"), td(rng.choice(LONG)), td(rng.choice(LONG)), td(f"{rng.randint(1, 28)} June")])
    return [rows], "td{padding:3pt 7pt;vertical-align:top} table{width:100%} td:nth-child(2){width:38%} " + rng.choice(
        ("tr td{border-bottom:.5pt solid #666}", "td{border:.5pt solid #444}", "tr:nth-child(even){background:#eee}"))


def stripes(rng):
    n = rng.randint(3, 5)
    rows = [[td("Region")] + [td(h, "r") for h in rng.sample(["Orders", "Returns", "Net", "Share", "Change", "Target"], n)]]
    for place in rng.sample(PLACES, rng.randint(6, 10)):
        rows.append([td(place)] + [td(rng.choice((money(rng), f"{rng.uniform(0, 99):.1f}%")), "r") for _ in range(n)])
    dark, light = rng.choice((("#1f4e79", "#dce6f1"), ("#375623", "#e2efda"), ("#404040", "#ededed")))
    return [rows], f"td{{padding:3pt 9pt}} tr:first-child td{{background:{dark};color:#fff;font-weight:bold}} " \
                   f"tr:nth-child(odd){{background:{light}}}"


def partial(rng):
    n = rng.randint(3, 4)
    rows = [[td("")] + [td(h, "b c") for h in rng.sample(["North", "South", "East", "West", "Centre"], n)]]
    for k in range(rng.randint(2, 3)):
        for j, name in enumerate(rng.sample(ITEMS, 3)):
            rows.append([td(name, "top" if j == 0 else "")] + [td(money(rng, 999), "r top" if j == 0 else "r") for _ in range(n)])
    return [rows], "td{padding:2pt 10pt} .top{border-top:.6pt solid #222}"


def chinese(rng):
    n = rng.randint(3, 4)
    rows = [[td("项目", "b")] + [td(h, "b r") for h in rng.sample(["本期", "上期", "同比", "预算", "完成率"], n)]]
    rows += [[td(h)] + [td(rng.choice((money(rng), f"{rng.uniform(0, 99):.2f}%")), "r") for _ in range(n)]
             for h in rng.sample(HAN, rng.randint(5, 9))]
    return [rows], "td{padding:2.5pt 10pt} " + rng.choice(("tr:nth-child(even){background:#f0f0f0}", "td{border-bottom:.5pt solid #888}",
                                                           "table{border-top:1pt solid #000;border-bottom:1pt solid #000}"))


def hebrew(rng):
    rows = [[td("סעיף", "b"), td("2023", "b"), td("2022", "b")]]
    rows += [[td(h), td(f"{rng.randint(100, 90000):,}"), td(f"{rng.randint(100, 90000):,}")] for h in rng.sample(HEB, rng.randint(5, 8))]
    return [rows], "table{direction:rtl} td{padding:2.5pt 12pt} " + rng.choice(("td{border:.6pt solid #222}", "td{border-bottom:.5pt solid #555}"))


def beside(rng):
    tables = []
    for _ in range(2):
        rows = [[td("Place", "b"), td("Sum", "b r")]]
        rows += [[td(p), td(money(rng), "r")] for p in rng.sample(PLACES, rng.randint(5, 8))]
        tables.append(rows)
    return tables, "td{padding:2pt 8pt} .pair{display:flex;gap:40pt;align-items:flex-start} " + rng.choice(
        ("td{border:.5pt solid #333}", "td{border-bottom:.5pt solid #666}", "tr:first-child td{border-bottom:.8pt solid #000}"))


def column(rng):
    rows = [[td("Place", "b"), td("Mean", "b r"), td("Max", "b r")]]
    rows += [[td(p), td(f"{rng.uniform(0, 9):.1f}", "r"), td(f"{rng.uniform(9, 30):.1f}", "r")] for p in rng.sample(PLACES, rng.randint(5, 8))]
    return [rows], "td{padding:1.5pt 6pt} table{width:100%;border-top:.9pt solid #000;border-bottom:.9pt solid #000}"


def turned(rng):
    rows, css = rng.choice((statement, science, stripes))(rng)
    return rows, css + " .turn{height:150mm} .turn>table{transform:translate(0,150mm) rotate(-90deg);transform-origin:top left;width:150mm}"


def html_of(rows, plain):
    out = []
    for row in rows:
        cells = []
        for text, css, spans in row:
            shown = text + "<span> " + "." * 90 + "</span>" if css == "dots" and not plain else text
            cells.append("<td%s%s>%s</td>" % ("" if plain or not css else f' class="{css}"', spans, shown))
        out.append("<tr>" + "".join(cells) + "</tr>")
    return "<table>" + "".join(out) + "</table>"


def section(i, style, rng):
    """A page in HTML, and the truth of its tables."""
    tables, css = globals()[style](rng)
    scoped = " ".join(f"#s{i} {rule}}}" for rule in scope(css, i))
    face = "Droid Sans Fallback" if style == "chinese" else rng.choice(("Liberation Serif", "Liberation Sans", "DejaVu Sans", "DejaVu Serif"))
    body = "".join(html_of(t, False) for t in tables)
    body = f'<div class="pair">{body}</div>' if style == "beside" else f'<div class="turn">{body}</div>' if style == "turned" else body
    prose = f"<p>{PROSE}</p>"
    if style == "column":
        body = f'<div class="two">{prose * 2}{body}{prose * 3}</div>'
    elif style != "turned":
        body = prose + body + prose
    page = f'<style>{scoped}</style><section id="s{i}" style="font:{rng.choice((8.5, 9.5, 10.5))}pt \'{face}\'">{body}</section>'
    return page, [html_of(t, True) for t in tables]


def scope(css, i):
    """Rules of the style, each for this page only; without the closing brace."""
    for rule in css.split("}"):
        if "{" in rule:
            names, _, body = rule.strip().partition("{")
            yield f", #s{i} ".join(names.split(",")) + "{" + body


def make(out, count, resolutions):
    pages, truths = [], []
    for i in range(count):
        page, tables = section(i, STYLES[i % len(STYLES)], random.Random(7000 + i))
        pages.append(page)
        truths.append(tables)
    (out / "all.html").write_text("""<meta charset="utf-8"><style>@page{size:A4;margin:18mm} section{break-after:page;line-height:1.3}
table{border-collapse:collapse;margin:8pt 0} td{vertical-align:middle} .r{text-align:right} .c{text-align:center} .b{font-weight:bold}
p{text-align:justify} .two{columns:2;column-gap:8mm} .two table{break-inside:avoid}</style>""" + "".join(pages), encoding="utf-8")
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
                    f"--print-to-pdf={out / 'all.pdf'}", out / "all.html"], check=True, stderr=subprocess.DEVNULL)
    (out / "pdf").mkdir()
    (out / "scan").mkdir()
    subprocess.run(["pdfseparate", "-f", "1", "-l", str(count), out / "all.pdf", str(out / "pdf" / "page%d.pdf")], check=True)
    truth = {"pdf": [], "scan": []}
    for i, tables in enumerate(truths):
        style, dpi = STYLES[i % len(STYLES)], resolutions[(i // len(STYLES)) % len(resolutions)]
        name = f"{i:02d}_{style}_{dpi}"
        pdf = out / "pdf" / (name + ".pdf")
        (out / "pdf" / f"page{i + 1}.pdf").rename(pdf)
        page = annotation(name + ".png", i, (10, 10), tables)
        truth["pdf"].append(page)
        if style == "hebrew":
            continue
        subprocess.run(["pdftoppm", "-r", str(dpi), "-gray", "-singlefile", pdf, out / "page"], check=True)
        with Image.open(out / "page.pgm") as clean:
            (out / "scan" / (name + ".jpg")).write_bytes(scan(clean, random.Random(9000 + i)))
        truth["scan"].append(page)
    for kind, pages in truth.items():
        write(out / (kind + ".json"), pages)


def judge(program, out, kind, verbose):
    results = out / ("read-" + kind)
    read(program, out / kind, results)
    rows = score(program, out / (kind + ".json"), results, out / "report.json")
    for image, teds, structure in rows:
        if verbose:
            print(f"  {kind} {image:30s} {teds:.3f} {structure:.3f}")
    for style in STYLES:
        part = [r for r in rows if r[0].split("_")[1] == style]
        if part:
            print(f"{kind} {style:10s} {len(part):3d} pages: TEDS {mean(part, 1):.4f}, TEDS-S {mean(part, 2):.4f}")
    print(f"{kind} all {len(rows)} pages: TEDS {mean(rows, 1):.4f}, TEDS-S {mean(rows, 2):.4f}")
    return rows


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--docparse", required=True)
    p.add_argument("--out", type=pathlib.Path, help="keep pages and results here; pages that are there are not made again")
    p.add_argument("--count", type=int, default=70)
    p.add_argument("--dpi", default="100,150,200")
    p.add_argument("--only", choices=("pdf", "scan"))
    p.add_argument("--least", default="0,0", help="TEDS and TEDS-S that must be reached")
    p.add_argument("-v", action="store_true", help="every page")
    args = p.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        out = (args.out or pathlib.Path(scratch)).absolute()
        out.mkdir(parents=True, exist_ok=True)
        if not (out / "scan.json").exists():
            make(out, args.count, [int(d) for d in args.dpi.split(",")])
        for kind in ("pdf", "scan"):
            if not args.only or args.only == kind:
                good = reached(judge(args.docparse, out, kind, args.v), args.least) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
