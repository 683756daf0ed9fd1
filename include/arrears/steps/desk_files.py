"""What goes to a bank or an agency as a file, and what an agency gives back because it was overtaken."""

from typing import Any

from arrears.core.runtime import Runtime
from arrears.steps import runs
from arrears.steps.world import policy_of, store_of


def write(rt: Runtime, this: runs.Day) -> dict[str, Any]:
    """Hear what agencies answer, recall what a payment or hold has overtaken, then write the files of the day."""
    from arrears.outreach.debits import write_debit_file
    from arrears.outreach.placement_reports import apply_placement_reports
    from arrears.outreach.placements import recall_placements, write_placement_files

    engine = store_of(rt)
    reported = apply_placement_reports(rt, engine, this.run_id)
    recalled = recall_placements(rt, engine, this.run_id, this.business_date, policy_of(rt.settings))
    written = write_placement_files(rt, engine, this.run_id)
    debits = write_debit_file(rt, engine, this.run_id)
    return {"reported": reported, "recalled": recalled, "files": len(written) + (debits is not None)}
