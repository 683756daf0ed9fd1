"""What an agency's channel must be able to do."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """What the agency said: whether it has taken note, and its own reference."""

    acknowledged: bool
    receipt: str = ""


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
