#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables cut out of benchmark pages along their annotated boxes: how near what is read comes to them.

  table_crops.py --docparse PROGRAM --gt OmniDocBench.json --images DIR [--out DIR] [--margin N] [--least T,S]

Every annotated table whose page image is there is cut out with N pixels around it (default 12, a hundredth of a page),
read by `docparse convert` like any other image, and scored by `docparse bench omnidocbench`: each crop counts as a page
that holds this table and nothing else. Prints TEDS and TEDS-S of each table and their means over tables; exit code 1
when a mean is below --least. Needs python3-pil.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile

from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from table_pages import mean, reached, read, score, write  # noqa: E402


def crops(truth, images, out, margin):
    """Writes the crops; returns them as pages of an annotation file."""
    pages = []
    for page in truth:
        path = images / os.path.basename(page["page_info"]["image_path"])
        if not path.exists():
            continue
        with Image.open(path) as picture:
            # Some annotations swap width and height; boxes are in pixels of the picture as it was annotated.
            sides = [page["page_info"].get(k, 0) for k in ("width", "height")]
            scale = max(picture.size) / (max(sides) or max(picture.size))
            tables = [d for d in page["layout_dets"] if d["category_type"] == "table" and not d.get("ignore")]
            for k, d in enumerate(tables):
                xs, ys = [v * scale for v in d["poly"][0::2]], [v * scale for v in d["poly"][1::2]]
                box = (max(0, int(min(xs) - margin)), max(0, int(min(ys) - margin)),
                       min(picture.width, int(max(xs) + margin)), min(picture.height, int(max(ys) + margin)))
                name = f"{path.stem}_table{k + 1}.png"
                crop = picture.crop(box).convert("RGB")
                crop.save(out / name)
                poly = [0, 0, crop.width, 0, crop.width, crop.height, 0, crop.height]
                info = dict(page["page_info"], image_path=name, width=crop.width, height=crop.height, page_no=len(pages))
                pages.append({"page_info": info, "layout_dets": [dict(d, poly=poly, order=1)], "extra": {"relation": []}})
    return pages


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--docparse", required=True)
    p.add_argument("--gt", required=True, type=pathlib.Path)
    p.add_argument("--images", required=True, type=pathlib.Path)
    p.add_argument("--out", type=pathlib.Path, help="keep crops and results here")
    p.add_argument("--margin", type=int, default=12)
    p.add_argument("--least", default="0,0", help="TEDS and TEDS-S that must be reached")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = args.out or pathlib.Path(scratch)
        (out / "images").mkdir(parents=True, exist_ok=True)
        pages = crops(json.load(open(args.gt)), args.images, out / "images", args.margin)
        if not pages:
            print("no table's page image was found", file=sys.stderr)
            return 2
        write(out / "tables.json", pages)
        read(args.docparse, out / "images", out / "read")
        rows = score(args.docparse, out / "tables.json", out / "read", out / "report.json")
    for image, teds, structure in rows:
        print(f"{image[:70]:70s} {teds:.4f} {structure:.4f}")
    print(f"{len(rows)} tables: TEDS {mean(rows, 1):.4f}, TEDS-S {mean(rows, 2):.4f}")
    return 0 if reached(rows, args.least) else 1


if __name__ == "__main__":
    sys.exit(main())
