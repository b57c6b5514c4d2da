//! `bulkUpload`: from the request to the account in the embedded directory.

use std::sync::Arc;
use std::time::Duration;

use connector_directory::DirectoryFactory;
use connector_inbound::InboundFactory;
use engine::{Registry, Templates};
use model::SignedDuration;
use model::job::ScheduleState;
use model::template::Template;
use serde_json::{Value as Json, json};
use server::Limits;

use super::rig::Rig;
use crate::world::{Answer, TEMPLATE, World, reference};

const MEDIA_TYPE: &str = "application/scim+json";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A job that reads uploads and writes to the embedded directory.
struct Inbound {
    world: World,
    application: String,
    job: String,
}

impl Inbound {
    async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    async fn with_rate(uploads_per_second: u32) -> Self {
        Self::with_limits(Limits { uploads_per_second, ..Limits::default() }).await
    }

    async fn with_limits(limits: Limits) -> Self {
        let text = include_str!("../../../../../templates/API2AAD.json");
        let mut template: Template = serde_json::from_str(text).unwrap();
        template.application_id = TEMPLATE.parse().unwrap();
        let limits = Limits { time: Duration::from_secs(30), ..limits };
        let connect = |store: &store::SharedStore, directory: &directory::Directory| {
            Registry::default()
                .with(Arc::new(InboundFactory::new(store.clone())))
                .with(Arc::new(DirectoryFactory::new(directory.clone())))
        };
        let world = World::connected(limits, connect, Templates::new(vec![template])).await;
        let path = format!("/v1.0/applicationTemplates/{TEMPLATE}/instantiate");
        let made = world.post(&path, json!({"displayName": "Human resources"})).await.expect(201);
        let principal = made["servicePrincipal"]["id"].as_str().unwrap();
        let jobs = format!("/v1.0/servicePrincipals/{principal}/synchronization/jobs");
        let job = world.post(&jobs, json!({"templateId": "API2AAD"})).await.expect(201);
        assert_eq!(job["status"]["code"], "Paused", "no credentials are needed: {job:#}");
        let job = format!("{jobs}/{}", job["id"].as_str().unwrap());
        Self { application: made["application"]["id"].as_str().unwrap().to_owned(), job, world }
    }

    fn id(&self) -> &str {
        self.job.rsplit('/').next().unwrap()
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: &Json) -> Answer {
        self.world
            .send(method, &format!("{}/bulkUpload{path}", self.job), &[("content-type", kind)], body)
            .await
    }

    async fn upload(&self, users: &[Json]) -> Answer {
        self.send("POST", "", MEDIA_TYPE, &request(users)).await
    }

    /// Runs a cycle of the job to its end.
    async fn cycle(&self) {
        let service = self.world.api.service();
        let (tenant, id) = (model::TenantId(crate::world::TENANT), model::JobId::from_text(self.id()));
        let mut job = service.store.job(tenant, &id).await.unwrap().unwrap();
        job.schedule.state = ScheduleState::Active;
        service.store.update_job(job.clone()).await.unwrap();
        self.world.clock.advance(SignedDuration::from_secs(1));
        service.engine.run_to_end(&job).await.unwrap();
    }

    /// Uploads users, runs a cycle and reads the account of the first.
    async fn account_after(&self, users: &[Json]) -> Json {
        assert_eq!(self.upload(users).await.status, 202);
        self.cycle().await;
        self.account(users[0]["externalId"].as_str().unwrap()).await
    }

    async fn account(&self, employee: &str) -> Json {
        let path = format!(
            "/v1.0/users?$filter=employeeId eq '{employee}'&$select=id,userPrincipalName,displayName,jobTitle,\
             department,accountEnabled,mailNickname,businessPhones,city,surname"
        );
        let found = self.world.get(&path).await.expect(200);
        found["value"][0].clone()
    }

    async fn staged(&self) -> Json {
        self.world.get(&format!("{}/bulkUpload/$value", self.job)).await.expect(200)
    }
}

