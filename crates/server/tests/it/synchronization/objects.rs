use model::{Clock as _, Failure, FailureCode, SignedDuration, Uuid};
use serde_json::{Value as Json, json};
use store::{Commit, Escrow, Unread, Wait};
use testkit::{Fault, Method};

use super::rig::{Rig, user};

/// A started job that has made accounts of these people; its path in beta.
async fn with_accounts(people: &[&str]) -> (Rig, String) {
    let (rig, job) = Rig::with_job().await;
    for name in people {
        rig.source.upsert(user(name));
    }
    rig.activate(&job).await;
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), people.len());
    let job = job.replace("/v1.0/", "/beta/");
    (rig, job)
}

fn anchor_of(rig: &Rig, name: &str) -> String {
    rig.target.object_by("account", "userName", name).unwrap().anchor.to_string()
}

#[tokio::test]
async fn links_are_listed_page_by_page_and_found_by_anchor() {
    let (rig, job) = with_accounts(&["ada", "bob", "cyd", "dee", "eve"]).await;
    let page = rig.world.get(&format!("{job}/links?$top=2&$count=true")).await.expect(200);
    assert_eq!(page["@odata.count"], 5);
    assert_eq!(page["value"].as_array().unwrap().len(), 2);
    let all = rig.world.every(&format!("{job}/links?$top=2")).await;
    let names: Vec<&str> = all.iter().map(|link| link["sourceAnchor"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada", "bob", "cyd", "dee", "eve"]);
    let first = &all[0];
    assert_eq!(first["targetAnchor"], anchor_of(&rig, "ada"));
    assert_eq!(
        (&first["state"], &first["origin"], &first["isDisabled"], &first["ruleId"]),
        (&json!("active"), &json!("created"), &json!(false), &json!("rule"))
    );
    assert_eq!((&first["sourceObjectType"], &first["targetObjectType"]), (&json!("User"), &json!("account")));

    let target = anchor_of(&rig, "cyd");
    for filter in ["sourceAnchor eq 'cyd'".to_owned(), format!("targetAnchor eq '{target}'")] {
        let found = rig.world.every(&format!("{job}/links?$filter={filter}")).await;
        assert_eq!(found, [all[2].clone()], "{filter}");
    }
    let found = rig.world.every(&format!("{job}/links?$filter=startswith(sourceAnchor,'d')&$top=1")).await;
    assert_eq!(found, [all[3].clone()]);
    rig.world.get(&format!("{job}/links?$orderby=state")).await.refused(400, "Request_BadRequest");
    let stable = job.replace("/beta/", "/v1.0/");
    rig.world.get(&format!("{stable}/links")).await.refused(404, "Request_ResourceNotFound");
}

/// A property that is absent is null: a filter by one that there is not would hold for nobody, or for everybody.
#[tokio::test]
async fn a_filter_by_an_unknown_property_is_refused_with_those_that_there_are() {
    let (rig, job) = with_accounts(&["ada"]).await;
    let settings = json!({"synchronizationJobSettings": [{"name": "DriftInterval", "value": "PT30M"}]});
    rig.world.patch(&job, settings).await.expect(204);
    let exclusion = json!({"sourceAnchor": "cyd", "reason": "on trial"});
    rig.world.post(&format!("{job}/exclusions"), exclusion).await.expect(201);
    rig.source.upsert(user("bob"));
    rig.target.faults().always(&[Method::Create], Fault::Refuse(connector::ErrorClass::Permanent));
    rig.target.alter(&anchor_of(&rig, "ada").as_str().into(), "name", "Hacked".into());
    rig.world.clock.advance(SignedDuration::from_mins(40));
    rig.cycle(&job).await;
    for collection in ["links", "escrows", "exclusions", "drift"] {
        let path = format!("{job}/{collection}");
        let words =
            rig.world.get(&format!("{path}?$filter=foo ne 1")).await.refused(400, "Request_BadRequest");
        let (_, known) = words.split_once("cannot be filtered by 'foo'. It can be by: ").expect(&words);
        let mut known: Vec<&str> = known.trim_end_matches('.').split(", ").collect();
        for name in &known {
            rig.world.get(&format!("{path}?$filter=not ({name} eq 'x')")).await.expect(200);
            let below = format!("{path}?$filter={name}/foo eq 'x'");
            rig.world.get(&below).await.refused(400, "Request_BadRequest");
        }
        // Every property can be filtered by.
        let rows = rig.world.every(&path).await;
        let mut shown: Vec<&str> = rows[0].as_object().unwrap().keys().map(String::as_str).collect();
        shown.sort_unstable();
        known.sort_unstable();
        assert_eq!(shown, known, "{collection}");
    }
    let plan = rig.world.post(&format!("{job}/plan"), Json::Null).await.expect(202);
    let changes = format!("{job}/plans/{}/changes", plan["id"].as_str().unwrap());
    let sync = job.split("/jobs/").next().unwrap().to_owned();
    for path in [
        changes,
        format!("{job}/plans"),
        format!("{job}/schema/versions"),
        format!("{job}/schema/directories"),
        format!("{job}/schema/functions"),
        format!("{job}/schema/filterOperators"),
        format!("{sync}/jobs"),
        format!("{sync}/jobs/$count"),
        format!("{sync}/templates"),
        format!("{sync}/secrets"),
        "/beta/reports/correlations".to_owned(),
    ] {
        for option in ["$filter=foo eq 1", "$filter=foo ne 1", "$orderby=foo"] {
            let words = rig.world.get(&format!("{path}?{option}")).await.refused(400, "Request_BadRequest");
            assert!(words.contains(option.split('=').next().unwrap()), "{path}: {words}");
        }
    }
}

#[tokio::test]
async fn a_link_is_set_and_broken_by_hand() {
    let (rig, job) = with_accounts(&["ada"]).await;
    let old = anchor_of(&rig, "ada");
    let links = format!("{job}/links");
    let id = rig.world.every(&links).await[0]["id"].as_str().unwrap().to_owned();
    rig.world.delete(&format!("{links}/{id}")).await.refused(400, "Request_BadRequest");
    rig.world.delete(&format!("{links}/{id}?reason=wrong%20person")).await.expect(204);
    let audit = rig.newest_audit().await;
    assert_eq!(audit["activityDisplayName"], "Break synchronization link");
    assert!(audit["targetResources"][0]["modifiedProperties"].to_string().contains("wrong person"));
    assert_eq!(rig.world.every(&links).await, Vec::<Json>::new());
    assert!(rig.target.object(&old.as_str().into()).is_some(), "the account stays as it is");

    let other = rig.target.place("account", &[("userName", "ada.old".into())]);
    let write =
        |target: &str, reason: &str| json!({"sourceAnchor": "ada", "targetAnchor": target, "reason": reason});
    rig.world.post(&links, write(other.as_str(), " ")).await.refused(400, "Request_BadRequest");
    let words = rig.world.post(&links, write("t99", "her account")).await.refused(409, "Request_Conflict");
    assert!(words.contains("no account 't99'"), "{words}");
    let made = rig.world.post(&links, write(other.as_str(), "her account")).await.expect(201);
    assert_eq!((&made["targetAnchor"], &made["origin"]), (&json!(other.as_str()), &json!("matched")));
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Set synchronization link");
    rig.target.take_away(&old.as_str().into());
    rig.cycle(&job).await;
    let account = rig.target.object(&other).unwrap();
    assert_eq!(account.get("userName").to_string(), "ada", "the next cycle brings it to the source's values");
    let words = rig
        .world
        .post(&links, json!({"sourceAnchor": "bob", "targetAnchor": other.as_str(), "reason": "r"}))
        .await
        .refused(409, "Request_Conflict");
    assert!(words.contains("no User 'bob'"), "{words}");
}

#[tokio::test]
async fn an_account_of_another_is_not_taken_by_hand() {
    let (rig, job) = with_accounts(&["ada", "bob"]).await;
    let write = json!({"sourceAnchor": "ada", "targetAnchor": anchor_of(&rig, "bob"), "reason": "r"});
    let words = rig.world.post(&format!("{job}/links"), write.clone()).await.refused(409, "Request_Conflict");
    assert!(words.contains("linked to 'bob' already"), "{words}");
    let never = r#"[{"clauses":[{"sourceOperandName":"userName","operatorName":"EQUALS","targetOperand":{"values":["root"]}}]}]"#;
    let settings = json!({"synchronizationJobSettings": [{"name": "NeverTouch", "value": never}]});
    rig.world.patch(&job, settings).await.expect(204);
    let root = rig.target.place("account", &[("userName", "root".into())]);
    let write = json!({"sourceAnchor": "ada", "targetAnchor": root.as_str(), "reason": "r"});
    let words = rig.world.post(&format!("{job}/links"), write).await.refused(409, "Request_Conflict");
    assert!(words.contains("userName EQUALS 'root'"), "{words}");
}

#[tokio::test]
async fn object_connections_are_read_one_by_one() {
    let (rig, job) = with_accounts(&["ada", "bob"]).await;
    let target = anchor_of(&rig, "ada");
    let connections = format!("{job}/objectConnections");
    let words = rig.world.get(&connections).await.refused(400, "Request_BadRequest");
    assert!(words.contains("objectConnections('{id}')"), "{words}");
    for path in [format!("{connections}/ada"), format!("{connections}('{target}')")] {
        let found = rig.world.get(&path).await.expect(200);
        assert_eq!((&found["sourceAnchor"], &found["targetAnchor"]), (&json!("ada"), &json!(target)));
        assert_eq!(found["objectTypeName"], "User");
    }
    rig.world.get(&format!("{connections}('nobody')")).await.refused(404, "Request_ResourceNotFound");
    let words = rig.world.delete(&format!("{connections}('ada')")).await.refused(409, "Request_Conflict");
    assert!(words.contains("Pause it"), "{words}");
    rig.world.post(&format!("{job}/pause"), Json::Null).await.expect(204);
    rig.world.delete(&format!("{connections}('ada')")).await.expect(204);
    rig.world.get(&format!("{connections}('ada')")).await.refused(404, "Request_ResourceNotFound");
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Break synchronization link");
}

#[tokio::test]
async fn an_excluded_object_is_left_alone_until_it_is_readmitted() {
    let (rig, job) = with_accounts(&["ada"]).await;
    let exclusions = format!("{job}/exclusions");
    let made =
        rig.world.post(&exclusions, json!({"sourceAnchor": "ada", "reason": "on trial"})).await.expect(201);
    assert_eq!((&made["sourceAnchor"], &made["reason"]), (&json!("ada"), &json!("on trial")));
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Exclude object from synchronization");
    assert_eq!(rig.world.every(&exclusions).await.len(), 1);
    rig.source.upsert(user("ada").with("displayName", "Countess"));
    rig.cycle(&job).await;
    let shown = || rig.target.object_by("account", "userName", "ada").unwrap().get("name").to_string();
    assert_eq!(shown(), "ADA");
    let log = rig.world.every("/v1.0/auditLogs/provisioning").await;
    assert!(log.iter().any(|one| one.to_string().contains("excluded by hand: on trial")), "{log:?}");

    let id = made["id"].as_str().unwrap();
    rig.world.delete(&format!("{exclusions}/{id}")).await.refused(400, "Request_BadRequest");
    rig.world.delete(&format!("{exclusions}/{id}?reason=over")).await.expect(204);
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "End exclusion from synchronization");
    rig.world
        .delete(&format!("{exclusions}/{id}?reason=over"))
        .await
        .refused(404, "Request_ResourceNotFound");
    rig.cycle(&job).await;
    assert_eq!(shown(), "Countess");
}

#[tokio::test]
async fn failures_are_listed_and_tried_again_on_request() {
    let (rig, job) = with_accounts(&["ada"]).await;
    rig.source.upsert(user("bob"));
    rig.target.faults().always(&[Method::Create], Fault::Refuse(connector::ErrorClass::Permanent));
    rig.cycle(&job).await;
    let waiting = rig.world.every(&format!("{job}/escrows")).await;
    assert_eq!(waiting.len(), 1);
    let one = &waiting[0];
    assert_eq!((&one["sourceAnchor"], &one["attempts"]), (&json!("bob"), &json!(1)));
    for property in ["errorCode", "reason", "recommendedAction", "firstFailedDateTime", "nextAttemptDateTime"]
    {
        assert!(one[property].as_str().is_some_and(|text| !text.is_empty()), "{one}");
    }
    rig.target.faults().heal();
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 1, "it is not due yet");
    let retry = format!("{job}/escrows/retry");
    rig.world.post(&retry, json!({"ids": ["nonsense"]})).await.refused(400, "Request_BadRequest");
    rig.world.post(&retry, json!({"ids": [one["id"]]})).await.expect(204);
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 2);
    assert_eq!(rig.world.every(&format!("{job}/escrows")).await, Vec::<Json>::new());
    rig.world.post(&retry, Json::Null).await.expect(204);
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Retry failures of synchronization");
}

