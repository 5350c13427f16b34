"""Mutation testing of the rooms that decide: small harmful changes, one at a time, and the tests that notice them."""
