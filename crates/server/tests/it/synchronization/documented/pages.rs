//! The pages about the synchronization API with their examples, in an order in which one can follow the other.

use serde_json::{Value as Json, json};

use super::shapes::{
    collection, connection, directory, discovered, entity, function, job, on_demand, operator, parsed,
    schema, secret, template,
};
use crate::synchronization::rig::{self, GOOD};

/// An object of an Active Directory, as an example names it.
pub(super) const DN: &str = "CN=AdeleV,CN=Users,DC=corp,DC=chicago,DC=com";

/// A page of the reference, which has it for each version.
pub(super) struct Page {
    pub(super) name: &'static str,
    /// True for what only beta has.
    pub(super) beta: bool,
    pub(super) examples: Vec<Example>,
}

/// A request with what it is answered.
pub(super) struct Example {
    pub(super) method: &'static str,
    /// Below the version. `{own}` stands for the synchronization of the service principal, `{application}` for that of
    /// the application; `{appId}`, `{job}`, `{rule}` and `{user}` for ids.
    pub(super) path: String,
    pub(super) body: Json,
    pub(super) status: u16,
    /// The answer; null for an empty body.
    pub(super) shape: Json,
}

fn page(name: &'static str) -> Page {
    Page { name, beta: false, examples: Vec::new() }
}

impl Page {
    fn gives(mut self, method: &'static str, path: &str, body: Json, status: u16, shape: Json) -> Self {
        self.examples.push(Example { method, path: path.to_owned(), body, status, shape });
        self
    }

    fn get(self, path: &str, shape: Json) -> Self {
        self.gives("GET", path, Json::Null, 200, shape)
    }

    fn post(self, path: &str, body: Json, shape: Json) -> Self {
        self.gives("POST", path, body, 200, shape)
    }

    /// What is answered with 204 and no body.
    fn done(self, method: &'static str, path: &str, body: Json) -> Self {
        self.gives(method, path, body, 204, Json::Null)
    }

    fn in_beta(mut self) -> Self {
        self.beta = true;
        self
    }
}

/// Every page, but those about `bulkUpload` and `acquireAccessToken` and those of the logs.
pub(super) fn pages() -> Vec<Page> {
    let mut pages = templates();
    pages.extend(jobs());
    pages.extend(schemas());
    pages.extend(provisioning());
    pages.extend(language());
    pages.extend(control());
    pages
}

fn credentials() -> Json {
    json!([{"key": "BaseAddress", "value": "memory"}, {"key": "SecretToken", "value": GOOD}])
}

/// What can be set up before there is a job.
fn templates() -> Vec<Page> {
    let mut secrets = json!({"value": credentials()});
    secrets["value"].as_array_mut().unwrap().extend([
        json!({"key": "SyncNotificationSettings", "value": "{\"Enabled\":false,\"DeleteThresholdEnabled\":false}"}),
        json!({"key": "SyncAll", "value": "false"}),
    ]);
    let changed = json!({"id": "test", "applicationId": "{applicationId}", "factoryTag": "CustomSCIM"});
    vec![
        page("synchronization-serviceprincipal-put-synchronization")
            .done("PUT", "{own}/secrets", secrets)
            .get("{own}/secrets", collection(&secret())),
        page("synchronization-synchronization-list-templates")
            .get("{own}/templates", collection(&template()))
            .get("{application}/templates", collection(&template())),
        page("synchronization-synchronizationtemplate-get")
            .get("{own}/templates/test", entity(template()))
            .get("{application}/templates/test", entity(template())),
        page("synchronization-synchronizationtemplate-update")
            .done("PUT", "{application}/templates/test", changed.clone())
            .done("PATCH", "{application}/templates/test", changed),
    ]
}

