"""Whether a challenger takes over, and what that changes."""
