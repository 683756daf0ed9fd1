"""Whoever closes the browser ends the check of the log: a real server, a real connection that breaks off."""

import gc
import socket
from collections.abc import Iterator
from threading import Event, Thread

import httpx
import pytest
import uvicorn
from sqlalchemy import Engine

from arrears.audit.verdict import Verdict
from arrears.core.progress import tell
from arrears.core.runtime import Runtime
from arrears.desk import evidence, verification
from arrears.desk.app import Door, create_desk

INTACT = Verdict("intact", "all of it", None, 3, "")
OURS = {"sec-fetch-site": "same-origin"}
WAIT_S = 10


@pytest.fixture
def address(rt: Runtime, store: Engine) -> Iterator[str]:
    """The desk on a port of its own, without the collector of cycles: nothing may hang on when it comes round."""
    app = create_desk(Door(lambda: "auditor", lambda: True), lambda: rt)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    gc.disable()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            gc.enable()


def test_a_browser_that_is_closed_ends_the_check_and_the_next_one_may_start(
    address: str, monkeypatch: pytest.MonkeyPatch
):
    halt, ended = Event(), Event()

    def endless(*_: object) -> Verdict:
        try:
            while not halt.wait(0.01):
                tell(1, 2, "events")
        finally:
            ended.set()
        return INTACT

    monkeypatch.setattr(verification, "EVERY_S", 0.0)
    monkeypatch.setattr(evidence, "verify_store", endless)
    try:
        with httpx.stream("POST", f"{address}/audit/verify?lang=en", headers=OURS) as page:
            assert any("1 of 2 events" in part for part in page.iter_text())
        assert ended.wait(WAIT_S), "nobody reads on"
    finally:
        halt.set()
    assert verification._one.acquire(timeout=WAIT_S)
    verification._one.release()
    monkeypatch.setattr(evidence, "verify_store", lambda *_: INTACT)
    again = httpx.post(f"{address}/audit/verify?lang=en", headers=OURS).text
    assert "all of it" in again
    assert "already" not in again
