"""Downloads against a small HTTP server on this machine: every way in which a transfer can go wrong."""
import hashlib
import http.server
import io
import json
import os
import stat
import threading
import urllib.parse
import zipfile

import pytest

from fetch import download
from runtime.errors import UserError

TEXT = bytes(range(256)) * 400  # 102,400 bytes


def make_zip(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


ZIP = make_zip({"top/a.txt": "a", "top/sub/b.bin": TEXT})
PAGE = b"<!DOCTYPE html><html><head><title>Quota\n exceeded</title></head><body>Sorry</body></html>"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        self.server.requests.append(self)
        self.server.routes[urllib.parse.urlsplit(self.path).path](self)

    def log_message(self, *arguments):
        pass

    def reply(self, content=b"", status=200, headers=(), cut=None):
        """Sends ``content`` with its length, and closes the connection after ``cut`` bytes of it."""
        self.send_response(status)
        for name, value in dict({"Content-Length": str(len(content)), "Connection": "close"}, **dict(headers)).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:cut])


def file_route(content, etag='"1"', ranges=True, cuts=()):
    """A server's usual handling of a file; the n-th request breaks off after ``cuts[n]`` bytes."""
    cuts = list(cuts)

    def route(handler):
        cut = cuts.pop(0) if cuts else None
        headers = {"ETag": etag} if etag else {}
        wanted = handler.headers.get("Range")
        if wanted and ranges and handler.headers.get("If-Range") in (None, etag):
            start = int(wanted[len("bytes="):-1])
            if start >= len(content):
                return handler.reply(status=416, headers={"Content-Range": "bytes */%d" % len(content)})
            headers["Content-Range"] = "bytes %d-%d/%d" % (start, len(content) - 1, len(content))
            return handler.reply(content[start:], 206, headers, cut)
        return handler.reply(content, 200, headers, cut)

    return route


@pytest.fixture(name="server")
def fixture_server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.routes, server.requests = {}, []
    server.base = "http://127.0.0.1:%d" % server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(server, path, route="/file", **options):
    options.setdefault("wait", 0.001)
    return download.fetch(server.base + route, str(path), **options)


def failure(call, *arguments, **options):
    """The message of the UserError that the call ends with; it is one line."""
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def ranges(server):
    return [request.headers.get("Range") for request in server.requests]


def read(path):
    with open(str(path), "rb") as file:
        return file.read()


# --- the whole file --------------------------------------------------------------------------------------------------
def test_full_download_makes_the_folder_and_leaves_nothing_else(server, tmp_path):
    server.routes["/file"] = file_route(TEXT)
    path = tmp_path / "new" / "file"
    assert fetch(server, path, sha256=hashlib.sha256(TEXT).hexdigest(), min_size=len(TEXT)) == str(path)
    assert read(path) == TEXT
    assert os.listdir(str(tmp_path / "new")) == ["file"]


