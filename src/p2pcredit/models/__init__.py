"""Split, learn, calibrate, judge, score and explain: pure functions, the seed and the dates are arguments."""
