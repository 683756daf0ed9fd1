"""### Every night the store proves itself

Verifies the audit log against its signed checkpoints, proves ladder, totals and budgets over the whole store, replays
a sample of decisions, looks for a day that did not finish, tells which actions a later fact made wrong, and copies
what users did in Airflow into the log. The checks are independent of each other. Once log, rules and replay are sound,
what is past its retention is let go: raw files, and the people of accounts closed years ago.

* **Safe to run again:** yes; it reads, adds its own events, and deletes what is due once.
* **When it fails:** somebody must look the same morning; see `docs/operate.md#arrears_assurance`.
"""

from airflow.sdk import dag

from arrears.orchestration.forms import form_of_a_day
from arrears.orchestration.pages import about
from arrears.orchestration.step import closing, sealing, step
from arrears.orchestration.timetable import begins, every_night
from arrears.steps import assurance as steps


@dag(
    dag_id="arrears_assurance",
    schedule=every_night(),
    start_date=begins(),
    catchup=False,
    max_active_runs=1,
    **about(__doc__),
    tags=["arrears", "impact:internal", "tier:1"],
    params=form_of_a_day(),
)
def arrears_assurance() -> None:
    """Prove the store."""
    night = step(steps.open_night)()
    sound = [
        step(steps.verify_log)(night),
        step(steps.prove_store)(night),
        step(steps.replay_decisions)(night),
    ]
    others = [
        step(steps.watch_deliveries)(night),
        step(steps.report_overtaken)(night),
        step(steps.collect_user_actions)(night),
    ]
    erased = sealing(steps.erase_what_expired)(night)
    closed = closing(steps.close_night)(night)

    sound >> erased >> closed
    others >> closed


arrears_assurance()
