"""``arrears …``: the same steps without Airflow; every error is one line that names the thing and the mend."""

import sys

import typer

from arrears.cli import approvals, audit, bench, day, keys, policy, proof, receipts, rehearse
from arrears.cli.failures import told
from arrears.cli.output import drop_output, notes, open_closed_outputs, speak_every_language

INTERRUPTED = 130
"""What a command ends with that Ctrl-C stopped."""
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
    open_closed_outputs()
    speak_every_language()
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()  # a full disk is told here, not after the end
        if code == INTERRUPTED:
            notes().print("arrears: stopped; what was done stays, run it again to go on", markup=False)
    except BrokenPipeError:
        drop_output()
        sys.exit(1)
    except Exception as error:
        failure = told(error)
        if failure is None:
            raise
        line, code = failure
        drop_output() if isinstance(error, OSError) else None
        if line:
            notes().print(f"arrears: {line}", markup=False, soft_wrap=True)
    sys.exit(code if isinstance(code, int) else 0)
