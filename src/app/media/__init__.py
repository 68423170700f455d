"""Media: files of users. The rows are in PostgreSQL, the bytes in object storage."""
