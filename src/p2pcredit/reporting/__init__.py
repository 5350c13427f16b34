"""Reports, evidence packs and pages: a plain dict of facts first, then one self-contained HTML file made from it."""
