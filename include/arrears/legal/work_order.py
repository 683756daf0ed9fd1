"""The sheet that a crew carries (委托拖车单): what it may and must not do, and the forms it brings back."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from arrears.core.keys import sha256
from arrears.core.money import digits_of, format_minor
from arrears.ladder.policy import Policy
from arrears.legal import typesetting
from arrears.legal.machine import local_minute
from arrears.legal.plain_text import breakable, pairs, qr_svg, table
from arrears.legal.wording import words, words_or_code

TEMPLATE = "order.typ"
NOT_RELEASED = ("未放行—不得执行", "NOT RELEASED—DO NOT ACT")
_MACHINE = {
    "kind": ("种类", "Kind"),
    "make": ("品牌", "Make"),
    "model": ("型号", "Model"),
    "serial": ("机身号/车架号", "Serial no. / VIN"),
    "engine_no": ("发动机号", "Engine no."),
    "plate": ("号牌", "Plate"),
    "colour": ("颜色", "Colour"),
    "hours": ("工作小时", "Operating hours"),
    "gps_device_no": ("定位终端号", "Positioning device no."),
}


def print_order(home: Path, document: bytes, policy: Policy, *, released: bool = True) -> bytes:
    """Return the sheet of an order document as PDF/A, dated the day of issue; the same document is the same bytes.

    Across the sheet of an order that has not been released stands that nobody may act on it.

    Raises:
        CannotRender: a character is in no font.
    """
    order = json.loads(document)
    mark = "" if released else NOT_RELEASED[policy.language == "en"]
    data = _data(order, sha256(document), policy) | {"watermark": mark}
    return typesetting.render(home, TEMPLATE, data, _day(order))


def _day(order: Mapping[str, Any]) -> date:
    return date.fromisoformat(order["issued_on"])


def _data(order: Mapping[str, Any], document_sha256: str, policy: Policy) -> dict[str, Any]:
    lang, zone = policy.language, policy.time_zone
    en = lang == "en"
    return {
        "lang": lang,
        "kind": order["kind"],
        "number": order["order_no"],
        "version": str(order["version"]),
        "qr": qr_svg(f"{order['order_no']} {document_sha256}".upper()),
        "sha256": document_sha256,
        "lender": order["lender"]["name_en" if en else "name"],
        "contact": order["lender"]["contact"],
        "policy": policy.stamp,
        "cutoff": order["issued_on"],
        "contract": order["issued_for"],
        "expires": order["expires_on"],
        "recall": order["recall"]["code"],
        "agency": pairs(_agency(order["agency"], en)),
        "basis": pairs(_basis(order["legal_basis"], lang)),
        "machine": pairs(
            [[label[en], breakable(words_or_code(order["asset"][name], lang))] for name, label in _MACHINE.items()]
        ),
        "keys": order["keys"],
        "photos": str(len(order["photos"])),
        "places": table(
            [local_minute(row["at"], zone), row["lat"], row["lon"], words_or_code(row["source"], lang),
             words(f"site_{row['site_type']}", lang) if row["site_type"] else ""]
            for row in order["locations"]
        ),
        "metres": str(order["geofence"].get("metres", "")),
        "people": pairs([words(row["role"], lang), row["name"]] for row in order["ask_for"]),
        "may": order["may"],
        "do_not": order["do_not"],
        "fee_cap": f"{order['currency']} "
        + format_minor(order["fee_cap_minor"], digits_of(order["currency"]), grouped=True),
    }  # fmt: skip


def _agency(agency: Mapping[str, str], en: bool) -> list[list[str]]:
    labels = {
        "name": ("受托机构", "Agency"),
        "licence_no": ("许可证号", "Licence no."),
        "licence_until": ("许可证有效期至", "Licence valid until"),
        "insurance_until": ("保险有效期至", "Insurance valid until"),
        "data_agreement_ref": ("委托及个人信息处理协议", "Data-processing agreement"),
    }
    return [[label[en], breakable(agency[name])] for name, label in labels.items()]


def _basis(basis: Mapping[str, Any], lang: str) -> list[list[str]]:
    if not basis:
        return []
    en = lang == "en"
    code, remedy = basis["code"], basis["remedy"]
    return [
        ["Legal basis" if en else "法律依据", words(f"basis_{code}", lang) if code else words("none", lang)],
        ["Remedy" if en else "救济方式", words(remedy, lang) if remedy else words("none", lang)],
        ["Packet (SHA-256)" if en else "法律材料 (SHA-256)", breakable(basis["packet_sha256"])],
        ["Contract (SHA-256)" if en else "合同 (SHA-256)", ", ".join(map(breakable, basis["contract_sha256"]))],
    ]
