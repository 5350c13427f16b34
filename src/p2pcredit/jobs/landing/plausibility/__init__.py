"""What a landing asks about because it is hardly meant: sizes of numbers, and payments that do not fit their loans."""
