"""Orders on an agency's SFTP server and in a bucket: whole, once, and only where the server is known."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from file_servers import s3_server, sftp_server

from arrears.core.errors import PermanentFailure, TemporaryFailure
from arrears.repossession.agencies import open_agency
from arrears.repossession.agency import Agency
from arrears.repossession.document import printed_order

KEY = "k" * 64
DATA = {"idempotency_key": KEY, "order_no": "RO-1", "agency": {"agency_id": "T-1"}}
ORDER = printed_order(DATA, lambda document: b"%PDF " + document)
RECALL = json.dumps({"agency_id": "T-1", "instruction": "stand_down_and_acknowledge"}).encode()


class Place:
    """Where an agency looks: the files it finds there, and how it answers."""

    def __init__(self, agency: Agency, files: Callable[[], dict[str, bytes]], write: Callable[[str, bytes], None]):
        self.agency, self.files, self.write = agency, files, write


@pytest.fixture
def over_sftp(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "server"
    root.mkdir()
    folder = root / "orders"
    with sftp_server(root) as (url, known):
        hosts = tmp_path / "known_hosts"
        hosts.write_text(known)
        yield Place(
            open_agency(url, known_hosts=hosts),
            lambda: {path.name: path.read_bytes() for path in folder.iterdir()},
            lambda name, data: (folder / name).write_bytes(data) and None,
        )


@pytest.fixture
def over_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with s3_server() as (endpoint, bucket):
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        yield Place(
            open_agency("s3://bucket/orders"),
            lambda: {name.rpartition("/")[2]: data for name, data in bucket.objects.items()},
            lambda name, data: bucket.objects.update({f"/bucket/orders/{name}": data}),
        )


@pytest.fixture(params=["over_sftp", "over_s3"])
def place(request: pytest.FixtureRequest) -> Place:
    return request.getfixturevalue(request.param)


def test_an_order_lies_there_whole_and_once_with_its_sheet_and_waits_for_the_acknowledgement(place: Place) -> None:
    assert place.agency.offer(KEY, ORDER).acknowledged is False
    files = place.files()
    assert sorted(files) == [f"{KEY}.order.json", f"{KEY}.order.pdf"]
    said = json.loads(files[f"{KEY}.order.json"])
    assert hashlib.sha256(files[f"{KEY}.order.pdf"]).hexdigest() == said["sheet"]["sha256"]

    place.write(f"{KEY}.order.json", b"already there")
    assert place.agency.offer(KEY, ORDER).acknowledged is False
    assert place.files()[f"{KEY}.order.json"] == b"already there", "what lies there is never replaced"

    place.write(f"{KEY}.order.ack.json", b'{"receipt": "R')
    assert place.agency.offer(KEY, ORDER).acknowledged is False, "half an acknowledgement is none"
    place.write(f"{KEY}.order.ack.json", b'{"receipt": "R-7"}')
    assert place.agency.offer(KEY, ORDER).receipt == "R-7"


def test_a_recall_lies_beside_its_order_and_is_acknowledged_apart(place: Place) -> None:
    assert place.agency.recall(KEY, RECALL).acknowledged is False
    assert sorted(place.files()) == [f"{KEY}.recall.json"]
    place.write(f"{KEY}.recall.ack.json", b"{}")
    assert place.agency.recall(KEY, RECALL).acknowledged is True


def test_a_server_whose_key_is_not_known_gets_no_order(tmp_path: Path) -> None:
    root = tmp_path / "server"
    root.mkdir()
    with sftp_server(root) as (url, _), pytest.raises(TemporaryFailure, match="SSHException"):
        open_agency(url, known_hosts=tmp_path / "none").offer(KEY, ORDER)
    assert list(root.iterdir()) == []


def test_each_agency_gets_its_own_orders_alone(tmp_path: Path) -> None:
    agency = open_agency(f"{tmp_path.as_uri()}/{{agency}}")
    agency.offer(KEY, ORDER)
    agency.recall(KEY, RECALL)
    files = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*.json"))]
    assert files == [f"T-1/{KEY}.order.json", f"T-1/{KEY}.recall.json"]
    with pytest.raises(PermanentFailure, match="id"):
        agency.recall(KEY, RECALL.replace(b"T-1", b".."))
