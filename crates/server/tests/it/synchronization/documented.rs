//! The examples of the public pages about the synchronization API, with ids of our own: status and shape of the answers
//! are as documented. A shape names every property of a Graph resource with its type; an answer MUST have those, and no
//! others. The page about `bulkUpload` is replayed in `uploads.rs`, where a job reads uploads, and that about
//! `acquireAccessToken` in the tests of the binary (`oauth.rs`), where there is a token endpoint.

use model::Object;
use serde_json::{Map, Value as Json, json};

use super::rig::{GOOD, Rig, user};
use crate::world::Answer;

/// One example of a page.
struct Example {
    /// The page's name in the documentation, which has one for each version.
    page: &'static str,
    method: &'static str,
    /// Below the service principal, or from the root where it begins with a slash. `{job}`, `{rule}`, `{user}` and
    /// `{application}` stand for ids.
    path: &'static str,
    body: Json,
    status: u16,
    /// The answer; null for an empty body.
    shape: Json,
    /// True for what only beta has.
    beta: bool,
}

/// Stands in a shape for a text that is JSON of a shape.
const WITHIN: &str = "JSON within a text";

/// Whether a value has a shape. Texts of a shape name types, with `?` where null is allowed; a property whose name ends
/// so may be absent.
fn fits(shape: &Json, value: &Json) -> Result<(), String> {
    match (shape, value) {
        (Json::Object(shape), Json::String(text)) if shape.contains_key(WITHIN) => {
            let value: Json = serde_json::from_str(text).map_err(|error| format!(": {error}"))?;
            fits(&shape[WITHIN], &value).map_err(|error| format!(" >{error}"))
        }
        (Json::Object(shape), Json::Object(value)) => object_fits(shape, value),
        (Json::Array(shape), Json::Array(values)) => {
            values.iter().enumerate().try_for_each(|(place, value)| {
                fits(&shape[0], value).map_err(|error| format!("[{place}]{error}"))
            })
        }
        (Json::String(kind), value) => text_fits(kind, value),
        (Json::Null, value) if value.as_str() == Some("") => Ok(()),
        (shape, value) => Err(format!(": {value} is not {shape}")),
    }
}

fn object_fits(shape: &Map<String, Json>, value: &Map<String, Json>) -> Result<(), String> {
    for (name, shape) in shape {
        let plain = name.trim_end_matches('?');
        match value.get(plain) {
            Some(value) => fits(shape, value).map_err(|error| format!("/{plain}{error}"))?,
            None if plain == name => return Err(format!("/{name} is missing")),
            None => {}
        }
    }
    let known = |name: &str| shape.keys().any(|known| known.trim_end_matches('?') == name);
    match value.keys().find(|name| !known(name)) {
        Some(unknown) => Err(format!("/{unknown} is not documented")),
        None => Ok(()),
    }
}

fn text_fits(kind: &str, value: &Json) -> Result<(), String> {
    let (kind, nullable) = match kind.strip_suffix('?') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let text = value.as_str();
    let fits = match kind {
        "text" => text.is_some(),
        "flag" => value.is_boolean(),
        "number" => value.is_i64(),
        "moment" => text.is_some_and(|text| text.parse::<model::Timestamp>().is_ok()),
        "duration" => text.is_some_and(|text| text.parse::<model::SignedDuration>().is_ok()),
        "any" => true,
        // One of several words, or several of them.
        words if words.contains('|') => {
            text.is_some_and(|text| text.split(", ").all(|text| words.split('|').any(|word| word == text)))
        }
        "json" => text.is_some_and(|text| serde_json::from_str::<Json>(text).is_ok()),
        other => panic!("no such type: {other}"),
    };
    if fits || (nullable && value.is_null()) { Ok(()) } else { Err(format!(": {value} is not {kind}")) }
}

/// An answer of one resource.
fn entity(mut shape: Json) -> Json {
    shape["@odata.context"] = json!("text");
    shape
}

/// An answer of a collection.
fn collection(shape: &Json) -> Json {
    json!({"@odata.context": "text", "value": [shape]})
}

