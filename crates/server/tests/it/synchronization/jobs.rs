use serde_json::{Value as Json, json};

use super::rig::{Rig, user};

#[tokio::test]
async fn a_new_job_is_disabled_and_runs_every_forty_minutes() {
    let rig = Rig::new().await;
    let answer = rig.world.post(&format!("{}/jobs", rig.path), json!({"templateId": "TEST"})).await;
    let location = answer.header("location").to_owned();
    let job = answer.expect(201);
    let id = job["id"].as_str().unwrap();
    assert!(id.starts_with("test.00000000000000000000000000007e4a."), "{id}");
    assert_eq!(location, format!("http://graph.test{}/jobs/{id}", rig.path));
    let mut shown = job.clone();
    shown.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "@odata.context");
    insta::assert_json_snapshot!(shown, @r#"
    {
      "schedule": {
        "expiration": null,
        "interval": "PT40M",
        "state": "Disabled"
      },
      "status": {
        "code": "NotConfigured",
        "countSuccessiveCompleteFailures": 0,
        "escrowsPruned": false,
        "lastExecution": null,
        "lastSuccessfulExecution": null,
        "lastSuccessfulExecutionWithExports": null,
        "progress": [],
        "quarantine": null,
        "steadyStateFirstAchievedTime": "0001-01-01T00:00:00Z",
        "steadyStateLastAchievedTime": "0001-01-01T00:00:00Z",
        "synchronizedEntryCountByType": [],
        "troubleshootingUrl": null
      },
      "synchronizationJobSettings": [],
      "templateId": "test"
    }
    "#);
    assert_eq!(rig.world.get(&format!("{}/jobs/{id}", rig.path)).await.expect(200), job);
    let audit = rig.newest_audit().await;
    assert_eq!(
        (&audit["activityDisplayName"], &audit["targetResources"][0]["id"]),
        (&json!("Add synchronization job"), &json!(id))
    );

    // With credentials it is paused, not unconfigured.
    rig.put_secrets(&[("BaseAddress", "memory")]).await.expect(204);
    let job = rig.world.get(&format!("{}/jobs/{id}", rig.path)).await.expect(200);
    assert_eq!(job["status"]["code"], "Paused");
}

#[tokio::test]
async fn a_job_needs_a_template_of_its_application() {
    let rig = Rig::new().await;
    let path = format!("{}/jobs", rig.path);
    let words = rig.world.post(&path, json!({})).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'templateId'"), "{words}");
    let words = rig
        .world
        .post(&path, json!({"templateId": "salesforce"}))
        .await
        .refused(400, "RequestParameterInvalid");
    assert!(words.contains("no synchronization template 'salesforce'. Its templates are: test."), "{words}");
    let words = rig.world.post(&path, json!({"templateID": "test"})).await.refused(400, "Request_BadRequest");
    assert!(words.contains("templateID"), "{words}");
    let settings = json!([{"name": "Intervall", "value": "PT1S"}]);
    let body = json!({"templateId": "test", "synchronizationJobSettings": settings});
    let words = rig.world.post(&path, body).await.refused(400, "Request_BadRequest");
    assert!(words.contains("did you mean 'Interval'?"), "{words}");
    assert_eq!(rig.world.get(&path).await.expect(200)["value"], json!([]));
}

#[tokio::test]
async fn a_job_can_be_made_with_schedule_settings_and_schema() {
    let rig = Rig::new().await;
    let mut schema = super::rig::schema();
    schema["synchronizationRules"][0]["name"] = json!("Other");
    let body = json!({
        "templateId": "test", "schedule": {"interval": "PT5M"}, "schema": schema,
        "synchronizationJobSettings": [{"name": "LogSkips", "value": "All"}],
    });
    let job = rig.world.post(&format!("{}/jobs", rig.path), body).await.expect(201);
    assert_eq!(job["schedule"]["interval"], "PT5M");
    assert_eq!(job["synchronizationJobSettings"], json!([{"name": "LogSkips", "value": "All"}]));
    let path = format!("{}/jobs/{}?$expand=schema", rig.path, job["id"].as_str().unwrap());
    let job = rig.world.get(&path).await.expect(200);
    assert_eq!(job["schema"]["synchronizationRules"][0]["name"], "Other");

    let mut broken = super::rig::schema();
    broken["synchronizationRules"][0]["objectMappings"][0]["sourceObjectName"] = json!("Usr");
    let body = json!({"templateId": "test", "schema": broken});
    let words = rig.world.post(&format!("{}/jobs", rig.path), body).await.refused(400, "Request_BadRequest");
    assert!(words.contains("mapping 'Users'"), "{words}");
}

