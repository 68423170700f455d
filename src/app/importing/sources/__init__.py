"""What is read: a module for each app that people come from, and the files and databases that their rows lie in."""
