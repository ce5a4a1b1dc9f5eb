"""Which file predictions go to."""
import collections

import pytest

from runs import prediction_places
from runtime.errors import UserError

Asked = collections.namedtuple("Asked", ["predict_file", "output_dir", "output"])


@pytest.mark.parametrize(
    "output, has_results, expected",
    [("-", True, None), ("a.tsv", True, "a.tsv"), (None, False, "predictions.tsv"),
     (None, True, "predictions_new.tsv")],
)
def test_path(output, has_results, expected, tmp_path):
    if has_results:
        (tmp_path / "results.json").write_text("{}")
    asked = Asked("/some/new.csv.gz", str(tmp_path), output)
    found, path = prediction_places.outputs(asked, None)
    assert path == (expected and (expected if output else str(tmp_path / expected)))
    assert len(found) == (expected is not None)
    assert len(prediction_places.outputs(asked, object())[0]) == len(found) + 1


def test_a_file_in_the_folder_appears_when_all_is_written(tmp_path):
    output = prediction_places.outputs(Asked("new.csv", str(tmp_path), None), None)[0][0]
    with pytest.raises(KeyboardInterrupt):
        with output:
            raise KeyboardInterrupt
    assert not (tmp_path / "predictions.tsv").exists()
    with output:
        pass
    assert (tmp_path / "predictions.tsv").exists()


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written .*; or name a file by --output"):
        prediction_places.check(Asked("new.csv", str(tmp_path / "file" / "folder"), None))
    with pytest.raises(UserError, match="--output: there is no folder"):
        prediction_places.check(Asked("new.csv", "", str(tmp_path / "none" / "a.tsv")))
