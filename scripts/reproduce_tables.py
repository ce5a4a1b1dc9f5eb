#!/usr/bin/env python3
"""Fine-tunes models x tasks x k x splits with the published hyper-parameters: 17 x 3 x 10 = 510 runs a model.

  scripts/reproduce_tables.py --models=hybrid,smlmt,leopard --output_dir=output/sweep
  scripts/reproduce_tables.py --encoder=minilm --models=minilm-smlmt,minilm-heads,bert-minilm \\
      --tasks=sentiment_books,airline --ks=4 --splits=0-4 --leopard_dir=DIR --output_dir=output/sweep

Each run leaves OUTPUT_DIR/MODEL/TASK/K/SPLIT/results.json, with the numbers that run_classifier_multitask.py gives for
the same flags. The same command again goes on: results of the same settings, weights and data are kept, a run that
failed or was killed is made again. Further flags go to every run and win over what is picked (--seed=1). Several
machines share the runs by --shard_index and --num_shards (scripts/reproduce_tables.slurm), processes of one machine by
--jobs.

Models: hybrid, smlmt, leopard (fetched when missing), proto, mtbert, mtbert_softmax (meta-trained by yourself: name
them by --model_dirs), bert (the encoder itself); with --encoder=minilm minilm-smlmt (shipped), minilm-heads (the same
without meta-training), minilm (the encoder is fine-tuned too: slow), bert-minilm (a softmax layer).

Exit code 1: some runs failed, and their results.json says why. Exit code 2: a mistake.
"""
import collections
import os
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from absl import flags, logging

from command_line import program_flags, recipes
from data import tasks
from fetch import catalogue
from runs import sweep_keys
from runtime.arguments import Parser
from runtime.errors import UserError, exit_code
from runtime.progress import Progress


def parse(arguments):
    """(options, arguments for every run) of the command line."""
    parser = Parser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--output_dir", required=True, help="where the results go")
    every = "; ".join("%s: %s" % (encoder, ",".join(default_models(encoder))) for encoder in recipes.ENCODERS)
    parser.add_argument("--models", help="comma-separated (default: all of --encoder; %s)" % every)
    parser.add_argument("--tasks", help="comma-separated (default: all 17)")
    parser.add_argument("--ks", default="4,8,16", help="examples a class (default: 4,8,16)")
    parser.add_argument("--splits", default="0-9", help="as 0-9 or 0,3,5-7 (default: 0-9)")
    parser.add_argument("--encoder", default="bert", help="bert (default) or minilm, the small one")
    parser.add_argument("--model_dirs", default="", help="exported models, as hybrid=DIR,proto=DIR")
    parser.add_argument("--bert_dir", default=os.environ.get("BERT_DIR"), help="BERT cased_L-12_H-768_A-12")
    parser.add_argument("--leopard_dir", default=os.environ.get("LEOPARD_DIR"), help="the LEOPARD data")
    parser.add_argument("--shard_index", type=int, default=0, help="which part of the runs, from 0")
    parser.add_argument("--num_shards", type=int, default=1, help="parts that the runs are dealt to (default: 1)")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share this machine (default: 1)")
    parser.add_argument("--keep_predictions", action="store_true", help="predictions.tsv too")
    parser.add_argument("--overwrite", action="store_true", help="replace results of other settings, weights or data")
    return parser.parse_known_args(arguments)


def default_models(encoder):
    """All models of an encoder, each under one name."""
    return [name for name in recipes.models_for(encoder) if name != "hybrid-smlmt"]


def names(flag, text, known):
    """Names of a comma-separated list, each of them known."""
    found = list(dict.fromkeys(name for name in text.split(",") if name))
    for name in found:
        if name not in known:
            raise UserError("--%s: there is no %s; there are %s." % (flag, name, ", ".join(known)))
    if not found:
        raise UserError("--%s is empty." % flag)
    return found


def model_folders(text, models):
    """{model: folder} of "hybrid=DIR,proto=DIR"."""
    found = {}
    for part in text.split(",") if text else ():
        model, _, folder = part.partition("=")
        if model not in models:
            raise UserError("--model_dirs=%s: write MODEL=DIR,MODEL=DIR, with models of --models." % text)
        if not os.path.isdir(folder):
            raise UserError("--model_dirs: %s is not a directory." % folder)
        found[model] = folder
    return found


