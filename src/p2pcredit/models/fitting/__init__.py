"""Where trees are grown and values are counted, and with how many threads."""
