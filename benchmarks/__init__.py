"""Benchmarks: kernels and whole steps against peers, interleaved."""
