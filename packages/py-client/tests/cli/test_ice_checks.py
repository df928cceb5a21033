"""What `heliograph doctor` says of ICE servers that cannot be asked."""

from heliograph.cli.doctor.finding import Verdict
from heliograph.cli.doctor.ice import check_stun, check_turn, check_udp, ice_urls
from heliograph.peer.ice_servers import IceServer


async def test_names_that_no_host_can_have() -> None:
    turn = ("turn:a..b:3478", "turn:a..b:3478?transport=tcp", f"turns:{'a' * 64}.example:443?transport=tcp")
    urls, findings = ice_urls([IceServer(("stun:a..b:3478",)), IceServer(turn, "user", "secret")])
    assert findings == []
    stun_findings, stun_answered = await check_stun(urls)
    turn_findings, turn_answered = await check_turn(urls)
    assert (stun_answered, turn_answered) == (False, False)
    assert [finding.verdict for finding in stun_findings + turn_findings] == [Verdict.FAILED] * 4
    assert "it is no host name" in stun_findings[0].words
    assert (await check_udp(urls, answered=False)).verdict is Verdict.WARNING
