"""model.json and results.json of strangers: every mutation is refused in one line, or is what it says."""
import dataclasses
import json

import hostile_json
import pytest
import result_files
import tiny

from learner import configs
from runs import model_folder
from runs.tables.runs import read_runs
from runtime.errors import UserError


def refusal(call):
    """The error of a call as a line; None where it has a result."""
    try:
        call()
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 600, error
        return str(error)
    return None


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny.write(folder, ["up", "down"])
    path = folder / "model.json"
    content = dict(json.loads(path.read_text()), pair=False, label_kind="U", run_id="0123456789abcdef")
    content["finetuning"] = dataclasses.asdict(configs.FinetuneConfig())
    return str(folder), path, content


def test_mutations_of_a_model(stored):
    folder, path, content = stored
    count = 0
    for what, mutated in hostile_json.mutations(content):
        path.write_bytes(mutated)
        count += 1
        line = refusal(lambda: model_folder.load(folder))
        if line is None:
            model = model_folder.load(folder)
            for part in (model.bert_config, model.config, model.text):
                for field in dataclasses.fields(part):
                    kinds = (int, float) if field.type is float else field.type
                    assert isinstance(getattr(part, field.name), kinds), (what, field.name)
            assert len(set(model.labels)) == len(model.labels) >= 1 and all(model.labels), what
            assert what.split("=")[0] != "labels" and not what.startswith("labels with"), what
        else:
            assert "model.json is damaged" in line, (what, line)
    assert count > 700
    path.write_bytes(json.dumps(content).encode("utf-8"))
    assert model_folder.load(folder).labels == ("up", "down")


@pytest.mark.parametrize("change, words", [
    ({"labels": "ud"}, "labels is 'ud'; a list"),
    ({"labels": ["up", "up"]}, "labels has 'up' twice"),
    ({"bert_config": dict(tiny.TEXT_SIZES, hidden_size=10**9)}, "bert_config.hidden_size is 1000000000"),
    ({"bert_config": dict(tiny.TEXT_SIZES, num_hidden_layers=True)}, "num_hidden_layers is True"),
    ({"text": {"do_lower_case": "no", "max_seq_length": 9}}, "text.do_lower_case is 'no'; true or false"),
    ({"text": {"do_lower_case": True, "max_seq_length": 99}}, "more than the encoder's 24 positions"),
    ({"label_kind": "i"}, "the label 'up' is not of the kind i"),
    ({"softmax": {}}, "one of learner and softmax"),
    ({"scale": 2}, "model.json is of a later version, or damaged (scale is unknown here): read it with"),
    ({"text": {"do_lower_case": True, "max_seq_length": 9, "stem": True}}, "later version, or damaged (text.stem is"),
])
def test_what_is_told(change, words, stored):
    folder, path, content = stored
    path.write_text(json.dumps(dict(content, **change)))
    assert words in refusal(lambda: model_folder.load(folder))


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_no_model_file(kind, tmp_path):
    hostile_json.put_no_file(tmp_path / "model.json", kind)
    assert "model.json" in refusal(lambda: model_folder.load(str(tmp_path)))


def test_mutations_of_results(tmp_path):
    content = result_files.content(run_id="0123456789abcdef", k=4, split=0, model="a", task="airline")
    result_files.put(tmp_path, "a/airline/4/0", content)
    path, count = tmp_path / "a" / "airline" / "4" / "0" / "results.json", 0
    for what, mutated in hostile_json.mutations(content):
        path.write_bytes(mutated)
        count += 1
        if refusal(lambda: read_runs(str(tmp_path))) is None:
            (run,), _ = read_runs(str(tmp_path))
            assert 0 <= run.accuracy <= 1 and 0 <= run.macro_f1 <= 1 and 0 <= run.loss < float("inf"), what
            assert len(run.labels) == len(run.confusion) and 0 < run.k <= 10**6 and 0 <= run.split <= 10**6, what
    assert count > 300


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_no_results_file(kind, tmp_path):
    (tmp_path / "a").mkdir()
    hostile_json.put_no_file(tmp_path / "a" / "results.json", kind)
    assert refusal(lambda: read_runs(str(tmp_path)))


@pytest.mark.parametrize("name, value", [("accuracy", 7.0), ("accuracy", None), ("loss", -1), ("confusion", [[1, 2]])])
def test_metrics_that_cannot_be(name, value, tmp_path):
    content = result_files.content()
    content["metrics"][name] = value
    result_files.put(tmp_path, "a/airline/4/0", content)
    assert "metrics.%s" % name in refusal(lambda: read_runs(str(tmp_path)))
