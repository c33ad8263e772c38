# SPDX-License-Identifier: Apache-2.0
"""One spelling per meaning: LaTeX math to a list of canonical tokens, and back to source.

Rules: spacing, sizes of delimiters, \\limits and \\displaystyle say nothing and go; aliases have one name; primes come
before the subscript and that before the superscript; an argument of one token has no braces, any other has; alignments
are aligned, cases or a matrix. canonical(source) is idempotent, and source_of(tokens) is LaTeX that says the same.
Shared by the generator (targets), the trainer (vocabulary) and the scorer (both sides of a comparison).
"""
import re

GREEK = """alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho varrho
sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega""".split()
BINARY = """pm mp times cdot ast circ bullet cup cap vee wedge oplus otimes ominus odot setminus sqcup sqcap div star dagger
uplus diamond""".split()
RELATION = """leq geq neq equiv sim simeq approx cong propto ll gg in notin ni subset subseteq supset supseteq subsetneq mid
parallel perp to leftarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow mapsto prec succ preceq succeq vdash models
asymp doteq lesssim gtrsim longrightarrow uparrow downarrow hookrightarrow rightharpoonup rightleftharpoons triangleq""".split()
MISC = """infty partial nabla forall exists emptyset hbar ell Re Im aleph angle triangle neg ldots cdots vdots ddots
top bot square colon imath jmath therefore because checkmark degree""".split()
BIG = "sum prod coprod int oint iint iiint bigcup bigcap bigoplus bigotimes bigvee bigwedge".split()
FUNCTIONS = """sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln lg exp lim max min sup inf limsup liminf arg
det dim ker deg gcd Pr hom""".split()
DELIMITERS = ["\\{", "\\}", "\\langle", "\\rangle", "\\lfloor", "\\rfloor", "\\lceil", "\\rceil", "\\|", "\\backslash"]
ACCENTS = "hat bar tilde vec dot ddot overline underline check breve overrightarrow overbrace underbrace".split()
FONTS = "mathbf mathcal mathbb mathfrak mathrm boldsymbol mathsf".split()
# command: how many arguments
ARGUMENTS = dict({n: 1 for n in ACCENTS + FONTS + ["sqrt", "sqrt[", "text", "operatorname", "boxed", "phantom", "tag"]},
                 frac=2, binom=2, overset=2, underset=2)
ENVIRONMENTS = "matrix pmatrix bmatrix vmatrix cases aligned".split()

ALIAS = {"le": "leq", "ge": "geq", "ne": "neq", "rightarrow": "to", "gets": "leftarrow", "lbrace": "\\{", "rbrace": "\\}",
         "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom", "land": "wedge", "lor": "vee",
         "lnot": "neg", "widehat": "hat", "widetilde": "tilde", "owns": "ni", "iff": "Leftrightarrow", "implies": "Rightarrow",
         "Longrightarrow": "Rightarrow", "Longleftrightarrow": "Leftrightarrow", "longleftrightarrow": "leftrightarrow",
         "longmapsto": "mapsto", "leqslant": "leq", "geqslant": "geq", "leqq": "leq", "geqq": "geq", "varnothing": "emptyset",
         "bm": "boldsymbol", "mathbi": "boldsymbol", "bold": "mathbf", "textbf": "mathbf", "mathscr": "mathcal", "Bbb": "mathbb",
         "frak": "mathfrak", "textrm": "text", "mbox": "text", "textnormal": "text", "textup": "text", "textit": "text",
         "hbox": "text", "mathit": "", "mathnormal": "", "dots": "ldots", "dotsc": "ldots", "dotsb": "cdots", "dotsm": "cdots",
         "dotsi": "cdots", "hslash": "hbar", "lVert": "\\|", "rVert": "\\|", "Vert": "\\|", "lvert": "|", "rvert": "|", "vert": "|",
         "lbrack": "[", "rbrack": "]", "smallsetminus": "setminus", "thicksim": "sim", "thickapprox": "approx", "varpropto": "propto",
         "mathop": "", "mathrel": "", "mathbin": "", "mathord": "", "mathopen": "", "mathclose": "", "mathpunct": "", "mathinner": "",
         "ensuremath": "", "mathstrut": "", "cdotp": "cdot", "dag": "dagger", "Box": "square", "prime": "'", "stackrel": "overset",
         "overleftarrow": "overline", "colon": ":", "textsf": "mathsf", "pmb": "boldsymbol", "rm": "", "bf": "", "it": "", "cal": "",
         "lt": "<", "gt": ">", "slash": "/", "thetaup": "theta", "grad": "nabla", "mathring": "dot", "lim sup": "limsup"}
