"""The commands, one module each: a command's job is imported with it, and with nothing else."""
