"""What the book earned and lost: tables of a day as pages and JSON."""
