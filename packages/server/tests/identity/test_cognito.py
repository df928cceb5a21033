"""Cognito: users who are made, recognised and removed, and what an operator reads when AWS refuses."""

import asyncio
import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from heliograph_server.aws import calls
from heliograph_server.aws.calls import AwsCallFailed, AwsCalls, AwsNotInstalled
from heliograph_server.errors import IdentityUnavailable, InvalidIdToken, NotPermitted
from heliograph_server.identity.chosen import Identity, issuer_problems
from heliograph_server.identity.cleanup import ABANDONED_S, Cleanup
from heliograph_server.identity.cognito_users import MARKED_ATTRIBUTE, PAGE_SIZE, USERNAME_PREFIX, CognitoUsers
from heliograph_server.identity.verifier import User

from .forger import Forger, spare_key
from .realms import REGION, CognitoRealm, public_jwk
from .web_server import Answer


@pytest.fixture
def users(cognito: CognitoRealm) -> Iterator[CognitoUsers]:
    with closing(AwsCalls("cognito-idp", REGION)) as made:
        yield CognitoUsers(made, cognito.pool, cognito.client)


def attributes(cognito: CognitoRealm, username: str) -> dict[str, str]:
    found = cognito.aws.admin_get_user(UserPoolId=cognito.pool, Username=username)["UserAttributes"]
    return {attribute["Name"]: attribute["Value"] for attribute in found}


async def test_a_sign_in_makes_a_confirmed_user_with_our_mark(cognito: CognitoRealm) -> None:
    signed_in = await cognito.identity.provider.sign_in()
    assert signed_in.username.startswith(USERNAME_PREFIX)
    assert cognito.usernames() == {signed_in.username}
    user = cognito.aws.admin_get_user(UserPoolId=cognito.pool, Username=signed_in.username)
    assert user["UserStatus"] == "CONFIRMED"
    found = attributes(cognito, signed_in.username)
    assert cognito.client in found[MARKED_ATTRIBUTE]
    proved = await cognito.identity.provider.verify(signed_in.id_token)
    assert proved == User(issuer=cognito.forger.claims["iss"], subject=found["sub"])


async def test_people_of_the_pool_are_users_too(cognito: CognitoRealm) -> None:
    tokens = cognito.make_person(cognito.pool, cognito.client)
    subject = attributes(cognito, "ann")["sub"]
    assert (await cognito.identity.provider.verify(tokens["IdToken"])).subject == subject


async def test_people_renew_their_tokens_at_cognito_and_keep_their_passwords(cognito: CognitoRealm) -> None:
    tokens = cognito.make_person(cognito.pool, cognito.client)
    with pytest.raises(NotPermitted):
        await cognito.identity.provider.renew(tokens["IdToken"])
    cognito.aws.initiate_auth(
        ClientId=cognito.client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": "Passw0rd!"},
    )


async def test_a_user_who_was_removed_is_not_renewed(cognito: CognitoRealm) -> None:
    signed_in = await cognito.identity.provider.sign_in()
    cognito.aws.admin_delete_user(UserPoolId=cognito.pool, Username=signed_in.username)
    with pytest.raises(InvalidIdToken, match="sign in again"):
        await cognito.identity.provider.renew(signed_in.id_token)


async def test_a_user_with_our_prefix_and_without_our_mark_is_not_renewed(cognito: CognitoRealm) -> None:
    signed_in = await cognito.identity.provider.sign_in()
    theirs = [{"Name": MARKED_ATTRIBUTE, "Value": "somebody"}]
    cognito.aws.admin_update_user_attributes(
        UserPoolId=cognito.pool, Username=signed_in.username, UserAttributes=theirs
    )
    with pytest.raises(InvalidIdToken):
        await cognito.identity.provider.renew(signed_in.id_token)


async def test_a_pool_that_does_not_answer_renews_nothing_for_now(cognito: CognitoRealm) -> None:
    signed_in = await cognito.identity.provider.sign_in()
    await cognito.identity.provider.verify(signed_in.id_token)
    cognito.web.answers["/"] = refusal("TooManyRequestsException", "slowly")
    with pytest.raises(IdentityUnavailable):
        await cognito.identity.provider.renew(signed_in.id_token)


async def test_only_rs256_counts_whatever_keys_are_published(cognito: CognitoRealm) -> None:
    key = spare_key("ES256")
    cognito.web.publish(cognito.keys_path, {"keys": [public_jwk(key, "ec"), public_jwk(spare_key("RS256"), "rsa")]})
    await cognito.identity.provider.verify(Forger(spare_key("RS256"), "rsa", cognito.forger.claims).token())
    with pytest.raises(InvalidIdToken):
        await cognito.identity.provider.verify(Forger(key, "ec", cognito.forger.claims).token())


