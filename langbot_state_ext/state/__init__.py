"""Whose state it is, what a binding allows, what a value may be: pure functions, plain data."""