fn jobs() -> Vec<Page> {
    let found =
        json!({"@odata.context": "text", "value": [{"id": "guid", "appId": "guid", "displayName": "text"}]});
    let select = "servicePrincipals?$select=id,appId,displayName";
    let saved = json!({"credentials": [], "useSavedCredentials": true});
    let whole = json!({"templateId": "test", "credentials": credentials(), "useSavedCredentials": false});
    vec![
        page("synchronization-synchronization-post-jobs").gives(
            "POST",
            "{own}/jobs",
            json!({"templateId": "test"}),
            201,
            entity(job()),
        ),
        page("synchronization-synchronization-list-jobs").get("{own}/jobs/", collection(&job())),
        page("synchronization-synchronizationjob-get").get("{own}/jobs/{job}/", entity(job())),
        page("synchronization-overview")
            .get(&format!("{select}&$filter=startswith(displayName, 'target')"), found.clone())
            .get(&format!("{select}&$filter=AppId eq '{{appId}}'"), found)
            .get("{own}/jobs", collection(&job()))
            .get("{own}/jobs/{job}", entity(job()))
            .get("{own}/jobs/{job}/schema", entity(schema())),
        page("synchronization-synchronizationjob-validatecredentials")
            .done("POST", "{own}/jobs/{job}/validateCredentials", json!({"credentials": credentials()}))
            .done("POST", "{own}/jobs/{job}/validateCredentials", saved)
            .done("POST", "{own}/jobs/validateCredentials", whole),
    ]
}

fn schemas() -> Vec<Page> {
    let (of_job, of_template) = ("{own}/jobs/{job}/schema", "{application}/templates/test/schema");
    vec![
        page("synchronization-synchronizationschema-get")
            .get(of_job, entity(schema()))
            .get("{own}/templates/test/schema", entity(schema()))
            .get(of_template, entity(schema())),
        page("synchronization-configure-with-custom-target-attributes")
            .done("PUT", of_job, customized())
            .get(of_job, entity(schema())),
        page("synchronization-synchronizationschema-update").done("PUT", of_job, spelled()).done(
            "PUT",
            of_template,
            spelled(),
        ),
        page("synchronization-directorydefinition-discover").post(
            "{own}/jobs/{job}/schema/directories/app/discover",
            Json::Null,
            entity(discovered()),
        ),
        // The builders of the SDKs have this beside `discover`.
        page("synchronization-directorydefinition")
            .get("{own}/jobs/{job}/schema/directories", collection(&directory())),
    ]
}

fn provisioning() -> Vec<Page> {
    let asked = |subject: Json| json!({"parameters": [{"ruleId": "{rule}", "subjects": [subject]}]});
    let member = |id: &str| json!({"objectId": id, "objectTypeName": "User"});
    let team = json!({
        "objectId": "crew", "objectTypeName": "Group", "links": {"members": [member("{user}"), member("eve")]},
    });
    let path = "{own}/jobs/{job}/provisionOnDemand";
    let person = json!({"objectId": DN, "objectTypeName": "user"});
    vec![
        page("synchronization-synchronizationjob-provisionondemand")
            .post(path, asked(member("{user}")), entity(on_demand()))
            .post(path, asked(person), entity(on_demand()))
            .post(path, asked(team), entity(on_demand())),
        page("synchronization-synchronizationschema-delete")
            .done("DELETE", "{own}/jobs/{job}/schema", Json::Null)
            .done("DELETE", "{application}/templates/test/schema", Json::Null),
    ]
}

/// What is the same of every schema: of a job, of a template, and of a template under its application.
fn language() -> Vec<Page> {
    let [of_job, of_template, of_application] =
        ["{own}/jobs/{job}/schema", "{own}/templates/test/schema", "{application}/templates/test/schema"];
    let (operators, functions, parse) = ("filterOperators", "functions", "parseExpression");
    let asked = expression("Replace([preferredLanguage], \"-\", , , \"_\", ,  )");
    let wrong = expression("Replace([preferredLanguage], \"-\"");
    vec![
        page("synchronization-synchronizationschema-filteroperators")
            .get(&format!("{of_job}/{operators}"), collection(&operator()))
            .get(&format!("{of_template}/{operators}"), collection(&operator()))
            .get(&format!("{of_application}/{operators}"), collection(&operator())),
        page("synchronization-synchronizationschema-functions")
            .get(&format!("{of_job}/{functions}"), collection(&function()))
            .get(&format!("{of_template}/{functions}"), collection(&function()))
            .get(&format!("{of_application}/{functions}"), collection(&function())),
        page("synchronization-synchronizationschema-parseexpression")
            .post(&format!("{of_job}/{parse}"), asked.clone(), entity(parsed()))
            .post(&format!("{of_template}/{parse}"), asked, entity(parsed()))
            .post(&format!("{of_job}/{parse}"), wrong, entity(parsed())),
    ]
}

