"""A tiny encoder in the place of the embedded one, for the tests of what starts from it."""
import pytest
import tiny

from fetch import minilm as fetch_minilm


@pytest.fixture(name="encoder", scope="module")
def fixture_encoder(tmp_path_factory):
    """Folder of the tiny encoder."""
    return tiny.write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(name="embedded", autouse=True)
def fixture_embedded(encoder, monkeypatch):
    """Nothing is fetched."""
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: encoder)
