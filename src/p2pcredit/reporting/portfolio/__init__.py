"""The pages of the portfolio: returns, losses, vintages, roll rates, cut-offs, applicants."""
