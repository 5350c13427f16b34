"""What a loan is expected to lose and to earn over its term, from its probability of default, rate and schedule."""
