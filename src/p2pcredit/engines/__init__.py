"""What runs a transform. Transforms are written against Narwhals; an engine gives them frames and collects results."""
