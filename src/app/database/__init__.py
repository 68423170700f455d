"""PostgreSQL: connections, statements, transactions, faults, migrations, and the server that comes along."""