DROPPED = set("""left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm quad qquad , ; : !
limits nolimits displaystyle textstyle scriptstyle scriptscriptstyle displaylimits nonumber notag hfill thinspace enspace
medspace thickspace negthinspace allowbreak relax hskip noindent null strut centering protect mathstrut hline""".split()) | {" ", ">", "\n", "/"}
WITH_LENGTH = {"hspace", "vspace", "mspace", "label", "phantom", "hphantom", "vphantom", "tag", "raisebox", "color", "hspace*", "ref", "eqref"}
ENV_ALIAS = {"array": "matrix", "smallmatrix": "matrix", "align": "aligned", "align*": "aligned", "split": "aligned",
             "gathered": "aligned", "gather": "aligned", "gather*": "aligned", "eqnarray": "aligned", "eqnarray*": "aligned",
             "equation": "", "equation*": "", "displaymath": "", "math": "", "multline": "aligned", "multline*": "aligned",
             "alignedat": "aligned", "dcases": "cases", "rcases": "cases", "Vmatrix": "vmatrix", "Bmatrix": "matrix", "subarray": "matrix"}

PLAIN = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-=<>()[]|/,.;:!'*?%~\"@#$`")
# "^", "_", braces, row ends and structure
VOCABULARY = (["{", "}", "^", "_", "\\\\", "&", " "] + PLAIN + DELIMITERS +
              ["\\" + n for n in GREEK + BINARY + RELATION + MISC + BIG + FUNCTIONS + list(ARGUMENTS)] +
              ["\\%s{%s}" % (w, n) for n in ENVIRONMENTS for w in ("begin", "end")])
KNOWN = set(VOCABULARY)

PIECE = re.compile(r"\\([A-Za-z]+\*?)|\\(.)|(\s+)|(.)", re.S)


class Unreadable(ValueError):
    """What cannot be made canonical: unbalanced braces, an argument that is missing."""


def pieces(source):
    """Commands and characters, white space only inside text (marked by a leading space)."""
    out = []
    for m in PIECE.finditer(re.sub(r"(?<!\\)%.*", "", source)):
        if m.group(1):
            name = m.group(1)
            out.append("\\" + (name if name in ("operatorname*",) or not name.endswith("*") else name[:-1]))
        elif m.group(2):
            out.append("\\" + ("\\" if m.group(2) == "\\" else m.group(2)))
        elif m.group(3):
            out.append(" ")
        else:
            out.append(m.group(4))
    return out


