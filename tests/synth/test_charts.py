# SPDX-License-Identifier: Apache-2.0
"""Charts made by machine: the data's rules, and, where Pillow is installed, that the picture shows them."""
import json
import os
import random
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "corpora", "synth"))
sys.dont_write_bytecode = True
import charts  # noqa: E402

try:
    import PIL  # noqa: F401
    from PIL import ImageFont
    PILLOW = hasattr(ImageFont, "load_default") and int(PIL.__version__.split(".")[0]) >= 10
except ImportError:
    PILLOW = False


def specs(n, kind=None):
    i = 0
    while n:
        s = charts.spec(random.Random("test/%d" % i))
        i += 1
        if kind in (None, s["kind"]):
            n -= 1
            yield s


class Data(unittest.TestCase):
    def test_same_seed_same_chart(self):
        self.assertEqual([json.dumps(s) for s in specs(50)], [json.dumps(s) for s in specs(50)])

    def test_tables_are_whole(self):
        kinds = set()
        for s in specs(400):
            kinds.add(s["kind"])
            rows = charts.table(s)
            self.assertEqual(len({len(r) for r in rows}), 1)
            self.assertGreaterEqual(len(rows), 4)
            for row in rows[1:]:
                for cell in row[0 if s["kind"] == "scatter" else 1:]:
                    self.assertGreater(float(cell), 0)
                    self.assertEqual(len(cell.partition(".")[2]), s["decimals"])
        self.assertEqual(kinds, set(charts.KINDS))

    def test_axes_hold_their_values(self):
        for s in specs(400):
            if s["kind"] != "pie":
                top, step = charts.scale(s)
                largest = max(y for _, y in s["points"]) if s["kind"] == "scatter" else max(map(max, s["rows"]))
                self.assertGreaterEqual(top * 1.0001, largest)
                self.assertTrue(2 <= top / step <= 11, (top, step))


@unittest.skipUnless(PILLOW, "SKIP: no Pillow 10 on this machine")
class Picture(unittest.TestCase):
    def test_bars_are_as_high_as_their_values(self):
        for s in specs(12, "bar"):
            s["values"] = s["grid"] = s["frame"] = False
            image, (x0, y0, x1, y1), (top, _) = charts.draw(s), charts.plot_box(s), charts.scale(s)
            n, colour = len(s["categories"]), charts.PALETTES[s["palette"]][0]
            for i, v in enumerate(s["rows"][0]):
                x = int(x0 + (x1 - x0) * (i + .5) / n)
                high = sum(image.getpixel((x, y)) == colour for y in range(y0, y1 + 1))
                self.assertLessEqual(abs(high - v / top * (y1 - y0)), 2, s)

    def test_every_kind_is_drawn(self):
        for kind in charts.KINDS:
            for s in specs(3, kind):
                self.assertGreater(len(charts.draw(s).getcolors(1 << 20)), 3, kind)


if __name__ == "__main__":
    unittest.main(verbosity=1)
