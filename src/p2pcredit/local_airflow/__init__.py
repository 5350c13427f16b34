"""Run a local Airflow for demonstrations: start it, drive it over its API, stop it."""
