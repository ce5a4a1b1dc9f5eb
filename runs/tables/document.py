"""All that is made from a folder of runs: tables, CSV files, plots, and the report that holds them."""
import collections
import os
import re
from typing import Dict, List, Mapping, Optional, Sequence

import numpy as np
import pandas as pd

from runs.tables import CONFUSIONS, confidence_plots, layout, plots, rates, render, report
from runs.tables.runs import Failure, read_runs
from runtime import folders
from runtime.cells import guarded
from runtime.errors import UserError

PLOTS = "plots"
REPORT = "report.html"
TABLES = ("tables.md", "tables.tex", "runs.csv", "summaries.csv", "differences.csv", "comparisons.csv", "rates.csv")
_IMAGE = re.compile(r"(accuracy|heat|differences|rates|confusion|reliability|coverage)(_[\w.=-]+)?\.(png|svg)$")
RATES = (
    "Of layers that fine-tuning adapts; means where a layer has several. A rate of 0 is not drawn: the scale is "
    "logarithmic."
)
CONFIDENCE = (
    "Rows of all tasks and splits of a model together. On the diagonal of a reliability diagram probabilities are as "
    "often right as they say. Rows are decided where the highest probability reaches 0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95 "
    "or 0.99."
)
TITLE = "Few-shot text classification: results"


def make(results_dir: str, output_dir: str, models: Sequence[str] = (), confusion: str = CONFUSIONS[0], seed: int = 0,
         resamples: int = layout.RESAMPLES, groups: Optional[Mapping[str, Sequence[str]]] = None) -> str:
    """Reads the runs below ``results_dir`` and writes everything into ``output_dir``; returns a line about it.

    Args:
      models: which models, and in which order; default: all.
      confusion: one of CONFUSIONS: matrices summed over the splits, of every run, or none.
      seed, resamples: of the bootstrap.
      groups: {name: tasks} that the first model is compared with each other one over.

    Raises:
      UserError: for runs that cannot be read (see read_runs), unknown models, or a place that cannot be written to.
    """
    runs, failures = read_runs(results_dir)
    known = sorted({run.model for run in runs})
    unknown = [model for model in models if model not in known]
    if unknown:
        raise UserError("--models: no runs of %s; there are %s." % (", ".join(unknown), ", ".join(known)))
    results = layout.Results(runs, models, seed, resamples)
    files = contents(results, failures, confusion, groups or {})
    write(output_dir, files)
    return "%s: %d runs of %d models and %d tasks%s" % (
        os.path.join(output_dir, REPORT), len(results.runs), len(results.models), len(results.tasks),
        ", %d failed" % len(failures) if failures else "")


def contents(results: layout.Results, failures: Sequence[Failure], confusion: str,
             groups: Mapping[str, Sequence[str]]) -> Dict[str, bytes]:
    """{relative path: content} of all files."""
    learned, unread = rates.learned_rates(results)
    accuracy = [layout.accuracy_table(results, k) for k in results.shots]
    kinds = (layout.comparison_table, layout.difference_table)
    paired = [layout.group_table(results, k, groups) for k in results.shots]
    paired += [kind(results, k) for kind in kinds for k in results.shots]
    paired = [table for table in paired if table.rows]
    beside = layout.published_table(results)
    all_tables = accuracy + paired + ([beside] if beside.rows else [])
    images = plot_images(results, learned, confusion)
    legend = report.once(text for table in all_tables for text in table.legend)
    in_markdown = "\n".join(map(render.markdown, all_tables)) + render.markdown_legend(legend)
    in_latex = "\n".join(map(render.latex, all_tables)) + render.latex_legend(legend)
    files = {
        "tables.md": in_markdown.encode("utf-8"),
        "tables.tex": in_latex.encode("utf-8"),
        "runs.csv": _csv(layout.runs_frame(results)),
        "summaries.csv": _csv(layout.summaries_frame(results)),
        "differences.csv": _csv(layout.differences_frame(results)),
        "comparisons.csv": _csv(layout.comparisons_frame(results)),
        "rates.csv": _csv(pd.DataFrame(learned, columns=rates.Rate._fields)),
    }
    for group in images.values():
        files.update((os.path.join(PLOTS, name + ".png"), image.png) for name, image in group.items())
        files.update((os.path.join(PLOTS, name + ".svg"), image.svg) for name, image in group.items())
    page = report.report(TITLE, _lead(results), _sections(results, failures, accuracy, paired, beside, images, unread))
    return dict(files, **{REPORT: page.encode("utf-8")})


def plot_images(results, learned, confusion) -> Dict[str, Dict[str, report.Image]]:
    """{"shots", "heat", "differences", "confidence", "rates", "confusion": {name: Image}}, in the report's order."""
    def image(figure, description):
        return report.Image(plots.png(figure), plots.svg(figure), plots.width(figure), description)

    shots = {
        _name("accuracy", task): image(plots.accuracy_by_shots(results, task), "accuracy against k: " + task)
        for task in results.tasks
    }
    heat = {
        _name("heat", "k%d" % k): image(plots.heat_map(results, k), "mean accuracy, k=%d" % k) for k in results.shots
    }
    apart = {
        _name("differences", "k%d" % k): image(plots.differences(results, k), "paired differences, k=%d" % k)
        for k in results.shots if len(results.models) > 1
    }
    lines = {_name("rates"): image(plots.learned_rates(learned), "learned rates by layer")} if learned else {}
    return {
        "shots": shots, "heat": heat, "differences": apart, "confidence": _confidence_images(results, image),
        "rates": lines, "confusion": _confusion_images(results, confusion, image),
    }


