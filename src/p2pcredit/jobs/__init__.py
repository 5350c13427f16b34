"""One function per task: load, pure code, save, a small JSON receipt. Called alike by command line, DAGs and tests."""
