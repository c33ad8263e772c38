# SPDX-License-Identifier: Apache-2.0
"""What the accuracy tests of tables share: words to fill cells and paragraphs with, a page as an office scanner stores it,
its truth in an annotation file, and the scores that `docparse bench omnidocbench` gives.

Needs python3-pil and python3-numpy to scan.
"""
import io
import json
import subprocess

PLACES = ["Arnsholt", "Bremvik", "Carlow", "Dunmore East", "Elmstead", "Fairhaven", "Gollwitz", "Harrow Hill", "Imst",
          "Jessnitz", "Kirkby Vale", "Lundby", "Marbach", "Nether Poppleton", "Oldenfeld", "Penzlin", "Rothbury"]
PROSE = ("The figures of the following pages were gathered by the offices of the district over several years and have not "
         "been adjusted for the change of method in the third of them. Where a value is missing the gauge was out of order "
         "for more than half of the period. Readers who need the single readings will find them in the annex. ")


def scan(image, rng):
    """As an office scanner stores a page."""
    import numpy as np
    from PIL import Image, ImageFilter
    grey = image.convert("L").rotate(rng.uniform(-0.6, 0.6), Image.BICUBIC, fillcolor=255)
    grey = grey.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.6)))
    noise = np.random.RandomState(rng.randrange(1 << 31)).normal(0, rng.uniform(3, 8), (grey.height, grey.width))
    dark = np.asarray(grey, dtype=float) * rng.uniform(0.88, 0.96) + rng.uniform(4, 12) + noise
    data = io.BytesIO()
    Image.fromarray(np.clip(dark, 0, 255).astype("uint8")).save(data, "JPEG", quality=rng.randint(60, 85))
    return data.getvalue()


def annotation(name, number, size, tables):
    """A page of an annotation file that holds these tables (HTML) and nothing else."""
    width, height = size
    cells = [{"category_type": "table", "poly": [0, 0, width, 0, width, height, 0, height], "ignore": False, "order": k + 1,
              "anno_id": k + 1, "html": html, "attribute": {}} for k, html in enumerate(tables)]
    return {"page_info": {"image_path": name, "width": width, "height": height, "page_no": number, "page_attribute": {}},
            "layout_dets": cells, "extra": {"relation": []}}


def write(path, pages):
    path.write_text(json.dumps(pages, ensure_ascii=False), encoding="utf-8")


def score(program, truth, predictions, report):
    """(image, TEDS, TEDS-S) of each page, in the order of the annotation file."""
    subprocess.run([program, "bench", "omnidocbench", "--gt", truth, "--pred", predictions, "--json", report], check=True,
                   stdout=subprocess.DEVNULL)
    return [(p["image"], p["teds"] or 0.0, p["teds_s"] or 0.0) for p in json.load(open(report))["per_page"]]


def read(program, pages, out):
    subprocess.run([program, "convert", pages, "-f", "md,json", "-o", out, "--progress", "none"], check=True)


def mean(rows, k):
    return sum(r[k] for r in rows) / len(rows) if rows else 0.0


def reached(rows, least):
    """Whether the means are at least "TEDS,TEDS-S"."""
    return all(mean(rows, k + 1) >= float(value) for k, value in enumerate(least.split(",")))
