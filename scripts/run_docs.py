#!/usr/bin/env python3
"""Runs the commands of README and docs that need neither hours nor data from elsewhere, as a reader would.

  .venv/bin/python scripts/run_docs.py [--work_dir=DIR] [--list]

Works in a copy of the repository's files with the environments and downloads of this one, in the order of the pages.
Those left out, and why, are in SKIPPED; tests/test_docs.py checks their programs, flags and files. Exit code 1: a
command failed.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import List, NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from runtime.arguments import Parser
from runtime.errors import UserError, exit_code

PAGES = ("README.md", "CONTRIBUTING.md", "docs", "models")
LINKED = (".venv", ".venv-reference", "data/downloads")  # not copied
# What a command begins with.
PROGRAMS = re.compile(r"^([A-Z_]+=('[^']*'|[^\s\"]+) )*(\./|scripts/|\.venv/|\.ci/|printf |sbatch )")
# Substrings of commands that a machine without network, GPUs, hours or other people's data cannot run.
SKIPPED = {
    "run_finetune.sh airline": "BERT, the released models and the task data come from elsewhere",
    "run_finetune.sh conll": "as above",
    "run_finetune.sh scitail": "as above",
    "leopard-master": "the task data come from elsewhere",
    "reproduce_tables": "hundreds of runs on the task data",
    "--results_dir=output/sweep": "needs those runs",
    "fetch_data.py": "downloads",
    "make_splits.py": "the task data come from elsewhere",
    "run_meta_train.sh": "days on GPUs",
    "benchmarks/gpu.py": "needs a GPU",
    "--input=glue_data": "GLUE comes from elsewhere",
    "mtbert_train.flags": "needs GLUE",
    "scripts/test.sh": "the test suite itself",
    ".ci/run": "runs this",
    "setup_env.sh": "makes environments",
    "export_small.py": "needs the hour of meta-training before it",
    "=FILE": "a reader's own set",
    "--task_eval_files=airline": "the task data come from elsewhere",
    "=$T": "the task data come from elsewhere",
    "=$F": "an hour",
    "make_topics.py": "Debian's packages come from elsewhere",
    "topics/wordnet": "made of them",
    "intents.jsonl": "a reader's own set",
    "=sms_spam.jsonl": "comes from elsewhere",
    "--start=bert": "BERT comes from elsewhere",
    "--results_dir=output/runs": "needs those runs",
    "ruff check --fix": "changes files",
    "prediction_tools.py": "needs SetFit's environment",
}
# What the examples of a reader's own texts are about.
FILES = {
    "reviews.csv": "text,label\n" + "".join(
        "%s %s,%s\n" % (start, end, label)
        for label, words in (("good", ("loved", "enjoyed")), ("bad", ("hated", "regret")))
        for start in words for end in ("this film", "the food there", "every page of it", "my stay")
    ),
    "reviews_test.csv": "text,label\nI loved it,good\nI hated it,bad\n",
    "other_test.csv": "text,label\nI enjoyed it,good\nI regret it,bad\n",
    "new.txt": "What a day\nNever again\n",
}


class PageCommand(NamedTuple):
    """One command of a page, its lines joined."""

    page: str  # path below the repository
    line: int
    text: str

    @property
    def place(self):
        """PAGE:LINE"""
        return "%s:%d" % (self.page, self.line)

    @property
    def skipped(self):
        """Why it is not run, or None."""
        return next((reason for part, reason in SKIPPED.items() if part in self.text), None)


def pages() -> List[str]:
    """Paths of the pages below the repository, README first."""
    found = []
    for page in PAGES:
        if page.endswith(".md"):
            found.append(page)
            continue
        for folder, _, names in sorted(os.walk(os.path.join(ROOT, page))):
            paths = [os.path.join(folder, name) for name in sorted(names) if name.endswith(".md")]
            found += [os.path.relpath(path, ROOT) for path in paths]
    return found


def commands_of(page: str, text: str) -> List[PageCommand]:
    """The commands in the indented or fenced blocks of a page; a trailing comment belongs to none."""
    found, pending, fenced = [], None, False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if not (fenced or line.startswith("    ")):
            pending = None
            continue
        content = re.sub(r"\s+#\s.*$", "", line.strip())
        if pending:
            pending = PageCommand(page, pending.line, pending.text + " " + content.rstrip("\\").strip())
        elif PROGRAMS.match(content):
            pending = PageCommand(page, number, content.rstrip("\\").strip())
        if pending and not content.endswith("\\"):
            found.append(pending)
            pending = None
    return found


def all_commands() -> List[PageCommand]:
    """Those of all pages."""
    found = []
    for page in pages():
        with open(os.path.join(ROOT, page), encoding="utf-8") as file:
            found += commands_of(page, file.read())
    return found


def copy_repository(folder):
    """The files that git knows, with links to what is not copied."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, check=True,
        universal_newlines=True,
    ).stdout.split("\n")
    for name in filter(None, listed):
        if os.path.exists(os.path.join(ROOT, name)):
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, name), os.path.join(folder, name))
    for name in LINKED:
        if os.path.exists(os.path.join(ROOT, name)):
            os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
    for name, content in FILES.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)


def run_all(folder):
    """Runs the commands in a copy; returns those that failed."""
    failed = []
    for command in all_commands():
        if command.skipped:
            continue
        begun = time.time()
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.text], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        verdict = "ok" if done.returncode == 0 else "exit code %d" % done.returncode
        print("%s: %s, %.0f s: %s" % (command.place, verdict, time.time() - begun, command.text), flush=True)
        if done.returncode:
            failed.append(command)
            print(done.stdout.decode("utf-8", "replace"), flush=True)
    return failed


def run(options):
    """Lists or runs; returns the exit code."""
    if options.list:
        for command in all_commands():
            note = "  [not run: %s]" % command.skipped if command.skipped else ""
            print("%s: %s%s" % (command.place, command.text, note))
        return 0
    if not os.path.isdir(os.path.join(ROOT, ".venv")):
        raise UserError("there is no environment yet: run scripts/setup_env.sh first.")
    with tempfile.TemporaryDirectory(dir=options.work_dir) as folder:
        copy_repository(folder)
        failed = run_all(folder)
    print("%d commands failed" % len(failed) if failed else "all commands ended well")
    return 1 if failed else 0


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = Parser(description=__doc__)
    parser.add_argument("--work_dir", help="folder for the copy (default: the system's for temporary files)")
    parser.add_argument("--list", action="store_true", help="only list the commands, and why some are not run")
    return exit_code(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
