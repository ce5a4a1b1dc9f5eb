"""What is called otherwise in the installed package, whose modules have other names."""
import importlib.util

import pytest

from runtime import installation


@pytest.mark.parametrize(
    "name, is_package, command, ways",
    [
        ("runtime.installation", False, "run_finetune.sh", ["scripts/setup_env.sh", "setup_env.sh --with=beam"]),
        ("smlmt.runtime.installation", True, "smlmt-finetune", ["docs/INSTALL.md", "its extra beam"]),
    ],
)
def test_names_and_ways_out(name, is_package, command, ways):
    spec = importlib.util.spec_from_file_location(name, installation.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (module.IS_PACKAGE, module.FINETUNE) == (is_package, command)
    assert module.renamed("Try run_finetune.sh.") == "Try %s." % command
    assert ("python run_classifier_multitask.py" in module.renamed("python run_classifier_multitask.py")) != is_package
    assert ways[0] in module.setup() and "beam" not in module.setup() and ways[1] in module.setup("beam")
