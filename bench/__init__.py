"""The benchmark; see `python -m bench`."""
