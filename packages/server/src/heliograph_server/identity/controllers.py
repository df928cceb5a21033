"""Sign-in over HTTP."""

from typing import Any, Final

from litestar import Controller, Request, get, post
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from heliograph_server.identity.bearer import bearer_token
from heliograph_server.identity.verifier import IdentityProvider, SignedIn
from heliograph_server.ops.signin_limit import SignInLimiter
from heliograph_server.problems import MAX_BODY_BYTES, problem_responses

__all__ = ["IdentityController"]

JWKS_MAX_AGE_S: Final = 300


class IdentityController(Controller):
    """Anonymous sign-in, and the keys that its tokens are verified with."""

    path = "/"
    tags = ("identity",)
    request_max_body_size = MAX_BODY_BYTES

    @post(
        "/anonymous-signin",
        operation_id="signIn",
        status_code=200,
        summary="Sign in anonymously",
        response_description="The new user's name and its id token",
        responses=problem_responses(
            {
                403: "This server makes no anonymous users",
                429: "Too many sign-ins and rooms from this address",
                503: "The identity provider did not answer",
            }
        ),
        cache_control=CacheControlHeader(no_store=True),
    )
    async def anonymous_signin(
        self,
        request: Request[Any, Any, Any],
        identity: NamedDependency[SkipValidation[IdentityProvider]],
        limiter: NamedDependency[SignInLimiter],
    ) -> SignedIn:
        """Make an anonymous user. Whatever the body holds is ignored."""
        await limiter.check(request)
        return await identity.sign_in()

    @post(
        "/api/id-token",
        operation_id="renewIdToken",
        status_code=200,
        summary="Renew an anonymous user's id token",
        response_description="The same user's name and another id token",
        responses=problem_responses(
            {
                401: "The id token is missing or does not count any more",
                403: "That user was not made by this server, or it makes none",
                429: "Too many sign-ins and rooms from this address",
                503: "The identity provider did not answer",
            }
        ),
        security=[{"bearer": []}],
        cache_control=CacheControlHeader(no_store=True),
    )
    async def renew(
        self,
        request: Request[Any, Any, Any],
        identity: NamedDependency[SkipValidation[IdentityProvider]],
        limiter: NamedDependency[SignInLimiter],
    ) -> SignedIn:
        """Stay the same user for as long again. The old token goes on to count until its own end."""
        await limiter.check(request)
        return await identity.renew(bearer_token(request))

    @get(
        "/.well-known/jwks.json",
        operation_id="jwks",
        summary="Public keys of the embedded issuer",
        response_description="A JSON Web Key Set (RFC 7517)",
        cache_control=CacheControlHeader(max_age=JWKS_MAX_AGE_S, public=True),
    )
    async def jwks(self, identity: NamedDependency[SkipValidation[IdentityProvider]]) -> dict[str, Any]:
        """The keys that id tokens are verified with, an empty set if another issuer signs them."""
        return identity.jwks()
