use model::SignedDuration;
use serde_json::{Value as Json, json};
use testkit::{Fault, Method};

use crate::synchronization::rig::{Rig, user};

const LOG: &str = "/v1.0/auditLogs/provisioning";

/// A rig whose job has created `ada` and `bob` in one cycle and failed on `eve` in the next.
pub(crate) async fn rig() -> (Rig, String) {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    rig.source.upsert(user("bob"));
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    rig.world.clock.advance(SignedDuration::from_hours(1));
    rig.source.upsert(user("eve"));
    let refusal = connector::ErrorClass::Invalid { attribute: Some("userName".into()) };
    rig.target.faults().always(&[Method::Create], Fault::Refuse(refusal));
    rig.cycle(&job).await;
    (rig, job.rsplit('/').next().unwrap().to_owned())
}

/// The value with a mark in the place of what is drawn or measured.
fn without(value: &Json, places: &[&str]) -> Json {
    let mut value = value.clone();
    for place in places {
        *value.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = json!("…");
    }
    value
}

fn sources(records: &[Json]) -> Vec<&str> {
    let mut sources: Vec<&str> =
        records.iter().map(|record| record["sourceIdentity"]["id"].as_str().unwrap()).collect();
    sources.sort_unstable();
    sources
}

/// The record of an account that was made, without what is drawn or measured.
fn creation_of_ada() -> Json {
    let step = |name: &str, kind: &str, description: &str, details: Json| {
        json!({
            "name": name, "provisioningStepType": kind, "status": "success", "description": description,
            "details": details,
        })
    };
    let exported =
        |name: &str, value: &str| json!({"displayName": name, "oldValue": null, "newValue": value});
    json!({
        "id": "…", "activityDateTime": "…", "tenantId": "…", "jobId": "…", "cycleId": "…", "changeId": "…",
        "provisioningAction": "create",
        "durationInMilliseconds": "…",
        "provisioningStatusInfo": {"status": "success", "errorInformation": null},
        "provisioningSteps": [
            step("EntryImportAdd", "import", "Read from the source for the first time.", json!({})),
            step("EntrySynchronizationScoping", "scoping", "The object is active and in scope.", json!({
                "IsActive": "True", "Assigned": "True", "ScopeEvaluationResult": "True",
                "IsEffectivelyEntitledForProvisioning": "True",
            })),
            step("EntryImport", "matching", "No account at the target has userName = 'ada'.", json!({
                "MatchingAttribute": "userName", "MatchingValue": "ada", "Matches": "0",
            })),
            step("EntrySynchronizationAdd", "processing", "The account is to be created.", json!({})),
            step("EntryExportAdd", "export", "Created at the target.", json!({})),
        ],
        "modifiedProperties": [exported("userName", "ada"), exported("name", "ADA"), exported("active", "True")],
        "servicePrincipal": {"id": "…", "displayName": "Target"},
        "sourceSystem": {"id": "people", "displayName": "People", "details": {}},
        "targetSystem": {
            "id": "app", "displayName": "App",
            "details": {"ServicePrincipalId": "…", "ServicePrincipalDisplayName": "Target"},
        },
        "initiatedBy": {"id": "", "displayName": "Entente provisioning", "initiatorType": "system"},
        "sourceIdentity": {"id": "ada", "displayName": "ADA", "identityType": "User", "details": {}},
        "targetIdentity": {"id": "t1", "displayName": "ADA", "identityType": "account", "details": {}},
    })
}