def test_a_file_that_is_there_is_kept(server, tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    assert fetch(server, tmp_path / "file") == str(tmp_path / "file")
    assert read(tmp_path / "file") == b"mine" and not server.requests
    assert "delete it" in failure(fetch, server, tmp_path / "file", sha256="0" * 64)


def test_an_empty_file(server, tmp_path):
    server.routes["/file"] = file_route(b"")
    assert read(fetch(server, tmp_path / "file")) == b""


# --- broken connections ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("etag", ['"1"', None])
def test_resume_after_a_cut_connection(server, tmp_path, etag):
    server.routes["/file"] = file_route(TEXT, etag=etag, cuts=[40000, 10000])
    assert read(fetch(server, tmp_path / "file")) == TEXT
    assert ranges(server) == [None, "bytes=40000-", "bytes=50000-"]
    assert os.listdir(str(tmp_path)) == ["file"]


def test_resume_in_a_later_run(server, tmp_path):
    server.routes["/file"] = file_route(TEXT, cuts=[40000])
    assert "40000 of 102400 bytes" in failure(fetch, server, tmp_path / "file", tries=1)
    assert not (tmp_path / "file").exists()
    assert read(fetch(server, tmp_path / "file", tries=1)) == TEXT
    assert ranges(server) == [None, "bytes=40000-"]


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.routes["/file"] = file_route(TEXT, ranges=False, cuts=[40000, 1])
    assert read(fetch(server, tmp_path / "file")) == TEXT


def test_a_changed_file_is_not_mixed_with_the_old_one(server, tmp_path):
    new = TEXT[::-1]
    server.routes["/file"] = file_route(TEXT, cuts=[40000])
    failure(fetch, server, tmp_path / "file", tries=1)
    server.routes["/file"] = file_route(new, etag='"2"')
    assert read(fetch(server, tmp_path / "file", tries=1)) == new


def test_a_changed_size_starts_over(server, tmp_path):
    server.routes["/file"] = file_route(TEXT, etag=None, cuts=[40000])
    failure(fetch, server, tmp_path / "file", tries=1)
    server.routes["/file"] = file_route(TEXT[::-1] + b"more", etag=None)
    assert read(fetch(server, tmp_path / "file", tries=2)) == TEXT[::-1] + b"more"
    assert ranges(server) == [None, "bytes=40000-", None]


def test_a_changed_file_of_equal_size_shows_in_the_checksum(server, tmp_path):
    new = TEXT[::-1]
    server.routes["/file"] = file_route(TEXT, etag=None, cuts=[40000])
    failure(fetch, server, tmp_path / "file", tries=1)
    server.routes["/file"] = file_route(new, etag=None)
    assert read(fetch(server, tmp_path / "file", sha256=hashlib.sha256(new).hexdigest())) == new
    assert ranges(server) == [None, "bytes=40000-", None]


def leave(path, url, size, total):
    """What an interrupted run leaves: ``size`` bytes of TEXT and the note about them."""
    with open(str(path) + ".part", "wb") as file:
        file.write((TEXT + TEXT)[:size])
    with open(str(path) + ".part.json", "w") as file:
        json.dump({"url": url, "validator": '"1"', "total": total}, file)


@pytest.mark.parametrize("size, total, expected", [
    (len(TEXT), len(TEXT), []),  # complete: no request at all
    (len(TEXT), None, ["bytes=102400-"]),  # complete, which only the answer 416 says
    (len(TEXT) + 9, None, ["bytes=102409-", None]),  # 416: longer than the file
    (len(TEXT) + 9, len(TEXT), [None]),  # longer than it can be
])
def test_what_an_interrupted_run_left(server, tmp_path, size, total, expected):
    server.routes["/file"] = file_route(TEXT)
    leave(tmp_path / "file", server.base + "/file", size, total)
    assert read(fetch(server, tmp_path / "file")) == TEXT
    assert ranges(server) == expected


def test_a_part_of_another_address_or_without_note_is_dropped(server, tmp_path):
    server.routes["/file"] = file_route(TEXT)
    leave(tmp_path / "a", server.base + "/other", 1000, len(TEXT))
    (tmp_path / "b.part").write_bytes(b"xyz")
    assert read(fetch(server, tmp_path / "a")) == TEXT
    assert read(fetch(server, tmp_path / "b")) == TEXT
    assert ranges(server) == [None, None]


def test_a_cut_transfer_of_unknown_length_is_noticed(server, tmp_path):
    ends = [b"", b"0\r\n\r\n"]

    def route(handler):
        handler.reply(b"5\r\nhello\r\n" + ends.pop(0), headers={"Content-Length": None, "Transfer-Encoding": "chunked"})

    server.routes["/file"] = route
    assert read(fetch(server, tmp_path / "file")) == b"hello"
    assert len(server.requests) == 2


def test_a_server_that_is_busy_is_asked_again(server, tmp_path):
    answers = [503, 429, 200]
    server.routes["/file"] = lambda handler: handler.reply(b"ok", answers.pop(0))
    assert read(fetch(server, tmp_path / "file")) == b"ok"


# --- refusals --------------------------------------------------------------------------------------------------------
def test_not_found_names_the_address_and_the_path_and_is_final(server, tmp_path):
    server.routes["/file"] = lambda handler: handler.reply(b"", 404)
    message = failure(fetch, server, tmp_path / "file", what="the thing")
    assert "the thing" in message and server.base + "/file" in message and str(tmp_path / "file") in message
    assert "404" in message and len(server.requests) == 1


def test_no_server_and_no_http(tmp_path):
    address = "http://127.0.0.1:9/file"
    message = failure(download.fetch, address, str(tmp_path / "file"), tries=2, wait=0)
    assert address in message and str(tmp_path / "file") in message and "refused" in message
    assert "http://" in failure(download.fetch, "file:///etc/hosts", str(tmp_path / "file"))


def test_wrong_checksum_leaves_nothing(server, tmp_path):
    server.routes["/file"] = file_route(TEXT)
    message = failure(fetch, server, tmp_path / "file", sha256="0" * 64)
    assert "0" * 64 in message and hashlib.sha256(TEXT).hexdigest() in message
    assert os.listdir(str(tmp_path)) == [] and len(server.requests) == 1


def test_too_small(server, tmp_path):
    server.routes["/file"] = file_route(TEXT)
    assert "at least 102401" in failure(fetch, server, tmp_path / "file", min_size=len(TEXT) + 1)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_in_place_of_a_zip(server, tmp_path, kind):
    server.routes["/file"] = lambda handler: handler.reply(PAGE, headers={"Content-Type": kind})
    message = failure(fetch, server, tmp_path / "file.zip")
    assert "web page" in message and ("Quota exceeded" in message) == kind.startswith("text/html")
    assert os.listdir(str(tmp_path)) == [] and len(server.requests) == 1


@pytest.mark.parametrize("damage", [lambda data: data[:500] + b"\xff\xff" + data[502:], lambda data: data[:-300]])
def test_a_damaged_zip(server, tmp_path, damage):
    server.routes["/file"] = file_route(damage(ZIP))
    message = failure(fetch, server, tmp_path / "file.zip")
    assert "damaged" in message or "not a zip file" in message
    assert os.listdir(str(tmp_path)) == []


def test_a_folder_that_cannot_be_written(server, tmp_path):
    server.routes["/file"] = file_route(TEXT)
    (tmp_path / "file.part").mkdir()
    assert "file.part cannot be written" in failure(fetch, server, tmp_path / "file")


# --- Google Drive ----------------------------------------------------------------------------------------------------
FORM = (
    "<html><form id='download-form' action='/download' method='get'><input type='submit' value='Download anyway'/>"
    "<input type='hidden' name='id' value='ID'><input type='hidden' name='confirm' value='t'>"
    "<input type='hidden' name='uuid' value='1-2'></form></html>"
)


def drive_route(page, headers=()):
    """Asks for a confirmation unless the address holds one."""
    send = file_route(ZIP, cuts=[300])

    def route(handler):
        if "confirm" in urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query):
            return send(handler)
        return handler.reply(page.encode(), headers=dict({"Content-Type": "text/html"}, **dict(headers)))

    return route


