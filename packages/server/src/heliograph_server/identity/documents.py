"""Fetching the documents that issuers publish: small, over HTTPS, and soon or not at all."""

import asyncio
from typing import Final

import httpx

__all__ = ["DocumentUnavailable", "Documents"]

FETCH_TIMEOUT_S: Final = 5.0
"""For one document from the first byte sent to the last one received; a peer that registers waits for two at most."""
MAX_DOCUMENT_BYTES: Final = 262_144


class DocumentUnavailable(Exception):
    """It could not be had. The text is one sentence for the operator."""


class Documents:
    """An HTTP client for GET alone. Redirects are not followed: an issuer says where its documents are."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(timeout=FETCH_TIMEOUT_S, headers={"Accept": "application/json"})

    async def fetch(self, url: str) -> bytes:
        """The document. Raises `DocumentUnavailable`."""
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                return await self._fetch(url)
        except TimeoutError as error:
            raise DocumentUnavailable(f"{url} did not answer within {FETCH_TIMEOUT_S:.0f} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DocumentUnavailable(f"{url} can't be fetched: {str(error) or type(error).__name__}") from error

    async def _fetch(self, url: str) -> bytes:
        async with self._http.stream("GET", url) as answer:
            if answer.status_code != httpx.codes.OK:
                raise DocumentUnavailable(f"{url} answers {answer.status_code}")
            document = b""
            async for part in answer.aiter_bytes():
                document += part
                if len(document) > MAX_DOCUMENT_BYTES:
                    raise DocumentUnavailable(f"{url} is larger than {MAX_DOCUMENT_BYTES} bytes")
            return document

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()