class Reader:
    """Recursive descent over pieces. Every method returns a list of canonical tokens."""

    def __init__(self, source):
        self.items, self.at, self.depth = pieces(source), 0, 0

    def peek(self):
        return self.items[self.at] if self.at < len(self.items) else None

    def blanks(self):
        while self.peek() == " " or self.peek() == "~":
            self.at += 1

    def raw_group(self):
        """The text of {...} as it stands, or one piece."""
        self.blanks()
        if self.peek() != "{":
            item, self.at = self.peek() or "", self.at + 1
            return item
        out, level = "", 0
        while self.at < len(self.items):
            item = self.items[self.at]
            self.at += 1
            level += (item == "{") - (item == "}")
            if level == 0:
                return out[1:]
            out += item + (" " if re.match(r"\\[A-Za-z]", item) and self.peek() and re.match("[A-Za-z]", self.peek()) else "")
        raise Unreadable("a group is not closed")

    def argument(self):
        """An argument's tokens, braced when there is not exactly one."""
        self.blanks()
        if self.peek() is None:
            raise Unreadable("an argument is missing")
        if self.peek() == "{":
            self.at += 1
            tokens = self.run("}")
            self.at += 1
        elif self.peek() in ("^", "_", "&", "\\\\", "}"):
            raise Unreadable("an argument is missing")
        else:
            tokens = self.atom()
            if not tokens:
                return self.argument()
        return braced(tokens)

    def run(self, stop=None):
        """Everything up to `stop`, scripts attached in their order."""
        self.depth += 1
        if self.depth > 60:
            raise Unreadable("nested too deeply")
        out = []
        while True:
            item = self.peek()
            if item is None:
                if stop:
                    raise Unreadable("no %s" % stop)
                break
            if item == stop:
                break
            if item == "}":
                raise Unreadable("a closing brace too many")
            out += self.scripts() if item in ("^", "_", "'") else self.atom()
        self.depth -= 1
        return out

    def scripts(self):
        primes, lower, upper = 0, None, None
        while True:
            self.blanks()
            item = self.peek()
            if item == "'":
                self.at += 1
                primes += 1
            elif item == "_" or item == "^":
                self.at += 1
                tokens = self.argument()
                plain = tokens[1:-1] if tokens[0] == "{" else tokens
                if item == "^" and plain and all(t == "'" for t in plain):
                    primes += len(plain)
                elif item == "_":
                    lower = (lower or []) + plain
                else:
                    upper = (upper or []) + plain
            elif item in ("\\limits", "\\nolimits", "\\displaylimits"):
                self.at += 1
            else:
                break
        return (["'"] * primes + (["_"] + braced(lower) if lower else []) + (["^"] + braced(upper) if upper else []))

    def atom(self):
        item = self.items[self.at]
        self.at += 1
        if item in (" ", "~", "$"):
            return []
        if item == "{":
            tokens = self.run("}")
            self.at += 1
            return tokens
        if item == "&":
            return ["&"]
        if not item.startswith("\\"):
            return [item]
        return self.command(item[1:])

    def command(self, name):
        if name == "\\":
            self.blanks()
            if self.peek() == "[":
                while self.peek() not in ("]", None):
                    self.at += 1
                self.at += 1
            return ["\\\\"]
        if name in DROPPED or name.rstrip("*") in WITH_LENGTH:
            if name.rstrip("*") in WITH_LENGTH:
                self.raw_group()
            elif name in ("left", "right", "middle") or name.lower().startswith("big") and name not in BIG:
                self.blanks()
                if self.peek() == ".":
                    self.at += 1
            return []
        if name == "begin":
            return self.environment()
        if name == "end":
            raise Unreadable("an end without its begin")
        if name in ("operatorname", "operatorname*"):
            word = "".join(self.raw_group().split()).replace("\\,", "")
            word = re.sub(r"\\[a-zA-Z]+|[{}]", "", word)
            return ["\\" + word] if word in FUNCTIONS else ["\\operatorname"] + braced(list(word))
        if name in ("xrightarrow", "xleftarrow"):
            return ["\\overset"] + self.argument() + ["\\to" if name[1] == "r" else "\\leftarrow"]
        if name == "not":
            tokens = self.argument()
            return {"=": ["\\neq"], "\\in": ["\\notin"]}.get(tokens[0], tokens)
        if name == "pmod":
            return ["(", "\\operatorname", "{", "m", "o", "d", "}"] + unbraced(self.argument()) + [")"]
        if name in ("bmod", "mod"):
            return ["\\operatorname", "{", "m", "o", "d", "}"]
        if name == "substack":
            return unbraced(self.argument())
        if name in ("{", "}", "|", "%", "#", "$", "&", "_"):
            return ["\\" + name] if name in "{}|" else [name]
        alias = ALIAS.get(name, name)
        if alias == "text" or alias == "mathrm":
            return self.words(alias)
        if alias == "":
            return []
        if alias == "sqrt":
            self.blanks()
            if self.peek() == "[":
                self.at += 1
                index = unbraced(self.run("]"))
                self.at += 1
                return ["\\sqrt["] + index + ["]"] + self.argument()
        if len(alias) == 1 or alias.startswith("\\"):
            return [alias]
        if alias == "overline" or alias == "bar":
            tokens = self.argument()
            return ["\\bar" if len(tokens) == 1 else "\\overline"] + tokens
        out = ["\\" + alias]
        for _ in range(ARGUMENTS.get(alias, 0)):
            argument = self.argument()
            out += ["{", "[", "}"] if argument == ["["] else argument  # a bracket alone would look like a root's index
        return out

    def words(self, alias):
        text = re.sub(r"\\[a-zA-Z]+\s*|\\.|[{}$]", lambda m: " " if m.group() in ("\\ ", "\\,", "\\;", "\\quad") else "", self.raw_group())
        plain = text.strip()
        if alias == "mathrm" and plain in FUNCTIONS:
            return ["\\" + plain]
        text = re.sub(r"\s+", " " if alias == "text" else "", text.replace("~", " ")).strip()
        return ["\\" + alias] + braced(list(text)) if text else []

    def environment(self):
        name = self.raw_group().strip()
        kind = ENV_ALIAS.get(name, name)
        if name in ("array", "alignedat", "subarray"):
            self.raw_group()
        body = []
        while True:
            if self.peek() is None:
                raise Unreadable("\\begin{%s} is not closed" % name)
            if self.peek() == "\\end":
                self.at += 1
                self.raw_group()
                break
            body += self.scripts() if self.peek() in ("^", "_", "'") else self.atom()
        while body and body[-1] == "\\\\":
            body.pop()
        if kind not in ENVIRONMENTS:
            return body
        if kind == "aligned" and "\\\\" not in body:
            return [t for t in body if t != "&"]
        if kind == "aligned":
            body = [t for t in body if t != "&"]
        return ["\\begin{%s}" % kind] + body + ["\\end{%s}" % kind]


