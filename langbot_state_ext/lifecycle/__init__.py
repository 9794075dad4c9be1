"""What happens to state in a run of a runner, and in the life of a conversation."""
