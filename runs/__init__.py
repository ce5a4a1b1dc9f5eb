"""Whole runs: what a run is known by, how it is made, what it leaves, many of them, and tables of their results."""
