"""Addresses of Google Drive, and its page that asks for a confirmation. Transfers through it: test_transfer.py."""
import pytest

from fetch import drive

PAGE = "https://drive.google.com/uc?export=download&id=x"
FORM = (
    '<form id="%s" action="%s"><input type="hidden" name="confirm" value="t"><input name="uuid" value="u&amp;1">'
    '<input type="submit"></form><input name="other" value="no">'
)


def test_address():
    assert drive.address("x") == PAGE
    assert drive.address("x", "http://localhost:1/") == "http://localhost:1/uc?export=download&id=x"


@pytest.mark.parametrize("kind", ["download-form", "downloadForm"])
def test_the_form_of_the_page(kind):
    """Its hidden inputs, and no others, are added to what its address holds."""
    found = drive.confirmed(FORM % (kind, "https://drive.usercontent.google.com/download?id=x"), PAGE)
    assert found == "https://drive.usercontent.google.com/download?id=x&confirm=t&uuid=u%261"
    assert drive.confirmed(FORM % (kind, "/download"), PAGE) == "https://drive.google.com/download?confirm=t&uuid=u%261"


@pytest.mark.parametrize(
    "page, cookies",
    [('<a href="/uc?export=download&amp;confirm=AbC_1&amp;id=x">', ()), ("", [("download_warning_1", "AbC_1")])],
)
def test_earlier_pages(page, cookies):
    assert drive.confirmed(page, PAGE, cookies) == PAGE + "&confirm=AbC_1"


@pytest.mark.parametrize(
    "page, url, cookies",
    [
        ("<p>quota exceeded</p>", PAGE, [("session", "1")]),
        (FORM % ("search", "/search"), PAGE, ()),
        ("?confirm=AbC", PAGE + "&confirm=AbC", ()),  # the same page again
    ],
)
def test_another_page(page, url, cookies):
    assert drive.confirmed(page, url, cookies) is None
