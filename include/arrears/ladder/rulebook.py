"""Which policy decides each account: the one its episode began under, tightened by its product and by the account.

An open episode keeps its version until a written mapping in the policy in force (``moves``) lets it go on under that
one. The gates at the moment of sending are always those in force.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
from pydantic import ValidationError
from sqlalchemy import Connection, select, update

from arrears.audit.record import Event, record_many
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.layers import account_key, for_account
from arrears.ladder.policy import Policy
from arrears.ladder.today import Today
from arrears.store.account_range import AccountRange
from arrears.store.bulk import insert_new
from arrears.store.columns import values_of
from arrears.store.tables.decisions import episode
from arrears.store.tables.people import subject
from arrears.store.tables.runs import policy_text

CURRENT = 0


def keep_policy(connection: Connection, policy: Policy) -> None:
    """Keep the text behind a hash, so that any decision can be recomputed."""
    row = {
        "policy_sha256": policy.sha256,
        "policy_id": policy.policy_id,
        "version": policy.version,
        "effective_from": policy.effective_from,
        "body": policy.canonical(),
    }
    insert_new(connection, policy_text, [row])


class Rulebook:
    """The policies that a run decides by; the one in force stands at place 0."""

    def __init__(self, connection: Connection, rt: Runtime, run_id: str, today: Today, *, newest: bool) -> None:
        self._connection, self._rt, self._run_id = connection, rt, run_id
        self._newest = newest
        self.todays = [today]
        self._places = {today.policy.sha256: CURRENT}
        self._found: dict[tuple[str, str | None, str | None], int] = {}
        self._older: dict[str, Policy | None] = {}
        self._moved = {move.was for move in today.policy.moves}

    def places(self, names: Sequence[str], contract_types: pa.Array, among: AccountRange) -> dict[str, int]:
        """Return the place of the policy of each account that is not decided by the one in force as it stands."""
        current = self.todays[CURRENT].policy
        pinned = self._pinned(among)
        narrowed = bool(current.products or current.accounts)
        if not pinned and not narrowed:
            return {}
        found = {}
        for name, contract_type in zip(names, values_of(contract_types), strict=True):
            if narrowed or name in pinned:
                place = self._place_of(pinned.get(name, current), contract_type, name)
                if place != CURRENT:
                    found[name] = place
        return found

    def _place_of(self, base: Policy, contract_type: str, name: str) -> int:
        """Return the place of an account's policy, made once for each product of a policy and each account it names."""
        product = contract_type if contract_type in base.products else None
        own = name if base.accounts and account_key(name) in base.accounts else None
        key = base.sha256, product, own
        if key not in self._found:
            self._found[key] = self._place(for_account(base, contract_type, name))
        return self._found[key]

    def _place(self, policy: Policy) -> int:
        place = self._places.get(policy.sha256)
        if place is None:
            keep_policy(self._connection, policy)
            place = self._places[policy.sha256] = len(self.todays)
            self.todays.append(Today.of(self._connection, self.todays[CURRENT].on, policy))
        return place

    def _pinned(self, among: AccountRange) -> dict[str, Policy]:
        """Return the older policy of each account whose episode keeps one, and move those that may go."""
        current = self.todays[CURRENT].policy.sha256
        columns = (episode.c.account_id, episode.c.first_unpaid_due, episode.c.policy_sha256)
        query = select(*columns).where(
            episode.c.cured_on.is_(None), episode.c.policy_sha256.is_not(None), episode.c.policy_sha256 != current
        )
        kept, going = {}, {}
        for account_id, due, sha256 in self._connection.execute(
            among.of(self._connection, query, episode.c.account_id)
        ):
            older = self._policy(sha256)
            if older is None or f"{older.policy_id} {older.version}" in self._moved:
                going[account_id] = due
            else:
                kept[account_id] = older
        if self._newest:
            self._move(going)
        return kept

    def _policy(self, sha256: str) -> Policy | None:
        """Return an older policy, or None when its text is not kept or this release cannot read it."""
        if sha256 not in self._older:
            query = select(policy_text.c.body).where(policy_text.c.policy_sha256 == sha256)
            body = self._connection.execute(query).scalar()
            try:
                found = Policy.model_validate_json(body) if body else None
            except ValidationError:
                found = None
            if found is not None:
                found.__dict__["sha256"] = sha256  # the text is kept under the hash it had
            self._older[sha256] = found
        return self._older[sha256]

    def _move(self, going: Mapping[str, date]) -> None:
        """Let open episodes go on under the policy in force, and say so."""
        if not going:
            return
        policy, on = self.todays[CURRENT].policy, self.todays[CURRENT].on
        refs = select(subject.c.account_id, subject.c.subject_ref).where(subject.c.account_id.in_(list(going)))
        named = {row.account_id: row.subject_ref for row in self._connection.execute(refs)}
        self._connection.execute(
            update(episode)
            .where(episode.c.account_id.in_(list(going)), episode.c.cured_on.is_(None))
            .values(policy_sha256=policy.sha256)
        )
        events = (
            Event(type="episode.moved", key=natural_key(named[account_id], "moved", due.isoformat(), policy.sha256),
                  business_date=on, subject_ref=named[account_id], data={"episode_due": due.isoformat()},
                  policy_sha256=policy.sha256)
            for account_id, due in sorted(going.items()) if account_id in named
        )  # fmt: skip
        record_many(self._connection, self._rt, run_id=self._run_id, events=events)
