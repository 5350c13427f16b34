"""What a trained model is held against: champion, benchmarks, past promotions, swapped loans."""
