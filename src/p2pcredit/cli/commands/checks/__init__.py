"""`p2pcredit doctor`, `crash-test` and `leakage`: check a home, a volume, a raw download."""
