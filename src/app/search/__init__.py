"""Search over tasks, goals, habits, the journal and conversations."""
