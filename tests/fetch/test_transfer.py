"""Downloads against a small HTTP server on this machine: every way in which a transfer can go wrong."""
import errno
import hashlib
import json
import os
import re
import time
import urllib.parse
import zipfile

import pytest
from file_server import PAGE, TEXT, ZIP, failure, file_route, make_zip, read

from fetch import archives, drive, transfer
from runtime import progress


def fetch(server, path, route="/file", **options):
    options.setdefault("wait", 0.001)
    return transfer.fetch(server.base + route, str(path), **options)


def ranges(server):
    return [request.headers.get("Range") for request in server.requests]


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


def leave(path, url, size, total, content=TEXT, note=()):
    """What an interrupted run leaves: ``size`` bytes of the content and the note about them."""
    with open(str(path) + ".part", "wb") as file:
        file.write((content + content)[:size])
    with open(str(path) + ".part.json", "w") as file:
        json.dump(dict({"url": url, "validator": '"1"', "total": total}, **dict(note)), file)


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


@pytest.mark.parametrize("note", [{"total": "many"}, {"total": -1}, {"total": None, "validator": 3}, {"url": ["a"]}])
def test_a_note_that_is_none_is_dropped(server, tmp_path, note):
    server.routes["/file"] = file_route(TEXT)
    leave(tmp_path / "a", server.base + "/file", 1000, len(TEXT), note=note)
    leave(tmp_path / "b", server.base + "/file", 1000, len(TEXT))
    (tmp_path / "b.part.json").write_text("[" * 9)
    assert read(fetch(server, tmp_path / "a")) == TEXT and read(fetch(server, tmp_path / "b")) == TEXT
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
    message = failure(transfer.fetch, address, str(tmp_path / "file"), tries=2, wait=0)
    assert address in message and str(tmp_path / "file") in message and "refused" in message
    assert "http://" in failure(transfer.fetch, "file:///etc/hosts", str(tmp_path / "file"))


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
    message = failure(fetch, server, tmp_path / "file.zip", check=archives.check)
    assert "web page" in message and ("Quota exceeded" in message) == kind.startswith("text/html")
    assert os.listdir(str(tmp_path)) == [] and len(server.requests) == 1


def test_the_title_of_a_page_cannot_steer_the_terminal(server, tmp_path):
    page = b"<title>\x1b[2J Sorry\x07</title>"
    server.routes["/file"] = lambda handler: handler.reply(page, headers={"Content-Type": "text/html"})
    assert '("?[2J Sorry?")' in failure(fetch, server, tmp_path / "file")


def spoilt(position):
    return lambda data: data[:position] + b"\xff\xff\xff\xff" + data[position + 4:]


PACKED = make_zip({"top/a.txt": TEXT}, zipfile.ZIP_DEFLATED)
DAMAGES = {
    "a byte of a stored file": spoilt(500)(ZIP),
    "a compressed file": spoilt(60)(PACKED),
    "a file's header": spoilt(0)(PACKED),
    "the list of entries": spoilt(PACKED.index(b"PK\x01\x02"))(PACKED),
    "the way to the list of entries": spoilt(len(PACKED) - 6)(PACKED),
    "the end": ZIP[:-300],
    "an encrypted entry": PACKED.replace(PACKED[:8], PACKED[:6] + b"\x01\x00").replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"),
    "an unusual compression": make_zip({"top/a.txt": TEXT}, zipfile.ZIP_BZIP2),
    "no zip": TEXT,
}


@pytest.mark.parametrize("damage", sorted(DAMAGES))
@pytest.mark.parametrize("is_left", [False, True], ids=["fresh", "left by an interrupted run"])
def test_a_damaged_zip_is_one_line_and_does_not_stick(server, tmp_path, damage, is_left):
    path, data = tmp_path / "file.zip", DAMAGES[damage]
    server.routes["/file"] = file_route(data)
    if is_left:  # all of it arrived, and the program was killed before it looked
        leave(path, server.base + "/file", len(data), len(data), data)
    message = failure(fetch, server, path, check=archives.check)
    assert re.search("what arrived is (not a zip file|damaged|refused)", message) and len(server.requests) == 1
    assert os.listdir(str(tmp_path)) == []
    server.routes["/file"] = file_route(ZIP, etag='"2"')
    assert read(fetch(server, path, check=archives.check)) == ZIP


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
    address = drive.address("ID", server.base)
    assert address == server.base + "/uc?export=download&id=ID"
    path = transfer.fetch(address, str(tmp_path / "model.zip"), wait=0.001)
    assert read(path) == ZIP
    assert [request.path for request in server.requests] == ["/uc?export=download&id=ID", confirmed] * 2
    assert server.requests[-1].headers["Range"] == "bytes=300-"


