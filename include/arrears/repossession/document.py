"""The order as the agency gets it: what to take, on which right, and above all what not to do."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Row

from arrears.core.keys import canonical, natural_key, sha256
from arrears.ladder.policy import Policy
from arrears.repossession.lockable import KIND
from arrears.repossession.order_facts import right_to_take
from arrears.repossession.sources import Sources
from arrears.store.artefacts import order_path
from arrears.store.whole_files import write_whole

VERSION = 2
AGENCY = ("agency_id", "name", "licence_no", "licence_until", "insurance_until", "data_agreement_ref")
LAST_LOCATIONS = 3
Printer = Callable[[bytes], bytes]
"""Makes the sheet that a crew carries out of an order's data."""
MAY = {
    "locate": ("look_for", "report_position"),
    "recover": ("ask_for", "take_over_when_handed_over", "transport"),
    "lock": ("keep_from_starting",),
}
"""What an order allows. Only one to recover gives a right to touch the machine, and names people."""
DO_NOT = {
    "locate": ("do_not_touch", "do_not_speak_to_anybody"),
    "recover": (),
    "lock": ("do_not_touch", "do_not_speak_to_anybody", "do_not_stop_a_running_engine", "do_not_lock_on_a_road"),
}
RETURNS = {
    "locate": ("seen_at", "lat", "lon", "site_type", "photos", "costs"),
    "lock": ("locked_at", "lat", "lon", "unlocked_at"),
    "recover": (
        "crew",
        "taken_over_at",
        "place",
        "condition_report",
        "personal_property_inventory",
        "photos",
        "yard",
        "transport_route",
        "police_notified_at",
        "costs",
    ),
}


def printed_order(data: Mapping[str, Any], printer: Printer) -> bytes:
    """Return the canonical JSON of an order with the sheet that a crew carries: one document, so neither goes alone.

    Raises:
        PermanentFailure: the sheet cannot be set.
    """
    sheet = printer(canonical(data))
    name = f"{data['idempotency_key']}.order.pdf"
    return canonical({**data, "sheet": {"name": name, "sha256": sha256(sheet), "base64": b64encode(sheet).decode()}})


def order_data(sources: Sources, order: Row[Any], issued_on: date, expires_on: date, policy: Policy) -> dict[str, Any]:
    """Return what an order says; names appear here and in no event, log or file name.

    Source: fields of a repossession work order (委托拖车单), domain rule 3b.
    """
    account = sources.accounts[order.account_id]
    recovers, locks = order.kind == "recover", order.kind == KIND
    places = _locations(sources, order.account_id)
    return {
        "version": VERSION,
        "order_no": order.order_no,
        "kind": order.kind,
        "may": list(MAY[order.kind]),
        "idempotency_key": order.idempotency_key,
        "issued_for": order.account_id,
        "issued_on": issued_on.isoformat(),
        "expires_on": expires_on.isoformat(),
        "legal_basis": {} if order.kind == "locate" else _basis(sources, order),
        "asset": {name: getattr(account, f"asset_{name}") or "" for name in ("kind", "make", "model", "serial")}
        | {"engine_no": account.engine_no or "", "plate": account.plate or "", "colour": account.asset_colour or ""}
        | {
            "hours": "" if account.asset_hours is None else str(account.asset_hours),
            "gps_device_no": account.gps_device_no or "",
        },
        "keys": (account.key_info or "") if recovers else "",
        "photos": _hashes(sources, order.account_id, "photo"),
        "locations": places,
        "geofence": {"lat": places[0]["lat"], "lon": places[0]["lon"], "metres": policy.repossession.geofence_metres}
        if places
        else {},
        "ask_for": [
            {"role": row.role, "name": row.name or ""} for row in sources.parties.get(order.account_id, ()) if recovers
        ],
        "do_not": [*policy.repossession.do_not, *DO_NOT[order.kind]],
        "lender": {
            "name": policy.creditor.name,
            "name_en": policy.creditor.name_en,
            "contact": policy.creditor.complaint_line,
        },
        "agency": _agency(sources, order),
        "fee_cap_minor": policy.repossession.fee_cap_minor,
        "currency": account.currency,
        "police": "notify_before_moving" if recovers else "",
        "report_back": list(RETURNS[order.kind]),
        "recall": {"path": f"/orders/{order.idempotency_key}/recall", "code": recall_code(order)}
        | ({"unlock_within_hours": policy.repossession.remote_lock.unlock_within_hours} if locks else {}),
    }


