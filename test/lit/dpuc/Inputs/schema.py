"""Is each FILE.json as the schema says? schema.py SCHEMA FILE...  The part of JSON Schema that our schema uses.

Keys of an object that the schema does not name are errors too: a contract may not have what is not described.
"""
import json
import re
import sys

TYPES = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
         "null": type(None)}
KNOWN = {"$schema", "title", "description", "$defs", "$ref", "type", "required", "properties", "items", "enum", "const",
         "pattern", "minimum", "maximum", "minItems", "maxItems", "anyOf", "allOf"}


class Schema:
    def __init__(self, root):
        self.root = root

    def resolve(self, schema):
        while "$ref" in schema:
            assert len(schema) == 1, schema
            schema = self.root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        assert set(schema) <= KNOWN, set(schema) - KNOWN
        return schema

    def names(self, schema):
        schema = self.resolve(schema)
        inner = schema.get("allOf", []) + schema.get("anyOf", [])
        return set(schema.get("properties", ())).union(*map(self.names, inner))

    def errors(self, value, schema, where="$", closed=True):
        schema = self.resolve(schema)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        is_kind = [isinstance(value, TYPES[k]) and not (isinstance(value, bool) and k in ("integer", "number"))
                   for k in kinds]
        if kinds and not any(is_kind):
            yield f"{where}: {value!r} is no {kinds}"
            return
        if "enum" in schema and value not in schema["enum"] or "const" in schema and value != schema["const"]:
            yield f"{where}: {value!r} is not allowed"
        if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
            yield f"{where}: {value!r} is not {schema['pattern']}"
        if isinstance(value, (int, float)) and not (schema.get("minimum", value) <= value <= schema.get("maximum", value)):
            yield f"{where}: {value} is out of range"
        if "anyOf" in schema and all(any(self.errors(value, s, where)) for s in schema["anyOf"]):
            yield from self.errors(value, schema["anyOf"][-1], where)
        for s in schema.get("allOf", ()):
            yield from self.errors(value, s, where, False)
        if isinstance(value, list):
            if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
                yield f"{where}: {len(value)} items"
            for i, item in enumerate(value):
                yield from self.errors(item, schema.get("items", {}), f"{where}[{i}]")
        if isinstance(value, dict):
            yield from (f"{where}: no {key}" for key in schema.get("required", ()) if key not in value)
            for key, item in value.items():
                if key in schema.get("properties", {}):
                    yield from self.errors(item, schema["properties"][key], f"{where}.{key}")
                elif closed and key not in self.names(schema):
                    yield f"{where}.{key}: is not described"


with open(sys.argv[1]) as f:
    checked = Schema(json.load(f))
bad = 0
for path in sys.argv[2:]:
    with open(path) as f:
        for error in checked.errors(json.load(f), checked.root):
            print(f"{path}: {error}")
            bad += 1
print(f"{len(sys.argv) - 2} files, {bad} errors")
sys.exit(bad != 0)
