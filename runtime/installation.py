"""What is called otherwise where the programs are the installed package `smlmt` and not files of a clone."""

# scripts/distribution/build_hook.py puts smlmt. before the names of all modules.
IS_PACKAGE = __name__.startswith("smlmt.")
FINETUNE = "smlmt-finetune" if IS_PACKAGE else "run_finetune.sh"  # commands' names
MAIN = "smlmt" if IS_PACKAGE else "python run_classifier_multitask.py"


def setup(group=None):
    """The way to what is missing or does not fit, in words; `group` names requirements-GROUP.txt."""
    if IS_PACKAGE:
        return "install the package smlmt again%s (docs/INSTALL.md)" % (", with its extra %s" % group if group else "")
    return "run scripts/setup_env.sh" + (" --with=%s" % group if group else "")


def renamed(text):
    """A program's help, which names the commands of a clone, with the names that they have here."""
    return text.replace("python run_classifier_multitask.py", MAIN).replace("run_finetune.sh", FINETUNE)
