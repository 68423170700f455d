"""Progress: snapshots of a day, a week, a month or a year, computed on request and kept."""
