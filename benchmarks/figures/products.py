"""Matrix products against the machine's limits and against peers."""

from __future__ import annotations

from benchmarks.cases import DENSE, GEMMS, NARROW, SQUARES, Gemm
from benchmarks.compare import Timing, compare
from benchmarks.peers import PEERS, PYDL
from benchmarks.report import Row


def floor_seconds(case: Gemm, limits: dict[str, float], lanes: int) -> float:
    """Time at the limit: FMA peak times the lane use of N, or memory bandwidth."""
    vectors = -(-case.n // lanes)
    use = case.n / (vectors * lanes)
    compute = case.flops / (limits["gflops"] * 1e9 * use)
    # Operands that fit the last-level cache are not limited by DRAM.
    memory = case.bytes / (limits["copy_gbs"] * 1e9) if case.bytes > 64e6 else 0.0
    return max(compute, memory)


def measure(threads: int, rounds: int) -> dict[str, Timing]:
    peers = [peer for peer in PEERS if peer.module in ("numpy", "torch", "jax")]
    peers = [p for p in peers if not p.arguments and not p.environment]
    return compare(list(GEMMS), peers, threads, rounds)


def rows(timings: dict[str, Timing], limits: dict[str, float], lanes: int) -> list[Row]:
    def share(case: Gemm) -> float:
        seconds = timings[case.name].median(PYDL.name)
        return floor_seconds(case, limits, lanes) / seconds

    def speed(case: Gemm) -> tuple[float, str]:
        timing = timings[case.name]
        peer = timing.best_peer()
        return (timing.ratio(peer), peer) if peer else (float("nan"), "no peer")

    large = [c for c in SQUARES if c.m >= 256] + [c for c in DENSE if c.m >= 14]
    worst = min(large, key=share)
    cube = next(c for c in SQUARES if c.m == 128)
    narrow = [c for c in NARROW if c.n <= 16]
    slow_narrow = min(narrow, key=lambda c: speed(c)[0])
    slow = min(GEMMS.values(), key=lambda c: speed(c)[0])
    narrow_speed, narrow_peer = speed(slow_narrow)
    slow_speed, slow_peer = speed(slow)
    return [
        Row("GEMM share of limit, worst shape", 0.85, share(worst), "", worst.name),
        Row("GEMM 128 cubed inside a plan, share of limit", 0.75, share(cube), ""),
        Row(
            "GEMM N <= 16, worst shape",
            2.0, narrow_speed, "x", f"{narrow_peer}, {slow_narrow.name}",
        ),
        Row(
            "GEMM, worst shape",
            0.97, slow_speed, "x", f"{slow_peer}, {slow.name}",
        ),
    ]  # fmt: skip
