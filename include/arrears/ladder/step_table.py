"""The policy's steps laid out once for many decisions: what stands before each, and what takes its place."""

from dataclasses import dataclass
from functools import lru_cache

from arrears.ladder.contact_days import INTERNAL, days_of
from arrears.ladder.facts import Evidence
from arrears.ladder.policy import Policy
from arrears.ladder.policy_steps import Step
from arrears.ladder.standing import Gate, Standing, gates_of, standing_of

MOST_TABLES, MOST_WEIGHED = 32, 65_536


@dataclass(frozen=True, slots=True)
class Mark:
    """Enough of a step to ask whether it was carried out."""

    name: str
    channel: str
    audience: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One step with what the choice asks of the others; days are working days.

    ``about`` says what it speaks of: arrears of an ``episode``, or on a date of its own the ``cycle``, a ``promise``,
    arrears that were ``cured``. ``place`` is that in the policy, ``days`` say when the channel is used, ``wait`` days
    lie between ``earlier`` and this step. ``offset`` is -1 without one, ``gap`` None for a step done once;
    ``known`` is how long the arrears must have been known here, ``unreminded`` how long nobody must have been reached
    before a step that is only for them; ``when`` says for whom else alone it is, ``unless`` after which steps it says
    nothing new. ``visits`` are other visits, each with the days for which it stands in; ``better`` those of higher
    rungs: rung, name, what comes before.
    """

    mark: Mark
    rung: int
    tone: str
    place: int
    late: str
    days: str
    lane: str | None
    when: frozenset[str]
    about: str
    needs_cycle: bool
    instalments: int
    wait: int
    offset: int
    known: int
    needs_trigger: bool
    unreminded: int | None
    gap: int | None
    risky_gap: int
    earlier: Mark | None
    unless: tuple[Mark, ...]
    visits: tuple[tuple[str, int], ...]
    better: tuple[tuple[int, str, Mark | None], ...]

    @property
    def dated(self) -> bool:
        """Say whether a date sets the clock of the step, not the working days of the arrears."""
        return self.about != "episode"


class StepTable:
    """The rules of one policy; evidence is weighed once per distinct value."""

    def __init__(self, policy: Policy) -> None:
        marks = {step.name: Mark(step.name, step.channel, step.audience) for step in policy.steps}
        rules = tuple(_rule(step, place, policy, marks) for place, step in enumerate(policy.steps))
        self.policy = policy
        self.up_to = {rung: tuple(rule for rule in rules if rule.rung <= rung) for rung in range(1, 5)}
        self.arrears_messages = tuple(rule for rule in rules if rule.mark.channel == "sms" and rule.offset >= 0)
        self.unheard = frozenset(step.name for step in policy.steps if step.channel in INTERNAL)
        self.weigh = lru_cache(maxsize=MOST_WEIGHED)(self._weigh)

    def _weigh(self, found: Evidence, promised: bool) -> tuple[tuple[Gate, ...], Standing]:
        gates = gates_of(found, self.policy, promised=promised)
        return gates, standing_of(found, gates, self.policy)


_TABLES: dict[str, StepTable] = {}


def table_of(policy: Policy) -> StepTable:
    """Return the rules of a policy, laid out at its first decision."""
    found = _TABLES.get(policy.sha256)
    if found is None:
        if len(_TABLES) >= MOST_TABLES:
            _TABLES.clear()
        found = _TABLES[policy.sha256] = StepTable(policy)
    return found


def _rule(step: Step, place: int, policy: Policy, marks: dict[str, Mark]) -> Rule:
    every = None if step.once else step.repeat_every
    return Rule(
        mark=marks[step.name],
        rung=step.rung,
        tone=step.tone,
        place=place,
        late=step.late,
        days=days_of(step.channel, policy),
        lane=step.lane,
        when=frozenset(step.when),
        about=step.about,
        needs_cycle=step.month_day is not None,
        instalments=max(1, step.instalments),
        wait=step.after_working_days,
        offset=-1 if step.offset is None else step.offset,
        known=step.known_days,
        needs_trigger=step.trigger == "visit",
        unreminded=step.unreminded_days,
        gap=every,
        risky_gap=((every or 0) + 1) // 2,
        earlier=marks.get(step.after or ""),
        unless=tuple(marks[name] for name in step.unless if name in marks),
        visits=_other_visits(step, policy.steps, every or 0),
        better=_better_visits(step, policy.steps, marks),
    )


def _other_visits(step: Step, steps: list[Step], gap: int) -> tuple[tuple[str, int], ...]:
    """Return the other kinds of visit: one of a higher rung counts for the whole gap, of a lower one for half of it."""
    others = (other for other in steps if other.channel == step.channel == "visit" and other.name != step.name)
    return tuple((other.name, gap if other.rung > step.rung else gap // 2) for other in others)


def _better_visits(step: Step, steps: list[Step], marks: dict[str, Mark]) -> tuple[tuple[int, str, Mark | None], ...]:
    visits = (other for other in steps if other.channel == step.channel == "visit" and other.rung > step.rung)
    return tuple(
        (other.rung, other.name, marks.get(other.after or "")) for other in visits if other.audience == step.audience
    )