def test_drive_page_that_comes_back_is_given_up(server, tmp_path):
    server.routes["/uc"] = server.routes["/download"] = lambda handler: handler.reply(
        FORM.encode(), headers={"Content-Type": "text/html"})
    assert "web page" in failure(transfer.fetch, drive.address("ID", server.base), str(tmp_path / "model.zip"))
    assert len(server.requests) == 3


# --- limits ----------------------------------------------------------------------------------------------------------
def test_a_file_that_is_announced_too_large_is_not_begun(server, tmp_path):
    server.routes["/file"] = file_route(TEXT)
    message = failure(fetch, server, tmp_path / "file", max_size=len(TEXT) - 1)
    assert "at most 102399" in message and len(server.requests) == 1 and os.listdir(str(tmp_path)) == []
    assert read(fetch(server, tmp_path / "file", max_size=len(TEXT))) == TEXT


def endless(piece, pause=0.0):
    """A server that never ends to send a file of unknown length."""
    def route(handler):
        handler.reply(headers={"Content-Length": None})
        try:
            while True:
                handler.wfile.write(piece)
                time.sleep(pause)
        except OSError:
            pass

    return route


def test_an_endless_file_is_cut_at_the_limit(server, tmp_path):
    server.routes["/file"] = endless(TEXT)
    assert "at most 1000000" in failure(fetch, server, tmp_path / "file", max_size=1000000)
    assert len(server.requests) == 1 and os.listdir(str(tmp_path)) == []


def test_a_server_that_trickles_is_given_up(server, tmp_path):
    server.routes["/file"] = endless(b"x", pause=0.02)
    begin = time.time()
    assert "takes too long" in failure(fetch, server, tmp_path / "file", timeout=5.0, max_seconds=0.2)
    assert time.time() - begin < 4 and len(server.requests) == 1


def test_a_server_that_falls_silent_is_given_up(server, tmp_path):
    server.routes["/file"] = lambda handler: (handler.reply(TEXT, cut=1000), time.sleep(1))
    begin = time.time()
    assert "timed out" in failure(fetch, server, tmp_path / "file", timeout=0.1, tries=2)
    assert time.time() - begin < 4 and ranges(server) == [None, "bytes=1000-"]


# --- every hop is of the web -----------------------------------------------------------------------------------------
ELSEWHERE = ["file:///etc/hosts", "ftp://127.0.0.1/file", "data:application/zip;base64,UEsFBg==", "gopher://x/y"]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_redirect_to_something_else_is_refused(server, tmp_path, address):
    server.routes["/file"] = lambda handler: handler.reply(status=302, headers={"Location": address})
    assert address.split(":")[0] in failure(fetch, server, tmp_path / "file")
    assert len(server.requests) == 1 and os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("address", ELSEWHERE + ["http://[/"])
def test_a_form_that_leads_to_something_else_is_refused(server, tmp_path, address):
    page = "<form id='download-form' action='%s'></form>" % address
    server.routes["/file"] = lambda handler: handler.reply(page.encode(), headers={"Content-Type": "text/html"})
    failure(fetch, server, tmp_path / "file")
    assert len(server.requests) == 1 and os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("address", ELSEWHERE + ["", "/etc/hosts", "http:[", "http://[/"])
def test_an_address_of_something_else_is_refused(tmp_path, address):
    failure(transfer.fetch, address, str(tmp_path / "file"), tries=1)
    assert not (tmp_path / "file").exists()


def test_a_redirect_on_the_web_is_followed_also_when_resuming(server, tmp_path):
    server.routes["/file"] = lambda handler: handler.reply(status=302, headers={"Location": "/there"})
    server.routes["/there"] = file_route(TEXT, cuts=[1000])
    assert read(fetch(server, tmp_path / "file")) == TEXT
    assert ranges(server) == [None, None, "bytes=1000-", "bytes=1000-"]


# --- this machine ----------------------------------------------------------------------------------------------------
def test_a_full_disk_is_one_line_and_no_reason_to_try_again(server, tmp_path, monkeypatch):
    server.routes["/file"] = file_route(TEXT)

    def verify(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(transfer.os, "replace", verify)
    assert "cannot be written (No space left" in failure(fetch, server, tmp_path / "file")
    assert len(server.requests) == 1


def test_a_proxy_is_asked(server, tmp_path, monkeypatch):
    server.routes["/file"] = file_route(TEXT)
    monkeypatch.setenv("http_proxy", server.base)
    monkeypatch.setenv("no_proxy", "")
    assert read(transfer.fetch("http://nowhere.invalid/file", str(tmp_path / "file"))) == TEXT
    assert server.requests[0].path == "http://nowhere.invalid/file"


def test_progress_without_a_terminal_prints_lines(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    server.routes["/file"] = file_route(TEXT)
    fetch(server, tmp_path / "file", what="BERT")
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert lines and all(line.startswith("BERT: ") for line in lines) and not captured.out
    assert lines[-1].startswith("BERT: 100k of 100k, ")
