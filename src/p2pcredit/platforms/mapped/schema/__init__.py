"""What a user may write in the YAML file that describes a platform."""
