"""Tables as Markdown, LaTeX (booktabs) and HTML."""
import html
import re
from typing import Sequence

from runs.tables.layout import MINUS, NOTHING, PLUS_MINUS, TOTALS, Table

MOST_COLUMNS = 5  # of a table that a telephone has room for
_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", PLUS_MINUS: r"$\pm$",
    MINUS: r"$-$", NOTHING: "--", "<": "$<$", ">": "$>$",
}
_LATEX.update((character, "\\" + character) for character in "&%$#_{}")


def markdown(table: Table) -> str:
    """A table of GitHub's Markdown under a heading; small print goes to a second line of its cell."""
    def line(cells):
        return "| %s |" % " | ".join(cells)

    def text_of(cell):
        text = _markdown_escape(cell.text)
        text = "**%s**" % text if cell.best else text
        return text + "<br>" + _markdown_escape(cell.detail) if cell.detail else text

    lines = ["### " + _markdown_escape(table.title), "", line(map(_markdown_escape, table.header))]
    lines.append(line(["---"] + ["---:"] * (len(table.header) - 1)))
    lines += [line(map(text_of, row)) for row in table.rows]
    for note in table.notes:
        lines += ["", _markdown_escape(note)]
    return "\n".join(lines) + "\n"


def latex(table: Table) -> str:
    """A table environment; needs the package booktabs. Small print stands in a line of its own below a row."""
    def line(cells):
        return " & ".join(cells) + r" \\"

    def text_of(cell):
        text = latex_escape(cell.text)
        return r"\textbf{%s}" % text if cell.best else text

    lines = [r"\begin{table}", r"\centering", r"\caption{%s}" % latex_escape(table.title)]
    lines += [r"\begin{tabular}{l%s}" % ("r" * (len(table.header) - 1)), r"\toprule"]
    lines += [line(map(latex_escape, table.header)), r"\midrule"]
    for row in table.rows:
        lines += [r"\midrule"] if row[0].text in TOTALS else []
        lines.append(line(map(text_of, row)))
        if any(cell.detail for cell in row):
            details = (r"{\scriptsize %s}" % latex_escape(cell.detail) if cell.detail else "" for cell in row)
            lines.append(line(details))
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [r"\par\smallskip{\footnotesize %s}" % latex_escape(note) for note in table.notes]
    return "\n".join(lines + [r"\end{table}"]) + "\n"


def markdown_legend(texts: Sequence[str]) -> str:
    """What is told once, below all tables."""
    return "".join("\n%s\n" % _markdown_escape(text) for text in texts)


def latex_legend(texts: Sequence[str]) -> str:
    """What is told once, below all tables."""
    return "".join("\n{\\footnotesize %s\\par}\n" % latex_escape(text) for text in texts)


def html_table(table: Table) -> str:
    """A table in a box that scrolls sideways when the page is narrow.

    A table of more than MOST_COLUMNS is of the class wide, and its cells tell their columns: where there is no room,
    they are listed row by row.
    """
    wide = len(table.header) > MOST_COLUMNS

    def cell(tag, index, text, css=""):
        label = ' data-label="%s"' % html.escape(table.header[index], quote=True)
        more = ' scope="row"' if index == 0 else wide * label
        return "<%s%s%s>%s</%s>" % (tag, more, css, text, tag)

    def text_of(value):
        detail = "<small>%s</small>" % html.escape(value.detail) if value.detail else ""
        return html.escape(value.text) + detail

    parts = ['<div class="scroll"><table%s>' % (wide * ' class="wide"')]
    parts.append("<caption>%s</caption>" % html.escape(table.title))
    parts.append("<thead><tr>%s</tr></thead>" % "".join('<th scope="col">%s</th>' % html.escape(name)
                                                       for name in table.header))
    parts.append("<tbody>")
    for row in table.rows:
        cells = [cell("td" if index else "th", index, text_of(value), ' class="best"' if value.best else "")
                 for index, value in enumerate(row)]
        parts.append("<tr%s>%s</tr>" % (' class="total"' if row[0].text in TOTALS else "", "".join(cells)))
    parts.append("</tbody></table></div>")
    parts += ['<p class="note">%s</p>' % html.escape(note) for note in table.notes]
    return "\n".join(parts)


def latex_escape(text: str) -> str:
    """Text with the characters that LaTeX gives a meaning to written out."""
    return "".join(_LATEX.get(character, character) for character in text)


def _markdown_escape(text: str) -> str:
    return re.sub(r"([\\|*_<`\[\]])", r"\\\1", text)
