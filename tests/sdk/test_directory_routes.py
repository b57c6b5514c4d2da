"""Every request builder that the SDKs have for what is served of the directory and its logs, over TLS."""

import json
import re
import ssl
import urllib.request

import pytest
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration

from rig.builders import builders, note
from rig.graph import VERSIONS, body_of, query
from rig.secure import SecureGraph

FOLDERS = [
    "application_templates", "applications", "audit_logs", "directory", "directory_objects",
    "groups", "organization", "service_principals", "users",
]


def plain(path: str) -> str:
    """A path as both sides spell it: without query, names of parameters, namespaces and empty parentheses."""
    path = re.sub(r"(\{\?|\?@id=).*$", "", path).replace("{+baseurl}", "")
    path = re.sub(r"/(microsoft\.)?graph\.", "/", path)
    return re.sub(r"\{[^}]*\}", "{}", path).replace("()", "")


def served(entente, version: str) -> set[tuple[str, str]]:
    """What is served below a version beside synchronization, as `/openapi.json` tells it."""
    trusted = ssl.create_default_context(cafile=entente.certificate)
    with urllib.request.urlopen(f"{entente.address}/openapi.json", context=trusted) as answer:
        paths = json.load(answer)["paths"]
    return {
        (method.upper(), plain(path.removeprefix(f"/{version}")))
        for path, operations in paths.items()
        if path.startswith(f"/{version}/") and "/synchronization" not in path
        for method in operations
        if method != "parameters"
    }


@pytest.mark.parametrize("sdk", VERSIONS)
async def test_every_builder(secure, sdk):
    graph = note(SecureGraph(sdk, secure))
    there = {(method, plain(template)) for method, template in builders(sdk, *FOLDERS)}
    wanted = there & served(secure, VERSIONS[sdk])
    assert len(wanted) > 130
    user, manager, group, application, service = await objects(graph)
    await people(graph, user, manager)
    await groups(graph, group, user)
    await owners(graph, group, application, service, user)
    await assignments(graph, user, group, service)
    await applications(graph, application, service)
    await others(graph, user)
    await ends(graph, user, group, application, service)
    await logs(graph)
    asked = {(method, plain(template)) for method, template in graph.asked}
    assert sorted(wanted - asked) == []


async def objects(graph):
    """One object of each kind, made, changed and read, and a second user."""
    client, models = graph.client, graph.models
    made = []
    for name in ("ada", "bob"):
        made.append(await client.users.post(models.User(
            display_name=name, mail_nickname=name, user_principal_name=f"{name}@example.com", account_enabled=True,
            password_profile=models.PasswordProfile(password="Not-a-secret-1"),
        )))
    group = await client.groups.post(
        models.Group(display_name="staff", mail_nickname="staff", mail_enabled=False, security_enabled=True)
    )
    application = await client.applications.post(models.Application(display_name="Routes"))
    service = await client.service_principals.post(models.ServicePrincipal(app_id=application.app_id))
    found = [
        (client.users, client.users.by_user_id(made[0].id), models.User),
        (client.groups, client.groups.by_group_id(group.id), models.Group),
        (client.applications, client.applications.by_application_id(application.id), models.Application),
        (client.service_principals, client.service_principals.by_service_principal_id(service.id),
         models.ServicePrincipal),
    ]
    for collection, one, model in found:
        await one.patch(model(display_name="Changed"))
        assert (await one.get()).display_name == "Changed"
        assert await collection.count.get() == len((await collection.get()).value)
    return made[0], made[1], group, application, service


async def look(builder, *kinds: str):
    """Reads a collection and its count, and both for each kind of object in it."""
    assert await builder.count.get() == len((await builder.get()).value)
    for kind in kinds:
        await look(getattr(builder, f"graph_{kind}"))


async def people(graph, user, manager):
    client, models = graph.client, graph.models
    one = client.users.by_user_id(user.id)
    await one.manager.ref.put(models.ReferenceUpdate(odata_id=graph.reference(manager.id)))
    assert (await one.manager.get()).id == manager.id
    # The answer is an object with `@odata.id`, as documented, where the SDK wants a text.
    with pytest.raises(TypeError):
        await one.manager.ref.get()
    reports = client.users.by_user_id(manager.id).direct_reports
    await look(reports, "user")
    assert [report.id for report in (await reports.get()).value] == [user.id]
    await one.manager.ref.delete()
    assert (await client.users.delta.get()).value


async def groups(graph, group, user):
    client, models = graph.client, graph.models
    one, member = client.groups.by_group_id(group.id), client.users.by_user_id(user.id)
    reference = models.ReferenceCreate(odata_id=graph.reference(user.id))
    await one.members.ref.post(reference)
    assert len((await one.members.ref.get()).value) == 1
    await look(one.members, "user", "group", "service_principal")
    await look(one.transitive_members, "user", "group", "service_principal")
    for holder in (member, one):
        await look(holder.member_of, "group")
        await look(holder.transitive_member_of, "group")
    await one.members.by_directory_object_id(user.id).ref.delete()
    await one.members.ref.post(reference)
    await one.members.ref.delete(query_of_delete(one.members.ref, graph.reference(user.id)))
    assert (await one.members.get()).value == []
    assert (await client.groups.delta.get()).value


