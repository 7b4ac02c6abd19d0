"""`python -m examples.research QUESTION [--project P]` researches one question; `--runs N` researches many."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from itertools import islice

from rich.console import Console

from assistant.errors import AssistantError
from examples.research.model import Report, Request
from examples.research.questions import questions
from examples.research.workplace import Workplace, workplace
from tracing_core.errors import TracewhyError
from tracing_core.ids import check_project

PROJECT = "research"
_STORED_WITHIN_SECONDS = 60


def main() -> int:
    """Do what the command line says; 0 when a report was written for every question."""
    options = _parser().parse_args()
    console = Console(soft_wrap=True, highlight=False, markup=False)
    try:
        project = check_project(options.project)
        with console.status("getting documents and model ready"), workplace() as here:
            requests = list(_requests(options, project))
            failed = sum(not _research(request, here, console) for request in requests)
            here.store.writer.flush(_STORED_WITHIN_SECONDS)
            here.store.reviewer.flush(_STORED_WITHIN_SECONDS)
    except (TracewhyError, OSError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(str(error))
        return 1
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.research", description=__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("question", nargs="?", help="what to research")
    asked.add_argument("--runs", type=_positive, help="research so many questions of a list instead")
    parser.add_argument("--project", default=PROJECT, help=f"whose runs these are (default {PROJECT})")
    parser.add_argument("--model", help="which language model shall write; `extractive` quotes")
    parser.add_argument("--evidence-pack", action="store_true", help="give the evidence as an output of its own")
    parser.add_argument("--seed", type=int, default=7, help="of the questions that --runs draws")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _requests(options: argparse.Namespace, project: str) -> Iterator[Request]:
    source = random.Random(options.seed)  # noqa: S311 - the same seed asks the same questions
    asked = islice(questions(source), options.runs) if options.runs else [options.question]
    for text in asked:
        yield Request(question=text, project=project, model=options.model, evidence_pack=options.evidence_pack)


def _research(request: Request, here: Workplace, console: Console) -> bool:
    try:
        report = here.research.run(request)
    except AssistantError as error:  # it is on the trace, and the next question may fare better
        console.print(f"{request.question}\n  failed: {error}")
        return False
    _tell(request, report, here, console)
    return True


def _tell(request: Request, report: Report, here: Workplace, console: Console) -> None:
    verdict = report.verdict
    gaps = ", ".join(f"{score.principle.id} {score.principle.name}" for score in verdict.gaps)
    console.print(request.question)
    console.print(
        f"  gate    {'passed' if verdict.passed else 'failed'} with {verdict.overall:.1f} of 3, round {report.rounds}"
    )
    console.print(f"  gaps    {gaps or 'none'}")
    console.print(f"  report  {report.path}")
    if report.trace_id is not None:
        url = here.store.settings.public_url
        console.print(f"  trace   {report.trace_id}, shown by: python -m tracing_core show {report.trace_id}")
        console.print(f"          {url.rstrip('/')}/trace?id={report.trace_id}")


if __name__ == "__main__":
    sys.exit(main())
