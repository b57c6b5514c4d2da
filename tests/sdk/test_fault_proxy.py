"""A target behind a bad line: whatever is lost on the way, the end is the same as on a good one, and nothing is doubled."""

import asyncio
import json
import time
from collections import Counter, deque
from email.utils import formatdate
from random import Random

import pytest

from rig.compare import account_differences, manager_differences, member_differences
from rig.graph import described
from rig.people import Team, changed, create_people, create_teams, person, read_people
from rig.proxy import Answer, Ending, Request, scim_error

USERS = 60
PER_SECOND = 150
IN_FLIGHT = 6
HTML = {"Content-Type": "text/html"}
SCIM = {"Content-Type": "application/scim+json"}

# Every kind of trouble: how often of a thousand requests, and what comes in place of the answer.
TROUBLE = {
    "reset before": (30, lambda dice, now: Answer(503, ending=Ending.RESET)),
    "reset after": (40, lambda dice, now: Answer(applied=True, ending=Ending.RESET)),
    "429": (20, lambda dice, now: scim_error(429, "Slow down")),
    "429 with seconds": (8, lambda dice, now: scim_error(429, "Slow down", **{"Retry-After": "1"})),
    "429 with a date": (
        8,
        lambda dice, now: scim_error(429, "Slow down", **{"Retry-After": formatdate(now + 1, usegmt=True)}),
    ),
    "500": (30, lambda dice, now: scim_error(500, "Something went wrong")),
    "500 after": (30, lambda dice, now: Answer(500, b"", {}, applied=True)),
    "502": (15, lambda dice, now: Answer(502, b"<html><h1>Bad gateway</h1></html>", HTML)),
    "503": (15, lambda dice, now: Answer(503, b"upstream connect error", {"Content-Type": "text/plain"})),
    "503 with seconds": (6, lambda dice, now: Answer(503, b"", {"Retry-After": "1"})),
    "silence before": (4, lambda dice, now: Answer(503, ending=Ending.SILENCE)),
    "silence after": (4, lambda dice, now: Answer(applied=True, ending=Ending.SILENCE)),
    "cut": (30, lambda dice, now: Answer(applied=True, ending=Ending.CUT)),
    "garbage": (15, lambda dice, now: Answer(200, bytes(dice.randrange(256) for _ in range(300)), SCIM, applied=True)),
    "error in a good answer": (
        10,
        lambda dice, now: Answer(200, json.dumps({"detail": "It did not work", "status": "500"}).encode(), SCIM),
    ),
    "drip": (25, lambda dice, now: Answer(applied=True, ending=Ending.DRIP)),
}


class Line:
    """Makes trouble by chance, and keeps count of it."""

    def __init__(self, seed: int):
        self.dice = Random(seed)
        self.seen = Counter()

    def __call__(self, request: Request) -> Answer | None:
        drawn = self.dice.randrange(1000)
        for kind, (share, answer) in TROUBLE.items():
            if drawn < share:
                self.seen[kind] += 1
                return answer(self.dice, time.time())
            drawn -= share
        return None


def most_per_second(requests: list[Request]) -> int:
    window, most = deque(), 0
    for request in sorted(requests, key=lambda request: request.arrived):
        window.append(request.arrived)
        while window[0] < request.arrived - 1:
            window.popleft()
        most = max(most, len(window))
    return most


@pytest.mark.parametrize("seed", [1])
async def test_bad_line(world, seed):
    graph, target, proxy = world.graph, world.target, world.proxy
    dice = Random(seed)
    people = [person(dice, number) for number in range(USERS)]
    for number in range(20, 40):
        people[number].manager = people[number - 20]
    teams = [Team("Some", people[:30]), Team("Others", people[25:50])]
    await create_people(graph, people)
    await read_people(graph, people)
    await create_teams(graph, teams)
    await graph.at_once(graph.set_manager(one.id, one.manager.id) for one in people if one.manager)
    job = await graph.create_job(
        proxy.base,
        ConcurrentExports=str(IN_FLIGHT),
        RequestsPerSecond=str(PER_SECOND),
        EscrowRetryIntervals="PT1S",
        **{"Target.RequestTimeout": "PT1S"},
    )
    line = Line(seed)

    async def on_a_bad_line_and_then_on_a_good_one():
        proxy.fault = line
        for _ in range(3):
            await job.cycle()
        proxy.fault = None
        deadline = time.monotonic() + 30
        while wrong := differences():
            assert time.monotonic() < deadline, f"{wrong}; {described(await job.status())}"
            # What failed is tried again after a second.
            await asyncio.sleep(0.3)
            await job.cycle()

    def differences():
        accounts = target.accounts()
        members = {team.name: {one.name for one in team.members} for team in teams}
        managers = {one.name: one.manager.name if one.manager else None for one in people}
        return [
            *account_differences({one.name: one.wanted() for one in people}, accounts),
            *manager_differences(managers, accounts),
            *member_differences(members, target.groups(), accounts),
        ]

    await on_a_bad_line_and_then_on_a_good_one()
    before = {account.user_name: account.id for account in target.accounts()}
    models = graph.models
    for number in range(0, 15):
        values = changed(dice, people[number], number)
        people[number].values |= values
        await graph.user(people[number].id).patch(models.User(**values))
    for one in people[50:54]:
        one.values["account_enabled"] = False
        await graph.user(one.id).patch(models.User(account_enabled=False))
    for one in (people[3], people[26]):
        teams[0].members.remove(one)
        await graph.remove_member(teams[0].id, one.id)
    people[45].manager = people[2]
    await graph.set_manager(people[45].id, people[2].id)
    await on_a_bad_line_and_then_on_a_good_one()

    assert {account.user_name: account.id for account in target.accounts()} == before, "an account was made anew"
    requests = proxy.requests
    made = [request for request in requests if request.method == "POST" and request.done == 201]
    assert len(made) == USERS + len(teams), "something was made twice"
    assert not [request for request in requests if request.method == "DELETE"]
    # What arrives within a second may have been sent within a little more.
    assert most_per_second(requests) <= PER_SECOND * 1.1 + IN_FLIGHT
    assert sum(line.seen.values()) > 30, line.seen
