"""README and docs: every command names programs, files and flags that exist, and every link leads somewhere."""
import ast
import os
import re
import shlex

import pytest
import run_docs
from absl import flags

from command_line import program_flags
from runtime.paths import ROOT

COMMANDS = run_docs.all_commands()
LINK = re.compile(r"\]\(([^)#]+)\)")
# Programs with flags of absl or argparse, by the text that defines them.
DEFINED = re.compile(
    r'"--([a-z_]+)"|^\s*(?:flags\.DEFINE_\w+|(?:add\.)?names|choice|string|boolean|integer|real|text|number|switch)'
    r'\(\s*"([a-z_]+)"', re.M
)
FREE = {"run_finetune.sh", "run_meta_train.sh", "reproduce_tables.py"}  # hand further flags on to the main program
SUITE = {"test.sh", "run", "ruff"}  # take those of pytest and ruff


def parts_of(command):
    """The single programs of a command with pipes, as lists of words without the variables before them."""
    words = []
    for word in shlex.split(command.text) + ["|"]:
        if word in ("|", "&&"):
            yield words
            words = []
        elif words or not re.match(r"^[A-Z_]+=", word):
            words.append(word)


def program_of(words):
    """(path of the program below the repository, its arguments), or None for a program of the system."""
    if words[0] in ("printf", "bash", "mkdir"):
        return None
    if words[0] == "sbatch":
        words = [word for word in words[1:] if not word.startswith("--array")]
    if words[0].endswith("/python"):
        words = words[1:]
        if words[0] == "-m":
            return words[1].replace(".", "/"), words[2:]
    return words[0], words[1:]


def source_of(program):
    """The text in which the flags of a program are defined."""
    with open(os.path.join(ROOT, program), encoding="utf-8") as file:
        return file.read()


def known_flags(program):
    """Names of the flags that a program defines; with those of the main program where it hands them on."""
    if program.endswith(".slurm"):
        program = program.replace(".slurm", ".py")
    text = source_of(program)
    names = {name for pair in DEFINED.findall(text) for name in pair if name}
    if program.endswith(".sh"):
        names |= set(re.findall(r"--([a-z]+)", text))
    if re.search(r"program_flags\.(define|parse)", text) or os.path.basename(program) in FREE:
        values = flags.FlagValues()
        program_flags.define(values)
        names |= set(values)
    return names | {"flagfile", "help"}


def test_there_are_commands():
    assert len(COMMANDS) > 40 and sum(not command.skipped for command in COMMANDS) > 15


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.place)
def test_programs_flags_and_presets_exist(command):
    for words in parts_of(command):
        found = program_of(words)
        if found is None or os.path.basename(found[0]) in SUITE:
            continue
        program, arguments = found
        places = [program, program + ".py", os.path.join(program, "__main__.py")]
        place = next((place for place in places if os.path.isfile(os.path.join(ROOT, place))), None)
        assert place, program
        own = {"train", "eval", "predict", "suggest", "model"} if place.endswith("run_finetune.sh") else set()
        for word in arguments:
            if word.startswith("--") and word != "--":
                name = word[2:].split("=")[0]
                known = known_flags(place) | own
                assert name in known or (name.startswith("no") and name[2:] in known), "%s: --%s" % (place, name)
            if word.startswith("--flagfile="):
                assert os.path.isfile(os.path.join(ROOT, word.split("=", 1)[1])), word


def test_every_skipped_kind_is_still_there():
    for part in run_docs.SKIPPED:
        assert any(part in command.text for command in COMMANDS), part


@pytest.mark.parametrize("page", run_docs.pages())
def test_links_lead_somewhere(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        text = file.read()
    for target in LINK.findall(text):
        if not target.startswith("http"):
            assert os.path.exists(os.path.join(ROOT, os.path.dirname(page), target)), target


@pytest.mark.parametrize("page", [page for page in run_docs.pages() if page.startswith("docs/")])
def test_every_page_is_listed(page):
    with open(os.path.join(ROOT, "docs", "README.md"), encoding="utf-8") as file:
        assert page == "docs/README.md" or "(%s)" % os.path.basename(page) in file.read()


def test_commands_are_read_as_a_reader_does():
    text = "Words\n\n    scripts/a.py --x=1 \\\n        --y    # why\n    of text\n"
    text += "```\nprintf 'a b' | ./b.sh\n```\n    B=1\n"
    found = run_docs.commands_of("page", text)
    assert [each.text for each in found] == ["scripts/a.py --x=1 --y", "printf 'a b' | ./b.sh"]
    assert [each.line for each in found] == [3, 7]


def names_in(path):
    """Functions, classes and methods that a file defines, methods as CLASS.METHOD."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {"%s.%s" % (node.name, each.name) for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


def test_functions_that_the_architecture_names_exist():
    with open(os.path.join(ROOT, "docs", "ARCHITECTURE.md"), encoding="utf-8") as file:
        named = re.findall(r"`([a-z_/]+\.py): ([\w.]+)`", file.read())
    assert len(named) > 40
    assert not [(path, name) for path, name in named if name not in names_in(path)]
