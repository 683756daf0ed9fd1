"""``arrears …``: the same steps without Airflow; every error is one line that names the thing and the mend."""

import sys

import typer
from rich.console import Console

from arrears.cli import approvals, audit, bench, day, keys, policy, proof, receipts, rehearse
from arrears.core.errors import ArrearsError

app = typer.Typer(
    name="arrears",
    help="The daily work of a post-loan collections department (贷后逾期催收).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (day.app, receipts.app, proof.app, audit.app, rehearse.app, bench.app):
    app.registered_commands.extend(part.registered_commands)
app.add_typer(approvals.app, name="approvals")
app.add_typer(keys.keys_app, name="keys")
app.add_typer(policy.policy_app, name="policy")


def main() -> None:
    """Run the command line; exit codes are those of the command contract."""
    try:
        app()
    except ArrearsError as error:
        Console(stderr=True, highlight=False).print(f"arrears: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
