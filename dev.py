#!/usr/bin/env python3
"""One command for everything: sets up what is missing, then runs, tests, checks or measures Tracewhy.

Needs Python 3.11 and nothing else. Paths count from the folder of this file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
if sys.version_info < OLDEST_PYTHON:
    sys.exit("dev.py needs Python 3.11 or newer, this is %s; try python3.12 dev.py" % sys.version.split()[0])

from launch import preflight
from launch.environment import set_up
from launch.program import Program
from launch.steps import PYTHON, ROOT, CannotGoOn, Settings

PASSED_ON = {
    "test": (
        "pytest --numprocesses=auto --maxprocesses=4 --dist=loadgroup",
        "the tests, on all cores; arguments go to pytest: test tests/unit -k cost -n 0",
    ),
    "bench": ("bench", "the measurements; bench --help says which"),
    "demo": (
        "examples.demo",
        "fill the store with a labelled history: demo [--traces N] [--runs N] [--days D] [--remove]",
    ),
    "screenshots": ("tests.browser.screenshots", "take the pictures in the README again; needs Chromium"),
}
CHECKS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))


def port_number(text: str) -> int:
    """A TCP port."""
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is no port; use a number from 1 to 65535")
    return int(text)


def receiver_port(text: str) -> int:
    """The TCP port of a receiver, or 0 for none."""
    return 0 if text == "0" else port_number(text)


def read_run_options(arguments: list[str], outside: Settings) -> argparse.Namespace:
    """The options of `run`; what is not given comes from the settings."""
    parser = argparse.ArgumentParser(prog="dev.py run", description="Start everything; Ctrl-C stops it.")
    service = outside.get("TRACEWHY_SERVICE_PORT", "8000")
    otlp, grpc = outside.get("TRACEWHY_OTLP_PORT", "4318"), outside.get("TRACEWHY_GRPC_PORT", "4317")
    host, folder = outside.get("TRACEWHY_HOST", "127.0.0.1"), outside.get("TRACEWHY_DATA_DIR", ".data")
    parser.add_argument("--port", type=port_number, default=8501, help="of the dashboard (8501)")
    parser.add_argument("--service-port", type=port_number, default=service, help=f"of the service ({service})")
    parser.add_argument("--otlp-port", type=receiver_port, default=otlp, help=f"of OTLP over HTTP; 0 for none ({otlp})")
    parser.add_argument("--grpc-port", type=receiver_port, default=grpc, help=f"of OTLP over gRPC; 0 for none ({grpc})")
    parser.add_argument("--host", default=host, help=f"address to listen on ({host})")
    parser.add_argument("--data-dir", type=Path, default=folder, help=f"where everything is kept ({folder})")
    parser.add_argument("--no-model", action="store_true", help="quote sources instead of loading the embedded model")
    return parser.parse_args(arguments)


def run(arguments: list[str]) -> int:
    """Check what can be checked, start the dashboard (which starts the service), and stop both when told to."""
    outside = preflight.settings_from_outside()
    options = read_run_options(arguments, outside)
    preflight.need_loopback(options.host)
    preflight.need_ports(options.host, needed_ports(options, outside))
    preflight.need_data_dir(options.data_dir.resolve())
    set_up()
    environment = run_environment(options, outside)
    if outside.get("DATABASE_URL"):
        preflight.need_database(environment)
    addresses = {"dashboard": address(options.host, options.port)}
    probes = [f"{addresses['dashboard']}/_stcore/health"]
    if not outside.get("API_URL"):
        addresses["service"] = address(options.host, options.service_port)
        probes.append(f"{addresses['service']}/healthz")
        addresses |= {name: address(options.host, port) for name, port in receivers(options).items() if port}
    return Program(streamlit_command(options), environment).run(addresses, probes)


def receivers(options: argparse.Namespace) -> dict[str, int]:
    """The ports where OpenTelemetry arrives; 0 where it does not."""
    return {"otlp http": options.otlp_port, "otlp grpc": options.grpc_port}


def needed_ports(options: argparse.Namespace, outside: Settings) -> dict[str, int]:
    """The ports that must be free, by the option that chooses them. A service that runs elsewhere needs none here."""
    if outside.get("API_URL"):
        return {"--port": options.port}
    ports = {"--otlp-port": options.otlp_port, "--grpc-port": options.grpc_port}
    return {"--port": options.port, "--service-port": options.service_port} | {o: p for o, p in ports.items() if p}


def run_environment(options: argparse.Namespace, outside: Settings) -> Settings:
    """The settings that the options stand for."""
    environment = {
        **os.environ,
        "TRACEWHY_DATA_DIR": str(options.data_dir.resolve()),
        "TRACEWHY_SERVICE_PORT": str(options.service_port),
        "TRACEWHY_OTLP_PORT": str(options.otlp_port),
        "TRACEWHY_GRPC_PORT": str(options.grpc_port),
        "TRACEWHY_HOST": options.host,
        "TRACEWHY_PUBLIC_URL": outside.get("TRACEWHY_PUBLIC_URL", address(options.host, options.port)),
    }
    return {**environment, "TRACEWHY_EMBEDDED_MODEL": "false"} if options.no_model else environment


def address(host: str, port: int) -> str:
    """The URL of a port."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def streamlit_command(options: argparse.Namespace) -> list[str]:
    """The same command that a person may type inside the environment."""
    server = {"port": options.port, "address": options.host, "headless": "true"}
    flags = [word for name, value in server.items() for word in (f"--server.{name}", str(value))]
    return [str(PYTHON), "-m", "streamlit", "run", "dashboard/app.py", *flags]


def check() -> int:
    """Lint, format and types; all of them, also when the first complains. Returns the exit code."""
    worst = 0
    for tool in CHECKS:
        start = time.monotonic()
        code = subprocess.run([str(PYTHON), "-m", *tool], cwd=ROOT, check=False).returncode
        print(f"{' '.join(tool)}: {'failed' if code else 'ok'}, {time.monotonic() - start:.1f} s", flush=True)
        worst = max(worst, abs(code))
    return worst


def usage() -> str:
    """The verbs, a line each."""
    lines = {
        "run": "start everything and say where; run --help lists ports, host and data directory",
        **{verb: sentence for verb, (_, sentence) in PASSED_ON.items()},
        "check": "lint, format and types",
        "setup": "only make .venv and install the packages, again if need be; the other verbs do it when it is missing",
    }
    verbs = "".join(f"  {verb:12}{sentence}\n" for verb, sentence in lines.items())
    return f"{__doc__}\nusage: python3 dev.py VERB [ARGUMENTS]\n\n{verbs}"


def perform(verb: str, arguments: list[str]) -> int:
    """Do what `verb` says. Returns the exit code."""
    if verb == "run":
        return run(arguments)
    set_up(again=verb == "setup")
    if verb == "check":
        return check()
    if verb in PASSED_ON:
        module, *given = PASSED_ON[verb][0].split()
        os.execv(PYTHON, [str(PYTHON), "-m", module, *given, *arguments])
    return 0


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    verb = arguments[0] if arguments else "--help"
    if verb not in {"run", "check", "setup", *PASSED_ON}:
        print(usage(), end="")
        return 0 if verb in {"-h", "--help"} else 2
    os.chdir(ROOT)
    try:
        return perform(verb, arguments[1:])
    except CannotGoOn as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
