"""The three DAG files of the specification, one module each, and one for the pipelines that have no file."""
