"""Downloads: the encoder, the LEOPARD task data and the released models.

    python -m fetch.download bert|leopard|hybrid-smlmt|smlmt|leopard-model|minilm [--dest data/downloads]

``ensure_bert``, ``ensure_leopard`` and ``ensure_model`` return a folder that is ready to use and fetch it only when it
is not there yet. Everything can also be put in place by hand: each error names the address and the place.
scripts/fetch_data.py fetches several of them and keeps their checksums.
"""
import argparse
import contextlib
import fcntl
import html.parser
import http.client
import http.cookiejar
import json
import os
import re
import shutil
import ssl
import stat
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from typing import NamedTuple, Tuple

from data.tasks import DATA_URL
from runtime.errors import UserError, exit_code
from runtime.files import file_sha256
from runtime.paths import DOWNLOADS

CHUNK = 1 << 20
MIB = 1 << 20


class Source(NamedTuple):
    """Something to download: a zip, and what the folder made from it must hold."""

    folder: str  # name of the folder below the downloads
    what: str  # for messages
    url: str
    needs: Tuple[str, ...]  # entries that make the folder complete
    min_size: int  # bytes; well below the true size


def drive_url(file_id, base="https://drive.google.com"):
    """Address of a shared file on Google Drive."""
    return "%s/uc?export=download&id=%s" % (base.rstrip("/"), file_id)


def _released(name, file_id):
    needs = ("saved_model.pb", "variables/variables.index")
    return Source(name, "the released model " + name, drive_url(file_id), needs, 100 * MIB)


