"""The SCIM service, as the testers of SCIM services and a client's library see it."""

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import BulkOperation, BulkRequest, PatchOp, PatchOperation, SCIMException, SearchRequest
from scim2_tester import Status, check_server
from scim_sanity.probe.runner import run_probe_api


@pytest.fixture
def scim(entente):
    headers = {"Authorization": f"Bearer {entente.token()}"}
    with httpx2.Client(base_url=f"{entente.address}/scim/v2", headers=headers, timeout=30) as http:
        yield SyncSCIMClient(http)


def test_scim2_tester(scim):
    results = check_server(scim)
    assert [result for result in results if result.status != Status.SUCCESS] == []
    assert len(results) > 100


def test_scim_sanity(entente):
    report = run_probe_api(f"{entente.address}/scim/v2", token=entente.token())
    assert [result for result in report["results"] if result["status"] not in ("pass", "skip")] == []
    # What is skipped are resource types that this service does not have.
    assert all("Agent" in result["name"] for result in report["results"] if result["status"] == "skip")
    assert (report["exit_code"], report["issues"]) == (0, [])


def test_client_library(scim):
    scim.discover()
    users = scim.get_resource_model("User")
    emails = [{"value": "a@x.org", "type": "work"}]
    ada = scim.create(users(user_name="ada", name={"givenName": "Ada", "familyName": "L"}, emails=emails))
    assert ada.meta.version and ada.meta.last_modified == ada.meta.created
    ada.title = "Countess"
    replaced = scim.replace(ada)
    assert replaced.title == "Countess" and replaced.meta.version != ada.meta.version
    assert scim.query(users, ada.id) == replaced

    change = PatchOp[users](
        operations=[
            PatchOperation(op="replace", path='emails[type eq "work"].value', value="ada@x.org"),
            PatchOperation(op="remove", path="title"),
        ]
    )
    changed = scim.modify(users, ada.id, change)
    assert changed.emails[0].value == "ada@x.org" and changed.title is None

    for number in range(5):
        scim.create(users(user_name=f"user{number}"))
    wanted = SearchRequest(filter='userName sw "user"', count=2, start_index=2)
    found = scim.query(users, query_parameters=wanted)
    assert found.total_results == 5 and len(found.resources) == 2
    search = SearchRequest(filter='title pr or userName co "da"', sort_by="userName")
    assert [one.user_name for one in scim.search(search_request=search).resources] == ["ada"]
    with pytest.raises(SCIMException) as refused:
        scim.create(users(user_name="ADA"))
    assert refused.value.status == 409
    scim.delete(users, ada.id)
    with pytest.raises(SCIMException) as gone:
        scim.query(users, ada.id)
    assert gone.value.status == 404


def test_client_library_bulk(scim):
    scim.discover()
    users, groups = scim.get_resource_model("User"), scim.get_resource_model("Group")
    people = [
        BulkOperation[users](
            method="POST", path="/Users", bulk_id=str(number), data=users(user_name=f"user{number}")
        )
        for number in range(20)
    ]
    members = [{"value": f"bulkId:{number}"} for number in range(20)]
    crew = groups(display_name="Crew", members=members)
    crew = BulkOperation[groups](method="POST", path="/Groups", bulk_id="crew", data=crew)
    answer = scim.bulk(BulkRequest[users | groups](fail_on_errors=1, operations=[crew, *people]))
    assert {operation.status for operation in answer.operations} == {201}
    (crew,) = scim.query(groups).resources
    assert len(crew.members) == 20
