"""The chat command, `!state`."""
