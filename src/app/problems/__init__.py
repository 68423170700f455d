"""What can be answered but success: every problem, who may know of whose rows, and which constraint becomes which problem."""
