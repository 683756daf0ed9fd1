"""A key that is written twice is refused: neither of both values is lost unseen."""

from importlib.resources import files
from importlib.resources.abc import Traversable

import pytest
import yaml

from arrears.core.errors import BadArguments
from arrears.core.yaml_text import read_yaml
from arrears.ladder.layers import load_policy
from arrears.ledger.mapping import read_mapping


def yaml_files(folder: Traversable) -> list[Traversable]:
    inside = [file for file in folder.iterdir() if not file.name.startswith("__")]
    return [file for file in inside if file.name.endswith(".yaml")] + [
        file for place in inside if place.is_dir() for file in yaml_files(place)
    ]


OURS = yaml_files(files("arrears"))


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_no_file_of_the_package_writes_a_key_twice(file: Traversable):
    assert read_yaml(file.read_text("utf-8"))


def test_a_key_written_twice_is_refused_with_its_line_however_deep_it_stands():
    with pytest.raises(yaml.YAMLError, match="line 4: b is written twice"):
        read_yaml("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert read_yaml("a: {b: 1}\nc: {b: 1}\nd: 2026-02-30\n") == {"a": {"b": 1}, "c": {"b": 1}, "d": "2026-02-30"}


def test_a_policy_that_writes_a_key_twice_is_refused_by_name(tmp_path):
    file = tmp_path / "lender.yaml"
    file.write_text("extends: cn\npolicy_id: lender\nlegal:\n  cure_days: 20\n  cure_days: 30\n", "utf-8")
    with pytest.raises(BadArguments, match=r"policy lender\.yaml: .*line 5: cure_days is written twice"):
        load_policy(str(file))


def test_a_mapping_that_writes_a_key_twice_is_refused_by_name(tmp_path):
    file = tmp_path / "mapping.yaml"
    file.write_text("accounts: {}\naccounts: {}\n", "utf-8")
    with pytest.raises(BadArguments, match=r"mapping\.yaml: .*line 2: accounts is written twice"):
        read_mapping(file)