async def test_keys_come_from_the_emulator_once_and_are_kept_while_it_is_away(cognito: CognitoRealm) -> None:
    for _ in range(5):
        await cognito.identity.provider.verify(cognito.forger.token())
    assert cognito.web.asked[cognito.keys_path] == 1
    cognito.web.stop()
    await cognito.identity.provider.verify(cognito.forger.token())
    with pytest.raises(IdentityUnavailable):
        await cognito.identity.provider.verify(cognito.forger.token({"kid": "next"}))
    with pytest.raises(IdentityUnavailable):
        await cognito.identity.provider.sign_in()


async def test_without_an_emulator_the_keys_come_from_aws(
    cognito: CognitoRealm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such place can be reached from a test: it is the address in the complaint that counts."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("HTTPS_PROXY", cognito.web.url)
    [problem] = await issuer_problems(cognito.settings)
    assert problem.startswith(
        f"https://cognito-idp.{REGION}.amazonaws.com/{cognito.pool}/.well-known/jwks.json can't be fetched"
    )


async def test_a_pool_that_does_not_publish_keys_is_a_problem(cognito: CognitoRealm) -> None:
    assert await issuer_problems(cognito.settings) == []
    cognito.web.publish(cognito.keys_path, {"keys": []})
    [problem] = await issuer_problems(cognito.settings)
    assert problem == f"{cognito.web.url}{cognito.keys_path}: none of its 0 keys is for RS256 signatures"


def refusal(code: str, message: str) -> Callable[[], Answer]:
    body = json.dumps({"__type": code, "message": message}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
    return lambda: (400, headers, body)


REFUSALS = {
    "AccessDeniedException": "role lacks that permission",
    "ResourceNotFoundException": "check COGNITO_REGION",
    "UnrecognizedClientException": "credentials are not valid",
    "InvalidPasswordException": "password policy",
    "LimitExceededException": "quota",
    "InvalidParameterException": "USER_PASSWORD_AUTH flow not enabled",
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_refusal_of_aws_is_a_503_with_a_cause_for_the_operator_alone(cognito: CognitoRealm, code: str) -> None:
    cognito.web.answers["/"] = refusal(code, "USER_PASSWORD_AUTH flow not enabled for this client")
    with pytest.raises(IdentityUnavailable) as refused:
        await cognito.identity.provider.sign_in()
    assert str(refused.value) == "The identity provider can't make an anonymous user now"
    cause = repr(refused.value.__cause__)
    assert f"cognito-idp sign_up: {code}: USER_PASSWORD_AUTH flow not enabled for this client" in cause
    assert REFUSALS[code] in cause


async def test_a_pool_that_asks_for_more_than_a_password_is_said_so(cognito: CognitoRealm) -> None:
    body = json.dumps({"ChallengeName": "MFA_SETUP", "ChallengeParameters": {}, "UserConfirmed": True, "UserSub": "s"})
    cognito.web.answers["/"] = lambda: (200, {"Content-Type": "application/x-amz-json-1.1"}, body.encode())
    with pytest.raises(IdentityUnavailable) as refused:
        await cognito.identity.provider.sign_in()
    assert "MFA_SETUP" in str(refused.value.__cause__)


async def test_a_pool_where_user_names_are_addresses_is_said_so(cognito: CognitoRealm) -> None:
    pool = cognito.aws.create_user_pool(PoolName="addresses", UsernameAttributes=["email"])["UserPool"]["Id"]
    client = cognito.aws.create_user_pool_client(UserPoolId=pool, ClientName="test")["UserPoolClient"]["ClientId"]
    settings = replace(cognito.settings, cognito_user_pool_id=pool, cognito_app_client_id=client)
    identity = Identity(settings, here=lambda: ())
    with pytest.raises(IdentityUnavailable) as refused:
        await identity.provider.sign_in()
    assert "Username should be either an email" in str(refused.value.__cause__)
    await identity.close()


async def test_a_sign_in_that_comes_to_nothing_leaves_nobody(
    cognito: CognitoRealm, users: CognitoUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Confirming fails; the user that was made for it is removed."""

    async def refused(self: AwsCalls, operation: str, **parameters: Any) -> dict[str, Any]:
        if operation == "admin_confirm_sign_up":
            raise AwsCallFailed("cognito-idp admin_confirm_sign_up: AccessDeniedException", "AccessDeniedException")
        return await whole(self, operation, **parameters)

    whole = AwsCalls.call
    monkeypatch.setattr(AwsCalls, "call", refused)
    with pytest.raises(IdentityUnavailable):
        await cognito.identity.provider.sign_in()
    assert len(cognito.usernames()) == 1
    running = asyncio.create_task(cognito.identity.run())
    await eventually(lambda: not cognito.usernames())
    running.cancel()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - moto tells nobody what changes
            await asyncio.sleep(0.02)


async def test_a_repetition_after_a_lost_answer_is_no_failure(cognito: CognitoRealm, users: CognitoUsers) -> None:
    """botocore repeats a `SignUp` whose answer it did not get: the user is there, with the password of the first."""
    name = users.new_name()
    once: list[str] = []

    async def twice(self: AwsCalls, operation: str, **parameters: Any) -> dict[str, Any]:
        if operation == "sign_up" and not once:
            once.append(operation)
            await whole(self, operation, **parameters)
        return await whole(self, operation, **parameters)

    whole = AwsCalls.call
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AwsCalls, "call", twice)
        token = await users.make(name)
    assert (await cognito.identity.provider.verify(token)).subject == attributes(cognito, name)["sub"]


async def test_only_users_with_our_prefix_and_our_mark_are_removed(cognito: CognitoRealm, users: CognitoUsers) -> None:
    ours = users.new_name()
    await users.make(ours)
    mark = attributes(cognito, ours)[MARKED_ATTRIBUTE]
    strangers = {
        "ann": {},
        "marked": {MARKED_ATTRIBUTE: mark},
        f"{USERNAME_PREFIX}unmarked": {},
        f"{USERNAME_PREFIX}other": {MARKED_ATTRIBUTE: "Heliograph anonymous user of another"},
        f"{USERNAME_PREFIX}nick": {"nickname": mark},
    }
    for username, given in strangers.items():
        cognito.make_person(cognito.pool, cognito.client, username, **given)
        assert not await users.remove(username)
    assert not await users.remove("nobody")
    assert await users.remove(ours)
    assert not await users.remove(ours)
    assert cognito.usernames() == set(strangers)


async def test_the_sweep_removes_all_abandoned_users_of_ours_and_nobody_else(
    cognito: CognitoRealm, users: CognitoUsers
) -> None:
    """More than one page of them, among people who look alike; the day that has to pass is skipped."""
    made = [users.new_name() for _ in range(PAGE_SIZE + 5)]
    for name in made:
        await users.make(name)
    mark = attributes(cognito, made[0])[MARKED_ATTRIBUTE]
    cognito.make_person(cognito.pool, cognito.client, "ann", **{MARKED_ATTRIBUTE: mark})
    cognito.make_person(cognito.pool, cognito.client, f"{USERNAME_PREFIX}stranger")
    strangers = {"ann", f"{USERNAME_PREFIX}stranger"}
    now = dt.datetime.now(dt.UTC).timestamp()
    today = Cleanup(users, set, lambda: now)
    assert await today.sweep() == 0
    tomorrow = Cleanup(users, lambda: {made[3]}, lambda: now + ABANDONED_S + 5)
    assert await tomorrow.sweep() == len(made) - 1
    assert cognito.usernames() == strangers | {made[3]}


async def test_who_leaves_is_removed_but_not_while_another_peer_of_theirs_is_here(cognito: CognitoRealm) -> None:
    here: list[User] = []
    identity = Identity(cognito.settings, here=lambda: here)
    running = asyncio.create_task(identity.run())
    signed_in = [await identity.provider.sign_in() for _ in range(2)]
    ann, bob = [await identity.provider.verify(each.id_token) for each in signed_in]
    tokens = cognito.make_person(cognito.pool, cognito.client, "eve")
    eve = await identity.provider.verify(tokens["IdToken"])
    here.append(ann)
    for user in (ann, bob, eve, User(issuer="heliograph", subject=bob.subject)):
        identity.left(user)
    await eventually(lambda: cognito.usernames() == {signed_in[0].username, "eve"})
    assert await identity.provider.verify(signed_in[1].id_token) == bob
    here.clear()
    identity.left(ann)
    await eventually(lambda: cognito.usernames() == {"eve"})
    running.cancel()


async def test_without_boto3_the_extra_is_named(cognito: CognitoRealm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(AwsNotInstalled, match=r"heliograph-server\[aws\]"):
        Identity(cognito.settings, here=lambda: ())


async def test_a_cognito_that_is_silent_does_not_keep_anyone(
    cognito: CognitoRealm, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def silent() -> Answer:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        return 500, {}, b""

    monkeypatch.setattr("heliograph_server.identity.cognito.SIGN_IN_TIMEOUT_S", 0.2)
    cognito.web.answers["/"] = silent
    with pytest.raises(IdentityUnavailable):
        await asyncio.wait_for(cognito.identity.provider.sign_in(), calls.READ_TIMEOUT_S)
    released.set()
