"""The pages of the server, shown inside Airflow: behind its login, with the rights that it gives."""
