"""The writer where processes fork and end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_START = """
import os, sys
from pathlib import Path
import tracing_core as tracing
from tests.surroundings import HeldStore, make_writer, totals
from tracing_core.runtime import Runtime, configure
from tracing_core.trace import Trace

data_dir = Path(sys.argv[1])
store = HeldStore()
writer = make_writer(store, data_dir, sampler=lambda row: 0.0 if row["name"] == "boring" else 1.0)
configure(Runtime(sink=writer))

def record(name):
    trace = tracing.TraceContext.start(name=name)
    trace.mark_complete()
    return tracing.TraceContext.finish(trace)
"""


def run(script: str, data_dir: Path, code: int = 0) -> list[str]:
    """Run `script` in a process of its own; gives the lines that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", _START + script, str(data_dir)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    return sorted(done.stdout.split("\n"))[1:]


def files(data_dir: Path) -> int:
    return len(list(data_dir.glob("projects/default/_traces/*.json")))


def test_a_program_that_just_ends_loses_nothing(data_dir: Path) -> None:
    """What is queued is written at exit, though nobody closed the writer."""
    run("for number in range(150): record('request')", data_dir)
    assert files(data_dir) == 150


def test_a_program_that_fails_loses_nothing(data_dir: Path) -> None:
    """An exception at the top ends the program, and what is queued is written all the same."""
    script = """
import threading
record('request')
threading.Thread(target=lambda: [record('late') for number in range(20)]).start()
raise SystemExit(3)
"""
    run(script, data_dir, code=3)
    assert files(data_dir) == 21


def test_a_forked_child_records_on_its_own(data_dir: Path) -> None:
    """It writes its own traces, not those that its parent has queued, and counts nothing that is its parent's."""
    script = """
store.gate.clear()
first = record('before')            # the parent's writer is at work on this one ...
writer._wake.set()
assert store.called.wait(20)
queued = record('before')           # ... and has yet to take this one
writer._delivery.note('native', 'dropped', 'of the parent', 5)
child = os.fork()
store.gate.set()
if child == 0:
    assert record('after').result(20)['database'] == 'saved'
    assert writer.stats().queued == 0
    writer.close()
    print('child', len(store.stored), totals(store.ledger), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert queued.result(20)['database'] == 'saved'
writer.close()
print('parent', len(store.stored), totals(store.ledger), flush=True)
"""
    assert run(script, data_dir) == [
        "child 1 {'received': 1, 'stored': 1}",
        "parent 2 {'dropped': 5, 'received': 7, 'stored': 2}",
    ]
    assert files(data_dir) == 3


def test_many_forked_children_do_not_hang(data_dir: Path) -> None:
    """Whatever the parent's threads were doing at the moment of the fork."""
    script = """
import threading
stop = threading.Event()
def busy():
    while not stop.is_set():
        record('boring')
threads = [threading.Thread(target=busy) for number in range(2)]
[thread.start() for thread in threads]
children = []
for number in range(20):
    child = os.fork()
    if child == 0:
        assert record('child').result(20)['database'] == 'saved'
        os._exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 20
stop.set()
[thread.join() for thread in threads]
writer.close()
print('done')
"""
    assert run(script, data_dir) == ["done"]
    assert files(data_dir) == 20
