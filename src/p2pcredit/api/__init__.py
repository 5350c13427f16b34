"""The Python interface: a home opened from a notebook or a script. `p2pcredit.open_home` is the way in."""
