"""Names in the environment and `.env` that are nearly those of settings: they change nothing, which nobody would notice."""

from __future__ import annotations

from difflib import get_close_matches

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from tracing_core.settings import Settings, environment_name

_PREFIX = "TRACEWHY_"
_NEAR = 0.8


def misspelt() -> dict[str, str]:
    """Each such name with the setting that it most likely means."""
    known = {environment_name(field) for field in Settings.model_fields}
    sources = (EnvSettingsSource(Settings), DotEnvSettingsSource(Settings))
    given = {name.upper() for source in sources for name in source.env_vars}
    strange = sorted(name for name in given - known if name.startswith(_PREFIX))
    return {name: near[0] for name in strange if (near := get_close_matches(name, known, 1, _NEAR))}
