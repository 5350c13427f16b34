"""The evidence pack of a model: a plain dict of facts first, then one self-contained HTML file made from it."""
