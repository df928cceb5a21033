"""The identity providers under test, each with the means to forge its tokens."""

import gzip
import importlib.resources
import json
import time
import uuid
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk

from heliograph_server.identity.chosen import Identity
from heliograph_server.identity.keyfile import KEY_FILE
from heliograph_server.identity.signing import SigningKey
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.invitations import JoinTokens
from heliograph_server.rooms.model import Room
from heliograph_server.settings import Settings

from .forger import Forger, PrivateKey, algorithm_of, public_pem, spare_key
from .web_server import WebServer

__all__ = ["CognitoRealm", "LocalRealm", "OidcRealm", "Realm", "public_jwk"]

REGION = "us-east-1"
AUDIENCE = "lab"
LIFE_S = 600


class Realm:
    """An identity provider, and someone who has its key."""

    identity: Identity
    forger: Forger
    signs_in = True

    def rotate(self) -> None:
        """From now on the issuer has another key, and `forger` has that; the one before is withdrawn."""
        raise NotImplementedError

    def other_tokens(self) -> dict[str, str]:
        """What the same issuer signs, and is no id token for us."""
        raise NotImplementedError

    async def close(self) -> None:
        await self.identity.close()


class LocalRealm(Realm):
    """The embedded issuer."""

    def __init__(self, data_dir: Path) -> None:
        self.settings = Settings(data_dir=data_dir)
        self._open()

    def rotate(self) -> None:
        """An operator takes the key away, and starts the server again."""
        (self.settings.data_dir / KEY_FILE).unlink()
        self._open()

    def other_tokens(self) -> dict[str, str]:
        key = SigningKey.load(self.settings.data_dir)
        owner = User(issuer="heliograph", subject="ann")
        room = Room(room_id="abcd2345", token="t" * 32, owner=owner, created_at=0, expires_at=2**31, max_peers=2)
        token, _ = JoinTokens(key, time.time).mint(
            room, role=None, peer_id=None, groups=None, grants=frozenset({"signal"}), ttl_s=60
        )
        return {"a join token": token}

    def _open(self) -> None:
        self.identity = Identity(self.settings, here=lambda: ())
        pem = (self.settings.data_dir / KEY_FILE).read_bytes()
        key: Any = serialization.load_pem_private_key(pem, None)
        [published] = self.identity.provider.jwks()["keys"]
        self.forger = Forger(key, published["kid"], claims_of("heliograph", "heliograph"))


