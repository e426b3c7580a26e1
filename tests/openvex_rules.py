"""What OpenVEX 0.2.0 demands of a document, as a JSON Schema, and what stricter readers want.

Source: OPENVEX-SPEC.md of github.com/openvex/spec at v0.2.0, "Document Struct Fields", "Statement
Fields", "Component Fields", "Vulnerability Struct Fields", "Status Labels" and "Status
Justifications", and the constraints of its ``openvex_json_schema.json``: no unknown field anywhere,
statements at least one, no two equal members of a list. No validator of it that the field trusts is
packaged for Python: lib4vex 0.2 reads a few fields and refuses nothing, vexipy 0.3 lets unknown
fields and a document without statements pass.

Beyond it, as every reader can live with that: each product is named by a package URL, and what is
there is never empty.
"""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator, FormatChecker

TEXT = {"type": "string", "minLength": 1}
IRI = {"type": "string", "format": "uri"}
WHEN = {"type": "string", "format": "date-time"}


def _struct(*required: str, **fields: object) -> dict[str, object]:
    named = {name.replace("at_", "@"): rule for name, rule in fields.items()}
    return {
        "type": "object",
        "properties": named,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(of: object, least: int = 0) -> dict[str, object]:
    return {"type": "array", "items": of, "uniqueItems": True, "minItems": least}


PURL = {**IRI, "pattern": r"^pkg:pypi/([a-z0-9._~-]|%[0-9A-F]{2})+(@[^@/?#]+)?$"}
COMPONENT = _struct("@id", at_id=PURL)
PRODUCT = _struct("@id", at_id=PURL, subcomponents=_list(COMPONENT, 1))
VULNERABILITY = _struct("name", at_id=IRI, name=TEXT, description=TEXT, aliases=_list(TEXT, 1))
JUSTIFICATION = {
    "enum": [
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    ]
}


def _if(status: str, then: object) -> dict[str, object]:
    return {"if": {"properties": {"status": {"const": status}}}, "then": then}


NO_REASON = {"properties": {"justification": False, "impact_statement": False}}
STATEMENT = {
    **_struct(
        "vulnerability",
        "products",
        "status",
        vulnerability=VULNERABILITY,
        products=_list(PRODUCT, 1),
        status={"enum": ["not_affected", "affected", "fixed", "under_investigation"]},
        status_notes=TEXT,
        justification=JUSTIFICATION,
        impact_statement=TEXT,
        action_statement=TEXT,
    ),
    "allOf": [
        _if(
            "not_affected",
            {"anyOf": [{"required": ["justification"]}, {"required": ["impact_statement"]}]},
        ),
        _if("affected", {"required": ["action_statement"], **NO_REASON}),
        _if("fixed", NO_REASON),
        _if("under_investigation", NO_REASON),
    ],
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_struct(
        "@context",
        "@id",
        "author",
        "timestamp",
        "version",
        "statements",
        at_context={"const": "https://openvex.dev/ns/v0.2.0"},
        at_id=IRI,
        author=TEXT,
        timestamp=WHEN,
        version={"type": "integer", "minimum": 1},
        tooling=TEXT,
        statements=_list(STATEMENT, 1),
    ),
}
CHECKED = FormatChecker()
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=CHECKED)


def read_vex(data: bytes | str) -> dict:
    """The document, once nothing speaks against it.

    :raises jsonschema.ValidationError: it is not as the specification demands.
    """
    document: dict = json.loads(data)
    VALIDATOR.validate(document)
    return document