/// What was given up is told of as such, and a person lets it be tried again.
#[tokio::test]
async fn what_was_given_up_is_listed_and_explained() {
    let (rig, path) = with_accounts(&["ada"]).await;
    rig.source.upsert(user("bob"));
    rig.target.faults().always(&[Method::Create], Fault::Refuse(connector::ErrorClass::Permanent));
    rig.cycle(&path).await;
    rig.target.faults().heal();
    let job = rig.job(&path).await.id;
    let failed = rig.world.api.service().store.escrows(&job, None, 9).await.unwrap().remove(0);
    rig.world.clock.advance(SignedDuration::from_mins(9));
    let moment = rig.world.clock.now();
    write_escrows(&rig, &path, vec![Escrow { wait: Wait::GivenUp, next: moment, ..failed }]).await;
    rig.cycle(&path).await;
    assert_eq!(rig.target.len("account"), 1, "nobody tries it any more");

    let listed = rig.world.every(&format!("{path}/escrows?$filter=givenUpDateTime ne null")).await;
    let [one] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((&one["sourceAnchor"], &one["givenUpDateTime"]), (&json!("bob"), &json!(moment)));
    assert_eq!(one["nextAttemptDateTime"], Json::Null);
    let told = rig.world.get(&format!("{path}/explain?objectId=bob")).await.expect(200);
    let escrow = &told["rules"][0]["escrow"];
    assert_eq!((&escrow["givenUp"], &escrow["nextAttempt"]), (&json!(moment), &Json::Null));
    assert!(escrow["errorCode"].is_string() && escrow["reason"].is_string(), "{escrow}");
    assert!(told["words"].to_string().contains("It was given up at"), "{}", told["words"]);

    rig.world.post(&format!("{path}/escrows/retry"), json!({"ids": [one["id"]]})).await.expect(204);
    rig.cycle(&path).await;
    assert_eq!(rig.target.len("account"), 2);
    assert_eq!(rig.world.every(&format!("{path}/escrows")).await, Vec::<Json>::new());
}

