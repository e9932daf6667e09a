"""Made-up people and organisations with valid identity numbers, and the check characters computed anew.

The product's own checks weigh each place; here the recursions of ISO 7064 and Horner's rule are used instead,
so that a slip in a table of weights cannot hide on both sides.
"""

from datetime import date, timedelta

from contracts.values import Person, ResidentId, Uscc

_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def resident_check(first17: str) -> str:
    """The 18th character of a resident identity number, by the pure recursion of ISO 7064 MOD 11-2."""
    product = 0
    for digit in first17:
        product = (product + int(digit)) * 2 % 11
    return "0123456789X"[(1 - product) % 11]


def uscc_check(first17: str) -> str:
    """The 18th character of a unified social credit code, by Horner's rule from the right."""
    total = 0
    for character in reversed(first17):
        total = (total * 3 + _USCC.index(character)) % 31
    return _USCC[(31 - total) % 31]


def example_resident_id(n: int) -> ResidentId:
    """The `n`th made-up resident of Liaocheng, `n` from 0: below 10,000,000 no two are the same."""
    born = date(1950, 1, 1) + timedelta(days=n * 37 % 20_000)
    first17 = f"371502{born:%Y%m%d}{n // 20_000 % 1000:03d}"
    return ResidentId(first17 + resident_check(first17))


def example_uscc(n: int) -> Uscc:
    """The `n`th made-up organisation of Liaocheng, `n` from 0 to 99,999,999."""
    first17 = f"91371500{n:08d}X"
    return Uscc(first17 + uscc_check(first17))


def example_person(n: int) -> Person:
    """The `n`th made-up person, with a name and an identity number of its own."""
    surnames, given = "王李张刘陈杨赵黄周吴", "伟芳娜敏静丽强磊军洋"
    return Person(name=surnames[n % 10] + given[n // 10 % 10] * 2, id_number=example_resident_id(n))
