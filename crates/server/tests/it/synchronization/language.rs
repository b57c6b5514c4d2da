use serde_json::{Value as Json, json};

use super::rig::Rig;

/// The operators that the documentation of scoping filters has, by name.
const OPERATORS: [&str; 16] = [
    "!&",
    "&",
    "ENDS_WITH",
    "EQUALS",
    "Greater_Than",
    "Greater_Than_OR_EQUALS",
    "IN",
    "IS FALSE",
    "IS NOT NULL",
    "IS NULL",
    "IS TRUE",
    "Includes",
    "IsMemberOf",
    "NOT EQUALS",
    "NOT REGEX MATCH",
    "REGEX MATCH",
];

#[tokio::test]
async fn functions_and_operators_are_told() {
    let (rig, job) = Rig::with_job().await;
    for schema in [format!("{job}/schema"), format!("{}/templates/test/schema", rig.path)] {
        for form in ["functions", "functions()", "microsoft.graph.functions()"] {
            let page = rig.world.get(&format!("{schema}/{form}")).await.expect(200);
            let all = page["value"].as_array().unwrap();
            let join = all.iter().find(|one| one["name"] == "Join").unwrap();
            assert_eq!(
                join["parameters"],
                json!([
                    {"name": "separator", "type": "String", "required": true, "allowMultipleOccurrences": false},
                    {"name": "source", "type": "String", "required": true, "allowMultipleOccurrences": true},
                ])
            );
        }
        // Clients build trees from these keys, so they are those of trees.
        let page = rig.world.get(&format!("{schema}/functions?$filter=name eq 'IIF'")).await.expect(200);
        let keys: Vec<&Json> =
            page["value"][0]["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(keys, ["one", "two", "three", "four", "five"]);
        let page =
            rig.world.get(&format!("{schema}/filterOperators()?$filter=name eq 'IS TRUE'")).await.expect(200);
        assert_eq!(
            page["value"],
            json!([{
                "id": "IS TRUE", "name": "IS TRUE", "arity": "Unary", "multivaluedComparisonType": "All",
                "supportedAttributeTypes": ["Boolean"],
            }])
        );
        let page = rig.world.get(&format!("{schema}/filterOperators")).await.expect(200);
        let mut names: Vec<&str> =
            page["value"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, OPERATORS);
    }
    let nowhere = format!("{}/jobs/none/schema/functions", rig.path);
    rig.world.get(&nowhere).await.refused(404, "Request_ResourceNotFound");
}

async fn parse(rig: &Rig, job: &str, body: Json) -> Json {
    rig.world.post(&format!("{job}/schema/parseExpression"), body).await.expect(200)
}

#[tokio::test]
async fn an_expression_is_parsed_and_evaluated() {
    let (rig, job) = Rig::with_job().await;
    let answer = parse(&rig, &job, json!({"expression": "Join(\".\",[given],  [sur])"})).await;
    assert_eq!((&answer["parsingSucceeded"], &answer["evaluationSucceeded"]), (&json!(true), &json!(false)));
    assert_eq!((&answer["error"], &answer["evaluationResult"]), (&Json::Null, &json!([])));
    let parsed = &answer["parsedExpression"];
    assert_eq!((&parsed["type"], &parsed["name"]), (&json!("Function"), &json!("Join")));
    assert_eq!(
        parsed["parameters"][1],
        json!({
            "key": "source", "value": {"type": "Attribute", "name": "given", "expression": "[given]", "parameters": []},
        })
    );

    let object = json!({
        "@odata.type": "#microsoft.graph.expressionInputObject",
        "properties": [{"key": "given", "value": "Ada"}, {"key": "sur", "value": "Lovelace"}, {"key": "on", "value": true}],
    });
    let evaluated = async |expression: &str| {
        parse(&rig, &job, json!({"expression": expression, "testInputObject": object})).await
    };
    let answer = evaluated("Join(\".\", [given], [sur])").await;
    assert_eq!(
        (&answer["evaluationSucceeded"], &answer["evaluationResult"]),
        (&json!(true), &json!(["Ada.Lovelace"]))
    );
    assert_eq!(evaluated("[nobody]").await["evaluationResult"], json!([]));
    assert_eq!(evaluated("Split([given], \"d\")").await["evaluationResult"], json!(["A", "a"]));
    let tenant = format!("{}.example", crate::world::TENANT.simple());
    assert_eq!(evaluated("DefaultDomain()").await["evaluationResult"], json!([tenant]));

    let answer = evaluated("%DomainFQDN%").await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("no setting DomainFQDN"), "{answer}");
    let settings = json!({"synchronizationJobSettings": [{"name": "DomainFQDN", "value": "corp.example"}]});
    rig.world.patch(&job, settings).await.expect(204);
    assert_eq!(evaluated("%DomainFQDN%").await["evaluationResult"], json!(["corp.example"]));
}