/// Writes into the memory of a job as a cycle that is over by now would have.
async fn write_escrows(rig: &Rig, path: &str, escrows: Vec<Escrow>) {
    let (job, store) = (rig.job(path).await.id, &rig.world.api.service().store);
    rig.world.clock.advance(SignedDuration::from_mins(30));
    let now = rig.world.clock.now();
    let lease = store.lease(&job, Uuid::from_u128(77), now, now + SignedDuration::from_secs(1)).await;
    let fence = lease.unwrap().unwrap().fence;
    store.commit(&job, Commit { fence, escrows, ..Commit::default() }).await.unwrap();
    rig.world.clock.advance(SignedDuration::from_secs(1));
}

/// What is kept until its object changes is no failure, however much of it there is.
#[tokio::test]
async fn what_waits_for_a_change_is_not_listed_among_the_failures() {
    let (rig, path) = with_accounts(&["ada"]).await;
    let now = rig.world.clock.now();
    let escrow = |number: usize| Escrow {
        rule: "rule".into(),
        kind: "User".into(),
        source: model::Anchor::new(format!("{number:03}")),
        failure: Failure::new(FailureCode::MissingValues, "to be read"),
        wait: if number == 240 { Wait::Moment } else { Wait::Change },
        unread: Unread::SinceMade,
        attempts: 1,
        first: now,
        next: now,
    };
    write_escrows(&rig, &path, (0..250).map(escrow).collect()).await;
    for address in [format!("{path}/escrows"), format!("{path}/escrows?$top=3")] {
        let listed = rig.world.every(&address).await;
        assert_eq!((listed.len(), &listed[0]["sourceAnchor"]), (1, &json!("240")), "{address}");
    }
}

