"""What is imported where, at run time, and that every contract of pyproject.toml is held."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tui.engine
import tui.smoke


def test_the_keeper_needs_the_standard_library_alone() -> None:
    """It runs with -S: no site-packages, so anything else would fail to import."""
    keeper = Path(tui.engine.__file__).with_name("keeper.py")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(keeper), "/nowhere"], capture_output=True, text=True
    )
    assert "ModuleNotFoundError" not in done.stderr
    assert "child.lock" in done.stderr


def test_the_package_init_files_hold_a_docstring_and_nothing_else() -> None:
    root = Path(tui.engine.__file__).parents[2]
    for name in ("tui", "widgets", "profiles", "tui/engine", "tui/present"):
        text = (root / name / "__init__.py").read_text().strip()
        assert text.startswith('"""')
        assert text.count('"""') == 2
        assert text.endswith('"""')


def test_the_supervisor_never_loads_a_terminal_library() -> None:
    code = (
        "import sys, tui.engine.supervisor\n"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('textual', 'rich', 'numpy', 'yaml', 'pynvml', 'argparse')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_data_files_travel_with_the_package() -> None:
    smoke = Path(tui.smoke.__file__).parent
    for name in ("digits.npz", "digits_cnn.npz", "digits_cnn.onnx", "NOTICE", "mlcrepo/meta.yaml"):
        assert (smoke / name).is_file()


def test_the_first_screen_loads_nothing_that_only_others_need() -> None:
    code = (
        "import sys, tui.app\n"
        "print([m for m in sys.modules if m in ('tui.engine.explain', 'tui.engine.causes',"
        " 'tui.engine.console', 'tui.engine.doctor', 'tui.engine.setup', 'yaml', 'pynvml')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
