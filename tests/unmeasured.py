"""The environment of a LangBot whose lines are not measured, since other tests cover them."""

UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}
"""Measuring makes LangBot's start half as long again."""
