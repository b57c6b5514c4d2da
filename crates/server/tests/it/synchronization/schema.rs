use serde_json::{Value as Json, json};

use super::rig::{Rig, user};

fn users(schema: &mut Json) -> &mut Json {
    &mut schema["synchronizationRules"][0]["objectMappings"][0]
}

async fn schema(rig: &Rig, job: &str) -> Json {
    let mut schema = rig.world.get(&format!("{job}/schema")).await.expect(200);
    schema.as_object_mut().unwrap().remove("@odata.context");
    schema
}

/// A schema like those that other services export, with what they have and this one does not know.
fn odd() -> Json {
    let mut schema = super::rig::schema();
    schema["directories"][0]["readOnly"] = json!(false);
    schema["directories"][0]["objects"][0]["supportedApis"] = json!("User");
    schema["directories"][0]["objects"].as_array_mut().unwrap().push(json!({
        "name": "User", "attributes": [], "metadata": [{"key": "IsHardDeletionSupported", "value": "true"}],
    }));
    schema["synchronizationRules"][0]["metadata"] = json!([{"key": "RuleKind", "value": "\"Normal\""}]);
    schema["synchronizationRules"][0]["containerFilter"] = Json::Null;
    schema["synchronizationRules"][0]["defaultSourceObjectMappings"] = json!(["a"]);
    schema["synchronizationRules"][0]["objectMappings"].as_array_mut().unwrap().push(json!({
        "name": null, "enabled": false, "flowTypes": "None", "sourceObjectName": "", "targetObjectName": "nothing",
        "attributeMappings": [], "metadata": [], "scope": {"categoryFilterGroups": [], "inputFilterGroups": [],
            "groups": [{"name": "g", "clauses": [{"operatorName": "IS NULL", "sourceOperandName": "x", "targetOperand": null}]}]},
    }));
    users(&mut schema)["attributeMappings"][1]["source"]["apiExpressions"] = json!([]);
    schema
}

/// Whether everything in one value is in the other; properties may be added, but not lists' elements.
fn contains(whole: &Json, part: &Json) -> Result<(), String> {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => part.iter().try_for_each(|(name, value)| {
            let there = whole.get(name).ok_or_else(|| format!("{name} is missing"))?;
            contains(there, value).map_err(|error| format!("{name}/{error}"))
        }),
        (Json::Array(whole), Json::Array(part)) if whole.len() == part.len() => {
            whole.iter().zip(part).try_for_each(|(whole, part)| contains(whole, part))
        }
        (whole, part) if whole == part => Ok(()),
        (whole, part) => Err(format!(" {whole} is not {part}")),
    }
}

#[tokio::test]
async fn a_new_job_has_the_schema_of_its_template() {
    let (rig, job) = Rig::with_job().await;
    let shown = rig.world.get(&format!("{job}/schema")).await.expect(200);
    let context = shown["@odata.context"].as_str().unwrap();
    assert!(context.ends_with("/schema/$entity"), "{context}");
    assert_eq!(shown["id"].as_str(), job.rsplit('/').next());
    assert_eq!(shown["version"], "1.0");
    contains(&shown, &super::rig::schema()).unwrap();
}

#[tokio::test]
async fn a_replaced_schema_comes_back_equal() {
    let (rig, job) = Rig::with_job().await;
    let sent = odd();
    assert_eq!(rig.world.put(&format!("{job}/schema"), sent.clone()).await.expect(204), json!(""));
    let shown = schema(&rig, &job).await;
    contains(&shown, &sent).unwrap();
    assert_eq!(shown["version"], "2.0");
    // What was read can be put back, and is then the same but for its version.
    let mut again = shown.clone();
    rig.world.put(&format!("{job}/schema"), shown.clone()).await.expect(204);
    again["version"] = json!("3.0");
    assert_eq!(schema(&rig, &job).await, again);
}

