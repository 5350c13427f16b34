"""The only room that imports Airflow: it builds the DAGs from the pipelines' data and runs their tasks.

Nothing in this file imports Airflow, so the command line works, and can say that Airflow is missing, without it.
"""
