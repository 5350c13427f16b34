"""`p2pcredit status`, `export`, `sql` and `vacuum`: look at a home, take rows out of it, give room back."""
