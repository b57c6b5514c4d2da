"""One object on demand, through the SDK's own builder and models, into a real SCIM server."""

import json
import random
import time

from rig.compare import account_differences
from rig.graph import body_of
from rig.people import create_people, person, read_people


async def test_a_user_on_demand(entente, target, graph):
    people = [person(random.Random(9), number) for number in range(2)]
    await create_people(graph, people)
    await read_people(graph, people)
    job = await graph.create_job(target.base)
    rule = (await job.builder.schema.get()).synchronization_rules[0].id
    models = graph.models

    async def provision(subject):
        builder = job.builder.provision_on_demand
        parameters = models.SynchronizationJobApplicationParameters(rule_id=rule, subjects=[subject])
        began = time.monotonic()
        answer = await builder.post(body_of(builder, parameters=[parameters]))
        return json.loads(answer.key), json.loads(answer.value), time.monotonic() - began

    def user(one):
        return models.SynchronizationJobSubject(object_id=one.id, object_type_name="User")

    key, value, seconds = await provision(user(people[0]))
    assert (key, value["action"]) == ({"result": "Success", "details": {}}, "Create")
    assert seconds < 5, "the first run sets everything up"
    key, _, seconds = await provision(user(people[0]))
    assert key["details"]["errorCode"] == "RedundantExport"
    assert seconds < 1
    assert account_differences({people[0].name: people[0].wanted()}, target.accounts()) == []
