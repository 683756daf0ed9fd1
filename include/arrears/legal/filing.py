"""What a court wants to read about the one who files."""

from arrears.ladder.policy import Policy


def plaintiff(policy: Policy) -> str:
    """Return who sues as a complaint must say (CPL 124): name, domicile, representative, number, telephone."""
    creditor, en = policy.creditor, policy.language == "en"
    labels = (
        ("", ""),
        ("住所地 ", "domicile "),
        ("法定代表人 ", "represented by "),
        ("统一社会信用代码 ", "registration no. "),
        ("电话 ", "telephone "),
    )
    values = (
        creditor.name_en if en else creditor.name,
        creditor.address,
        creditor.legal_representative,
        creditor.registration_no,
        creditor.complaint_line,
    )
    known = [label[en] + value for label, value in zip(labels, values, strict=True) if value]
    return (", " if en else "，").join(known)
