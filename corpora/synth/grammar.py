# SPDX-License-Identifier: Apache-2.0
"""Formulas as papers write them, made by chance: formula(rng, size) -> LaTeX of about `size` canonical tokens.

The grammar is weighted by habit (i, j, k, n are indices; x, y, f stand alone; sums have limits) with a share of even
choice, so that every sign is seen. The source may hold spaces and sizes of delimiters that the target has not:
latex.canonical() gives the target. Deterministic in the state of `rng` (random.Random).
"""
import latex

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
USUAL = "xxxxyyyzzfffgghhuuvvwwttssrrppqqnnmmkkabcdeABCDEFGHIKLMNPQRSTUVWXYZ"
INDEX = "iiiiijjjjkkkknnnmmtllpq0011122rsxdabNT"
GREEK_USUAL = ["alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "nu", "pi", "rho", "sigma", "tau", "phi", "psi",
               "omega", "varphi", "varepsilon", "xi", "eta", "Gamma", "Delta", "Omega", "Phi", "Sigma", "Lambda", "Psi", "kappa", "chi", "zeta"]
SETS = "RRRRCZNNQPEFHK"
WORDS = """if otherwise for and or where else all with on in then when such that as some any max min eff tot in out ref is not
const even odd s.t. iff subject to""".split()
NAMES = "tr rank diag sgn span div curl Var Cov Tr supp softmax argmax argmin sign id Hom Re Im vol dist conv KL MSE loss".split()
SUBWORDS = "max min eff tot in out ref opt loss train test new old data model kin int ext obs eq reg gen crit th adv avg rms enc dec".split()
RELATIONS = ["="] * 26 + ["\\leq", "\\geq", "\\leq", "\\geq", "<", ">", "<", "\\in", "\\in", "\\in", "\\to", "\\to", "\\approx", "\\equiv", "\\sim",
             "\\neq", "\\subset", "\\subseteq", "\\propto", "\\simeq", ":=", "\\ll", "\\gg", "\\Rightarrow", "\\mapsto", "\\cong", "\\Leftrightarrow"]
PAIRS = [("(", ")")] * 14 + [("[", "]")] * 4 + [("|", "|")] * 3 + [("\\{", "\\}")] * 2 + [("\\|", "\\|")] * 2 + [("\\langle", "\\rangle")] * 2 + \
        [("\\lfloor", "\\rfloor"), ("\\lceil", "\\rceil")]


def join(*parts):
    """Parts side by side: a space wherever a command could swallow a letter."""
    return " ".join(p for p in parts if p)


