"""Look at the policy: check a file, show the one in force."""

from pathlib import Path
from typing import Annotated

import typer

from arrears.cli.arguments import AsJson
from arrears.cli.output import notes, print_json, print_table
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.ladder.tighter import parameters_of
from arrears.steps.world import policy_of

policy_app = typer.Typer(help="Check a policy file, or show the policy in force.", no_args_is_help=True)


Name = Annotated[Path, typer.Argument(help="policy file, or a built-in profile: cn, us, uk, eu")]


@policy_app.command()
def check(file: Name, as_json: AsJson = False) -> None:
    """Check a policy file with the layers it stands on; the error names file, key, value and what is allowed."""
    found = load_policy(file)
    if as_json:
        print_json({"policy_id": found.policy_id, "version": found.version, "sha256": found.sha256,
                    "effective_from": found.effective_from.isoformat(), "layers": found.layers})  # fmt: skip
        return
    stands = " on ".join(reversed(found.layers))
    notes().print(f"{file.name} holds: {stands}, {found.sha256}", markup=False, soft_wrap=True)


@policy_app.command()
def show(
    file: Annotated[Path | None, typer.Argument(help="policy file or profile; the one in force when left out")] = None,
    keys: Annotated[bool, typer.Option("--keys", help="one line a parameter, with what a layer below may do")] = False,
) -> None:
    """Print the policy in force as canonical JSON, the text that is hashed; or parameter by parameter."""
    found = policy_of(Settings.from_environment()) if file is None else load_policy(file)
    if keys:
        print_table(f"{found.policy_id} {found.version}", ("parameter", "value", "a layer below"), parameters_of(found))
    else:
        typer.echo(found.canonical())
