"""An SMS gateway that takes its time, so that there is a middle of sending and a worker dies in it."""

import time

from arrears.sandbox.sms import SmsSandbox


class SlowSms(SmsSandbox):
    """Keeps a message, counts it, and answers ``slowness`` seconds later."""

    taken, slowness = 0, 0.15

    def answer(self, path: str, fields: dict[str, str]) -> tuple[int, str]:
        kept = super().answer(path, fields)
        self.taken += 1
        time.sleep(self.slowness)
        return kept


class BriskSms(SlowSms):
    """Takes just long enough that a worker often dies while it waits for the answer."""

    slowness = 0.01