fn request(users: &[Json]) -> Json {
    let operation = |user: &Json| {
        let mut data = user.clone();
        data["schemas"] = json!([CORE, ENTERPRISE, "urn:contoso:employee"]);
        // The reference's own examples repeat it.
        json!({"method": "POST", "bulkId": "897401c2-2de4-4b87-a97f-c02de3bcfc61", "path": "/Users", "data": data})
    };
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": users.iter().map(operation).collect::<Vec<_>>(), "failOnErrors": null,
    })
}

/// A user with everything that the examples of the reference have.
fn documented(id: &str, user: &str, display: &str) -> Json {
    json!({
        "externalId": id, "userName": format!("{user}@example.com"),
        "name": {
            "formatted": format!("Ms. {display}, III"), "familyName": "Jensen", "givenName": display,
            "middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III",
        },
        "displayName": display, "nickName": display,
        "emails": [{"value": format!("{user}@example.com"), "type": "work", "primary": true}],
        "addresses": [{
            "type": "work", "streetAddress": "234300 Universal City Plaza", "locality": "Hollywood", "region": "CA",
            "postalCode": "91608", "country": "USA", "primary": true,
            "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA",
        }],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}],
        "userType": "Employee", "title": "Tour Guide", "preferredLanguage": "en-US", "locale": "en-US",
        "timezone": "America/Los_Angeles", "active": true,
        ENTERPRISE: {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations",
            "manager": {
                "value": "89607", "$ref": "../Users/26118915-6090-4610-87e4-49d8ca9f808d", "displayName": "John Smith",
            },
        },
        "urn:contoso:employee": {"HireDate": "2021-05-01T00:00:00-05:00", "JobCode": "AB-1002"},
    })
}

#[tokio::test]
async fn an_upload_is_kept_and_becomes_accounts() {
    let inbound = Inbound::new().await;
    let users = [documented("701984", "bjensen", "Babs"), documented("701985", "kjensen", "Kathy")];
    let answer = inbound.upload(&users).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, Some("")));
    let log = answer.header("location").to_owned();
    let expected =
        format!("http://graph.test/v1.0/auditLogs/provisioning/?$filter=jobid%20eq%20'{}'", inbound.id());
    assert_eq!(log, expected);
    inbound.cycle().await;
    let account = inbound.account("701984").await;
    for (property, expected) in [
        ("userPrincipalName", json!("bjensen@example.com")),
        ("displayName", json!("Babs")),
        ("mailNickname", json!("bjensen")),
        ("surname", json!("Jensen")),
        ("jobTitle", json!("Tour Guide")),
        ("department", json!("Tour Operations")),
        ("businessPhones", json!(["555-555-5555"])),
        ("city", json!("Hollywood")),
        ("accountEnabled", json!(true)),
    ] {
        assert_eq!(account[property], expected, "{property}");
    }
    let records = inbound.world.get(&log).await.expect(200);
    let records = records["value"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    let known = ["701984", "701985"].map(Json::from);
    assert!(records.iter().all(|record| known.contains(&record["sourceIdentity"]["id"])), "{records:#?}");
}

/// The examples of the reference's page: new users, users with a schema of the client's own, and a change of one.
#[tokio::test]
async fn the_examples_of_the_reference_are_answered_as_documented() {
    let inbound = Inbound::new().await;
    let mut plain = documented("701984", "bjensen", "Babs");
    plain.as_object_mut().unwrap().remove("urn:contoso:employee");
    let own = [documented("701984", "bjensen", "Babs"), documented("701985", "kjensen", "Kathy")];
    let change =
        json!({"externalId": "701984", ENTERPRISE: {"department": "Tour Operations"}, "active": false});
    for version in ["v1.0", "beta"] {
        let path = format!("{}/bulkUpload", inbound.job).replace("v1.0", version);
        for users in [std::slice::from_ref(&plain), &own, std::slice::from_ref(&change)] {
            let kind = [("content-type", MEDIA_TYPE)];
            let answer = inbound.world.send("POST", &path, &kind, &request(users)).await;
            assert_eq!((answer.status, answer.body.as_str()), (202, Some("")));
            let log =
                format!("http://graph.test/{version}/auditLogs/provisioning/?$filter=jobid%20eq%20'API2AAD.");
            assert!(answer.header("location").starts_with(&log), "{}", answer.header("location"));
        }
    }
    inbound.cycle().await;
    let account = inbound.account("701984").await;
    assert_eq!((&account["displayName"], &account["accountEnabled"]), (&json!("Babs"), &json!(false)));
}

