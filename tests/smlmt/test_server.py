"""The HTTP server of docs/ONNX.md, over loopback: bad requests, and many clients whose requests make batches."""
import json
import os
import re
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import onnx_folder
import pytest
import uvicorn

from runtime.paths import ROOT
from smlmt.onnx_classifier import OnnxClassifier

CLIENTS, REQUESTS = 8, 5
TEXTS = ["good film", "bad slow plot", "fine", "red green blue good", "very bad"]


class Counting:
    """A classifier that notes its batches; the first one takes as long as the clients need to be there."""

    def __init__(self, classifier):
        self._classifier, self.batches, self.go_on = classifier, [], threading.Event()
        self.classes_, self.check = classifier.classes_, classifier.check

    def predict_proba(self, texts):
        self.batches.append(len(texts))
        self.go_on.wait(20)
        return self._classifier.predict_proba(texts)


@pytest.fixture(scope="module")
def code():
    """The example of the docs."""
    with open(os.path.join(ROOT, "docs", "ONNX.md"), encoding="utf-8") as file:
        block = next(each for each in re.findall(r"```python\n(.*?)```", file.read(), re.S) if "serve.py" in each)
    assert block.count("\n") <= 60
    names = {"__name__": "serve"}
    exec(compile(block, "serve.py", "exec"), names)
    return names


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return Counting(OnnxClassifier(onnx_folder.write(tmp_path_factory.mktemp("run"))[1]))


@pytest.fixture(scope="module")
def ask(code, classifier):
    """Function from a request's bytes to (status, answer)."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(100)  # who comes before the server is ready waits
    address = "http://127.0.0.1:%d/predict" % listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(code["application"](classifier), log_level="error"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()

    def ask(content):
        try:
            with urllib.request.urlopen(urllib.request.Request(address, content), timeout=30) as answer:
                return answer.status, json.loads(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read().decode())

    yield ask
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.mark.parametrize(
    "content, words",
    [
        (b"{", ""), (b"[]", ""), (b"{}", "texts"), (b'{"texts": []}', "empty"), (b'{"texts": "good"}', "list or array"),
        (b'{"texts": ["good", " "]}', "row 1 has an empty text"),
        (json.dumps({"texts": ["good"] * 257}).encode(), "257 texts; 256"),
    ],
    ids=lambda value: "",
)
def test_bad_requests_are_told_what_is_wrong(ask, content, words):
    status, answer = ask(content)
    assert status == 400 and words in answer["error"]


def test_clients_get_their_own_answers_and_share_batches(ask, classifier):
    expected = OnnxClassifier.predict(classifier._classifier, TEXTS).tolist()

    def client(number):
        for turn in range(REQUESTS):
            rows = [(number + turn + row) % len(TEXTS) for row in range(1 + turn % 3)]
            status, answer = ask(json.dumps({"texts": [TEXTS[row] for row in rows]}).encode())
            assert status == 200 and [row["label"] for row in answer["predictions"]] == [expected[row] for row in rows]
            assert all(abs(sum(row["probabilities"].values()) - 1.0) < 1e-5 for row in answer["predictions"])

    threading.Timer(1.0, classifier.go_on.set).start()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))
    assert len(classifier.batches) < CLIENTS * REQUESTS and max(classifier.batches) > 3, classifier.batches