#[tokio::test]
async fn jobs_are_listed_filtered_selected_and_paged() {
    let rig = Rig::new().await;
    let mut made: Vec<Json> = Vec::new();
    for _ in 0..3 {
        made.push(rig.create_job().await["id"].clone());
    }
    let path = format!("{}/jobs", rig.path);
    let ids = |page: &Json| {
        page["value"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect::<Vec<_>>()
    };
    let page = rig.world.get(&path).await.expect(200);
    let all = ids(&page);
    assert_eq!(all.len(), 3);
    assert!(made.iter().all(|id| all.contains(id)));
    assert_eq!(rig.world.get(&format!("{path}/$count")).await.expect(200), json!(3));

    let page = rig.world.get(&format!("{path}?$top=2&$count=true&$select=id,templateId")).await.expect(200);
    assert_eq!(page["@odata.count"], 3);
    assert_eq!(page["value"][0], json!({"id": all[0], "templateId": "test"}));
    assert_eq!(rig.world.every(&format!("{path}?$top=2")).await.len(), 3);
    assert_eq!(ids(&rig.world.get(&format!("{path}?$skip=2")).await.expect(200)), all[2..]);
    let one = all[1].as_str().unwrap();
    let page = rig
        .world
        .get(&format!("{path}?$filter=id eq '{one}' and schedule/state eq 'Disabled'"))
        .await
        .expect(200);
    assert_eq!(ids(&page), [json!(one)]);
    assert_eq!(rig.world.get(&format!("{path}/$count?$filter=id eq 'x'")).await.expect(200), json!(0));
    let filter = "schedule/expiration eq null and status/quarantine/reason eq null and status/progress/$count eq 0 \
                  and not (synchronizationJobSettings/any())";
    assert_eq!(ids(&rig.world.get(&format!("{path}?$filter={filter}")).await.expect(200)).len(), 3);
    let page = rig.world.get(&format!("{path}?$expand=schema&$select=id")).await.expect(200);
    assert_eq!(page["value"][0]["schema"]["id"], page["value"][0]["id"]);

    for (query, words) in [
        ("$expand=bulkUpload", "'bulkUpload' in '$expand'"),
        ("$select=nme", "'nme' in '$select'"),
        ("$filter=nme eq 1", "'nme' in '$filter'. The properties are: id, templateId, "),
        ("$filter=id eq 'x' or not (schedule/stat eq 'Active')", "'schedule/stat' in '$filter'"),
        ("$filter=synchronizationJobSettings/name eq 'x'", "'synchronizationJobSettings/name' in '$filter'"),
        ("$orderby=nme", "'nme' in '$orderby'"),
        ("$search=%22x%22", "'$search'"),
        ("$fliter=x", "Did you mean '$filter'?"),
    ] {
        let message = rig.world.get(&format!("{path}?{query}")).await.refused(400, "Request_BadRequest");
        assert!(message.contains(words), "{query}: {message}");
    }
    let whole = rig.world.get(&format!("{}?$expand=jobs,templates", rig.path)).await.expect(200);
    assert_eq!(whole["jobs"].as_array().unwrap().len(), 3);
    assert_eq!(whole["templates"][0]["id"], "test");
}

#[tokio::test]
async fn a_job_belongs_to_one_service_principal() {
    let (rig, job) = Rig::with_job().await;
    let path = format!("/v1.0/applicationTemplates/{}/instantiate", crate::world::TEMPLATE);
    let other = rig.world.post(&path, json!({"displayName": "Other"})).await.expect(201);
    let foreign = job.replace(&rig.principal, other["servicePrincipal"]["id"].as_str().unwrap());
    for path in [foreign.clone(), format!("{foreign}/schema")] {
        rig.world.get(&path).await.refused(404, "Request_ResourceNotFound");
    }
    rig.world.post(&format!("{foreign}/start"), Json::Null).await.refused(404, "Request_ResourceNotFound");
    rig.world.delete(&foreign).await.refused(404, "Request_ResourceNotFound");
    rig.world.get(&job).await.expect(200);
    rig.world.get(&format!("{}/jobs/none", rig.path)).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn schedule_and_settings_change() {
    let (rig, job) = Rig::with_job().await;
    let body = json!({
        "schedule": {"interval": "PT5M", "expiration": "2030-01-01T00:00:00Z"},
        "synchronizationJobSettings": [{"name": "MaxDeletes", "value": "5"}],
    });
    assert_eq!(rig.world.patch(&job, body).await.expect(204), json!(""));
    let shown = rig.world.get(&job).await.expect(200);
    assert_eq!(
        shown["schedule"],
        json!({"expiration": "2030-01-01T00:00:00Z", "interval": "PT5M", "state": "Disabled"})
    );
    assert_eq!(shown["synchronizationJobSettings"], json!([{"name": "MaxDeletes", "value": "5"}]));
    let audit = rig.newest_audit().await;
    assert_eq!(audit["activityDisplayName"], "Update synchronization job");
    let modified = &audit["targetResources"][0]["modifiedProperties"];
    assert_eq!(
        modified[1],
        json!({"displayName": "settings", "oldValue": "{}", "newValue": "{\"MaxDeletes\":\"5\"}"})
    );

    // What was read can be sent back, and changes nothing.
    let audits = rig.audits().await;
    rig.world.patch(&job, shown.clone()).await.expect(204);
    assert_eq!(rig.world.get(&job).await.expect(200), shown);
    assert_eq!(rig.audits().await, audits);

    // The setting and the schedule's property are one value, whichever of them is changed.
    let interval = async || rig.world.get(&job).await.expect(200)["schedule"]["interval"].clone();
    let setting = |value: &str| json!({"synchronizationJobSettings": [{"name": "Interval", "value": value}]});
    rig.world.patch(&job, setting("PT1M")).await.expect(204);
    assert_eq!(interval().await, "PT1M");
    let mut back = rig.world.get(&job).await.expect(200);
    back["synchronizationJobSettings"] = setting("PT2M")["synchronizationJobSettings"].clone();
    rig.world.patch(&job, back).await.expect(204);
    assert_eq!(interval().await, "PT2M");
    rig.world.patch(&job, json!({"schedule": {"interval": "PT3M", "expiration": null}})).await.expect(204);
    let shown = rig.world.get(&job).await.expect(200);
    assert_eq!(shown["schedule"], json!({"expiration": null, "interval": "PT3M", "state": "Disabled"}));
    assert_eq!(shown["synchronizationJobSettings"], json!([]));
}

#[tokio::test]
async fn wrong_changes_are_refused_and_change_nothing() {
    let (rig, job) = Rig::with_job().await;
    let before = rig.world.get(&job).await.expect(200);
    let setting =
        |name: &str, value: &str| json!({"synchronizationJobSettings": [{"name": name, "value": value}]});
    for (body, words) in [
        (json!({"schedule": {"interval": "PT0S"}}), "'schedule.interval'"),
        (json!({"schedule": {"interval": "soon"}}), "PT40M"),
        (json!({"schedule": {"intervall": "PT1M"}}), "intervall"),
        (setting("MaxDelets", "5"), "did you mean 'MaxDeletes'?"),
        (setting("MaxDeletes", "many"), "'MaxDeletes' is 'many'"),
        (
            json!({"synchronizationJobSettings": [
                {"name": "MaxDeletes", "value": "5"}, {"name": "LogSkips", "value": "All"},
                {"name": "MaxDeletes", "value": "5"},
            ]}),
            "'MaxDeletes' is given twice",
        ),
        (json!({"id": "other"}), "'id' cannot be written"),
        (json!({"templateId": "other"}), "'templateId' cannot be written"),
        (json!({"schedule": {"state": "Active"}}), "POST …/start"),
        (json!({"schedule": {"state": "Running"}}), "'schedule.state'"),
        (json!({"schema": {"directories": []}}), "/schema"),
        (json!({"colour": "red"}), "unknown field `colour`"),
        (json!([]), "JSON object"),
    ] {
        let message = rig.world.patch(&job, body).await.refused(400, "Request_BadRequest");
        assert!(message.contains(words), "{words}: {message}");
    }
    assert_eq!(rig.world.get(&job).await.expect(200), before);
}

#[tokio::test]
async fn a_deleted_job_is_gone_and_accounts_stay() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 1);
    let id = job.rsplit('/').next().unwrap();
    let log = format!("/v1.0/auditLogs/provisioning?$filter=jobId eq '{id}'");
    let records = rig.world.every(&log).await.len();
    assert!(records > 0);
    rig.world.delete(&job).await.expect(204);
    rig.world.get(&job).await.refused(404, "Request_ResourceNotFound");
    rig.world.delete(&job).await.refused(404, "Request_ResourceNotFound");
    assert_eq!(rig.target.len("account"), 1);
    let audit = rig.newest_audit().await;
    assert_eq!(
        (&audit["activityDisplayName"], &audit["operationType"]),
        (&json!("Delete synchronization job"), &json!("Delete"))
    );
    // Its log stays, and can still be read.
    let left = rig.world.every(&log).await;
    assert_eq!(left.len(), records);
    assert_eq!(left[0]["servicePrincipal"], json!({"id": "", "displayName": ""}));
}

