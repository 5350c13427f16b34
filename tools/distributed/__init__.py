"""The topology of `deploy/compose.yaml` as processes of one machine: what the file says is run, killed and measured.

Each of Airflow's components runs as its container would: under a user without a name, on a read-only root file system
with a `/tmp` of its own, with home at `/opt/airflow` and its secrets in `/run/secrets`. PostgreSQL and Redis are those
that Debian packages. Everything listens on this machine only.
"""
