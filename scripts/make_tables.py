#!/usr/bin/env python3
"""Tables, plots and a report from the results of many runs.

  scripts/make_tables.py --results_dir=output/sweep --output_dir=output/tables
  scripts/make_tables.py --results_dir=output/sweep --output_dir=output/tables --models=hybrid,bert --confusion=sum

Every results.json below --results_dir is a run; its keys "model", "task", "k" and "split" say of what, else its path
(MODEL/TASK/K/SPLIT, or MODEL/TASK_SPLIT_K as run_finetune.sh writes). --output_dir gets

  report.html         everything below in one file, to look at
  tables.md, .tex     accuracy in percent: mean and sample standard deviation over splits (division by n - 1), 95 %
                      bootstrap interval of the mean, number of runs; macro average over the splits that all models
                      have; models in pairs with an interval over splits of these tasks, one over tasks, and a sign
                      test; the published mean where all 12 tasks are complete, on their whole evaluation sets
  runs.csv, summaries.csv, differences.csv, comparisons.csv, rates.csv    the numbers behind them
  plots/              accuracy against k, heat maps, learned rates, confusion matrices: each as PNG and, for papers, SVG

Needs the packages of requirements-tables.txt. Exit code 2: a mistake.
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from runs.tables import CONFUSIONS
from runtime.arguments import Parser
from runtime.errors import UserError, exit_code


def parse(arguments):
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--results_dir", required=True, help="folder of the runs")
    parser.add_argument("--output_dir", required=True, help="folder for what is made; earlier tables are replaced")
    parser.add_argument("--models", default="", help="comma-separated: which, and in which order (default: all)")
    parser.add_argument("--confusion", choices=CONFUSIONS, default=CONFUSIONS[0],
                        help="confusion matrices: summed over splits (default), of every run, or none")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: 0)")
    parser.add_argument("--resamples", type=int, default=10000, help="of the bootstrap (default: 10000)")
    return parser.parse_args(arguments)


def run(options):
    """Makes everything; returns a line about it."""
    for name, least in (("resamples", 1), ("seed", 0)):
        if not least <= getattr(options, name) < 2 ** 32:
            raise UserError("--%s=%d: at least %d." % (name, getattr(options, name), least))
    try:
        from runs.tables import document  # here, for it brings pandas and matplotlib, which are an extra
    except ImportError as error:
        raise UserError(
            "packages of requirements-tables.txt are missing (%s): run scripts/setup_env.sh --with=tables." % error
        ) from None
    models = list(dict.fromkeys(name for name in options.models.split(",") if name))  # one named twice counts once
    return document.make(
        options.results_dir, options.output_dir, models, options.confusion, options.seed, options.resamples
    )


def main(arguments=None):
    """Command line; returns the exit code."""
    return exit_code(lambda: print(run(parse(arguments))))


if __name__ == "__main__":
    sys.exit(main())
