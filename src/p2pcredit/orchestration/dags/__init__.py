"""The three DAG files of the specification, one module each."""
