"""A whole job that speaks to its target as Microsoft Entra does: the requests that arrive, by profile."""

import json
from urllib.parse import unquote

import pytest

from rig.people import Person, create_people, read_people
from rig.proxy import Answer
from rig.target import ENTERPRISE

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTRA_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
ROLE = "WindowsAzureActiveDirectoryRole"


class Groups:
    """Stands in for a service that takes groups as Entra makes them, which the real one does not."""

    def __call__(self, request):
        if request.resource != "Groups" or request.method == "GET":
            return None
        if request.method != "POST":
            return Answer(204)
        body = json.dumps(request.json | {"id": "g1"}).encode()
        return Answer(201, body, {"Content-Type": "application/scim+json"})


def sent(proxy, *methods) -> list:
    """Method, path and body of the requests so far, those about the service itself left out."""
    taken = [one for one in proxy.take() if one.resource in ("Users", "Groups") and one.method in methods]
    return [(one.method, unquote(one.path).removeprefix("/v2"), json.loads(one.body or b"null")) for one in taken]


def operations(request) -> list:
    assert request[2]["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    return request[2]["Operations"]


async def map_roles(job, function: str):
    """Maps the roles of a user to `roles`."""
    models = job.graph.models
    schema = await job.builder.schema.get()
    users = next(one for one in schema.synchronization_rules[0].object_mappings if one.source_object_name == "User")
    kind = models.AttributeMappingSourceType
    assignments = models.AttributeMappingSource(
        expression="[appRoleAssignments]", name="appRoleAssignments", type=kind.Attribute
    )
    pair = models.StringKeyAttributeMappingSourceValuePair(key="source", value=assignments)
    source = models.AttributeMappingSource(
        expression=f"{function}([appRoleAssignments])", name=function, type=kind.Function, parameters=[pair]
    )
    users.attribute_mappings.append(
        models.AttributeMapping(
            target_attribute_name="roles",
            source=source,
            flow_type=models.AttributeFlowType.Always,
            flow_behavior=models.AttributeFlowBehavior.FlowWhenChanged,
            matching_priority=0,
        )
    )
    await job.builder.schema.patch(schema)


@pytest.mark.parametrize(
    "profile, function",
    [
        ("aadOptscim062020", "AssertiveAppRoleAssignmentsComplex"),
        ("AzureAdScimPatch2017", "AppRoleAssignmentsComplex"),
    ],
)
async def test_requests_of_a_profile(world, profile, function):
    graph, proxy, flagged = world.graph, world.proxy, profile == "aadOptscim062020"
    proxy.fault = Groups()
    name = "ada@example.com"
    ada = Person({
        "account_enabled": True, "user_principal_name": name, "mail_nickname": "ada", "mail": name,
        "display_name": "Ada L", "given_name": "Ada", "surname": "L", "job_title": "Analyst",
    })  # fmt: skip
    await create_people(graph, [ada])
    await read_people(graph, [ada])
    crew = await graph.client.groups.post(
        graph.models.Group(display_name="Crew", mail_enabled=False, mail_nickname="crew", security_enabled=True)
    )
    await graph.add_member(crew.id, ada.id)
    application = await graph.create_application("An endpoint under test")
    await application.put_secrets(f"{proxy.base}?{profile}", sync_all=False)
    job = await application.create_job("scim")
    await job.set(Interval="PT1H", TriggerOnChange="false")
    await map_roles(job, function)
    await application.assign([ada.id, crew.id])
    await job.cycle()

    # Each object is asked for by its matching attribute, then made, then the members follow.
    requests = sent(proxy, "GET", "POST", "PATCH")
    assert ("GET", f'/Users?filter=userName eq "{name}"', None) in requests
    assert ("GET", '/Groups?excludedAttributes=members&filter=displayName eq "Crew"', None) in requests
    assert not [one for one in requests if "startIndex" in one[1]], "nothing is listed"
    user = next(body for method, path, body in requests if (method, path) == ("POST", "/Users"))
    roles = user.pop("roles")
    assert user == {
        "schemas": [CORE, ENTERPRISE], "externalId": "ada", "userName": name, "active": True, "title": "Analyst",
        "displayName": "Ada L", "name": {"givenName": "Ada", "familyName": "L", "formatted": "Ada L"},
        "emails": [{"primary": True, "type": "work", "value": name}], "meta": {"resourceType": "User"},
    }  # fmt: skip
    assert roles == [{"primary": False, "type": ROLE, "display": "User", "value": "User"}]
    group = next(body for method, path, body in requests if (method, path) == ("POST", "/Groups"))
    assert group == {
        "schemas": [GROUP, ENTRA_GROUP], "externalId": crew.id, "displayName": "Crew", "meta": {"resourceType": "Group"}
    }
    (account,) = world.target.accounts()
    (members,) = [one for one in requests if one[0] == "PATCH"]
    value = [{"$ref": None, "value": account.id}]
    assert members[1] == "/Groups/g1"
    assert operations(members) == [{"op": "add" if flagged else "Add", "path": "members", "value": value}]

    # What changed is sent in the profile's form.
    change = graph.models.User(display_name="Ada Lovelace", surname="Lovelace", mail="ada@lovelace.example")
    await graph.user(ada.id).patch(change)
    await graph.remove_member(crew.id, ada.id)
    await job.cycle()
    patches = {path: operations(request) for request in sent(proxy, "PATCH") for path in [request[1]]}
    work = {"path": 'emails[type eq "work"].value', "value": "ada@lovelace.example"}
    plain = {"displayName": "Ada Lovelace", "name.familyName": "Lovelace", "name.formatted": "Ada Lovelace"}
    if flagged:
        expected = [{"op": "replace", **work}, {"op": "replace", "value": plain}]
        removal = {"op": "remove", "path": f'members[value eq "{account.id}"]'}
    else:
        pairs = [*plain.items(), (work["path"], work["value"])]
        expected = [{"op": "Replace", "path": path, "value": value} for path, value in pairs]
        removal = {"op": "Remove", "path": "members", "value": [{"value": account.id}]}
    changed = patches[f"/Users/{account.id}"]
    assert sorted(changed, key=str) == sorted(expected, key=str)
    assert patches["/Groups/g1"] == [removal]

    # One role more replaces the roles, or is added to them.
    role = next(one for one in (await application.principal.get()).app_roles if one.display_name == "msiam_access")
    await application.principal.app_role_assigned_to.post(
        graph.models.AppRoleAssignment(
            principal_id=ada.id, resource_id=application.service_principal, app_role_id=role.id
        )
    )
    await job.cycle()
    (change,) = sent(proxy, "PATCH")
    (operation,) = operations(change)
    names = ["User", "msiam_access"]
    if flagged:
        value = [{"primary": False, "type": ROLE, "display": one, "value": one} for one in names]
        assert operation == {"op": "replace", "path": "roles", "value": value}
    else:
        added = [json.loads(one["value"])["displayName"] for one in operation.pop("value")]
        assert operation == {"op": "Add", "path": "roles"} and added == names

    # Who leaves is disabled.
    await graph.user(ada.id).patch(graph.models.User(account_enabled=False))
    await job.cycle()
    (disable,) = sent(proxy, "PATCH")
    operation = {"op": "replace", "path": "active", "value": False}
    if not flagged:
        operation = {"op": "Replace", "path": "active", "value": "False"}
    assert operations(disable) == [operation]
