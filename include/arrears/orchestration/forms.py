"""The forms with which a person starts a DAG: what each field is for, and what an empty one means."""

from airflow.sdk import Param


def form_of_a_day() -> dict[str, Param]:
    """Return the fields that every DAG has."""
    return {
        "business_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Business date 业务日期",
            description="Empty: the day it is started. A rehearsal names its day. 留空即启动当天；演练必须写明日期。",
        ),
        "rehearsal": Param(
            False,
            type="boolean",
            title="Rehearsal 演练",
            description="Sandbox only: the clock stands in that day's hours. 仅限沙箱：时钟停在当天可联系的时段。",
        ),
    }


def form_of_the_day() -> dict[str, Param]:
    """Return the fields of the daily DAG: also which ledger, and whether anything may leave."""
    return form_of_a_day() | {
        "feeds": Param(
            None,
            type=["null", "string"],
            title="Feeds folder 账本文件夹",
            description="Empty: the day's folder of the configured ledger. 留空即已配置账本当天的文件夹。",
        ),
        "plan_only": Param(
            False,
            type="boolean",
            title="Plan only 只做计划",
            description="Plan and build, send nothing. 只计划和制作，不发送。",
        ),
    }
