"""Split, learn, calibrate, judge, score and explain: pure functions, the seed and the dates are arguments.

`training.candidates` trains all candidates of a day, `champion.challenge` holds one against the champion. A family of
models is what `family.Family` asks for; `scoring_model.ScoringModel` is what each of its models can do, and
`margin_model` a base class that does most of it. `scorer.Scorer` reads a banked model with all that scoring needs, and
`scoring.score_loans` gives loans their probability, score, grade and reasons.
"""
