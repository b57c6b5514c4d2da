"""`kill -9` at random moments of an initial cycle."""

import asyncio
import os
import random
import time

from rig.compare import account_differences
from rig.people import create_people, person

USERS = 2000
# `cargo xtask soak crash --kills N` asks for more.
CRASHES = int(os.environ.get("ENTENTE_KILLS", "20"))


async def test_crash(world):
    entente, target, proxy, graph = world.entente, world.target, world.proxy, world.graph
    dice = random.Random(20)
    people = [person(dice, number) for number in range(USERS)]
    await create_people(graph, people)
    job = await graph.create_job(proxy.base)
    await job.start()

    def creates(requests):
        return sum(request.method == "POST" for request in requests)

    def crash_all():
        # The moments lie between two creates, one of the first and one of the last among them.
        for moment in [1, *sorted(dice.sample(range(2, USERS - 50), CRASHES - 2)), USERS - 50]:
            proxy.wait_until(lambda requests: creates(requests) >= moment)
            time.sleep(dice.random() * 0.02)
            entente.crash()

    await asyncio.to_thread(crash_all)
    assert target.count("Users") < USERS, "the initial cycle was over before the last crash"
    graph.connect()
    await job.wait(lambda status: status.steady_state_last_achieved_time.year > 2000, 180)
    assert account_differences({one.name: one.wanted() for one in people}, target.accounts()) == []
    made = [request for request in proxy.requests if request.method == "POST" and request.status == 201]
    assert len(made) == USERS, "an account was made twice"
    assert not [request for request in proxy.requests if request.method == "DELETE"]
