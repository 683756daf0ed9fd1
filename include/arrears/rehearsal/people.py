"""Made-up people: names, numbers and addresses that no real person can own."""

import random
from dataclasses import dataclass

SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜戚谢邹喻柏窦章苏潘葛范彭"
GIVEN = "伟芳娜敏静强磊洋艳勇军杰娟涛超霞平刚桂英建国文斌海燕志明秀兰晓东春梅宏亮振华立新雪松"
RARE = ("喆", "䶮", "堃", "龑", "翀", "玥")
FIRST_NAMES = ("Daniel", "Grace", "Oliver", "Hannah", "Samuel", "Priya", "Marcus", "Elena", "Victor", "Amina")
LAST_NAMES = ("Whitfield", "Okafor", "Lindqvist", "Marlowe", "Castellan", "Novak", "Ashdown", "Bergman")
COMPANIES = ("土石方工程", "路桥建设", "物流运输", "矿山机械租赁", "市政园林", "混凝土")
CITIES = ("长河市", "青原市", "云岭市", "临川新市")
ROADS = ("和平路", "建设大道", "机场东路", "工业二街", "滨河路")
DIALECTS = ("mandarin", "mandarin", "mandarin", "yue", "wu", "sichuan")
SLOTS = ("", "", "", "09:00-12:00", "14:00-17:00", "18:00-20:00")

UNPRINTABLE = "𠮷"  # in use in names, in neither packed font: the packet must say so instead of dropping it


@dataclass(frozen=True)
class Person:
    """A person or firm of the sample, the same over all their contracts."""

    party_id: str
    name: str
    language: str
    mobile: str
    email: str
    address: str
    service_address: str
    id_no: str
    time_zone: str
    preferred_channel: str
    preferred_time: str
    dialect: str
    opt_outs: str


def person(
    number: int, seed: int, *, kind: str = "natural", opt_out: bool = False, unprintable: bool = False
) -> Person:
    """Make person ``number``; mobile numbers are well-formed and lead nowhere, mail ends in ``.example``."""
    rng = random.Random(f"{seed}:person:{number}")  # noqa: S311 - repeatable on purpose
    english = kind == "natural" and not unprintable and rng.random() < 0.08
    address = f"示例省{rng.choice(CITIES)}{rng.choice(ROADS)}{rng.randint(1, 299)}号"
    return Person(
        party_id=f"P{number:05d}",
        name=_name(rng, kind, english) + (UNPRINTABLE if unprintable else ""),
        language="en" if english else "zh",
        mobile=f"+86199{number:08d}",
        email=f"p{number:05d}@customer.example" if rng.random() < 0.8 else "",
        address=address,
        service_address=address if rng.random() < 0.7 else f"示例省{rng.choice(CITIES)}示例大厦{rng.randint(1, 30)}层",
        id_no=_false_id(rng, number),
        time_zone="Asia/Urumqi" if rng.random() < 0.02 else "Asia/Shanghai",
        preferred_channel=rng.choice(("", "", "", "sms", "call", "email")),
        preferred_time=rng.choice(SLOTS),
        dialect=rng.choice(DIALECTS),
        opt_outs=rng.choice(("sms", "sms;email")) if opt_out else "",
    )


def _name(rng: random.Random, kind: str, english: bool) -> str:
    if kind == "firm":
        return f"示例{rng.choice(CITIES)[:2]}{rng.choice(COMPANIES)}有限公司"
    if english:
        return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
    second = rng.choice(RARE) if rng.random() < 0.06 else rng.choice(GIVEN)
    return rng.choice(SURNAMES) + second + (rng.choice(GIVEN) if rng.random() < 0.6 else "")


def _false_id(rng: random.Random, number: int) -> str:
    """Return 18 digits shaped like an identity number: region 99 does not exist and the check digit is wrong."""
    born = f"19{rng.randint(60, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    body = f"99{number % 10000:04d}{born}{rng.randint(0, 999):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    right = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]
    return body + ("1" if right != "1" else "2")
