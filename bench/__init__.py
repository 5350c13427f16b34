"""The benchmark: us and our peers on the same work in the same run. Start with `bench/README.md`."""
