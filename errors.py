"""The one exception that stands for a mistake the user can mend, and how a program ends with it."""
import sys


class UserError(Exception):
    """Bad input, flag or file. The message is one line: what is wrong, where, and the way out.

    Programs print it without a traceback and end with exit code 2.
    """


def reason(error):
    """Why an operation of the system or of TensorFlow failed, on one line."""
    text = str(getattr(error, "strerror", None) or getattr(error, "message", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def exit_code(program):
    """Runs ``program()`` and returns its exit code, 0 for None; a UserError is printed as one line and gives 2."""
    try:
        return program() or 0
    except UserError as error:
        print("error: %s" % error, file=sys.stderr)
        return 2
