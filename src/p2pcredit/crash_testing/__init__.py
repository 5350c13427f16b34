"""Kill every job at each step it takes on disk, fill the disk from each step on, and check what is left."""
