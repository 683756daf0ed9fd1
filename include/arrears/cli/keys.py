"""The commands about the signing key: show, rotate, replace."""

from typing import Annotated

import typer

from arrears.cli.arguments import AsJson
from arrears.cli.output import notes, print_json, print_table
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.steps.world import build_runtime, shell_attempt
from arrears.store.migrate import existing_store

keys_app = typer.Typer(help="The key that signs the audit log.", no_args_is_help=True)
By = Annotated[str, typer.Option("--as", help="who does it; stands in the log")]


def _runtime(what: str) -> Runtime:
    """Return the runtime of a command about the keys of a store that is there: none of them makes one."""
    rt = build_runtime(Settings.from_environment(), shell_attempt(f"keys {what}"))
    existing_store(rt)
    return rt


@keys_app.command()
def show(as_json: AsJson = False) -> None:
    """List the public keys of the log, oldest first, and whether the newest is here to sign."""
    from arrears.steps.keys import list_keys

    found = list_keys(_runtime("show"))
    if as_json:
        print_json(found)
    else:
        print_table("Keys of the audit log", ("public key", "signs from", "since", "here"),
                    [tuple(row.values()) for row in found])  # fmt: skip


@keys_app.command()
def rotate(by: By) -> None:
    """Sign with a new key from now on; the old one signs the change and is deleted."""
    from arrears.steps.keys import rotate as change

    changed = change(_runtime("rotate"), by)
    notes().print(f"from event {changed.size} on the log is signed by", markup=False)
    typer.echo(changed.vkey)


@keys_app.command()
def replace(by: By) -> None:
    """Put a new key in the place of one that is lost for good, once two people have attested it."""
    from arrears.steps.keys import replace_lost

    asked, changed = replace_lost(_runtime("replace"), by)
    if changed is None:
        notes().print("the new key waits for a supervisor and legal to attest it: "
                      f"`arrears approvals approve {asked[:12]} --as STAFF --note TEXT`", markup=False)  # fmt: skip
    else:
        notes().print("the new public key; give it to whoever verifies this log:", markup=False)
        typer.echo(changed.vkey)
