"""The staging rule, one sentence of the contract at a time."""

from datetime import date
from pathlib import Path

import pytest

from arrears.core.errors import BadArguments, BadInput
from arrears.ledger.stage_file import stage_files

ACCOUNTS = "account_id,closed_on\nA1,\nA2,\n"
HEADER = "account_id,business_date,overdue_amount,oldest_unpaid_due,days_past_due,overdue_instalments,stage"
DAY = date(2026, 11, 12)


class Desk:
    """Writes the three files and stages them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out.csv"

    def stage(self, instalments: str, payments: str | None = None, accounts: str = ACCOUNTS) -> list[str]:
        paths = []
        for name, text in (("accounts", accounts), ("instalments", instalments), ("payments", payments)):
            path = self.folder / f"{name}.csv"
            path.write_text(text or "", encoding="utf-8")
            paths.append(path if text is not None else None)
        first, second, third = paths
        assert first is not None
        assert second is not None
        stage_files(first, second, third, DAY, self.out)
        lines = self.out.read_text(encoding="utf-8").split("\n")
        assert lines[0] == HEADER
        assert lines[-1] == ""
        return lines[1:-1]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def schedule(*rows: str) -> str:
    return "account_id,instalment_no,due_date,amount_due\n" + "".join(f"{row}\n" for row in rows)


def paid(*rows: str) -> str:
    return "payment_id,account_id,paid_on,amount,kind\n" + "".join(f"{row}\n" for row in rows)


def test_an_instalment_due_today_is_not_overdue_yet(desk: Desk) -> None:
    assert desk.stage(schedule("A1,1,2026-11-12,100.00"))[0] == "A1,2026-11-12,0.00,,0,0,0"
    assert desk.stage(schedule("A1,1,2026-11-11,100.00"))[0] == "A1,2026-11-12,100.00,2026-11-11,1,1,1"


def test_payments_fill_the_oldest_due_date_first_then_the_lower_number(desk: Desk) -> None:
    rows = schedule("A1,3,2026-09-15,100.00", "A1,2,2026-10-15,10.00", "A1,1,2026-10-15,10.00")
    assert desk.stage(rows, paid("P1,A1,2026-10-01,105.00,"))[0] == "A1,2026-11-12,15.00,2026-10-15,28,2,2"
    assert desk.stage(rows, paid("P1,A1,2026-10-01,110.00,"))[0] == "A1,2026-11-12,10.00,2026-10-15,28,1,1"


def test_a_payment_made_after_the_date_does_not_count(desk: Desk) -> None:
    rows = schedule("A1,1,2026-10-15,100.00")
    assert desk.stage(rows, paid("P1,A1,2026-11-13,100.00,"))[0].endswith(",1,1")
    assert desk.stage(rows, paid("P1,A1,2026-11-12,100.00,"))[0].endswith(",0,0")


def test_a_reversal_takes_the_money_back_and_the_pool_never_falls_below_zero(desk: Desk) -> None:
    rows = schedule("A1,1,2026-09-15,100.00", "A1,2,2026-10-15,100.00")
    assert desk.stage(rows, paid("P1,A1,2026-10-01,200.00,", "P2,A1,2026-10-20,-100.00,"))[0].endswith(",1,1")
    assert desk.stage(rows, paid("P1,A1,2026-10-01,-50.00,"))[0] == "A1,2026-11-12,200.00,2026-09-15,58,2,2"


def test_partly_paid_counts_as_one_overdue_instalment(desk: Desk) -> None:
    assert desk.stage(schedule("A1,1,2026-10-15,100.00"), paid("P1,A1,2026-10-16,99.99,"))[0] == (
        "A1,2026-11-12,0.01,2026-10-15,28,1,1"
    )


def test_stage_stops_at_three_and_the_count_goes_on(desk: Desk) -> None:
    rows = schedule(*(f"A1,{month},2026-{month:02d}-15,100.00" for month in range(5, 11)))
    assert desk.stage(rows)[0] == "A1,2026-11-12,600.00,2026-05-15,181,6,3"


def test_a_zero_amount_never_counts(desk: Desk) -> None:
    assert desk.stage(schedule("A1,1,2026-01-15,0.00", "A1,2,2026-10-15,100.00"))[0].endswith(",2026-10-15,28,1,1")


def test_an_open_account_without_an_instalment_is_stage_0(desk: Desk) -> None:
    assert desk.stage(schedule("A1,1,2026-10-15,100.00"))[1] == "A2,2026-11-12,0.00,,0,0,0"


def test_an_account_closed_on_or_before_the_date_is_left_out(desk: Desk) -> None:
    rows = schedule("A1,1,2026-10-15,100.00", "A2,1,2026-10-15,100.00")
    left = desk.stage(rows, accounts="account_id,closed_on\nA1,2026-11-12\nA2,2026-11-13\n")
    assert [line.split(",")[0] for line in left] == ["A2"]


def test_the_open_item_form_counts_each_row_for_itself(desk: Desk) -> None:
    header = "account_id,instalment_no,due_date,amount_due,amount_paid\n"
    rows = header + "A1,1,2026-09-15,100.00,0.00\nA1,2,2026-10-15,100.00,150.00\n"
    assert desk.stage(rows)[0] == "A1,2026-11-12,100.00,2026-09-15,58,1,1"


def test_a_currency_brings_its_own_digits(desk: Desk) -> None:
    accounts = "account_id,closed_on,currency\nA1,,JPY\nA2,,KWD\n"
    lines = desk.stage(schedule("A1,1,2026-10-15,1000", "A2,1,2026-10-15,1.005"), accounts=accounts)
    assert [line.split(",")[2] for line in lines] == ["1000", "1.005"]
    with pytest.raises(BadInput, match=r"row 2, column amount_due.*too_many_decimals"):
        desk.stage(schedule("A1,1,2026-10-15,1000.00"), accounts=accounts)


def test_the_rows_come_in_the_order_of_ids_whatever_the_order_of_the_file(desk: Desk) -> None:
    accounts = "account_id,closed_on\nb\xe9,\nB1,\na2,\nA1,\nb1,\n".replace("b\xe9", "bé")
    rows = schedule("b1,1,2026-10-15,1.00", "A1,2,2026-10-15,1.00", "B1,1,2026-10-15,2.00", "A1,1,2026-09-15,1.00")
    assert [line.split(",")[0] for line in desk.stage(rows, accounts=accounts)] == ["A1", "B1", "a2", "b1", "bé"]


def test_ids_stay_text_with_their_zeros_and_na_is_a_name(desk: Desk) -> None:
    accounts = "account_id,closed_on\n00123,\nNA,\nnull,\n"
    lines = desk.stage(schedule("00123,1,2026-10-15,1.00", "NA,1,2026-10-15,1.00"), accounts=accounts)
    assert [line.split(",")[0] for line in lines] == ["00123", "NA", "null"]


def test_full_width_digits_are_read_as_what_they_are(desk: Desk) -> None:
    rows = schedule("Ａ１,１,２０２６－１０－１５,１００.００")
    assert desk.stage(rows)[0] == "A1,2026-11-12,100.00,2026-10-15,28,1,1"


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(desk: Desk) -> None:
    plain = desk.stage(schedule("A1,1,2026-10-15,100.00"))
    assert desk.stage("\ufeff" + schedule("A1,1,2026-10-15,100.00").replace("\n", "\r\n")) == plain


def test_payments_beside_amount_paid_are_refused_as_arguments(desk: Desk) -> None:
    rows = "account_id,instalment_no,due_date,amount_due,amount_paid\nA1,1,2026-09-15,100.00,0.00\n"
    with pytest.raises(BadArguments, match="use one of them"):
        desk.stage(rows, paid("P1,A1,2026-10-01,1.00,"))


def test_the_same_payment_twice_in_an_account_refuses_the_file(desk: Desk) -> None:
    with pytest.raises(BadInput, match=r"payments.csv row 3, column payment_id: .*duplicate"):
        desk.stage(schedule("A1,1,2026-10-15,9.00"), paid("P1,A1,2026-10-01,1.00,", "P1,A1,2026-10-01,1.00,"))


def test_a_missing_path_and_a_future_date_are_bad_arguments(tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text(ACCOUNTS, encoding="utf-8")
    with pytest.raises(BadArguments, match="no such file"):
        stage_files(there, tmp_path / "absent.csv", None, DAY, None)
    with pytest.raises(BadArguments, match="future"):
        stage_files(there, there, None, DAY, None, today=date(2026, 11, 11))


def test_unknown_columns_are_named_and_ignored(desk: Desk) -> None:
    (desk.folder / "accounts.csv").write_text("account_id,closed_on,score\nA1,,7\n", encoding="utf-8")
    (desk.folder / "instalments.csv").write_text(schedule("A1,1,2026-10-15,1.00"), encoding="utf-8")
    result = stage_files(desk.folder / "accounts.csv", desk.folder / "instalments.csv", None, DAY, desk.out)
    assert "accounts.csv: ignored columns score" in result.notes


def test_without_a_file_the_csv_goes_to_standard_output(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.stage(schedule("A1,1,2026-10-15,1.00"))
    stage_files(desk.folder / "accounts.csv", desk.folder / "instalments.csv", None, DAY, None)
    assert capsys.readouterr().out == desk.out.read_text(encoding="utf-8")


@pytest.mark.parametrize("day", ["2020-05-31", "2021-06-30", "2022-12-15"])
@pytest.mark.parametrize("form", ["payments", "open items"])
def test_real_loans_are_staged_to_the_byte(shared_data: Path, tmp_path: Path, day: str, form: str) -> None:
    out = tmp_path / "out.csv"
    instalments = shared_data / ("instalments.csv" if form == "payments" else f"ledger_{day}.csv")
    payments = shared_data / "payments.csv" if form == "payments" else None
    stage_files(shared_data / "accounts.csv", instalments, payments, date.fromisoformat(day), out)
    assert out.read_bytes() == (shared_data / f"expected_{day}.csv").read_bytes()