#[tokio::test]
async fn what_is_not_sent_stays_and_a_disabled_account_stays_disabled() {
    let inbound = Inbound::new().await;
    let before = inbound.account_after(&[documented("701984", "bjensen", "Babs")]).await;
    let left =
        json!({"externalId": "701984", "active": false, ENTERPRISE: {"department": "Human Resources"}});
    let mut expected = before.clone();
    expected["accountEnabled"] = json!(false);
    expected["department"] = json!("Human Resources");
    assert_eq!(inbound.account_after(&[left]).await, expected, "nothing else changes");
    let again = json!({"externalId": "701984", "title": null, "displayName": "Barbara"});
    expected["displayName"] = json!("Barbara");
    assert_eq!(inbound.account_after(&[again]).await, expected, "nulls do not flow, and active was not sent");
    let back = json!({"externalId": "701984", "active": "True"});
    expected["accountEnabled"] = json!(true);
    assert_eq!(inbound.account_after(&[back]).await, expected);
}

#[tokio::test]
async fn managers_are_found_whenever_they_come() {
    let inbound = Inbound::new().await;
    let account = inbound.account_after(&[documented("701984", "bjensen", "Babs")]).await;
    let path = format!("/v1.0/users/{}/manager", account["id"].as_str().unwrap());
    assert_eq!(inbound.world.get(&path).await.status, 404);
    let john = inbound.account_after(&[documented("89607", "jsmith", "John")]).await;
    assert_eq!(inbound.world.get(&path).await.expect(200)["id"], john["id"]);
    let other = json!({"externalId": "701984", ENTERPRISE: {"manager": {"value": "4711"}}});
    let grace = json!({"externalId": "4711", "userName": "grace@example.com", "displayName": "Grace"});
    inbound.account_after(&[other, grace]).await;
    assert_eq!(inbound.world.get(&path).await.expect(200)["displayName"], "Grace");
}

/// What is left out clears what the target has only where both gates are open.
#[tokio::test]
async fn absence_clears_through_two_open_gates_alone() {
    let inbound = Inbound::new().await;
    let path = format!("{}/schema", inbound.job);
    let mut schema = inbound.world.get(&path).await.expect(200);
    for (directory, attribute) in [("API", "title"), ("Microsoft Entra ID", "jobTitle")] {
        let directories = schema["directories"].as_array_mut().unwrap();
        let directory = directories.iter_mut().find(|one| one["name"] == directory).unwrap();
        let attributes = directory["objects"][0]["attributes"].as_array_mut().unwrap();
        attributes.iter_mut().find(|one| one["name"] == attribute).unwrap()["flowNullValues"] = json!(true);
    }
    inbound.world.put(&path, schema).await.expect(204);
    let before = inbound.account_after(&[documented("701984", "bjensen", "Babs")]).await;
    let mut expected = before.clone();
    expected["jobTitle"] = Json::Null;
    assert_eq!(inbound.account_after(&[json!({"externalId": "701984"})]).await, expected);
}