CATALOGUE = {
    "bert": Source(
        "bert", "BERT (cased_L-12_H-768_A-12)",
        "https://storage.googleapis.com/bert_models/2018_10_18/cased_L-12_H-768_A-12.zip",
        ("bert_config.json", "vocab.txt", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"), 300 * MIB),
    "leopard": Source(
        "leopard-master", "the LEOPARD task data", DATA_URL, ("data/json", "data/tf_record"), MIB),
    "hybrid-smlmt": _released("hybrid-smlmt", "1k5WJl-rZ8ks__PTPdoS9ibLmY2ifP6H5"),
    "smlmt": _released("smlmt", "1DkQShmdf1BNLdWOL4JvdD_j0aERHZgr2"),
    "leopard-model": _released("leopard-model", "1JybValybM8sqJHKPAKh9g6VxUTsqfGEe"),
}
MODELS = ("hybrid-smlmt", "smlmt", "leopard-model")
NAMES = tuple(CATALOGUE) + ("minilm",)  # minilm comes from the package index: see data/minilm.py


# --- one file --------------------------------------------------------------------------------------------------------
class _Again(Exception):
    """A failure that may pass: another try goes on with what is there."""


class _Refused(Exception):
    """The server does not give the file out: no use in trying again now, what is there can be used later."""


class _Wrong(Exception):
    """What arrived is not the file: it has to go."""


class _Form(html.parser.HTMLParser):
    """Collects the address and the hidden inputs of the form with the id ``download-form``."""

    def __init__(self):
        super().__init__()
        self.action, self.inputs, self._inside = None, [], False

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and attrs.get("id") in ("download-form", "downloadForm"):
            self.action, self._inside = attrs.get("action"), True
        elif tag == "input" and self._inside and attrs.get("name"):
            self.inputs.append((attrs["name"], attrs.get("value") or ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self._inside = False


def confirm_url(page, page_url, cookies=()):
    """Address behind Google Drive's "cannot be scanned for viruses" page; None when ``page`` is another page.

    ``page``: text of the page; ``page_url``: where it came from; ``cookies``: pairs (name, value) the server set.
    """
    form = _Form()
    form.feed(page)
    parts = urllib.parse.urlsplit(page_url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    if form.action:
        target = urllib.parse.urlsplit(urllib.parse.urljoin(page_url, form.action))
        query = dict(urllib.parse.parse_qsl(target.query))
        query.update(form.inputs)
        return urllib.parse.urlunsplit(target._replace(query=urllib.parse.urlencode(query)))
    token = re.search(r"[?&;]confirm=([0-9A-Za-z_-]+)", page)
    tokens = [token.group(1)] if token else [value for name, value in cookies if name.startswith("download_warning")]
    if not tokens or query.get("confirm") == tokens[0]:  # the second: it sent the page again
        return None
    query["confirm"] = tokens[0]
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))


class _Progress:
    """A tqdm bar on a terminal, else a line every few seconds, both on standard error."""

    def __init__(self, label, done, total, every=5.0):
        self._label, self._done, self._total, self._every = label, done, total, every
        self._bar, self._next = None, time.time() + every
        if sys.stderr.isatty():
            with contextlib.suppress(ImportError):
                from tqdm import tqdm

                self._bar = tqdm(total=total, initial=done, unit="B", unit_scale=True, unit_divisor=1024, desc=label)

    def add(self, count):
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.time() >= self._next:
            self._next = time.time() + self._every
            of = " of %.0f" % (self._total / MIB) if self._total else ""
            print("%s: %.0f%s MiB" % (self._label, self._done / MIB, of), file=sys.stderr, flush=True)

    def close(self):
        if self._bar is not None:
            self._bar.close()


def _remove(*paths):
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


class _Transfer:
    """One download into ``path.part``, with ``path.part.json`` noting what a later try needs to go on with it."""

    def __init__(self, url, path, timeout, label):
        self.url, self.timeout, self.label = url, timeout, label
        self.part, self.note = path + ".part", path + ".part.json"
        self.wants_zip = path.endswith((".zip", ".whl"))
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def forget(self):
        _remove(self.part, self.note)

    def _resumable(self):
        """(bytes that are there, note about them), or (0, {}) when the transfer must start over."""
        try:
            with open(self.note) as file:
                note = json.load(file)
            size = os.path.getsize(self.part)
        except (OSError, ValueError):
            return 0, {}
        total = note.get("total")
        usable = note.get("url") == self.url and (note.get("validator") or total) and size <= (total or size)
        return (size, note) if size and usable else (0, {})

    def _open(self, url, have, note):
        headers = {"User-Agent": "Mozilla/5.0 (compatible; dataset download)", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = "bytes=%d-" % have
            if note.get("validator"):
                headers["If-Range"] = note["validator"]
        return self._opener.open(urllib.request.Request(url, headers=headers), timeout=self.timeout)

    def _answer(self, have, note):
        """The response that carries the file; web pages in its place are followed (Drive) or refused."""
        url = self.url
        for _ in range(3):
            response = self._open(url, have, note)
            if not self.wants_zip or response.headers.get_content_type() != "text/html":
                return response
            with response:
                page = response.read(CHUNK).decode("utf-8", "replace")
                page_url = response.geturl()
            url = confirm_url(page, page_url, [(cookie.name, cookie.value) for cookie in self._cookies])
            if url is None:
                title = re.search(r"<title[^>]*>(.*?)</title>", page, re.S | re.I)
                title = " (\"%s\")" % " ".join(title.group(1).split()) if title else ""
                raise _Refused("the server sent a web page%s, not the file" % title)
        raise _Refused("the server keeps sending web pages, not the file")

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
                total = (error.headers.get("Content-Range") or "").rpartition("/")[2]
            if total == str(have):
                return True  # its length was unknown until now
            self.forget()
            raise _Again("the file on the server has changed") from None
        with response:
            start, total = 0, None
            length = response.headers.get("Content-Length")
            if response.status == 206:
                match = re.match(r"bytes (\d+)-\d+/(\d+|\*)$", response.headers.get("Content-Range", ""))
                start = int(match.group(1)) if match else -1
                total = int(match.group(2)) if match and match.group(2) != "*" else None
                if start != have or (note.get("total") is not None and total != note["total"]):
                    self.forget()
                    raise _Again("the file on the server has changed")
            elif length is not None:
                total = int(length)
            etag = response.headers.get("ETag") or ""
            validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
            with open(self.note, "w") as file:
                json.dump({"url": self.url, "validator": validator, "total": total}, file)
            progress = _Progress(self.label, start, total)
            done = start
            try:
                with open(self.part, "ab" if start else "wb") as file:
                    while True:
                        chunk = response.read(CHUNK)
                        if not chunk:
                            break
                        file.write(chunk)
                        done += len(chunk)
                        progress.add(len(chunk))
            finally:
                progress.close()
        if total is not None and done != total:
            raise _Again("the connection ended after %d of %d bytes" % (done, total))
        return start > 0


def _check(part, path, sha256, min_size):
    """Raises _Wrong when what arrived cannot be the file."""
    size = os.path.getsize(part)
    with open(part, "rb") as file:
        begin = file.read(512).lstrip().lower()
    zipped = path.endswith((".zip", ".whl"))
    if zipped and begin.startswith((b"<!doctype html", b"<html")):
        raise _Wrong("the server sent a web page, not the file")
    if min_size is not None and size < min_size:
        raise _Wrong("what arrived has %d bytes, at least %d were expected" % (size, min_size))
    if sha256 is not None:
        found = file_sha256(part)
        if found != sha256:
            raise _Wrong("what arrived has the SHA-256 checksum %s, not %s" % (found, sha256))
    if zipped:
        try:
            with zipfile.ZipFile(part) as archive:
                damaged = archive.testzip()
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise _Wrong("what arrived is not a zip file (%s)" % error) from error
        if damaged is not None:
            raise _Wrong("what arrived is damaged (%s in the zip)" % damaged)


def _permanent(error):
    """Whether trying again is of no use: the server refuses, or its certificate is not trusted."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code < 500 and error.code not in (408, 425, 429)
    reason = getattr(error, "reason", error)
    return isinstance(reason, ssl.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(reason)


def fetch(url, path, sha256=None, min_size=None, what="", tries=4, wait=1.0, timeout=30.0):
    """Downloads ``url`` to ``path`` and returns ``path``. A file that is already there is kept.

    An interrupted download goes on where it stopped, also in a later run. ``path`` appears only when all of it has
    arrived and passed the checks.

    Args:
      url: http or https address.
      path: file to make; its folder is made too.
      sha256: expected checksum (hex), when known. A file that is there must have it as well.
      min_size: fewest bytes the file can have, when known.
      what: what the file is, for messages.
      tries: how often to try; the pause before the n-th repetition is ``wait * 2 ** (n - 1)`` seconds.
      timeout: seconds without an answer after which a try is given up.
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
    transfer = _Transfer(url, path, timeout, what)
    reason = None
    for attempt in range(tries):
        if attempt:
            time.sleep(wait * 2 ** (attempt - 1))
        resumed = False
        try:
            resumed = transfer.run()
            _check(transfer.part, path, sha256, min_size)
            os.replace(transfer.part, path)
            transfer.forget()
            return path
        except _Wrong as error:
            reason = error
            transfer.forget()
            if not resumed:  # else it may be a mixture of two versions
                break
        except _Refused as error:
            reason = error
            break
        except (_Again, OSError, http.client.HTTPException) as error:  # URLError and time-outs are OSErrors
            reason = error
            if isinstance(error, OSError) and not isinstance(error, urllib.error.URLError) and error.filename:
                raise UserError("%s cannot be written: %s" % (error.filename, error.strerror)) from error
            if _permanent(error):
                break
    raise UserError("%s could not be downloaded from %s: %s. Get the file by other means and save it as %s"
                    % (what, url, " ".join(str(reason).split()) or type(reason).__name__, path))


# --- zip files -------------------------------------------------------------------------------------------------------
def _check_members(archive, path):
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            raise UserError("%s is refused: its entry %s leads out of the folder it is unpacked to" % (path, name))
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError("%s is refused: its entry %s is a symbolic link" % (path, name))


def missing(folder, needs):
    """The entries of ``needs`` (relative names) that ``folder`` lacks."""
    return [name for name in needs if not os.path.exists(os.path.join(folder, name))]


def unzip(path, folder, needs=()):
    """Unpacks the zip ``path`` so that ``folder`` directly holds all of ``needs`` (relative names); returns ``folder``.

    Folders of the archive above the one that holds ``needs`` are dropped. ``folder`` appears all at once; it must not
    exist, or be empty. UserError when an entry would land outside, when ``needs`` are not in it, or when it is no zip.
    """
    folder = os.path.abspath(folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    if os.path.isdir(folder) and os.listdir(folder):
        lacks = " and lacks " + ", ".join(missing(folder, needs)) if missing(folder, needs) else ""
        raise UserError("%s exists%s: delete it to make it again" % (folder, lacks))
    temporary = tempfile.mkdtemp(prefix=os.path.basename(folder) + ".", dir=os.path.dirname(folder))
    try:
        try:
            with zipfile.ZipFile(path) as archive:
                _check_members(archive, path)
                archive.extractall(temporary)
        except zipfile.BadZipFile as error:
            raise UserError("%s is not a zip file (%s): delete it and fetch it again" % (path, error)) from error
        for root, folders, _ in os.walk(temporary):
            folders.sort()
            if not missing(root, needs):
                break
        else:
            raise UserError("%s is not the expected archive: no folder in it holds %s" % (path, ", ".join(needs)))
        os.chmod(root, 0o755)  # mkdtemp's is private
        if os.path.isdir(folder):
            os.rmdir(folder)
        os.rename(root, folder)
    except OSError as error:
        raise UserError("%s could not be unpacked to %s: %s" % (path, folder, error.strerror or error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


# --- the catalogue ---------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def alone_in(folder):
    """Lets one process at a time download into ``folder``, which is made when missing."""
    try:
        os.makedirs(folder, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError("%s cannot be made (%s): choose another folder" % (folder, error.strerror)) from None
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("waiting for another download into %s" % folder, file=sys.stderr)
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _rebased(url, base):
    """``url`` with ``base`` in place of scheme and host (a mirror, or a test's server)."""
    if base is None:
        return url
    parts = urllib.parse.urlsplit(url)
    return base.rstrip("/") + urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))


def _ensure(name, folder, base):
    source = CATALOGUE[name]
    folder = folder or os.path.join(DOWNLOADS, source.folder)
    if not missing(folder, source.needs):
        return folder
    archive = os.path.abspath(folder) + ".zip"
    with alone_in(os.path.dirname(archive)):
        if missing(folder, source.needs):  # another process may have made it meanwhile
            by_hand = os.path.exists(archive)
            fetch(_rebased(source.url, base), archive, min_size=source.min_size, what=source.what)
            unzip(archive, folder, source.needs)
            if not by_hand:
                os.remove(archive)
    return folder


def ensure_bert(folder=None, base=None):
    """Folder with BERT cased base: ``bert_config.json``, ``vocab.txt``, ``bert_model.ckpt.*``.

    Args (also of the two functions below):
      folder: where it is or shall be; default: below data/downloads. A zip that lies at ``folder + ".zip"`` is taken
        in place of a download.
      base: scheme and host of a mirror.
    Returns:
      ``folder``.
    """
    return _ensure("bert", folder, base)


def ensure_leopard(folder=None, base=None):
    """Folder with the LEOPARD tasks: ``data/json/TASK/`` and ``data/tf_record/TASK/``."""
    return _ensure("leopard", folder, base)


def ensure_model(name, folder=None, base=None):
    """Folder with a released SavedModel; ``name`` is one of ``MODELS``."""
    if name not in MODELS:
        raise UserError("there is no released model %s: choose one of %s" % (name, ", ".join(MODELS)))
    return _ensure(name, folder, base)


def ensure(name, dest=DOWNLOADS, base=None):
    """Folder below ``dest`` with what ``name``, one of ``NAMES``, stands for."""
    if name == "minilm":
        from fetch.minilm import ensure_minilm  # needs TensorFlow, which the other downloads do without

        return ensure_minilm(os.path.join(dest, name))
    return _ensure(name, os.path.join(dest, CATALOGUE[name].folder), base)


def main(arguments=None):
    """Command line; prints the folder. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fetch.download", description="Fetches an encoder, tasks or models.")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--dest", default=DOWNLOADS, help="folder for all downloads (default: data/downloads)")
    parser.add_argument("--base", help="address in place of the published scheme and host, for a mirror")
    options = parser.parse_args(arguments)
    return exit_code(lambda: print(ensure(options.name, options.dest, options.base)))


if __name__ == "__main__":
    sys.exit(main())
