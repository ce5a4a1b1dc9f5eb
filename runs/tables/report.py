"""The report: one HTML file that holds its images and needs no scripts, no network and no other file."""
import base64
import collections
import html
from typing import Iterable, List, NamedTuple, Sequence

from runs.tables.render import html_table

LEAST = 0.65  # of an image's width: on a narrow screen it shrinks so far, then it scrolls sideways
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; max-width: 1200px; margin: 0 auto;
  padding: 12px 16px 48px; }
h1 { font-size: 1.5em; margin: .6em 0 .3em; } h2 { font-size: 1.2em; margin: 1.8em 0 .5em;
  border-bottom: 1px solid #ccc; padding-bottom: .2em; }
nav a { margin-right: 1em; white-space: nowrap; }
.tables { display: flex; flex-wrap: wrap; gap: 0 36px; }
.box { max-width: 100%; min-width: 0; }
.scroll { overflow-x: auto; margin: 1em 0 .3em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3em 0; }
th, td { padding: .3em .45em; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
thead th, table.wide th[scope=row] { white-space: normal; }
th[scope=row], th[scope=col]:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
thead th { border-bottom: 2px solid #888; vertical-align: bottom; }
td small, th small { display: block; white-space: normal; color: #666; font-size: .74em; font-weight: 400; }
tr.total > * { border-top: 2px solid #888; }
td.best { font-weight: 700; background: #eef5fb; }
.note { color: #555; font-size: .88em; margin: .2em 0 1em; max-width: 60ch; }
.images { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; overflow-x: auto; margin-top: 12px; }
.images img { max-width: 100%; height: auto; }
details { margin: .4em 0; } summary { cursor: pointer; padding: .25em 0; }
li { overflow-wrap: anywhere; }
@media (max-width: 600px) { body { font-size: 14px; padding: 8px 10px 32px; } th, td { padding: .25em .4em; }
  table.wide, table.wide tbody, table.wide tr, table.wide th, table.wide td { display: block; text-align: left; }
  table.wide caption { display: block; } table.wide thead { display: none; }
  table.wide th, table.wide td { border: 0; padding: .1em 0; white-space: normal; }
  table.wide tr { border-bottom: 1px solid #ccc; padding: .3em 0; }
  table.wide td::before { content: attr(data-label) ": "; color: #666; }
  table.wide small { display: inline; margin-left: .5em; } }
"""


class Image(NamedTuple):
    """A plot."""

    png: bytes
    svg: bytes
    width: int  # pixels at which its letters have the size of the page's small print
    description: str  # read out in the image's place


class Section(NamedTuple):
    """A part of the report: text, tables, images, then images that are folded away under a heading each."""

    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence = ()
    images: Sequence[Image] = ()
    folded: Sequence = ()  # pairs (heading, images)
    items: Sequence[str] = ()  # of a list


def report(title: str, lead: Sequence[str], sections: Sequence[Section]) -> str:
    """The HTML page; sections without content are left out."""
    sections = [section for section in sections if any(section[1:])]
    links = ["<a href=\"#s%d\">%s</a>" % (number, html.escape(each.title)) for number, each in enumerate(sections)]
    parts = [
        "<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', '<link rel="icon" href="data:,">',
        "<title>%s</title>" % html.escape(title), "<style>%s</style></head><body>" % STYLE,
        "<h1>%s</h1>" % html.escape(title),
    ]
    parts += ["<p>%s</p>" % html.escape(line) for line in lead]
    parts.append("<nav>%s</nav>" % "\n".join(links))
    for number, section in enumerate(sections):
        parts += ['<section id="s%d">' % number, "<h2>%s</h2>" % html.escape(section.title)] + _content(section)
        parts.append("</section>")
    return "\n".join(parts + ["</body></html>"]) + "\n"


def once(texts: Iterable[str]) -> List[str]:
    """Texts in their order without repetition."""
    return list(collections.OrderedDict.fromkeys(texts))


def _content(section) -> List[str]:
    parts = ["<p>%s</p>" % html.escape(text) for text in section.paragraphs]
    if section.tables:
        boxes = ['<div class="box">%s</div>' % html_table(table) for table in section.tables]
        parts.append('<div class="tables">%s</div>' % "\n".join(boxes))
    parts += [_images(section.images)] if section.images else []
    for heading, images in section.folded:
        parts.append("<details><summary>%s</summary>%s</details>" % (html.escape(heading), _images(images)))
    if section.items:
        parts.append("<ul>%s</ul>" % "".join("<li>%s</li>" % html.escape(item) for item in section.items))
    return parts


def _images(images) -> str:
    tags = ['<img alt="%s" width="%d" style="min-width:%dpx" src="data:image/png;base64,%s">' % (
        html.escape(image.description, quote=True), image.width, LEAST * image.width,
        base64.b64encode(image.png).decode("ascii")) for image in images]
    return '<div class="images">%s</div>' % "\n".join(tags)
