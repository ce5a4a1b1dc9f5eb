"""The catalogue of downloads and the command python -m fetch, on small archives from a server on this machine."""
import os
import threading
import urllib.parse
import zipfile

import pytest
from file_server import ZIP, failure, file_route, make_zip

from fetch import __main__ as command
from fetch import catalogue


@pytest.fixture(name="sources")
def fixture_sources(server, monkeypatch):
    """A server with small archives for everything in the catalogue."""
    for name, source in list(catalogue.CATALOGUE.items()):
        monkeypatch.setitem(catalogue.CATALOGUE, name, source._replace(min_size=1))
        members = [need + "/x" if need.startswith("data/") else need for need in source.needs]  # those are folders
        archive = make_zip({"anything/model/" + member: "" for member in members})
        server.routes[urllib.parse.urlsplit(source.url).path] = file_route(archive)
    return server


@pytest.mark.parametrize("call, file", [
    (catalogue.ensure_bert, "bert_config.json"),
    (catalogue.ensure_leopard, "data/json"),
    (lambda *arguments: catalogue.ensure_model("hybrid-smlmt", *arguments), "saved_model.pb"),
])
def test_ensure_fetches_once(sources, tmp_path, call, file):
    folder = str(tmp_path / "new" / "here")
    for _ in range(2):
        assert call(folder, sources.base) == folder
        assert os.path.exists(os.path.join(folder, file))
    assert len(sources.requests) == 1 and os.listdir(str(tmp_path / "new")) == ["here"]


def test_ensure_from_two_threads_fetches_once(sources, tmp_path):
    folder = str(tmp_path / "bert")
    threads = [threading.Thread(target=catalogue.ensure_bert, args=(folder, sources.base)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.exists(os.path.join(folder, "vocab.txt")) and len(sources.requests) == 1


def test_ensure_takes_a_zip_saved_by_hand(server, tmp_path):
    (tmp_path / "bert.zip").write_bytes(make_zip({"x/" + need: "" for need in catalogue.CATALOGUE["bert"].needs}))
    catalogue.ensure_bert(str(tmp_path / "bert"))
    assert sorted(os.listdir(str(tmp_path))) == ["bert", "bert.zip"] and not server.requests


@pytest.mark.parametrize("entries", [{"other/readme": ""}, {"l/data/json/x": "", "l/data/tf_record/" + "x" * 300: ""}])
def test_another_archive_than_the_one_that_is_needed_does_not_stay(entries, sources, tmp_path):
    path = urllib.parse.urlsplit(catalogue.CATALOGUE["leopard"].url).path
    good, sources.routes[path] = sources.routes[path], file_route(make_zip(entries))
    told = failure(catalogue.ensure_leopard, str(tmp_path / "leopard"), sources.base)
    assert "(it was removed: the same command fetches it again)" in told and os.listdir(str(tmp_path)) == []
    sources.routes[path] = good
    assert os.listdir(catalogue.ensure_leopard(str(tmp_path / "leopard"), sources.base)) == ["data"]


def test_the_catalogue_expects_a_plausible_size(server, tmp_path):
    server.routes["/bert_models/2018_10_18/cased_L-12_H-768_A-12.zip"] = file_route(ZIP)
    assert "at least" in failure(catalogue.ensure_bert, str(tmp_path / "bert"), server.base)


def test_unknown_model():
    assert "hybrid-smlmt, smlmt, leopard-model" in failure(catalogue.ensure_model, "bart")


def test_command(sources, tmp_path, capsys):
    assert command.main(["smlmt", "--dest", str(tmp_path), "--base", sources.base]) == 0
    assert capsys.readouterr().out == str(tmp_path / "smlmt") + "\n"
    sources.routes["/bert_models/2018_10_18/cased_L-12_H-768_A-12.zip"] = lambda handler: handler.reply(b"", 403)
    assert command.main(["bert", "--dest", str(tmp_path), "--base", sources.base]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and str(tmp_path / "bert.zip") in captured.err


def test_the_catalogue_bounds_what_an_archive_may_become(sources, tmp_path, monkeypatch):
    monkeypatch.setitem(catalogue.CATALOGUE, "bert", catalogue.CATALOGUE["bert"]._replace(max_size=1 << 16))
    needs = catalogue.CATALOGUE["bert"].needs
    archive = make_zip({need: bytes(1 << 15) for need in needs}, zipfile.ZIP_DEFLATED)
    sources.routes["/bert_models/2018_10_18/cased_L-12_H-768_A-12.zip"] = file_route(archive)
    assert "is refused" in failure(catalogue.ensure_bert, str(tmp_path / "bert"), sources.base)
    assert os.listdir(str(tmp_path)) == [] and len(sources.requests) == 1


def test_every_bound_lies_above_the_least_size():
    assert all(0 < source.min_size < source.max_size for source in catalogue.CATALOGUE.values())


def test_what_a_killed_program_had_fetched_is_used_and_goes(server, tmp_path):
    """Killed before it was unpacked, or after; an archive that was put there by hand stays."""
    archive = make_zip({"x/" + need: "" for need in catalogue.CATALOGUE["bert"].needs})
    for _ in range(2):
        (tmp_path / "bert.download").write_bytes(archive)
        assert catalogue.ensure_bert(str(tmp_path / "bert"), server.base) == str(tmp_path / "bert")
        assert os.listdir(str(tmp_path)) == ["bert"] and not server.requests
