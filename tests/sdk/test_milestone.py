"""One user reaches a real SCIM server, whatever is killed on the way."""

import random

from rig.compare import account_differences
from rig.people import create_people, person


async def test_first_milestone(entente, target, graph):
    def crash():
        entente.crash()
        graph.connect()

    one = person(random.Random(1), 5)
    crash()
    await create_people(graph, [one])
    crash()
    application = await graph.create_application("First")
    crash()
    await application.put_secrets(target.base)
    crash()
    job = await application.create_job("scim")
    crash()
    await job.start()
    for _ in range(5):
        crash()
    await job.wait(lambda status: status.steady_state_last_achieved_time.year > 2000)
    assert account_differences({one.name: one.wanted()}, target.accounts()) == []
