"""Keep what a person confirmed of a run."""

from __future__ import annotations

import json

from sqlalchemy import insert

from tracing_core.jsontext import dump_for_postgres
from tracing_core.model import CalibrationRecord
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_records


def put_record(db: Database, record: CalibrationRecord) -> None:
    """Add a record.

    Raises:
        StorageError: it was not kept.
    """
    values = {column.name: getattr(record, column.name) for column in calibration_records.columns}
    for name in ("document", "prefilled"):
        values[name] = json.loads(dump_for_postgres(values[name]))
    with db.write() as connection:
        connection.execute(insert(calibration_records).values(values))