def _confidence_images(results, image):
    """{name: Image} of calibration, for each k whose runs tell it."""
    found = {}
    for k in results.shots:
        if confidence_plots.has_any(results.runs, k):
            asked = results.runs, results.models, k
            found[_name("reliability", "k%d" % k)] = image(
                confidence_plots.reliability(*asked), "accuracy against highest probability, k=%d" % k
            )
            found[_name("coverage", "k%d" % k)] = image(
                confidence_plots.coverage(*asked), "accuracy against share decided, k=%d" % k
            )
    return found


def _confusion_images(results, confusion, image):
    """{name: Image} of confusion matrices."""
    found = {}
    for (model, task, k), runs in _by_cell(results).items():
        runs = [run for run in runs if len(run.labels) <= plots.MOST_PLOTTED]
        if not runs:
            continue
        if confusion == "run":
            for run in runs:
                description = "%s, %s, k=%d, split %d: %s %%" % (
                    model, task, k, run.split, layout.percent(run.accuracy))
                figure = plots.confusion_matrix(run.confusion, run.labels, description.rsplit(", ", 1)[1])
                found[_name("confusion", model, task, "k%d" % k, run.split)] = image(figure, description)
        elif confusion == "sum":
            total = np.sum([run.confusion for run in runs], axis=0)
            description = "%s, %s, k=%d, %d splits together" % (model, task, k, len(runs))
            figure = plots.confusion_matrix(total, runs[0].labels, "%d splits together" % len(runs))
            found[_name("confusion", model, task, "k%d" % k)] = image(figure, description)
    return found


def _by_cell(results):
    """{(model, task, k): runs}, in their order."""
    cells = collections.OrderedDict()
    for run in results.runs:
        cells.setdefault((run.model, run.task, run.k), []).append(run)
    return cells


def _sections(results, failures, accuracy, paired, beside, images, unread) -> List[report.Section]:
    folded = collections.OrderedDict()
    for image in images["confusion"].values():
        folded.setdefault(image.description.rsplit(", ", 1)[0], []).append(image)
    legend = (
        "Mean %s sample standard deviation over splits; in small print the 95 %% bootstrap interval of the mean and "
        "the number of runs. The best mean of a row is set off where all have the same splits." % layout.PLUS_MINUS
    )
    compared = report.once(text for table in paired for text in table.legend)
    return [
        report.Section("Accuracy", [legend], accuracy),
        report.Section("Models compared", compared, paired, list(images["differences"].values())),
        report.Section("Beside the published figure", (), [beside] if beside.rows else ()),
        report.Section("Accuracy against k", (), (), list(images["shots"].values())),
        report.Section("Heat maps", (), (), list(images["heat"].values())),
        report.Section("Probabilities", [CONFIDENCE] * bool(images["confidence"]), (),
                       list(images["confidence"].values())),
        report.Section("Learned rates", [RATES] * bool(images["rates"]) + unread, (), list(images["rates"].values())),
        report.Section("Confusion matrices", _not_plotted(results), (), (), list(folded.items())),
        report.Section("Runs that failed", items=["%s: %s" % failure for failure in failures]),
        report.Section("Runs", items=["%s: %s %% of %d rows" % (run.path, layout.percent(run.accuracy), run.rows)
                                      for run in results.runs]),
    ]


def _not_plotted(results):
    many = [task for task in results.tasks
            if any(run.task == task and len(run.labels) > plots.MOST_PLOTTED for run in results.runs)]
    text = "Matrices of more than %d classes are not drawn (%s): results.json of each run has the counts."
    return [text % (plots.MOST_PLOTTED, ", ".join(many))] if many else []


def _lead(results):
    text = "%d runs of %d models on %d tasks, k = %s." % (
        len(results.runs), len(results.models), len(results.tasks), ", ".join(map(str, results.shots)))
    sizes = {(run.task, run.rows) for run in results.runs}
    differing = [task for task in results.tasks if sum(name == task for name, _ in sizes) > 1]
    if differing:
        return [text, "Careful: not all runs have the same number of evaluation rows in %s." % ", ".join(differing)]
    return [text]


def _name(*parts):
    """Name of a plot's files; characters that a file name should not have become _."""
    return "_".join(re.sub(r"[^\w.=-]", "_", str(part)) for part in parts)


def _csv(frame):
    """The bytes of a CSV file; text as runtime.cells.guarded makes it."""
    texts = frame.select_dtypes(include="object").columns
    frame = frame.assign(**{name: [guarded(v) if isinstance(v, str) else v for v in frame[name]] for name in texts})
    return frame.to_csv(index=False, float_format="%.10g").encode("utf-8")


def write(output_dir: str, files: Dict[str, bytes]) -> None:
    """Puts all files into ``output_dir``, together or not at all. Those of earlier tables go, others are let be."""
    names = {name.split(os.sep)[0] for name in files} - {PLOTS}
    with folders.atomic_folder(output_dir, "tables", folders.SHARED, sorted(names), earlier=made_earlier) as work:
        os.mkdir(os.path.join(work, PLOTS))
        for name, content in files.items():
            with open(os.path.join(work, name), "wb") as file:
                file.write(content)


def made_earlier(folder: str) -> List[str]:
    """Names of the files that a version without .made.json left in a folder, which its report tells."""
    try:
        with open(os.path.join(folder, REPORT), encoding="utf-8") as file:
            is_ours = "<title>%s</title>" % TITLE in file.read(1000)
    except (OSError, ValueError):
        return []
    place = os.path.join(folder, PLOTS)
    images = [name for name in (os.listdir(place) if os.path.isdir(place) else []) if _IMAGE.match(name)]
    return list(TABLES) + [REPORT] + [os.path.join(PLOTS, name) for name in images] if is_ours else []
