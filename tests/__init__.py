"""Tests of stats_composer."""
