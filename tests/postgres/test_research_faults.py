"""What is wrong with the research pipeline's rules can be found in the numbers of its stored runs (decision tracing)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import pytest

from examples.research.policy import POLICY, Policy
from tests.postgres.tables import assert_balanced, rows
from tests.researching import PROJECT, requests, research
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.decision_groups import Group
from tracing_core.query.decisions import decision_types
from tracing_core.query.filters import TraceFilter
from tracing_core.query.runs import group_runs, measure_runs, principle_patterns
from tracing_core.storage.database import Database
from tracing_core.storage.tables import decisions, traces
from tracing_core.store import init

RUNS = 100
SOUND = "research-sound"
SUSPECT, SURE = "databases", "version_notes"
SOUND_POLICY = replace(POLICY, sure_words={}, without_code={})


@dataclass(frozen=True, kw_only=True)
class Recorded:
    database: Database
    folder: Path


@pytest.fixture(scope="module")
def recorded(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The same questions researched twice: by the rules in force, and by rules without the two that are wrong."""
    folder = tmp_path_factory.mktemp("research")
    url = shared_database._url.render_as_string(hide_password=False)
    store = init(database_url=url, TRACEWHY_DATA_DIR=folder)
    record(POLICY, PROJECT, folder)
    record(SOUND_POLICY, SOUND, folder)
    store.close()
    return Recorded(database=shared_database, folder=folder)


def record(policy: Policy, project: str, folder: Path) -> None:
    pipeline = research(folder / "projects", policy)
    for number, request in enumerate(requests(RUNS)):
        pipeline.run(replace(request, project=project, evidence_pack=number % 10 == 0))


def gap_rates(recorded: Recorded, principle: str, project: str = PROJECT) -> dict[str, float]:
    """By domain, the share of reports that fall short of a principle, of those that are held to it."""
    rates = {}
    for domain in domains(recorded, project):
        chosen = TraceFilter(project=project, domain=domain)
        patterns = principle_patterns(recorded.database, chosen, min_runs=1)
        found = next((each for each in patterns if each.principle_id == principle), None)
        rates[domain] = found.fail_count / found.total_runs if found else 0.0
    return rates


def domains(recorded: Recorded, project: str) -> list[str]:
    """Those of which there are enough runs to tell something."""
    groups = group_runs(recorded.database, TraceFilter(project=project), "domain")
    return [group.value for group in groups if group.value and group.measures.complete >= 15]


def source_choices(recorded: Recorded, project: str = PROJECT) -> dict[str, Group]:
    """How each choice of the first source turned out by the gate."""
    chosen = TraceFilter(project=project, decision=DecisionFilter(decision="source_selection"))
    (found,) = decision_types(recorded.database, chosen, "gate").types
    return {choice.what: choice.group for choice in found.choices}


def test_a_principle_fails_for_one_domain(recorded: Recorded) -> None:
    """Every guide of one domain falls short of showing code, while other domains mostly do not."""
    rates = gap_rates(recorded, "HT-1")
    suspect = rates.pop(SUSPECT)
    assert suspect == 1
    assert rates
    assert all(rate < 0.5 for rate in rates.values()), rates


def test_the_failing_principle_is_the_rules_doing(recorded: Recorded) -> None:
    """With code left in the evidence the same questions are answered with code in that domain, too."""
    assert gap_rates(recorded, "HT-1", SOUND)[SUSPECT] < 0.3


def test_the_gap_leads_to_the_decision_behind_it(recorded: Recorded) -> None:
    """Of runs with that gap in that domain each has the decision that cleaned its evidence, with why."""
    found = [row for row in rows(recorded.database, decisions) if row["decision"] == "evidence_cleaning"]
    of_domain = {row["trace_id"] for row in rows(recorded.database, traces) if row["domain"] == SUSPECT}
    cleaned = [row for row in found if row["trace_id"] in of_domain and row["project"] == PROJECT]
    assert {row["what"] for row in cleaned} == {"prose only"}
    assert all(row["why"] for row in cleaned)
    others = [row for row in found if row["trace_id"] not in of_domain and row["project"] == PROJECT]
    assert {row["what"] for row in others} == {"whole"}


