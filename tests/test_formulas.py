"""Formulas stand in the text once, as TeX."""

import pytest

from cleantext.html import read_html
from cleantext.html.formulas import with_formulas

TEX = '<annotation encoding="application/x-tex">{}</annotation>'
MATH = "<math><semantics><mrow><msup><mi>a</mi><mn>2</mn></msup></mrow>" + TEX.format("a^2") + "</semantics></math>"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (f"面积{MATH}。", "面积$a^2$。"),
        (
            f"<span class=katex><span class=katex-mathml>{MATH}</span><span class='katex-html' aria-hidden=true><span>a<span>2</span></span></span></span>。",
            "$a^2$。",
        ),
        (
            "高<span class='MathJax_Preview'></span><span class='MathJax'><span>h</span></span><script type='math/tex'>h</script>米",
            "高$h$米",
        ),
        ("高<mjx-container><svg></svg><mjx-assistive-mml><math><mi>h</mi></math></mjx-assistive-mml></mjx-container>米", "高$h$米"),
        ("用<img class='mwe-math-fallback-image-inline' alt='{\\displaystyle z_{R}}'>表示", "用$z_{R}$表示"),
        ("用<span class='ztext-math' data-tex='x&lt;1'><span>x<1</span></span>表示", "用$x<1$表示"),
        ("<math alttext='1.33\\times 10^{-4}'><mn>1.33</mn></math>", "$1.33\\times 10^{-4}$"),
        ("<math><mfrac><mn>1</mn><mi>n</mi></mfrac></math>", "$\\frac{1}{n}$"),
        ("<math><msqrt><msub><mi>x</mi><mn>1</mn></msub></msqrt></math>", "$\\sqrt{x_{1}}$"),
        ("误差 10<sup>-4</sup>，共 2<sup>10</sup> 个", "误差 10^-4，共 2^10 个"),
        ("据记载<sup>[3]</sup>，1987年<sup>2</sup>", "据记载[3]，1987年2"),
        ("<img src=a.png alt='河边'>河", "河"),
    ],
)
def test_formula(html, text):
    assert read_html(f"<p>{html}</p>").text == text


def test_no_formula_no_change():
    assert with_formulas(html := "<p>没有公式</p>") is html


@pytest.mark.parametrize(
    "broken", ["<math>", "<math></math>", "<span class=katex-html>x", "<mjx-container>", "<math><mfrac><mi>a</mi></math>"]
)
def test_broken_formulas_raise_nothing(broken):
    read_html(f"<p>甲{broken}乙</p>")
