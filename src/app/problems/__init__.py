"""Everything that is not success: the problems, who may learn that a row exists, and which constraint becomes which problem."""
