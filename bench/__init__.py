"""What a turn costs; see `python -m bench`."""
