"""scripts/fetch_data.py: fetches, compares, goes on after a failure; nothing comes from the network."""
import io
import zipfile

import fetch_data
import pytest

from fetch import catalogue, transfer

NOWHERE = "--base=http://127.0.0.1:1"  # nobody listens there


@pytest.fixture(name="dest")
def fixture_dest(tmp_path, monkeypatch):
    """A folder in which the archive of BERT was put by hand; pauses between tries are skipped."""
    monkeypatch.setattr(transfer.time, "sleep", lambda seconds: None)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in catalogue.CATALOGUE["bert"].needs:
            archive.writestr("top/" + name, name)
    (tmp_path / "bert.zip").write_bytes(content.getvalue())
    return tmp_path


def run(dest, capsys, *arguments):
    """(exit code, lines of output, lines of errors)."""
    code = fetch_data.main(list(arguments) + ["--dest=%s" % dest, NOWHERE])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err.splitlines()


def test_fetches_then_compares(dest, capsys):
    code, (line,), _ = run(dest, capsys, "bert")
    assert code == 0 and "bert: %s, 4 files" % (dest / "bert") in line and line.endswith("added to manifest.json")
    code, (line,), _ = run(dest, capsys, "bert")
    assert code == 0 and line.endswith("as in manifest.json")
    (dest / "bert" / "vocab.txt").write_text("changed")
    code, output, (error,) = run(dest, capsys, "bert")
    assert code == 2 and not output and "vocab.txt has changed" in error


def test_a_failed_download_names_address_and_place_and_the_others_go_on(dest, capsys):
    code, output, errors = run(dest, capsys, "leopard", "bert")
    assert code == 2 and len(output) == 1 and output[0].startswith("bert: ")
    (error,) = errors
    assert "http://127.0.0.1:1/iesl/leopard" in error and str(dest / "leopard-master.zip") in error


def test_everything_is_the_default(dest, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(fetch_data, "fetch", lambda name, *_: asked.append(name))
    assert run(dest, capsys)[0] == 0
    assert tuple(asked) == catalogue.NAMES


def test_unknown_names_are_wrong_use(dest, capsys):
    assert fetch_data.main(["bart"]) == 2
    assert "hybrid-smlmt" in capsys.readouterr().err


def test_a_place_that_is_no_folder(dest, capsys):
    (dest / "file").write_text("")
    code, _, (error,) = run(dest / "file" / "below", capsys, "bert")
    assert code == 2 and "choose another" in error
