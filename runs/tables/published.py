"""The one published figure that could be verified, and when ours may stand beside it."""
from typing import Optional, Sequence

from data import tasks
from runs.tables.runs import Run

TASKS = (
    "conll", "restaurant", "rating_books", "rating_dvd", "rating_electronics", "rating_kitchen", "airline", "disaster",
    "emotion", "political_audience", "political_bias", "political_message",
)
MODEL = "Hybrid-SMLMT"
SOURCE = "mean accuracy over 12 tasks, as quoted by PACMAML (arXiv 2105.14099, table 2)"
ACCURACY = {4: 0.4861, 8: 0.5292, 16: 0.5790}  # {k: mean over TASKS}


def own_mean(runs: Sequence[Run], k: int) -> Optional[float]:
    """Our mean over the same tasks, or None unless all of them have all ten splits on the whole evaluation set.

    Where the size of the evaluation set is not known, any number of rows is taken.

    Args:
      runs: of one model.
    """
    accuracies = {(run.task, run.split): run.accuracy for run in runs
                  if run.k == k and run.task in TASKS and tasks.TASKS[run.task].eval_size in (None, run.rows)}
    wanted = [(task, split) for task in TASKS for split in tasks.PUBLIC_SPLITS]
    if k not in ACCURACY or any(key not in accuracies for key in wanted):
        return None
    return sum(accuracies[key] for key in wanted) / len(wanted)
