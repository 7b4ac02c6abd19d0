"""Every setting, in one table: its name, type, default and meaning. Read once, from the environment and `.env`.

`python -m tracing_core settings` prints the table with the values in force.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSetting

from tracing_core.alert_settings import AlertSettings
from tracing_core.calibration_settings import CalibrationSettings
from tracing_core.errors import InvalidInput, SettingsError
from tracing_core.feedback_settings import FeedbackSettings
from tracing_core.ids import check_project
from tracing_core.own_prices import Prices


class Settings(CalibrationSettings, AlertSettings, FeedbackSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    database_url: str | None = Field(
        None, description="PostgreSQL to store traces in; without it an embedded PostgreSQL under the data directory"
    )
    data_dir: Path = Field(
        Path(".data"), alias="TRACEWHY_DATA_DIR", description="Trace files, embedded database, search index and spool"
    )
    project: str = Field(
        "default", alias="TRACEWHY_PROJECT", description="Project of traces that do not name one themselves"
    )
    tracing: bool = Field(True, alias="TRACEWHY_TRACING", description="Whether anything is recorded at all")
    untraced_projects: tuple[str, ...] = Field(
        (),
        alias="TRACEWHY_UNTRACED_PROJECTS",
        description='Projects that record nothing, and of which nothing that arrives is kept, as JSON: ["a", "b"]',
    )
    mode: Literal["develop", "product"] = Field(
        "develop",
        alias="TRACEWHY_MODE",
        description="develop keeps every trace; product keeps a share of the successes and all errors",
    )
    success_share: float = Field(
        0.1, ge=0, le=1, alias="TRACEWHY_SUCCESS_SHARE", description="Share of successes kept in product mode"
    )
    project_shares: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {},
        alias="TRACEWHY_PROJECT_SHARES",
        description='Share of successes kept of single projects, in either mode, as JSON: {"shop": 0.05}',
    )
    head_share: float = Field(
        1.0,
        ge=0,
        le=1,
        alias="TRACEWHY_HEAD_SHARE",
        description="Share of runs that a program records at all; the others cost nothing, and their errors are not seen",
    )
    retention_days: int | None = Field(
        None, ge=1, alias="TRACEWHY_RETENTION_DAYS", description="Days for which traces are kept; without it for ever"
    )
    keep_flagged_days: int | None = Field(
        None,
        ge=1,
        alias="TRACEWHY_KEEP_FLAGGED_DAYS",
        description="Days for which traces that failed, are flagged or rated are kept, if longer",
    )
    metrics_days: int | None = Field(
        None,
        ge=1,
        alias="TRACEWHY_METRICS_DAYS",
        description="Days for which numbers are kept by the minute, then by the hour and the day; without it for ever",
    )
    keep_files: bool = Field(
        False,
        alias="TRACEWHY_KEEP_FILES",
        description="Whether the files of traces whose time is up stay as an archive",
    )
    queue_size: int = Field(
        10_000, ge=1, alias="TRACEWHY_QUEUE_SIZE", description="Finished traces that may wait for the writer"
    )
    batch_size: int = Field(100, ge=1, alias="TRACEWHY_BATCH_SIZE", description="Traces in one transaction at most")
    flush_seconds: float = Field(
        5.0, gt=0, alias="TRACEWHY_FLUSH_SECONDS", description="Longest wait for a batch to fill, in seconds"
    )
    files: bool = Field(True, alias="TRACEWHY_FILES", description="Whether each trace is also written to a JSON file")
    files_url: str | None = Field(
        None,
        min_length=1,
        alias="TRACEWHY_FILES_URL",
        description="Where trace files are: a directory, or the URL of an object store, such as s3://bucket/prefix; "
        "without it projects in the data directory",
    )
    files_options: dict[str, Any] = Field(
        {},
        alias="TRACEWHY_FILES_OPTIONS",
        description='Options for that object store, as JSON: {"endpoint_url": "http://minio:9000"}',
    )
    files_timeout_seconds: float = Field(
        5.0,
        gt=0,
        alias="TRACEWHY_FILES_TIMEOUT_SECONDS",
        description="Longest wait for that object store at one file, in seconds; "
        "after it traces are stored without files until it answers",
    )
    media_bytes: int = Field(
        1_000_000_000,
        ge=0,
        alias="TRACEWHY_MEDIA_BYTES",
        description="Most that pictures, sounds and documents of Langfuse's SDK may take, in bytes; the oldest make room",
    )
    spool_bytes: int = Field(
        2_000_000_000,
        ge=0,
        alias="TRACEWHY_SPOOL_BYTES",
        description="Most that may wait on disk while the database is away, in bytes",
    )
    ingest_bytes: int = Field(
        64_000_000,
        ge=1,
        alias="TRACEWHY_INGEST_BYTES",
        description="Most that requests with spans may hold in memory until they are stored, in bytes",
    )
    ingest_processes: int = Field(
        2,
        ge=0,
        le=64,
        alias="TRACEWHY_INGEST_PROCESSES",
        description="Processes in which the service stores spans; 0 stores them in its own",
    )
    empty_answer_chars: int = Field(
        50, ge=0, alias="TRACEWHY_EMPTY_ANSWER_CHARS", description="Shorter answers are flagged EMPTY, in characters"
    )
    low_confidence: float = Field(
        0.5,
        ge=0,
        le=1,
        alias="TRACEWHY_LOW_CONFIDENCE",
        description="Lower confidence is flagged LOW_CONFIDENCE, 0 to 1",
    )
    negative_rating: int = Field(
        2, ge=1, le=5, alias="TRACEWHY_NEGATIVE_RATING", description="Ratings up to this one are flagged USER_NEGATIVE"
    )
    prices: dict[str, Prices] = Field(
        {},
        alias="TRACEWHY_PRICES",
        description='Prices that override the built-in ones, as JSON: {"model": {"input": 0.1, "output": 0.4}}, '
        "in dollars per million tokens; also cached, cache_write, reasoning, input_audio, output_audio and embedding, "
        "and a list of several with since and until (days)",
    )
    validate_traces: Literal["off", "warn"] = Field(
        "off",
        alias="TRACEWHY_VALIDATE",
        description="warn: what a program records against the schemas of its registered components is logged, "
        "once each, and noted on the trace",
    )
    journal: bool = Field(
        True,
        alias="TRACEWHY_JOURNAL",
        description="Whether what is recorded is kept in a journal until it is stored, which survives a kill",
    )
    journal_bytes: int = Field(
        64_000_000,
        ge=1_000_000,
        alias="TRACEWHY_JOURNAL_BYTES",
        description="Size of a process's journal at most, in bytes; of more, the oldest runs are given up",
    )
    statement_timeout_ms: int = Field(
        15_000, ge=0, alias="TRACEWHY_STATEMENT_TIMEOUT_MS", description="Longest query of a page, in milliseconds"
    )
    write_timeout_ms: int = Field(
        30_000,
        ge=0,
        alias="TRACEWHY_WRITE_TIMEOUT_MS",
        description="Longest statement that stores traces, in milliseconds; after it they wait on disk. 0 for no limit",
    )
    llm_base_url: str | None = Field(
        None, description="OpenAI-compatible server, such as http://localhost:11434/v1; without it the embedded model"
    )
    llm_model: str | None = Field(None, description="Model to ask for at LLM_BASE_URL; without it the first one listed")
    llm_api_key: str | None = Field(None, description="Key sent to LLM_BASE_URL")
    llm_timeout_seconds: float = Field(
        60.0, gt=0, alias="LLM_TIMEOUT_SECONDS", description="Longest silence of the model, in seconds"
    )
    embedded_model: bool = Field(
        True,
        alias="TRACEWHY_EMBEDDED_MODEL",
        description="Whether the embedded model may be loaded; else answers quote",
    )
    max_question_bytes: int = Field(
        100_000, ge=1, alias="TRACEWHY_MAX_QUESTION_BYTES", description="Longest question accepted, in bytes"
    )
    api_url: str | None = Field(
        None, description="Service that the dashboard talks to; without it the dashboard starts one"
    )
    public_url: str = Field(
        "http://127.0.0.1:8501",
        alias="TRACEWHY_PUBLIC_URL",
        description="Address of the dashboard, for links to traces",
    )
    host: str = Field("127.0.0.1", alias="TRACEWHY_HOST", description="Address that the service listens on")
    service_port: int = Field(8000, alias="TRACEWHY_SERVICE_PORT", description="Port of the service")
    admin_token: str | None = Field(
        None,
        min_length=8,
        alias="TRACEWHY_ADMIN_TOKEN",
        description="Token that the admin endpoints want as Authorization: Bearer; without it they are open to this machine",
    )
    otlp_port: int = Field(
        4318,
        ge=0,
        le=65535,
        alias="TRACEWHY_OTLP_PORT",
        description="Second port of the service, where OpenTelemetry's exporters look for OTLP over HTTP; 0 for none",
    )
    grpc_port: int = Field(
        4317, ge=0, le=65535, alias="TRACEWHY_GRPC_PORT", description="Port of OTLP over gRPC; 0 for none"
    )
    max_otlp_bytes: int = Field(
        67_108_864,
        ge=1024,
        alias="TRACEWHY_MAX_OTLP_BYTES",
        description="Longest OTLP body accepted, as it is sent and once unpacked, in bytes",
    )
    export_endpoint: str | None = Field(
        None,
        alias="TRACEWHY_EXPORT_ENDPOINT",
        description="OTLP receiver that every stored trace is sent on to, such as http://collector:4318",
    )
    export_headers: str | None = Field(
        None,
        alias="TRACEWHY_EXPORT_HEADERS",
        description="Headers sent to it, as name=value,name=value with values URL-encoded",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="TRACEWHY_LOG_LEVEL", description="Least severe log lines that are printed"
    )

    @field_validator("project")
    @classmethod
    def _project_names_a_directory(cls, value: str) -> str:
        try:
            return check_project(value)
        except InvalidInput as error:
            raise ValueError(error.problem) from error

    @property
    def projects_dir(self) -> Path:
        """Where the trace files are without TRACEWHY_FILES_URL: `{data_dir}/projects/{project}/_traces/{trace_id}.json`."""
        return self.data_dir / "projects"


def read_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment and `.env`.

    Args:
        overrides: values by environment name (`TRACEWHY_PROJECT="x"`) that win over both.

    Raises:
        SettingsError: a value cannot be used; the message names the setting.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError("bad setting: " + "; ".join(problems)) from error
    except UnreadableSetting as error:
        names = [environment_name(field) for field in Settings.model_fields if f'"{field}"' in str(error)]
        raise SettingsError(f"bad setting: {', '.join(names)}: is not JSON ({error.__cause__})") from error


@cache
def settings() -> Settings:
    """The settings of this process, read at the first call.

    Raises:
        SettingsError: a value cannot be used; the message names the setting.
    """
    return read_settings()


def environment_name(field: str) -> str:
    """The environment variable that sets `field`."""
    return Settings.model_fields[field].alias or field.upper()
