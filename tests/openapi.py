"""The pages as an OpenAPI document: the routes of the template, and the fields of the forms that the pages show."""

import re
from collections.abc import Mapping
from typing import Any

from contract.definitions import functions

_WEB = ("CustomerWebFunction", "OpsWebFunction")
# What a form holds: its fields by name, and of those with choices what may be chosen.
Form = Mapping[str, list[str]]


def routes() -> list[tuple[str, str]]:
    """Every path and method (in small letters) of the REST API."""
    events = (event for name in _WEB for event in functions()[name]["Events"].values())
    return [(event["Properties"]["Path"], event["Properties"]["Method"]) for event in events]


def document(forms: Mapping[str, Form]) -> dict[str, Any]:
    """OpenAPI 3.0 of the routes; `forms` are those that were found on the pages, by the path that takes them."""
    paths: dict[str, Any] = {}
    for path, method in routes():
        paths.setdefault(path, {})[method] = _operation(path, method, forms.get(path, {}))
    return {"openapi": "3.0.3", "info": {"title": "Accord's pages", "version": "1"}, "paths": paths}


def _operation(path: str, method: str, form: Form) -> dict[str, Any]:
    words = {"type": "string"}
    typed = words | {"pattern": "^[ -~王小明]{0,60}$"}  # a form with other characters is refused before it is read
    operation: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": words} for name in re.findall(r"{(\w+)}", path)
        ]
        + [
            {"name": "lang", "in": "query", "schema": words},
            {"name": "origin", "in": "header", "schema": words},
            {"name": "__Host-session", "in": "cookie", "schema": words},
            {"name": "__Host-code", "in": "cookie", "schema": words},
        ],
        "responses": {"200": {"description": "a page"}},
    }
    if method == "post":
        fields = {name: words | {"enum": choices} if choices else typed for name, choices in form.items()}
        kind = "multipart/form-data" if "document" in form else "application/x-www-form-urlencoded"
        body = {"type": "object", "properties": fields, "required": sorted(fields), "additionalProperties": False}
        operation["requestBody"] = {"required": True, "content": {kind: {"schema": body}}}
    return operation
