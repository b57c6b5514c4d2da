"""The embedded directory through the published SDK."""

from rig.graph import query


async def make(graph, name):
    models = graph.models
    return await graph.client.users.post(
        models.User(
            display_name=name,
            user_principal_name=f"{name.lower()}@example.com",
            mail_nickname=name.lower(),
            account_enabled=True,
            password_profile=models.PasswordProfile(password="Not-a-secret-1"),
        )
    )


async def changes(builder, **parameters):
    """A whole round of a delta query, and the link to the next."""
    page = await builder.get(query(builder, **parameters) if parameters else None)
    found = list(page.value)
    while page.odata_next_link:
        page = await builder.with_url(page.odata_next_link).get()
        found += page.value
    return found, page.odata_delta_link


async def test_changes_and_nested_groups(graph):
    client, models = graph.client, graph.models
    people = [await make(graph, name) for name in ("Ada", "Bob", "Eve")]
    outer, inner = [
        await client.groups.post(
            models.Group(display_name=name, mail_nickname=name, mail_enabled=False, security_enabled=True)
        )
        for name in ("outer", "inner")
    ]
    await graph.add_member(outer.id, inner.id)
    await graph.add_member(inner.id, people[0].id)

    found, link = await changes(client.users.delta, select=["displayName"], top=2)
    assert sorted(user.display_name for user in found) == ["Ada", "Bob", "Eve"]
    await graph.user(people[1].id).patch(models.User(display_name="Robert"))
    await graph.user(people[2].id).delete()
    # The link holds for a new process, on another port, too.
    before = graph.entente.address
    graph.entente.crash()
    graph.connect()
    found, _ = await changes(graph.client.users.delta.with_url(link.replace(before, graph.entente.address)))
    told = {user.id: user for user in found}
    assert told[people[1].id].display_name == "Robert"
    assert told[people[2].id].additional_data["@removed"] == {"reason": "changed"}

    found, _ = await changes(graph.client.groups.delta)
    members = {group.id: group.additional_data["members@delta"] for group in found}
    # The SDK reads identifiers in what its models lack as UUIDs.
    assert [str(member["id"]) for member in members[inner.id]] == [people[0].id]
    assert members[inner.id][0]["@odata.type"] == "#microsoft.graph.user"
    groups = await graph.every(graph.user(people[0].id).transitive_member_of)
    assert {group.id for group in groups} == {outer.id, inner.id}
    ask = query(graph.client.users, search='"displayName:rob"')
    ask.headers.add("ConsistencyLevel", "eventual")
    assert [user.display_name for user in (await graph.client.users.get(ask)).value] == ["Robert"]