/// The bin hides assignments: a job that went on would take everybody for unassigned.
#[tokio::test]
async fn jobs_stop_before_their_application_goes_and_go_with_it_for_good() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    rig.world.delete(&format!("/v1.0/applications/{}", rig.application)).await.expect(204);
    rig.world.get(&job).await.refused(404, "Request_ResourceNotFound");
    let bin = format!("/v1.0/directory/deletedItems/{}", rig.application);
    rig.world.post(&format!("{bin}/restore"), Json::Null).await.expect(200);
    assert_eq!(rig.world.get(&job).await.expect(200)["schedule"]["state"], "Paused");
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);

    rig.world.delete(&format!("/v1.0/servicePrincipals/{}", rig.principal)).await.expect(204);
    let bin = format!("/v1.0/directory/deletedItems/{}", rig.principal);
    rig.world.delete(&bin).await.expect(204);
    let service = rig.world.api.service();
    let owner = model::ServicePrincipalId(rig.principal.parse().unwrap());
    let tenant = model::TenantId(crate::world::TENANT);
    assert_eq!(service.store.jobs_of(tenant, owner).await.unwrap(), []);
    assert_eq!(service.store.secrets(tenant, owner).await.unwrap(), []);
    assert_eq!(rig.target.len("account"), 1, "accounts stay");
}

