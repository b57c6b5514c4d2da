//! Plans over HTTP.

use serde_json::{Value as Json, json};

use super::rig::{Rig, user};

impl Rig {
    pub(crate) async fn settled(&self, job: &str) {
        let id = model::JobId::from_text(job.rsplit('/').next().unwrap());
        let service = self.world.api.service();
        let job = service.store.job(model::TenantId(crate::world::TENANT), &id).await.unwrap().unwrap();
        service.engine.settle_plans(&job).await;
    }
}

#[tokio::test]
async fn a_cycle_is_planned_looked_at_and_applied() {
    let (rig, job) = Rig::with_job().await;
    for name in ["ada", "bob", "cyd"] {
        rig.source.upsert(user(name));
    }
    let beta = job.replace("/v1.0/", "/beta/");
    let answer = rig.world.post(&format!("{beta}/plan"), Json::Null).await;
    let location = answer.header("location").to_owned();
    let plan = answer.expect(202);
    let path = format!("{beta}/plans/{}", plan["id"].as_str().unwrap());
    assert!(location.ends_with(&path), "{location}");
    assert_eq!((&plan["status"], &plan["scope"]), (&json!("computing"), &json!("cycle")));
    rig.settled(&job).await;

    let plan = rig.world.get(&format!("{path}?$top=2")).await.expect(200);
    assert_eq!((&plan["status"], &plan["counts"]["creates"]), (&json!("ready"), &json!(3)));
    assert_eq!(
        (&plan["initial"], &plan["exceedsLimits"], &plan["error"]),
        (&json!(true), &json!(false), &Json::Null)
    );
    let first = &plan["changes"][0];
    assert_eq!((&first["number"], &first["provisioningAction"]), (&json!(1), &json!("create")));
    assert_eq!(first["modifiedProperties"][0]["displayName"], "userName");
    assert_eq!(plan["changes"].as_array().unwrap().len(), 2);
    let rest = rig.world.get(plan["changes@odata.nextLink"].as_str().unwrap()).await.expect(200);
    assert_eq!(rest["value"].as_array().unwrap().len(), 1);
    assert_eq!(rig.world.every(&format!("{path}/changes?$top=1")).await.len(), 3);
    assert_eq!(rig.target.len("account"), 0);

    let applying = rig.world.post(&format!("{path}/apply"), Json::Null).await.expect(202);
    assert_eq!(applying["status"], "applying");
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Apply synchronization plan");
    rig.settled(&job).await;
    let plan = rig.world.get(&path).await.expect(200);
    assert_eq!((&plan["status"], &plan["counts"]["applied"]), (&json!("applied"), &json!(3)));
    assert_eq!(plan["changes"][0]["result"], "applied");
    assert_eq!(rig.target.len("account"), 3);
    rig.world.post(&format!("{path}/apply"), Json::Null).await.refused(409, "Request_Conflict");
    let plans = rig.world.get(&format!("{beta}/plans")).await.expect(200);
    assert_eq!(plans["value"][0]["id"], plan["id"]);
    rig.world.get(&path.replace("/beta/", "/v1.0/")).await.refused(404, "Request_ResourceNotFound");
    let nowhere = format!("{beta}/plans/{}", crate::world::TEMPLATE);
    rig.world.get(&nowhere).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn given_objects_are_planned_at_once() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    let path = format!("{}/plan", job.replace("/v1.0/", "/beta/"));
    let subject = json!({"objectId": "ada", "objectTypeName": "User"});
    let plan = rig.world.post(&path, json!({"subjects": [subject]})).await.expect(201);
    assert_eq!(
        (&plan["status"], &plan["scope"], &plan["counts"]["creates"]),
        (&json!("ready"), &json!("subjects"), &json!(1))
    );
    let none = rig.world.post(&path, json!({"subjects": []})).await.refused(400, "RequestParameterInvalid");
    assert!(none.contains("1 to 100 objects"), "{none}");
    let nobody = json!({"subjects": [{"objectId": "nobody", "objectTypeName": "User"}]});
    rig.world.post(&path, nobody).await.refused(404, "Request_ResourceNotFound");
    let wrong = json!({"subjects": [{"objectId": "ada"}]});
    rig.world.post(&path, wrong).await.refused(400, "Request_BadRequest");
}