fn job() -> Json {
    json!({
        "id": "text", "templateId": "text",
        "schedule": {"expiration": "moment?", "interval": "duration", "state": "Active|Disabled|Paused"},
        "status": {
            "countSuccessiveCompleteFailures": "number", "escrowsPruned": "flag",
            "synchronizedEntryCountByType": [{"key": "text", "value": "number"}],
            "code": "NotConfigured|NotRun|Active|Paused|Quarantine",
            "lastExecution": "any?", "lastSuccessfulExecution": "any?", "lastSuccessfulExecutionWithExports": "any?",
            "progress": "any", "quarantine": "any?", "steadyStateFirstAchievedTime": "moment",
            "steadyStateLastAchievedTime": "moment", "troubleshootingUrl": "text?",
        },
        "synchronizationJobSettings": [{"name": "text", "value": "text"}],
    })
}

fn template() -> Json {
    json!({
        "id": "text", "applicationId": "text", "default": "flag", "description": "text?", "discoverable": "flag",
        "factoryTag": "text", "metadata": [{"key": "text", "value": "text?"}], "schema?": "any",
    })
}

fn directory() -> Json {
    let attribute = json!({
        "name": "text", "anchor": "flag", "apiExpressions?": "any", "caseExact": "flag", "defaultValue?": "text?",
        "flowNullValues?": "flag", "metadata": [{"key": "text", "value": "text"}], "multivalued": "flag",
        "mutability": "ReadWrite|ReadOnly|Immutable|WriteOnly", "referencedObjects": "any", "required": "flag",
        "type": "String|Integer|Reference|Binary|Boolean|DateTime",
    });
    json!({
        "id": "text?", "name": "text", "discoverabilities?":
            "None|AttributeNames|AttributeDataTypes|AttributeReadOnly|ReferenceAttributes",
        "discoveryDateTime?": "moment?", "version?": "text?", "readOnly?": "flag",
        "objects": [{"name": "text", "metadata": "any", "supportedApis?": "any", "attributes": [attribute]}],
    })
}

fn source() -> Json {
    json!({"expression": "text", "name": "text?", "type": "Attribute|Constant|Function", "parameters": "any"})
}

fn schema() -> Json {
    let mapping = json!({
        "defaultValue?": "text?", "exportMissingReferences": "flag", "flowBehavior": "FlowWhenChanged|FlowAlways",
        "flowType": "Always|ObjectAddOnly|MultiValueAddOnly|ValueAddOnly|AttributeAddOnly",
        "matchingPriority": "number", "source": source(), "targetAttributeName": "text",
    });
    let object = json!({
        "enabled": "flag", "flowTypes": "Add|Update|Delete", "metadata": "any", "name": "text?", "scope": "any?",
        "sourceObjectName": "text", "targetObjectName": "text", "attributeMappings": [mapping],
    });
    json!({
        "id": "text", "version?": "text", "directories": [directory()],
        "synchronizationRules": [{
            "id": "text", "name": "text", "priority": "number", "editable": "flag", "metadata": "any",
            "sourceDirectoryName": "text", "targetDirectoryName": "text", "objectMappings": [object],
            "containerFilter?": "any", "groupFilter?": "any",
        }],
    })
}

/// What a source attribute, a constant or a function call looks like after it was parsed, one level deep.
fn parsed() -> Json {
    json!({
        "error": "any?", "parsingSucceeded": "flag", "evaluationSucceeded": "flag", "evaluationResult": ["text"],
        "parsedExpression": {
            "expression": "text", "name": "text", "type": "Attribute|Constant|Function",
            "parameters": [{"key": "text", "value": source()}],
        },
    })
}

/// What the log says of an object, as on-demand provisioning tells it.
fn summary() -> Json {
    let identity = json!({"id?": "text?", "type?": "text?", "displayName?": "text?", "details?": "any?"});
    let system = json!({"id?": "text?", "name": "text", "details?": "any?"});
    json!({
        "action": "text", "changeId": "text", "startTime": "moment", "endTime": "moment",
        // The members that were asked for with a group; the reference leaves its answer out.
        "linkedObjects?": "any",
        "reportableIdentifier": "text?",
        "modifiedProperties": [{"displayName": "text", "oldValue?": "text?", "newValue?": "text?"}],
        "provisioningSteps": [{
            "name": "text", "type": "Import|Scoping|Matching|Processing|Export|ReferenceResolution",
            "status": "Success|Warning|Failure|Skipped", "description": "text", "timestamp": "moment", "details": "any?",
        }],
        "statusInfo": {
            "status": "Success|Warning|Failure|Skipped", "errorCode?": "text?", "reason?": "text?",
            "additionalDetails?": "text?", "errorCategory?": "text?", "recommendedAction?": "text?",
        },
        "sourceIdentity": identity, "sourceSystem": system, "targetIdentity": identity, "targetSystem": system,
    })
}

