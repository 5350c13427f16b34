"""What others keep of our models and weeks: an MLflow server, and a server that takes the week's results as JSON."""
