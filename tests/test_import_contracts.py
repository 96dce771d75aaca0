"""The import contracts of setup.cfg, checked by plain `pytest` too, and no import circle."""

import graphlib
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("pipeline", "data_prep", "models", "mnemosyne_tf")


def test_packages_import_only_what_the_house_allows():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--config",
            "setup.cfg",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_pipeline_sees_five_doors_of_data_prep():
    source = "".join(path.read_text() for path in (ROOT / "pipeline").rglob("*.py"))
    seen = set(re.findall(r"from data_prep import (\w+(?:, \w+)*)|from data_prep\.(\w+)", source))
    names = {name for pair in seen for each in pair if each for name in each.split(", ")}
    assert names == {"features", "images", "wordpiece", "settings", "storage"}
    assert "import data_prep" not in source


def test_no_module_imports_itself_by_way_of_others():
    import grimp

    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    imported = {
        name: graph.find_modules_directly_imported_by(name)
        for name in graph.modules
        if name.startswith(PACKAGES)
    }
    list(graphlib.TopologicalSorter(imported).static_order())  # CycleError names the circle
