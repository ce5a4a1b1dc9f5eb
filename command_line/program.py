"""Programs whose flags are absl's: started so that --help ends with exit code 0 and a mistake in a flag is one line."""
import difflib
import re
import sys

from absl import app, flags

from runtime.errors import UserError, check_names, exit_code

MOST = 3  # flags that an error suggests


def start(main, arguments=None):
    """Runs `main` with the words that are no flags, the program's name first; never returns.

    Args:
      main: function of these words, which ends by sys.exit or returns the exit code.
      arguments: list, the program's name first; None: those of the process.
    """
    app.run(main, arguments, flags_parser=_parse)


def unknown(name, known):
    """The UserError for a flag that there is not; names those of `known` that may be meant."""
    hints = nearest(name, known)
    hint = "did you mean %s?" % " or ".join("--" + each for each in hints) if hints else "--help lists them."
    return UserError("there is no flag --%s: %s" % (name, hint))


def nearest(name, known):
    """Those of known names that are spelt alike, else those that have all the words of a name."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, MOST, 0.7)
    words = set(name.replace("-", "_").split("_"))
    return close or [each for each in known if words <= set(each.split("_"))][:MOST]


def wrong_value(error):
    """UserError of absl's flags.Error about a value, which shows Python's way to write a tuple for a flag that is yes
    or no."""
    told = re.sub(r"\('Non-boolean argument to boolean flag', .*\)$", "true or false is needed", str(error).rstrip("."))
    return UserError("%s." % told)


def _parse(arguments):
    """What is left of the arguments after the flags; the process ends where they ask for help or cannot be used."""
    left = []

    def read():
        check_names(arguments)
        left.extend(_read(arguments))

    code = exit_code(read)
    if code or not left:
        sys.exit(code)
    return left


def _read(arguments):
    try:
        return flags.FLAGS(arguments)
    except flags.UnrecognizedFlagError as error:
        raise unknown(error.flagname, flags.FLAGS) from None
    except flags.Error as error:
        raise wrong_value(error) from None
    except SystemExit:  # absl has printed the help, and calls that a failure
        return []