#[tokio::test]
async fn a_wrong_expression_is_an_answer() {
    let (rig, job) = Rig::with_job().await;
    let object = json!({
        "definition": {"name": "User", "attributes": [{"name": "given", "type": "String"}]},
        "properties": [{"key": "given", "value": "Ada"}],
    });
    for (body, words) in [
        (json!({"expression": "Jion(\".\", [given])"}), "did you mean Join?"),
        (json!({"expression": "ToLower("}), "expected"),
        (json!({"expression": "[givn]", "testInputObject": object}), "given"),
    ] {
        let answer = parse(&rig, &job, body).await;
        assert_eq!(
            (&answer["parsingSucceeded"], &answer["evaluationSucceeded"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(answer["error"]["target"], "expression");
        assert!(answer["error"]["message"].as_str().unwrap().contains(words), "{answer}");
    }
    let body = json!({"expression": "Error(\"no name\")", "testInputObject": {"properties": []}});
    let answer = parse(&rig, &job, body).await;
    assert_eq!((&answer["parsingSucceeded"], &answer["evaluationSucceeded"]), (&json!(true), &json!(false)));
    assert!(answer["error"]["message"].as_str().unwrap().contains("no name"), "{answer}");
    let body = json!({
        "expression": "Split(\"a b\", \" \")", "testInputObject": {},
        "targetAttributeDefinition": {"name": "nick", "multivalued": false},
    });
    assert_eq!(parse(&rig, &job, body).await["error"]["code"], "SchemaPropertyCanOnlyAcceptValue");
    let answer = parse(&rig, &job, json!({"expression": ""})).await;
    assert_eq!(answer["parsingSucceeded"], false);
    let path = format!("{job}/schema/parseExpression");
    rig.world.post(&path, json!({})).await.refused(400, "Request_BadRequest");
    rig.world.post(&path, json!({"expresion": "x"})).await.refused(400, "Request_BadRequest");
}

#[tokio::test]
async fn all_mistakes_of_an_expression_are_told() {
    let (rig, job) = Rig::with_job().await;
    let object = json!({"definition": {"name": "User", "attributes": [
        {"name": "given", "type": "String"}, {"name": "age", "type": "Integer"}]}});
    let answer =
        parse(&rig, &job, json!({"expression": "Join([a], [givn], Not(\"x\"))", "testInputObject": object}))
            .await;
    let details = answer["error"]["details"].as_array().unwrap();
    let words: Vec<&str> = details.iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].starts_with("character 6: ") && words[1].starts_with("character 11: "), "{words:?}");
    assert!(words[1].contains("did you mean [given]?"), "{words:?}");
    assert_eq!(answer["error"]["code"], "InvalidExpression");

    let fit = async |expression: &str, kind: &str| {
        let body = json!({
            "expression": expression, "testInputObject": object,
            "targetAttributeDefinition": {"name": "on", "type": kind},
        });
        parse(&rig, &job, body).await
    };
    let answer = fit("[age]", "Boolean").await;
    assert_eq!((&answer["parsingSucceeded"], &answer["parsedExpression"]), (&json!(false), &Json::Null));
    assert_eq!(answer["error"]["target"], "targetAttributeDefinition");
    assert!(answer["error"]["message"].as_str().unwrap().contains("CBool"), "{answer}");
    let answer = fit("Append(\"a\", \"b\")", "Integer").await;
    assert_eq!((&answer["parsingSucceeded"], &answer["evaluationSucceeded"]), (&json!(true), &json!(false)));
    assert!(answer["error"]["message"].as_str().unwrap().contains("'ab'"), "{answer}");
    assert_eq!(fit("Append(\"1\", \"2\")", "Integer").await["evaluationResult"], json!(["12"]));
    // A broken constant is found without an object, and by evaluation with one.
    let text = "Replace([age], , \"(\", , \"x\", , )";
    let answer = parse(&rig, &job, json!({"expression": text})).await;
    assert_eq!((&answer["parsingSucceeded"], &answer["evaluationSucceeded"]), (&json!(false), &json!(false)));
    let answer = parse(&rig, &job, json!({"expression": text, "testInputObject": object})).await;
    assert_eq!((&answer["parsingSucceeded"], &answer["evaluationSucceeded"]), (&json!(true), &json!(false)));
    assert!(answer["error"]["message"].as_str().unwrap().contains("unclosed group"), "{answer}");
}

#[tokio::test]
async fn test_values_come_as_clients_send_them() {
    let (rig, job) = Rig::with_job().await;
    // As the documentation of the service shows it.
    let object = json!({"definition": null, "properties": [
        {"key": "preferredLanguage", "value": "EN-US"},
        {"key": "appRoleAssignments", "value@odata.type": "#Collection(String)", "value": ["Default Assignment"]},
        {"key": "proxyAddresses", "value": ["a", "b"]},
        {"key": "count", "value": 3},
        {"key": "none", "value": null},
    ]});
    let evaluated = async |expression: &str| {
        parse(
            &rig,
            &job,
            json!({"expression": expression, "targetAttributeDefinition": null, "testInputObject": object}),
        )
        .await
    };
    let answer = evaluated("Replace([preferredLanguage], \"-\", , , \"_\", ,  )").await;
    assert_eq!((&answer["error"], &answer["evaluationResult"]), (&Json::Null, &json!(["EN_US"])));
    assert_eq!(
        answer["parsedExpression"],
        json!({
            "expression": "Replace([preferredLanguage], \"-\", , , \"_\", , )", "name": "Replace", "type": "Function",
            "parameters": [
                {"key": "source", "value": {"expression": "[preferredLanguage]", "name": "preferredLanguage",
                    "parameters": [], "type": "Attribute"}},
                {"key": "Find", "value": {"expression": "\"-\"", "name": "-", "parameters": [], "type": "Constant"}},
                {"key": "Replacement", "value": {"expression": "\"_\"", "name": "_", "parameters": [],
                    "type": "Constant"}},
            ],
        })
    );
    for (expression, values) in [
        ("SingleAppRoleAssignment([appRoleAssignments])", json!(["Default Assignment"])),
        ("[proxyAddresses]", json!(["a", "b"])),
        ("BitAnd([count], 2)", json!(["2"])),
        ("Coalesce([none], \"x\")", json!(["x"])),
        ("Redact([count])", json!(["3"])),
    ] {
        let answer = evaluated(expression).await;
        assert_eq!(answer["evaluationResult"], values, "{expression}: {answer}");
    }
    let body = json!({"expression": "Now()", "testInputObject": {"properties": null}});
    assert_eq!(parse(&rig, &job, body).await["evaluationSucceeded"], true);
}
