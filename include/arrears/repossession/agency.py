"""What an agency's channel must be able to do."""

import json
from dataclasses import dataclass
from typing import Protocol

RECEIPT_CHARACTERS = 200


@dataclass(frozen=True)
class Answer:
    """What the agency said: whether it has taken note, and its own reference."""

    acknowledged: bool
    receipt: str = ""


def read_answer(content: bytes, key: str, *, is_taken: bool) -> Answer | None:
    """Return what an agency wrote about the order of a key; None when it is no JSON object.

    ``is_taken`` is what saying nothing of ``acknowledged`` means. Who names another order acknowledges none, and a
    receipt is kept as far as it can be printed: anybody may have written it.
    """
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    is_taken = said.get("acknowledged", is_taken) is True and said.get("idempotency_key", key) == key
    receipt = "".join(one for one in str(said.get("receipt") or "") if one.isprintable())
    return Answer(is_taken, receipt[:RECEIPT_CHARACTERS])


class Agency(Protocol):
    """A channel that keeps one order per key, however often the order is offered.

    A recall must hold even when it overtakes its order. Both raise ``TemporaryFailure`` when the agency cannot be
    reached or gives no usable answer, and ``PermanentFailure`` when it refuses.
    """

    def offer(self, key: str, document: bytes) -> Answer:
        """Hand over an order document under its idempotency key."""
        ...

    def recall(self, key: str, document: bytes) -> Answer:
        """Call the order of a key back."""
        ...
