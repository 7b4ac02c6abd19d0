"""Contents packed with dictionary 2. Those with dictionary 1 stay and are read; going down packs the others as before."""

from pathlib import Path

import sqlalchemy as sa
import zstandard
from alembic import op

revision = "0008"
down_revision = "0007"

ROWS_AT_A_TIME = 50
DICTIONARIES = Path(__file__).parents[3]
LEVEL = 3


def upgrade() -> None:
    """Nothing: the first byte of contents says how they are packed."""


def downgrade() -> None:
    """Pack with dictionary 1 what the version before could not read."""
    connection = op.get_bind()
    newer = sa.text("SELECT tableoid, ctid, content FROM span_payloads WHERE get_byte(content, 0) = 2")
    update = sa.text(
        "UPDATE span_payloads SET content = :content WHERE tableoid = :tableoid AND ctid = CAST(:ctid AS tid)"
    )
    pack, unpack = zstandard.ZstdCompressor(level=LEVEL, dict_data=_dictionary(1)), _unpacker()
    for row in connection.execute(newer.execution_options(yield_per=ROWS_AT_A_TIME)):
        plain = unpack.decompress(bytes(row.content)[1:], max_output_size=2**31)
        values = {"content": b"\x01" + pack.compress(plain), "tableoid": row.tableoid, "ctid": row.ctid}
        connection.execute(update, values)


def _unpacker() -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(dict_data=_dictionary(2))


def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    kind = zstandard.DICT_TYPE_RAWCONTENT if number == 1 else zstandard.DICT_TYPE_FULLDICT
    return zstandard.ZstdCompressionDict((DICTIONARIES / f"contents_{number}.dict").read_bytes(), dict_type=kind)
