"""What each table is: columns, units, keys and rules, as plain data that every room reads."""
