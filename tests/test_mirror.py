"""Tests mirror the files: every module has a test file of its own, or stands below with what tests it."""
import os

import pytest
from test_layers import MODULES

from runtime.paths import ROOT

ELSEWHERE = {
    "run_classifier_multitask": "tests/main: a folder of its own",
    "smlmt.commands": "tests/scripts/distribution/test_build_hook.py: as the installed package has them",
    "fetch.__main__": "tests/fetch/test_catalogue.py: the command of the catalogue",
    "runtime.paths": "names of folders; tests/runs/test_model_folder.py",
    "runtime.onnx_model": "names of files and of what is in them",
    "runtime.run_files": "names of files",
    "runs.tables.published": "the papers' numbers; test_layout.py reads them",
    "training.plan": "tuples of names",
    "scripts.export_onnx": "tests/runs/test_onnx_export.py",
    "scripts.export_saved_model": "tests/runs/test_serving.py",
    "scripts.run_docs": "tests/test_docs.py",
    # what the sides of a measurement do needs other environments
    "scripts.benchmarks.benchmark": "",
    "scripts.benchmarks.benchmark_side": "",
    "scripts.benchmarks.benchmark_tf": "",
    "scripts.benchmarks.benchmark_torch": "",
    "scripts.benchmarks.prediction_side": "",
}
OWN = [module.name for module in MODULES if not module.is_package and module.name not in ELSEWHERE]


@pytest.mark.parametrize("name", OWN)
def test_a_module_has_a_test_file(name):
    *folders, last = name.split(".")
    assert os.path.exists(os.path.join(ROOT, "tests", *folders, "test_%s.py" % last))


def test_no_exception_outlives_its_reason():
    assert set(ELSEWHERE) <= {module.name for module in MODULES}
