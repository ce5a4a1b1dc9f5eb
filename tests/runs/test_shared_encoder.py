"""Models from one start keep the encoder once, and each of them is whole whatever happens to the others."""
import os
import pathlib
import shutil

import kills
import pytest

from runs import model_folder, output_folder
from runtime import folders
from runtime.run_files import ENCODER_FILE, MODEL

ENCODER = b"weights " * 1000


def save(folder, encoder=ENCODER, mark="1"):
    """As FewShotClassifier.save does it."""
    with model_folder.replacing(str(folder), "save") as work:
        fill(work, encoder, mark)
    return folder / ENCODER_FILE


def run(folder, encoder=ENCODER, mark="1", is_other_model=True):
    """As a run of fine-tuning does it."""
    with output_folder.replacing(str(folder), is_other_model=is_other_model) as work:
        model = os.path.join(work, MODEL)
        os.mkdir(model)
        fill(model, encoder, mark)
    return folder / MODEL / ENCODER_FILE


def fill(model, encoder, mark):
    with open(os.path.join(model, "model.json"), "w") as file:
        file.write(mark)
    if encoder:
        with open(os.path.join(model, ENCODER_FILE), "wb") as file:
            file.write(encoder)


def links(path):
    return os.stat(str(path)).st_nlink


@pytest.mark.parametrize("make", [save, run])
@pytest.mark.parametrize("make_other", [save, run])
def test_models_beside_each_other(make, make_other, tmp_path):
    one, two, third = make(tmp_path / "one"), make_other(tmp_path / "two"), make(tmp_path / "b" / "three")
    assert os.path.samefile(str(one), str(two)) and links(two) == 2
    assert links(third) == 1  # not beside them
    shutil.rmtree(str(tmp_path / "one"))
    assert two.read_bytes() == ENCODER and links(two) == 1


@pytest.mark.parametrize("make", [save, run])
def test_another_encoder_is_never_shared(make, tmp_path):
    one, two = make(tmp_path / "one"), make(tmp_path / "two", ENCODER[:-1] + b"-")
    assert links(one) == links(two) == 1 and two.read_bytes() != one.read_bytes() == ENCODER


@pytest.mark.parametrize("make", [save, run])
def test_a_model_over_one_that_shares_its_file(make, tmp_path):
    """Moving a file over another name of it leaves both names: nothing may stay of the work, and nothing be lost."""
    other, path = make(tmp_path / "other"), make(tmp_path / "one")
    make(tmp_path / "one", mark="2")
    assert os.path.samefile(str(other), str(path)) and links(path) == 2
    assert (path.parent / "model.json").read_text() == "2" and path.read_bytes() == ENCODER
    assert sorted(os.listdir(str(tmp_path / "one"))) == sorted(
        [".made.json"] + ([MODEL] if make is run else ["model.json", ENCODER_FILE])
    )
    make(tmp_path / "one", b"of another start", "3")
    assert path.read_bytes() == b"of another start" and other.read_bytes() == ENCODER and links(other) == 1
    make(tmp_path / "one", None, "4")
    assert not path.exists() and other.read_bytes() == ENCODER


def test_a_copy_is_a_model_of_its_own(tmp_path):
    save(tmp_path / "one")
    save(tmp_path / "two")
    shutil.copytree(str(tmp_path / "two"), str(tmp_path / "copy"))
    shutil.rmtree(str(tmp_path / "one"))
    shutil.rmtree(str(tmp_path / "two"))
    assert (tmp_path / "copy" / ENCODER_FILE).read_bytes() == ENCODER
    save(tmp_path / "copy", mark="2")
    assert links(tmp_path / "copy" / ENCODER_FILE) == 1  # the earlier model's went with it


def test_a_model_replaces_its_own_earlier_one(tmp_path):
    save(tmp_path / "one")
    save(tmp_path / "one", mark="2")
    assert (tmp_path / "one" / ENCODER_FILE).read_bytes() == ENCODER


def test_folders_of_others_are_left_alone(tmp_path):
    (tmp_path / ".hidden" / MODEL).mkdir(parents=True)
    (tmp_path / ".hidden" / MODEL / ENCODER_FILE).write_bytes(ENCODER)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nothing").symlink_to(tmp_path / "none")
    assert links(run(tmp_path / "one")) == 1


def test_a_kill_at_any_operation_leaves_both_models_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)

    def prepare(folder):
        run(pathlib.Path(folder) / "other")
        act(folder, "1")

    def act(folder, mark="2"):
        run(pathlib.Path(folder) / "one", mark=mark)

    def read(folder):
        place = pathlib.Path(folder) / "one"
        folders.recover(str(place))
        assert (pathlib.Path(folder) / "other" / MODEL / ENCODER_FILE).read_bytes() == ENCODER
        return (place / MODEL / "model.json").read_text(), (place / MODEL / ENCODER_FILE).read_bytes()

    assert kills.kill_everywhere(kills.Case("model", prepare, act, read), str(tmp_path)) >= 20