def query_of_delete(builder, reference: str):
    """The request configuration of a DELETE that names the reference in its query."""
    owner = type(builder)
    name = next(name for name in vars(owner) if name.endswith("DeleteQueryParameters"))
    return RequestConfiguration(query_parameters=getattr(owner, name)(id=reference))


async def owners(graph, group, application, service, user):
    client, models = graph.client, graph.models
    for one in (
        client.groups.by_group_id(group.id),
        client.applications.by_application_id(application.id),
        client.service_principals.by_service_principal_id(service.id),
    ):
        reference = models.ReferenceCreate(odata_id=graph.reference(user.id))
        await one.owners.ref.post(reference)
        assert len((await one.owners.ref.get()).value) >= 1
        await look(one.owners)
        await one.owners.by_directory_object_id(user.id).ref.delete()
        await one.owners.ref.post(reference)
        await one.owners.ref.delete(query_of_delete(one.owners.ref, graph.reference(user.id)))
    one = client.service_principals.by_service_principal_id(service.id)
    await look(one.member_of, "group")
    await look(one.transitive_member_of, "group")


async def assignments(graph, user, group, service):
    client, models = graph.client, graph.models
    resource = client.service_principals.by_service_principal_id(service.id)
    for principal, holder in (
        (user.id, client.users.by_user_id(user.id).app_role_assignments),
        (group.id, client.groups.by_group_id(group.id).app_role_assignments),
        (user.id, resource.app_role_assigned_to),
        (service.id, resource.app_role_assignments),
    ):
        made = await holder.post(models.AppRoleAssignment(
            principal_id=principal, resource_id=service.id, app_role_id="00000000-0000-0000-0000-000000000000",
        ))
        await look(holder)
        one = holder.by_app_role_assignment_id(made.id)
        assert str((await one.get()).principal_id) == principal
        await one.delete()


async def applications(graph, application, service):
    client, models = graph.client, graph.models
    one = client.applications.by_application_id(application.id)
    # The beta package has some of these for applications alone, or not at all.
    holders = [one, client.service_principals.by_service_principal_id(service.id)]
    for owner in [holder for holder in holders if hasattr(holder, "add_password")]:
        body = body_of(owner.add_password, password_credential=models.PasswordCredential(display_name="spare"))
        added = await owner.add_password.post(body)
        assert added.secret_text
        await owner.remove_password.post(body_of(owner.remove_password, key_id=added.key_id))
    declared = await one.extension_properties.post(
        models.ExtensionProperty(name="level", data_type="String", target_objects=["User"])
    )
    assert [found.id for found in (await one.extension_properties.get()).value] == [declared.id]
    extension = one.extension_properties.by_extension_property_id(declared.id)
    assert (await extension.get()).name == declared.name
    if ask := getattr(client.directory_objects, "get_available_extension_properties", None):
        assert declared.name in [found.name for found in (await ask.post(body_of(ask))).value]
    await extension.delete()


async def others(graph, user):
    client = graph.client
    kinds = client.application_templates
    await look(kinds)
    kind = (await kinds.get()).value[0]
    assert (await kinds.by_application_template_id(kind.id).get()).display_name == kind.display_name
    instantiate = kinds.by_application_template_id(kind.id).instantiate
    made = await instantiate.post(body_of(instantiate, display_name="From a template"))
    found = await client.applications_with_app_id(made.application.app_id).get()
    assert found.display_name == "From a template"
    found = await client.service_principals_with_app_id(made.application.app_id).get()
    assert found.id == made.service_principal.id
    assert (await client.directory_objects.by_directory_object_id(user.id).get()).id == user.id
    ask = client.directory_objects.get_by_ids
    assert [found.id for found in (await ask.post(body_of(ask, ids=[user.id], types=["user"]))).value] == [user.id]
    organization = (await client.organization.get()).value[0]
    assert (await client.organization.by_organization_id(organization.id).get()).id == organization.id


async def ends(graph, user, group, application, service):
    client = graph.client
    await client.service_principals.by_service_principal_id(service.id).delete()
    await client.applications.by_application_id(application.id).delete()
    await client.groups.by_group_id(group.id).delete()
    await client.users.by_user_id(user.id).delete()
    bin_of = client.directory.deleted_items
    for kind, gone in (("user", user), ("group", group), ("application", application), ("service_principal", service)):
        found = (await getattr(bin_of, f"graph_{kind}").get()).value
        assert gone.id in [one.id for one in found]
    with pytest.raises(APIError, match="Name the type"):
        await bin_of.get()
    one = bin_of.by_directory_object_id(user.id)
    assert (await one.get()).id == user.id
    await one.restore.post(*restoring(one.restore))
    await client.users.by_user_id(user.id).delete()
    await one.delete()
    with pytest.raises(APIError):
        await one.get()


def restoring(builder):
    """The body that one of the packages wants with a restoration."""
    try:
        return [body_of(builder)]
    except ModuleNotFoundError:
        return []


async def logs(graph):
    audits = graph.client.audit_logs.directory_audits
    page = await audits.get(query(audits, top=5))
    assert (await audits.by_directory_audit_id(page.value[0].id).get()).id == page.value[0].id
    provisioning = graph.client.audit_logs.provisioning
    assert (await provisioning.get()).value == []
    with pytest.raises(APIError):
        await provisioning.by_provisioning_object_summary_id("00000000-0000-0000-0000-000000000001").get()
