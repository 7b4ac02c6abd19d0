"""Add rollups to `trace_metrics`."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from tracing_core.jsontext import dump_for_postgres
from tracing_core.rollups import Key, Rollup

_KEY = ("project", "granularity", "bucket", "dimension", "value")

_ADD = text("""
INSERT INTO trace_metrics AS m (
    project, granularity, bucket, dimension, value, stored, count, errors, duration_ms_sum, timed_count, input_tokens,
    output_tokens, cost_usd, unpriced_count, flag_user_negative, flag_empty, flag_low_confidence, flag_normal,
    rating_count, rating_sum, bins, bin_counts)
SELECT
    project, granularity, bucket, dimension, value, stored, count, errors, duration_ms_sum, timed_count, input_tokens,
    output_tokens, cost_usd, unpriced_count, flag_user_negative, flag_empty, flag_low_confidence, flag_normal,
    rating_count, rating_sum, bins, bin_counts
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
    project text, granularity text, bucket timestamptz, dimension text, value text, stored bigint, count double precision,
    errors double precision,
    duration_ms_sum double precision, timed_count double precision, input_tokens double precision,
    output_tokens double precision, cost_usd numeric, unpriced_count double precision,
    flag_user_negative double precision, flag_empty double precision, flag_low_confidence double precision,
    flag_normal double precision, rating_count double precision, rating_sum double precision, bins integer[],
    bin_counts double precision[])
ON CONFLICT (project, granularity, dimension, bucket, value) DO UPDATE SET
    stored = m.stored + excluded.stored,
    count = m.count + excluded.count,
    errors = m.errors + excluded.errors,
    duration_ms_sum = m.duration_ms_sum + excluded.duration_ms_sum,
    timed_count = m.timed_count + excluded.timed_count,
    input_tokens = m.input_tokens + excluded.input_tokens,
    output_tokens = m.output_tokens + excluded.output_tokens,
    cost_usd = m.cost_usd + excluded.cost_usd,
    unpriced_count = m.unpriced_count + excluded.unpriced_count,
    flag_user_negative = m.flag_user_negative + excluded.flag_user_negative,
    flag_empty = m.flag_empty + excluded.flag_empty,
    flag_low_confidence = m.flag_low_confidence + excluded.flag_low_confidence,
    flag_normal = m.flag_normal + excluded.flag_normal,
    rating_count = m.rating_count + excluded.rating_count,
    rating_sum = m.rating_sum + excluded.rating_sum,
    (bins, bin_counts) = (
        SELECT coalesce(array_agg(bin), '{}'), coalesce(array_agg(n), '{}')
        FROM (
            SELECT bin, sum(n) AS n
            FROM (
                SELECT unnest(m.bins || excluded.bins) AS bin, unnest(m.bin_counts || excluded.bin_counts) AS n
            ) AS both_histograms
            GROUP BY bin HAVING sum(n) > 1e-6
            ORDER BY bin  -- once for both arrays: half of the time of a batch's rollups was to sort for each
        ) AS merged)
""")

_DROP_EMPTY = text("""
DELETE FROM trace_metrics AS m
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS k (
    project text, granularity text, bucket timestamptz, dimension text, value text)
WHERE m.project = k.project AND m.granularity = k.granularity AND m.bucket = k.bucket AND m.dimension = k.dimension
    AND m.value = k.value AND m.stored = 0
""")


def add_rollups(connection: Connection, rollups: Mapping[Key, Rollup]) -> None:
    """Add `rollups` to what is there; in the order of the key, so that two writers cannot wait for each other.

    A row that counts nothing any more, since a trace moved, goes: a project that has no traces must not be listed.
    """
    rows = [dict(zip(_KEY, key, strict=True)) | rollups[key].columns() for key in sorted(rollups)]
    if rows:
        connection.execute(_ADD, {"rows": dump_for_postgres(rows)})
    less = [dict(zip(_KEY, key, strict=True)) for key in sorted(rollups) if rollups[key].stored < 0]
    if less:
        connection.execute(_DROP_EMPTY, {"rows": dump_for_postgres(less)})
