"""One file over http or https: whole or not at all, across cut connections and later runs.

Own lines on the standard library, for the libraries that were tried (November 2026, Python 3.7 and 3.10, against a
server on this machine) do not do this. pooch (1.8, 1.9) begins a cut transfer again from the first byte, and takes a
web page for the file unless a checksum is known; the owners of these files publish none. gdown (6.5; 4.7 is the last
for Python 3.7) returns the page too, has Drive's address built in and so knows no mirror, and 4.7 loses what arrived.
requests would bring four packages more into the run-time core and save ten lines.
"""
import http.client
import http.cookiejar
import os
import re
import ssl
import sys
import time
import urllib.error
import urllib.request

from fetch import drive
from runtime import schema
from runtime.errors import UserError, cannot_write, is_full
from runtime.files import file_sha256, write_json
from runtime.progress import Progress

CHUNK = 1 << 20
PAGES = 3  # requests of one try, each of which may be answered by a web page
MAX_SECONDS = 12 * 3600.0  # of one download, however slow: a later one goes on with what is there
HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; dataset download)", "Accept-Encoding": "identity"}


# What PATH.part.json may hold.
NOTE = schema.fields(
    {"url": schema.text(), "total": schema.none_or(schema.whole())},
    {"validator": schema.none_or(schema.text(most=1000, ascii_only=True))},
)


class _Failure(Exception):
    """Why a try failed.

    Args:
      reason: for the message.
      again: whether another try may help now.
      forget: whether what arrived is of no use, also later.
    """

    def __init__(self, reason, again=False, forget=False):
        super().__init__(reason)
        self.again, self.forget = again, forget


class _WebOnly(urllib.request.BaseHandler):
    """Refuses every other kind of address, wherever it comes from: the caller, a redirect, the form of a page."""

    def default_open(self, req):
        if req.type not in ("http", "https"):
            raise _Failure("it leads to %s, which is no web address" % req.full_url)


def _span(response):
    """(first byte, length of the whole file or None) of what an answer carries; (-1, None) where it does not say."""
    if response.status != 206:
        return 0, response.length
    found = re.match(r"bytes (\d+)-\d+/(\d+|\*)$", response.headers.get("Content-Range", ""))
    if not found:
        return -1, None
    return int(found.group(1)), None if found.group(2) == "*" else int(found.group(2))


def _validator(headers):
    """What a later request for the rest names, so that it gets the rest of the same version only."""
    etag = headers.get("ETag") or ""
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")


class _Transfer:
    """One download into ``path.part``, with ``path.part.json`` noting what a later try needs to go on with it."""

    def __init__(self, url, path, what, max_size, timeout, max_seconds):
        self.part, self._note = path + ".part", path + ".part.json"
        self._url, self._what, self._max_size, self._timeout = url, what, max_size, timeout
        self._deadline = time.monotonic() + max_seconds
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies), _WebOnly())

    def forget(self):
        """Removes what arrived."""
        for path in (self.part, self._note):
            if os.path.lexists(path):
                os.remove(path)

    def _resumable(self):
        """(bytes that are there, note about them), or (0, {}) when the transfer must start over."""
        try:
            note = schema.load(self._note, NOTE)
        except (OSError, schema.Malformed):
            return 0, {}
        if note["url"] != self._url or not os.path.isfile(self.part):
            return 0, {}
        total, size = note["total"], os.path.getsize(self.part)
        known = note.get("validator") is not None if total is None else size <= total
        return (size, note) if size and known else (0, {})

    def _answer(self, have, note):
        """The response that carries the file; web pages in its place are followed (Drive) or refused."""
        url, headers = self._url, dict(HEADERS)
        if have:
            headers["Range"] = "bytes=%d-" % have
            if note.get("validator"):
                headers["If-Range"] = note["validator"]
        for _ in range(PAGES):
            response = self._opener.open(urllib.request.Request(url, headers=headers), timeout=self._timeout)
            if response.headers.get_content_type() != "text/html":
                return response
            with response:
                page = b"".join(self._pieces(response, CHUNK)).decode("utf-8", "replace")
            url = drive.confirmed(page, response.geturl(), [(cookie.name, cookie.value) for cookie in self._cookies])
            if url is None:
                title = re.search(r"<title[^>]*>(.*?)</title>", page, re.S | re.I)
                title = " (\"%s\")" % _printable(title.group(1)) if title else ""
                raise _Failure("the server sent a web page%s, not the file" % title)
        raise _Failure("the server keeps sending web pages, not the file")

    def _pieces(self, response, most):
        """Yields the bytes of an answer as they come, at most ``most`` of them, for as long as there is time."""
        while most > 0:
            piece = response.read1(min(CHUNK, most))  # read() would wait for all of a CHUNK, however slow it comes
            if not piece:
                return
            most -= len(piece)
            yield piece
            if time.monotonic() > self._deadline:
                raise _Failure("it takes too long")

    def run(self):
        """Brings ``part`` to its full length. Returns True when it was put together from several tries."""
        have, note = self._resumable()
        if have and have == note.get("total"):
            return True  # only the last steps were missing
        try:
            response = self._answer(have, note)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 416 or not have:
                    raise
                if error.headers.get("Content-Range") == "bytes */%d" % have:
                    return True  # its length was unknown until now
            raise self._changed() from None
        with response:
            start, total = _span(response)
            if response.status == 206 and (start != have or note["total"] not in (None, total)):
                raise self._changed()
            write_json(self._note, {"url": self._url, "validator": _validator(response.headers), "total": total})
            self._receive(response, start, total)
        return start > 0

    def _changed(self):
        return _Failure("the file on the server has changed", again=True, forget=True)

    def _receive(self, response, start, total):
        """Writes what an answer carries behind the first ``start`` bytes of ``part``."""
        if total is not None and total > self._max_size:
            raise self._too_large(total)
        done, end = start, self._max_size + 1 if total is None else total
        with open(self.part, "ab" if start else "wb") as file:
            with Progress(total, self._what, "B", done=start, line=_say) as progress:
                for piece in self._pieces(response, end - start):
                    file.write(piece)
                    done += len(piece)
                    progress.update(len(piece))
        if done > self._max_size:
            raise self._too_large(done)
        if total is not None and done != total:
            raise _Failure("the connection ended after %d of %d bytes" % (done, total), again=True)

    def _too_large(self, size):
        return _Failure("it has %d bytes or more, at most %d were expected" % (size, self._max_size), forget=True)


