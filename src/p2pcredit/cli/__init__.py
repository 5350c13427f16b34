"""The command line: parse options, read clock and environment, call one or more jobs, print the receipt."""
