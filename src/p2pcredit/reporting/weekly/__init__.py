"""The weekly report: its facts, its sentences, its charts and its page."""
