"""Table in, table out: from raw text to typed rows, features and labels. No paths, no sessions, no clock."""
