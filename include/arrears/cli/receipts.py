"""``arrears receive``: the door at which an SMS gateway delivers its receipts."""

from typing import Annotated

import typer

from arrears.cli.output import notes
from arrears.core.errors import BadArguments
from arrears.core.settings import Settings

app = typer.Typer()
HIGHEST_PORT = 65_535


@app.command()
def receive(
    listen: Annotated[str, typer.Option(help="address and port, for example 127.0.0.1:13014")] = "127.0.0.1:13014",
) -> None:
    """Take delivery receipts from SMS gateways until stopped; the next intake imports them."""
    from arrears.outreach.receipt_door import open_door
    from arrears.outreach.receipts import spool_of

    host, port = read_address(listen)
    folder = spool_of(Settings.from_environment())
    with open_door(folder, host, port) as door:
        notes().print(f"receipts are taken at http://{host}:{door.server_address[1]}/receipts", markup=False)
        try:
            door.serve_forever()
        except KeyboardInterrupt:
            notes().print("closed", markup=False)


def read_address(text: str) -> tuple[str, int]:
    """Return host and port of an address.

    Raises:
        BadArguments: no host, or no port between 0 and 65535.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > HIGHEST_PORT:
        raise BadArguments(f"--listen {text!r}: write an address and a port, for example 127.0.0.1:13014")
    return host, int(port)
