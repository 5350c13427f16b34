"""What another package can add to p2pcredit: one module each for a metric, a policy, a family and a platform."""
