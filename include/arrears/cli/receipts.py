"""What gateways say later: the door at which receipts arrive, and the list of what nobody knows the fate of."""

from typing import Annotated

import typer

from arrears.cli.arguments import AsJson
from arrears.cli.output import notes, print_json, print_table
from arrears.core.errors import BadArguments
from arrears.core.settings import Settings
from arrears.steps.world import build_runtime, shell_attempt

app = typer.Typer()
HIGHEST_PORT = 65_535


@app.command()
def receive(
    listen: Annotated[str, typer.Option(help="address and port, for example 127.0.0.1:13014")] = "127.0.0.1:13014",
) -> None:
    """Take delivery receipts from SMS gateways until stopped; the next intake imports them.

    Only receipts that carry the seal of the address we gave with the message are taken.
    """
    from arrears.core.entropy import SystemEntropy
    from arrears.outreach.receipt_door import open_door
    from arrears.outreach.receipt_seal import Guard, secret_of
    from arrears.outreach.receipts import spool_of

    host, port = read_address(listen)
    settings = Settings.from_environment()
    guard = Guard(secret_of(settings, SystemEntropy()), settings.sms_url)
    try:
        opened = open_door(spool_of(settings), host, port, guard)
    except OSError as error:
        raise BadArguments(f"--listen {listen!r}: {error.strerror or error}; name another address or port") from None
    with opened as door:
        notes().print(f"receipts are taken at http://{host}:{door.server_address[1]}/receipts", markup=False)
        try:
            door.serve_forever()
        except KeyboardInterrupt:
            notes().print("closed", markup=False)


@app.command()
def doubts(as_json: AsJson = False) -> None:
    """List what may or may not have gone out, oldest first, with its age; nothing of it is ever sent again."""
    from arrears.steps.receipts import list_doubts
    from arrears.store.migrate import existing_store

    rt = build_runtime(Settings.from_environment(), shell_attempt("doubts"))
    existing_store(rt)
    found = list_doubts(rt)
    if as_json:
        print_json(found)
        return
    rows = [(one["key"][:12], one["channel"], one["business_date"], f"{one['age_hours']} h",
             (one["approval_id"] or "")[:12]) for one in found]  # fmt: skip
    print_table("In doubt: end each by `arrears approvals`, or wait for its receipt",
                ("contact", "channel", "day", "age", "approval"), rows)  # fmt: skip


def read_address(text: str) -> tuple[str, int]:
    """Return host and port of an address.

    Raises:
        BadArguments: no host, or no port between 0 and 65535.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > HIGHEST_PORT:
        raise BadArguments(f"--listen {text!r}: write an address and a port, for example 127.0.0.1:13014")
    return host, int(port)
