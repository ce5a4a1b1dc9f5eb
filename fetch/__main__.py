"""Fetches an encoder, the task data or a model and prints its folder: python -m fetch NAME [--dest data/downloads]"""
import sys

from fetch import catalogue
from runtime.arguments import Parser
from runtime.errors import exit_code
from runtime.paths import DOWNLOADS


def main(arguments=None):
    """Command line; returns the exit code."""
    about = "Fetches an encoder, tasks or models."
    parser = Parser(prog="python -m " + __package__, description=about)
    parser.add_argument("name", choices=catalogue.NAMES)
    parser.add_argument("--dest", default=DOWNLOADS, help="folder for all downloads (default: %(default)s)")
    parser.add_argument("--base", help="address in place of the published scheme and host, for a mirror")

    def fetch():
        options = parser.parse_args(arguments)
        print(catalogue.ensure(options.name, options.dest, options.base))

    return exit_code(fetch)


if __name__ == "__main__":
    sys.exit(main())
