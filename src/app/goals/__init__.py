"""Goals: progress, sub-goals to any depth, and goals that recur."""
