"""Fixtures of the tests that plan, send and approve: worlds in stores of their own, and channels that remember."""

from pathlib import Path

import pytest
from order_world import furnish_home
from outreach_world import Witness, World
from sqlalchemy import Engine

from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.outreach.channels import Channels


@pytest.fixture(scope="module")
def furnished_home(tmp_path_factory: pytest.TempPathFactory, store_template: Path) -> Path:
    """A store with one account that an order or a suit could follow, and its frozen ledger, to be copied."""
    return furnish_home(tmp_path_factory.mktemp("furnished"), store_template)


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
