# SPDX-License-Identifier: Apache-2.0
"""Edit distance, and the training curve as SVG."""


def edit(a, b):
    """Levenshtein distance of two sequences."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


SERIES = (("loss", "#444444"), ("token_accuracy", "#1b6ca8"), ("test_exact", "#1a8a3c"), ("test_edit", "#b3401f"))
W, H, LEFT, TOP = 760, 380, 50, 20


def draw(rows, path):
    """Loss (scaled to its largest), shares and distance against minutes."""
    last = max(r["minutes"] for r in rows) or 1
    high = max(r["loss"] for r in rows) or 1
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">' % (W + 20, H + 60),
           '<!-- SPDX-License-Identifier: Apache-2.0 -->', '<rect width="100%" height="100%" fill="white"/>']
    for i in range(6):
        y = TOP + (H - TOP) * i / 5
        out.append('<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.1f</text>' % (LEFT, y, W, LEFT - 6, y + 4, 1 - i / 5))
        x = LEFT + (W - LEFT) * i / 5
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%.0f min</text>' % (x, H + 16, last * i / 5))
    for n, (name, colour) in enumerate(SERIES):
        scale = high if name == "loss" else 1
        points = " ".join("%.1f,%.1f" % (LEFT + (W - LEFT) * r["minutes"] / last, TOP + (H - TOP) * (1 - min(1, r[name] / scale))) for r in rows)
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"/>' % (points, colour))
        label = name.replace("_", " ") + (" (1 = %.2f)" % high if name == "loss" else "")
        out.append('<text x="%d" y="%d" fill="%s">%s</text>' % (LEFT + 150 * n, H + 40, colour, label))
    with open(path, "w") as f:
        f.write("\n".join(out + ["</svg>"]) + "\n")
