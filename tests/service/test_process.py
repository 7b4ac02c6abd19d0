"""`python -m service`: how it starts, refuses to start, and ends."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from tests.service.process import free_port, refused, service_process
from tests.service.serving import eventually


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> dict[str, str]:
    """The settings of a service without the embedded model."""
    return {"DATABASE_URL": database_url, "TRACEWHY_DATA_DIR": str(data_dir), "TRACEWHY_EMBEDDED_MODEL": "false"}


PORTS = ("TRACEWHY_SERVICE_PORT", "TRACEWHY_OTLP_PORT", "TRACEWHY_GRPC_PORT")


@pytest.mark.parametrize("name", PORTS)
def test_a_taken_port_is_one_clear_line(settings: dict[str, str], name: str) -> None:
    """Exit code 1, with the way out."""
    ports = {each: str(free_port()) for each in PORTS}
    with socket.create_server(("127.0.0.1", 0)) as holder:
        code, line = refused(settings | ports | {name: str(holder.getsockname()[1])})
    assert code == 1
    assert f"set {name} to another port" in line


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_machines_are_kept_out(settings: dict[str, str], host: str) -> None:
    """As long as nobody has to sign in, only loopback addresses are listened on."""
    code, line = refused(settings | {"TRACEWHY_HOST": host})
    assert code == 1
    assert "authentication is not configured" in line


def test_a_bad_setting_is_named(settings: dict[str, str]) -> None:
    """Exit code 1, with the name of the setting."""
    code, line = refused(settings | {"TRACEWHY_SERVICE_PORT": "many"})
    assert code == 1
    assert "TRACEWHY_SERVICE_PORT" in line


def test_it_starts_without_its_database(settings: dict[str, str], tmp_path: Path) -> None:
    """It says that it is degraded, answers, and writes files."""
    settings["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    with service_process(settings, tmp_path / "log") as service:
        assert service.client.get("/healthz").json()["status"] == "degraded"
        said = service.client.post("/ask", json={"question": "How do I split a string?"}).json()
        assert list(Path(settings["TRACEWHY_DATA_DIR"], "projects").rglob(f"{said['trace_id']}.json"))


def test_it_ends_with_its_parent(settings: dict[str, str], tmp_path: Path) -> None:
    """With --watch-stdin the end of standard input ends it in good order."""
    with service_process(settings, tmp_path / "log", "--watch-stdin") as service:
        assert service.popen.stdin is not None
        service.popen.stdin.close()
        assert service.popen.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(settings: dict[str, str], tmp_path: Path, number: signal.Signals) -> None:
    """Exit code 0 soon after, also while the assistant gets ready."""
    with service_process(settings, tmp_path / "log") as service:
        service.popen.send_signal(number)
        assert service.popen.wait(20) == 0
        assert "Traceback" not in service.log.read_text()


def test_its_log_names_the_trace(settings: dict[str, str], tmp_path: Path) -> None:
    """The line about a request has the id of its trace."""
    with service_process(settings, tmp_path / "log") as service:
        trace_id = service.client.post("/ask", json={"question": " "}).headers["x-trace-id"]
        eventually(lambda: f"uvicorn.access [{trace_id}]" in service.log.read_text())