class Maker:
    def __init__(self, rng):
        self.rng = rng

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, items):
        return items[self.rng.randrange(len(items))]

    def group(self, text):
        return "{" + text + "}"

    # --- smallest parts ---

    def letter(self):
        return self.pick(LETTERS if self.chance(.25) else USUAL)

    def greek(self):
        return "\\" + self.pick(latex.GREEK if self.chance(.2) else GREEK_USUAL)

    def number(self):
        r = self.rng.random()
        if r < .62:
            return self.pick("0111222233456789")
        if r < .8:
            return str(self.rng.randrange(10, 1000))
        if r < .97:
            return "%d.%s" % (self.rng.randrange(0, 30), self.rng.randrange(1, 1000))
        return str(self.rng.randrange(1000, 100000))

    def sign(self):
        """One symbol that stands as a variable or a constant."""
        r = self.rng.random()
        if r < .68:
            return self.letter()
        if r < .90:
            return self.greek()
        if r < .925:
            return self.pick(["\\infty", "\\partial", "\\nabla", "\\hbar", "\\ell", "\\emptyset", "\\Re", "\\Im", "\\infty", "\\partial", "\\nabla", "\\ell"])
        if r < .95:
            return join(self.pick(["\\mathbf"] * 4 + ["\\mathcal"] * 4 + ["\\mathbb"] * 3 + ["\\mathfrak", "\\mathrm", "\\mathsf"]), self.group(self.pick(LETTERS[26:])))
        return self.styled()

    def styled(self):
        r = self.rng.random()
        if r < .3:
            return join("\\mathbf", self.group(self.pick(LETTERS + "xyzuvwxyzAWXI")))
        if r < .5:
            return join("\\mathcal", self.group(self.pick("LLLFFNNOHHDAXYSPTBCEGIJKMQRUVWZ")))
        if r < .68:
            return join("\\mathbb", self.group(self.pick(SETS)))
        if r < .74:
            return join("\\boldsymbol", self.group("\\" + self.pick(GREEK_USUAL)))
        if r < .78:
            return join("\\mathfrak", self.group(self.pick(LETTERS)))
        return self.accented()

    def accented(self):
        name = self.pick(["hat"] * 6 + ["bar"] * 5 + ["tilde"] * 5 + ["vec"] * 3 + ["dot"] * 3 + ["ddot", "widehat", "widetilde", "check", "breve"])
        inner = self.letter() if self.chance(.7) else self.greek()
        if self.chance(.12):
            inner = join("\\mathbf", self.group(self.letter()))
        return join("\\" + name, self.group(inner))

    def index(self, size):
        """What stands in a subscript."""
        r = self.rng.random()
        if size <= 1 or r < .62:
            return self.pick(INDEX) if self.chance(.8) else self.sign()
        if r < .72:
            return self.pick("ijkmn") + self.pick("jklmn12")
        if r < .82:
            return join(self.pick("ijknmtl"), self.pick("+-"), self.pick("1112"))
        if r < .88:
            return join(self.pick("ijkmn"), ",", self.pick("jklmn12"))
        if r < .93:
            word = self.pick(SUBWORDS)
            return join(self.pick(["\\text", "\\mathrm"]), self.group(word))
        if r < .96:
            return join(self.sign(), self.pick(["=", "\\in", "\\to", "<"]), self.pick(["0", "1", "\\infty", "X", "S", "N"]))
        return self.expression(min(size, 5))

    def power(self, size):
        r = self.rng.random()
        if size <= 1 or r < .5:
            return self.pick("222223nnkmp*T") if self.chance(.85) else self.sign()
        if r < .64:
            return join("-", self.pick("1112xnt"))
        if r < .7:
            return join("(", self.pick("ijknt012"), ")")
        if r < .76:
            return join(self.pick("nkm2"), self.pick("+-"), "1")
        if r < .8:
            return self.pick(["\\dagger", "\\ast", "\\top", "+", "-", "\\circ", "\\prime", "\\star", "\\perp"])
        if r < .84:
            return join("\\frac", self.group("1"), self.group(self.pick("23np")))
        return self.expression(min(size, 6))

    def scripted(self, base, size):
        r = self.rng.random()
        if r < .5:
            return base + "_" + self.group(self.index(size - 2))
        if r < .8:
            return base + "^" + self.group(self.power(size - 2))
        if r < .92:
            return base + "_" + self.group(self.index(size // 2 - 1)) + "^" + self.group(self.power(size // 2 - 1))
        return base + "'" * (1 + self.chance(.15)) + ("_" + self.group(self.index(1)) if self.chance(.25) else "")

    # --- parts with parts ---

    def enclosed(self, text, pair=None):
        left, right = pair or self.pick(PAIRS)
        tall = any(w in text for w in ("\\frac", "\\sum", "\\int", "\\prod", "\\binom", "\\begin"))
        if self.chance(.8 if tall else .1):
            return join("\\left" + left, text, "\\right" + right)
        return join(left, text, right)

    def fraction(self, size):
        part = max(1, (size - 1) // 2)
        up = self.expression(part) if part > 1 else self.pick([self.sign(), self.number()])
        down = self.expression(size - 1 - part) if part > 1 else self.pick([self.sign(), self.number()])
        if self.chance(.08):
            x = self.letter()
            d = self.pick(["d", "\\partial", "\\mathrm{d}", "\\partial"])
            return join("\\frac", self.group(join(d, self.pick(["", self.letter(), self.greek()]))), self.group(join(d, x)))
        return join("\\frac", self.group(up), self.group(down))

    def big(self, size):
        r = self.rng.random()
        if r < .5:
            name = self.pick(["\\sum"] * 6 + ["\\prod"] * 2 + ["\\bigcup", "\\bigcap", "\\bigoplus", "\\coprod", "\\bigotimes"])
            i = self.pick("ijknmtls")
            limits = r < .42 and size > 5
            low = join(i, "=", self.pick("01112")) if self.chance(.7) else self.pick([i, join(i, "\\in", self.pick(["S", "I", "V", "\\mathbb{Z}"])), join(i, "<", "j"), join(i, "\\neq", "j")])
            high = self.pick(["n", "N", "m", "\\infty", "K", "k", "M", "d", "T", join("n", "-", "1")])
            head = name + ("_" + self.group(low) + ("^" + self.group(high) if "=" in low or self.chance(.1) else "") if limits else ("_" + self.pick("ijkn") if self.chance(.7) else ""))
            return join(head, self.term(max(1, size - 7)))
        if r < .85:
            name = self.pick(["\\int"] * 8 + ["\\oint", "\\iint"])
            v = self.pick("xtsyzuruv")
            low = self.pick(["0", "0", "a", "-\\infty", "\\Omega", "\\mathbb{R}", "1", "S", "D"])
            high = self.pick(["1", "\\infty", "\\infty", "b", "t", "T", "x", "2\\pi", "\\pi"])
            head = name + ("" if self.chance(.25) else "_" + self.group(low) + ("^" + self.group(high) if not low.startswith("\\") and self.chance(.85) else ""))
            return join(head, self.term(max(1, size - 7)), self.pick(["", "\\,"]), self.pick(["d", "d", "\\mathrm{d}"]), v)
        name = self.pick(["\\lim", "\\lim", "\\max", "\\min", "\\sup", "\\inf", "\\limsup", "\\liminf", "\\arg\\min", "\\arg\\max"])
        under = self.pick([join(self.letter(), "\\to", self.pick(["0", "\\infty", "a"])), join(self.letter(), "\\in", self.pick(["X", "\\mathbb{R}", "S", "\\Omega", "\\mathcal{X}"])), self.letter(), self.greek()])
        return join(name + ("_" + self.group(under) if size > 4 else ""), self.term(max(1, size - 6)))

    def function(self, size):
        r = self.rng.random()
        if r < .42:
            head = self.letter() if self.chance(.75) else self.sign()
            if size > 6 and self.chance(.4):
                head = self.scripted(head, 3)
                size -= 2
            inner = self.list_of(size - 3)
            return head + self.enclosed(inner, ("(", ")") if self.chance(.9) else ("[", "]"))
        if r < .85:
            name = "\\" + self.pick(latex.FUNCTIONS) if self.chance(.3) else self.pick(["\\sin", "\\cos", "\\log", "\\exp", "\\ln", "\\tan", "\\max", "\\min", "\\det"])
            if self.chance(.12):
                name += "^2"
            return join(name, self.enclosed(self.list_of(size - 3), ("(", ")")) if size > 3 and self.chance(.6) else self.factor(max(1, min(size - 1, 4))))
        return join("\\operatorname", self.group(self.pick(NAMES)), self.enclosed(self.list_of(size - 5), ("(", ")")) if self.chance(.8) else self.sign())

    def list_of(self, size):
        if size > 3 and self.chance(.3):
            n = 3 if size > 6 and self.chance(.2) else 2
            return (" , " if self.chance(.93) else " ; ").join(self.expression(max(1, size // n - 1)) for _ in range(n))
        if size > 4 and self.chance(.05):
            return join(self.sign(), "\\mid", self.sign())
        return self.expression(max(1, size))

    def row(self, size):
        x = self.pick("xyzabuvXn")
        n = self.pick(["n", "m", "N", "k", "d"])
        dots = self.pick(["\\ldots", "\\ldots", "\\cdots", "\\dots"])
        op = self.pick([",", ",", ",", "+", "\\times"])
        if op != ",":
            dots = "\\cdots"
        return join(x + "_1", op, x + "_2" if size > 9 else "", op if size > 9 else "", dots, op, x + "_" + n)

    def root(self, size):
        index = "[" + self.pick("3n4k") + "]" if self.chance(.15) else ""
        return "\\sqrt" + index + self.group(self.expression(max(1, size - 1)))

    def factor(self, size):
        """One factor of about `size` tokens."""
        if size <= 1:
            return self.sign() if self.chance(.9) else self.number()
        if size == 2:
            return self.pick([self.accented, self.styled, lambda: self.scripted(self.letter(), 3), lambda: join(self.pick("2234"), self.sign()), lambda: self.sign() + "'"])()
        r = self.rng.random()
        if size <= 4:
            if r < .68:
                return self.scripted(self.sign(), size)
            if r < .82:
                return self.function(size)
            if r < .9:
                return self.fraction(size)
            return self.root(size) if r < .94 else self.enclosed(self.expression(size - 2))
        if r < .26:
            return self.fraction(size)
        if r < .42:
            return self.big(size)
        if r < .66:
            return self.function(size)
        if r < .72:
            return self.root(size)
        if r < .86:
            text = self.enclosed(self.list_of(size - 2))
            return text + "^" + self.group(self.power(1)) if self.chance(.25) else text
        if r < .92:
            return self.scripted(self.sign(), size)
        if r < .94:
            return join("\\binom", self.group(self.pick(["n", "m", "N", "n+1"])), self.group(self.pick(["k", "i", "j", "r"])))
        if r < .97 and size >= 7:
            return self.row(size)
        name = self.pick(["overline", "overline", "underline", "widehat", "widetilde"])
        return join("\\" + name, self.group(self.expression(max(1, min(size - 3, 4)))))

    def term(self, size):
        """Factors side by side."""
        if size <= 2 or self.chance(.45):
            return self.factor(size)
        part = self.rng.randrange(1, size)
        op = self.pick([""] * 10 + ["\\cdot"] * 2 + ["\\times", "\\otimes", "\\circ", "/", "\\,"])
        return join(self.factor(part), op, self.term(size - part))

    def expression(self, size, first=True):
        """Terms with signs between; a later one opens with no sign of its own."""
        if size <= 2 or self.chance(.35):
            return join("-" if first and size > 1 and self.chance(.06) else "", self.term(size))
        part = self.rng.randrange(1, size - 1)
        op = self.pick(["+"] * 30 + ["-"] * 27 + ["\\pm"] * 3 + ["\\mp", "\\cup", "\\cap", "\\oplus", "\\wedge", "\\vee", "\\setminus", "\\ast"])
        if self.chance(.02):
            op = "\\" + self.pick(latex.BINARY)
        return join(self.term(part), op, self.expression(size - part - 1, first=False))

    # --- whole formulas ---

    def relation(self, size, left=None):
        rel = "\\" + self.pick(latex.RELATION) if self.chance(.05) else self.pick(RELATIONS)
        part = max(1, min(size - 2, int(size * self.rng.choice([.15, .2, .3, .4, .5]))))
        if self.chance(.1) and size > 12:
            third = (size - 2) // 3
            return join(self.expression(third), rel, self.expression(third), rel, self.expression(third))
        return join(left if left is not None else self.expression(part), rel, self.expression(max(1, size - part - 1)))

    def matrix(self, size):
        kind = self.pick(["pmatrix", "bmatrix", "bmatrix", "vmatrix", "matrix"])
        rows, columns = self.rng.choice([(2, 2), (2, 2), (2, 1), (3, 1), (3, 3), (2, 3), (1, 3)])
        cell = max(1, size // (rows * columns * 2) - 1)
        dots = rows == 3 and columns == 3 and self.chance(.35)

        def one(r, c):
            if dots and (r == 1 or c == 1):
                return "\\ddots" if r == c else "\\vdots" if r == 1 else "\\cdots"
            if cell == 1:
                return self.pick([self.number, self.sign, lambda: self.scripted(self.letter(), 3)])()
            return self.expression(cell)
        body = " \\\\ ".join(" & ".join(one(r, c) for c in range(columns)) for r in range(rows))
        return "\\begin{%s} %s \\end{%s}" % (kind, body, kind)

    def cases(self, size):
        rows = 2 if size < 40 or self.chance(.7) else 3
        each = max(2, (size - 8) // rows - 3)

        def condition(last):
            if last and self.chance(.5):
                return "\\text{otherwise}"
            text = self.relation(max(3, each // 2))
            return join(self.pick(["\\text{if }", "\\text{for }", "", "\\text{if }"]), text)
        body = " \\\\ ".join("%s%s & %s" % (self.expression(max(1, each // 2)), self.pick(["", ","]), condition(i == rows - 1)) for i in range(rows))
        return join(self.function(4), "=", "\\begin{cases} %s \\end{cases}" % body)

    def aligned(self, size):
        rows = 2 if size < 30 else 3
        each = max(3, size // rows - 2)
        first = join(self.expression(each // 3), "&", "=", self.expression(each - each // 3))
        rest = [join(self.pick(["", "", self.expression(max(1, each // 3))]), "&", self.pick(["=", "=", "\\leq", "\\quad +"]), self.expression(each - 2)) for _ in range(rows - 1)]
        return "\\begin{aligned} %s \\end{aligned}" % " \\\\ ".join([first] + rest)

    def formula(self, size):
        r = self.rng.random()
        if size <= 3:
            return self.factor(size) if self.chance(.8) else self.expression(size)
        if size >= 14:
            if r < .05:
                return join(self.pick([self.sign() + " =", "", self.function(4) + "="]), self.matrix(size - 4))
            if r < .08:
                return self.cases(size)
            if r < .11:
                return self.aligned(size)
            if r < .15:
                text = self.relation(max(3, size - 7))
                return join(text, self.pick([",", ""]), self.pick(["\\quad", "\\qquad", "\\;"]), self.pick(["\\text{%s}\\ " % self.pick(WORDS), "\\forall ", ""]), self.relation(5))
        if r < .78:
            return self.relation(size)
        return self.expression(size)


def formula(rng, size):
    return Maker(rng).formula(size)


def one(rng, low, high, median):
    """(source, canonical tokens) with low..high tokens, lengths about log-normal round the median."""
    while True:
        size = min(high, max(low, int(rng.lognormvariate(0, .6) * median)))
        source = formula(rng, size)
        try:
            tokens = latex.canonical(source)
        except latex.Unreadable:
            continue
        if low <= len(tokens) <= min(high, max(size * 1.5, size + 4)) and all(t in latex.KNOWN or t == "&" for t in tokens):
            return source, tokens
