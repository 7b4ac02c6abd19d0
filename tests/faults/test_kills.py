"""A hundred kills at random moments under load: of the service, of PostgreSQL and its backends, of who sends."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.faults.nursery import Nursery
from tests.faults.otlp_load import Load, Seen, assert_all_there, make_request
from tests.service.process import ROOT, free_port
from tests.service.serving import eventually
from tracing_core.storage.database import Database

pytestmark = pytest.mark.faults
logger = logging.getLogger(__name__)

SERVICE_KILLS, SENDER_KILLS, BACKEND_KILLS, POSTMASTER_KILLS = 44, 40, 12, 4
_MOMENT = threading.Event()


def at_a_random_moment(load: Load, chance: random.Random) -> None:
    """After some acknowledgements more, and somewhere within the work on the next."""
    load.wait_for_answers(200, chance.randrange(1, 12))
    _MOMENT.wait(chance.random() * 0.05)


def test_no_kill_of_the_service_costs_what_it_acknowledged(
    services: Nursery, database: Database, database_url: str, data_dir: Path
) -> None:
    """Killed while it stores, again and again, at most a few requests after its start."""
    chance, port = random.Random(20261121), free_port()
    with Load(lambda: [f"http://127.0.0.1:{port}"]) as load:
        for _ in range(SERVICE_KILLS):
            service = services.start(data_dir, port, DATABASE_URL=database_url)
            at_a_random_moment(load, chance)
            service.kill()
        service = services.ready(data_dir, port, DATABASE_URL=database_url)
        load.wait_for_answers(200, 10)
    eventually(service.settled, 60)
    stored = assert_all_there(database, load.seen)
    logger.info("%d spans acknowledged, %d stored", len(load.seen.acknowledged), stored)
    service.kill()


def test_no_kill_of_postgresql_costs_what_was_acknowledged(services: Nursery, quick_dir: Path) -> None:
    """Single backends, after which PostgreSQL recovers, and the whole embedded server, which the service starts again."""
    chance, data = random.Random(20261122), quick_dir / "data"
    service = services.ready(data)
    kills = [POSTMASTER] * POSTMASTER_KILLS + [BACKEND] * BACKEND_KILLS
    chance.shuffle(kills)
    with Load(lambda: [service.url], pause=0.15) as load:
        for kill in kills:
            at_a_random_moment(load, chance)
            kill_one(kill, data, chance)
        load.wait_for_answers(200, 10)
    eventually(service.settled, 60)
    database = Database(f"postgresql://postgres@/postgres?host={data / 'postgres'}")
    stored = assert_all_there(database, load.seen)
    logger.info("%d spans acknowledged, %d stored", len(load.seen.acknowledged), stored)
    database.close()
    service.kill(signal.SIGTERM)
    assert not (data / "postgres" / "postmaster.pid").exists()


POSTMASTER, BACKEND = "postmaster", "backend"


def kill_one(kind: str, data: Path, chance: random.Random) -> None:
    """Kill a process of the embedded server, as soon as it serves the service."""
    processes: list[psutil.Process] = []

    def serving() -> bool:
        with suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
            postmaster = psutil.Process(int((data / "postgres" / "postmaster.pid").read_text().split()[0]))
            processes[:] = [each for each in postmaster.children() if SERVES_SERVICE in " ".join(each.cmdline())]
            if processes and kind == POSTMASTER:
                processes[:] = [postmaster]
        return bool(processes)

    eventually(serving, 60)
    with suppress(psutil.NoSuchProcess):
        chance.choice(processes).kill()


SERVES_SERVICE = ": postgres postgres "
"""In the title of a process of PostgreSQL: what it serves, and whom."""


_SENDER = """
import os, sys, threading
from itertools import count
from tests.faults.otlp_load import make_request, post

def send(url, numbers):
    for number in numbers:
        os.write(1, b"sends %d\\n" % number)
        if post(url, make_request(number).body)[0] == 200:
            os.write(1, b"heard %d\\n" % number)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        for sender in range(3):
            threading.Thread(target=send, args=(sys.argv[1], count(int(line) + sender, 3)), daemon=True).start()
        threading.Event().wait()
    os.write(1, b"lives %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"ended %d\\n" % child)
"""


def test_no_kill_of_a_sender_costs_what_it_heard_of(
    services: Nursery, database: Database, database_url: str, data_dir: Path
) -> None:
    """An application that is killed while it sends: what was acknowledged to it is there."""
    chance, seen = random.Random(20261123), Seen()
    service = services.ready(data_dir, DATABASE_URL=database_url)
    command = [sys.executable, "-c", _SENDER, service.url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as popen:
        for first in range(0, SENDER_KILLS * 10_000, 10_000):
            run_and_kill(popen, first, chance, seen)
        popen.communicate(timeout=30)
    stored = assert_all_there(database, seen)
    logger.info("%d spans acknowledged, %d stored", len(seen.acknowledged), stored)
    service.kill()


def run_and_kill(popen: subprocess.Popen[str], first: int, chance: random.Random, seen: Seen) -> None:
    """Let an application send, kill it after some acknowledgements, and note all that it said."""
    assert popen.stdin is not None
    assert popen.stdout is not None
    popen.stdin.write(f"{first}\n")
    popen.stdin.flush()
    left, process = chance.randrange(1, 30), 0
    while True:
        word, number = popen.stdout.readline().split()
        if word == "ended":
            return
        if word == "lives":
            process = int(number)
        else:
            (seen.sent if word == "sends" else seen.acknowledged).update(make_request(int(number)).spans)
            left -= word == "heard"
        if process and left <= 0:
            _MOMENT.wait(chance.random() * 0.02)
            os.kill(process, signal.SIGKILL)
            left, process = sys.maxsize, 0
