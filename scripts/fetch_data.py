#!/usr/bin/env python3
"""Fetches task data, encoders and released models, and keeps their checksums in DEST/manifest.json.

  scripts/fetch_data.py                                  everything
  scripts/fetch_data.py leopard bert hybrid-smlmt        some of it
  scripts/fetch_data.py --dest=/data/few-shot leopard

Run it again at any time: what is there is compared with the manifest, what is missing is fetched, and a download that
was interrupted goes on where it stopped. Where a download fails, the error names the address and the place to put the
file by hand; the others go on, and the exit code is 2.
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from fetch import catalogue, manifest
from fetch.archives import MIB
from runtime.arguments import Parser
from runtime.errors import UserError, exit_code
from runtime.paths import DOWNLOADS


def fetch(name, dest, base=None):
    """Fetches or verifies one of catalogue.NAMES; returns a line about it."""
    folder = catalogue.ensure(name, dest, base)
    files, known = manifest.verify_or_add(dest, os.path.basename(folder))
    size = sum(file["bytes"] for file in files.values()) / MIB
    verdict = "checksums as in" if known else "checksums added to"
    return "%s: %s, %d files, %.1f MiB, %s %s" % (name, folder, len(files), size, verdict, manifest.MANIFEST)


def run(arguments):
    """Fetches what a command line names; returns the exit code."""
    parser = Parser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(catalogue.NAMES) + "; default: all")
    parser.add_argument("--dest", default=DOWNLOADS, help="folder for all downloads (default: data/downloads)")
    parser.add_argument("--base", help="address in place of the published scheme and host, for a mirror")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in catalogue.NAMES:
            parser.error("unknown name %s: use some of %s" % (name, ", ".join(catalogue.NAMES)))
    failed = False
    for name in options.names or catalogue.NAMES:
        try:
            print(fetch(name, options.dest, options.base), flush=True)
        except UserError as error:
            print("error: %s" % error, file=sys.stderr, flush=True)
            failed = True
    return 2 if failed else 0


def main(arguments=None):
    """Command line; returns the exit code."""
    return exit_code(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