#[tokio::test]
async fn a_record_tells_the_whole_story() {
    let (rig, job) = rig().await;
    let path = format!("{LOG}?$filter=jobId eq '{job}' and sourceIdentity/id eq 'ada'");
    let records = rig.world.every(&path).await;
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record["tenantId"], json!(crate::world::TENANT));
    assert_eq!(record["servicePrincipal"], json!({"id": rig.principal, "displayName": "Target"}));
    let drawn = [
        "/id",
        "/activityDateTime",
        "/changeId",
        "/cycleId",
        "/jobId",
        "/durationInMilliseconds",
        "/servicePrincipal/id",
        "/targetSystem/details/ServicePrincipalId",
        "/tenantId",
    ];
    assert_eq!(without(record, &drawn), creation_of_ada());
    let one = rig.world.get(&format!("{LOG}/{}", record["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one["sourceIdentity"], record["sourceIdentity"]);
    rig.world.get(&format!("{LOG}/{}", rig.principal)).await.refused(404, "Request_ResourceNotFound");
    rig.world.get(&format!("{LOG}/none")).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn the_log_is_filtered() {
    let (rig, job) = rig().await;
    let all = rig.world.every(LOG).await;
    let failed = all.iter().find(|record| record["sourceIdentity"]["id"] == "eve").unwrap();
    let info = &failed["provisioningStatusInfo"];
    assert_eq!(info["status"], "failure");
    assert!(info["errorInformation"]["recommendedAction"].is_string(), "{info}");
    let (cycle, moment) = (failed["cycleId"].as_str().unwrap(), failed["activityDateTime"].as_str().unwrap());
    let target = all.iter().find(|record| record["sourceIdentity"]["id"] == "bob").unwrap();
    let target = target["targetIdentity"]["id"].as_str().unwrap();
    for (filter, expected) in [
        (format!("jobId eq '{job}'"), vec!["ada", "bob", "eve"]),
        ("jobId eq 'other'".to_owned(), vec![]),
        ("provisioningStatusInfo/status eq 'failure'".to_owned(), vec!["eve"]),
        ("statusInfo/status eq 'success'".to_owned(), vec!["ada", "bob"]),
        (
            "provisioningAction eq 'create' and provisioningStatusInfo/status ne 'failure'".to_owned(),
            vec!["ada", "bob"],
        ),
        (format!("cycleId eq '{cycle}'"), vec!["eve"]),
        (format!("targetIdentity/id eq '{target}'"), vec!["bob"]),
        (format!("sourceIdentity/id eq '{target}'"), vec![]),
        (format!("activityDateTime ge {moment}"), vec!["eve"]),
        (format!("activityDateTime le {moment} and activityDateTime ge {moment}"), vec!["eve"]),
        (format!("activityDateTime lt {moment}"), vec!["ada", "bob"]),
        (
            "contains(sourceIdentity/displayName,'D') or sourceIdentity/id eq 'eve'".to_owned(),
            vec!["ada", "eve"],
        ),
        ("cycleId eq 'x'".to_owned(), vec![]),
    ] {
        let found = rig.world.every(&format!("{LOG}?$filter={filter}")).await;
        assert_eq!(sources(&found), expected, "{filter}");
    }
}

#[tokio::test]
async fn the_log_is_paged_in_either_order() {
    let (rig, _) = rig().await;
    let newest = rig.world.every(&format!("{LOG}?$top=1")).await;
    let oldest = rig.world.every("/beta/auditLogs/provisioning?$top=2&$orderby=activityDateTime").await;
    assert_eq!(newest.len(), 3);
    let ids = |records: &[Json]| records.iter().map(|record| record["id"].clone()).collect::<Vec<_>>();
    let mut reversed = ids(&oldest);
    reversed.reverse();
    assert_eq!(ids(&newest), reversed);
    assert_eq!(newest[0]["sourceIdentity"]["id"], "eve");

    let page = rig.world.get(&format!("{LOG}?$top=2&$select=id,sourceIdentity")).await.expect(200);
    assert_eq!(page["value"][0].as_object().unwrap().len(), 2);
    let link = page["@odata.nextLink"].as_str().unwrap();
    let rest = rig.world.get(link).await.expect(200);
    assert_eq!((rest["value"].as_array().unwrap().len(), rest.get("@odata.nextLink")), (1, None));

    // A token holds for the query that it was given for.
    let forged = link.replace("skiptoken=", "skiptoken=A");
    rig.world.get(&forged).await.refused(400, "Request_BadRequest");
    for query in [
        "$count=true",
        "$skip=1",
        "$orderby=jobId",
        "$filter=nothing eq 'x'",
        "$filter=provisioningAction eq 'make'",
    ] {
        rig.world.get(&format!("{LOG}?{query}")).await.refused(400, "Request_BadRequest");
    }
}

#[tokio::test]
async fn logs_need_their_permissions() {
    let (rig, _) = rig().await;
    let (_, provisioning) = rig.world.client(&["ProvisioningLog.Read.All"]).await;
    let (_, audits) = rig.world.client(&["AuditLog.Read.All"]).await;
    let ask = async |token: &str, path: &str| rig.world.as_client(token, "GET", path, &Json::Null).await;
    ask(&provisioning, LOG).await.expect(200);
    ask(&audits, LOG).await.expect(200);
    ask(&audits, "/v1.0/auditLogs/directoryAudits").await.expect(200);
    ask(&provisioning, "/v1.0/auditLogs/directoryAudits").await.refused(403, "Authorization_RequestDenied");
}

#[tokio::test]
async fn changes_of_the_configuration_are_told_newest_first() {
    let (rig, job) = rig().await;
    rig.world.post(&format!("{}/jobs/{job}/pause", rig.path), Json::Null).await.expect(204);
    let path = "/v1.0/auditLogs/directoryAudits";
    let all = rig.world.every(&format!("{path}?$top=2")).await;
    let activities: Vec<&str> = all.iter().map(|one| one["activityDisplayName"].as_str().unwrap()).collect();
    assert_eq!(
        activities[..4],
        [
            "Pause synchronization job",
            "Start synchronization job",
            "Add synchronization job",
            "Update synchronization secrets"
        ]
    );
    let drawn = [
        "/id",
        "/correlationId",
        "/activityDateTime",
        "/initiatedBy/app/servicePrincipalId",
        "/targetResources/0/id",
    ];
    insta::assert_json_snapshot!(without(&all[0], &drawn), @r#"
    {
      "activityDateTime": "…",
      "activityDisplayName": "Pause synchronization job",
      "additionalDetails": [],
      "category": "ProvisioningManagement",
      "correlationId": "…",
      "id": "…",
      "initiatedBy": {
        "app": {
          "appId": "00000000-0000-0000-0000-00000000c11e",
          "displayName": "Entente bootstrap client",
          "servicePrincipalId": "…",
          "servicePrincipalName": null
        },
        "user": null
      },
      "loggedByService": "Account Provisioning",
      "operationType": "Update",
      "result": "success",
      "resultReason": "",
      "targetResources": [
        {
          "displayName": null,
          "groupType": null,
          "id": "…",
          "modifiedProperties": [
            {
              "displayName": "state",
              "newValue": "\"Paused\"",
              "oldValue": "\"Active\""
            }
          ],
          "type": "synchronization job",
          "userPrincipalName": null
        }
      ]
    }
    "#);
    let one = rig.world.get(&format!("{path}/{}", all[1]["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one["activityDisplayName"], "Start synchronization job");
    rig.world.get(&format!("{path}/{}", rig.principal)).await.refused(404, "Request_ResourceNotFound");
    let filtered = rig
        .world
        .every(&format!("{path}?$filter=operationType eq 'Add' and category eq 'ProvisioningManagement'"))
        .await;
    assert_eq!(filtered.len(), 1);
    assert_eq!(filtered[0]["targetResources"][0]["id"], json!(job));
    let mut oldest = rig.world.every(&format!("{path}?$orderby=activityDateTime&$top=2")).await;
    oldest.reverse();
    assert_eq!(oldest, all);
    let moment = all[1]["activityDateTime"].as_str().unwrap();
    let since = rig.world.every(&format!("{path}?$filter=activityDateTime gt {moment}")).await;
    assert!(since.len() < all.len() && !since.contains(&all[1]), "{since:?}");
    for bad in ["$orderby=category", "$filter=foo eq 1", "$filter=activityDateTime gt 'soon'"] {
        rig.world.get(&format!("{path}?{bad}")).await.refused(400, "Request_BadRequest");
    }
    assert_eq!(rig.world.every(&format!("{path}?$orderby=activityDateTime desc")).await.len(), all.len());
}

/// Every condition that the reference has for the audit log finds what it names, page by page.
#[tokio::test]
async fn the_audit_log_is_filtered() {
    let rig = Rig::new().await;
    let world = &rig.world;
    let (_, token) = world.client(&["Group.ReadWrite.All"]).await;
    let team =
        world.as_client(&token, "POST", "/v1.0/groups", &crate::world::group("Team")).await.expect(201);
    let team = team["id"].as_str().unwrap();
    let path = format!("/v1.0/groups/{team}");
    world.as_client(&token, "PATCH", &path, &json!({"description": "x"})).await.expect(204);
    world.user("ada").await;
    let wrong = format!("/{}/oauth2/v2.0/token", crate::world::TENANT);
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret=wrong&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
        crate::world::CLIENT
    );
    world.token(&wrong, &form, None).await.expect(401);
    let path = "/v1.0/auditLogs/directoryAudits";
    let all = world.every(path).await;
    let of_team = all.iter().find(|one| one["activityDisplayName"] == "Update group").unwrap();
    let (id, client) = (of_team["id"].as_str().unwrap(), &of_team["initiatedBy"]["app"]);
    assert_eq!(client["displayName"], "Client");
    let (app_id, principal) =
        (client["appId"].as_str().unwrap(), client["servicePrincipalId"].as_str().unwrap());
    for (filter, expected) in [
        (format!("id eq '{id}'"), vec!["Update group"]),
        (format!("correlationId eq '{}'", id.to_uppercase()), vec!["Update group"]),
        (format!("id eq '{id}' and correlationId eq '{team}'"), vec![]),
        ("id eq 'x'".to_owned(), vec![]),
        (format!("initiatedBy/app/appId eq '{app_id}' and category eq 'GroupManagement'"), vec!["Update group", "Add group"]),
        (format!("initiatedBy/app/servicePrincipalId eq '{principal}' and operationType eq 'Add'"), vec!["Add group"]),
        ("initiatedBy/app/displayName eq 'CLIENT' and startswith(activityDisplayName,'upd')".to_owned(), vec!["Update group"]),
        ("startswith(initiatedBy/app/displayName,'Cli') and not (activityDisplayName eq 'Add group') and loggedByService eq 'Core Directory' and category ne 'ApplicationManagement'".to_owned(), vec!["Update group"]),
        ("initiatedBy/app/displayName eq 'Nobody'".to_owned(), vec![]),
        ("initiatedBy/user/id eq '00000000-0000-0000-0000-000000000000'".to_owned(), vec![]),
        ("resultReason eq 'OK'".to_owned(), vec![]),
        ("activityDisplayName in ('Add user', 'Update group')".to_owned(), vec!["Add user", "Update group"]),
        ("activityDisplayName eq 'Add user' or initiatedBy/app/appId eq 'nobody'".to_owned(), vec!["Add user"]),
        ("result eq 'failure'".to_owned(), vec!["Sign in service principal"]),
        (format!("targetResources/any(t:t/id eq '{team}')"), vec!["Update group", "Add group"]),
        (format!("targetResources/any(t:t/id eq {team}) and activityDisplayName eq 'Add group'"), vec!["Add group"]),
        ("targetResources/any(t:t/displayName eq 'TEAM')".to_owned(), vec!["Update group", "Add group"]),
        ("targetResources/any(t:startswith(t/displayName,'tea') and t/type eq 'Group')".to_owned(), vec!["Update group", "Add group"]),
        ("targetResources/any(t:t/displayName eq 'Team' or t/displayName eq 'ada')".to_owned(), vec!["Add user", "Update group", "Add group"]),
    ] {
        for order in ["", "&$orderby=activityDateTime"] {
            let found = world.every(&format!("{path}?$top=1&$filter={filter}{order}")).await;
            let mut told: Vec<&str> =
                found.iter().map(|one| one["activityDisplayName"].as_str().unwrap()).collect();
            if !order.is_empty() {
                told.reverse();
            }
            assert_eq!(told, expected, "{filter}");
        }
    }
}
