"""Tables as Markdown, LaTeX and HTML."""
import xml.etree.ElementTree

import pytest

pytest.importorskip("pandas")

from runs.tables.layout import MACRO, Cell, Table  # noqa: E402
from runs.tables.render import (  # noqa: E402
    MOST_COLUMNS,
    html_table,
    latex,
    latex_escape,
    latex_legend,
    markdown,
    markdown_legend,
)

TABLE = Table(
    "Accuracy, %",
    ["task", "a_1", "b|2"],
    [
        [Cell("rating_books"), Cell("51.4 ± 8.5", "[46.5, 56.0] n=10", True), Cell("–")],
        [Cell(MACRO), Cell("1 < 2"), Cell("−0.5")],
    ],
    ["a & b"],
)


def test_markdown():
    assert markdown(TABLE) == (
        "### Accuracy, %\n"
        "\n"
        "| task | a\\_1 | b\\|2 |\n"
        "| --- | ---: | ---: |\n"
        "| rating\\_books | **51.4 ± 8.5**<br>\\[46.5, 56.0\\] n=10 | – |\n"
        "| macro average | 1 \\< 2 | −0.5 |\n"
        "\n"
        "a & b\n"
    )


def test_latex():
    assert latex(TABLE) == (
        "\\begin{table}\n\\centering\n\\caption{Accuracy, \\%}\n\\begin{tabular}{lrr}\n\\toprule\n"
        "task & a\\_1 & b|2 \\\\\n\\midrule\n"
        "rating\\_books & \\textbf{51.4 $\\pm$ 8.5} & -- \\\\\n"
        " & {\\scriptsize [46.5, 56.0] n=10} &  \\\\\n"
        "\\midrule\n"
        "macro average & 1 $<$ 2 & $-$0.5 \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\par\\smallskip{\\footnotesize a \\& b}\n\\end{table}\n"
    )


def test_cells_of_wide_tables_tell_their_columns():
    header = ["models"] + ["column \"%d\"" % number for number in range(MOST_COLUMNS)]
    wide = html_table(Table("t", header, [[Cell("a")] + [Cell("1")] * MOST_COLUMNS]))
    root = xml.etree.ElementTree.fromstring(wide)
    assert root.find("table").get("class") == "wide"
    assert [cell.get("data-label") for cell in root.iter("td")] == header[1:]
    narrow = html_table(TABLE)
    assert "wide" not in narrow and "data-label" not in narrow


def test_legends():
    assert markdown_legend(["a | b", "c"]) == "\na \\| b\n\nc\n" and markdown_legend([]) == ""
    assert latex_legend(["5 %"]) == "\n{\\footnotesize 5 \\%\\par}\n"


def test_latex_escapes_each_character_once():
    assert latex_escape("\\a{b}_%$#^~") == (
        "\\textbackslash{}a\\{b\\}\\_\\%\\$\\#\\textasciicircum{}\\textasciitilde{}"
    )


def test_html():
    page = html_table(TABLE._replace(title="<script>"))
    tree = xml.etree.ElementTree.fromstring("<div>%s</div>" % page)  # every tag is closed
    rows = tree.findall(".//tbody/tr")
    assert [cell.tag for cell in rows[0]] == ["th", "td", "td"] and rows[0][1].get("class") == "best"
    assert rows[0][1].find("small").text == "[46.5, 56.0] n=10" and rows[1].get("class") == "total"
    assert tree.find(".//caption").text == "<script>" and "<script>" not in page
    assert [cell.text for cell in tree.findall(".//thead/tr/th")] == ["task", "a_1", "b|2"]
