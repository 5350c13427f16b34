"""The command line: it parses, calls one job, and prints the receipt. Nothing else happens here."""
