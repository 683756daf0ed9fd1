"""``arrears bench``: runs the comparison programs of a checkout; the package itself holds none of them."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import arrears
from arrears.core.errors import BadArguments

app = typer.Typer()
PROGRAM = Path("tests") / "bench" / "compare.py"


@app.command()
def bench(
    accounts: Annotated[
        list[int] | None, typer.Option(help="how many accounts the portfolio has; several sizes one after another")
    ] = None,
    rounds: Annotated[int, typer.Option(help="how often each side is measured, in turns")] = 5,
    store: Annotated[
        str, typer.Option(help="an empty PostgreSQL database of a server on this machine; SQLite without it")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="the file of the result, JSON; var/bench/data-path.json else")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="draw the sizes as SVG into this file")] = None,
) -> None:
    """Measure the data path beside a bare one and a naive one: CPU seconds, medians, equal checksums first."""
    root = next((folder for folder in _roots() if (folder / PROGRAM).is_file()), None)
    if root is None:
        raise BadArguments(f"no {PROGRAM} here: the comparisons come with the source, run this in a checkout")
    command = [sys.executable, str(root / PROGRAM), "--rounds", str(rounds)]
    command += ["--accounts", *map(str, accounts or [10_000])]
    command += ["--out", str(out or root / "var" / "bench" / f"data-path{'-postgresql' if store else ''}.json")]
    command += [*(["--plot", str(plot)] if plot else []), *(["--store", store] if store else [])]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own program, fixed words and numbers


def _roots() -> list[Path]:
    return [Path.cwd(), Path(arrears.__file__).resolve().parents[2]]
