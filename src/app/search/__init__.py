"""Search over tasks, goals, habits and the journal."""
