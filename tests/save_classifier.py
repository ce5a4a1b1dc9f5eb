"""Loads a FewShotClassifier from one folder and saves it in another: a user's program, for trials.py."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from runtime.errors import exit_code
from smlmt import FewShotClassifier

if __name__ == "__main__":
    sys.exit(exit_code(lambda: FewShotClassifier.load(sys.argv[1], progress=False).save(sys.argv[2])))