fn control() -> Vec<Page> {
    let criteria = json!({"criteria": {"resetScope": "Watermark, Escrows, QuarantineState"}});
    let connected = "{own}/jobs/{job}/objectConnections/{user}";
    let by_app_id = "servicePrincipals(appId='{appId}')/synchronization/jobs/{job}/restart";
    vec![
        page("synchronization-objectconnection-get").get(connected, entity(connection())).in_beta(),
        page("synchronization-synchronizationjob-start").done("POST", "{own}/jobs/{job}/start", Json::Null),
        page("synchronization-synchronizationjob-restart")
            .done("POST", "{own}/jobs/{job}/restart", criteria.clone())
            .done("POST", by_app_id, criteria),
        page("synchronization-synchronizationjob-pause").done("POST", "{own}/jobs/{job}/pause", Json::Null),
        page("synchronization-objectconnection-delete").done("DELETE", connected, Json::Null).in_beta(),
        page("synchronization-synchronizationjob-delete").done("DELETE", "{own}/jobs/{job}/", Json::Null),
    ]
}

/// A schema that spells types as the reference's examples do, and has groups beside users.
fn spelled() -> Json {
    let mut schema = rig::schema();
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

/// A schema with an attribute of the target's own, written as short as the page about them writes it, and with a scope.
fn customized() -> Json {
    let mut schema = rig::schema();
    let target = &mut schema["directories"][1]["objects"][0]["attributes"];
    target.as_array_mut().unwrap().push(json!({"name": "officeCode", "type": "String"}));
    let source = json!({"name": "mail", "type": "Attribute"});
    let mapping = &mut schema["synchronizationRules"][0]["objectMappings"][0];
    let short = json!({"source": source, "targetAttributeName": "officeCode"});
    mapping["attributeMappings"].as_array_mut().unwrap().push(short);
    let clause = json!({
        "operatorName": "EQUALS", "sourceOperandName": "mail", "targetOperand": {"values": ["ada@example.com"]},
    });
    let unary = json!({"operatorName": "IS NOT NULL", "sourceOperandName": "login", "targetOperand": null});
    mapping["scope"] = json!({
        "groups": [{"name": "Mailboxes", "clauses": [clause, unary]}], "categoryFilterGroups": [],
        "inputFilterGroups": [],
    });
    schema
}

/// The body of `parseExpression` with an object of all the attributes that the example has.
fn expression(text: &str) -> Json {
    let names = [
        "objectId",
        "streetAddress",
        "city",
        "state",
        "postalCode",
        "country",
        "department",
        "displayName",
        "givenName",
        "jobTitle",
        "mail",
        "mailNickname",
        "manager",
        "mobile",
        "onPremisesSecurityIdentifier",
        "passwordProfile.password",
        "physicalDeliveryOfficeName",
        "proxyAddresses",
        "surname",
        "telephoneNumber",
        "userPrincipalName",
    ];
    let mut properties: Vec<Json> = names.iter().map(|name| json!({"key": name, "value": ""})).collect();
    properties
        .extend((1..=15).map(|at| json!({"key": format!("extensionAttribute{at}"), "value": "Sample"})));
    properties.extend([
        json!({"key": "IsSoftDeleted", "value": "false"}),
        json!({"key": "accountEnabled", "value": "true"}),
        json!({"key": "preferredLanguage", "value": "EN-US"}),
        json!({"key": "appRoleAssignments", "value@odata.type": "#Collection(String)", "value": ["Default Assignment"]}),
    ]);
    json!({
        "expression": text, "targetAttributeDefinition": null,
        "testInputObject": {"definition": null, "properties": properties},
    })
}
