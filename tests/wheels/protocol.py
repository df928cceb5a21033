"""Run where nothing but the protocol's wheel is installed: a message goes there and back."""

from heliograph_protocol import Ping, decode_client_message, encode, json_schema

if decode_client_message(encode(Ping(ref=1))) != Ping(ref=1):
    raise SystemExit("A message did not come back as it was")
if not json_schema()["$defs"]:
    raise SystemExit("The JSON Schema is empty")
