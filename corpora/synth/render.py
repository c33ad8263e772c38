# SPDX-License-Identifier: Apache-2.0
"""Formulas to grey pictures by real TeX: one run of pdflatex sets hundreds, a page each, in one of several math fonts;
PDFium draws the pages and says which character stands where (a second target that helps the vision tower to learn).

Pictures are uint8, 255 is paper, cropped to the ink. Scale: one em of the 10 pt text is `em` pixels.
"""
import ctypes
import os
import subprocess
import tempfile
import unicodedata

import numpy as np

CORE = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage{amsmath}
%s
\input glyphtounicode \pdfgentounicode=1
\pdfcompresslevel=0 \pdfobjcompresslevel=0
\hoffset=-1in \voffset=-1in
\newcommand\formula[1]{\setbox0=\hbox{#1}\pdfpagewidth=\dimexpr\wd0+8pt\pdfpageheight=\dimexpr\ht0+\dp0+8pt
\ifdim\pdfpagewidth<12pt\pdfpagewidth=12pt\fi
\shipout\vbox{\kern4pt\hbox{\kern4pt\box0}}}
\begin{document}
"""
AMS = r"\usepackage{amssymb}"
TRAIN = {
    "cm": AMS,
    "lm": r"\usepackage{lmodern}" + AMS,
    "times": r"\usepackage{newtxtext,newtxmath}",
    "palatino": r"\usepackage{newpxtext,newpxmath}",
    "libertinus": r"\usepackage{libertinus}\usepackage{libertinust1math}" + "",
    "kp": r"\usepackage{kpfonts}",
    "psnfss-times": r"\usepackage{mathptmx}" + AMS,
    "psnfss-palatino": r"\usepackage{mathpazo}" + AMS,
    "charter": r"\usepackage[scaled=.98]{XCharter}\usepackage[charter,vvarbb,scaled=1.05]{newtxmath}",
    "euler": r"\usepackage{palatino}\usepackage{eulervm}" + AMS,
    "bright": r"\usepackage{cmbright}" + AMS,
}
TEST = {  # never seen in training
    "stix": r"\usepackage{stix2}",
    "concrete": r"\usepackage{concmath}" + AMS,
    "utopia": r"\usepackage{fourier}" + AMS,
}


def document(sources, preamble):
    lines = [CORE % preamble]
    for text, style in sources:
        lines.append(r"\formula{$%s %s$}" % (style, text))
    return "\n".join(lines) + "\n\\end{document}\n"


def typeset(sources, preamble, folder):
    """PDF path, numbers of the sources that TeX complained about, or None where nothing came out."""
    path = os.path.join(folder, "f.tex")
    with open(path, "w") as f:
        f.write(document(sources, preamble))
    run = subprocess.run(["pdflatex", "-interaction=batchmode", "-file-line-error", "-no-shell-escape", "f.tex"], cwd=folder,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
    first = CORE.count("\n") + preamble.count("\n")
    bad = set()
    log = open(os.path.join(folder, "f.log"), errors="replace").read()
    for line in log.split("\n"):
        if line.startswith("./f.tex:"):
            bad.add(int(line.split(":")[1]) - first - 1)
        elif line.startswith("Missing character"):
            bad.add(-1)
    pdf = os.path.join(folder, "f.pdf")
    return (pdf if os.path.exists(pdf) else None), bad, run.returncode


def glyphs_of(page, textpage, raw, scale, height):
    """(code, x, y) of every character's middle in pixels of the page's picture."""
    out = []
    n = raw.FPDFText_CountChars(textpage.raw)
    l, r, b, t = (ctypes.c_double() for _ in range(4))
    high = 0
    for i in range(n):
        code = raw.FPDFText_GetUnicode(textpage.raw, i)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high & 0x3FF) << 10) + (code & 0x3FF)
        code = ord(unicodedata.normalize("NFKC", chr(code))[0])
        if code <= 32 or not raw.FPDFText_GetCharBox(textpage.raw, i, l, r, b, t):
            continue
        out.append((code, (l.value + r.value) / 2 * scale, height - (b.value + t.value) / 2 * scale))
    return out


def pictures(pdf, ems):
    """Yields (picture, glyphs) a page; a page without ink gives None. ems: pixels of an em, a page each."""
    import pypdfium2
    import pypdfium2.raw as raw
    document = pypdfium2.PdfDocument(pdf)
    for page, em in zip(document, ems):
        scale = em / 10.0
        bitmap = page.render(scale=scale * 72.27 / 72, grayscale=True, no_smoothtext=False)
        picture = np.array(bitmap.to_numpy()[..., 0] if bitmap.to_numpy().ndim == 3 else bitmap.to_numpy())
        textpage = page.get_textpage()
        found = glyphs_of(page, textpage, raw, scale * 72.27 / 72, picture.shape[0])
        textpage.close()
        page.close()
        dark = picture < 160
        rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
        if not len(rows):
            yield None
            continue
        y0, y1, x0, x1 = max(rows[0] - 1, 0), rows[-1] + 2, max(columns[0] - 1, 0), columns[-1] + 2
        yield picture[y0:y1, x0:x1], [(c, x - x0, y - y0) for c, x, y in found]
    document.close()


def render(sources, preamble, ems):
    """sources: (LaTeX, style) pairs. A list with a (picture, glyphs) or None for each."""
    with tempfile.TemporaryDirectory() as folder:
        pdf, bad, _ = typeset(sources, preamble, folder)
        if not pdf:
            return [None] * len(sources)
        out = list(pictures(pdf, ems))
    out += [None] * (len(sources) - len(out))
    return [None if i in bad else picture for i, picture in enumerate(out)]
