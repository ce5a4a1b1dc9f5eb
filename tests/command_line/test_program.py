"""Programs: help that ends well, and flags that there are not."""
import os
import re
import subprocess
import sys

import pytest
from absl import flags

from command_line import program, program_flags
from runtime.paths import ROOT


def programs():
    for folder, _, names in os.walk(os.path.join(ROOT, "scripts")):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".py"):
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                if '__name__ == "__main__"' in text:
                    yield path, text


PROGRAMS = list(programs()) + [(os.path.join(ROOT, "run_classifier_multitask.py"), "")]


@pytest.mark.parametrize("path", [path for path, _ in PROGRAMS], ids=os.path.basename)
def test_programs_can_be_started_by_their_name(path):
    with open(path, encoding="utf-8") as file:
        assert file.readline() == "#!/usr/bin/env python3\n"
    assert os.stat(path).st_mode & 0o111 == 0o111


# One of each kind: absl's and argparse's flags, a text of its own, and a package that is not installed.
@pytest.mark.parametrize(
    "name", ["scripts/convert_text.py", "scripts/check_data.py", "scripts/finetune.py",
             "scripts/benchmarks/benchmark_torch.py"]
)
def test_help_ends_well_also_where_nobody_reads_it(name):
    command = "%s %s --help" % (sys.executable, os.path.join(ROOT, name))
    done = subprocess.run(command.split(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert (done.returncode, done.stderr) == (0, "") and len(done.stdout) > 200
    piped = "%s | true; test ${PIPESTATUS[0]} -ne 1" % command
    done = subprocess.run(["bash", "-c", piped], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_value_that_is_neither_true_nor_false():
    values = flags.FlagValues()
    flags.DEFINE_bool("keep", False, "Keeps.", flag_values=values)
    with pytest.raises(flags.Error) as found:
        values(["program", "--keep=perhaps"])
    assert str(program.wrong_value(found.value)) == "flag --keep=perhaps: true or false is needed."


def test_an_unknown_flag_of_a_program_is_one_line():
    command = [sys.executable, os.path.join(ROOT, "scripts", "convert_text.py"), "--vocab_fil=x"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 2
    assert done.stderr == "error: there is no flag --vocab_fil: did you mean --vocab_file?\n"


@pytest.mark.parametrize(
    "name, expected",
    [
        ("epochs", "num_train_epochs"), ("batch_size", "train_batch_size"), ("max_seq_len", "max_seq_length"),
        ("sed", "seed"),
        ("lower_case", "do_lower_case"), ("learning-rate", "learning_rate"), ("seq_length", "max_seq_length"),
        ("output-dir", "output_dir"), ("num_epochs", "num_train_epochs"), ("zzz", None),
    ],
)
def test_what_is_meant(name, expected):
    found = program.nearest(name, program_flags.names())
    assert expected in found if expected else found == []
    hint = str(program.unknown(name, program_flags.names()))
    assert re.match("there is no flag --%s: (did you mean --|--help lists them)" % name, hint)
