"""### Every quarter of an hour: what is due now

Sends the contacts whose slot has opened, and at all hours hands over approved orders, recalls what a payment has
overtaken, and asks again for acknowledgements.

* **Safe to run again:** yes; a contact is claimed before it is sent and is never sent twice.
* **When it fails:** contacts in doubt are listed in the digest; see `docs/operate.md#arrears_dispatch`.
"""

from airflow.sdk import dag

from arrears.orchestration.forms import form_of_a_day
from arrears.orchestration.pages import about
from arrears.orchestration.step import closing, sending, step
from arrears.orchestration.timetable import at_minutes, begins
from arrears.steps import dispatch as steps


@dag(
    dag_id="arrears_dispatch",
    schedule=at_minutes("*/15"),
    start_date=begins(),
    catchup=False,
    max_active_runs=1,
    **about(__doc__),
    tags=["arrears", "impact:customer-contact", "tier:1"],
    params=form_of_a_day(),
)
def arrears_dispatch() -> None:
    """Send what is due."""
    dispatch = step(steps.open_dispatch)()
    sent = sending(steps.send_due, pool="arrears_mail", queue="mail")(dispatch)
    orders = sending(steps.settle_orders, trigger_rule="all_done")(dispatch)
    closed = closing(steps.close_dispatch)(dispatch)

    sent >> orders >> closed


arrears_dispatch()
