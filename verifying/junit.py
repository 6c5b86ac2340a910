"""The report as JUnit XML, which every build server shows: one test case per rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from gateway.errors import GatewayError
from gateway.words import _
from verifying.rules import rules

if TYPE_CHECKING:
    from pathlib import Path

    from verifying.findings import Finding
    from verifying.judge import Judge

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 can't hold at all (2.2)."""


def write(path: Path, judge: Judge, seconds: float) -> None:
    """Write the file.

    Raises:
        GatewayError: it can't be written.
    """
    found = [(rule, judge.findings.of(rule.name)) for rule in rules()]
    suite = ET.Element(
        "testsuite",
        name="nxgate verify",
        tests=str(len(found)),
        failures=str(sum(1 for _rule, finding in found if finding.faults)),
        skipped=str(sum(1 for _rule, finding in found if not finding.judged)),
        errors="0",
        time=f"{seconds:.3f}",
    )
    for rule, finding in found:
        case = ET.SubElement(suite, "testcase", classname="contract", name=rule.name, time="0")
        if finding.faults:
            failure = ET.SubElement(
                case, "failure", message=_xml(f"{finding.faults}: {rule.text}"), type=rule.name
            )
            failure.text = _xml("\n".join([rule.source, *_examples(finding)]))
        elif not finding.judged:
            ET.SubElement(case, "skipped", message=_xml(_("nothing came that it applies to")))
        if finding.unjudged:
            said = ET.SubElement(case, "system-out")
            said.text = _xml("\n".join(f"{why}: {n}" for why, n in finding.unjudged.items()))
    root = ET.Element("testsuites")
    root.append(suite)
    tree = ET.ElementTree(root)
    ET.indent(tree)
    try:
        tree.write(path, "utf-8", xml_declaration=True)
    except OSError as error:
        raise GatewayError(
            _("{path}: can't be written: {reason}").format(
                path=path, reason=error.strerror or error
            )
        ) from error


def _examples(finding: Finding) -> list[str]:
    return [f"{one.topic} {one.id}: {one.what}" for one in finding.examples]


def _xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
