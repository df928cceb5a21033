"""Nothing that a peer wrote freely is remembered, whatever it wrote and wherever."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .links import World

SECRET = "s3cr3t-"
WRITTEN = st.text(max_size=40).map(lambda text: SECRET + text)
CANDIDATES = st.one_of(
    WRITTEN,
    st.none(),
    st.builds(
        lambda text, kind: {"candidate": f"candidate:1 1 udp 1 {text} 9 typ {kind}", "sdpMid": text},
        WRITTEN,
        st.sampled_from(["host", "srflx", "relay", SECRET]),
    ),
)
EXTRA = st.dictionaries(st.sampled_from(["note", "reason", "code", "message", "connection_id", "sdpMid"]), WRITTEN)


@st.composite
def said(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(["offer", "answer", "candidate", "quit", "error", "peer_message", "report", "claim_peer"])
    )
    message: dict[str, Any] = {"type": kind, "target": draw(st.sampled_from(["b", "nobody", SECRET + " is no name"]))}
    message |= draw(EXTRA)
    match kind:
        case "offer" | "answer":
            message["sdp"] = draw(WRITTEN) + "\r\na=candidate:1 1 udp 1 s3cr3t- 9 typ host"
        case "candidate":
            message["candidate"] = draw(CANDIDATES)
        case "peer_message":
            message |= {"to_peer_id": "b", "payload": draw(WRITTEN)}
        case "report":
            message |= {"peer_id": "b", "state": "connected", "local": draw(st.sampled_from(["host", SECRET]))}
        case "claim_peer":
            message["filters"] = {"role": draw(WRITTEN)}
        case _:
            pass
    return message


@given(st.lists(said(), max_size=12))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_told_to_those_who_inspect_has_nothing_of_it(messages: list[dict[str, Any]]) -> None:
    world = World()
    world.peer("b", metadata={"tags": [SECRET], "properties": {"key": SECRET}})
    a = world.peer("a", metadata={"properties": {"note": SECRET}})
    stranger = world.connect()
    stranger.say({"type": "register", "peer_id": "a", "room_id": "room", "token": SECRET, "id_token": SECRET})
    watcher = world.peer("watcher", user="owner", protocol=2)
    everything = watcher.say({"type": "inspect"})
    operator = world.connect()
    everything += operator.say({"type": "inspect", "operator_token": world.operator_token})
    for message in messages:
        a.say(message)
        world.inspectors.push()
        everything += watcher.heard() + operator.heard()
    everything += watcher.say({"type": "inspect", "peers": ["a", "b"]}) + watcher.say(
        {"type": "inspect", "peers": ["a"]}
    )
    told = [message for message in everything if message["type"] in {"inspection", "inspection_update"}]
    assert len(told) >= 4
    assert "s3cr3t" not in json.dumps(told)
