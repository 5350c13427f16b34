"""Where things lie and how they are written so that a reader sees all of a thing or none of it."""