class CognitoRealm(Realm):
    """A user pool in moto, which `aws` (boto3) reaches, and in front of it a web server that can take its place."""

    def __init__(self, aws: Any, data_dir: Path) -> None:
        self.web = WebServer(behind=aws.meta.endpoint_url)
        self.aws = aws
        self.pool, self.client = self.make_pool()
        self.settings = Settings(
            data_dir=data_dir,
            identity=("cognito",),
            cognito_region=REGION,
            cognito_user_pool_id=self.pool,
            cognito_app_client_id=self.client,
        )
        self.keys_path = f"/{self.pool}/.well-known/jwks.json"
        claims = claims_of(f"https://cognito-idp.{REGION}.amazonaws.com/{self.pool}", self.client)
        self.forger = Forger(motos_key(), "dummy", claims | {"token_use": "id", "cognito:username": "ann"})

    def open(self) -> None:
        """Make the identity, once boto3 finds the web server."""
        self.identity = Identity(self.settings, here=lambda: ())

    def make_pool(self) -> tuple[str, str]:
        """A new user pool and its app client."""
        pool = self.aws.create_user_pool(PoolName=f"pool-{uuid.uuid4()}")["UserPool"]["Id"]
        client = self.aws.create_user_pool_client(
            UserPoolId=pool, ClientName="test", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )
        return pool, client["UserPoolClient"]["ClientId"]

    def make_person(self, pool: str, client: str, username: str = "ann", **attributes: str) -> dict[str, str]:
        """A user whom this server did not make, and the tokens that the pool gives it."""
        password = "Passw0rd!"
        listed = [{"Name": name, "Value": value} for name, value in attributes.items()]
        self.aws.sign_up(ClientId=client, Username=username, Password=password, UserAttributes=listed)
        self.aws.admin_confirm_sign_up(UserPoolId=pool, Username=username)
        answer = self.aws.initiate_auth(
            ClientId=client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
        tokens: dict[str, str] = answer["AuthenticationResult"]
        return tokens

    def usernames(self) -> set[str]:
        """Everyone in the pool."""
        pages = self.aws.get_paginator("list_users").paginate(UserPoolId=self.pool)
        return {user["Username"] for page in pages for user in page["Users"]}

    def rotate(self) -> None:
        key = spare_key("RS256", 1)
        self.web.publish(self.keys_path, {"keys": [public_jwk(key, "next")]})
        self.forger = Forger(key, "next", self.forger.claims)

    def other_tokens(self) -> dict[str, str]:
        tokens = self.make_person(self.pool, self.client)
        elsewhere = self.make_person(*self.make_pool())
        return {
            "the pool's own access token": tokens["AccessToken"],
            "an access token with our audience": self.forger.token(claims={"token_use": "access"}),
            "a token without a use": self.forger.token(claims={"token_use": ...}),
            "another pool's id token": elsewhere["IdToken"],
        }

    async def close(self) -> None:
        await super().close()
        self.web.close()


class OidcRealm(Realm):
    """A small issuer of our own that publishes what OpenID Connect asks for."""

    signs_in = False

    def __init__(self, algorithm: str, data_dir: Path) -> None:
        self.web = WebServer()
        self.algorithm = algorithm
        self.issuer = self.web.url
        self.web.publish(
            "/.well-known/openid-configuration", {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        )
        self.have_key(spare_key(algorithm), "first")
        self.settings = Settings(
            data_dir=data_dir, identity=("oidc",), oidc_issuer=(self.issuer,), oidc_audience=(AUDIENCE,)
        )
        self.identity = Identity(self.settings, here=lambda: ())

    def have_key(self, key: PrivateKey, kid: str) -> None:
        """Publish that key alone, and sign with it."""
        self.web.publish("/keys", {"keys": [public_jwk(key, kid)]})
        self.forger = Forger(key, kid, claims_of(self.issuer, AUDIENCE))

    def rotate(self) -> None:
        self.have_key(spare_key(self.algorithm, 1), "next")

    def other_tokens(self) -> dict[str, str]:
        return {
            "an access token by its type": self.forger.token({"typ": "at+jwt"}),
            "an access token by its full type": self.forger.token({"typ": "application/at+jwt"}),
            "a logout token": self.forger.token({"typ": "logout+jwt"}),
            "an access token of Keycloak's": self.forger.token(claims={"typ": "Bearer"}),
            "a refresh token of Keycloak's": self.forger.token(claims={"typ": "Refresh"}),
            "a token with a scope": self.forger.token(claims={"scope": "openid profile"}),
            "a token with scopes": self.forger.token(claims={"scp": ["openid"]}),
            "an access token by its use": self.forger.token(claims={"token_use": "access"}),
        }

    async def close(self) -> None:
        await super().close()
        self.web.close()


def claims_of(issuer: str, audience: str) -> dict[str, Any]:
    """What a token for ann says that counts for ten minutes from now."""
    now = int(time.time())
    return {"iss": issuer, "aud": audience, "sub": "ann", "iat": now, "exp": now + LIFE_S}


def public_jwk(key: PrivateKey, kid: str | None, **members: Any) -> dict[str, Any]:
    """A key as issuers publish it."""
    published = jwk.construct(public_pem(key), algorithm_of(key)).to_dict() | {"use": "sig", "kid": kid} | members
    return {name: value for name, value in published.items() if value is not None}


def motos_key() -> PrivateKey:
    """What moto signs the tokens of all its user pools with."""
    packed = importlib.resources.files("moto.cognitoidp") / "resources" / "jwks-private.json.gz"
    pem = jwk.construct(json.loads(gzip.decompress(packed.read_bytes())), "RS256").to_pem()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
