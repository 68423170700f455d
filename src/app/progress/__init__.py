"""Progress: a day, a week, a month or a year at a glance, computed when asked for and kept as it was."""
