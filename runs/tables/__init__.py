"""Tables, plots and a report from the results of many runs (scripts/make_tables.py)."""
