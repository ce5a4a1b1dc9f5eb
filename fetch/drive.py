"""Shared files of Google Drive: their address, and the page that asks for a confirmation before a large one."""
import html.parser
import re
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit


def address(file_id, base="https://drive.google.com"):
    """Address of a shared file."""
    return "%s/uc?export=download&id=%s" % (base.rstrip("/"), file_id)


class _Form(html.parser.HTMLParser):
    """Collects the address and the hidden inputs of the form with the id ``download-form``."""

    def __init__(self):
        super().__init__()
        self.action, self.inputs, self._inside = None, {}, False

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and attrs.get("id") in ("download-form", "downloadForm"):
            self.action, self._inside = attrs.get("action"), True
        elif tag == "input" and self._inside and attrs.get("name"):
            self.inputs[attrs["name"]] = attrs.get("value") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self._inside = False


def confirmed(page, page_url, cookies=()):
    """Address behind the "cannot be scanned for viruses" page; None when ``page`` is another page.

    ``page``: text of the page; ``page_url``: where it came from; ``cookies``: pairs (name, value) the server set.
    """
    form = _Form()
    form.feed(page)
    target = urlsplit(urljoin(page_url, form.action or ""))
    query = dict(parse_qsl(target.query))
    if form.action:
        query.update(form.inputs)
    else:  # earlier forms of the page: a link or a cookie with the word
        words = re.findall(r"[?&;]confirm=([0-9A-Za-z_-]+)", page)
        words += [value for name, value in cookies if name.startswith("download_warning")]
        if not words or query.get("confirm") == words[0]:  # the second: it sent the page again
            return None
        query["confirm"] = words[0]
    return urlunsplit(target._replace(query=urlencode(query)))
