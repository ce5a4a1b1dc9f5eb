"""The one exception that stands for a mistake the user can mend."""


class UserError(Exception):
    """Bad input, flag or file. The message is one line: what is wrong, where, and the way out.

    Programs print it without a traceback and end with exit code 2.
    """
