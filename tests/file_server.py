"""A small HTTP server on this machine for tests of downloads, and what such tests have in common."""
import http.server
import io
import urllib.parse
import zipfile

import pytest

from runtime.errors import UserError

TEXT = bytes(range(256)) * 400  # 102,400 bytes


def make_zip(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
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


def failure(call, *arguments, **options):
    """The message of the UserError that the call ends with; it is one line."""
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def read(path):
    with open(str(path), "rb") as file:
        return file.read()
