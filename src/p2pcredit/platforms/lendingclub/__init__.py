"""LendingClub's public download, in both its layouts."""
