"""The sections of the pages: each module has the addresses of one, over the functions of its commands."""
