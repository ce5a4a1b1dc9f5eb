"""Flag files as plain settings."""
import glob
import os

import pytest

from command_line import presets, program_flags
from runtime.errors import UserError
from runtime.paths import PRESETS


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(PRESETS, "*.flags"))), ids=os.path.basename)
def test_every_preset_is_read_as_the_main_program_reads_it(path):
    expected = program_flags.given(program_flags.parse(["--flagfile=" + path]))
    found = presets.read(path)
    assert found == expected
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in expected.items()}


def test_kinds_are_those_of_the_flags():
    examples = {bool: "false", int: "3", float: "0.5", str: "tanh"}
    for name, kind in presets.kinds().items():
        value = program_flags.parse([], {name: "softmax" if name == "classifier" else _allowed(name, examples[kind])})
        assert type(value[name].value) is kind, name


def _allowed(name, text):
    return {"pooling": "mean", "head_init": "normal"}.get(name, text)


@pytest.mark.parametrize(
    "line, words",
    [
        ("--no_such_flag=1", ["no_such_flag"]),
        ("--do_train=true", ["--do_train"]),
        ("--SGD_K=many", ["--SGD_K=many", "int"]),
        ("--clip_lr=maybe", ["--clip_lr=maybe", "bool"]),
        ("--keep_prob=0 and more", ["--keep_prob"]),
        ("warp_layers=true", ["bad.flags", "warp_layers=true"]),
        ("--warp_layers", ["bad.flags", "--warp_layers"]),
    ],
)
def test_mistakes(line, words, tmp_path):
    path = tmp_path / "bad.flags"
    path.write_text("# A comment.\n\n--train_lr=0.5\n%s\n" % line)
    with pytest.raises(UserError) as error:
        presets.read(str(path))
    assert not [word for word in words + [str(path)] if word not in str(error.value)], error.value