#[tokio::test]
async fn an_owner_may_manage_the_jobs_of_its_applications() {
    let (rig, job) = Rig::with_job().await;
    let (principal, token) = rig.world.client(&["Application.ReadWrite.OwnedBy"]).await;
    let ask =
        async |method: &str, path: &str, body: Json| rig.world.as_client(&token, method, path, &body).await;
    ask("GET", &job, Json::Null).await.refused(403, "Authorization_RequestDenied");
    ask("POST", &format!("{job}/start"), Json::Null).await.refused(403, "Authorization_RequestDenied");
    let owners = format!("/v1.0/applications/{}/owners/$ref", rig.application);
    rig.world.post(&owners, json!({"@odata.id": crate::world::reference(&principal)})).await.expect(204);
    ask("GET", &job, Json::Null).await.expect(200);
    ask("POST", &format!("{job}/start"), Json::Null).await.expect(204);
    let by_application = job.replace(
        &format!("servicePrincipals/{}", rig.principal),
        &format!("applications/{}", rig.application),
    );
    ask("GET", &by_application, Json::Null).await.expect(200);
}

#[tokio::test]
async fn who_may_read_may_not_order() {
    let (rig, job) = Rig::with_job().await;
    let (_, token) = rig.world.client(&["Synchronization.Read.All"]).await;
    rig.world.as_client(&token, "GET", &job, &Json::Null).await.expect(200);
    for (method, path) in [("POST", format!("{job}/start")), ("DELETE", job.clone()), ("PATCH", job.clone())]
    {
        let answer = rig.world.as_client(&token, method, &path, &Json::Null).await;
        answer.refused(403, "Authorization_RequestDenied");
    }
}

/// Changes of one job at the same moment wait for each other: none undoes what another changed.
#[tokio::test]
async fn changes_at_the_same_moment_leave_each_other_alone() {
    let (rig, job) = Rig::with_job().await;
    for round in 0..10 {
        let minutes = 30 + round;
        let settings =
            json!({"synchronizationJobSettings": [{"name": "MaxCreates", "value": minutes.to_string()}]});
        let schedule = json!({"schedule": {"interval": format!("PT{minutes}M")}});
        let order = format!("{job}/{}", if round % 2 == 0 { "start" } else { "pause" });
        let (settings, schedule, order) = tokio::join!(
            rig.world.patch(&job, settings),
            rig.world.patch(&job, schedule),
            rig.world.post(&order, Json::Null),
        );
        for answer in [settings, schedule, order] {
            answer.expect(204);
        }
        let changed = rig.job(&job).await;
        assert_eq!(changed.schedule.interval, model::SignedDuration::from_mins(minutes));
        assert_eq!(changed.settings[0].value, minutes.to_string());
        let active = changed.schedule.state == model::job::ScheduleState::Active;
        assert_eq!(active, round % 2 == 0, "round {round}");
    }
}
