"""Benchmarks: kernels and whole training steps against peers, in one interleaved run."""
