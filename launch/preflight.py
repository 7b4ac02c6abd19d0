"""What must be so before anything is started. Each check raises `CannotGoOn` with one line: what is wrong, the way out."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from launch.steps import PYTHON, ROOT, CannotGoOn, Settings

DATA_MB = 300


def settings_from_outside() -> Settings:
    """The environment, with what `.env` adds to it."""
    found: Settings = {}
    dotenv = ROOT / ".env"
    for line in dotenv.read_text().splitlines() if dotenv.exists() else ():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("'\"")
    return {**found, **os.environ}


def need_space(folder: Path, megabytes: int, what: str) -> None:
    """Refuse to start what would fill the disk."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        raise CannotGoOn(f"{folder} has {free} MB left, {what} need {megabytes} MB; make room or use another disk")


def need_loopback(host: str) -> None:
    """Refuse to show traces to a network as long as nobody has to sign in."""
    with suppress(ValueError):
        if host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return
    raise CannotGoOn(
        f"--host {host} would show every trace to the network, and authentication is not configured; keep 127.0.0.1 "
        "and come in through `ssh -L 8501:127.0.0.1:8501 <this machine>` or a proxy that asks for a sign-in"
    )


def need_ports(host: str, ports: dict[str, int]) -> None:
    """Refuse ports that are taken or named twice; `ports` maps the option to its number."""
    for option, port in ports.items():
        if list(ports.values()).count(port) > 1:
            raise CannotGoOn(f"port {port} is asked for twice; give {option} another number")
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except PermissionError as error:
                raise CannotGoOn(f"port {port} is reserved for root; use {option} N with N above 1023") from error
            except OSError as error:
                raise CannotGoOn(f"port {port} is taken; use {option} N or stop the program that holds it") from error


def need_data_dir(folder: Path) -> None:
    """Make the data directory and see that it can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CannotGoOn(f"cannot write to {folder} ({error.strerror}); use --data-dir FOLDER") from error
    need_space(folder, DATA_MB, "traces")


def need_database(environment: Settings) -> None:
    """See that the database that was asked for answers."""
    command = [str(PYTHON), "-m", "tracing_core", "check-database"]
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["DATABASE_URL does not answer"]
        raise CannotGoOn(f"{lines[-1]}; without DATABASE_URL an embedded PostgreSQL is used")