#[tokio::test]
async fn drift_is_shown_with_what_was_expected_and_since_when() {
    let (rig, job) = with_accounts(&["ada", "bob"]).await;
    let settings = json!({"synchronizationJobSettings": [{"name": "DriftInterval", "value": "PT30M"}]});
    rig.world.patch(&job, settings).await.expect(204);
    rig.target.alter(&anchor_of(&rig, "ada").as_str().into(), "name", "Hacked".into());
    rig.target.take_away(&anchor_of(&rig, "bob").as_str().into());
    assert_eq!(rig.world.every(&format!("{job}/drift")).await, Vec::<Json>::new());
    rig.world.clock.advance(SignedDuration::from_mins(40));
    rig.cycle(&job).await;
    let drift = rig.world.every(&format!("{job}/drift?$top=1")).await;
    assert_eq!(drift.len(), 2, "{drift:?}");
    let value = drift.iter().find(|one| one["kind"] == "valueChanged").unwrap();
    assert_eq!(
        (&value["sourceAnchor"], &value["attribute"], &value["expected"], &value["found"]),
        (&json!("ada"), &json!("name"), &json!("ADA"), &json!("Hacked"))
    );
    assert!(value["sinceDateTime"].as_str().unwrap().starts_with("20"));
    let missing = drift.iter().find(|one| one["kind"] == "accountMissing").unwrap();
    assert_eq!((&missing["sourceAnchor"], &missing["attribute"]), (&json!("bob"), &Json::Null));
    let found = rig.world.every(&format!("{job}/drift?$filter=attribute eq 'name'")).await;
    assert_eq!(found, std::slice::from_ref(value));
}

