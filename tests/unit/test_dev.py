"""`dev.py`: what it refuses and how it says so, and that what it starts ends with it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from launch import environment, preflight
from launch.steps import CannotGoOn
from tests.sources import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="dev.py is for Linux and macOS")

SERVER_WITH_A_DAEMON = """
import http.server, os, signal, subprocess, sys
port, note = int(sys.argv[1]), sys.argv[2]
daemon = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
open(note, "w").write(str(daemon.pid))
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
STUBBORN_SERVER = """
import http.server, signal, sys
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: print("not yet", flush=True))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
DRIVER = """
import sys
from launch.program import Program
port, *command = sys.argv[1:]
program = Program([sys.executable, "-c", *command], {})
sys.exit(program.run({"page": f"http://127.0.0.1:{port}"}, [f"http://127.0.0.1:{port}/"]))
"""


def dev(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run dev.py to its end, with these settings on top of a bare environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), **settings}
    command = [sys.executable, "dev.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=60, check=False)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def free_ports() -> list[str]:
    """Options that keep `run` away from what else is running."""
    names = ("--port", "--service-port", "--otlp-port", "--grpc-port")
    options = zip(names, (str(free_port()) for _ in names), strict=True)
    return [word for pair in options for word in pair]


def test_help_names_every_verb() -> None:
    """Without arguments dev.py says what it can do."""
    shown = dev()
    assert shown.returncode == 0
    assert all(verb in shown.stdout for verb in ("run", "test", "check", "bench", "demo", "setup", "screenshots"))


def test_an_unknown_verb_is_refused() -> None:
    """A word that is no verb gets the help and an exit code that stops a script."""
    assert dev("rnu").returncode == 2


@pytest.mark.parametrize("option", ["--port", "--service-port", "--otlp-port", "--grpc-port"])
def test_a_taken_port_is_one_clear_line(option: str) -> None:
    """The line names the port and the option that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        refused = dev("run", *free_ports(), option, port)
    assert refused.returncode == 1
    assert refused.stderr == f"port {port} is taken; use {option} N or stop the program that holds it\n"


def test_the_same_port_twice_is_refused() -> None:
    """Two servers cannot share a port, and the line says which."""
    port = str(free_port())
    refused = dev("run", *free_ports(), "--port", port, "--service-port", port)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"port {port} is asked for twice")


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_refused(port: str) -> None:
    """A number outside TCP's range, or no number, is named in the message."""
    refused = dev("run", "--port", port)
    assert refused.returncode == 2
    assert f"{port} is no port" in refused.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_other_hosts_than_this_one_are_refused(host: str) -> None:
    """Traces are not shown to a network while nobody has to sign in; the line says how to come in."""
    refused = dev("run", "--host", host)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "authentication is not configured" in refused.stderr
    assert "ssh -L" in refused.stderr


def test_a_data_directory_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """The line names the directory and the option that chooses another."""
    (tmp_path / "file").touch()
    refused = dev("run", *free_ports(), "--data-dir", str(tmp_path / "file" / "data"))
    assert refused.returncode == 1
    assert refused.stderr == f"cannot write to {tmp_path}/file/data (Not a directory); use --data-dir FOLDER\n"


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would fill the disk is not started, and the line says how much room it takes."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=120_000_000))
    with pytest.raises(CannotGoOn, match="has 120 MB left, traces need 300 MB"):
        preflight.need_data_dir(tmp_path)


def test_a_database_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    """`run` with a DATABASE_URL that leads nowhere says so before it starts anything."""
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    refused = dev("run", *free_ports(), "--data-dir", str(tmp_path), DATABASE_URL=url)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "embedded PostgreSQL" in refused.stderr


