"""Land downloads of a platform: read, check, and write what each day holds."""
