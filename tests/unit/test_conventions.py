"""A convention exists when a test enforces it: names, sizes, imports, and a reason for every exception."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = sorted(path for folder in ("include", "dags", "plugins") for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SOURCES = PRODUCT + TESTS + sorted((ROOT / "docker").glob("*.py"))
FOLDERS = sorted(path for path in (ROOT / "include" / "arrears").rglob("*") if path.is_dir())
VAGUE = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "service", "services"}
MIGRATION = re.compile(r"[0-9]{4}_[a-z0-9_]+")
LONGEST_MODULE, LONGEST_DAG_FILE = 300, 90
DECLARATIONS = {
    "include/arrears/ledger/catalogue.py": "every feed and column of the contract, one declaration after another",
    "include/arrears/store/tables/feeds.py": "a table for each feed of the contract, nothing else",
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def imported_by(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_file_names_are_plain_snake_case() -> None:
    plain = re.compile(r"_{0,2}[a-z][a-z0-9_]*")
    odd = [named(p) for p in SOURCES if not plain.fullmatch(p.stem) and not MIGRATION.fullmatch(p.stem)]
    assert odd == []


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    vague = [named(p) for p in SOURCES + FOLDERS if VAGUE & set(p.stem.split("_"))]
    assert vague == []


def test_only_migrations_carry_a_number_in_front() -> None:
    numbered = {p.parent.name for p in PRODUCT if MIGRATION.fullmatch(p.stem)}
    assert numbered <= {"versions"}


def test_every_folder_with_code_is_a_package_with_a_docstring() -> None:
    rooms = {p.parent for p in PRODUCT if (ROOT / "include") in p.parents}
    without = [named(room) for room in rooms if not (room / "__init__.py").is_file()]
    silent = [named(p) for p in PRODUCT if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
    assert (without, silent) == ([], [])


def test_a_module_holds_one_idea_and_so_stays_short() -> None:
    long = {named(p): len(lines_of(p)) for p in PRODUCT if len(lines_of(p)) > LONGEST_MODULE}
    written_once = {named(p) for p in PRODUCT if MIGRATION.fullmatch(p.stem)}
    assert {name: length for name, length in long.items() if name not in written_once | set(DECLARATIONS)} == {}
    assert set(DECLARATIONS) <= set(long), "no longer long: take it off the list"


def test_dag_files_wire_and_so_stay_short() -> None:
    dags = sorted((ROOT / "dags").glob("*.py"))
    long = {named(p): len(lines_of(p)) for p in dags if len(lines_of(p)) > LONGEST_DAG_FILE}
    assert long == {}


def test_dag_files_neither_decide_nor_loop_nor_query() -> None:
    deciding = (ast.If, ast.For, ast.While, ast.Try, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
    found = [
        f"{named(p)}:{node.lineno}"
        for p in sorted((ROOT / "dags").glob("*.py"))
        for node in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(node, deciding)
    ]
    assert found == []


def test_dag_files_import_only_what_wires() -> None:
    allowed = ("airflow.sdk", "airflow.providers.standard", "pendulum", "arrears.steps", "arrears.orchestration")
    foreign = {
        f"{named(p)}: {module}"
        for p in sorted((ROOT / "dags").glob("*.py"))
        for module in imported_by(p)
        if not any(module == name or module.startswith(f"{name}.") for name in (*allowed, "datetime"))
    }
    assert foreign == set()


def test_nobody_imports_from_dags_or_plugins() -> None:
    outside = {p.stem for folder in ("dags", "plugins") for p in (ROOT / folder).glob("*.py")} | {"dags", "plugins"}
    found = {f"{named(p)}: {m}" for p in PRODUCT for m in imported_by(p) if m.split(".")[0] in outside}
    assert found == set()


def test_no_code_of_ours_imports_smtplib() -> None:
    found = [named(p) for p in PRODUCT if {m.split(".")[0] for m in imported_by(p)} & {"smtplib", "aiosmtplib"}]
    assert found == []


def test_every_exception_from_a_check_names_its_rule_and_its_reason() -> None:
    bare = re.compile(r"#\s*(noqa(?!: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* - \S)|type: ignore(?!\[[a-z, -]+\] +# \S))")
    found = [
        f"{named(p)}:{number}"
        for p in SOURCES
        if p != Path(__file__)
        for number, line in enumerate(lines_of(p), 1)
        if bare.search(line)
    ]
    assert found == []


def test_every_rule_switched_off_for_all_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^ignore = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    per_file = re.search(r"^\[tool\.ruff\.lint\.per-file-ignores\]\n(.*?)\n\n\[", text, re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert per_file is not None
    rules = [line for line in (listed[1] + per_file[1]).splitlines() if re.match(r'\s+"', line)]
    assert len(rules) > 10
    assert [line.strip() for line in rules if not re.fullmatch(r'\s+"[A-Z]+[0-9]*",\s*# .{12,}', line)] == []


def test_the_names_of_tests_are_sentences() -> None:
    short = [
        f"{named(p)}: {node.name}"
        for p in TESTS
        for node in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name.count("_") < 3
    ]
    assert short == []


@pytest.mark.parametrize("pattern", [r"assert True\b", r"mark\.skip\b", r"mark\.xfail\b"])
def test_no_test_is_switched_off_or_unable_to_fail(pattern: str) -> None:
    found = [named(p) for p in TESTS if p != Path(__file__) and re.search(pattern, p.read_text(encoding="utf-8"))]
    assert found == []


def test_product_code_is_finished() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|\bin a real (system|deployment)")
    found = [f"{named(p)}:{n}" for p in PRODUCT for n, line in enumerate(lines_of(p), 1) if unfinished.search(line)]
    assert found == []
