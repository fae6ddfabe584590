"""TCGA barcodes: what the name of a slide says of patient, site and sample.

`TCGA-XX-YYYY-SSV-PP-TTn`: XX tissue source site, YYYY participant, SS sample type, V vial, PP portion, TT slide type
(DX diagnostic; TS, MS, BS top, middle and bottom section). The catalogue may leave these out; the name has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BARCODE = re.compile(
    r"(?P<program>TCGA)-(?P<site>\w{2})-(?P<participant>\w{4})(?:-(?P<sample>\d{2})[A-Z])?(?:-\d{2}-(?P<slide>[A-Z]{2}))?"
)
# The GDC's names of the sample types that slides come from; others fall into their range.
_SAMPLE_TYPES = {
    1: "Primary Tumor",
    2: "Recurrent Tumor",
    5: "Additional - New Primary",
    6: "Metastatic",
    7: "Additional Metastatic",
    11: "Solid Tissue Normal",
}


@dataclass(frozen=True)
class Barcode:
    """What a name says; empty where it says nothing.

    Attributes:
        patient: TCGA-XX-YYYY.
        site: tissue source site, two characters.
        sample_type: the GDC's name of it.
        slide_type: DX, TS, MS or BS.
    """

    patient: str = ""
    site: str = ""
    sample_type: str = ""
    slide_type: str = ""


def parse_barcode(name: str) -> Barcode:
    """Read the barcode in a file name; an empty `Barcode` when there is none."""
    match = _BARCODE.search(name)
    if match is None:
        return Barcode()
    patient = f"TCGA-{match['site']}-{match['participant']}"
    return Barcode(patient, match["site"], _sample_type(match["sample"]), match["slide"] or "")


def _sample_type(code: str | None) -> str:
    if code is None:
        return ""
    number = int(code)
    ranges = "tumour" if number < 10 else "normal" if number < 20 else "control"
    return _SAMPLE_TYPES.get(number, ranges)