def sheet_of(document: bytes) -> tuple[str, bytes] | None:
    """Return name and bytes of the sheet that an order document carries; a recall carries none."""
    sheet = json.loads(document).get("sheet")
    return (str(sheet["name"]), b64decode(sheet["base64"])) if sheet else None


def recall_document(order: Row[Any]) -> bytes:
    """Return the canonical JSON of a recall; the agency learns that it must stop, not why."""
    return canonical(
        {
            "version": VERSION,
            "order_no": order.order_no,
            "idempotency_key": order.idempotency_key,
            "recall_code": recall_code(order),
            "agency_id": order.agency_id or "",
            "instruction": "unlock_and_acknowledge" if order.kind == KIND else "stand_down_and_acknowledge",
            "reference": (order.receipt or "") if order.imported else "",
            "recalled_at": order.recalled_at,
        }
    )


def recall_code(order: Row[Any]) -> str:
    """Return the short code by which a crew can check a recall on the telephone."""
    return natural_key("recall", order.order_id)[:8].upper()


def keep_document(artifacts_url: str, document: bytes) -> str:
    """Keep an order document under its own hash, never half written, and return the hash."""
    name = sha256(document)
    write_whole(artifacts_url, order_path(name), document, durable=True)
    return name


def read_document(artifacts_url: str, name: str) -> bytes:
    """Return the order document of a hash: what is offered again is what was offered first."""
    from fsspec.core import url_to_fs

    files, target = url_to_fs(f"{artifacts_url.rstrip('/')}/{order_path(name)}")
    data: bytes = files.cat_file(target)
    return data


def _basis(sources: Sources, order: Row[Any]) -> dict[str, Any]:
    account_id = order.account_id
    ready = sources.packets[account_id]
    code = right_to_take(
        sources.accounts[account_id].contract_type,
        sources.documents.get(account_id, ()),
        sources.cases.get(account_id, ()),
    )
    return {
        "code": code or "",
        "remedy": ready.chosen_remedy,
        "packet_sha256": ready.pdf_sha256 or "",
        "facts_sha256": order.facts_sha256,
        "contract_sha256": _hashes(sources, account_id, "contract"),
    }


def _hashes(sources: Sources, account_id: str, kind: str) -> list[str]:
    return sorted(row.sha256 for row in sources.documents.get(account_id, ()) if row.kind == kind)


def _locations(sources: Sources, account_id: str) -> list[dict[str, str]]:
    newest = sorted(sources.locations.get(account_id, ()), key=lambda row: row.at, reverse=True)[:LAST_LOCATIONS]
    return [
        {"at": row.at, "lat": row.lat, "lon": row.lon, "source": row.source, "site_type": row.site_type or ""}
        for row in newest
    ]


def _agency(sources: Sources, order: Row[Any]) -> dict[str, str]:
    """Return who takes the order; empty where no agency fits, and then it does not leave."""
    row = sources.agencies.get(order.agency_id)
    if row is None:
        return dict.fromkeys(AGENCY, "")
    return {
        "agency_id": row.agency_id,
        "name": row.name,
        "licence_no": row.licence_no or "",
        "licence_until": f"{row.licence_until or ''}",
        "insurance_until": f"{row.insurance_until or ''}",
        "data_agreement_ref": row.data_agreement_ref or "",
    }