@pytest.mark.parametrize("page, headers, confirmed", [
    (FORM, {}, "/download?id=ID&confirm=t&uuid=1-2"),
    ('<a href="/uc?export=download&amp;confirm=Ab_1&amp;id=ID">go</a>', {}, "/uc?export=download&id=ID&confirm=Ab_1"),
    ("<html>big</html>", {"Set-Cookie": "download_warning_1=tok"}, "/uc?export=download&id=ID&confirm=tok"),
])
def test_drive_confirmation_page_also_when_resuming(server, tmp_path, page, headers, confirmed):
    server.routes["/uc"] = server.routes["/download"] = drive_route(page, headers)
    address = download.drive_url("ID", server.base)
    assert address == server.base + "/uc?export=download&id=ID"
    path = download.fetch(address, str(tmp_path / "model.zip"), wait=0.001)
    assert read(path) == ZIP
    assert [request.path for request in server.requests] == ["/uc?export=download&id=ID", confirmed] * 2
    assert server.requests[-1].headers["Range"] == "bytes=300-"


def test_drive_page_that_comes_back_is_given_up(server, tmp_path):
    server.routes["/uc"] = server.routes["/download"] = lambda handler: handler.reply(
        FORM.encode(), headers={"Content-Type": "text/html"})
    assert "web page" in failure(download.fetch, download.drive_url("ID", server.base), str(tmp_path / "model.zip"))
    assert len(server.requests) == 3


# --- zip files -------------------------------------------------------------------------------------------------------
def test_unzip_drops_the_folders_above(tmp_path):
    (tmp_path / "a.zip").write_bytes(ZIP)
    folder = tmp_path / "made"
    assert download.unzip(str(tmp_path / "a.zip"), str(folder), ("a.txt", "sub/b.bin")) == str(folder)
    assert sorted(os.listdir(str(folder))) == ["a.txt", "sub"] and read(folder / "sub" / "b.bin") == TEXT
    assert sorted(os.listdir(str(tmp_path))) == ["a.zip", "made"]
    assert stat.S_IMODE(os.stat(str(folder)).st_mode) == 0o755


