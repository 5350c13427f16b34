"""The shape of the feeds: what a column usually holds, and what changed on a day."""
