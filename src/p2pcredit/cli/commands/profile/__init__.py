"""`p2pcredit profile`: draft a mapping from files, and see what a mapping makes of them before anything lands."""
