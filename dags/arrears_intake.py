"""### What arrives during the day

Imports payments, outcomes, promises, holds and documents that were laid into the intake folder of the ledger, and
the delivery receipts and bounces that came for what was sent.

* **Safe to run again:** yes; the same file a second time changes nothing.
* **When it fails:** the file is named with row and column; see `docs/operate.md#arrears_intake`.
"""

from airflow.sdk import dag

from arrears.orchestration.forms import form_of_a_day
from arrears.orchestration.pages import about
from arrears.orchestration.step import closing, step
from arrears.orchestration.timetable import at_minutes, begins
from arrears.steps import intake as steps


@dag(
    dag_id="arrears_intake",
    schedule=at_minutes("5,20,35,50"),
    start_date=begins(),
    catchup=False,
    max_active_runs=1,
    **about(__doc__),
    tags=["arrears", "impact:internal", "tier:2"],
    params=form_of_a_day(),
)
def arrears_intake() -> None:
    """Import what has arrived."""
    intake = step(steps.open_intake)()
    arrivals = step(steps.list_arrivals)(intake)
    feed = "{{ task.op_kwargs['name'].split('/')[-1].split('__')[0].split('~')[0].split('.')[0] }}"
    one_by_one = step(steps.import_arrival, map_index_template=feed, max_active_tis_per_dagrun=1)
    imported = one_by_one.partial(intake=intake).expand(name=arrivals)  # a correction comes after what it corrects
    receipts = step(steps.import_receipts)(intake)
    closed = closing(steps.close_intake)(intake)

    [imported, receipts] >> closed


arrears_intake()
