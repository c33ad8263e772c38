# SPDX-License-Identifier: Apache-2.0
"""Which character of the picture each token of an answer stands for. Training tells one layer's attention to look there,
which saves the long time that a decoder needs to find out that the picture says what comes next."""
import unicodedata

import tokens as tk

NAMES = {"pm": "±", "mp": "∓", "times": "×", "cdot": "·⋅", "ast": "∗*", "circ": "◦∘", "bullet": "•∙", "cup": "∪", "cap": "∩", "vee": "∨", "wedge": "∧",
         "oplus": "⊕", "otimes": "⊗", "ominus": "⊖", "odot": "⊙", "setminus": "\\⧵∖", "sqcup": "⊔", "sqcap": "⊓", "div": "÷", "star": "⋆", "dagger": "†",
         "uplus": "⊎", "diamond": "⋄", "leq": "≤⩽", "geq": "≥⩾", "neq": "≠̸", "equiv": "≡", "sim": "∼", "simeq": "≃", "approx": "≈", "cong": "≅∼", "propto": "∝",
         "ll": "≪", "gg": "≫", "in": "∈", "notin": "∉∈", "ni": "∋", "subset": "⊂", "subseteq": "⊆", "supset": "⊃", "supseteq": "⊇", "subsetneq": "⊊",
         "mid": "|∣", "parallel": "∥‖", "perp": "⊥⟂", "to": "→", "leftarrow": "←", "leftrightarrow": "↔", "Rightarrow": "⇒", "Leftarrow": "⇐",
         "Leftrightarrow": "⇔", "mapsto": "↦", "prec": "≺", "succ": "≻", "preceq": "⪯", "succeq": "⪰", "vdash": "⊢", "models": "⊨|", "asymp": "≍", "doteq": "≐",
         "lesssim": "≲", "gtrsim": "≳", "infty": "∞", "partial": "∂", "nabla": "∇", "forall": "∀", "exists": "∃", "emptyset": "∅", "hbar": "ħℏ", "ell": "ℓl",
         "Re": "ℜR", "Im": "ℑI", "neg": "¬", "ldots": "...…", "cdots": "⋯···", "vdots": "⋮.", "ddots": "⋱.", "top": "⊤", "bot": "⊥", "sum": "∑P", "prod": "∏Q",
         "int": "∫R", "oint": "∮H", "iint": "∬", "bigcup": "⋃S", "bigcap": "⋂T", "bigoplus": "⨁L", "bigotimes": "⨂N", "sqrt": "√", "sqrt[": "√",
         "{": "{", "}": "}", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "|": "∥‖", "varepsilon": "ε", "epsilon": "ϵε",
         "hat": "ˆ̂", "bar": "¯̄", "tilde": "˜̃", "vec": "⃗→", "dot": "˙̇", "ddot": "¨̈", "check": "ˇ̌", "breve": "˘̆"}
GREEK = dict(zip("alpha beta gamma delta zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau upsilon chi psi omega".split(),
                 "αβγδζηθικλμνξπρςστυχψω"))
GREEK.update(zip("Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split(), "ΓΔΘΛΞΠΣΥΦΨΩ"))
GREEK.update(phi="ϕφ", varphi="φϕ", vartheta="ϑθ", varpi="ϖπ", varrho="ϱρ")


def codes_of(token):
    """Characters that a token is drawn with, first ones of a word."""
    if len(token) == 1:
        return {"-": "−-", "'": "′", "*": "∗*", ":": ":∶", "|": "|∣", "/": "/∕", "\\": "\\"}.get(token, "" if token in "{}^_& " else token)
    name = token[1:]
    if name in GREEK:
        return GREEK[name]
    if name in NAMES:
        return NAMES[name]
    if name in tk.latex.FUNCTIONS:
        return name[0]
    return ""


CODES = {i: {ord(unicodedata.normalize("NFKC", c)[0]) for c in codes_of(t)} for t, i in tk.ID.items()}
# These tell what comes next and where it stands: they look at the next character.
AHEAD = {tk.ID[t] for t in ["^", "_", "{", "\\frac", "\\mathbf", "\\mathcal", "\\mathbb", "\\mathfrak", "\\mathrm", "\\mathsf", "\\boldsymbol", "\\overline",
                            "\\underline", "\\text", "\\operatorname", "\\binom", "&"] + ["\\begin{%s}" % e for e in tk.latex.ENVIRONMENTS]}


def align(ids, codes):
    """For each id the index of its character, or -1: longest common subsequence, then what is left and unique."""
    n, m = len(ids), len(codes)
    best = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(n - 1, -1, -1):
        own, row, below = CODES[ids[i]], best[i], best[i + 1]
        for j in range(m - 1, -1, -1):
            row[j] = below[j + 1] + 1 if codes[j] in own else max(row[j + 1], below[j])
    out, free, i, j = [-1] * n, set(range(m)), 0, 0
    while i < n and j < m:
        if codes[j] in CODES[ids[i]] and best[i][j] == best[i + 1][j + 1] + 1:
            out[i] = j
            free.discard(j)
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    for i in range(n):
        if out[i] < 0 and CODES[ids[i]]:
            found = [j for j in free if codes[j] in CODES[ids[i]]]
            if len(found) == 1:
                out[i] = found[0]
                free.discard(found[0])
    after = -1
    for i in range(n - 1, -1, -1):
        if out[i] >= 0:
            after = out[i]
        elif ids[i] in AHEAD:
            out[i] = after
        else:
            after = -1
    return out
