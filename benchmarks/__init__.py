"""Measurements: each `bench_*.py` is run alone, prints a table, and says what it compares."""
