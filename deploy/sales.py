"""The examples, and sales like them: each of another home, with other people's accounts and another loan, so that many
can be played on one stack."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.stack import CHECKOUT
from services.sale_file import BadSaleFile, SaleFile, load_sale

EXAMPLES = {
    "LC-LOAN": CHECKOUT / "examples" / "liaocheng-loan.yaml",
    "LC-FULL": CHECKOUT / "examples" / "liaocheng-full.yaml",
}
"""A sale for each procedure that can be played; the first is played where none is named."""

UNLIKE: dict[str, tuple[tuple[str, str], ...]] = {
    "LC-FULL": (
        ("371502001001GB00012F00030045", "371502001001GB00012F0003{n:04d}"),
        ("62220216020000", "622202160{n:02d}000"),
        ("第0001234号", "第{certificate:07d}号"),
        ("LC-HT-000123", "LC-HT-{n:06d}"),
        ("ICBC-LC-2021-0007788", "ICBC-LC-2021-{n:07d}"),
    ),
    "LC-LOAN": (
        ("371502001001GB00027F00080112", "371502001001GB00027F0008{n:04d}"),
        ("62220216020000", "622202160{n:02d}000"),
        ("第0005678号", "第{certificate:07d}号"),
        ("LC-HT-000207", "LC-HT-{n:06d}"),
        ("ICBC-LC-2020-0005566", "ICBC-LC-2020-{n:07d}"),
    ),
}
"""What in each example names one sale alone, and how it is written for the n-th."""


@dataclass
class Sales:
    """Makes sales, each unlike all before, and leaves each as a file in `folder`."""

    folder: Path
    n: int = 0

    def next(self, procedure: str = "LC-FULL", now: datetime | None = None) -> SaleFile:
        """The next sale of this procedure; its days are counted back from `now` (aware; the machine's clock)."""
        self.n += 1
        text = EXAMPLES[procedure].read_text(encoding="utf-8")
        for old, new in UNLIKE[procedure]:
            if old not in text:
                raise BadSaleFile(f"{EXAMPLES[procedure]}: {old} is not in it any more")
            text = text.replace(old, new.format(n=self.n, certificate=9000 + self.n))
        path = self.folder / f"sale-{self.n}.yaml"
        path.write_text(text, encoding="utf-8")
        return load_sale(path, now or datetime.now(UTC))