def _printable(text):
    """Text of a server for a terminal: on one line, and without what would steer the terminal."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))


def _say(line):
    print(line, file=sys.stderr, flush=True)


def _verify(part, sha256, min_size, check):
    """Raises ValueError when what arrived cannot be the file."""
    size = os.path.getsize(part)
    with open(part, "rb") as file:
        begin = file.read(512).lstrip().lower()
    if begin.startswith((b"<!doctype html", b"<html")):
        raise ValueError("the server sent a web page, not the file")
    if size < min_size:
        raise ValueError("what arrived has %d bytes, at least %d were expected" % (size, min_size))
    found = sha256 and file_sha256(part)
    if found != sha256:
        raise ValueError("what arrived has the SHA-256 checksum %s, not %s" % (found, sha256))
    try:
        check(part)
    except ValueError as error:
        raise ValueError("what arrived %s" % error) from error


def _is_final(error):
    """Whether trying again is of no use: the server refuses, its certificate is not trusted, or its address is none."""
    if isinstance(error, _Failure):
        return not error.again
    if isinstance(error, urllib.error.HTTPError):
        return error.code < 500 and error.code not in (408, 425, 429)
    cause = getattr(error, "reason", error)
    is_distrusted = isinstance(cause, ssl.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(cause)
    return is_distrusted or isinstance(error, ValueError)


def _is_local(error):
    """Whether an error is of this machine's disk."""
    is_of_system = isinstance(error, OSError) and not isinstance(error, urllib.error.URLError)
    return is_of_system and (error.filename is not None or is_full(error))


def _try(transfer, path, *expected):
    """Fetches, verifies and puts in place; raises _Failure and what the network and the disk raise."""
    was_resumed = transfer.run()
    try:
        _verify(transfer.part, *expected)
    except ValueError as error:  # a file put together from several tries may be a mixture of two versions
        raise _Failure(error, again=was_resumed, forget=True) from error
    os.replace(transfer.part, path)
    transfer.forget()


def fetch(
    url, path, sha256=None, min_size=0, max_size=sys.maxsize, what="", check=lambda part: None,
    tries=4, wait=1.0, timeout=30.0, max_seconds=MAX_SECONDS, by_hand=None,
):
    """Downloads ``url`` to ``path`` and returns ``path``. A file that is already there is kept.

    An interrupted download goes on where it stopped, also in a later run. ``path`` appears only when all of it has
    arrived and passed the checks.

    Args:
      url: http or https address; redirects and the forms of web pages may lead to such addresses only.
      path: file to make; its folder is made too.
      sha256: expected checksum (hex), when known. A file that is there must have it as well.
      min_size, max_size: fewest and most bytes the file can have.
      what: what the file is, for messages.
      check: function of what arrived that raises ValueError, with words that go on after "what arrived".
      tries: how often to try; the pause before the n-th repetition is ``wait * 2 ** (n - 1)`` seconds.
      timeout: seconds without an answer after which a try is given up.
      max_seconds: seconds after which all is given up.
      by_hand: where a file that came by other means is looked for; None: at ``path``.
    Raises:
      UserError: with the address, the reason, and where to put the file by hand.
    """
    what = what or os.path.basename(path)
    if os.path.exists(path):
        if sha256 is not None and file_sha256(path) != sha256:
            raise UserError("%s is not the expected file (its SHA-256 checksum is not %s): delete it to download it "
                            "again from %s" % (path, sha256, url))
        return path
    if not url.startswith(("http://", "https://")):
        raise UserError("%s cannot be downloaded from %s: the address must begin with http:// or https://"
                        % (what, url))
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    transfer = _Transfer(url, path, what, max_size, timeout, max_seconds)
    for pause in [0.0] + [wait * 2 ** count for count in range(tries - 1)]:
        time.sleep(pause)
        try:
            _try(transfer, path, sha256, min_size, check)
            return path
        except (_Failure, OSError, http.client.HTTPException, ValueError) as error:  # URLError, time-outs are OSErrors
            if _is_local(error):
                raise cannot_write(error.filename or path, error, flag=None) from error
            if getattr(error, "forget", False):
                transfer.forget()
            failure = error
            if _is_final(error):
                break
    raise UserError("%s could not be downloaded from %s: %s. Get the file by other means and save it as %s"
                    % (what, url, " ".join(str(failure).split()) or type(failure).__name__, by_hand or path))
