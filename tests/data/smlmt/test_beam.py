"""The SMLMT generator on Apache Beam: the same files, byte for byte."""
import gzip

import pytest
from smlmt_program import (  # noqa: F401 (the fixture)
    arguments,
    contents,
    fixture_folder,
    run,
    start,
    text_of,
)

from runtime.errors import UserError

pytest.importorskip("apache_beam", reason="apache_beam is not installed (scripts/setup_env.sh --with=beam)")
from data.smlmt import beam  # noqa: E402


def test_options():
    found = beam.options("DirectRunner", 3, "--job_name=x").get_all_options()
    assert found["runner"] == beam.PYTHON_RUNNER and found["job_name"] == "x"
    assert (found["direct_num_workers"], found["direct_running_mode"]) == (3, "multi_processing")
    assert beam.options("DirectRunner", 3, "--direct_num_workers=2").get_all_options()["direct_num_workers"] == 2
    assert beam.options("DirectRunner", 1, "").get_all_options()["direct_num_workers"] == 1
    with pytest.raises(UserError, match="--beam_options=--direct_num_workers=many: refused by Beam .*many") as error:
        beam.options("DirectRunner", 1, "--direct_num_workers=many")
    assert "\n" not in str(error.value)


def test_beam_gives_the_same_files(folder):
    (folder / "texts").mkdir()
    lines = text_of(20).splitlines(True)
    (folder / "texts" / "a.txt").write_text("".join(lines[:50] + lines[10:20]))
    (folder / "texts" / "b.gz").write_bytes(gzip.compress("".join(lines[40:]).encode("ascii")))
    options = dict(input=folder / "texts", tasks_per_class_count=130, max_count=22)  # two shards, some second tries
    run(folder, **options)
    code, out, err = start(*arguments(folder, runner="DirectRunner", output_dir=folder / "beam", **options))
    assert code == 0, err
    assert contents(folder / "out") == contents(folder / "beam")
    (folder / "texts" / "b.gz").write_bytes(gzip.compress(b"\xff\n"))
    code, out, err = start(*arguments(folder, runner="DirectRunner", output_dir=folder / "third", **options))
    assert (code, out) == (2, "") and "b.gz: byte 0 (0xff) is not UTF-8" in err.splitlines()[-1], err
    assert not (folder / "third").exists()
