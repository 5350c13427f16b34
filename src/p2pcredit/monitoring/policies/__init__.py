"""From measurements to an action: the built-in policies, and how one is chosen."""
