"""Runs of a sweep: which there are, their settings, and what their folders tell."""
import json
import os

import pytest
import tiny
from leopard_layout import fixture_environment, fixture_leopard  # noqa: F401

from command_line import recipes
from fetch import minilm as fetch_minilm
from runs import sweep, sweep_keys
from runtime.errors import UserError

KEY = sweep_keys.Key("minilm-heads", "airline", 4, 0)


@pytest.fixture
def encoder(tmp_path_factory, monkeypatch):
    """The small encoder in the downloads; returns the folders that it was asked for."""
    folder, asked = tiny.write_encoder(tmp_path_factory.mktemp("encoder")), []
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: asked.append(folder) or folder)
    return asked


def put(folder, values):
    os.makedirs(str(folder), exist_ok=True)
    (folder / "results.json").write_text(values if isinstance(values, str) else json.dumps(values))


def test_settings_of_a_job(encoder, environment, tmp_path):
    jobs = sweep.Jobs(str(tmp_path), "bert", environment, {}, ["--seed=3", "--train_batch_size=5"])
    job = jobs.job(KEY)
    assert job.folder == job.settings.output_dir == KEY.folder(str(tmp_path))
    assert (job.settings.finetuning.seed, job.settings.finetuning.train_batch_size) == (3, 5)
    assert job.settings.finetuning.eval_batch_size == recipes.schedule_flags("minilm-heads", 4, 3)["eval_batch_size"]
    assert job.settings.labels == ("negative", "neutral", "positive") and job.settings.text.do_lower_case
    assert job.settings.train_file.endswith("airline_train_0_4.json")
    assert job.settings.given["do_eval"] is True and job.settings.given["seed"] == 3
    jobs.job(KEY._replace(task="conll"))
    assert len(encoder) == 1  # weights are looked for once


def test_jobs_that_cannot_be_made(encoder, environment, tmp_path):
    """Each for its own reason; a model that was not found is not looked for again."""
    jobs = sweep.Jobs(str(tmp_path), "bert", environment, {}, [])
    with pytest.raises(UserError, match="split 1, k=4"):
        jobs.job(KEY._replace(split=1))
    for _ in range(2):
        with pytest.raises(UserError, match="Model proto with the encoder bert was never released"):
            jobs.job(KEY._replace(model="proto"))


@pytest.mark.parametrize(
    "left, expected",
    [
        (None, None),
        ("{", None),
        ("[]", None),
        ({"error": "no memory", "run_id": "b"}, None),  # no result
        ({"metrics": None, "run_id": "a"}, "a"),
    ],
)
def test_what_a_folder_tells(left, expected, tmp_path):
    if left is not None:
        put(tmp_path, left)
    assert sweep.stored_run_id(str(tmp_path)) == expected


def test_failures_are_recorded_but_take_no_result_away(tmp_path):
    folder = tmp_path / "new"
    assert sweep.record_failure(KEY, str(folder), "no memory") == "no memory"
    assert json.loads((folder / "results.json").read_text()) == dict(KEY._asdict(), error="no memory")
    put(folder, {"metrics": {"accuracy": 0.5}, "run_id": "a"})
    sweep.record_failure(KEY, str(folder), "no memory")
    assert sweep.stored_run_id(str(folder)) == "a" and sweep.accuracy(str(folder)) == 0.5


@pytest.mark.parametrize("left", [None, "{", {"metrics": None}, {"metrics": {}}, {"metrics": {"accuracy": 7.0}}])
def test_results_without_an_accuracy(left, tmp_path):
    if left is not None:
        put(tmp_path, left)
    with pytest.raises(UserError, match="results.json cannot be read .*: delete it"):
        sweep.accuracy(str(tmp_path))


def test_a_users_file_is_not_taken_for_a_result(tmp_path):
    put(tmp_path, {"mine": 1})
    with pytest.raises(UserError, match="--output_dir: .*results.json is there, and not of this program"):
        sweep.record_failure(KEY, str(tmp_path), "no memory")
    assert (tmp_path / "results.json").read_text() == '{"mine": 1}'


def test_discarded_results(tmp_path):
    put(tmp_path, {"metrics": None, "run_id": "a"})
    (tmp_path / "predictions.tsv").write_text("row\tprediction\tp(a)\n")
    (tmp_path / "notes").write_text("")
    for _ in range(2):
        sweep.discard(str(tmp_path))
        assert os.listdir(str(tmp_path)) == ["notes"]


def test_room_is_made_only_where_that_is_wished(encoder, environment, tmp_path):
    job = sweep.Jobs(str(tmp_path / "out"), "bert", environment, {}, []).job(KEY)
    put(tmp_path / "out" / "minilm-heads" / "airline" / "4" / "0", {"metrics": None, "run_id": "another"})
    with sweep.Runner() as runner:
        to_do, others, failures = sweep.jobs_to_do([KEY, KEY._replace(k=32)], _jobs(job), runner)
    assert to_do == others == [job] and list(failures) == [KEY._replace(k=32)]
    with pytest.raises(UserError, match="other settings, weights or data .1 such files.*--overwrite"):
        sweep.make_room(others, False)
    assert sweep.stored_run_id(job.folder) == "another"
    sweep.make_room(others, True)
    assert sweep.stored_run_id(job.folder) is None


def _jobs(job):
    """Jobs of which but one can be made."""

    class Jobs:
        def job(self, key):
            """As sweep.Jobs.job."""
            if key != job.key:
                raise UserError("no such files")
            return job

    return Jobs()
