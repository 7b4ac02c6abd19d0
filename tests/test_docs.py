"""The README cannot rot: what it should name is compared with the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import tracing_core
from tracing_core.settings import Settings, environment_name

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_readme_has_every_setting_with_its_meaning() -> None:
    """Each setting has a line in the README's table that says what the setting's own description says."""
    for field, about in Settings.model_fields.items():
        line = re.search(rf"^\| `{environment_name(field)}` \|.*$", README, re.MULTILINE)
        assert line is not None, f"README.md lacks {environment_name(field)}"
        assert str(about.description) in line.group(), f"README.md says something else of {environment_name(field)}"


def test_readme_names_every_page() -> None:
    """Each page of the application is in the README's table of pages."""
    for page in sorted((ROOT / "pages").glob("*.py")):
        title = page.stem.replace("_", " ").capitalize()
        assert re.search(rf"^\| {title} \|", README, re.MULTILINE), f"README.md lacks the page {title}"


def test_readme_shows_only_pictures_and_files_that_exist() -> None:
    """Each relative link of the README leads to a file of the project."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


def test_readme_names_every_endpoint_of_the_service() -> None:
    """Each path that the service's code routes is in the README."""
    paths = set(_routed_paths())
    assert paths, "no route was found in service/"
    missing = [path for path in sorted(paths) if path not in README]
    assert not missing


def test_public_names_are_sorted_and_there() -> None:
    """`tracing_core.__all__` is sorted, and each name in it can be imported."""
    assert tracing_core.__all__ == sorted(tracing_core.__all__)
    assert all(hasattr(tracing_core, name) for name in tracing_core.__all__)


def _routed_paths() -> list[str]:
    """The literal paths in decorators such as `@router.post("/ask")`."""
    paths = []
    for module in sorted((ROOT / "service").glob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                calls = [
                    d for d in node.decorator_list if isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute)
                ]
                paths += [
                    str(call.args[0].value)
                    for call in calls
                    if call.func.attr in ("get", "post") and call.args and isinstance(call.args[0], ast.Constant)  # type: ignore[attr-defined]
                ]
    return paths
