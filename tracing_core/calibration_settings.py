"""The settings of calibration: what is told of a run when it is over, and which patterns are worth an alert."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

Scorecard = Literal["auto", "off", "compact", "verbose"]


class CalibrationSettings(BaseSettings):
    """A part of `Settings`."""

    scorecard: Scorecard = Field(
        "auto",
        alias="TRACEWHY_SCORECARD",
        description="What is printed when a research run is over: off, compact or verbose; auto is compact on a terminal",
    )
    summaries: bool = Field(
        True,
        alias="TRACEWHY_SUMMARIES",
        description="Whether a summary in Markdown is written beside the trace file of each research run",
    )
    calibration: bool = Field(
        True,
        alias="TRACEWHY_CALIBRATION",
        description="Whether runs are looked through for patterns that call for calibration",
    )
    calibration_scope: Literal["all", "project"] = Field(
        "all",
        alias="TRACEWHY_CALIBRATION_SCOPE",
        description="Runs that failures and averages are counted over: all, or those of the run's project",
    )
    calibration_failures: int = Field(
        3, ge=1, alias="TRACEWHY_CALIBRATION_FAILURES", description="Runs with the same gap that give an alert"
    )
    calibration_days: int = Field(
        7, ge=1, alias="TRACEWHY_CALIBRATION_DAYS", description="Days within which these are counted"
    )
    calibration_disparity: float = Field(
        0.5,
        ge=0,
        alias="TRACEWHY_CALIBRATION_DISPARITY",
        description="How far below the overall average score that of an intent or domain may lie",
    )
    calibration_runs: int = Field(
        3, ge=1, alias="TRACEWHY_CALIBRATION_RUNS", description="Fewest runs of which such an average is taken"
    )
    calibration_drift: float = Field(
        0.1,
        ge=0,
        le=1,
        alias="TRACEWHY_CALIBRATION_DRIFT",
        description="How much the calibration error of a type of decision may grow over that of the four weeks before",
    )
    calibration_decisions: int = Field(
        30,
        ge=2,
        alias="TRACEWHY_CALIBRATION_DECISIONS",
        description="Fewest decisions, in these days and before, of which that is said",
    )
