"""The only room that imports Airflow: three thin DAG files, what their tasks are made of, and a local Airflow.

Nothing in this file imports Airflow, so the command line can start and stop a local Airflow, or say that it is missing.
"""
