"""Look at the policy: check a file, show the one in force."""

from pathlib import Path
from typing import Annotated

import typer

from arrears.cli.output import notes
from arrears.core.settings import Settings
from arrears.ladder.policy import load_policy
from arrears.steps.world import policy_of

policy_app = typer.Typer(help="Check a policy file, or show the policy in force.", no_args_is_help=True)


@policy_app.command()
def check(file: Annotated[Path, typer.Argument(help="policy file")]) -> None:
    """Check a policy file; the error names file, key, value and what is allowed."""
    found = load_policy(file)
    notes().print(f"{file.name} holds: {found.policy_id} {found.version}, {found.sha256}", markup=False)


@policy_app.command()
def show() -> None:
    """Print the policy in force as canonical JSON, the text that is hashed."""
    typer.echo(policy_of(Settings.from_environment()).canonical())