def test_one_source_is_chosen_with_more_confidence_than_it_earns(recorded: Recorded) -> None:
    """It is the surest of all choices and the one that passes the gate least; the others keep about what they promise."""
    choices = source_choices(recorded)
    sure = choices.pop(SURE)
    assert sure.said is not None
    assert sure.came_true is not None
    assert sure.said > max(each.said or 0 for each in choices.values())
    assert sure.said - sure.came_true > 0.4
    assert sure.interval is not None
    assert sure.interval.high < sure.said
    assert all((each.said or 0) - (each.came_true or 0) < 0.25 for each in choices.values() if each.known >= 15)


def test_its_evidence_is_mostly_filtered_out(recorded: Recorded) -> None:
    """What the over-confident source brings is dropped for its lack of relevance more than that of any other source."""
    shares = {}
    for source in source_choices(recorded):
        kept = kept_shares(recorded, source)
        shares[source] = sum(kept) / len(kept)
    assert min(shares, key=lambda source: shares[source]) == SURE


def kept_shares(recorded: Recorded, source: str) -> list[float]:
    """Of runs that asked a source first, the share of what they collected that was kept."""
    chosen = {
        row["trace_id"]
        for row in rows(recorded.database, decisions)
        if (row["project"], row["decision"], row["what"]) == (PROJECT, "source_selection", source)
    }
    found = [row for row in rows(recorded.database, traces) if row["trace_id"] in chosen]
    return [row["evidence_passed"] / row["evidence_collected"] for row in found if row["evidence_collected"]]


def test_without_the_rules_that_are_wrong_more_reports_pass(recorded: Recorded) -> None:
    """The same questions pass more often when the two rules are put right, and nothing is sure of that source any more."""
    as_it_is, sound = (
        measure_runs(recorded.database, TraceFilter(project=project, report_type="how_to"))
        for project in (PROJECT, SOUND)
    )
    assert sound.qg_passed > as_it_is.qg_passed
    assert SURE not in source_choices(recorded, SOUND)


def test_rows_have_what_the_gate_said(recorded: Recorded) -> None:
    """Scores, gaps, rounds, tokens, evidence and files of a run are in its row, as its file has them."""
    runs = [row for row in rows(recorded.database, traces) if row["name"] == "research"]
    assert len(runs) == 2 * RUNS
    for row in runs[:20]:
        document = orjson.loads(Path(row["trace_file_path"]).read_bytes())
        gate = [stage for name, stage in document["stages"].items() if name.startswith("quality_gate")][-1]["outputs"]
        assert row["principle_scores"] == {each["id"]: each["score"] for each in gate["principle_scores"]}
        assert sorted(row["gap_principles"] or []) == sorted(gate["gap_principles"])
        assert (row["quality_gate_passed"], row["overall_quality_score"]) == (gate["passed"], gate["overall_score"])
        assert row["iteration_count"] == len(document["iterations"])
        assert row["evidence_used"] == row["citations_count"]
        assert Path(row["report_file_path"]).is_file()
        assert all(
            row[f"{stage}_duration"] is not None for stage in ("intake", "collection", "synthesis", "quality_gate")
        )


def test_children_are_stored_with_their_parent(recorded: Recorded) -> None:
    """One run in ten has two outputs of its own below it, and all is accounted for."""
    stored = rows(recorded.database, traces)
    children = [row for row in stored if row["parent_trace_id"] is not None]
    assert len(children) == 2 * 2 * (RUNS // 10)
    assert {row["parent_trace_id"] for row in children} <= {row["trace_id"] for row in stored}
    assert_balanced(recorded.database)