def unbraced(tokens):
    return tokens[1:-1] if tokens and tokens[0] == "{" and tokens[-1] == "}" else tokens


def braced(tokens):
    if len(tokens) == 1 and not (tokens[0].lstrip("\\") in ARGUMENTS and tokens[0].startswith("\\")):
        return list(tokens)
    return ["{"] + list(tokens) + ["}"]


DELIMITED = {("(", "\\begin{matrix}", "\\end{matrix}", ")"): "pmatrix", ("[", "\\begin{matrix}", "\\end{matrix}", "]"): "bmatrix",
             ("|", "\\begin{matrix}", "\\end{matrix}", "|"): "vmatrix"}


def named_matrices(tokens):
    """( matrix ) is a pmatrix: the delimiters are drawn alike."""
    opened, out = [], []
    for i, t in enumerate(tokens):
        out.append(t)
        if t == "\\begin{matrix}":
            opened.append(len(out) - 1)
        elif t == "\\end{matrix}" and opened:
            start = opened.pop()
            after = tokens[i + 1] if i + 1 < len(tokens) else None
            kind = DELIMITED.get((out[start - 1] if start else None, "\\begin{matrix}", t, after))
            if kind:
                out[start], out[-1] = "\\begin{%s}" % kind, "\\end{%s}" % kind
                out[start - 1] = None
                out.append(False)
    clean, skip = [], False
    for t in out:
        if t is False:
            skip = True
        elif t is not None:
            if not skip:
                clean.append(t)
            skip = False
    return clean


def canonical(source):
    """Canonical tokens of LaTeX math; raises Unreadable."""
    source = re.sub(r"^\s*(\$\$?|\\\[|\\\()|(\$\$?|\\\]|\\\))\s*$", "", source.strip())
    reader = Reader(source)
    tokens = reader.run()
    while tokens and tokens[-1] in (",", ".", ";", "\\\\"):
        tokens.pop()
    return named_matrices(tokens)


def source_of(tokens):
    """LaTeX of canonical tokens: a space only where a command would swallow a letter."""
    out = ""
    for t in tokens:
        if re.search(r"\\[A-Za-z]+$", out) and re.match("[A-Za-z]", t):
            out += " "
        out += t
    return out
