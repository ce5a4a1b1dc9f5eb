"""The columns of a table: which are there, and which of them are used."""
from data.text_lines import fault

FIRST_LINE = "The first line names the columns: add it, or rename some."
AGAIN = "the header again, as where files were joined: take this line out."
OTHER_DELIMITERS = ";\t|,"


def lacking(found, wanted):
    """Which column is missing, as a sentence; empty when all are there.

    Args:
      found: names of columns.
      wanted: the names of each column that must be there, of which one is enough.
    """
    for names in wanted:
        if not any(name in found for name in names):
            there = ", ".join(map(str, found)) or "none"
            return "no column %s; the columns are: %s." % (" or ".join(names), there)
    return ""


def header(path, names, wanted, used):
    """The names of a table's columns without blank ones at the end; UserError when its rows cannot be read by them.

    Args:
      path: the file, for errors.
      names: as the header has them, in lower case.
      wanted: as for `lacking`.
      used: as `wanted`, with columns that may be missing; each may occur once. Others may be repeated.
    """
    missing = lacking(names, wanted)
    if missing:
        raise fault(path, "header", missing + (_other_delimiter(names, wanted) or " " + FIRST_LINE))
    read = [next((name for name in group if name in names), None) for group in used]
    repeated = [name for name in read if names.count(name) > 1]
    if repeated:
        raise fault(path, "header", "the column %s occurs twice: %s." % (repeated[0], ", ".join(names)))
    last = max(number for number, name in enumerate(names) if name)
    return names[: last + 1]


def is_header(fields, names):
    """Whether a row of a table says the names of its columns again; a single column may hold its name as a text."""
    return len(names) > 1 and [field.strip("\ufeff \t").lower() for field in fields] == names


def _other_delimiter(names, wanted):
    """A sentence where the one name of a header is all of them with another delimiter between."""
    if names[0].startswith("sep="):
        return " The first line is for a spreadsheet: save the table as CSV UTF-8, with commas and without it."
    mark = next((mark for mark in OTHER_DELIMITERS if len(names) == 1 and mark in names[0]), None)
    if mark is None or lacking([name.strip(' "') for name in names[0].split(mark)], wanted):
        return ""
    return " They are separated by %r: save the file with commas as .csv, or with tabs as .tsv." % mark
