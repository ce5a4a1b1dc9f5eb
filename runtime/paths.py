"""Where the files that come with the programs are."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PRESETS = os.path.join(ROOT, "presets")  # flags of each model
MODELS = os.path.join(ROOT, "models")  # shipped weights
SAMPLE = os.path.join(ROOT, "data", "sample")  # the quick start's task
DOWNLOADS = os.path.join(ROOT, "data", "downloads")
