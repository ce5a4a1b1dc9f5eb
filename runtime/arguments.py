"""Command lines of programs without absl's flags: a mistake is one line and exit code 2, as everywhere."""
import argparse

from runtime.errors import UserError


def check_counts(options, names):
    """UserError for an option of these names, a number of rows, rounds or the like, that is below 1."""
    for name in names:
        if getattr(options, name) < 1:
            raise UserError("--%s=%d: at least 1." % (name, getattr(options, name)))


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that shows its description as it is written, and raises UserError for a mistake."""

    def __init__(self, **settings):
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)

    def error(self, message):
        if message.endswith("expected one argument"):
            message += "; a file whose name begins with - is named as ./-NAME"
        raise UserError("%s (%s --help tells more)." % (message, self.prog))