/// Whoever cannot be provisioned waits, and is tried again once there is more.
#[tokio::test]
async fn a_person_who_fails_is_not_lost() {
    let inbound = Inbound::new().await;
    let incomplete = json!({"externalId": "1", "displayName": "Ada"});
    assert_eq!(inbound.account_after(&[incomplete]).await, Json::Null);
    let escrows = inbound.job.replace("/v1.0/", "/beta/") + "/escrows";
    assert_eq!(inbound.world.every(&escrows).await.len(), 1);
    let account = inbound.account_after(&[json!({"externalId": "1", "userName": "ada@example.com"})]).await;
    assert_eq!((&account["displayName"], &account["accountEnabled"]), (&json!("Ada"), &json!(true)));
    assert!(inbound.world.every(&escrows).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_whole() {
    let inbound = Inbound::new().await;
    let good = json!({"externalId": "1", "userName": "ada@example.com"});
    let words =
        inbound.upload(&[good.clone(), json!({"userName": "b"})]).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'Operations[1].data.externalId'"), "{words}");
    let many = vec![good.clone(); 51];
    let words = inbound.upload(&many).await.refused(400, "Request_BadRequest");
    assert!(words.contains("51 operations; send 1 to 50"), "{words}");
    for kind in ["application/json", "text/plain", ""] {
        let answer = inbound.send("POST", "", kind, &request(std::slice::from_ref(&good))).await;
        let words = answer.refused(400, "Request_BadRequest");
        assert!(words.starts_with("Invalid Data Format") && words.contains(MEDIA_TYPE), "{words}");
    }
    let pieces: Vec<Json> = (0..5)
        .map(|piece| json!({"externalId": "1", "urn:a:b": { format!("n{piece}"): "x".repeat(60_000) }}))
        .collect();
    let words = inbound.upload(&pieces).await.refused(400, "Request_BadRequest");
    assert!(words.contains("more than 262144 octets"), "{words}");
    assert_eq!(inbound.staged().await["Operations"], json!([]), "nothing was kept");
}

#[tokio::test]
async fn past_the_rate_clients_are_asked_to_wait() {
    let inbound = Inbound::with_rate(2).await;
    let user = json!({"externalId": "1", "userName": "ada@example.com"});
    for _ in 0..2 {
        assert_eq!(inbound.upload(std::slice::from_ref(&user)).await.status, 202);
    }
    let answer = inbound.upload(std::slice::from_ref(&user)).await;
    assert_eq!(answer.header("retry-after"), "1");
    answer.expect(429);
    inbound.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(inbound.upload(&[user]).await.status, 202);
}

#[tokio::test]
async fn uploading_needs_its_own_permission_and_opens_nothing_else() {
    let inbound = Inbound::new().await;
    let path = format!("{}/bulkUpload", inbound.job);
    let body = request(&[json!({"externalId": "1", "userName": "ada@example.com"})]);
    let send = async |token: &str, method: &str, path: &str| {
        let headers = [("authorization", &*format!("Bearer {token}")), ("content-type", MEDIA_TYPE)];
        inbound.world.send(method, path, &headers, &body).await.status
    };
    let (_, all) = inbound.world.client(&["SynchronizationData-User.Upload"]).await;
    let (principal, owned) = inbound.world.client(&["SynchronizationData-User.Upload.OwnedBy"]).await;
    assert_eq!((send(&all, "POST", &path).await, send(&owned, "POST", &path).await), (202, 403));
    let add = json!({"@odata.id": reference(&principal)});
    let owners = format!("/v1.0/applications/{}/owners/$ref", inbound.application);
    inbound.world.post(&owners, add).await.expect(204);
    for token in [&all, &owned] {
        assert_eq!(send(token, "PUT", &format!("{path}/$value")).await, 202);
        for (method, path) in [("GET", &path), ("GET", &format!("{path}/$value")), ("DELETE", &path)] {
            assert_eq!(send(token, method, path).await, 403, "{method} {path}");
        }
        assert_eq!(send(token, "GET", &inbound.job).await, 403);
    }
    let (_, reader) = inbound.world.client(&["Synchronization.ReadWrite.All"]).await;
    assert_eq!(send(&reader, "POST", &path).await, 403);
    let other = inbound.world.other_tenant().await;
    assert_eq!(send(&other, "POST", &path).await, 404);
}

#[tokio::test]
async fn a_job_that_reads_something_else_takes_no_uploads() {
    let (rig, job) = Rig::with_job().await;
    let body = request(&[json!({"externalId": "1", "userName": "ada@example.com"})]);
    let kind = [("content-type", MEDIA_TYPE)];
    for (method, path) in [("POST", ""), ("PUT", "/$value"), ("GET", ""), ("GET", "/$value"), ("DELETE", "")]
    {
        let answer = rig.world.send(method, &format!("{job}/bulkUpload{path}"), &kind, &body).await;
        let words = answer.refused(409, "Request_Conflict");
        assert!(words.contains("template 'test' does not read uploads"), "{method}: {words}");
    }
}

/// The routes that only the builders of the SDKs show.
#[tokio::test]
async fn uploads_can_be_looked_at_and_removed() {
    let inbound = Inbound::new().await;
    let path = format!("{}/bulkUpload", inbound.job);
    let resource = inbound.world.get(&path).await.expect(200);
    assert_eq!(resource["id"], inbound.id());
    assert_eq!(inbound.world.patch(&path, resource.clone()).await.expect(200), resource);
    let words = inbound.world.patch(&path, json!({"id": "x"})).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'id'"), "{words}");

    let users: Vec<Json> = (0..40).map(|number| json!({"externalId": format!("{number:02}")})).collect();
    for kind in [MEDIA_TYPE, "application/octet-stream"] {
        assert_eq!(inbound.send("PUT", "/$value", kind, &request(&users)).await.status, 202);
    }
    let more: Vec<Json> = (40..60).map(|number| json!({"externalId": format!("{number:02}")})).collect();
    assert_eq!(inbound.upload(&more).await.status, 202);
    let staged = inbound.staged().await;
    let staged = staged["Operations"].as_array().unwrap();
    assert_eq!((staged.len(), &staged[0]["data"]["externalId"]), (50, &json!("10")), "the newest");

    inbound.cycle().await;
    inbound.world.delete(&path).await.expect(204);
    assert_eq!(inbound.staged().await["Operations"], json!([]));
    let audit = inbound.world.get("/v1.0/auditLogs/directoryAudits?$top=1").await.expect(200);
    assert_eq!(audit["value"][0]["activityDisplayName"], "Clear uploads of synchronization job");
    let account = inbound.account_after(&[documented("701984", "bjensen", "Babs")]).await;
    assert_eq!(account["displayName"], "Babs", "the next cycle begins anew");
    inbound.world.delete(&format!("{path}/$value")).await.expect(204);
    inbound.cycle().await;
    assert_eq!(inbound.account("701984").await, account, "nothing is deleted");
}

/// Uploads that pile up are taken up to a limit; those that were taken stay, and removing them makes room.
#[tokio::test]
async fn uploads_do_not_fill_the_disk() {
    let inbound = Inbound::with_limits(Limits { uploaded: 16 * 1024, ..Limits::default() }).await;
    let person = |number: usize| json!({"externalId": number.to_string(), "nickName": "x".repeat(1_000)});
    let mut taken = 0;
    let refused = loop {
        let answer = inbound.upload(&[person(taken)]).await;
        if answer.status != 202 {
            break answer;
        }
        taken += 1;
        assert!(taken < 16, "the limit holds");
    };
    let words = refused.refused(507, "InsufficientStorage");
    assert!(words.contains(&format!("of {taken} people, and 16384 octets is the most")), "{words}");
    assert!(taken > 10, "{taken}");
    assert_eq!(inbound.staged().await["Operations"].as_array().unwrap().len(), taken);
    inbound.send("DELETE", "", MEDIA_TYPE, &Json::Null).await.expect(204);
    // Who is uploaded again is counted once.
    for _ in 0..20 {
        inbound.upload(&[person(0)]).await.expect(202);
    }
}

#[tokio::test]
async fn a_clearing_of_uploads_is_audited() {
    let inbound = Inbound::new().await;
    for path in ["", "/$value"] {
        inbound.upload(&[json!({"externalId": "1"})]).await.expect(202);
        inbound.send("DELETE", path, MEDIA_TYPE, &Json::Null).await.expect(204);
        let audits = inbound.world.every("/v1.0/auditLogs/directoryAudits?$top=1").await;
        let told = |one: &Json| (one["activityDisplayName"].clone(), one["targetResources"][0]["id"].clone());
        let clearing = (json!("Clear uploads of synchronization job"), json!(inbound.id()));
        assert_eq!(told(&audits[0]), clearing);
        let clearings = audits.iter().filter(|one| told(one) == clearing).count();
        assert_eq!(clearings, if path.is_empty() { 1 } else { 2 });
    }
}
