"""Recompute, trace and print what models and loans rest on."""
