//! Account discovery: `discoverAccounts` of a job, and `/reports/correlations`.

use serde_json::{Value as Json, json};
use testkit::{Fault, Gate, Method};

use super::rig::{Rig, user};

/// A job that made accounts of two people, at a target where there are four more; the job's path.
async fn with_accounts() -> (Rig, String) {
    let (rig, job) = Rig::with_job().await;
    for name in ["ada", "bob"] {
        rig.source.upsert(user(name));
    }
    rig.activate(&job).await;
    rig.cycle(&job).await;
    rig.source.upsert(user("cyd"));
    rig.source.disable("cyd");
    for name in ["cyd", "local", "service", "kiosk"] {
        rig.target.place("account", &[("userName", name.into())]);
    }
    (rig, job)
}

fn values(accounts: &[Json]) -> Vec<&str> {
    let mut names: Vec<&str> = accounts
        .iter()
        .map(|one| one["targetIdentity"]["matchingProperty"]["value"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_report_shows_every_account_as_graph_does() {
    let (rig, job) = with_accounts().await;
    let path = rig.discover(&job).await;
    let audit = rig.newest_audit().await;
    assert_eq!(audit["activityDisplayName"], "Start synchronization account discovery");
    assert_eq!(audit["category"], "ProvisioningManagement");
    let report = rig.world.get(&path).await.expect(200);
    let id = report["id"].as_str().unwrap();
    assert!(path.ends_with(id) && path.starts_with("/beta/reports/correlations/"), "{path}");
    assert_eq!((&report["status"], &report["error"]), (&json!("complete"), &Json::Null));
    assert_eq!(report["servicePrincipalId"], rig.principal.as_str());
    assert_eq!(report["jobId"], job.rsplit('/').next().unwrap());
    assert!(report["startDateTime"].is_string() && report["endDateTime"].is_string(), "{report:#}");
    assert_eq!(report["progress"], json!({"accounts": 6, "objects": 3, "totalObjects": 3}));
    let counts = json!({
        "uncorrelated": 3, "correlatedNotAssigned": 1, "correlatedAssigned": 2, "failToCorrelate": 0,
    });
    assert_eq!(report["counts"], counts);

    let identities = format!("{path}/identities");
    let all = rig.world.every(&format!("{identities}?$top=2")).await;
    assert_eq!(values(&all), ["ada", "bob", "cyd", "kiosk", "local", "service"]);
    let ada = all.iter().find(|one| one["sourceIdentity"]["anchor"]["value"] == "ada").unwrap();
    let account = rig.target.object_by("account", "userName", "ada").unwrap().anchor.to_string();
    let expected = json!({
        "@odata.type": "#microsoft.graph.correlatedIdentity",
        "id": ada["id"], "correlatedDateTime": ada["correlatedDateTime"], "status": "correlatedAssigned", "error": null,
        "sourceIdentity": {
            "anchor": {"name": "id", "value": "ada"}, "matchingProperty": {"name": "login", "value": "ada"},
            "identityType": "User", "details": {"displayName": "ADA"},
        },
        "targetIdentity": {
            "anchor": {"name": "id", "value": account}, "matchingProperty": {"name": "userName", "value": "ada"},
            "identityType": "account", "details": {},
        },
    });
    assert_eq!(*ada, expected);
    let one = rig.world.get(&format!("{identities}/{}", ada["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one["targetIdentity"], ada["targetIdentity"]);
    let local = all.iter().find(|one| one["status"] == "uncorrelated").unwrap();
    assert_eq!(local["sourceIdentity"], Json::Null);

    for (filter, names) in [
        ("status eq 'uncorrelated'", vec!["kiosk", "local", "service"]),
        ("status eq 'CorrelatedNotAssigned'", vec!["cyd"]),
        ("status eq 'failToCorrelate'", vec![]),
        ("sourceIdentity/anchor/value eq 'bob'", vec!["bob"]),
        ("targetIdentity/matchingProperty/value eq 'kiosk' and status eq 'uncorrelated'", vec!["kiosk"]),
        ("status ne 'uncorrelated'", vec!["ada", "bob", "cyd"]),
        ("error eq null and status eq 'correlatedAssigned'", vec!["ada", "bob"]),
    ] {
        let found = rig.world.every(&format!("{identities}?$filter={filter}&$top=1")).await;
        assert_eq!(values(&found), names, "{filter}");
    }
    let id = format!("{identities}?$filter=id eq '{}'", ada["id"].as_str().unwrap());
    assert_eq!(rig.world.every(&id).await.len(), 1);
    let moments = |accounts: &[Json]| -> Vec<String> {
        accounts.iter().map(|one| one["correlatedDateTime"].as_str().unwrap().to_owned()).collect()
    };
    let rising = moments(&rig.world.every(&format!("{identities}?$orderby=correlatedDateTime&$top=2")).await);
    let mut falling =
        moments(&rig.world.every(&format!("{identities}?$orderby=correlatedDateTime desc&$top=2")).await);
    falling.reverse();
    assert!(rising.is_sorted() && rising == falling && rising.len() == 6, "{rising:?}");
}

#[tokio::test]
async fn accounts_are_counted_by_status_alone_and_mistakes_are_named() {
    let (rig, job) = with_accounts().await;
    let identities = format!("{}/identities", rig.discover(&job).await);
    let page = rig.world.get(&format!("{identities}?$count=true&$top=1")).await.expect(200);
    assert_eq!(page["@odata.count"], 6);
    let local = "$filter=status eq 'uncorrelated'";
    let page = rig.world.get(&format!("{identities}?$count=true&{local}")).await.expect(200);
    assert_eq!(page["@odata.count"], 3);
    for (query, count) in [("", "6"), ("?$filter=status eq 'uncorrelated'", "3")] {
        let answer = rig.world.get(&format!("{identities}/$count{query}")).await.expect(200);
        assert_eq!(answer.to_string().trim_matches('"'), count);
    }
    for (query, words) in [
        ("$count=true&$filter=id eq 'x'", "counted by 'status' alone"),
        ("$filter=state eq 'x'", "cannot be filtered by 'state'"),
        ("$filter=status eq 'lost'", "no value of 'status'. The values are: uncorrelated, "),
        ("$orderby=status", "ordered by time alone"),
        ("$search=%22displayName:a%22", "'$search' is not supported"),
        ("$skip=1", "'$skip' is not supported"),
    ] {
        let message =
            rig.world.get(&format!("{identities}?{query}")).await.refused(400, "Request_BadRequest");
        assert!(message.contains(words), "{query}: {message}");
    }
    let stable = identities.replace("/beta/", "/v1.0/");
    rig.world.get(&stable).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn reports_are_listed_with_their_service_principals() {
    let (rig, job) = with_accounts().await;
    assert!(rig.world.every("/beta/reports/correlations").await.is_empty());
    let path = rig.discover(&job).await;
    let listed = rig.world.every("/beta/reports/correlations?$expand=servicePrincipal&$count=true").await;
    let report = rig.world.get(&format!("{path}?$expand=servicePrincipal")).await.expect(200);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], report["id"]);
    for one in [&listed[0], &report] {
        assert_eq!(one["servicePrincipal"]["appId"], rig.app_id.as_str(), "{one:#}");
    }
    let principal = rig.world.get(&format!("{path}/servicePrincipal")).await.expect(200);
    assert_eq!(principal["id"], rig.principal.as_str());
    let of_job = format!("$filter=jobId eq '{}'", report["jobId"].as_str().unwrap());
    assert_eq!(rig.world.every(&format!("/beta/reports/correlations?{of_job}&$select=id")).await.len(), 1);
    let count = rig.world.get("/beta/reports/correlations/$count").await.expect(200);
    assert_eq!(count.to_string().trim_matches('"'), "1");
    let (_, token) = rig.world.client(&["ProvisioningLog.Read.All"]).await;
    rig.world.as_client(&token, "GET", &path, &Json::Null).await.expect(200);
    let begin = format!("{}/discoverAccounts", job.replace("/v1.0/", "/beta/"));
    rig.world
        .as_client(&token, "POST", &begin, &Json::Null)
        .await
        .refused(403, "Authorization_RequestDenied");
}

#[tokio::test]
async fn a_report_under_way_shows_how_far_it_is_and_no_account() {
    let (rig, job) = with_accounts().await;
    let old = rig.discover(&job).await;
    let gate = Gate::new();
    rig.source.faults().next(Method::Changes, Fault::Hold(gate.clone()));
    let begin = format!("{}/discoverAccounts", job.replace("/v1.0/", "/beta/"));
    let begun = rig.world.post(&begin, json!({})).await.expect(202);
    assert_eq!((&begun["status"], &begun["endDateTime"]), (&json!("running"), &Json::Null));
    gate.arrival().await;
    let message = rig.world.post(&begin, Json::Null).await.refused(409, "Request_Conflict");
    assert!(message.contains(begun["id"].as_str().unwrap()), "{message}");
    let path = format!("/beta/reports/correlations/{}", begun["id"].as_str().unwrap());
    while rig.world.get(&path).await.expect(200)["progress"]["accounts"] != 6 {
        tokio::task::yield_now().await;
    }
    assert!(rig.world.every(&format!("{path}/identities")).await.is_empty());
    assert_eq!(
        rig.world.every(&format!("{old}/identities")).await.len(),
        6,
        "the last whole one stays meanwhile"
    );
    gate.open();
}
