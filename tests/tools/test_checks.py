"""The project's own checks catch what they are for."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CXX = shutil.which(os.environ.get("CXX", "c++"))


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compile_object(folder: Path, isa: str, source: str) -> None:
    """Puts an object file where CMake puts those of a kernel bundle."""
    assert CXX is not None
    place = folder / "CMakeFiles" / f"pydl_{isa}.dir"
    place.mkdir(parents=True)
    (folder / "kernel.cpp").write_text(source)
    command = [CXX, "-std=c++20", "-O0", "-c", "kernel.cpp", "-o", place / "kernel.o"]
    subprocess.run(command, cwd=folder, check=True)


needs_compiler = pytest.mark.skipif(
    CXX is None or shutil.which("nm") is None, reason="no C++ compiler or nm here"
)
HELPER = "__attribute__((noinline)) inline int helper(int x) { return x + 1; }"
CALL = "int run(int x) { static int calls = helper(x); return calls; }"


@needs_compiler
def test_symbols_inside_the_namespace_pass(tmp_path: Path) -> None:
    compile_object(tmp_path, "avx2", f"namespace pydl::avx2 {{ {HELPER} {CALL} }}")
    assert tool("check_symbols").main([str(tmp_path)]) == 0


@needs_compiler
@pytest.mark.parametrize(
    "source",
    [
        f"{HELPER} namespace pydl::avx2 {{ {CALL} }}",
        f"namespace pydl {{ {HELPER} }} namespace pydl::avx2 {{ {CALL} }}",
        f"namespace pydl::avx512 {{ {HELPER} {CALL} }}",
        "#include <vector>\nnamespace pydl::avx2 { void run(std::vector<int>& x) "
        "{ x.push_back(1); } }",
    ],
    ids=["global", "pydl", "another set", "container"],
)
def test_weak_symbol_outside_the_namespace_is_caught(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compile_object(tmp_path, "avx2", source)
    assert tool("check_symbols").main([str(tmp_path)]) == 1
    assert "outside pydl::avx2" in capsys.readouterr().out


def test_symbol_check_of_an_empty_tree_fails(tmp_path: Path) -> None:
    assert tool("check_symbols").main([str(tmp_path)]) == 2


def package(folder: Path, **files: str) -> Path:
    root = folder / "pydl"
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_imports_of_pydl_point_down() -> None:
    assert tool("check_imports").violations(ROOT / "pydl") == []


@pytest.mark.parametrize(
    "text",
    [
        "import pydl.layers",
        "from pydl import layers",
        "from pydl.layers.core import Dense",
        "from ..layers import Dense",
        "from .. import layers",
        "def f():\n    from pydl.layers import Dense",
        "if True:\n    import pydl.models.sequential",
        "import pydl",
    ],
)
def test_import_that_points_up_is_caught(tmp_path: Path, text: str) -> None:
    root = package(tmp_path, graph__node=text)
    (line,) = tool("check_imports").violations(root)
    assert "graph must not import" in line


def test_typing_imports_and_downward_imports_pass(tmp_path: Path) -> None:
    typing_only = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
    root = package(
        tmp_path,
        graph__node=typing_only + "    from pydl.layers import Dense",
        layers__core="from pydl import ops\nfrom pydl.graph.node import Graph",
    )
    assert tool("check_imports").violations(root) == []


def test_part_without_a_level_is_caught(tmp_path: Path) -> None:
    root = package(tmp_path, somewhere__new="x = 1")
    assert "has no level" in tool("check_imports").violations(root)[0]


def test_code_blocks_run_and_fail(tmp_path: Path) -> None:
    run_readme = tool("run_readme")
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text("```python\nprint(1)\n```\n<!-- not run -->\n```python\n1/0\n```\n")
    bad.write_text("text\n\n```python\n1/0\n```\n")
    assert run_readme.main([str(good)]) == 0
    assert run_readme.main([str(good), str(bad)]) == 1


def test_size_report_runs() -> None:
    command = [sys.executable, ROOT / "tools" / "check_sizes.py"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs the repository")
    assert done.returncode == 0 and "above a budget" in done.stdout


PTXAS = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_ZN4pydl4cuda5scaleEPfl' for 'sm_80'
ptxas info    : Function properties for _ZN4pydl4cuda5scaleEPfl
    24 bytes stack frame, 20 bytes spill stores, 16 bytes spill loads
ptxas info    : Used 64 registers, used 1 barriers, 4096 bytes smem, 400 bytes cmem[0]
ptxas info    : Compiling entry function '_ZN4pydl4cuda3sumEPf' for 'sm_80'
ptxas info    : Function properties for _ZN4pydl4cuda3sumEPf
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 16 registers, used 0 barriers, 360 bytes cmem[0]
"""


def test_resources_are_read_from_what_ptxas_says() -> None:
    check = tool("check_resources")
    kernels = check.read_log(PTXAS)
    assert kernels == {
        "_ZN4pydl4cuda5scaleEPfl": check.Resources(64, 4096, 24, 36),
        "_ZN4pydl4cuda3sumEPf": check.Resources(16, 0, 0, 0),
    }
    (spill,) = check.spilling("scale.cu", kernels)
    assert "scale" in spill and "36 bytes" in spill
    assert (
        check.without_parameters("rows<(Kind)2, 8>(float*, long)") == "rows<(Kind)2, 8>"
    )


def test_resources_over_the_table_fail() -> None:
    check = tool("check_resources")
    limits = {"sum": check.Resources(16, 0, 0, 0), "old": check.Resources(1, 0, 0, 0)}
    same = {name: limits[name] for name in limits}
    assert check.compare("sum.cu", same, limits) == []
    more = {"sum": check.Resources(17, 64, 0, 0), "new": check.Resources(1, 0, 0, 0)}
    over, unknown, gone = check.compare("sum.cu", more, limits)
    assert "registers 17 > 16, shared 64 > 0" in over
    assert "new is not in the table" in unknown and "old is in the table only" in gone
