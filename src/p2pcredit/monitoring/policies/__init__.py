"""From measurements to an action: the built-in policy, and how a policy is chosen."""
