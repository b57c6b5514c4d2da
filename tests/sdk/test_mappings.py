"""Scoping filters and attribute flow, set by the SDK's models and seen at a SCIM service."""

from random import Random

from rig.people import create_people, person, read_people


def expression(models, text: str):
    return models.AttributeMappingSource(expression=text, type=models.AttributeMappingSourceType.Function)


async def test_memberships_unique_and_redacted_values(graph, target):
    models = graph.models
    people = [person(Random(7), number) for number in range(4)]
    for one in people:
        one.values |= {"given_name": "Sam", "job_title": "Spy", "account_enabled": True}
    await create_people(graph, people)
    await read_people(graph, people)
    crew = await graph.client.groups.post(
        models.Group(display_name="Crew", mail_nickname="crew", mail_enabled=False, security_enabled=True)
    )
    for one in people[:3]:
        await graph.add_member(crew.id, one.id)

    job = await graph.create_job(target.base)
    schema = await job.builder.schema.get()
    mapping = next(one for one in schema.synchronization_rules[0].object_mappings if one.source_object_name == "User")
    member = models.FilterClause(
        operator_name="IsMemberOf",
        source_operand_name="objectId",
        target_operand=models.FilterOperand(values=[crew.id]),
    )
    mapping.scope = models.Filter(groups=[models.FilterGroup(name="Crew", clauses=[member])])
    title = next(one for one in mapping.attribute_mappings if one.target_attribute_name == "title")
    title.source = expression(models, "Redact([jobTitle])")
    candidates = ", ".join(f'Append([givenName], "{number}")' for number in range(1, 5))
    mapping.attribute_mappings.append(
        models.AttributeMapping(
            target_attribute_name="nickName",
            source=expression(models, f"SelectUniqueValue([givenName], {candidates})"),
            flow_type=models.AttributeFlowType.ObjectAddOnly,
            flow_behavior=models.AttributeFlowBehavior.FlowWhenChanged,
            matching_priority=0,
        )
    )
    await job.builder.schema.patch(schema)

    await job.cycle()
    accounts = {account.user_name: account.values for account in target.accounts()}
    assert accounts.keys() == {one.name for one in people[:3]}
    assert sorted(values["nickName"] for values in accounts.values()) == ["Sam", "Sam1", "Sam2"]
    assert {values["title"] for values in accounts.values()} == {"Spy"}
    created = [
        {one.display_name: one.new_value for one in record.modified_properties}
        for record in await job.log(provisioningAction="create")
    ]
    titles = [shown["title"] for shown in created if "title" in shown]
    assert len(titles) == 3 and all("[Redact]" in title for title in titles)
    assert "Spy" not in str(created)

    # One leaves the group and one joins it: the next increment concerns these two.
    await graph.remove_member(crew.id, people[0].id)
    await graph.add_member(crew.id, people[3].id)
    await job.cycle()
    after = {account.user_name: account.values for account in target.accounts()}
    assert after[people[3].name]["nickName"] == "Sam3"
    assert {name for name, values in after.items() if not values["active"]} == {people[0].name}
    for name, values in accounts.items():
        assert after[name]["nickName"] == values["nickName"], "nobody who has an account changes the value"
