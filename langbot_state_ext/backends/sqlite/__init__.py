"""`sqlite://`: durable state in one file, the default."""