#[tokio::test]
async fn held_creates_are_let_through_by_a_person() {
    let (rig, job) = with_accounts(&["ada"]).await;
    let settings = json!({"synchronizationJobSettings": [{"name": "MaxCreates", "value": "3"}]});
    rig.world.patch(&job, settings).await.expect(204);
    for name in ["bob", "cyd", "dee"] {
        rig.source.upsert(user(name));
    }
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 1, "none of them is made");
    let status = rig.world.get(&job).await.expect(200)["status"].clone();
    assert_eq!((&status["code"], &status["quarantine"]["reason"]), (&json!("Quarantine"), &json!("Unknown")));
    assert_eq!(status["quarantine"]["error"]["code"], "TooManyCreates");
    let allow = format!("{job}/allow");
    rig.world.post(&allow, json!({"kinds": [], "reason": "r"})).await.refused(400, "Request_BadRequest");
    rig.world
        .post(&allow, json!({"kinds": ["moves"], "reason": "r"}))
        .await
        .refused(400, "Request_BadRequest");
    rig.world.post(&allow, json!({"kinds": ["creates"], "reason": "new team"})).await.expect(204);
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Allow held changes of synchronization");
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 4);
    assert_eq!(rig.world.get(&job).await.expect(200)["status"]["code"], "Active");
}

#[tokio::test]
async fn an_earlier_schema_is_restored() {
    let (rig, job) = Rig::with_job().await;
    let job = job.replace("/v1.0/", "/beta/");
    let schema = format!("{job}/schema");
    let first = rig.world.get(&schema).await.expect(200);
    let mut changed = super::rig::schema();
    changed["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
        .as_array_mut()
        .unwrap()
        .pop();
    rig.world.put(&schema, changed).await.expect(204);
    let versions = rig.world.every(&format!("{schema}/versions")).await;
    let ids: Vec<&str> = versions.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["2", "1"]);
    assert!(versions[0]["createdBy"].is_string() && versions[0]["createdDateTime"].is_string());
    rig.world
        .post(&format!("{schema}/versions/9/restore"), Json::Null)
        .await
        .refused(404, "Request_ResourceNotFound");
    rig.world.post(&format!("{schema}/versions/1/restore"), Json::Null).await.expect(204);
    let restored = rig.world.get(&schema).await.expect(200);
    assert_eq!(restored["synchronizationRules"], first["synchronizationRules"]);
    assert_eq!(restored["version"], "3.0");
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Update synchronization schema");
}