/// A schema that spells types as the reference's examples do, and has groups beside users.
fn spelled() -> Json {
    let mut schema = super::rig::schema();
    let object = |name: &str, title: &str, referenced: &str| {
        json!({"name": name, "attributes": [
            {"name": "id", "anchor": true}, {"name": title},
            {"name": "members", "type": "Reference", "multivalued": true, "referencedObjects": [{"referencedObjectName": referenced}]},
        ]})
    };
    for (at, object) in [(0, object("Group", "displayName", "User")), (1, object("team", "name", "account"))]
    {
        schema["directories"][at]["objects"].as_array_mut().unwrap().push(object);
    }
    let mapping = |target: &str, source: &str, matching: u8| {
        let source = json!({"expression": format!("[{source}]"), "type": "Attribute", "name": source, "parameters": []});
        json!({"targetAttributeName": target, "matchingPriority": matching, "source": source})
    };
    let groups = json!({
        "name": "Groups", "enabled": true, "flowTypes": "Add, Update", "sourceObjectName": "Group",
        "targetObjectName": "team",
        "attributeMappings": [mapping("name", "displayName", 1), mapping("members", "members", 0)],
    });
    schema["synchronizationRules"][0]["objectMappings"].as_array_mut().unwrap().push(groups);
    let text = schema.to_string().replace("\"Boolean\"", "\"boolean\"");
    serde_json::from_str(&text).unwrap()
}

fn credentials() -> Json {
    json!([{"key": "BaseAddress", "value": "memory"}, {"key": "SecretToken", "value": GOOD}])
}

/// An object of an Active Directory, as an example names it.
const DN: &str = "CN=AdeleV,CN=Users,DC=corp,DC=chicago,DC=com";