#[tokio::test]
async fn a_patch_removes_elements_and_keeps_properties() {
    let (rig, job) = Rig::with_job().await;
    rig.world.put(&format!("{job}/schema"), odd()).await.expect(204);
    let before = schema(&rig, &job).await;
    // As a client sends it that knows neither flow types nor what it has no model for.
    let mut sent = before.clone();
    sent["@odata.type"] = json!("#microsoft.graph.synchronizationSchema");
    for rule in sent["synchronizationRules"].as_array_mut().unwrap() {
        rule["@odata.type"] = json!("#microsoft.graph.synchronizationRule");
        rule.as_object_mut().unwrap().retain(|name, _| name != "containerFilter" && name != "metadata");
        for mapping in rule["objectMappings"].as_array_mut().unwrap() {
            mapping.as_object_mut().unwrap().retain(|name, _| name != "flowTypes" && name != "scope");
        }
    }
    let mappings = users(&mut sent)["attributeMappings"].as_array_mut().unwrap();
    mappings.retain(|mapping| mapping["targetAttributeName"] != "active");
    rig.world.patch(&format!("{job}/schema"), sent).await.expect(204);

    let after = schema(&rig, &job).await;
    let mut expected = before;
    expected["version"] = json!("3.0");
    let kept = users(&mut expected)["attributeMappings"].as_array_mut().unwrap();
    kept.retain(|mapping| mapping["targetAttributeName"] != "active");
    assert_eq!(after, expected);
    let audit = rig.newest_audit().await;
    assert_eq!(audit["activityDisplayName"], "Update synchronization schema");
    let modified = audit["targetResources"][0]["modifiedProperties"].as_array().unwrap();
    let places: Vec<&str> = modified.iter().map(|one| one["displayName"].as_str().unwrap()).collect();
    assert_eq!(
        places,
        ["synchronizationRules[rule]/objectMappings[Users]/attributeMappings[active]", "version"]
    );
}

#[tokio::test]
async fn the_next_cycle_uses_the_new_schema() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    let name = |rig: &Rig| rig.target.objects("account")[0].get("name").to_string();
    assert_eq!(name(&rig), "ADA");
    let mut sent = schema(&rig, &job).await;
    users(&mut sent)["attributeMappings"][1]["source"]["expression"] = json!("Append([login], \"!\")");
    rig.world.patch(&format!("{job}/schema"), sent).await.expect(204);
    rig.cycle(&job).await;
    assert_eq!(name(&rig), "ada!");
}

#[tokio::test]
async fn a_schema_that_cannot_run_is_refused_with_place_and_mend() {
    let (rig, job) = Rig::with_job().await;
    let before = schema(&rig, &job).await;
    let broken = |change: &dyn Fn(&mut Json)| {
        let mut schema = super::rig::schema();
        change(&mut schema);
        schema
    };
    let cases: [(Json, &str); 7] = [
        (
            broken(&|schema| {
                users(schema)["attributeMappings"][1]["source"]["expression"] = json!("Uper([login])");
            }),
            "Rule 'Out', mapping 'Users', attribute 'name'",
        ),
        (
            broken(&|schema| users(schema)["attributeMappings"][1]["targetAttributeName"] = json!("nme")),
            "did you mean 'name'?",
        ),
        (
            broken(&|schema| users(schema)["attributeMappings"][0]["matchingPriority"] = json!(0)),
            "matchingPriority",
        ),
        (
            broken(&|schema| schema["synchronizationRules"][0]["targetDirectoryName"] = json!("Apps")),
            "'Apps'",
        ),
        (broken(&|schema| users(schema)["flowTypes"] = json!("Everything")), "objectMappings[0].flowTypes"),
        (broken(&|schema| users(schema)["enabled"] = json!("yes")), "objectMappings[0].enabled"),
        (json!({"directories": {}}), "'directories'"),
    ];
    for (body, words) in cases {
        let message =
            rig.world.put(&format!("{job}/schema"), body.clone()).await.refused(400, "Request_BadRequest");
        assert!(message.contains(words), "{words}: {message}");
        let answer = rig.world.patch(&format!("{job}/schema"), body).await;
        assert_eq!(answer.status, 400, "{words}: {:#}", answer.body);
    }
    let unknown =
        broken(&|schema| users(schema)["attributeMappings"][1]["source"]["expression"] = json!("[logn]"));
    let answer = rig.world.put(&format!("{job}/schema"), unknown).await.expect(400);
    assert_eq!(answer["error"]["details"][0]["target"], "name");
    assert_eq!(schema(&rig, &job).await, before);
}

