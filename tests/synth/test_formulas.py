# SPDX-License-Identifier: Apache-2.0
"""The parts of the formula generator and of the trainer that need nothing but Python: spelling, grammar, vocabulary, curve."""
import hashlib
import os
import random
import sys
import unittest
import xml.dom.minidom

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "corpora", "synth"), os.path.join(ROOT, "engine", "training")]
sys.dont_write_bytecode = True
import aims  # noqa: E402
import curve  # noqa: E402
import grammar  # noqa: E402
import latex  # noqa: E402
import tokens  # noqa: E402

# What is drawn alike is spelled alike.
SAME = [
    (r"\frac{a}{b}", r"\dfrac ab", r"\frac ab", r"{\tfrac{a}b}"),
    (r"x_i^2", r"x^{2}_{i}", r"x^2_i", r"{x}_{i}^{2}", r"x_{{i}}^2"),
    (r"f'", r"f^{\prime}", r"f^\prime"),
    (r"f'_i", r"f^{\prime}_{i}", r"f_i'"),
    (r"\left( \frac{1}{2} \right)", r"(\frac12)", r"\bigl(\frac{1}{2}\bigr)"),
    (r"a \leq b", r"a\le b", r"a \leqslant b"),
    (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", r"\left(\begin{array}{cc} a & b \\ c & d \\ \end{array}\right)"),
    (r"\sum_{i=1}^n a_i", r"\sum\limits_{i=1}^{n} a_{i}", r"\displaystyle\sum^n_{i=1}\,a_i"),
    (r"\lim_{x\to 0}", r"\lim_{x \rightarrow 0}", r"\operatorname{lim}\limits_{x\to 0}"),
    (r"\mathbf{x}", r"\mathbf x", r"\bold{x}"),
    (r"\|x\|", r"\lVert x\rVert", r"\left\|x\right\|"),
    (r"a=b", r"\begin{equation} a = b, \label{eq:1} \end{equation}", r"$$a=b.$$", r"\[ a = b \]"),
    (r"x\to y", r"x \rightarrow y"),
    (r"\bar x", r"\overline{x}", r"\bar{x}"),
    (r"a\neq b", r"a \ne b", r"a \not= b"),
]
UNREADABLE = ["{", "}", r"\frac{a}", r"\begin{matrix}a", r"\end{matrix}", r"x_", "{" * 100 + "}" * 100]


class Spelling(unittest.TestCase):
    def test_one_spelling_per_meaning(self):
        for group in SAME:
            want = latex.canonical(group[0])
            for other in group[1:]:
                self.assertEqual(latex.canonical(other), want, other)

    def test_different_meanings_stay_apart(self):
        seen = {}
        for source in (r"x_i^2", r"x^{i2}", r"x_{i^2}", r"\frac{a}{bc}", r"\frac{a}{b}c", r"\bar{xy}", r"\bar x y", r"\sqrt{x}", r"\sqrt[3]{x}", r"\mathbf{x}",
                       r"\mathcal{X}", "X", "x", r"\phi", r"\varphi", "'"):
            key = tuple(latex.canonical(source))
            self.assertNotIn(key, seen, (source, seen.get(key)))
            seen[key] = source

    def test_what_is_no_formula(self):
        for source in UNREADABLE:
            with self.assertRaises(latex.Unreadable, msg=source):
                latex.canonical(source)

    def test_any_text_ends(self):
        rng = random.Random(5)
        signs = ["\\", "{", "}", "^", "_", "&", "a", " ", "\\frac", "\\sqrt", "[", "]", "\\begin{matrix}", "\\end{matrix}", "\\left", "\\text", "'", "$", "\\\\"]
        for _ in range(20000):
            text = "".join(rng.choice(signs) for _ in range(rng.randrange(12)))
            try:
                self.assertIsInstance(latex.canonical(text), list)
            except latex.Unreadable:
                pass


class Grammar(unittest.TestCase):
    def test_targets_are_canonical_and_known(self):
        rng, lengths, seen = random.Random(1), [], set()
        for _ in range(3000):
            source, target = grammar.one(rng, 1, 56, 13)
            self.assertEqual(latex.canonical(latex.source_of(target)), target, source)
            self.assertTrue(latex.KNOWN.issuperset(target), source)
            lengths.append(len(target))
            seen.update(target)
        self.assertTrue(11 < sum(lengths) / len(lengths) < 20, sum(lengths) / len(lengths))
        self.assertGreater(len(seen), 230)

    def test_same_seed_same_formulas(self):
        def digest():
            rng = random.Random("formulas/train/2/0")
            return hashlib.sha256("\n".join(grammar.one(rng, 1, 56, 13)[0] for _ in range(300)).encode()).hexdigest()
        self.assertEqual(digest(), digest())


class Tokens(unittest.TestCase):
    def test_vocabulary(self):
        self.assertEqual(len(set(tokens.ID.values())), len(latex.VOCABULARY))
        self.assertLess(max(tokens.ID.values()), tokens.ROWS)
        self.assertEqual(sorted(c for _, c in tokens.BYTES), sorted(set(tokens.byte_letters().values())))
        for token, i in tokens.ID.items():
            self.assertEqual(tokens.TOKEN[i], token)

    def test_text_of_an_answer_is_the_formula(self):
        rng = random.Random(3)
        for _ in range(1000):
            target = grammar.one(rng, 1, 40, 10)[1]
            self.assertEqual(latex.canonical("".join(tokens.spelled(t) for t in target)), target)


class Aims(unittest.TestCase):
    def test_tokens_find_their_characters(self):
        ids = [tokens.ID[t] for t in latex.canonical(r"x_i^2+\frac{\alpha}{b}")]
        # TeX sets the exponent before the index.
        self.assertEqual(aims.align(ids, [ord(c) for c in "x2i+αb"]), [0, 2, 2, 1, 1, 3, 4, 4, 5])
        self.assertEqual(aims.align([tokens.ID["a"]], []), [-1])


class Curve(unittest.TestCase):
    def test_edit_distance(self):
        for a, b, want in (("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)):
            self.assertEqual(curve.edit(a, b), want)

    def test_curve_is_a_picture(self):
        import tempfile
        rows = [dict(minutes=m, loss=3 - m / 5, token_accuracy=m / 10, test_exact=0, test_edit=1) for m in range(8)]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "curve.svg")
            curve.draw(rows, path)
            self.assertEqual(len(xml.dom.minidom.parse(path).getElementsByTagName("polyline")), 4)


if __name__ == "__main__":
    unittest.main(verbosity=1)