/// Every page of the reference with every example of it, in an order in which one can follow the other.
#[expect(clippy::too_many_lines, reason = "a table")]
fn pages() -> Vec<Example> {
    let example = |page, method, path, body, status, shape| Example {
        page,
        method,
        path,
        body,
        status,
        shape,
        beta: false,
    };
    let function = json!({
        "id": "text", "name": "text", "description": "text",
        "parameters": [{
            "allowMultipleOccurrences": "flag", "name": "text", "required": "flag",
            "type": "String|Integer|Reference|Binary|Boolean|DateTime",
        }],
    });
    let operator = json!({
        "id": "text", "name": "text", "arity": "Binary|Unary", "multivaluedComparisonType": "All|Any",
        "supportedAttributeTypes": ["String|Integer|Reference|Binary|Boolean|DateTime"],
    });
    let connection = json!({
        "objectId": "text", "sourceAnchor": "text", "targetAnchor": "text", "displayName": "text?",
        "objectTypeName": "text",
    });
    let result = json!({"result": "Success|Failure|Skipped|Warning", "details": "any"});
    let pair = json!({"key": {WITHIN: result}, "value": {WITHIN: summary()}});
    let secret = json!({"key": "text", "value": "text?"});
    let nothing = Json::Null;
    let none = || Json::Null;
    let on_demand = |subject: Json| json!({"parameters": [{"ruleId": "{rule}", "subjects": [subject]}]});
    let member = |id: &str| json!({"objectId": id, "objectTypeName": "User"});
    let team = json!({
        "objectId": "crew", "objectTypeName": "Group", "links": {"members": [member("{user}"), member("eve")]},
    });
    let criteria = json!({"criteria": {"resetScope": "Watermark, Escrows, QuarantineState"}});
    let expression = json!({
        "expression": "Replace([preferredLanguage], \"-\", , , \"_\", ,  )", "targetAttributeDefinition": null,
        "testInputObject": {"definition": null, "properties": [
            {"key": "preferredLanguage", "value": "EN-US"},
            {"key": "appRoleAssignments", "value@odata.type": "#Collection(String)", "value": ["Default Assignment"]},
        ]},
    });
    let whole = json!({"templateId": "test", "credentials": credentials(), "useSavedCredentials": false});
    let mut secrets = json!({"value": credentials()});
    secrets["value"].as_array_mut().unwrap().extend([
        json!({"key": "SyncNotificationSettings", "value": "{\"Enabled\":false,\"DeleteThresholdEnabled\":false}"}),
        json!({"key": "SyncAll", "value": "true"}),
    ]);
    let mut examples = vec![
        example(
            "synchronization-serviceprincipal-put-synchronization",
            "PUT",
            "/secrets",
            secrets,
            204,
            none(),
        ),
        example(
            "synchronization-serviceprincipal-put-synchronization",
            "GET",
            "/secrets",
            none(),
            200,
            collection(&secret),
        ),
        example(
            "synchronization-synchronization-list-templates",
            "GET",
            "/templates",
            none(),
            200,
            collection(&template()),
        ),
        example(
            "synchronization-synchronizationtemplate-get",
            "GET",
            "/templates/test",
            none(),
            200,
            entity(template()),
        ),
        example(
            "synchronization-synchronizationtemplate-update",
            "PUT",
            "{application}/templates/test",
            json!({"id": "test", "applicationId": "{application}", "factoryTag": "CustomSCIM"}),
            204,
            none(),
        ),
        example(
            "synchronization-synchronization-post-jobs",
            "POST",
            "/jobs",
            json!({"templateId": "test"}),
            201,
            entity(job()),
        ),
        example(
            "synchronization-synchronization-list-jobs",
            "GET",
            "/jobs/",
            none(),
            200,
            collection(&job()),
        ),
        example("synchronization-synchronizationjob-get", "GET", "/jobs/{job}/", none(), 200, entity(job())),
        example(
            "synchronization-synchronizationjob-validatecredentials",
            "POST",
            "/jobs/{job}/validateCredentials",
            json!({"credentials": credentials()}),
            204,
            none(),
        ),
        example(
            "synchronization-synchronizationjob-validatecredentials",
            "POST",
            "/jobs/validateCredentials",
            whole,
            204,
            none(),
        ),
        example(
            "synchronization-synchronizationschema-get",
            "GET",
            "/jobs/{job}/schema",
            none(),
            200,
            entity(schema()),
        ),
        example(
            "synchronization-synchronizationschema-get",
            "GET",
            "/templates/test/schema",
            none(),
            200,
            entity(schema()),
        ),
        example(
            "synchronization-synchronizationschema-get",
            "GET",
            "{application}/templates/test/schema",
            none(),
            200,
            entity(schema()),
        ),
        example(
            "synchronization-synchronizationschema-update",
            "PUT",
            "/jobs/{job}/schema",
            spelled(),
            204,
            none(),
        ),
        example(
            "synchronization-synchronizationschema-update",
            "PUT",
            "{application}/templates/test/schema",
            spelled(),
            204,
            none(),
        ),
        example(
            "synchronization-synchronizationjob-provisionondemand",
            "POST",
            "/jobs/{job}/provisionOnDemand",
            on_demand(member("{user}")),
            200,
            entity(pair.clone()),
        ),
        example(
            "synchronization-synchronizationjob-provisionondemand",
            "POST",
            "/jobs/{job}/provisionOnDemand",
            on_demand(json!({"objectId": DN, "objectTypeName": "user"})),
            200,
            entity(pair.clone()),
        ),
        example(
            "synchronization-synchronizationjob-provisionondemand",
            "POST",
            "/jobs/{job}/provisionOnDemand",
            on_demand(team),
            200,
            entity(pair),
        ),
        example(
            "synchronization-synchronizationschema-delete",
            "DELETE",
            "/jobs/{job}/schema",
            none(),
            204,
            none(),
        ),
        example(
            "synchronization-synchronizationschema-filteroperators",
            "GET",
            "/jobs/{job}/schema/filterOperators",
            none(),
            200,
            collection(&operator),
        ),
        example(
            "synchronization-synchronizationschema-filteroperators",
            "GET",
            "{application}/templates/test/schema/filterOperators",
            none(),
            200,
            collection(&operator),
        ),
        example(
            "synchronization-synchronizationschema-functions",
            "GET",
            "/jobs/{job}/schema/functions",
            none(),
            200,
            collection(&function),
        ),
        example(
            "synchronization-synchronizationschema-functions",
            "GET",
            "/templates/test/schema/functions",
            none(),
            200,
            collection(&function),
        ),
        example(
            "synchronization-synchronizationschema-parseexpression",
            "POST",
            "/jobs/{job}/schema/parseExpression",
            expression.clone(),
            200,
            entity(parsed()),
        ),
        example(
            "synchronization-synchronizationschema-parseexpression",
            "POST",
            "/templates/test/schema/parseExpression",
            expression,
            200,
            entity(parsed()),
        ),
        example(
            "synchronization-directorydefinition-discover",
            "POST",
            "/jobs/{job}/schema/directories/app/discover",
            none(),
            200,
            entity(directory()),
        ),
        example(
            "synchronization-objectconnection-get",
            "GET",
            "/jobs/{job}/objectConnections/{user}",
            none(),
            200,
            entity(connection),
        ),
        example("synchronization-synchronizationjob-start", "POST", "/jobs/{job}/start", none(), 204, none()),
        example(
            "synchronization-synchronizationjob-restart",
            "POST",
            "/jobs/{job}/restart",
            criteria,
            204,
            none(),
        ),
        example("synchronization-synchronizationjob-pause", "POST", "/jobs/{job}/pause", none(), 204, none()),
        example(
            "synchronization-objectconnection-delete",
            "DELETE",
            "/jobs/{job}/objectConnections/{user}",
            none(),
            204,
            none(),
        ),
        example("synchronization-synchronizationjob-delete", "DELETE", "/jobs/{job}", none(), 204, nothing),
    ];
    for example in &mut examples {
        example.beta = example.page.contains("objectconnection");
    }
    examples
}

