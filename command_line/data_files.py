"""Where the files are that flags name. Nothing here needs TensorFlow.

`values` are those of the flags of program_flags.py, as {flag: value}.
"""
import os

from runtime import folders
from runtime.errors import UserError


def record_paths(values, flag):
    """Paths of the comma-separated files that a flag names.

    SMLMT files, and amazon* of --task_eval_files, are in --data_dir, others in --supervised_data_dir.
    """
    in_data_dir = ("meta_pretrain",) + ("amazon",) * (flag == "task_eval_files")

    def folder(name):
        return values["data_dir" if name.startswith(in_data_dir) else "supervised_data_dir"]

    paths = tuple(os.path.join(folder(name), name) for name in values[flag].split(",") if name)
    for place in {os.path.dirname(path) for path in paths}:
        folders.recover(place)  # a program that made such files may have been killed
    return paths


def task_files(values):
    """Paths of --task_eval_files=TRAIN,EVAL; the second is None for TRAIN alone."""
    paths = record_paths(values, "task_eval_files")
    if len(paths) not in (1, 2):
        raise UserError("--task_eval_files: give two files, TRAIN,EVAL, or TRAIN alone, not %d." % len(paths))
    return (paths + (None,))[:2]