def test_unzip_keeps_all_without_needs_and_fills_an_empty_folder(tmp_path):
    (tmp_path / "a.zip").write_bytes(ZIP)
    (tmp_path / "made").mkdir()
    download.unzip(str(tmp_path / "a.zip"), str(tmp_path / "made"))
    assert os.listdir(str(tmp_path / "made")) == ["top"]


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize("member", ["../evil", "a/../../evil", "/evil", "C:/evil", "..\\evil", link("evil")])
def test_unzip_refuses_entries_that_lead_out(tmp_path, member):
    path = tmp_path / "in" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(make_zip({"good": "", member: "/etc"}))
    assert "evil" in failure(download.unzip, str(path), str(tmp_path / "in" / "made"))
    assert os.listdir(str(tmp_path)) == ["in"] and os.listdir(str(path.parent)) == ["a.zip"]


def test_unzip_of_something_else(tmp_path):
    (tmp_path / "a.zip").write_bytes(ZIP)
    (tmp_path / "b.zip").write_bytes(b"no zip")
    made = str(tmp_path / "made")
    assert "bert_config.json" in failure(download.unzip, str(tmp_path / "a.zip"), made, ("bert_config.json",))
    assert "not a zip file" in failure(download.unzip, str(tmp_path / "b.zip"), made)
    assert not os.path.exists(made)
    os.mkdir(made)
    (tmp_path / "made" / "mine").write_text("")
    assert "lacks a.txt" in failure(download.unzip, str(tmp_path / "a.zip"), made, ("a.txt",))
    assert os.listdir(made) == ["mine"]


# --- the catalogue ---------------------------------------------------------------------------------------------------
@pytest.fixture(name="sources")
def fixture_sources(server, monkeypatch):
    """A server with small archives for everything in the catalogue."""
    for name, source in list(download.CATALOGUE.items()):
        monkeypatch.setitem(download.CATALOGUE, name, source._replace(min_size=1))
        members = [need + "/x" if need.startswith("data/") else need for need in source.needs]  # those are folders
        archive = make_zip({"anything/model/" + member: "" for member in members})
        server.routes[urllib.parse.urlsplit(source.url).path] = file_route(archive)
    return server


@pytest.mark.parametrize("call, file", [
    (download.ensure_bert, "bert_config.json"),
    (download.ensure_leopard, "data/json"),
    (lambda *arguments: download.ensure_model("hybrid-smlmt", *arguments), "saved_model.pb"),
])
def test_ensure_fetches_once(sources, tmp_path, call, file):
    folder = str(tmp_path / "new" / "here")
    for _ in range(2):
        assert call(folder, sources.base) == folder
        assert os.path.exists(os.path.join(folder, file))
    assert len(sources.requests) == 1 and os.listdir(str(tmp_path / "new")) == ["here"]


def test_ensure_from_two_threads_fetches_once(sources, tmp_path):
    folder = str(tmp_path / "bert")
    threads = [threading.Thread(target=download.ensure_bert, args=(folder, sources.base)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.exists(os.path.join(folder, "vocab.txt")) and len(sources.requests) == 1


def test_ensure_takes_a_zip_saved_by_hand(server, tmp_path):
    (tmp_path / "bert.zip").write_bytes(make_zip({"x/" + need: "" for need in download.CATALOGUE["bert"].needs}))
    download.ensure_bert(str(tmp_path / "bert"))
    assert sorted(os.listdir(str(tmp_path))) == ["bert", "bert.zip"] and not server.requests


def test_the_catalogue_expects_a_plausible_size(server, tmp_path):
    server.routes["/bert_models/2018_10_18/cased_L-12_H-768_A-12.zip"] = file_route(ZIP)
    assert "at least" in failure(download.ensure_bert, str(tmp_path / "bert"), server.base)


def test_unknown_model():
    assert "hybrid-smlmt, smlmt, leopard-model" in failure(download.ensure_model, "bart")


def test_command(sources, tmp_path, capsys):
    assert download.main(["smlmt", "--dest", str(tmp_path), "--base", sources.base]) == 0
    assert capsys.readouterr().out == str(tmp_path / "smlmt") + "\n"
    sources.routes["/bert_models/2018_10_18/cased_L-12_H-768_A-12.zip"] = lambda handler: handler.reply(b"", 403)
    assert download.main(["bert", "--dest", str(tmp_path), "--base", sources.base]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and str(tmp_path / "bert.zip") in captured.err


def test_progress_without_a_terminal_prints_lines(capsys):
    progress = download._Progress("BERT", 0, 4 << 20, every=0)
    progress.add(1 << 20)
    progress.close()
    assert capsys.readouterr().err == "BERT: 1 of 4 MiB\n"
