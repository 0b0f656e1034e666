"""Measures of what was composed."""
