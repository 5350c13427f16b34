"""What is known about the model in service: metrics with three outcomes, and the decision that follows from them."""
