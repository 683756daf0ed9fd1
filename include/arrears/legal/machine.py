"""The machine in a packet: by what it is known, what it is worth, which papers show it, and where it was last seen."""

from datetime import datetime
from zoneinfo import ZoneInfo

from arrears.legal.case_file import CaseFile
from arrears.legal.exhibits import numbers_of
from arrears.legal.plain_text import amount, breakable
from arrears.legal.wording import words, words_or_code

_LABELS = {
    "asset_kind": ("种类", "Kind"),
    "asset_make": ("品牌", "Make"),
    "asset_model": ("型号", "Model"),
    "asset_serial": ("机身号/车架号", "Serial no. / VIN"),
    "engine_no": ("发动机号", "Engine no."),
    "plate": ("号牌", "Plate"),
    "asset_colour": ("颜色", "Colour"),
    "asset_hours": ("工作小时", "Operating hours"),
    "gps_device_no": ("定位终端号", "Positioning device no."),
}
_PAPERS = {"photo": ("照片", "Photos"), "insurance": ("保险", "Insurance"), "valuation": ("评估", "Valuation")}


def machine_rows(case: CaseFile, lang: str) -> list[list[str]]:
    """Return what is known of the machine, its value, and under which numbers its papers stand in the catalogue."""
    en, known = lang == "en", {**case.facts.asset, **case.machine}
    rows = [
        [label[en], breakable(words_or_code(known[name], lang))] for name, label in _LABELS.items() if name in known
    ]
    worth = "" if case.asset_value_minor is None else amount(case.asset_value_minor, case.facts.money)
    exhibit = "exhibit " if en else "证据 "
    papers = {label[en]: numbers_of(case.facts, kind) for kind, label in _PAPERS.items()}
    rows.append(["Value on record" if en else "台账估值", worth])
    return rows + [[label, exhibit + numbers if numbers else words("none", lang)] for label, numbers in papers.items()]


def position_rows(case: CaseFile, lang: str, zone: str) -> list[list[str]]:
    """Return the last positions, newest first, in local time."""
    return [
        [
            local_minute(row["at"], zone),
            row["lat"],
            row["lon"],
            words_or_code(row["source"], lang),
            words(f"site_{row['site_type']}", lang) if row["site_type"] else "",
        ]
        for row in case.locations
    ]


def local_minute(moment: str, zone: str) -> str:
    """Write a stored moment as people on the spot read it."""
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
