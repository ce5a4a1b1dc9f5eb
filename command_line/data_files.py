"""Where the files are that flags name. Nothing here needs TensorFlow.

`flags` is an absl.flags.FlagValues with the flags of program_flags.py.
"""
import os

from runtime.errors import UserError


def record_paths(flags, flag):
    """Paths of the comma-separated files that a flag names.

    SMLMT files, and amazon* of --task_eval_files, are in --data_dir, others in --supervised_data_dir.
    """
    in_data_dir = ("meta_pretrain",) + ("amazon",) * (flag == "task_eval_files")

    def folder(name):
        return flags.data_dir if name.startswith(in_data_dir) else flags.supervised_data_dir

    return tuple(os.path.join(folder(name), name) for name in flags[flag].value.split(",") if name)


def task_files(flags):
    """Paths of --task_eval_files=TRAIN,EVAL; the second is None for TRAIN alone."""
    paths = record_paths(flags, "task_eval_files")
    if len(paths) not in (1, 2):
        raise UserError("--task_eval_files: give two files, TRAIN,EVAL, or TRAIN alone, not %d." % len(paths))
    return (paths + (None,))[:2]
