"""### The day: from the ledger to the evening seal

Pulls the overdue ledger, holds it at the gates, places every account on the ladder, plans one contact a person,
builds the legal packets of stage three, seals, mails the digest, and then, once the contact window opens,
sends stage by stage and hands over approved orders.

* **Safe to run again:** yes, any task, at any moment; work is keyed by account and occasion, never by run.
* **When it fails:** nobody is contacted twice; read the red task's last line, then `docs/operate.md#arrears_daily`.
"""

from datetime import timedelta

from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import TaskGroup, dag, task_group

from arrears.orchestration.assets import AUDIT_LOG, LEDGER, PROPOSED_ORDERS
from arrears.orchestration.forms import form_of_the_day
from arrears.orchestration.pages import about
from arrears.orchestration.step import branch, closing, sealing, sending, step, wait
from arrears.orchestration.timetable import begins, every_morning, patience_for_the_ledger
from arrears.steps import daily


@dag(
    dag_id="arrears_daily",
    schedule=every_morning(),
    start_date=begins(),
    catchup=False,
    max_active_runs=1,
    **about(__doc__),
    tags=["arrears", "impact:customer-contact", "tier:1"],
    params=form_of_the_day(),
)
def arrears_daily() -> None:
    """Run one business date."""
    opened = step(daily.open_day)()
    day = "{{ ti.xcom_pull(task_ids='open_day') }}"  # as text, or the graph would draw a line from it to every task
    arrived = wait(daily.ledger_is_there, every=timedelta(minutes=1), at_most=patience_for_the_ledger())(day)

    @task_group
    def ledger() -> None:
        step(daily.pull_ledger)(day) >> step(daily.gate_ledger, retries=0, outlets=[LEDGER])(day)

    @task_group
    def ladder() -> None:
        step(daily.decide_accounts)(day) >> step(daily.plan_contacts)(day)

    @task_group
    def legal() -> None:
        built = step(daily.build_packets, pool="arrears_legal", queue="legal")(day)
        built >> step(daily.propose_orders, outlets=[PROPOSED_ORDERS])(day)

    with TaskGroup("morning") as morning:
        lists = sealing(daily.seal_morning)(day) >> step(daily.write_worklists)(day)
        digest = sending(daily.send_digest, queue="mail")(day)  # that it fails keeps nobody from being contacted
        lists >> digest

    @task_group
    def contacts(stage: int) -> None:
        batches = step(daily.list_batches)(day, stage)
        label = "batch {{ task.op_kwargs['batch'] }}"
        send = sending(daily.send_batch, pool="arrears_mail", queue="mail", map_index_template=label)
        send.partial(day=day, stage=stage).expand(batch=batches)

    opens_at = step(daily.window_opens_at)(day)
    window = DateTimeSensorAsync(task_id="wait_for_window", target_time=opens_at)
    stages = branch(daily.branch_by_stage)(day)
    groups = [
        contacts.override(group_id="stage_0", tooltip="nothing overdue: courtesy reminders")(0),
        contacts.override(group_id="stage_1", tooltip="one instalment overdue")(1),
        contacts.override(group_id="stage_2", tooltip="two instalments overdue")(2),
        contacts.override(group_id="stage_3", tooltip="three or more overdue")(3),
    ]
    orders = sending(daily.settle_orders, trigger_rule="none_failed")(day)
    closed = closing(daily.close_day, outlets=[AUDIT_LOG])(day)

    opened >> arrived >> ledger() >> ladder() >> legal() >> morning
    lists >> opens_at
    digest >> closed
    window >> stages >> groups >> orders >> closed


arrears_daily()
