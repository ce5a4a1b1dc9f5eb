"""The commands `smlmt` and `smlmt-finetune` of the installed package; a clone has the programs themselves."""
import runpy


def main():
    """What run_classifier_multitask.py does."""
    _run("run_classifier_multitask")


def finetune():
    """What run_finetune.sh does."""
    _run("scripts.finetune")


def _run(module):
    """Runs a module of the package as the program that it is in a clone."""
    runpy.run_module("smlmt." + module, run_name="__main__", alter_sys=True)