def chosen_keys(options):
    """The runs of this shard."""
    if options.encoder not in recipes.ENCODERS:
        raise UserError("--encoder=%s: use %s." % (options.encoder, " or ".join(recipes.ENCODERS)))
    if options.jobs < 1:
        raise UserError("--jobs=%d: at least 1." % options.jobs)
    if not 0 <= options.shard_index < options.num_shards:
        raise UserError(
            "--shard_index=%d: from 0 to --num_shards=%d - 1." % (options.shard_index, options.num_shards)
        )
    every_model = ",".join(default_models(options.encoder))
    options.models = names("models", every_model if options.models is None else options.models, list(recipes.MODELS))
    every_task = ",".join(tasks.TASKS)
    chosen = names("tasks", every_task if options.tasks is None else options.tasks, list(tasks.TASKS))
    ks, splits = (sweep_keys.numbers(flag, getattr(options, flag)) for flag in ("ks", "splits"))
    for k in ks:
        for split in splits:
            if k != 32:  # files of one's own are looked at when they are read
                tasks.check_split(split, k)
    keys = sweep_keys.keys(options.models, chosen, ks, splits)
    return keys[options.shard_index :: options.num_shards]


def run(options, more):
    """Makes the runs that are not done; returns the exit code."""
    program_flags.parse(more)  # ends here where one is unknown
    for name in ("bert_dir", "leopard_dir"):
        folder = getattr(options, name)
        if folder and not os.path.isdir(folder):
            raise UserError("--%s: %s is not a directory." % (name, folder))
    keys = chosen_keys(options)
    leopard_dir = options.leopard_dir or catalogue.ensure_leopard()
    environment = {"BERT_DIR": options.bert_dir, "LEOPARD_DIR": leopard_dir}
    folders = model_folders(options.model_dirs, options.models)
    from runs import sweep, sweep_processes  # here, for they bring TensorFlow, which mistakes and --help do without

    found = sweep.Jobs(options.output_dir, options.encoder, environment, folders, more)
    with sweep.Runner(options.keep_predictions) as runner:
        jobs, others, failures = sweep.jobs_to_do(keys, found, runner)
        sweep.make_room(others, options.overwrite)
        for key, reason in failures.items():
            sweep.record_failure(key, key.folder(options.output_dir), reason)
        done = len(keys) - len(jobs) - len(failures)
        if done:
            print("%d of %d runs are done already" % (done, len(keys)))
        with Progress(len(jobs), "sweep", unit="run") as progress:
            for job, reason in sweep_processes.outcomes(jobs, runner, options.jobs):
                if reason:
                    failures[job.key] = reason
                progress.update(1, failed=len(failures))
    accuracies = {key: sweep.accuracy(key.folder(options.output_dir)) for key in keys if key not in failures}
    print_summary(accuracies, failures, options)
    return 1 if failures else 0


def print_summary(accuracies, failures, options):
    """Mean and standard deviation over splits, the failures by reason, and what to do next.

    Args:
      accuracies, failures: {key: accuracy of the run}, {key: why there is none}.
      options: of `parse`.
    """
    over_splits = collections.OrderedDict()
    for key, accuracy in accuracies.items():
        over_splits.setdefault((key.model, key.task, key.k), []).append(100 * accuracy)
    if accuracies:
        print("accuracy in percent, mean +- standard deviation over splits:")
    for (model, task, k), values in over_splits.items():
        spread = " +- %.1f" % statistics.stdev(values) if len(values) > 1 else ""
        print("  %-16s %-20s k=%-2d  %.1f%s (%d)" % (model, task, k, statistics.mean(values), spread, len(values)))
    reasons = collections.OrderedDict()
    for key, reason in failures.items():
        reasons.setdefault(reason, []).append(key)
    for reason, failed in reasons.items():
        print(
            "failed: %d runs (%s %s, k=%d, split %d, ...): %s" % ((len(failed),) + failed[0] + (reason,)),
            file=sys.stderr,
        )
    done, count = len(accuracies), len(accuracies) + len(failures)
    print("%d of %d runs are done; results: %s" % (done, count, options.output_dir))
    if accuracies:
        print(
            "tables: %s scripts/make_tables.py --results_dir=%s --output_dir=%s"
            % (sys.executable, options.output_dir, os.path.join(options.output_dir, "tables"))
        )


def main(arguments=None):
    """Command line; returns the exit code."""
    flags.FLAGS.mark_as_parsed()  # this program has none; else logging tells that it came before them
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)  # progress
    return exit_code(lambda: run(*parse(arguments)), stopped="stopped; the same command goes on where it was")


if __name__ == "__main__":
    sys.exit(main())
