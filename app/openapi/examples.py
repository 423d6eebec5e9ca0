"""Examples from schemas: what a field says itself, else a value that fits its type."""

from __future__ import annotations

import re
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Schema = dict[str, Any]

_FORMATS = {
    "date": "2026-03-01",
    "date-time": "2026-03-01T09:30:00.000000Z",
    "time": "09:30:00",
    "email": "partners@agency.example",
    "uri": "https://example.org/",
    "binary": "",
    "byte": "ZXhhbXBsZQ==",
}
# Tried in this order against a pattern; a pattern that fits none needs an example of its own.
_TEXTS = ("EXAMPLE", "KEN", "example", "250000.00", "2026-03-01", '"v1"', "a" * 64, "1", "UNICEF")
_DEPTH = 12
# What a field of this name shows when it says nothing itself. All invented.
_BY_NAME: dict[str, Any] = {
    "acronym": "ART",
    "agency": "UNICEF",
    "alg": "ES256",
    "aliases": "Amani Trust",
    "authorization_servers": "https://registry.example",
    "bearer_methods_supported": "header",
    "caption": "Amani Relief Trust",
    "contact_email": "partners@unicef.example",
    "contact_office": "Partnerships unit",
    "country": "KEN",
    "crv": "P-256",
    "email": "partners@unicef.example",
    "former_names": "Amani Relief Society",
    "grant_types_supported": "client_credentials",
    "issuer": "https://registry.example",
    "jwks_uri": "https://registry.example/oauth/jwks",
    "kty": "EC",
    "legal_name": "Amani Relief Trust",
    "name": "Amani Relief Trust",
    "names": "Amani Relief Trust",
    "owner_agency": "UNICEF",
    "partner_type": "NGO_NATIONAL",
    "purpose": "PARTNER_SELECTION",
    "reference": "EX-2026-017",
    "registry_number": "IPR-0000001-C",
    "resource": "https://registry.example",
    "scheme": "ORG_ID",
    "scopes_supported": "partners:read",
    "score": 0.93,
    "token_endpoint": "https://registry.example/oauth/token",
    "token_endpoint_auth_methods_supported": "private_key_jwt",
    "token_endpoint_auth_signing_alg_values_supported": "ES256",
    "use": "sig",
    "value": "KE-NCB-218-051",
    "xm_dac": "XM-DAC-00001",
}


class Examples:
    """Builds examples from the schemas of one document."""

    def __init__(self, components: dict[str, Schema]) -> None:
        self._components = components

    def resolve(self, schema: Schema) -> Schema:
        """The schema behind a reference; what stands beside ``$ref`` wins."""
        while "$ref" in schema:
            target = self._components[schema["$ref"].rsplit("/", 1)[1]]
            schema = {**target, **{key: schema[key] for key in schema if key != "$ref"}}
        return schema

    def of(self, schema: Schema, name: str = "", *, full: bool, depth: int = 0) -> Any:
        """A value that fits ``schema``. ``full`` fills optional fields too, as an answer does."""
        schema = self.resolve(schema)
        given = _given(schema, name)
        if given is not None:
            return given[0]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._of_union(schema[key], name, full=full, depth=depth)
        if "allOf" in schema:
            merged: Schema = {}
            for part in schema["allOf"]:
                merged |= self.resolve(part)
            return self.of(merged, name, full=full, depth=depth)
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            return self._of_object(schema, full=full, depth=depth)
        if kind == "array":
            return self._of_array(schema, name, full=full, depth=depth)
        return _scalar(schema, name)

    def _of_union(self, options: list[Schema], name: str, *, full: bool, depth: int) -> Any:
        if full and any(option.get("type") == "null" for option in options):
            chosen = [option for option in options if _given(self.resolve(option), name)]
            return self.of(chosen[0], name, full=full, depth=depth) if chosen else None
        return self.of(options[0], name, full=full, depth=depth)

    def _of_object(self, schema: Schema, *, full: bool, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        value: dict[str, Any] = {}
        for name, field in schema.get("properties", {}).items():
            resolved = self.resolve(field)
            wanted = full or self._has_example(resolved)
            if name in required or (wanted and depth < _DEPTH):
                value[name] = self.of(field, name, full=full, depth=depth + 1)
        return value

    def _has_example(self, schema: Schema) -> bool:
        options = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return any("examples" in self.resolve(option) for option in options)

    def _of_array(self, schema: Schema, name: str, *, full: bool, depth: int) -> list[Any]:
        if depth >= _DEPTH:
            return []
        count = max(1, schema.get("minItems", 0))
        item = self.of(schema.get("items", {}), name, full=full, depth=depth + 1)
        return [item] * min(count, schema.get("maxItems", count))


def _given(schema: Schema, name: str) -> list[Any] | None:
    if schema.get("examples"):
        examples: list[Any] = schema["examples"]
        return examples[:1]
    named = _BY_NAME.get(name)
    if named is not None and _fits(schema, named):
        return [named]
    for key in ("example", "const"):
        if key in schema:
            return [schema[key]]
    if schema.get("default") not in (None, "", [], {}):
        return [schema["default"]]
    if schema.get("enum"):
        return [schema["enum"][0]]
    return None


def _fits(schema: Schema, value: Any) -> bool:
    """Whether a value of the table above is one of this schema."""
    if "enum" in schema:
        return value in schema["enum"]
    if not isinstance(value, str):
        return schema.get("type") == "number"
    if schema.get("type") != "string" or "format" in schema or "const" in schema:
        return False
    short = len(value) <= schema.get("maxLength", len(value))
    return short and re.search(schema.get("pattern", ""), value) is not None


def _scalar(schema: Schema, name: str) -> Any:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        low: float = schema.get("minimum", 1 if kind == "integer" else 0.5)
        high: float = schema.get("maximum", low)
        return min(max(low, 1 if kind == "integer" else 0.5), max(low, high))
    if kind == "boolean":
        return True
    if kind == "string":
        return _text(schema, name)
    return None if kind == "null" else {}


def _text(schema: Schema, name: str) -> str:
    form = schema.get("format")
    if form == "uuid":
        # The same field has the same id everywhere, so that examples fit together.
        return str(uuid5(NAMESPACE_URL, f"urn:partner-registry:example:{name}"))
    if form in _FORMATS:
        return _FORMATS[form]
    pattern = schema.get("pattern")
    if pattern:
        return next((text for text in _TEXTS if re.search(pattern, text)), "EXAMPLE")
    text = (name.replace("_", " ") or "example").capitalize()
    return text.ljust(schema.get("minLength", 0), "-")[: schema.get("maxLength", len(text) + 1)]
