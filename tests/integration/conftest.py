"""Fixtures of the tests that plan and send: a world in a store of its own, and channels that remember."""

import pytest
from outreach_world import Witness, World
from sqlalchemy import Engine

from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.outreach.channels import Channels


@pytest.fixture
def world(rt: Runtime, store: Engine) -> World:
    return World(rt, store).start()


@pytest.fixture(params=["store", pytest.param("postgres_store", marks=pytest.mark.real)])
def any_world(rt: Runtime, request: pytest.FixtureRequest) -> World:
    """The same on SQLite and on PostgreSQL, where locks and upserts are spelled differently."""
    return World(rt, request.getfixturevalue(request.param)).start()


@pytest.fixture
def witnesses() -> Channels:
    return Channels(load_policy(), {"sms": Witness("sms"), "email": Witness("email")})
