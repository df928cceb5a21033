"""The published benchmarks: `nox -s bench`, described in docs/benchmarks.md."""
