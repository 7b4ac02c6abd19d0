"""`python -m service.mcp_stdio`: the MCP server over standard input and output, as a client starts it. The log is on standard error."""

from __future__ import annotations

import sys

from service.mcp_server import make_server
from tracing_core.archive import archive
from tracing_core.errors import TracewhyError
from tracing_core.logs import log_to_stderr
from tracing_core.settings import settings


def main() -> int:
    """Answer until standard input ends; 0, or 1 with one line on stderr when it cannot start."""
    try:
        log_to_stderr(settings().log_level)
        make_server(lambda: archive().database, settings().public_url).run("stdio")
    except TracewhyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
