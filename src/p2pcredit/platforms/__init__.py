"""What turns the raw download of a lending platform into landing feeds."""
