"""The figures tables of the issues: `python -m benchmarks figures NAME`."""
