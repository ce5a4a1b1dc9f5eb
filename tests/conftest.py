"""What every test file may ask for."""
import os

import pytest

from runtime.compat import tf


@pytest.fixture(name="graph")
def fixture_graph():
    """A graph of the test's own."""
    with tf.Graph().as_default() as built:
        yield built


@pytest.fixture(name="leopard_dir", scope="session")
def fixture_leopard_dir():
    """The public task data, where LEOPARD_DIR names them; else the test is skipped."""
    folder = os.environ.get("LEOPARD_DIR")
    if not folder:
        pytest.skip("LEOPARD_DIR does not name a copy of the LEOPARD data")
    return folder
