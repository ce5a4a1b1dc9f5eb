"""Tables, plots and a report from the results of many runs (scripts/make_tables.py)."""

CONFUSIONS = ("sum", "run", "none")  # which confusion matrices there may be; the first where nothing else is asked
