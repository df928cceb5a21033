"""Who waits for which answer, and what becomes of one that nobody waits for."""

import asyncio
from typing import Any

import pytest

from heliograph.errors import SignalingLost
from heliograph.signaling.questions import Questions


async def waiting_for(questions: Questions, ref: int, timeout_s: float = 10) -> asyncio.Task[Any]:
    waiting = asyncio.create_task(questions.wait(ref, timeout_s))
    await asyncio.sleep(0)
    return waiting


async def test_answers_find_whoever_asked() -> None:
    unwanted: list[Any] = []
    questions = Questions(unwanted.append)
    first, second, third = [await waiting_for(questions, ref) for ref in (1, 2, 3)]
    assert questions.answer(2, "two")
    assert questions.refuse(1, SignalingLost("gone"))
    assert not questions.answer(2, "two again")
    assert not questions.answer(4, "four")
    questions.refuse_all(SignalingLost("closed"))
    assert await second == "two"
    for refused in (first, third):
        with pytest.raises(SignalingLost):
            await refused
    assert not questions.answer(2, "late")
    assert unwanted == []


async def test_no_answer_in_time() -> None:
    unwanted: list[Any] = []
    questions = Questions(unwanted.append)
    with pytest.raises(TimeoutError):
        await questions.wait(1, 0)
    assert not questions.answer(1, "late")
    assert unwanted == []


async def test_an_answer_in_the_moment_of_the_cancellation_is_not_lost() -> None:
    unwanted: list[Any] = []
    questions = Questions(unwanted.append)
    waiting = await waiting_for(questions, 1)
    assert questions.answer(1, "a claim")
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert unwanted == ["a claim"]


async def test_whoever_is_cancelled_before_takes_no_answer() -> None:
    unwanted: list[Any] = []
    questions = Questions(unwanted.append)
    waiting = await waiting_for(questions, 1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not questions.answer(1, "late")
    assert unwanted == []