/// Replays the pages one after another in a version.
async fn replay(version: &str) -> Vec<String> {
    let rig = Rig::new().await;
    for name in ["ada", "eve", DN] {
        rig.source.upsert(user(name));
    }
    rig.source.upsert(Object::new("Group", "crew").with("displayName", "Crew"));
    rig.source.add_member("crew", "ada");
    rig.source.add_member("crew", "eve");
    let mut id = "none".to_owned();
    let mut wrong = Vec::new();
    for example in pages() {
        if example.beta && version != "beta" {
            continue;
        }
        let filled = |text: &str| {
            text.replace("{job}", &id)
                .replace("{rule}", "rule")
                .replace("{user}", "ada")
                .replace("{application}", &rig.application)
        };
        let path = match example.path.strip_prefix("{application}") {
            Some(rest) => {
                format!("/{version}/applications/{}/synchronization{}", rig.application, filled(rest))
            }
            None => format!(
                "/{version}/servicePrincipals/{}/synchronization{}",
                rig.principal,
                filled(example.path)
            ),
        };
        let body: Json = serde_json::from_str(&filled(&example.body.to_string())).unwrap();
        let Answer { status, body, .. } = rig.world.send(example.method, &path, &[], &body).await;
        if status != example.status {
            wrong.push(format!("{}: {} {path} gives {status}: {body}", example.page, example.method));
            continue;
        }
        if let Err(error) = fits(&example.shape, &body) {
            wrong.push(format!("{}: {} {path}: {error}", example.page, example.method));
        }
        if example.page.ends_with("post-jobs") {
            body["id"].as_str().unwrap().clone_into(&mut id);
        }
    }
    wrong
}

#[tokio::test]
async fn the_examples_of_the_reference_are_answered_as_documented() {
    for version in ["v1.0", "beta"] {
        let wrong = replay(version).await;
        assert!(wrong.is_empty(), "{version}: {wrong:#?}");
    }
}

#[test]
fn a_shape_is_exact() {
    let shape = json!({"id": "text", "count": "number?", "more?": [{"a": "A|B"}]});
    for good in [json!({"id": "x", "count": null}), json!({"id": "x", "count": 1, "more": [{"a": "A, B"}]})] {
        assert_eq!(fits(&shape, &good), Ok(()));
    }
    for bad in [
        json!({"id": "x"}),
        json!({"id": null, "count": 1}),
        json!({"id": "x", "count": "1"}),
        json!({"id": "x", "count": 1, "more": [{"a": "C"}]}),
        json!({"id": "x", "count": 1, "further": 1}),
    ] {
        assert!(fits(&shape, &bad).is_err(), "{bad}");
    }
}