def test_dotenv_counts_unless_the_environment_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` reads the same `.env` as the program that it starts."""
    (tmp_path / ".env").write_text('# API_URL=no\nexport API_URL="http://one"\nTRACEWHY_HOST=::1\n\nnonsense\n')
    monkeypatch.setattr(preflight, "ROOT", tmp_path)
    monkeypatch.setenv("TRACEWHY_HOST", "127.0.0.1")
    monkeypatch.delenv("API_URL", raising=False)
    found = preflight.settings_from_outside()
    assert (found["API_URL"], found["TRACEWHY_HOST"]) == ("http://one", "127.0.0.1")


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like an environment, in which nothing is really installed."""
    folder = tmp_path / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text("version = 3.11.7\n")
    for name, path in {
        "VENV": folder,
        "APART": folder / "apart",
        "PYTHON": folder / "bin" / "python",
        "STAMP": folder / "stamp",
    }.items():
        monkeypatch.setattr(environment, name, path)
    (tmp_path / "requirements.txt").write_text("one==1\ntwo==2\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path / "requirements.txt")
    return folder


@pytest.fixture
def installed(venv: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What set-up would have given to the installer, in order."""
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(environment, "install", lambda uv, *what: calls.append(what))
    monkeypatch.setattr(environment, "has_python", lambda uv: True)
    return calls


def test_set_up_does_nothing_twice(installed: list[tuple[str, ...]]) -> None:
    """The second set-up finds the stamp of the first."""
    environment.set_up()
    assert [what[-1] for what in installed[:2]] == [str(environment.REQUIREMENTS), environment.WEIGHTS]
    assert installed[2] == ("--no-deps", "--target", str(environment.APART), *environment.KEPT_APART)
    environment.set_up()
    assert len(installed) == 3


def test_set_up_follows_the_requirements(installed: list[tuple[str, ...]]) -> None:
    """A pin that changed, or another Python, installs again; and so does whoever asks for it."""
    environment.set_up()
    environment.REQUIREMENTS.write_text("one==2\n")
    environment.set_up()
    (environment.VENV / "pyvenv.cfg").write_text("version = 3.12.1\n")
    environment.set_up()
    environment.set_up(again=True)
    assert len(installed) == 12


def test_set_up_goes_on_without_the_weights(
    venv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that cannot be had is one line; the answers then quote."""

    def refuse_weights(_uv: str | None, *what: str) -> None:
        if environment.WEIGHTS in what:
            raise CannotGoOn("no network")

    monkeypatch.setattr(environment, "install", refuse_weights)
    monkeypatch.setattr(environment, "has_python", lambda uv: True)
    environment.set_up()
    assert "answers will quote" in capsys.readouterr().out
    assert environment.STAMP.exists()


def test_a_failed_installation_is_tried_again(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages there is no stamp, and the message shows what the installer said last."""
    monkeypatch.setattr(environment, "has_python", lambda uv: True)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    environment.PYTHON.unlink()
    environment.PYTHON.symlink_to(shutil.which("false") or "/bin/false")
    with pytest.raises(CannotGoOn, match=r"pip install .* failed"):
        environment.set_up()
    assert not environment.STAMP.exists()


def test_a_python_without_venv_says_what_to_install(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian splits Python; the line names the package."""
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(CannotGoOn, match="apt install python3-venv"):
        environment.make_venv(None)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def start_driver(port: int, *command: str) -> subprocess.Popen[str]:
    full = [sys.executable, "-c", DRIVER, str(port), *command]
    return subprocess.Popen(full, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_that_was_started(tmp_path: Path, number: signal.Signals) -> None:
    """Also a daemon that left the process group is gone when dev.py is; and an orderly stop is no failure."""
    note, port = tmp_path / "pid", free_port()
    with start_driver(port, SERVER_WITH_A_DAEMON, str(port), str(note)) as driver:
        assert driver.stdout is not None
        assert next(line for line in driver.stdout if line.startswith("page")).split()[1].endswith(str(port))
        daemon = int(note.read_text())
        assert alive(daemon)
        driver.send_signal(number)
        driver.communicate(timeout=30)
    assert driver.returncode == 0
    assert not alive(daemon)


def test_a_second_signal_does_not_wait() -> None:
    """Whoever presses Ctrl-C twice is not kept by a program that takes its time; pressing on makes no failure of it."""
    port = free_port()
    with start_driver(port, STUBBORN_SERVER, str(port)) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            if line.startswith("Ctrl-C"):
                driver.send_signal(signal.SIGINT)
            if line == "not yet\n" or line.startswith("stopped"):
                driver.send_signal(signal.SIGINT)
        driver.wait(timeout=30)
    assert driver.returncode == 0
    with socket.create_server(("127.0.0.1", port)):
        pass  # the port is free, so the program is gone


def test_a_program_that_dies_at_the_start_shows_its_last_lines() -> None:
    """What it said is on the screen, and the exit code says that it went wrong."""
    with start_driver(free_port(), "print('the cause'); raise SystemExit(3)") as driver:
        _, errors = driver.communicate(timeout=30)
    assert driver.returncode == 1
    assert "exit code 3" in errors
    assert "the cause" in errors
