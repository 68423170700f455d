"""The `holdfast` command: the processes of a running server, and what an operator types."""
