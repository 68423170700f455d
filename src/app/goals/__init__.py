"""Goals: progress, trees of sub-goals, and goals that recur."""
