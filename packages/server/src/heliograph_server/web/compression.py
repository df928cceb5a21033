"""Bytes as they travel: gzipped for those who take that, and not sent again to those who have them."""

import gzip
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from litestar import Response

from heliograph_server.web.assets import Asset

__all__ = ["asset_response", "gzipped", "takes_gzip"]

KEPT: Final = 256
"""Files whose compressed form is kept."""
MIN_BYTES: Final = 256
"""Smaller ones are sent as they are: the header would cost what is saved."""
COMPRESSED: Final = ("text/", "application/json", "application/manifest", "image/svg+xml")


def asset_response(asset: Asset, request_headers: Mapping[str, str], headers: Mapping[str, str]) -> Response[bytes]:
    """The answer with a file, in the form that the request asks for: 304 where it names the `etag` that there is."""
    worthwhile = len(asset.content) >= MIN_BYTES and asset.media_type.startswith(COMPRESSED)
    zipped = worthwhile and takes_gzip(request_headers.get("accept-encoding", ""))
    etag = f'{asset.etag[:-1]}-gzip"' if zipped else asset.etag  # each form has its own (RFC 9110 section 8.8.3.3)
    answer = {**headers, "ETag": etag, **({"Vary": "Accept-Encoding"} if worthwhile else {})}
    if _is_known(etag, request_headers.get("if-none-match", "")):
        return Response(b"", status_code=304, media_type=asset.media_type, headers=answer)
    if not zipped:
        return Response(asset.content, media_type=asset.media_type, headers=answer)
    return Response(gzipped(asset.content), media_type=asset.media_type, headers={**answer, "Content-Encoding": "gzip"})


@lru_cache(maxsize=KEPT)
def gzipped(content: bytes) -> bytes:
    """As small as it gets, and the same each time."""
    return gzip.compress(content, 9, mtime=0)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether RFC 9110 section 12.5.3 lets us answer with gzip. Who says nothing gets the plain form."""
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        _, _, number = weight.partition("=")
        try:
            weights[coding.strip()] = float(number) if number.strip() else 1.0
        except ValueError:
            continue
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _is_known(etag: str, if_none_match: str) -> bool:
    """RFC 9110 section 13.1.2: the comparison is weak."""
    return any(known.strip().removeprefix("W/") in {etag, "*"} for known in if_none_match.split(","))
