"""State of runners over any backend: snapshots, updates, undo, copy and erase."""
