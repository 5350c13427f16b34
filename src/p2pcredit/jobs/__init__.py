"""What tasks and commands do: load, call pure code, save, return a small JSON receipt. No clock, no environment."""
