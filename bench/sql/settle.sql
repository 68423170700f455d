-- What would otherwise happen in the middle of a measurement.
vacuum analyze users, sessions, tasks;
checkpoint;