#[tokio::test]
async fn the_deepest_expression_goes_out_and_in_as_a_tree() {
    let (rig, job) = Rig::with_job().await;
    let deepest =
        (0..64).fold("[login]".to_owned(), |inner, _| format!("Trim({inner} = \"x\")")) + " = \"x\"";
    let answer =
        rig.world.post(&format!("{job}/schema/parseExpression"), json!({"expression": deepest})).await;
    let tree = answer.expect(200)["parsedExpression"].clone();
    let mut sent = schema(&rig, &job).await;
    users(&mut sent)["attributeMappings"][1]["source"] = tree.clone();
    rig.world.put(&format!("{job}/schema"), sent.clone()).await.expect(204);
    let shown = schema(&rig, &job).await;
    sent["version"] = shown["version"].clone();
    assert_eq!(shown, sent);

    // Also without its text, and within a batch.
    let source = &mut users(&mut sent)["attributeMappings"][1]["source"];
    source["expression"] = Json::Null;
    let url = format!("{job}/schema").replace("/v1.0", "");
    let request = |method: &str, body: Json| {
        let mut request = json!({"id": "1", "method": method, "url": url});
        if !body.is_null() {
            request["headers"] = json!({"Content-Type": "application/json"});
            request["body"] = body;
        }
        json!({"requests": [request]})
    };
    let answer = rig.world.post("/v1.0/$batch", request("PATCH", sent)).await.expect(200);
    assert_eq!(answer["responses"][0]["status"], 204, "{answer:#}");
    let mut answer = rig.world.post("/v1.0/$batch", request("GET", Json::Null)).await.expect(200);
    let shown = &mut users(&mut answer["responses"][0]["body"])["attributeMappings"][1]["source"];
    assert_eq!(shown["parameters"], tree["parameters"]);

    rig.source.upsert(user("ada"));
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    assert_eq!(rig.target.objects("account")[0].get("name").to_string(), "False");
}

#[tokio::test]
async fn a_deleted_schema_is_the_templates_again() {
    let (rig, job) = Rig::with_job().await;
    let original = schema(&rig, &job).await;
    rig.world.put(&format!("{job}/schema"), odd()).await.expect(204);
    assert_eq!(rig.world.delete(&format!("{job}/schema")).await.expect(204), json!(""));
    let mut shown = schema(&rig, &job).await;
    assert_eq!(shown["version"], "3.0");
    shown["version"] = original["version"].clone();
    assert_eq!(shown, original);
}

#[tokio::test]
async fn changes_at_the_same_moment_lose_nothing() {
    let (rig, job) = Rig::with_job().await;
    let path = format!("{job}/schema");
    let rule = |name: &str| json!({"synchronizationRules": [{"id": "rule", name: "x"}]});
    let names = ["one", "two", "three"];
    let answers = futures::future::join_all(names.map(|name| rig.world.patch(&path, rule(name)))).await;
    for answer in answers {
        answer.expect(204);
    }
    let shown = schema(&rig, &job).await;
    assert_eq!(shown["version"], "4.0");
    for name in names {
        assert_eq!(shown["synchronizationRules"][0][name], "x");
    }
}

/// Who names no version waits for others who write at the same moment: every change lands.
#[tokio::test]
async fn changes_at_the_same_moment_wait_for_each_other() {
    let (rig, job) = Rig::with_job().await;
    let world = &rig.world;
    for at in [job.clone(), format!("{}/templates/test", rig.path)] {
        let path = &format!("{at}/schema/directories");
        let changes = (0..24).map(|number| async move {
            let body = json!({"name": format!("Directory {number}"), "objects": []});
            world.post(path, body).await.expect(201);
        });
        futures::future::join_all(changes).await;
        let directories = world.every(&format!("{at}/schema/directories")).await;
        assert_eq!(directories.len(), 26, "{at}");
    }
}
