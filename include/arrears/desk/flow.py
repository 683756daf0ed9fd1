"""A page that is sent as it is made, and whose work ends with it: also where the browser is closed half way.

Starlette closes no body that it did not read to its end; what hangs on it would run on until the collector of cycles
comes round.
"""

from collections.abc import Generator, Iterator
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Flow(StreamingResponse):
    """Sends ``text`` step by step, and closes the ``lines`` it is made of when the last is sent or the reader left."""

    def __init__(self, text: Iterator[str], lines: Generator[Any]) -> None:
        super().__init__(text, media_type="text/html", headers={"Content-Encoding": "identity"})
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page; each step is made in the thread pool and over before this ends, so the lines stand still."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._lines.close()
