"""One module per part of the benchmark, and the scripts that are measured as processes of their own."""
