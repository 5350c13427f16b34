"""The engine for when one machine is outgrown: transforms on Spark, files written by its executors.

PySpark is imported where a session is asked for and nowhere else, so that nothing of it is loaded without need.
"""
